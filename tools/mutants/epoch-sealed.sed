# entries behind the last record are applied twice
# file: replica/epochs.c
# test: test_sim seeds_pass*
s/	if (!sealed)/	if (false)/
