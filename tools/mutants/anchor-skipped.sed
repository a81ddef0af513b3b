# a skipped round taken for the anchor
# file: committer.c
# test: test_committer *
s/slot_of(committer, round + 3, rank)->decision != DECISION_SKIP/true/
