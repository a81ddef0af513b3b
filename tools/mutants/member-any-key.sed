# a newcomer may use a key of another member
# file: ledger/governance.c
# test: test_governance what*
s/|| genesis_members_share_key(&newcomer, other)//
