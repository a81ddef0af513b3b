# a record from elsewhere is entered unseen
# file: ledger/governance.c
# test: test_governance a_record*
s/	bool same = span_equal(buffer_span(&own), record);/	bool same = true;/
