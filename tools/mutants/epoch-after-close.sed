# commits after the last one of an epoch are applied
# file: replica/replica.c
# test: test_sim seeds_pass*
s/== CONSENSUS_COMMIT \&\& !replica->closing)/== CONSENSUS_COMMIT)/
