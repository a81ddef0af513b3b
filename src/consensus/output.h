/* Output: the actions of one step and the memory they point to. */
#ifndef TALLY_CONSENSUS_OUTPUT_H
#define TALLY_CONSENSUS_OUTPUT_H

#include "consensus/consensus.h"
#include "consensus/linearizer.h"

/* Which part of the pools below belongs to an action; arrays move while they grow. */
struct output_part {
	uint32_t first;
	uint32_t count;
};

struct output {
	struct consensus_action *items;
	struct output_part *parts;    /* one for each item */
	uint32_t count, capacity, part_capacity;
	struct buffer *kept;          /* bytes that actions point to */
	uint32_t kept_count, kept_capacity;
	uint32_t *ids;                /* blocks that actions list ... */
	struct block_ref *refs;
	uint64_t *positions;
	uint32_t listed, id_capacity, ref_capacity, position_capacity;
	uint32_t *stored;             /* blocks of the PERSIST actions, in order */
	uint32_t stored_count, stored_next, stored_capacity;
	struct consensus_action *sorted; /* scratch */
	struct output_part *sorted_parts;
	uint32_t sorted_capacity;
};

void output_free(struct output *output);
/* Forget the last step. */
void output_reset(struct output *output);

/* Take over a buffer until the next reset; borrowed bytes for actions. */
struct span output_keep(struct output *output, struct buffer *bytes);

void output_persist(struct output *output, uint32_t id, const struct digest *digest, struct span bytes, bool own);
void output_send(struct output *output, uint16_t peer, struct span bytes);
void output_send_stored(struct output *output, const struct dag *dag, uint16_t peer, const uint32_t *ids, uint32_t count);
/* The same for one block that is no longer in memory. */
void output_send_tip(struct output *output, uint16_t peer, const struct dag_tip *tip);
void output_send_range(struct output *output, uint16_t peer, const struct consensus_range *range);
/* Begin a list of blocks of one author, and go on with it. */
void output_collected(struct output *output, uint16_t author);
void output_collected_add(struct output *output, const struct dag *dag, uint32_t id);
void output_commit(struct output *output, const struct dag *dag, const struct linearizer *linearizer, uint32_t leader);
struct output_twins {
	uint16_t author;
	uint32_t first;               /* the accepted block of the slot, or DAG_NONE ... */
	struct span first_bytes;      /* ... when this holds its signed header */
	struct digest first_digest;
	struct span second_bytes;
};

void output_evidence(struct output *output, const struct dag *dag, const struct output_twins *twins);
void output_timer(struct output *output, int64_t at_ms);

/* Put PERSIST actions first and set all pointers. */
void output_finish(struct output *output, struct consensus_actions *actions);

/* Next block of the PERSIST actions whose position is told. */
uint32_t output_stored(struct output *output);
/* Fill in the positions that an action lists. */
void output_resolve(struct output *output, const struct dag *dag, const struct consensus_action *action);

#endif
