# one round too many is collected
# file: linearizer.c
# test: test_committer *
s/ref.round - linearizer->gc_depth;/ref.round - linearizer->gc_depth + 1;/
