# the anchor may be one round too near
# file: committer.c
# test: test_committer *
s/round + 3 < highest \&\& slot_of(committer, round + 3)/round + 2 < highest \&\& slot_of(committer, round + 2)/;s/anchor_round = round + 3;/anchor_round = round + 2;/
