# a cosignature is made over the root of another size
# file: replica/checkpoints.c
# test: test_sim seeds_pass*
s/^\tstruct digest root = root_at(replica, kept->size);/\tstruct digest root = root_at(replica, kept->size - 1);/
