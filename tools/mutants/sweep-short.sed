# the history of the anchor ends one round early
# file: committer.c
# test: test_committer *
s/history_sweep(committer, dag, anchor, round + 2);/history_sweep(committer, dag, anchor, round + 3);/
