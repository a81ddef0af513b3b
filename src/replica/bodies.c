#include "replica/bodies.h"

#include <stdlib.h>

static void ahead_queue(struct bodies *bodies, struct body_kept *kept)
{
	kept->ahead_before = bodies->ahead_last;
	*(bodies->ahead_last ? &bodies->ahead_last->ahead_after : &bodies->ahead_first) = kept;
	bodies->ahead_last = kept;
}

void bodies_ahead_done(struct bodies *bodies, struct body_kept *kept)
{
	if (!kept->ahead_before && bodies->ahead_first != kept)
		return;
	*(kept->ahead_before ? &kept->ahead_before->ahead_after : &bodies->ahead_first) = kept->ahead_after;
	*(kept->ahead_after ? &kept->ahead_after->ahead_before : &bodies->ahead_last) = kept->ahead_before;
	kept->ahead_before = kept->ahead_after = NULL;
}

void body_free(struct body_kept *kept)
{
	if (!kept)
		return;
	free(kept->bytes);
	free(kept->statements);
	free(kept);
}

static void unlink_from(struct bodies *bodies, struct body_kept *kept)
{
	bodies_ahead_done(bodies, kept);
	if (kept->before)
		kept->before->after = kept->after;
	else
		bodies->all = kept->after;
	if (kept->after)
		kept->after->before = kept->before;
}

void bodies_free(struct bodies *bodies)
{
	while (bodies->all) {
		struct body_kept *kept = bodies->all;
		unlink_from(bodies, kept);
		body_free(kept);
	}
	map_free(&bodies->by_digest);
}

void bodies_add(struct bodies *bodies, const struct block *block)
{
	if (map_get(&bodies->by_digest, digest_span(&block->digest), NULL))
		return;
	struct body_kept *kept = memory_new_array(1, sizeof *kept);
	kept->size = block->body.size;
	kept->author = block->author;
	if (kept->size) {
		kept->bytes = memory_new(kept->size);
		memcpy(kept->bytes, block->body.data, kept->size);
		ahead_queue(bodies, kept);
	}
	kept->after = bodies->all;
	if (kept->after)
		kept->after->before = kept;
	bodies->all = kept;
	map_put(&bodies->by_digest, digest_span(&block->digest), (uint64_t)(uintptr_t)kept);
}

void bodies_take_own(struct bodies *bodies, uint16_t author, struct buffer *out)
{
	struct body_kept *oldest = bodies->all;
	while (oldest && oldest->after)
		oldest = oldest->after;
	for (; oldest; oldest = oldest->before)
		if (oldest->author == author && oldest->size)
			buffer_append(out, oldest->bytes, oldest->size);
}

struct body_kept *bodies_take(struct bodies *bodies, const struct digest *block)
{
	uint64_t value;
	if (!map_get(&bodies->by_digest, digest_span(block), &value))
		return NULL;
	map_remove(&bodies->by_digest, digest_span(block));
	struct body_kept *kept = (struct body_kept *)(uintptr_t)value;
	unlink_from(bodies, kept);
	return kept;
}
