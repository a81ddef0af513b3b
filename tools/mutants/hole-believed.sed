# what lies behind a hole is believed
# file: replica/damaged.c
# test: test_sim seeds*
s/	replica->damaged = true;//
