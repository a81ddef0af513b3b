# history leaves out the twins that blocks wait for
# file: replica/catchup.c
# test: test_sim twins_of_past*
s/if (named.position != DAG_NOWHERE/if (false/
