# the own newest block is forgotten when it is collected
# file: dag.c
# test: test_consensus a_member_away*
s/dag->tips\[author\] = dag_tip(dag, author);/;/
