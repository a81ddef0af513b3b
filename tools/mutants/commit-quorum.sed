# a commit with one certificate too few
# file: committer.c
# test: test_committer *
s/certificates_count(dag, id) >= dag->quorum/certificates_count(dag, id) + 1 >= dag->quorum/
