# f+1 members begin the next epoch
# file: record/epoch.c
# test: test_epoch a_quorum*
s|return faults_quorum(members->member_count, genesis_faults(members));|return faults_belief(members->member_count, FAULTS_STRICT);|
