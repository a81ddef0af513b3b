# after one answer nothing more is asked for, although more is there
# file: talk.c
# test: test_absence catch*
s/if (brought \&\& sync_lacks/if (false \&\& sync_lacks/
