# what others built on finds no room when its author has filled its share
# file: waiting.c
# test: test_waiting wanted_blocks*
s/shares\[arrival->block->author\] |= !want;/memset(shares, 0, sizeof shares), shares[arrival->block->author] = true;/
