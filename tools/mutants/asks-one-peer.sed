# a missing block is always asked of the same peer
# file: waiting.c
# test: test_waiting missing_blocks*
s/(uint32_t)want->named_by + want->attempts + i/(uint32_t)want->named_by + i/
