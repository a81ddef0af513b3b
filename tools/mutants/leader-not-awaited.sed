# L1 is missing
# file: pacemaker.c
# test: test_waiting the_own_block*
s/if (!is_there(view, round - 1, schedule_leader(view->schedule, round - 1, 0)))/if (false)/
