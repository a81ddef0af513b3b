#include "host/disk_part.h"

#include "base/cursor.h"
#include "host/note.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A segment file is a header frame (kind 0, not counted in positions) and then the frames from `start` on, so the frame
 * at position p lies HEADER_SIZE + p - start bytes into its file. */
enum { SEGMENTS_MAX = 999999, WINDOW = 1 << 20, FRAME_HEAD = 16, HEADER_SIZE = DISK_SEGMENT_HEADER };
static const char mark[DISK_SEGMENT_MARK + 1] = "tallystick log 1";

struct segment {
	uint32_t number;
	uint64_t start;               /* position of its first frame */
	uint64_t size;                /* bytes of frames */
};

struct disk_log {
	char *folder, *name;
	struct segment *segments;
	size_t count, capacity;
	int fd;                       /* newest segment, for reading and appending */
	int old_fd;                   /* an older one, opened for reading */
	uint32_t old_number;
	struct disk_behind behind;    /* of the newest segment */
	uint64_t segment_size;
	bool dirty;
	bool failed;                  /* a flush: what the system then dropped is unknown */
	bool repairing;               /* while it is opened */
	uint64_t handed;              /* position after the last frame given to the callback */
	uint64_t bad, bad_next;       /* disk_log_skip's last answer; equal: none */
};

void disk_segment_header(uint64_t start, struct buffer *out)
{
	log_frame_write(out, start, LOG_FRAME_SEGMENT, span_of_text(mark));
}

bool disk_segment_header_read(struct span bytes, uint64_t *start)
{
	struct log_frame frame;
	size_t size;
	if (bytes.size < HEADER_SIZE)
		return false;
	struct reader reader = reader_of(span_of(bytes.data + 8, 8));
	*start = read_u64(&reader);
	return log_frame_read(bytes, *start, &frame, &size) == OK && frame.kind == LOG_FRAME_SEGMENT && span_is_text(frame.bytes, mark);
}

static void segment_path(const struct disk_log *log, uint32_t number, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/%s.%06" PRIu32, log->folder, log->name, number);
}

static void pruned_path(const struct disk_log *log, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/%s.pruned", log->folder, log->name);
}

static int segment_compare(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* The segments of this log in the folder, ascending. */
static enum status segments_find(struct disk_log *log, struct fault *fault)
{
	DIR *folder = opendir(log->folder);
	if (!folder)
		return fault_set(fault, E_IO, "the folder %s cannot be read: %s", log->folder, strerror(errno));
	size_t name = strlen(log->name);
	for (struct dirent *entry; (entry = readdir(folder));) {
		const char *digits = entry->d_name + name + 1;
		if (strncmp(entry->d_name, log->name, name) != 0 || entry->d_name[name] != '.' || strlen(digits) != 6
			|| strspn(digits, "0123456789") != 6)
			continue;
		ARRAY_GROW(log->segments, log->count, log->capacity);
		log->segments[log->count++] = (struct segment){.number = (uint32_t)strtoul(digits, NULL, 10)};
	}
	closedir(folder);
	if (log->count)
		qsort(log->segments, log->count, sizeof *log->segments, segment_compare);
	for (size_t i = 1; i < log->count; i++)
		if (log->segments[i].number != log->segments[i - 1].number + 1)
			return fault_set(fault, E_CORRUPT, "the log %s/%s lacks its segment %06" PRIu32 "; put the file back from a copy, or "
				"remove the whole log so that it is fetched again from the other members", log->folder, log->name,
				log->segments[i - 1].number + 1);
	return OK;
}

/* Where pruning has deleted everything before; 0 when nothing was pruned. */
static enum status pruned_read(const struct disk_log *log, uint64_t *position, struct fault *fault)
{
	char path[PATH_MAX];
	struct buffer bytes = {0};
	pruned_path(log, path);
	*position = 0;
	enum status status = disk_read(path, 8, &bytes, fault);
	if (status == OK) {
		struct reader reader = reader_of(buffer_span(&bytes));
		*position = read_u64(&reader);
		if (reader_end(&reader) != OK)
			status = fault_set(fault, E_CORRUPT, "%s is damaged; put it back from a copy", path);
	} else if (status == E_NOT_FOUND)
		status = OK;
	buffer_free(&bytes);
	return status;
}

/* Without segments the mark means nothing. */
static enum status pruned_forget(const struct disk_log *log, struct fault *fault)
{
	char path[PATH_MAX];
	pruned_path(log, path);
	if (unlink(path) != 0 && errno != ENOENT)
		return fault_set(fault, E_IO, "%s cannot be deleted: %s%s", path, strerror(errno), disk_advice(errno));
	return OK;
}

static enum status pread_all(int fd, uint8_t *out, size_t size, uint64_t offset, size_t *got)
{
	*got = 0;
	while (*got < size) {
		ssize_t part = pread(fd, out + *got, size - *got, (off_t)(offset + *got));
		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0)
			return E_IO;
		if (part == 0)
			break;
		*got += (size_t)part;
	}
	return OK;
}

