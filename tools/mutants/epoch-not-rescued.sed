# statements under way are lost at the end of an epoch
# file: replica/epochs.c
# test: test_sim seeds_pass*
s/	bodies_take_own(&replica->bodies, epoch_now(replica)->own, &replica->again);//;s/	consensus_drain(replica->consensus, &replica->again);//
