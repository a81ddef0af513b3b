# a restart takes the log for shorter than it is
# file: replica/replica.c
# test: test_sim seeds_pass*
s/replica->log_end = event->position + LOG_FRAME_OVERHEAD + event->bytes.size;/replica->log_end = event->position;/
