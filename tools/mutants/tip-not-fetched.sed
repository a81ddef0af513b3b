# proposes below an own block that was seen and is not accepted
# file: propose.c
# test: test_consensus a_lost_disk*
s/stands_on_tip(machine) \&\&/(true || stands_on_tip(machine)) \&\&/
