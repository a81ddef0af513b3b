# twins that are no longer in memory are given to nobody
# file: talk.c
# test: test_consensus a_twin*
/fetch_from_disk(machine, peer, message);/d
