# C3 is missing
# file: pacemaker.c
# test: test_waiting rounds_have*
s/if (dag_authors(view->dag, round) >= view->dag->quorum) {/if (false) {/
