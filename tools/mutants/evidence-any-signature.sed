# any signature under a header convicts
# file: ledger/evidence.c
# test: test_sim seeds*
/^static enum status header_verify/,/^}/s/	return status;/	return OK;/
