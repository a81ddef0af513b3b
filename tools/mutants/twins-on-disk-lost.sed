# twins that are no longer in memory are given to nobody
# file: talk.c
# test: test_twins a_collected*
/fetch_from_disk(machine, peer, message);/d
