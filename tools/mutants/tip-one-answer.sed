# one answer is enough to know the own tip
# file: tip.c
# test: test_waiting the_tip*
s/tip->answers + 1u >= answers_needed(tip)/tip->answers >= 1/
