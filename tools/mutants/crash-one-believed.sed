# one signature is enough for an outsider where one may be away
# file: record/note.c
# test: test_epoch two_of_three*
s|faults_belief(members->member_count, genesis_faults(members))|note_tolerated(members) + 1|
