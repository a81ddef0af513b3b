# what stands behind a hole says that nothing is missing
# file: replica/settled.c
# test: test_crash_mode damaged*
s/replica->damaged || //
