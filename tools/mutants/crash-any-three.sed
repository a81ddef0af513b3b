# two of three sign the next epoch, whatever the founders chose
# file: record/genesis.c
# test: test_epoch two_of_three*
s|faults_of(members->member_count, members->settings.crash)|faults_of(members->member_count, true)|
