# the log does not say that it has all own blocks
# file: replica/settled.c
# test: test_crash_mode epochs_end*
s|step_append(replica, REPLICA_FRAME_SETTLED, step_keep(replica, &bytes));|buffer_free(\&bytes);|
