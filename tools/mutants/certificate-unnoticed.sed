# a new certificate does not make its round look again
# file: committer.c
# test: test_committer *
s/back <= 2 \&\& back < round/back <= 1 \&\& back < round/