/* A window over a segment file: as many bytes as a frame needs, never the whole file at once. */
struct window {
	int fd;
	uint64_t offset;              /* in the file, of the first byte not yet consumed */
	uint64_t file_size;
	struct buffer bytes;
	size_t used;                  /* consumed bytes at the start of `bytes` */
};

static struct span window_span(const struct window *window)
{
	return span_after(buffer_span(&window->bytes), window->used);
}

static enum status window_fill(struct window *window, size_t need)
{
	uint64_t left = window->file_size - window->offset;
	if (need > left)
		need = (size_t)left;
	size_t have = window->bytes.size - window->used;
	if (have >= need)
		return OK;
	buffer_consume(&window->bytes, window->used);
	window->used = 0;
	size_t more = need - have > WINDOW ? need - have : left - have > WINDOW ? WINDOW : (size_t)(left - have);
	buffer_reserve(&window->bytes, more);
	size_t got;
	if (pread_all(window->fd, window->bytes.data + have, more, window->offset + have, &got) != OK)
		return E_IO;
	window->bytes.size += got;
	return OK;
}

static void window_take(struct window *window, size_t size)
{
	window->used += size;
	window->offset += size;
}

static enum status damaged(const struct disk_log *log, const struct segment *segment, uint64_t offset, struct fault *fault)
{
	return fault_set(fault, E_CORRUPT, "the log %s/%s is damaged in segment %06" PRIu32 " at byte %" PRIu64 ", with good data after it; "
		"check the disk, then put the file back from a copy, or remove the whole log so that it is fetched again from the other members",
		log->folder, log->name, segment->number, offset);
}

/* The bytes from the window on are no frame. Cut them off when they are the torn end of the last write. */
static enum status tail_cut(struct disk_log *log, struct segment *segment, struct window *window, uint64_t position, bool last,
	struct fault *fault)
{
	size_t left = (size_t)(window->file_size - window->offset);
	if (!last)
		return damaged(log, segment, window->offset, fault);
	if (window_fill(window, left) != OK)
		return fault_set(fault, E_IO, "the log %s/%s cannot be read: %s", log->folder, log->name, strerror(errno));
	/* Judged again with all that is left in view: zeros up to the end are a tail, zeros before data are not. */
	struct log_frame frame;
	size_t size;
	enum status status = log_frame_read(window_span(window), position, &frame, &size);
	if (status == OK || (status == E_CORRUPT && !log_tail_is_torn(window_span(window), position)))
		return damaged(log, segment, window->offset, fault);
	if (ftruncate(window->fd, (off_t)window->offset) != 0 || fsync(window->fd) != 0)
		return fault_set(fault, E_IO, "the log %s/%s cannot be cut: %s%s", log->folder, log->name, strerror(errno), disk_advice(errno));
	note(NOTE_WARNING, "log_tail_cut", "log=%s/%s segment=%06" PRIu32 " bytes=%zu reason=\"the last write was not finished\"", log->folder,
		log->name, segment->number, left);
	return OK;
}

