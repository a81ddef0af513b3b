# whose blocks are pruned is never told
# file: replica/catchup.c
# test: test_sim seeds_pass*
s/history_end_send(replica, peer, number, HISTORY_GONE);/(void)number;/
