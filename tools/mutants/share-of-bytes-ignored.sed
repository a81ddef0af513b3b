# a share of waiting blocks is bounded by their number alone
# file: waiting.c
# test: test_flood *
s/ || waiting->bytes_of\[payer\] + size > WAITING_BYTES_MAX//
