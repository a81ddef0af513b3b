/* Repair of a damaged segment file: store/log_repair.h on files. */
#include "host/disk_part.h"

#include "base/cursor.h"
#include "host/note.h"
#include "store/log_repair.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

enum {
	KEPT_FILES_MAX = 64,          /* damaged parts that are kept for the operator, ... */
	KEPT_BYTES_MAX = 1 << 20,     /* ... and of each so much */
	NOTED_MAX = 16,               /* a segment */
	FILE_MAX = LOG_REPAIR_SEGMENT_MAX + DISK_SEGMENT_HEADER,
};

/* A frame that agrees with its own checksum, wherever it says that it is. */
static bool first_frame_read(struct span bytes, uint64_t *position)
{
	struct log_frame frame;
	size_t size;
	if (bytes.size < LOG_FRAME_HEAD)
		return false;
	struct reader reader = reader_of(span_of(bytes.data + 8, 8));
	*position = read_u64(&reader);
	return log_frame_read(bytes, *position, &frame, &size) == OK;
}

enum status disk_segment_start(const char *path, uint64_t *start)
{
	struct buffer file = {0};
	enum status status = disk_read(path, FILE_MAX, &file, NULL);
	struct span bytes = buffer_span(&file);
	if (status == OK && !disk_segment_header_read(bytes, start)
		&& (bytes.size < DISK_SEGMENT_HEADER || !first_frame_read(span_after(bytes, DISK_SEGMENT_HEADER), start)))
		status = E_NOT_FOUND;
	buffer_free(&file);
	return status == OK ? OK : E_NOT_FOUND;
}

static size_t files_in(const char *folder)
{
	size_t count = 0;
	DIR *entries = opendir(folder);
	if (!entries)
		return KEPT_FILES_MAX;
	for (struct dirent *entry; (entry = readdir(entries));)
		count += entry->d_name[0] != '.';
	closedir(entries);
	return count;
}

/* For whoever wants to know what the disk did to it. */
static bool evidence_keep(const struct disk_damaged *damaged, struct span bytes, uint64_t offset)
{
	char folder[PATH_MAX + 16], path[PATH_MAX + 128];
	struct fault fault;
	snprintf(folder, sizeof folder, "%s/damaged", damaged->folder);
	if (bytes.size == 0 || disk_folder(folder, &fault) != OK || files_in(folder) >= KEPT_FILES_MAX)
		return false;
	snprintf(path, sizeof path, "%s/%s.%06" PRIu32 ".%" PRIu64, folder, damaged->name, damaged->number, offset);
	return disk_write(path, span_of(bytes.data, bytes.size < KEPT_BYTES_MAX ? bytes.size : KEPT_BYTES_MAX), 0600, &fault) == OK;
}

/* `bytes`: as many of the damaged ones as are there. */
static void damage_tell(const struct disk_damaged *damaged, struct span bytes, uint64_t offset, uint64_t size)
{
	bool kept = evidence_keep(damaged, bytes, offset);
	note(NOTE_ERROR, "log_damaged", "log=%s/%s segment=%06" PRIu32 " byte=%" PRIu64 " bytes=%" PRIu64
		" kept=%s reason=\"the disk does not return what was written; check it\"", damaged->folder, damaged->name, damaged->number, offset,
		size, kept ? "damaged/" : "no");
}

static void damages_tell(const struct disk_damaged *damaged, struct span frames, const struct log_damages *damages)
{
	for (size_t i = 0; i < damages->count && i < NOTED_MAX; i++) {
		const struct log_damage *damage = &damages->items[i];
		size_t left = damage->offset < frames.size ? frames.size - (size_t)damage->offset : 0;
		struct span bytes = left ? span_part(frames, (size_t)damage->offset, damage->size < left ? (size_t)damage->size : left) : (struct span){0};
		damage_tell(damaged, bytes, DISK_SEGMENT_HEADER + damage->offset, damage->size);
	}
	if (damages->count > NOTED_MAX)
		note(NOTE_ERROR, "log_damaged_more", "log=%s/%s segment=%06" PRIu32 " parts=%zu", damaged->folder, damaged->name, damaged->number,
			damages->count - NOTED_MAX);
}

enum status disk_segment_repair(const struct disk_damaged *damaged, struct fault *fault)
{
	struct buffer file = {0}, copy = {0};
	struct log_damages damages = {0};
	uint64_t start;
	enum status status = disk_read(damaged->path, FILE_MAX, &file, fault);
	struct span bytes = buffer_span(&file);
	size_t header = bytes.size < DISK_SEGMENT_HEADER ? bytes.size : DISK_SEGMENT_HEADER;
	struct span frames = span_after(bytes, header);
	if (status == E_LIMIT)
		status = E_CORRUPT;
	if (status == OK) {
		disk_segment_header(damaged->start, &copy);
		status = log_repair(frames, damaged->start, damaged->end, &copy, &damages);
	}
	if (status == OK && (!disk_segment_header_read(bytes, &start) || start != damaged->start))
		damage_tell(damaged, span_of(bytes.data, header), 0, DISK_SEGMENT_HEADER);
	if (status == OK) {
		damages_tell(damaged, frames, &damages);
		/* Beside it, then in its place: a power cut leaves the one or the other. */
		status = disk_write(damaged->path, buffer_span(&copy), 0600, fault);
	}
	log_damages_free(&damages);
	buffer_free(&copy);
	buffer_free(&file);
	return status;
}
