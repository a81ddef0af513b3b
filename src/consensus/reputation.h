/* Reputation: who may lead. Counted from committed blocks alone, so all members come to the same
 * schedule at the same commit. docs/ledger.md, "Leaders". */
#ifndef TALLY_CONSENSUS_REPUTATION_H
#define TALLY_CONSENSUS_REPUTATION_H

#include "consensus/linearizer.h"
#include "consensus/schedule.h"

enum { REPUTATION_COMMITS = 64 }; /* a new schedule every so many commits */

struct reputation {
	uint16_t members, away;
	uint32_t punctual[BLOCK_MEMBERS_MAX]; /* committed leaders that stand on their block of the round before, since the last schedule */
	bool lied[BLOCK_MEMBERS_MAX];      /* two blocks of one slot were committed: leads no more in this epoch */
	struct schedule schedule;          /* for the rounds after the last commit's */
	bool changed;                      /* set with the schedule; whoever puts it in force clears it */
};

/* away: how many members may be away for ever. */
void reputation_init(struct reputation *reputation, uint16_t members, uint16_t away);

/* Count the linearizer's last commit, that of `leader`. */
void reputation_commit(struct reputation *reputation, const struct dag *dag, uint32_t leader, const struct linearizer *linearizer);

#endif
