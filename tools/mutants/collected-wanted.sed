# a collected ancestor counts as missing
# file: dag.c
# test: test_consensus storms*
s/return ref->round <= dag->gc_round || /return /
