#include "edge/inside.h"

#include <stdlib.h>

void batch_join(struct edge *edge, struct device *device)
{
	if (device->in_batch)
		return;
	size_t bytes = strlen(device->name) + ANCHOR_RANGE_BYTES;
	if (edge->batch_devices == ANCHOR_DEVICES_MAX || edge->batch_range_bytes + bytes > ANCHOR_RANGES_BYTES)
		batch_seal(edge); /* an anchor names each device: keep it below the size of a statement */
	device->in_batch = true;
	device->first_seq = device->last_seq = device->samples = device->missing = 0;
	device->evidence = 0;
	device->has_columns = device->wrangler &&
		chunk_builder_device(edge->builder, span_of_text(device->name), device->channels, device->channel_count, &device->chunk_index) == OK;
	edge->batch_devices++;
	edge->batch_range_bytes += bytes;
	if (edge->opened_wall_ns == 0)
		edge->opened_wall_ns = edge->wall_ns;
}

void batch_room(struct edge *edge)
{
	uint64_t samples = chunk_builder_samples(edge->builder);
	if (samples >= CHUNK_ROOM_SAMPLES || samples >= edge->config.seal_samples || edge->finding_count >= EDGE_FINDINGS_SEAL)
		batch_seal(edge);
}

bool batch_row(struct edge *edge, struct device *device, uint64_t seq, int64_t received_ns, const struct wrangle_row *row, uint64_t *leaf)
{
	if (!device->has_columns)
		return false;
	/* batch_room left room for a whole message. */
	CHECK(chunk_builder_row(edge->builder, device->chunk_index, seq, received_ns, row, leaf) == OK);
	device->samples += device->channel_count;
	return true;
}

void batch_evidence(struct edge *edge, struct device *device, uint64_t seq, struct span payload)
{
	/* Whoever may publish could fill the disk with it: a sample of it is evidence enough, all of it is counted. */
	if (edge->batch_evidence >= CHUNK_EVIDENCE_MAX || (device->in_batch && device->evidence >= CHUNK_EVIDENCE_DEVICE_MAX))
		return;
	batch_join(edge, device);
	if (!device->has_columns || chunk_builder_refused(edge->builder, device->chunk_index, seq, edge->now_ns, payload) != OK)
		return;
	device->evidence++;
	edge->batch_evidence++;
}

static struct digest wrangling_digest(const struct edge *edge)
{
	struct buffer all = {0};
	for (size_t i = 0; i < edge->device_count; i++) {
		if (!edge->devices[i]->in_batch || !edge->devices[i]->wrangler)
			continue;
		struct digest one = wrangler_digest(edge->devices[i]->wrangler);
		buffer_append(&all, one.bytes, DIGEST_SIZE);
	}
	struct digest digest = sha256(buffer_span(&all));
	buffer_free(&all);
	return digest;
}

/* `none` is not counted. */
static size_t reasons_fill(struct body_reason *out, const uint64_t *counts, unsigned count, unsigned none, const char *(*name)(unsigned))
{
	size_t filled = 0;
	for (unsigned i = 0; i < count; i++) {
		if (counts[i] == 0 || i == none)
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
	for (size_t i = 0; i < edge->device_count; i++) {
		const struct device *device = edge->devices[i];
		if (!device->in_batch || device->first_seq == 0)
			continue;
		CHECK(anchor->range_count < BODY_RANGES_MAX);
		anchor->ranges[anchor->range_count++] = (struct body_range){.device = span_of_text(device->name),
			.registration = device->registration_id, .bounds = device->bounds_id, .model = device->model_id,
			.first_seq = device->first_seq, .last_seq = device->last_seq, .missing = device->missing, .samples = device->samples};
	}
}

/* Messages without samples count, too: anchors account for every number that was taken. */
static bool is_empty(const struct edge *edge)
{
	if (chunk_builder_samples(edge->builder) > 0 || edge->batch_evidence > 0)
		return false;
	for (size_t i = 0; i < edge->device_count; i++)
		if (edge->devices[i]->in_batch && edge->devices[i]->first_seq)
			return false;
	return true;
}

static struct digest anchor_emit(struct edge *edge, struct body_anchor *anchor)
{
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
	anchor->flagged_count = reasons_fill(anchor->flagged, edge->flagged, REASON_COUNT, REASON_NONE, wrangle_reason_name);
	anchor->refused_count = reasons_fill(anchor->refused, edge->refused, REFUSED_COUNT, REFUSED_WAITING, edge_refusal_name);
	edge->totals.chunks++;
	edge->totals.chunk_bytes += anchor->size;
	edge->totals.chunk_samples += anchor->samples;
	struct buffer body = {0};
	body_anchor_encode(anchor, &body);
	struct digest id = outbox_emit(edge, STATEMENT_ANCHOR, edge->config.site, &edge->registration_id, 1, buffer_span(&body));
	buffer_free(&body);
	return id;
}

/* Remember where each device's messages went, and begin afresh. */
static void devices_leave(struct edge *edge)
{
	for (size_t i = 0; i < edge->device_count; i++) {
		struct device *device = edge->devices[i];
		if (device->in_batch && device->first_seq)
			chunks_span(edge, device, device->first_seq, device->last_seq);
		device->in_batch = device->has_columns = false;
	}
	memset(edge->flagged, 0, sizeof edge->flagged);
	memset(edge->refused, 0, sizeof edge->refused);
	edge->batch_devices = edge->batch_range_bytes = edge->batch_evidence = 0;
	edge->opened_wall_ns = 0;
}

void batch_seal(struct edge *edge)
{
	if (is_empty(edge)) {
		decide_utter(edge, NULL, NULL);
		return;
	}
	uint64_t position = edge->log_end;
	struct body_anchor *anchor = memory_new(sizeof *anchor);
	struct digest id = anchor_emit(edge, anchor);
	struct digest chunk = anchor->chunk;
	chunks_sealed(edge, &chunk, &id, anchor->samples);
	free(anchor);
	edge->last_anchor = id;
	devices_leave(edge);
	decide_utter(edge, &chunk, &id);
	/* All intake before `position` is in anchors now, once this one and what was signed up to here is final. While the log is
	 * taken in again, it is not. */
	if (edge->release_seq == 0 && !edge->recovering) {
		edge->release_seq = edge->next_seq - 1;
		edge->release_position = position;
	}
}
