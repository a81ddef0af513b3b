/* Tip: finding the own highest block again on every start, so that no slot is filled twice even
 * when the disk lost its tail, was restored or is new. docs/ledger.md, "Recovery". */
#ifndef TALLY_CONSENSUS_TIP_H
#define TALLY_CONSENSUS_TIP_H

#include "consensus/validity.h"

enum {
	TIP_RETRY_MS = 1000,
	TIP_GRACE_MS = 2000,   /* a disk without own blocks: time for the answers beyond the quorum */
};

struct tip {
	uint16_t members;
	enum faults faults;
	bool known;            /* enough members have answered */
	bool answered[BLOCK_MEMBERS_MAX];
	uint16_t answers;
	uint64_t number;       /* of this start's requests: older answers do not count */
	uint32_t highest;      /* of the own blocks seen, accepted or not */
	bool continued;        /* no own block can have been lost */
	bool doubted;          /* the own disk may have lost own blocks after the highest */
	bool recovered;        /* the own disk held an own block, and no doubt is left; FAULTS_CRASH: it is `continued` */
	int64_t request_ms;    /* when to ask again */
	int64_t quorum_ms;     /* when enough had answered; -1 before */
};

void tip_init(struct tip *tip, uint16_t members, enum faults faults);
void tip_start(struct tip *tip, uint64_t number, int64_t now_ms);
void tip_answered(struct tip *tip, uint16_t peer, int64_t now_ms);
/* Sets `known`; returns when to look again. */
int64_t tip_check(struct tip *tip, int64_t now_ms);

static inline void tip_seen(struct tip *tip, uint32_t round)
{
	if (round > tip->highest)
		tip->highest = round;
}

#endif
