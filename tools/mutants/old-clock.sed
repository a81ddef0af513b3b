# a quorum of a round takes everybody to the next one
# file: pacemaker.c
# test: test_round_jump members*
s/^	return view->own_round + 1;/	return quorum_round > view->own_round ? quorum_round + 1 : view->own_round + 1;/
