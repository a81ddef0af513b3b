# who is idle does not follow who went on
# file: pacemaker.c
# test: test_waiting without_work*
s/ || dag_highest_round(view->dag) > view->own_round;/;/
