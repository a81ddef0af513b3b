# rounds without an own block
# file: pacemaker.h
# test: test_consensus a_slow_member*
s/PACEMAKER_JUMP = 60,/PACEMAKER_JUMP = 1,/
