# an author may have more waiting blocks than its share
# file: waiting.c
# test: test_waiting shares*
s/waiting->blocks_of\[payer\] >= waiting->blocks_max/waiting->blocks_of[payer] > waiting->blocks_max/
