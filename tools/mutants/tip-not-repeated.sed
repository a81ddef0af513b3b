# who connects is not sent the own last block, which it may have lost
# file: talk.c
# test: test_pitfalls who_connects*
/^void talk_peer_up/,/^}/s/own_tip_send(machine, peer);/(void)0;/
