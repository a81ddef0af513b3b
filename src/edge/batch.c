#include "edge/inside.h"

#include <stdlib.h>

bool batch_has_device(struct edge *edge, struct device *device)
{
	if (device->in_chunk)
		return true;
	if (!device->wrangler)
		return false;
	if (edge->chunk_devices >= ANCHOR_DEVICES_MAX)
		batch_seal(edge); /* an anchor names each device: keep it below the size of a statement */
	if (edge->chunk_devices >= ANCHOR_DEVICES_MAX)
		return false;
	if (chunk_builder_device(edge->builder, span_of_text(device->name), device->channels, device->channel_count, &device->chunk_index) != OK)
		return false;
	device->in_chunk = true;
	device->first_seq = device->last_seq = device->samples = device->missing = 0;
	edge->chunk_devices++;
	if (edge->opened_wall_ns == 0)
		edge->opened_wall_ns = edge->wall_ns;
	return true;
}

void batch_row(struct edge *edge, struct device *device, uint64_t seq, int64_t received_ns, const struct wrangle_row *row, uint64_t *leaf)
{
	if (!batch_has_device(edge, device))
		return;
	if (chunk_builder_row(edge->builder, device->chunk_index, seq, received_ns, row, leaf) != OK) {
		/* The chunk is full: seal it and begin the next one with this row. */
		batch_seal(edge);
		CHECK(batch_has_device(edge, device));
		CHECK(chunk_builder_row(edge->builder, device->chunk_index, seq, received_ns, row, leaf) == OK);
	}
	if (device->first_seq == 0)
		device->first_seq = seq;
	device->last_seq = seq;
	device->samples += device->channel_count;
}

/* Forget an open chunk that holds no sample yet. */
void batch_reset(struct edge *edge)
{
	batch_seal(edge);
	for (size_t i = 0; i < edge->device_count; i++)
		edge->devices[i]->in_chunk = false;
	edge->chunk_devices = 0;
	edge->opened_wall_ns = 0;
	chunk_builder_free(edge->builder);
	edge->builder = chunk_builder_new();
}

static struct digest wrangling_digest(const struct edge *edge)
{
	struct buffer all = {0};
	for (size_t i = 0; i < edge->device_count; i++) {
		if (!edge->devices[i]->in_chunk)
			continue;
		struct digest one = wrangler_digest(edge->devices[i]->wrangler);
		buffer_append(&all, one.bytes, DIGEST_SIZE);
	}
	struct digest digest = sha256(buffer_span(&all));
	buffer_free(&all);
	return digest;
}

static size_t reasons_fill(struct body_reason *out, const uint64_t *counts, size_t count, const char *(*name)(unsigned))
{
	size_t filled = 0;
	for (unsigned i = 0; i < count; i++) {
		if (counts[i] == 0)
			continue;
		struct body_reason reason = {span_of_text(name(i)), counts[i]};
		size_t at = filled++;
		/* Names ascending: the one order of the encoding. */
		while (at > 0 && strcmp((const char *)out[at - 1].reason.data, (const char *)reason.reason.data) > 0) {
			out[at] = out[at - 1];
			at--;
		}
		out[at] = reason;
	}
	return filled;
}

static void ranges_fill(struct edge *edge, struct body_anchor *anchor)
{
	for (size_t i = 0; i < edge->device_count && anchor->range_count < BODY_RANGES_MAX; i++) {
		const struct device *device = edge->devices[i];
		if (!device->in_chunk || device->first_seq == 0)
			continue;
		anchor->ranges[anchor->range_count++] = (struct body_range){.device = span_of_text(device->name),
			.registration = device->registration_id, .bounds = device->bounds_id, .model = device->model_id,
			.first_seq = device->first_seq, .last_seq = device->last_seq, .missing = device->missing, .samples = device->samples};
	}
}

/* Remember where each device's messages went, and begin afresh. */
static void devices_leave(struct edge *edge, const struct digest *chunk)
{
	for (size_t i = 0; i < edge->device_count; i++) {
		struct device *device = edge->devices[i];
		if (device->in_chunk && device->first_seq) {
			ARRAY_GROW(device->chunks, device->chunk_count, device->chunk_capacity);
			device->chunks[device->chunk_count++] = (struct chunk_span){device->first_seq, device->last_seq, *chunk};
		}
		device->in_chunk = false;
	}
	edge->chunk_devices = 0;
	edge->opened_wall_ns = 0;
}

void batch_seal(struct edge *edge)
{
	if (chunk_builder_samples(edge->builder) == 0) {
		decide_utter(edge, NULL, NULL);
		return;
	}
	struct body_anchor *anchor = memory_new(sizeof *anchor);
	ranges_fill(edge, anchor);
	struct edge_action *write = edge_action_add(edge, EDGE_WRITE_CHUNK);
	struct chunk_summary summary;
	chunk_builder_seal(edge->builder, &write->bytes, &summary);
	write->digest = summary.digest;
	anchor->chunk = summary.digest;
	anchor->root = summary.root;
	anchor->samples = summary.samples;
	anchor->size = write->bytes.size;
	anchor->first_ns = summary.first_ns;
	anchor->last_ns = summary.last_ns;
	anchor->wrangling = wrangling_digest(edge);
	anchor->firmware = edge->config.firmware;
	anchor->evidence = EVIDENCE_GATEWAY;
	anchor->site = edge->config.site;
	anchor->purpose = span_of_text("condition monitoring");
	uint64_t flagged[REASON_COUNT];
	memcpy(flagged, edge->flagged, sizeof flagged);
	flagged[REASON_NONE] = 0;
	anchor->flagged_count = reasons_fill(anchor->flagged, flagged, REASON_COUNT, wrangle_reason_name);
	uint64_t refused[REFUSED_COUNT];
	memcpy(refused, edge->refused, sizeof refused);
	refused[REFUSED_WAITING] = 0;
	anchor->refused_count = reasons_fill(anchor->refused, refused, REFUSED_COUNT, edge_refusal_name);
	edge->totals.chunks++;
	edge->totals.chunk_bytes += anchor->size;
	edge->totals.chunk_samples += anchor->samples;

	struct buffer body = {0};
	body_anchor_encode(anchor, &body);
	struct digest parents[] = {edge->registration_id};
	struct digest id = outbox_emit(edge, STATEMENT_ANCHOR, edge->config.site, parents, 1, buffer_span(&body));
	buffer_free(&body);
	map_put(&edge->anchor_by_chunk, digest_span(&summary.digest), edge->anchor_count);
	ARRAY_GROW(edge->anchors, edge->anchor_count, edge->anchor_capacity);
	edge->anchors[edge->anchor_count++] = (struct anchor_note){.id = id, .samples = anchor->samples};
	edge->last_anchor = id;
	free(anchor);

	memset(edge->flagged, 0, sizeof edge->flagged);
	memset(edge->refused, 0, sizeof edge->refused);
	devices_leave(edge, &summary.digest);
	edge->sealed_wall_ns = edge->wall_ns;
	decide_utter(edge, &summary.digest, &id);
}
