# proposes below an own block that was seen and is not accepted
# file: propose.c
# test: test_consensus a_lost_disk*
s/machine->dag.newest\[machine->config.own\] == machine->tip.highest \&\&/true \&\&/
