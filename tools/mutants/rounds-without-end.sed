# there is no greatest round
# file: validity.c
# test: test_block limits*
s/ || block->round > BLOCK_ROUND_MAX//
