# whoever waits at a member that is removed gets no answer
# file: replica/epochs.c
# test: test_replica_epochs who_waits*
s/		submissions_end(replica);/		(void)replica;/
