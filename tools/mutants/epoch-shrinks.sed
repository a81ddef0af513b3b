# an epoch may begin with a smaller log than the one before
# file: record/epoch.c
# test: test_epoch what_does*
s/ || next->log_size < before->log_size//
