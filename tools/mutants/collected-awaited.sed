# who waits for a collected block waits for ever
# file: intake.c
# test: test_consensus storms*
/waiting_collect(/d
