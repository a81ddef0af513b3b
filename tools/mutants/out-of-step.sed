# members do not keep in step
# file: pacemaker.c
# test: test_waiting members_keep_in_step
s/bool in_step = .*;/bool in_step = false;/
