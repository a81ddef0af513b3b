# twins have no order
# file: block.c
# test: test_committer *
s/return memcmp(a->digest.bytes, b->digest.bytes, DIGEST_SIZE);/return 0;/
