# an answer whose end came first has brought nothing
# file: sync.c
# test: test_absence catching_up*
s/author != peer \&\& sync->fruitless > 0/false/
