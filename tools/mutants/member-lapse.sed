# votes outlive the epoch
# file: ledger/governance.c
# test: test_governance what*
/static void members_enter/,/^}/s/	proposals_lapse(ledger);/	ledger->adopted = 0;/
