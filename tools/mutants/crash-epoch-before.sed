# at the beginning of an epoch the word of the epoch before does not count
# file: replica/settled.c
# test: test_crash_mode epochs_end*
s|number + 1 < epoch_number|number < epoch_number|