static enum status segment_scan(struct disk_log *log, struct segment *segment, struct window *window, bool last,
	disk_log_callback *callback, void *context, struct fault *fault)
{
	uint64_t position = segment->start;
	for (;;) {
		if (window_fill(window, FRAME_HEAD) != OK)
			return fault_set(fault, E_IO, "the log %s/%s cannot be read: %s", log->folder, log->name, strerror(errno));
		struct span bytes = window_span(window);
		if (bytes.size == 0)
			break;
		struct reader reader = reader_of(bytes);
		uint64_t need = (uint64_t)read_u32(&reader) + LOG_FRAME_OVERHEAD;
		if (!reader.failed && need <= LOG_FRAME_MAX + LOG_FRAME_OVERHEAD && window_fill(window, (size_t)need) != OK)
			return fault_set(fault, E_IO, "the log %s/%s cannot be read: %s", log->folder, log->name, strerror(errno));
		struct log_frame frame;
		size_t size;
		enum status status = log_frame_read(window_span(window), position, &frame, &size);
		if (status != OK) {
			TRY(tail_cut(log, segment, window, position, last, fault));
			break;
		}
		if (callback && position >= log->handed)
			callback(context, &frame);
		window_take(window, size);
		position += size;
		if (position > log->handed)
			log->handed = position;
	}
	segment->size = position - segment->start;
	return OK;
}

/* A bad header: torn as well when nothing good follows, else damage. */
static enum status header_judge(const struct disk_log *log, const struct segment *segment, struct window *window, bool last,
	uint64_t expected, struct fault *fault)
{
	if (window_fill(window, (size_t)window->file_size) != OK)
		return fault_set(fault, E_IO, "the log %s/%s cannot be read: %s", log->folder, log->name, strerror(errno));
	struct span all = window_span(window);
	/* The search begins at its second byte; the first frame follows the header. */
	if (last && log_tail_is_torn(span_of(all.data + HEADER_SIZE - 1, all.size - HEADER_SIZE + 1), expected - 1))
		return E_NOT_FOUND;
	return damaged(log, segment, 0, fault);
}

/* Read the header. E_NOT_FOUND: it was never finished. */
static enum status header_read(const struct disk_log *log, struct segment *segment, struct window *window, bool last, uint64_t expected,
	struct fault *fault)
{
	if (window_fill(window, HEADER_SIZE) != OK)
		return fault_set(fault, E_IO, "the log %s/%s cannot be read: %s", log->folder, log->name, strerror(errno));
	struct span bytes = window_span(window);
	if (bytes.size < HEADER_SIZE)
		return E_NOT_FOUND;
	uint64_t start;
	if (!disk_segment_header_read(bytes, &start))
		return header_judge(log, segment, window, last, expected, fault);
	segment->start = start;
	window_take(window, HEADER_SIZE);
	return OK;
}

static enum status segment_create(struct disk_log *log, uint32_t number, uint64_t start, struct fault *fault)
{
	char path[PATH_MAX];
	segment_path(log, number, path);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return fault_set(fault, E_IO, "%s cannot be made: %s%s", path, strerror(errno), disk_advice(errno));
	struct buffer header = {0};
	disk_segment_header(start, &header);
	bool done = disk_write_all(fd, buffer_span(&header)) == OK && fsync(fd) == 0;
	int error = errno;
	buffer_free(&header);
	if (!done) {
		close(fd);
		return fault_set(fault, E_IO, "%s cannot be written: %s%s", path, strerror(error), disk_advice(error));
	}
	enum status status = disk_folder_flush(log->folder, fault);
	if (status != OK) {
		close(fd);
		return status;
	}
	if (log->fd >= 0) {
		disk_behind_end(log->fd);
		close(log->fd);
	}
	log->fd = fd;
	log->behind = (struct disk_behind){0};
	ARRAY_GROW(log->segments, log->count, log->capacity);
	log->segments[log->count++] = (struct segment){.number = number, .start = start};
	return OK;
}

