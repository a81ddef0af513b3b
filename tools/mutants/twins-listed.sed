# both blocks of a slot count
# file: linearizer.c
# test: test_committer *
s/items\[i\].left_out = slot_is_listed(dag, items\[i\].ref.round, items\[i\].ref.author);/items[i].left_out = false;/
