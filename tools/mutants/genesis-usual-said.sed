# a setting that is as usual may be said: one genesis in two forms
# file: record/genesis.c
# test: test_checkpoint settings_have*
s/count == 0 || settings_count(&settings) != count/count == 0/
