# blocks that come late are never committed
# file: linearizer.c
# test: test_committer *
s/block->round <= dag->gc_round/block->round + 3 < dag->blocks[leader].round/
