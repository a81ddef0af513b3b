# f+1 members begin the next epoch
# file: record/epoch.c
# test: test_epoch a_quorum*
s|member_count \* 2 / 3 + 1|member_count / 3 + 1|
