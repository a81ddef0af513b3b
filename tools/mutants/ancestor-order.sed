# an author may be named twice
# file: validity.c
# test: test_block each_rule*
s/ancestor->author <= block->ancestors\[i - 1\].author/ancestor->author < block->ancestors[i - 1].author/