/* Does a segment reach to where the next one begins? Looked at before the next one is, when this one could be repaired. */
static enum status segment_end_check(const struct disk_log *log, size_t which, struct fault *fault)
{
	const struct segment *segment = &log->segments[which];
	char path[PATH_MAX];
	uint64_t next;
	segment_path(log, segment[1].number, path);
	if (disk_segment_start(path, &next) != OK || next <= segment->start + segment->size)
		return OK;
	return damaged(log, segment, HEADER_SIZE + segment->size, fault);
}

static enum status segment_try(struct disk_log *log, size_t which, uint64_t pruned, disk_log_callback *callback, void *context,
	struct fault *fault)
{
	struct segment *segment = &log->segments[which];
	bool last = which + 1 == log->count;
	char path[PATH_MAX];
	segment_path(log, segment->number, path);
	struct stat facts;
	int fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &facts) != 0) {
		int error = errno;
		if (fd >= 0)
			close(fd);
		return fault_set(fault, E_IO, "%s cannot be opened: %s%s", path, strerror(error), disk_advice(error));
	}
	struct window window = {.fd = fd, .file_size = (uint64_t)facts.st_size};
	uint64_t expected = which ? log->segments[which - 1].start + log->segments[which - 1].size : 0;
	enum status status = header_read(log, segment, &window, last, expected, fault);
	if (status == OK && (which ? segment->start != expected : segment->start > pruned))
		status = fault_set(fault, E_CORRUPT, "the log %s/%s lacks data before its segment %06" PRIu32 " (a file was removed, cut or "
			"exchanged); put it back from a copy, or remove the whole log so that it is fetched again from the other members",
			log->folder, log->name, segment->number);
	if (status == OK)
		status = segment_scan(log, segment, &window, last, callback, context, fault);
	buffer_free(&window.bytes);
	if (status == OK && !last && log->repairing)
		status = segment_end_check(log, which, fault);
	if (status == E_NOT_FOUND) {
		/* The power failed while the segment was being made: it holds nothing yet. */
		close(fd);
		if (!last || (!which && segment->number != 0))
			return damaged(log, segment, 0, fault);
		uint32_t number = segment->number;
		log->count--;
		return segment_create(log, number, expected, fault);
	}
	if (status == OK && last)
		log->fd = fd;
	else
		close(fd);
	return status;
}

/* Replace the file by a repaired one. E_CORRUPT, the fault as it was: that cannot be done. */
static enum status segment_mend(const struct disk_log *log, size_t which, struct fault *fault)
{
	const struct segment *segment = &log->segments[which];
	char path[PATH_MAX], next[PATH_MAX];
	struct disk_damaged facts = {.folder = log->folder, .name = log->name, .path = path, .number = segment->number, .end = UINT64_MAX};
	segment_path(log, segment->number, path);
	bool known = disk_segment_start(path, &facts.start) == OK;
	uint64_t expected = which ? segment[-1].start + segment[-1].size : segment->number ? facts.start : 0;
	if (known ? facts.start != expected : !which && segment->number) /* another file in its place; or nobody knows where it begins */
		return E_CORRUPT;
	facts.start = expected;
	if (which + 1 < log->count) {
		segment_path(log, segment[1].number, next);
		if (disk_segment_start(next, &facts.end) != OK)
			return E_CORRUPT;
	}
	return disk_segment_repair(&facts, fault);
}

static enum status segment_open(struct disk_log *log, size_t which, uint64_t pruned, disk_log_callback *callback, void *context,
	struct fault *fault)
{
	enum status status = segment_try(log, which, pruned, callback, context, fault);
	if (status != E_CORRUPT || !log->repairing)
		return status;
	TRY(segment_mend(log, which, fault));
	return segment_try(log, which, pruned, callback, context, fault);
}

