# only the last of an author twins can blame
# file: committer.c
# test: test_committer *
s/blame |= !votes_for;/blame = !votes_for;/
