# a removed organisation goes on speaking through what it registered
# file: ledger/examination.c
# test: test_governance whoever*
s/e->issuer->owner ? e->issuer->owner : e->issuer;/e->issuer;/
