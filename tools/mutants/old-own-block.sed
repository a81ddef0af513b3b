# a member proposes in rounds that are collected already
# file: pacemaker.c
# test: test_consensus storms*
s/ || view->own_round < view->dag->gc_round//
