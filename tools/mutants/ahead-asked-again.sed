# what was verified ahead is verified again at the commit
# file: replica/commit.c
# test: test_replica_ahead nothing_is_verified*
s/if (applied->verified || /if (/
