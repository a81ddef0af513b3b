# the last entry of an epoch counts for the next one
# file: record/epoch.c
# test: test_epoch a_size*
s/log_size >= size)/log_size > size)/
