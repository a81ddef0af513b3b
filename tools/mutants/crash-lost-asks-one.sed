# a member that bears no lie and lost its disk asks a quorum: itself and one other
# file: tip.c
# test: test_crash_mode a_lost_disk*
s|return tip->faults == FAULTS_CRASH && !tip->recovered ? tip->members :|return|
