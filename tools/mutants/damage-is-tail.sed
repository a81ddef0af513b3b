# damage in the middle is cut off like a torn end
# file: store/log.c
# test: test_store *
/^bool log_tail_is_torn/,/^}/s/== bytes.size;/<= bytes.size;/
