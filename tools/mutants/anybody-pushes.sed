# a block is taken from whoever brings it
# file: intake.c
# test: test_intake pushed_blocks*
s/if (known->credit == 0)/if (false)/
