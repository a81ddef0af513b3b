# the anchor is one round too near
# file: committer.c
# test: test_committer *
s/round + 3/round + 2/g
