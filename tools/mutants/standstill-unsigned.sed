# what was final before a silence never gets a checkpoint
# file: replica/checkpoints.c
# test: test_sim seeds_pass*
s/if (now_ms >= checkpoints_due(replica))/if (now_ms < 0)/
