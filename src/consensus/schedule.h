/* Schedule: which members lead which round. A round has places for some leaders, in order; the one at
 * `rank` is of members[(round + rank) mod count]. The schedule begins as the round robin of all
 * members and changes between rounds (reputation.h). docs/ledger.md, "Leaders". */
#ifndef TALLY_CONSENSUS_SCHEDULE_H
#define TALLY_CONSENSUS_SCHEDULE_H

#include "consensus/block.h"

struct schedule {
	uint16_t members[BLOCK_MEMBERS_MAX]; /* nobody twice */
	uint16_t count;
};

static inline struct schedule schedule_round_robin(uint16_t members)
{
	struct schedule schedule = {.count = members};
	for (uint16_t i = 0; i < members; i++)
		schedule.members[i] = i;
	return schedule;
}

/* rank < count */
static inline uint16_t schedule_leader(const struct schedule *schedule, uint32_t round, uint16_t rank)
{
	return schedule->members[(round + rank) % schedule->count];
}

static inline bool schedule_has(const struct schedule *schedule, uint16_t member)
{
	for (uint16_t i = 0; i < schedule->count; i++)
		if (schedule->members[i] == member)
			return true;
	return false;
}

#endif
