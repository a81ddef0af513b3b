# who gives no votes leads on
# file: reputation.c
# test: test_consensus a_leader_without*
s/standings\[i\].merit \* 2 < best/false/
