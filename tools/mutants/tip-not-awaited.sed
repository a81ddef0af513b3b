# proposes before the own tip is known
# file: propose.c
# test: test_consensus nothing_is_proposed*
s/return machine->tip.known \&\& /return /
