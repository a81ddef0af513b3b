/* Reputation: who may lead. Counted from committed blocks alone, so all members come to the same
 * schedule at the same commit. docs/ledger.md, "Leaders". */
#ifndef TALLY_CONSENSUS_REPUTATION_H
#define TALLY_CONSENSUS_REPUTATION_H

#include "consensus/linearizer.h"
#include "consensus/schedule.h"

enum { REPUTATION_COMMITS = 64 }; /* a new schedule every so many commits */

struct reputation {
	uint16_t members, away;
	uint32_t votes[BLOCK_MEMBERS_MAX]; /* for committed leaders, since the last schedule */
	bool lied[BLOCK_MEMBERS_MAX];      /* two blocks of one slot were committed: never leads again */
	struct schedule schedule;          /* in force */
};

/* away: how many members may be away for ever. */
void reputation_init(struct reputation *reputation, uint16_t members, uint16_t away);

/* Count the linearizer's last commit. True when `schedule` is a new one, for the rounds after that
 * commit's leader. */
bool reputation_commit(struct reputation *reputation, const struct dag *dag, const struct linearizer *linearizer);

#endif
