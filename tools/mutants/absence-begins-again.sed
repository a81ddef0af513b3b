# who catches up asks from where some other member's absence began
# file: talk.c
# test: test_absence *
s/if (message.rounds\[author\] < machine->dag.gc_round)/if (false)/
