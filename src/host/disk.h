/* Disk: files that survive kill -9 and a power cut, and the segmented log. */
#ifndef TALLY_HOST_DISK_H
#define TALLY_HOST_DISK_H

#include "base/buffer.h"
#include "store/log.h"

/* mkdir -p with mode 0700. */
MUST_USE enum status disk_folder(const char *path, struct fault *fault);
/* Whole file; E_NOT_FOUND, E_LIMIT (larger than max), E_IO. */
MUST_USE enum status disk_read(const char *path, size_t max, struct buffer *out, struct fault *fault);
/* Write beside, fsync, rename, fsync the folder. mode such as 0600. */
MUST_USE enum status disk_write(const char *path, struct span bytes, unsigned mode, struct fault *fault);
/* Hold an exclusive lock for the life of the process: one daemon a folder. E_BUSY. */
MUST_USE enum status disk_lock(const char *folder, struct fault *fault);

/* The log of store/log.h as files FOLDER/NAME.000000, .000001, ... of about LOG_SEGMENT_SIZE. */
struct disk_log;

typedef void disk_log_callback(void *context, const struct log_frame *frame);

/* Open or create, check every frame and hand it to the callback in order. A torn tail is cut (and noted);
 * damage in the middle is E_CORRUPT with a sentence that says what to do. */
MUST_USE enum status disk_log_open(const char *folder, const char *name, disk_log_callback *callback, void *context,
	struct disk_log **out, struct fault *fault);
/* The same for a log whose content can be fetched again: damaged frames in the middle are replaced by frames of kind
 * LOG_FRAME_HOLE, which the callback gets in their place, now and at every later start. Each damaged part is noted as an
 * error, and kept in folder/damaged/. E_CORRUPT only for what cannot be repaired: a segment's file that is missing or
 * stands in the place of another. docs/decisions/0007-damaged-log.md. */
MUST_USE enum status disk_log_open_repairing(const char *folder, const char *name, disk_log_callback *callback, void *context,
	struct disk_log **out, struct fault *fault);
void disk_log_close(struct disk_log *log);
/* Begin new segments at this size from now on, instead of LOG_SEGMENT_SIZE. */
void disk_log_segment_size(struct disk_log *log, uint64_t bytes);
/* How many bytes the files of a log hold, before it is opened; for progress. */
uint64_t disk_log_bytes(const char *folder, const char *name);
uint64_t disk_log_end(const struct disk_log *log);
/* Append bytes that log_frame_write made for position disk_log_end. Not yet durable. E_IO: stop the daemon. */
MUST_USE enum status disk_log_append(struct disk_log *log, struct span frames, struct fault *fault);
/* fdatasync. E_IO: stop the daemon, never retry. Does nothing when nothing was appended since. */
MUST_USE enum status disk_log_flush(struct disk_log *log, struct fault *fault);
MUST_USE enum status disk_log_read(struct disk_log *log, uint64_t position, struct buffer *bytes, uint8_t *kind, struct fault *fault);
/* After E_CORRUPT at `position`: where the next good frame is. E_NOT_FOUND: there is none up to the log's end. E_IO. */
MUST_USE enum status disk_log_skip(struct disk_log *log, uint64_t position, uint64_t *next);
/* Delete whole segments that end at or before `position`. Readers of earlier positions get E_NOT_FOUND. */
MUST_USE enum status disk_log_prune(struct disk_log *log, uint64_t position, struct fault *fault);
/* Cut everything from the frame at `position` on, which has not been pruned. E_IO. */
MUST_USE enum status disk_log_cut(struct disk_log *log, uint64_t position, struct fault *fault);
/* Delete all files of a log that is not open. Interrupted, it leaves a log that can be opened, or removed again. E_IO. */
MUST_USE enum status disk_log_remove(const char *folder, const char *name, struct fault *fault);

#endif
