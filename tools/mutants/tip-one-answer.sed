# one answer is enough to know the own tip
# file: tip.c
# test: test_waiting the_tip*
s/tip->answers + 1 >= validity_quorum(tip->members)/tip->answers >= 1/
