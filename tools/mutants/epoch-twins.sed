# history leaves out the twins that blocks wait for
# file: replica/catchup.c
# test: test_twins a_twin_of*
s/if (named.position != DAG_NOWHERE/if (false/