static enum status log_open(bool repairing, const char *folder, const char *name, disk_log_callback *callback, void *context,
	struct disk_log **out, struct fault *fault)
{
	if (strlen(folder) + strlen(name) + 32 > PATH_MAX)
		return fault_set(fault, E_CONFIG, "the folder name %.100s... is too long", folder);
	struct disk_log *log = memory_new(sizeof *log);
	log->folder = memory_text(span_of_text(folder));
	log->name = memory_text(span_of_text(name));
	log->fd = log->old_fd = -1;
	log->segment_size = LOG_SEGMENT_SIZE;
	log->repairing = repairing;
	uint64_t pruned = 0;
	enum status status = disk_folder(folder, fault);
	if (status == OK)
		status = segments_find(log, fault);
	if (status == OK)
		status = pruned_read(log, &pruned, fault);
	size_t found = log->count;
	for (size_t i = 0; status == OK && i < found; i++)
		status = segment_open(log, i, pruned, callback, context, fault);
	if (status == OK && found == 0)
		status = pruned_forget(log, fault);
	if (status == OK && found == 0)
		status = segment_create(log, 0, 0, fault);
	/* What a killed process had written and not flushed has just been read back. Whoever read it speaks as if it were safe. */
	log->dirty = true;
	if (status == OK)
		status = disk_log_flush(log, fault);
	if (status != OK) {
		disk_log_close(log);
		return status;
	}
	*out = log;
	return OK;
}

enum status disk_log_open(const char *folder, const char *name, disk_log_callback *callback, void *context, struct disk_log **out,
	struct fault *fault)
{
	return log_open(false, folder, name, callback, context, out, fault);
}

enum status disk_log_open_repairing(const char *folder, const char *name, disk_log_callback *callback, void *context,
	struct disk_log **out, struct fault *fault)
{
	return log_open(true, folder, name, callback, context, out, fault);
}

void disk_log_segment_size(struct disk_log *log, uint64_t bytes)
{
	log->segment_size = bytes;
}

uint64_t disk_log_bytes(const char *folder, const char *name)
{
	struct disk_log log = {.folder = memory_text(span_of_text(folder)), .name = memory_text(span_of_text(name))};
	uint64_t bytes = 0;
	enum status status = segments_find(&log, NULL);
	for (size_t i = 0; status == OK && i < log.count; i++) {
		char path[PATH_MAX];
		struct stat facts;
		segment_path(&log, log.segments[i].number, path);
		bytes += stat(path, &facts) == 0 ? (uint64_t)facts.st_size : 0;
	}
	free(log.segments);
	free(log.folder);
	free(log.name);
	return bytes;
}

void disk_log_close(struct disk_log *log)
{
	if (!log)
		return;
	if (log->fd >= 0)
		close(log->fd);
	if (log->old_fd >= 0)
		close(log->old_fd);
	free(log->segments);
	free(log->folder);
	free(log->name);
	free(log);
}

static struct segment *newest(const struct disk_log *log)
{
	return &log->segments[log->count - 1];
}

uint64_t disk_log_end(const struct disk_log *log)
{
	return newest(log)->start + newest(log)->size;
}

static enum status flush_failed(struct disk_log *log, int error, struct fault *fault)
{
	log->failed = true;
	return fault_set(fault, E_IO, "the log %s/%s cannot be flushed to the disk: %s%s", log->folder, log->name, strerror(error), disk_advice(error));
}

enum status disk_log_append(struct disk_log *log, struct span frames, struct fault *fault)
{
	struct segment *segment = newest(log);
	if (log->failed)
		return flush_failed(log, EIO, fault);
	if (segment->size && segment->size + frames.size > log->segment_size) {
		if (segment->number == SEGMENTS_MAX)
			return fault_set(fault, E_LIMIT, "the log %s/%s has reached its last segment; prune it", log->folder, log->name);
		TRY(disk_log_flush(log, fault));
		TRY(segment_create(log, segment->number + 1, disk_log_end(log), fault));
		segment = newest(log);
	}
	if (disk_write_all(log->fd, frames) != OK)
		return fault_set(fault, E_IO, "the log %s/%s cannot be written: %s%s", log->folder, log->name, strerror(errno), disk_advice(errno));
	segment->size += frames.size;
	log->dirty = true;
	disk_behind(&log->behind, log->fd, HEADER_SIZE + segment->size);
	return OK;
}

