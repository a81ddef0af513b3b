# the leader timer starts when work comes, not when the round begins
# file: pacemaker.c
# test: test_waiting without_work*
s/if (pacemaker->entered_round != round) {/if (pacemaker->entered_round != round \&\& verdict.wanted) {/
