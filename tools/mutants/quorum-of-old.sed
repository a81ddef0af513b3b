# a quorum of ancestors of any round is enough
# file: validity.c
# test: test_block each_rule*
s/previous += block->ancestors\[i\].round == block->round - 1;/previous++;/
