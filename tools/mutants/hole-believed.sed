# what lies behind a hole is believed
# file: replica/damaged.c
# test: test_replica_damaged a_lost_verdict*
s/	replica->damaged = true;//
