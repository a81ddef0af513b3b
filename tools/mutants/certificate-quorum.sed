# a certificate with one vote too few
# file: committer.c
# test: test_committer *
s/return votes >= dag->quorum;/return votes + 1 >= dag->quorum;/
