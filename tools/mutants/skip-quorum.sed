# a skip with one blame too few
# file: committer.c
# test: test_committer *
s/if (blames < dag->quorum)/if (blames + 1 < dag->quorum)/
