# own blocks that others gave back pass for a disk that was never lost
# file: tip.c
# test: test_crash_mode a_lost_disk*
s|(tip->highest > 0 \&\& tip->faults != FAULTS_CRASH)|tip->highest > 0|
