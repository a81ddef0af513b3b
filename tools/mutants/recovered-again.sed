# blocks from the own disk are stored once more
# file: intake.c
# test: test_consensus recovery_gives*
s/accept_one(machine, \&(struct accepted){\&block, bytes, position, twin});/accept_one(machine, \&(struct accepted){\&block, bytes, DAG_NOWHERE, twin});/
