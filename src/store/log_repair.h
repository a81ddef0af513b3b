/* Repair: a segment with damaged frames becomes one without, of the same positions. Where frames were damaged stand frames
 * of kind LOG_FRAME_HOLE, so that whoever reads the log later knows that something was there. Nothing is guessed: what
 * stood there is lost here, and must come from elsewhere. Source: docs/decisions/0007-damaged-log.md. */
#ifndef TALLY_STORE_LOG_REPAIR_H
#define TALLY_STORE_LOG_REPAIR_H

#include "store/log.h"

enum { LOG_REPAIR_SEGMENT_MAX = 2 * LOG_SEGMENT_SIZE }; /* a segment that claims to be larger is not repaired */

struct log_damage {
	uint64_t offset;              /* in the frames given */
	uint64_t size;                /* up to the next good frame; at the end of a segment, what should be there */
};

struct log_damages {
	struct log_damage *items;     /* owned; ascending */
	size_t count, capacity;
};

/* Copy the frames of a segment (without its header), the first of which is expected at `start`. `end` is where the next
 * segment begins: the copy reaches exactly to it. UINT64_MAX: the newest segment; what follows its last good frame is
 * copied as it is, to be judged as a torn tail. A good frame nearer to a bad one's beginning than LOG_FRAME_OVERHEAD is
 * taken for damaged, too: only bytes that somebody put into a statement can look like that.
 * Appends to `out` and `damages`. E_CORRUPT: more than fits between `start` and `end`, or a gap too small for a frame. */
MUST_USE enum status log_repair(struct span frames, uint64_t start, uint64_t end, struct buffer *out, struct log_damages *damages);

/* Append frames of kind HOLE that fill exactly `size` bytes from `position` on; size >= LOG_FRAME_OVERHEAD. */
void log_hole_write(struct buffer *out, uint64_t position, uint64_t size);

void log_damages_free(struct log_damages *damages);

#endif