enum status disk_log_flush(struct disk_log *log, struct fault *fault)
{
	if (!log->dirty)
		return OK;
	if (log->failed || fdatasync(log->fd) != 0)
		return flush_failed(log, log->failed ? EIO : errno, fault);
	log->dirty = false;
	return OK;
}

/* The segment that holds `position`; NULL when it was pruned or lies beyond the end. */
static const struct segment *segment_of(const struct disk_log *log, uint64_t position)
{
	if (position < log->segments[0].start || position >= disk_log_end(log))
		return NULL;
	size_t low = 0, high = log->count;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (log->segments[middle].start <= position)
			low = middle;
		else
			high = middle;
	}
	return &log->segments[low];
}

static int segment_fd(struct disk_log *log, const struct segment *segment)
{
	if (segment == newest(log))
		return log->fd;
	if (log->old_fd >= 0 && log->old_number == segment->number)
		return log->old_fd;
	if (log->old_fd >= 0)
		close(log->old_fd);
	char path[PATH_MAX];
	segment_path(log, segment->number, path);
	log->old_fd = open(path, O_RDONLY | O_CLOEXEC);
	log->old_number = segment->number;
	return log->old_fd;
}

enum status disk_log_read(struct disk_log *log, uint64_t position, struct buffer *bytes, uint8_t *kind, struct fault *fault)
{
	const struct segment *segment = segment_of(log, position);
	if (!segment)
		return fault_set(fault, E_NOT_FOUND, "position %" PRIu64 " of the log %s/%s was pruned or never written", position, log->folder, log->name);
	int fd = segment_fd(log, segment);
	uint64_t offset = HEADER_SIZE + position - segment->start;
	uint8_t head[FRAME_HEAD];
	size_t got = 0;
	if (fd < 0 || pread_all(fd, head, sizeof head, offset, &got) != OK)
		return fault_set(fault, E_IO, "the log %s/%s cannot be read: %s", log->folder, log->name, strerror(errno));
	struct reader reader = reader_of(span_of(head, got));
	uint64_t size = (uint64_t)read_u32(&reader) + LOG_FRAME_OVERHEAD;
	if (got < sizeof head || size > LOG_FRAME_MAX + LOG_FRAME_OVERHEAD)
		return damaged(log, segment, offset, fault);
	struct buffer raw = {0};
	buffer_reserve(&raw, (size_t)size);
	enum status status = pread_all(fd, raw.data, (size_t)size, offset, &got);
	raw.size = got;
	struct log_frame frame;
	size_t whole;
	if (status != OK)
		fault_set(fault, status, "the log %s/%s cannot be read: %s", log->folder, log->name, strerror(errno));
	else if (log_frame_read(buffer_span(&raw), position, &frame, &whole) != OK)
		status = damaged(log, segment, offset, fault);
	else {
		buffer_append_span(bytes, frame.bytes);
		*kind = frame.kind;
	}
	buffer_free(&raw);
	return status;
}

enum status disk_log_skip(struct disk_log *log, uint64_t position, uint64_t *next)
{
	const struct segment *segment = segment_of(log, position);
	if (!segment)
		return E_NOT_FOUND;
	/* A peer may ask for the same place again and again; the search is long. */
	if (log->bad == position && log->bad_next > position) {
		*next = log->bad_next;
		return OK;
	}
	int fd = segment_fd(log, segment);
	uint64_t left = segment->start + segment->size - position;
	struct buffer bytes = {0};
	size_t got = 0;
	if (left <= LOG_FRAME_OVERHEAD || left > SIZE_MAX)
		return E_CORRUPT;
	buffer_reserve(&bytes, (size_t)left);
	enum status status = fd < 0 ? E_IO : pread_all(fd, bytes.data, (size_t)left, HEADER_SIZE + position - segment->start, &got);
	bytes.size = got;
	if (status == OK) {
		size_t good = got > LOG_FRAME_OVERHEAD ? log_frame_find(buffer_span(&bytes), position, LOG_FRAME_OVERHEAD) : got;
		*next = good < got ? position + good : segment->start + segment->size;
		log->bad = position;
		log->bad_next = *next;
	}
	buffer_free(&bytes);
	return status;
}

