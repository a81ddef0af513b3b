# only the last of an author twins can vote
# file: committer.c
# test: test_committer *
s/vote |= votes_for;/vote = votes_for;/
