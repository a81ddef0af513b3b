/* Schedule: which member leads which round. One leader a round; leader(r) = members[r mod count].
 * It begins as the round robin of all members and changes at commits (reputation.h).
 * docs/ledger.md, "Leaders". */
#ifndef TALLY_CONSENSUS_SCHEDULE_H
#define TALLY_CONSENSUS_SCHEDULE_H

#include "consensus/block.h"

struct schedule {
	uint16_t members[BLOCK_MEMBERS_MAX];
	uint16_t count;
};

static inline struct schedule schedule_round_robin(uint16_t members)
{
	struct schedule schedule = {.count = members};
	for (uint16_t i = 0; i < members; i++)
		schedule.members[i] = i;
	return schedule;
}

static inline uint16_t schedule_leader(const struct schedule *schedule, uint32_t round)
{
	return schedule->members[round % schedule->count];
}

#endif