enum status disk_log_prune(struct disk_log *log, uint64_t position, struct fault *fault)
{
	size_t drop = 0;
	while (drop + 1 < log->count && log->segments[drop + 1].start <= position)
		drop++;
	if (drop == 0)
		return OK;
	/* First the mark: a missing first segment is damage unless the mark says that it was pruned. */
	char path[PATH_MAX];
	struct buffer bytes = {0};
	pruned_path(log, path);
	write_u64(&bytes, log->segments[drop].start);
	enum status status = disk_write(path, buffer_span(&bytes), 0600, fault);
	buffer_free(&bytes);
	TRY(status);
	if (log->old_fd >= 0)
		close(log->old_fd);
	log->old_fd = -1;
	for (size_t i = 0; i < drop; i++) {
		segment_path(log, log->segments[i].number, path);
		if (unlink(path) != 0 && errno != ENOENT)
			return fault_set(fault, E_IO, "%s cannot be deleted: %s%s", path, strerror(errno), disk_advice(errno));
	}
	log->count -= drop;
	memmove(log->segments, log->segments + drop, log->count * sizeof *log->segments);
	return disk_folder_flush(log->folder, fault);
}

/* The newest segment's file goes; the one before it is the newest then. */
static enum status newest_remove(struct disk_log *log, struct fault *fault)
{
	char path[PATH_MAX];
	segment_path(log, newest(log)->number, path);
	if (unlink(path) != 0 && errno != ENOENT)
		return fault_set(fault, E_IO, "%s cannot be deleted: %s%s", path, strerror(errno), disk_advice(errno));
	log->count--;
	return disk_folder_flush(log->folder, fault);
}

enum status disk_log_cut(struct disk_log *log, uint64_t position, struct fault *fault)
{
	char path[PATH_MAX];
	CHECK(position >= log->segments[0].start && position <= disk_log_end(log));
	if (log->old_fd >= 0)
		close(log->old_fd);
	log->old_fd = -1;
	bool reopen = false;
	for (; log->count > 1 && newest(log)->start >= position; reopen = true)
		TRY(newest_remove(log, fault));
	segment_path(log, newest(log)->number, path);
	int fd = reopen ? open(path, O_RDWR | O_APPEND | O_CLOEXEC) : log->fd;
	if (fd >= 0 && reopen)
		close(log->fd);
	if (fd < 0 || ftruncate(fd, (off_t)(HEADER_SIZE + position - newest(log)->start)) != 0 || fsync(fd) != 0)
		return fault_set(fault, E_IO, "the log %s/%s cannot be cut: %s%s", log->folder, log->name, strerror(errno), disk_advice(errno));
	log->fd = fd;
	newest(log)->size = position - newest(log)->start;
	log->behind = (struct disk_behind){0};
	log->bad = log->bad_next = 0;
	return OK;
}

enum status disk_log_remove(const char *folder, const char *name, struct fault *fault)
{
	struct disk_log log = {.folder = memory_text(span_of_text(folder)), .name = memory_text(span_of_text(name))};
	enum status status = segments_find(&log, fault);
	/* From the end, so that what is left is always the beginning of a log; the mark of pruning last. */
	while (status == OK && log.count)
		status = newest_remove(&log, fault);
	if (status == OK)
		status = pruned_forget(&log, fault);
	free(log.segments);
	free(log.folder);
	free(log.name);
	return status;
}
