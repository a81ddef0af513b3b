# a commit may be earlier than the one before
# file: linearizer.c
# test: test_committer *
s/if (median > linearizer->timestamp_ms)/if (median > 0)/
