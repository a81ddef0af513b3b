# who is proven a liar leads on
# file: reputation.c
# test: test_consensus an_equivocator*
s/liar_replace(reputation, author);//
