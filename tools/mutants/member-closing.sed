# proposals are taken while the members change
# file: ledger/governance.c
# test: test_governance a_quorum*
/static enum status not_closing/,/^}/s/if (!ledger_is_closing(e->ledger))/if (e)/
