# a restart does not count again who leads
# file: intake.c
# test: test_pitfalls a_crash*
s/^	committer_schedule_set(/	if (machine->started) committer_schedule_set(/
