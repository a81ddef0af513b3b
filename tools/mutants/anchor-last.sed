# of a round's places the last is the anchor
# file: committer.c
# test: test_committer *
s/uint16_t rank = places; round + 3 < highest \&\& rank-- > 0;/uint16_t rank = 0; round + 3 < highest \&\& rank < places; rank++/
