# what is final is told before its block is stored
# file: replica/replica.c
# test: test_sim seeds_pass*
s/^\tstep_rotate(replica, before, told);/\t(void)told, (void)before;/
