# nothing is ever collected
# file: consensus.c
# test: test_consensus memory*
s/if (dag->gc_round + 1 < dag->floor + MACHINE_COLLECT_ROUNDS)/if (dag->floor == 0)/
