#include "store/log_repair.h"

#include <stdlib.h>

void log_damages_free(struct log_damages *damages)
{
	free(damages->items);
	*damages = (struct log_damages){0};
}

void log_hole_write(struct buffer *out, uint64_t position, uint64_t size)
{
	CHECK(size >= LOG_FRAME_OVERHEAD);
	const uint64_t largest = LOG_FRAME_MAX + LOG_FRAME_OVERHEAD;
	size_t zeros_size = size < largest ? (size_t)size : (size_t)largest;
	uint8_t *zeros = memory_new(zeros_size);
	while (size) {
		uint64_t part = size < largest ? size : largest;
		if (size > part && size - part < LOG_FRAME_OVERHEAD) /* the rest must be a frame as well */
			part -= LOG_FRAME_OVERHEAD;
		log_frame_write(out, position, LOG_FRAME_HOLE, span_of(zeros, (size_t)part - LOG_FRAME_OVERHEAD));
		position += part;
		size -= part;
	}
	free(zeros);
}

static void hole_add(struct buffer *out, uint64_t start, uint64_t offset, uint64_t size, struct log_damages *damages)
{
	ARRAY_GROW(damages->items, damages->count, damages->capacity);
	damages->items[damages->count++] = (struct log_damage){offset, size};
	log_hole_write(out, start + offset, size);
}

/* How much is damaged at the start of `bytes`; 0: all of it is, without a good frame behind. */
static size_t damaged_size(struct span bytes, uint64_t position)
{
	struct log_frame frame;
	size_t size, good = log_frame_find(bytes, position, LOG_FRAME_OVERHEAD);
	if (good < bytes.size)
		return good;
	good = log_frame_find(bytes, position, 1);
	if (good >= bytes.size)
		return 0;
	/* Too near for a hole before it: it goes, too. */
	CHECK(log_frame_read(span_after(bytes, good), position + good, &frame, &size) == OK);
	return good + size;
}

enum status log_repair(struct span frames, uint64_t start, uint64_t end, struct buffer *out, struct log_damages *damages)
{
	bool newest = end == UINT64_MAX;
	if (end < start || (!newest && (frames.size > end - start || end - start > LOG_REPAIR_SEGMENT_MAX)))
		return E_CORRUPT;
	size_t at = 0;
	while (at < frames.size) {
		struct log_frame frame;
		size_t size;
		struct span rest = span_after(frames, at);
		if (log_frame_read(rest, start + at, &frame, &size) == OK) {
			buffer_append(out, rest.data, size);
			at += size;
			continue;
		}
		size_t damaged = damaged_size(rest, start + at);
		if (damaged == 0)
			break;
		hole_add(out, start, at, damaged, damages);
		at += damaged;
	}
	if (newest) {
		buffer_append_span(out, span_after(frames, at));
		return OK;
	}
	uint64_t missing = end - start - at;
	if (missing == 0)
		return OK;
	if (missing < LOG_FRAME_OVERHEAD)
		return E_CORRUPT;
	hole_add(out, start, at, missing, damages);
	return OK;
}
