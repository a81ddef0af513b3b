/* Validity: whether a block may ever be accepted. A pure function of the block's bytes and of
 * what all members of the network agree on; time and local state only delay or drop, elsewhere.
 * Signature and body are checked by the caller. docs/ledger.md, "Validity". */
#ifndef TALLY_CONSENSUS_VALIDITY_H
#define TALLY_CONSENSUS_VALIDITY_H

#include "base/faults.h"
#include "consensus/block.h"

/* So that sums of rounds cannot wrap. */
#define BLOCK_ROUND_MAX (UINT32_MAX - 1024)

/* Blocks later than this (year 12,000) are nonsense, and sums of times cannot wrap. */
#define BLOCK_TIMESTAMP_MAX UINT64_C(316000000000000)

struct validity {
	uint16_t members;
	enum faults faults;
	uint8_t network[BLOCK_NETWORK_SIZE];
	uint64_t epoch;
	uint32_t gc_depth; /* 0: ancestors may be of any age */
	struct digest genesis[BLOCK_MEMBERS_MAX];
};

/* Q. */
static inline uint16_t validity_quorum(const struct validity *validity)
{
	return (uint16_t)faults_quorum(validity->members, validity->faults);
}

/* f. */
static inline uint16_t validity_faulty_max(uint16_t members)
{
	return (uint16_t)faults_liars(members);
}

struct validity validity_of(uint16_t members, enum faults faults, const uint8_t network[BLOCK_NETWORK_SIZE], uint64_t epoch,
	const struct digest *genesis, uint32_t gc_depth);

/* OK, E_NETWORK (another network or epoch) or E_MALFORMED. */
MUST_USE enum status validity_check(const struct validity *validity, const struct block *block, struct fault *fault);

#endif
