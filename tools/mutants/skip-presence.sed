# a skip before a quorum reached the next round
# file: committer.c
# test: test_committer *
s/bool skip = dag_authors(dag, round + 1) >= dag->quorum;/bool skip = dag_authors(dag, round + 1) + 1 >= dag->quorum;/
