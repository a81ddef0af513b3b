/* What disk.c, disk_log.c and disk_repair.c share. */
#ifndef TALLY_HOST_DISK_PART_H
#define TALLY_HOST_DISK_PART_H

#include "host/disk.h"

/* E_IO with errno set. */
MUST_USE enum status disk_write_all(int fd, struct span bytes);
/* What to do about an errno, as the end of a sentence; may be empty. */
const char *disk_advice(int error);
MUST_USE enum status disk_folder_flush(const char *folder, struct fault *fault);

enum { DISK_SEGMENT_MARK = 16, DISK_SEGMENT_HEADER = LOG_FRAME_OVERHEAD + DISK_SEGMENT_MARK };

/* The header frame of a segment whose first frame has position `start`. Appends. */
void disk_segment_header(uint64_t start, struct buffer *out);
/* Is that the header of a segment? */
bool disk_segment_header_read(struct span bytes, uint64_t *start);

/* disk_behind.c. What lies far behind the end of a file that only grows leaves the system's memory: a log would fill all of it, and the
 * rest of the machine needs it. Writing begins before a flush asks for it, so that flushes are short. */
struct disk_behind {
	uint64_t begun, dropped;      /* bytes of the file that are being written, or were; that are no longer kept in memory */
};

/* The file has `end` bytes now. */
void disk_behind(struct disk_behind *behind, int fd, uint64_t end);
/* Nothing more is appended, and all is flushed. */
void disk_behind_end(int fd);

/* disk_repair.c. A segment file that is damaged, and what is known about it. */
struct disk_damaged {
	const char *folder, *name;    /* of the log */
	const char *path;             /* of the file */
	uint32_t number;
	uint64_t start, end;          /* positions, as in log_repair */
};

/* Where a segment file begins, from its header or, if that is damaged, its first frame. E_NOT_FOUND: neither is good. */
MUST_USE enum status disk_segment_start(const char *path, uint64_t *start);

/* Put a repaired copy in its place; every damaged part is noted, and kept under folder/damaged/ as long as there is room.
 * E_CORRUPT, without a sentence: it cannot be repaired. E_IO. */
MUST_USE enum status disk_segment_repair(const struct disk_damaged *damaged, struct fault *fault);

#endif
