# L2 is missing
# file: pacemaker.c
# test: test_waiting a_decision*
s/return round <= 2 || decision_in_sight(view, round);/return true;/
