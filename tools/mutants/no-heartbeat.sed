# idle members say nothing
# file: pacemaker.c
# test: test_consensus an_idle_cluster_only*
s/view->now_ms >= heartbeat_ms || //
