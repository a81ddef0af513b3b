# a certificate outside the anchor history counts
# file: committer.c
# test: test_committer *
s/ \&\& committer->marks\[id\] == committer->stamp \&\& committer_certifies/ \&\& committer_certifies/
