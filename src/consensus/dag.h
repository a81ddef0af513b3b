/* DAG: the accepted blocks of the rounds that may still matter, without bodies and signatures.
 * Blocks have numbers in the order of acceptance, which is causal: an ancestor's number is smaller.
 * About 100 bytes a block of four members. Collecting old rounds renumbers what is left. No
 * decisions here. docs/ledger.md, "Rounds" and "Collection". */
#ifndef TALLY_CONSENSUS_DAG_H
#define TALLY_CONSENSUS_DAG_H

#include "consensus/validity.h"

#define DAG_NONE UINT32_MAX
#define DAG_INDEX_ROUNDS 64
#define DAG_NOWHERE UINT64_MAX /* position of a block that is not (yet) on disk */

enum {
	DAG_COMMITTED = 1, /* in the history of a committed leader */
	DAG_LISTED = 2,    /* and named by its commit: the first of its slot */
	DAG_INCLUDED = 4,  /* in the history of the own last block */
	DAG_PAYLOAD = 8,   /* carries transactions */
	DAG_REPORTED = 16, /* evidence about its slot was given out */
};

struct dag_block {
	struct digest digest;
	uint64_t position;
	uint64_t timestamp_ms;
	uint32_t round;
	uint32_t size;        /* of the whole block in bytes */
	uint32_t first;       /* ancestors in dag->ancestors */
	uint32_t twin;        /* next accepted block of this slot, or DAG_NONE */
	uint16_t author;
	uint8_t ancestor_count;
	uint8_t flags;
};

/* An author's newest accepted block, which outlives its collection. */
struct dag_tip {
	struct block_ref ref;
	uint64_t position;
	uint64_t timestamp_ms;
	uint32_t size;
};

struct dag {
	uint16_t members;
	uint16_t quorum;
	uint32_t gc_round;    /* blocks of this round and below can be committed no more: all count as accepted */
	uint32_t floor;       /* rounds below are gone; at most gc_round + 1 */
	uint64_t accepted;    /* blocks ever */
	struct dag_block *blocks;
	uint32_t count;
	uint32_t capacity;
	uint32_t *ancestors;
	uint32_t ancestor_count;
	uint32_t ancestor_capacity;
	uint32_t *slots;      /* [(round - floor) * members + author]: first accepted block */
	uint16_t *authors;    /* [round - floor]: authors with a block */
	uint32_t rows;        /* in use, from `floor` on */
	uint32_t row_capacity;
	struct dag_tip tips[BLOCK_MEMBERS_MAX]; /* of authors whose newest block is collected */
	/* [k]: blocks of round k * DAG_INDEX_ROUNDS and above lie on disk from here on. */
	uint64_t *index;
	uint32_t index_count, index_capacity;
	uint32_t newest[BLOCK_MEMBERS_MAX]; /* highest accepted round of each author */
};

/* Holds the genesis blocks of `validity` afterwards, committed and included. */
void dag_init(struct dag *dag, const struct validity *validity);
void dag_free(struct dag *dag);

/* The block's number, or DAG_NONE, also when it is collected. */
uint32_t dag_find(const struct dag *dag, const struct block_ref *ref);

/* Is the block accepted: there, or of a round in which no block is needed any more? */
bool dag_has(const struct dag *dag, const struct block_ref *ref);

/* Accept a block above gc_round, whose ancestors are all there (dag_has) and which is not; returns its number. */
uint32_t dag_add(struct dag *dag, const struct block *block, uint32_t size, uint64_t position);

/* The block lies on disk at `position`. */
void dag_stored(struct dag *dag, uint32_t id, uint64_t position);

/* No block of `round` or above lies on disk before this position; DAG_NOWHERE when there is none at all. */
uint64_t dag_stored_from(const struct dag *dag, uint32_t round);

/* First accepted block of a slot, or DAG_NONE; the others follow through `twin`. */
uint32_t dag_slot(const struct dag *dag, uint32_t round, uint16_t author);

/* The ancestor of block `id` by `author`, or DAG_NONE. */
uint32_t dag_ancestor_by(const struct dag *dag, uint32_t id, uint16_t author);

/* How many authors have a block of `round`. */
uint16_t dag_authors(const struct dag *dag, uint32_t round);

/* The newest accepted block of an author, also when it is collected. */
struct dag_tip dag_tip(const struct dag *dag, uint16_t author);

/* The author's newest block is this one, which is too old to be accepted and newer than any that was. */
void dag_tip_learn(struct dag *dag, const struct block *block, uint32_t size);

/* Forget the rounds below `floor`. `moved` receives the new number of each block, or DAG_NONE;
 * it has room for dag->count. All blocks of these rounds must have their positions. */
void dag_collect(struct dag *dag, uint32_t floor, uint32_t *moved);

static inline uint32_t dag_highest_round(const struct dag *dag)
{
	return dag->floor + dag->rows - 1;
}

/* The author's own previous block first; that one alone is DAG_NONE when it is collected. Other
 * collected ancestors are not listed. */
static inline const uint32_t *dag_ancestors(const struct dag *dag, uint32_t id)
{
	return dag->ancestors + dag->blocks[id].first;
}

static inline struct block_ref dag_reference(const struct dag *dag, uint32_t id)
{
	const struct dag_block *block = &dag->blocks[id];
	return (struct block_ref){.round = block->round, .author = block->author, .digest = block->digest};
}

#endif
