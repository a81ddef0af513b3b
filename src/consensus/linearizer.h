/* Linearizer: gives the blocks of each committed leader's history their place in the one order,
 * and chains the commits. docs/ledger.md, "Order". */
#ifndef TALLY_CONSENSUS_LINEARIZER_H
#define TALLY_CONSENSUS_LINEARIZER_H

#include "consensus/dag.h"

struct linearizer_item {
	struct block_ref ref;
	uint32_t id;
	bool left_out;                /* an earlier block of its slot is listed */
};

struct linearizer {
	uint64_t index;               /* of the last commit; 0 before the first */
	struct digest digest;         /* of the last commit; zeros before the first */
	uint64_t timestamp_ms;
	uint32_t gc_depth;            /* 0: every round may still be committed */
	/* The last commit: first the blocks it lists, then those left out because an earlier
	 * block of their slot is listed. Each part in total order. */
	struct linearizer_item *items;
	uint32_t count;
	uint32_t listed;
	uint32_t capacity;
	uint32_t *stack;
	uint32_t stack_capacity;
};

void linearizer_init(struct linearizer *linearizer, uint32_t gc_depth);
void linearizer_free(struct linearizer *linearizer);

/* Commit `leader`, whose round is not below that of the last one: fills in the fields above, and moves dag->gc_round. */
void linearizer_commit(struct linearizer *linearizer, struct dag *dag, uint32_t leader);

#endif
