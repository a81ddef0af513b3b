# who is proven a liar leads on
# file: reputation.c
# test: test_consensus an_equivocator*
s/^			schedule_remove(&reputation->schedule, author);//
