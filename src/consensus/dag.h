/* DAG: the accepted blocks, without bodies and signatures. Blocks have numbers in the order of
 * acceptance, which is causal: an ancestor's number is smaller. About 100 bytes a block of four
 * members. No decisions here. docs/ledger.md, "Rounds". */
#ifndef TALLY_CONSENSUS_DAG_H
#define TALLY_CONSENSUS_DAG_H

#include "consensus/validity.h"

#define DAG_NONE UINT32_MAX
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

struct dag {
	uint16_t members;
	uint16_t quorum;
	struct dag_block *blocks;
	uint32_t count;
	uint32_t capacity;
	uint32_t *ancestors;
	uint32_t ancestor_count;
	uint32_t ancestor_capacity;
	uint32_t *slots;      /* [round * members + author]: first accepted block */
	uint16_t *authors;    /* [round]: authors with a block */
	uint32_t rounds;      /* rows in use */
	uint32_t round_capacity;
	uint32_t newest[BLOCK_MEMBERS_MAX]; /* highest accepted round of each author */
};

/* Holds the genesis blocks of `validity` afterwards, committed and included. */
void dag_init(struct dag *dag, const struct validity *validity);
void dag_free(struct dag *dag);

/* The block's number, or DAG_NONE. */
uint32_t dag_find(const struct dag *dag, const struct block_ref *ref);

/* Accept a block whose ancestors are all there and which is not; returns its number. */
uint32_t dag_add(struct dag *dag, const struct block *block, uint32_t size, uint64_t position);

/* First accepted block of a slot, or DAG_NONE; the others follow through `twin`. */
uint32_t dag_slot(const struct dag *dag, uint32_t round, uint16_t author);

/* The ancestor of block `id` by `author`, or DAG_NONE. */
uint32_t dag_ancestor_by(const struct dag *dag, uint32_t id, uint16_t author);

/* How many authors have a block of `round`. */
uint16_t dag_authors(const struct dag *dag, uint32_t round);

static inline uint32_t dag_highest_round(const struct dag *dag)
{
	return dag->rounds - 1;
}

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
