# a new schedule is not used
# file: intake.c
# test: test_consensus a_leader_without*
/committer_schedule_set(/d
