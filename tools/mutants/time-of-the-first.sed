# the lowest time instead of the median
# file: linearizer.c
# test: test_committer *
s/return times\[(count - 1) \/ 2\];/return times[0];/
