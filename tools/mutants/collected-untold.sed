# blocks that were collected are not told, so what they carried is lost
# file: consensus.c
# test: test_consensus storms*
s/if (dag->blocks\[id\].flags & DAG_COMMITTED)/if (dag->blocks[id].round > 0)/
