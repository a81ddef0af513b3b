# who comes late leads on
# file: reputation.c
# test: test_consensus who_is_late*
s/ \&\& dag->blocks\[ancestor\].round + 1 == block->round//
