# an open round is passed over
# file: committer.c
# test: test_committer *
s/if (slot->decision == DECISION_OPEN)/if (slot->decision == DECISION_OPEN \&\& committer->count - committer->head < 3)/
