/* Rank: what at least one honest member says, when up to f others may say anything. */
#ifndef TALLY_CONSENSUS_RANK_H
#define TALLY_CONSENSUS_RANK_H

#include "consensus/block.h"

/* The rank-th highest of `count` values, rank from 1; 0 when there are fewer. */
static inline uint64_t rank_highest(const uint64_t *values, uint32_t count, uint32_t rank)
{
	uint64_t sorted[BLOCK_MEMBERS_MAX]; /* descending */
	if (rank > count)
		return 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = i;
		for (; at > 0 && sorted[at - 1] < values[i]; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = values[i];
	}
	return sorted[rank - 1];
}

#endif
