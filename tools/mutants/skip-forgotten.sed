# a block of the slot with votes does not prevent the skip
# file: committer.c
# test: test_committer *
s/^\t\t\tskip = false;/\t\t\t(void)skip;/
