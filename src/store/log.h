/* Log: the one append-only file of a daemon, as checksummed frames, cut into segments of
 * bounded size. This room knows the bytes; `host` does the reading, writing and flushing.
 *
 * frame   = u32 size | u8 kind | u8[3] zero | u64 position | bytes | u32 CRC-32C of all before
 * A position is the frame's offset in the whole log, over all segments; it is inside the frame, so
 * that a misplaced block of the disk is noticed. A segment starts with a header frame (kind 0). */
#ifndef TALLY_STORE_LOG_H
#define TALLY_STORE_LOG_H

#include "base/cursor.h"

enum { LOG_SEGMENT_SIZE = 64 << 20, LOG_FRAME_MAX = 4 << 20, LOG_FRAME_OVERHEAD = 20 };

/* Append a frame whose position is `position`; the next one is position + LOG_FRAME_OVERHEAD + bytes.size. */
void log_frame_write(struct buffer *out, uint64_t position, uint8_t kind, struct span bytes);

struct log_frame {
	uint8_t kind;
	uint64_t position;
	struct span bytes;            /* borrowed */
};

/* Read the frame at the start of `bytes`, expected at `position`. OK; E_NOT_FOUND: nothing but zeros or nothing at all
 * is left; E_CORRUPT: cut short or damaged. *size is its whole length. */
MUST_USE enum status log_frame_read(struct span bytes, uint64_t position, struct log_frame *out, size_t *size);

/* After E_CORRUPT: is there a good frame further on? Then the log is damaged in the middle, and cutting it would lose
 * final data; otherwise it is the torn tail of the last write and may be cut. */
bool log_tail_is_torn(struct span bytes, uint64_t position);

uint32_t crc32c(struct span bytes);

#endif
