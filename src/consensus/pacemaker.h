/* Pacemaker: when the own block of the next round is made. A member makes its own block in
 * every round (no jumping ahead of its own blocks), goes at once when a quorum is ahead, else
 * when the previous leader's block and a decision on the one before are in sight, else after a
 * timeout; and makes none at all when there is nothing to do. docs/ledger.md, "Pacemaker". */
#ifndef TALLY_CONSENSUS_PACEMAKER_H
#define TALLY_CONSENSUS_PACEMAKER_H

#include "consensus/dag.h"
#include "consensus/schedule.h"

enum {
	PACEMAKER_JUMP = 60,            /* rounds behind a quorum after which missing own blocks are left out */
	PACEMAKER_TIMEOUT_MAX_MS = 10000,
	PACEMAKER_NUDGE_MS = 400,       /* without progress: repeat the own last block; doubles ... */
	PACEMAKER_NUDGE_MAX_MS = 5000,  /* ... up to this */
};

#define PACEMAKER_NEVER INT64_MAX

struct pacemaker {
	uint32_t round_delay_ms;
	uint32_t leader_timeout_ms;
	uint32_t heartbeat_ms;
	uint32_t entered_round;
	int64_t entered_ms;
	int64_t proposed_ms;            /* when the own last block was made */
	uint32_t timeouts_in_row;       /* since the last commit */
	uint64_t timeouts;
	int64_t nudge_ms;
	int64_t nudge_delay_ms;
};

struct pacemaker_view {
	const struct dag *dag;
	const struct schedule *schedule;
	uint16_t leaders;               /* a round has, at most schedule->count */
	uint16_t own;
	uint32_t own_round;             /* of the own last block */
	const bool *up;                 /* [members]: connected peers */
	bool work;                      /* own transactions wait, or blocks with some are not committed */
	int64_t now_ms;                 /* of a clock that never goes back */
};

struct pacemaker_verdict {
	bool propose;
	bool wanted;                    /* there is a reason to propose, be it possible or not */
	uint32_t round;
	int64_t wake_ms;                /* when to look again if nothing comes */
};

void pacemaker_init(struct pacemaker *pacemaker, uint32_t round_delay_ms, uint32_t leader_timeout_ms,
	uint32_t heartbeat_ms, int64_t now_ms);

struct pacemaker_verdict pacemaker_check(struct pacemaker *pacemaker, const struct pacemaker_view *view);

void pacemaker_proposed(struct pacemaker *pacemaker, int64_t now_ms);
void pacemaker_committed(struct pacemaker *pacemaker);

/* True when the own last block should be repeated to everybody: wanted, but no progress. */
bool pacemaker_nudge(struct pacemaker *pacemaker, bool wanted, int64_t now_ms);

/* Rule C1 for a block of `round`: the first leaders of the two rounds before. */
bool pacemaker_leaders_ready(const struct pacemaker_view *view, uint32_t round);

#endif
