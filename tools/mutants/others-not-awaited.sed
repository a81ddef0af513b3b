# only the first leader is waited for
# file: pacemaker.c
# test: test_waiting the_other_leaders*
s/bool complete = .*/bool complete = true;/
