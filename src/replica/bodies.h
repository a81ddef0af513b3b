/* Bodies: the transactions of blocks that are stored but not committed yet, kept in memory so that
 * a commit needs no reading. As many as consensus has blocks that no commit holds yet. Their first statements may
 * have been looked at ahead of the commit (ahead.c). */
#ifndef TALLY_REPLICA_BODIES_H
#define TALLY_REPLICA_BODIES_H

#include "base/map.h"
#include "consensus/block.h"
#include "record/statement.h"

struct body_statement {
	struct statement statement; /* borrows from the body's bytes */
	bool decoded;
	bool verified;            /* its signature, under the key of its kid */
};

struct body_kept {
	struct body_kept *before;
	struct body_kept *after;
	uint8_t *bytes;           /* NULL when empty */
	size_t size;
	uint16_t author;
	/* The queue of those whose statements are still to be looked at ahead of the commit. */
	struct body_kept *ahead_before;
	struct body_kept *ahead_after;
	size_t looked_at;         /* bytes from the start, in which lie ... */
	struct body_statement *statements;
	size_t statement_count, statement_capacity;
};

struct bodies {
	struct map by_digest;     /* of the block: a pointer cast */
	struct body_kept *all;    /* newest first */
	struct body_kept *ahead_first, *ahead_last;
};

void bodies_free(struct bodies *bodies);
/* Copies the body of a decoded block. */
void bodies_add(struct bodies *bodies, const struct block *block);
/* Nothing more is to be looked at in it ahead of its commit: it leaves the queue, if it is there. */
void bodies_ahead_done(struct bodies *bodies, struct body_kept *kept);
/* Append what all bodies by `author` hold, in the order in which they were added. */
void bodies_take_own(struct bodies *bodies, uint16_t author, struct buffer *out);
/* The body of a block, from now on the caller's to free with body_free; NULL when it was never added. */
struct body_kept *bodies_take(struct bodies *bodies, const struct digest *block);
void body_free(struct body_kept *kept);

#endif
