# a decision under the old schedule survives the change
# file: committer.c
# test: test_committer *
s/committer->count = committer->head = 0;/(void)0;/
