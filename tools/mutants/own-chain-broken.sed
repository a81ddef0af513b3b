# who waits for an own block that nobody has is silent for ever
# file: intake.c
# test: test_own_chain a_chain*
/^	own_tip_keep(machine);$/d
