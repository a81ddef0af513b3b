# one member that hurries makes all hurry
# file: pacemaker.c
# test: test_waiting members_keep_in_step
s/dag_authors(view->dag, round) > faults_liars/dag_authors(view->dag, round) >= faults_liars/
