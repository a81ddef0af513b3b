# a rebase removes own blocks of the epoch that it reaches
# file: replica/damaged.c
# test: test_own_chain blocks_of_the_epoch*
s/if (replica->later\[i\].epoch >= epoch)/if (replica->later[i].epoch > epoch)/
