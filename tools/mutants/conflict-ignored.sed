# two certified leaders and it goes on
# file: committer.c
# test: test_committer *
s/committer->conflict |= skip;/(void)0;/
