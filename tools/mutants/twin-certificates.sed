# certificates counted by block, not by author
# file: committer.c
# test: test_committer *
s/certifies |= committer_certifies(dag, id, leader);/count += committer_certifies(dag, id, leader);/
