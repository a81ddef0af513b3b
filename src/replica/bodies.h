/* Bodies: the transactions of blocks that are stored but not committed yet, kept in memory so that
 * a commit needs no reading. As many as consensus has blocks that no commit holds yet. */
#ifndef TALLY_REPLICA_BODIES_H
#define TALLY_REPLICA_BODIES_H

#include "base/map.h"
#include "consensus/block.h"

struct body_kept {
	struct body_kept *before;
	struct body_kept *after;
	uint8_t *bytes;           /* NULL when empty */
	size_t size;
	uint16_t author;
};

struct bodies {
	struct map by_digest;     /* of the block: a pointer cast */
	struct body_kept *all;    /* to free them; its order means nothing */
};

void bodies_free(struct bodies *bodies);
/* Copies the body of a decoded block. */
void bodies_add(struct bodies *bodies, const struct block *block);
/* Append what all bodies by `author` hold, in the order in which they were added. */
void bodies_take_own(struct bodies *bodies, uint16_t author, struct buffer *out);
/* The body of a committed block, from now on the caller's to free; NULL when empty.
 * False when it was never added. */
bool bodies_take(struct bodies *bodies, const struct digest *block, uint8_t **bytes, size_t *size);

#endif
