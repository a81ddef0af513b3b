# consensus is told a wrong position of a stored block
# file: replica/step.c
# test: test_sim seeds_pass*
s/^\treturn position;/\treturn position + 1;/
