# checkpoints of all times are judged by the newest members
# file: record/note.c
# test: test_trust a_checkpoint*
s/= epochs_of_size(trust->epochs, out->checkpoint.size);/= epochs_newest(trust->epochs);/
