# a file of the chain may say something else about an epoch that is known
# file: record/epoch.c
# test: test_epoch a_chain_grows*
s/return span_equal(epochs->items\[number\].record, record) ? OK/return record.size ? OK/
