/* Log: the one append-only file of a daemon, as checksummed frames, cut into segments of
 * bounded size. This room knows the bytes; `host` does the reading, writing and flushing.
 *
 * frame   = u32 size | u8 kind | u8[3] zero | u64 position | bytes | u32 CRC-32C of all before
 * `size` counts `bytes`. A position is the frame's offset in the whole log, over all segments; it is
 * inside the frame, so that a misplaced block of the disk is noticed. A segment starts with a header
 * frame (kind 0), written by `host` when it begins the file: its position is that of the first frame
 * after it, and it does not count in positions itself. So whoever assigns positions need not know
 * where segments are cut. */
#ifndef TALLY_STORE_LOG_H
#define TALLY_STORE_LOG_H

#include "base/cursor.h"

enum {
	LOG_SEGMENT_SIZE = 64 << 20,
	LOG_FRAME_MAX = 4 << 20,      /* largest `bytes` */
	LOG_FRAME_HEAD = 16,          /* before the bytes: size, kind, zeros, position */
	LOG_FRAME_OVERHEAD = LOG_FRAME_HEAD + 4,
	LOG_FRAME_SEGMENT = 0,        /* kind of a segment's header */
	LOG_FRAME_HOLE = 255,         /* kind of a frame of zeros that stands where damaged frames stood: store/log_repair.h */
};

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

/* The first good frame at or after bytes.data + from; `bytes` begin at `position`. bytes.size: there is none. */
size_t log_frame_find(struct span bytes, uint64_t position, size_t from);

/* After E_CORRUPT at `position`: true when no good frame follows: the torn tail of the last write, which may be cut.
 * False when one does: the log is damaged in the middle, and cutting it would lose final data. `bytes` reaches to the
 * log's end (of all segments). Frames that were written but not flushed together may reach the disk out of order, so
 * this can also be false after a power cut; it errs on the side of keeping data. */
bool log_tail_is_torn(struct span bytes, uint64_t position);

/* CRC-32C (Castagnoli, RFC 3720 appendix B.4), by the processor's instruction where there is one. */
uint32_t crc32c(struct span bytes);
/* The same without it. */
uint32_t crc32c_portable(struct span bytes);

#endif
