#include "edge/inside.h"

#include <stdlib.h>

static struct chunk_note *note_at(struct chunk_index *index, uint64_t number)
{
	return &index->notes[number % EDGE_CHUNKS_KEPT];
}

/* The oldest note goes; whoever asks for it is told that nothing is known. */
static void note_forget(struct chunk_index *index, const struct chunk_note *note, uint64_t number)
{
	uint64_t newest;
	if (map_get(&index->by_chunk, digest_span(&note->chunk), &newest) && newest == number)
		map_remove(&index->by_chunk, digest_span(&note->chunk));
	map_remove(&index->by_anchor, digest_span(&note->anchor));
}

void chunks_sealed(struct edge *edge, const struct digest *chunk, const struct digest *anchor, uint64_t samples)
{
	struct chunk_index *index = &edge->chunks;
	uint64_t number = index->note_count;
	if (number < EDGE_CHUNKS_KEPT)
		ARRAY_GROW(index->notes, number, index->note_capacity);
	else
		note_forget(index, note_at(index, number), number - EDGE_CHUNKS_KEPT);
	*note_at(index, number) = (struct chunk_note){.chunk = *chunk, .anchor = *anchor, .samples = samples};
	/* Chunks without samples may be equal: the newest counts. */
	map_put(&index->by_chunk, digest_span(chunk), number);
	map_put(&index->by_anchor, digest_span(anchor), number);
	index->note_count++;
}

void chunks_span(struct edge *edge, const struct device *device, uint64_t first_seq, uint64_t last_seq)
{
	struct chunk_index *index = &edge->chunks;
	if (index->span_count < EDGE_SPANS_KEPT)
		ARRAY_GROW(index->spans, index->span_count, index->span_capacity);
	index->spans[index->span_count++ % EDGE_SPANS_KEPT] =
		(struct chunk_span){.chunk = index->note_count - 1, .first_seq = first_seq, .last_seq = last_seq, .device = device->number};
}

bool chunks_final(struct edge *edge, const struct digest *anchor)
{
	struct chunk_index *index = &edge->chunks;
	uint64_t number;
	if (!map_get(&index->by_anchor, digest_span(anchor), &number))
		return false;
	struct chunk_note *note = note_at(index, number);
	if (!note->final)
		edge->totals.anchored += note->samples;
	note->final = true;
	return true;
}

void chunks_rename(struct edge *edge, const struct digest *old, const struct digest *new)
{
	struct chunk_index *index = &edge->chunks;
	uint64_t number;
	if (!map_get(&index->by_anchor, digest_span(old), &number))
		return;
	map_remove(&index->by_anchor, digest_span(old));
	note_at(index, number)->anchor = new ? *new : (struct digest){0};
	if (new)
		map_put(&index->by_anchor, digest_span(new), number);
}

void chunks_free(struct chunk_index *index)
{
	free(index->notes);
	free(index->spans);
	map_free(&index->by_chunk);
	map_free(&index->by_anchor);
}

struct digest edge_anchor_of(const struct edge *edge, const struct digest *chunk, bool *final)
{
	const struct chunk_index *index = &edge->chunks;
	uint64_t number;
	*final = false;
	if (!map_get(&index->by_chunk, digest_span(chunk), &number))
		return (struct digest){0};
	const struct chunk_note *note = &index->notes[number % EDGE_CHUNKS_KEPT];
	*final = note->final;
	return note->anchor;
}

bool edge_chunk_of(const struct edge *edge, size_t device, uint64_t seq, struct digest *chunk)
{
	const struct chunk_index *index = &edge->chunks;
	uint64_t oldest = index->span_count > EDGE_SPANS_KEPT ? index->span_count - EDGE_SPANS_KEPT : 0;
	uint64_t oldest_note = index->note_count > EDGE_CHUNKS_KEPT ? index->note_count - EDGE_CHUNKS_KEPT : 0;
	for (uint64_t i = index->span_count; i-- > oldest;) {
		const struct chunk_span *span = &index->spans[i % EDGE_SPANS_KEPT];
		if (span->device != device || seq < span->first_seq || seq > span->last_seq || span->chunk < oldest_note)
			continue;
		*chunk = index->notes[span->chunk % EDGE_CHUNKS_KEPT].chunk;
		return true;
	}
	return false;
}
