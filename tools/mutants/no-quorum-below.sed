# a block without a quorum of the round before
# file: pacemaker.c
# test: test_waiting the_own_block*
s/if (dag_authors(view->dag, round - 1) < view->dag->quorum)/if (dag_authors(view->dag, round - 1) + 1 < view->dag->quorum)/
