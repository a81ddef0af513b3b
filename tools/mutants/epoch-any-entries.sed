# staged entries are not compared with the record
# file: replica/catchup.c
# test: test_sim seeds_pass*
s/if (!digest_equal(&root, &record->log_root))/if (false)/
