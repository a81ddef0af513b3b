# L1 is missing
# file: pacemaker.c
# test: test_waiting the_own_block*
s/if (reachable \&\& dag_slot/if (false \&\& reachable \&\& dag_slot/
