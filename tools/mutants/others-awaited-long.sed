# the other leaders are waited for as long as the first
# file: pacemaker.c
# test: test_waiting the_other_leaders*
s/view->now_ms >= courtesy_ms ||/view->now_ms >= latest_ms ||/
