# who disconnected is still waited for
# file: sync.c
# test: test_absence catch*
/^void sync_peer_down/,/^}/s/sync->from = SYNC_NOBODY;/(void)0;/
