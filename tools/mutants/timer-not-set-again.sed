# a step that made an own block sets no timer
# file: consensus.c
# test: test_pitfalls timers*
s/^	output_timer(&machine->output,/	if (machine->pacemaker.proposed_ms != machine->steady_ms) output_timer(\&machine->output,/
