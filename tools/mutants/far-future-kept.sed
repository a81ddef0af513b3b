# rounds far ahead are kept
# file: intake.c
# test: test_intake the_far_future*
s/machine->config.rounds_ahead_max) {/UINT32_MAX \/ 2) {/
