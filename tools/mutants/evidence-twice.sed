# a lie is proven as often as it is said
# file: ledger/rules.c
# test: test_sim seeds*
s/	if (map_get(&e->ledger->lies,/	if (false \&\& map_get(\&e->ledger->lies,/
