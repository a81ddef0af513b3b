# behind a hole, own blocks of an epoch that is not reached yet are passed over
# file: replica/damaged.c
# test: test_own_chain blocks_of*
s/if (!is_ours(replica, block) ||/if (block->round > 0 || !is_ours(replica, block) ||/
