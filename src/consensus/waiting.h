/* Waiting: valid blocks whose ancestors are not all accepted, with their bytes, and the ancestors
 * they want. Everything is bounded, by a share for each member, so nobody can fill another's. No messages
 * here: who is to be asked for what is told to the caller. docs/ledger.md, "Waiting and fetching". */
#ifndef TALLY_CONSENSUS_WAITING_H
#define TALLY_CONSENSUS_WAITING_H

#include "base/map.h"
#include "consensus/dag.h"

enum {
	WAITING_BYTES_MAX = 8 << 20,  /* a share */
	WAITING_GRACE_MS = 40,        /* a missing block is usually on its way */
	WAITING_RETRY_MS = 400,       /* doubles each time everybody was asked ... */
	WAITING_RETRY_MAX_MS = 5000,  /* ... up to this, and never ends */
	WAITING_ASK_MAX = 32,         /* references in one request */
};

struct waiting_block {
	struct block_ref ref;
	struct buffer bytes;
	uint64_t position;            /* DAG_NOWHERE unless read from the own disk */
	uint64_t timestamp_ms;
	uint32_t unresolved;          /* ancestors missing, plus one while held */
	uint16_t payer;               /* whose share it takes */
	bool used;
	bool held;                    /* its time is ahead of ours */
	bool reported;                /* evidence about its slot was given out */
};

struct waiting_want {
	struct block_ref ref;
	uint32_t *dependants;         /* waiting blocks that name it */
	uint32_t count;
	uint32_t capacity;
	int64_t due_ms;
	uint16_t named_by;
	uint16_t attempts;
	uint16_t asked;               /* peer to ask now, or UINT16_MAX */
	bool present;                 /* waits itself */
	bool used;
};

struct waiting {
	uint16_t members;
	uint32_t blocks_max;          /* a share: one a member */
	struct waiting_block *blocks;
	uint32_t block_count, block_capacity;
	struct waiting_want *wants;
	uint32_t want_count, want_capacity;
	uint32_t *free_blocks, free_block_count, free_block_capacity;
	uint32_t *free_wants, free_want_count, free_want_capacity;
	uint32_t *ready, ready_count, ready_capacity, ready_next;
	struct map by_ref;            /* waiting blocks */
	struct map by_slot;           /* round, author: the first waiting block */
	struct map wanted;
	uint32_t blocks_of[BLOCK_MEMBERS_MAX]; /* by payer */
	size_t bytes_of[BLOCK_MEMBERS_MAX];
	uint32_t suspended;           /* blocks */
	uint32_t missing;             /* wants that do not wait themselves */
	uint32_t held;
	int64_t next_due_ms;          /* no want is due before */
};

void waiting_init(struct waiting *waiting, uint16_t members, uint32_t blocks_max);
void waiting_free(struct waiting *waiting);

/* NULL when there is none. Borrowed until the next call that adds or removes. */
struct waiting_block *waiting_find(struct waiting *waiting, const struct block_ref *ref);
struct waiting_block *waiting_in_slot(struct waiting *waiting, uint32_t round, uint16_t author);

/* The block of the highest round that waits and is by `author`, or NULL. */
const struct waiting_block *waiting_highest(const struct waiting *waiting, uint16_t author);

/* The earliest time of a held block, or UINT64_MAX. */
uint64_t waiting_held_until(const struct waiting *waiting);

/* Is somebody waiting for this block, and is it not here yet? */
bool waiting_is_wanted(const struct waiting *waiting, const struct block_ref *ref);

struct waiting_arrival {
	const struct block *block;
	struct span bytes;            /* copied */
	uint64_t position;
	uint16_t peer;                /* who named the ancestors */
	bool hold;                    /* until waiting_release permits its time */
	bool reported;
	int64_t now_ms;
};

/* Keep a block that lacks ancestors in `dag`, or is to be held. It takes its author's share; one that others wait for
 * takes the share of one of these. False when that is used up by blocks of lower rounds; of higher ones, the highest
 * makes room. */
bool waiting_add(struct waiting *waiting, const struct dag *dag, const struct waiting_arrival *arrival);

/* The block was accepted: whoever waited for it comes nearer. */
void waiting_resolve(struct waiting *waiting, const struct block_ref *ref);

/* Let go of held blocks whose time is at most `timestamp_ms`. */
void waiting_release(struct waiting *waiting, uint64_t timestamp_ms);

/* Blocks up to dag->gc_round are not needed any more: nobody waits for them, and they for nothing. */
void waiting_collect(struct waiting *waiting, const struct dag *dag, int64_t now_ms);

/* Take out the next block that waits for nothing any more. *bytes is the caller's then. */
bool waiting_take(struct waiting *waiting, struct waiting_block *out);

/* References that blocks wait for and that do not wait themselves, at most `max`; returns how many. */
uint16_t waiting_missing(const struct waiting *waiting, struct block_ref *out, uint16_t max);

struct waiting_round {
	const bool *up;               /* [members]: connected peers */
	uint16_t own;
	int64_t now_ms;
	const uint32_t *newest;       /* [members] */
	bool syncing;                 /* blocks above newest[author] come by themselves */
};

/* Choose a peer for each want that is due: first who named it, then the others in turn. */
void waiting_assign(struct waiting *waiting, const struct waiting_round *round);

/* Somebody connected who may have what is wanted: ask soon. */
void waiting_hasten(struct waiting *waiting, int64_t now_ms);

/* What to ask `peer` for, at most WAITING_ASK_MAX; call until 0. */
uint32_t waiting_asked(struct waiting *waiting, uint16_t peer, struct block_ref *out);

#endif
