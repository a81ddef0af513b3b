# others do not wake for a block with transactions
# file: propose.c
# test: test_consensus an_idle_cluster_wakes*
s/if (!(block->flags \& DAG_COMMITTED) \&\& !orphan)/if (false \&\& !orphan)/
