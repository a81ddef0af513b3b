/* After a start: the own log first, then what the ledger knows, then the intake that is in no anchor yet. */
#include "edge/inside.h"

#include <stdlib.h>

struct intake {
	uint64_t seq;
	struct span device;
};

static bool intake_read(struct span frame, struct intake *out)
{
	struct reader in = reader_of(frame);
	read_u8(&in);
	out->seq = read_u64(&in);
	read_u64(&in);
	read_i64(&in);
	out->device = read_block(&in, STATEMENT_NAME_MAX);
	return !in.failed;
}

static bool is_covered(const struct edge *edge, struct span frame)
{
	struct intake intake;
	uint64_t covered = 0;
	return !intake_read(frame, &intake) || (map_get(&edge->covered, intake.device, &covered) && intake.seq <= covered);
}

/* Keep what is in no anchor and stands at `from` or later. */
static void filter(struct edge *edge, uint64_t from)
{
	struct buffer kept = {0};
	struct reader in = reader_of(buffer_span(&edge->recovered));
	while (in.rest.size) {
		uint64_t position = read_u64(&in);
		struct span frame = read_block(&in, LOG_FRAME_MAX);
		if (position < from || is_covered(edge, frame))
			continue;
		write_u64(&kept, position);
		write_block(&kept, frame);
	}
	buffer_free(&edge->recovered);
	edge->recovered = kept;
}

static void anchor_covers(struct edge *edge, const struct statement *statement)
{
	struct body_anchor *anchor = memory_new(sizeof *anchor);
	bool good = body_anchor_decode(statement->body, anchor, NULL) == OK;
	for (size_t i = 0; good && i < anchor->range_count; i++) {
		uint64_t old = 0;
		const struct body_range *range = &anchor->ranges[i];
		if (!map_get(&edge->covered, range->device, &old) || old < range->last_seq)
			map_put(&edge->covered, range->device, range->last_seq);
	}
	free(anchor);
	if (good)
		filter(edge, 0);
}

static void statement_frame(struct edge *edge, const struct edge_event *event)
{
	struct statement statement;
	/* The checksum held: what we cannot read, a later version wrote; the ledger will tell. */
	if (statement_decode(event->bytes, &statement, NULL) != OK || !span_equal(statement.iss, edge->config.gateway) || statement.seq > UINT64_MAX / 2)
		return;
	outbox_recovered(edge, &statement, event->bytes, event->position);
	if (statement.type == STATEMENT_ANCHOR)
		anchor_covers(edge, &statement);
}

void recovery_frame(struct edge *edge, const struct edge_event *event)
{
	struct reader in = reader_of(event->bytes);
	edge->log_end = event->position + LOG_FRAME_OVERHEAD + event->bytes.size;
	if (event->frame_kind == EDGE_FRAME_STATEMENT) {
		statement_frame(edge, event);
	} else if (event->frame_kind == EDGE_FRAME_INTAKE) {
		write_u64(&edge->recovered, event->position);
		write_block(&edge->recovered, event->bytes);
	} else if (event->frame_kind == EDGE_FRAME_CHAIN) {
		uint64_t first = read_u64(&in), now = read_u64(&in);
		if (reader_end(&in) == OK)
			outbox_chain_recovered(edge, first, now);
	} else if (event->frame_kind == EDGE_FRAME_RELEASED) {
		uint64_t position = read_u64(&in);
		if (reader_end(&in) != OK || position > event->position)
			return;
		outbox_released_recovered(edge, position);
		filter(edge, position);
	}
}

static void windows_follow(struct edge *edge)
{
	for (size_t i = 0; i < edge->device_count; i++) {
		uint64_t covered;
		struct device *device = edge->devices[i];
		if (map_get(&edge->covered, span_of_text(device->name), &covered) && device->window.last < covered)
			device->window.last = covered;
		device->ack_due = device->window.last > 0;
	}
}

/* What is decided already, and only waits to be final. */
static void decisions_follow(struct edge *edge)
{
	for (size_t i = 0; i < edge->outbox.count; i++) {
		const struct outbox_item *item = outbox_at(edge, i);
		struct statement statement;
		CHECK(statement_decode(buffer_span(&item->bytes), &statement, NULL) == OK);
		struct device *device = edge_device(edge, statement.sub);
		if (!device)
			continue;
		if (item->type == STATEMENT_RESULT)
			command_answered(edge, &statement);
		if (item->type == STATEMENT_MODEL) {
			device->commissioned = true;
			device->model_proposed = item->id;
		}
		if (item->type == STATEMENT_COMMAND) {
			device->command = item->id;
			device->command_ns = edge_seconds_ns(statement.iat);
			device->command_final = device->command_sent = false;
		}
	}
}

void recovery_end(struct edge *edge)
{
	outbox_recovery_end(edge);
	windows_follow(edge);
	decisions_follow(edge);
	filter(edge, 0);
	struct buffer intake = edge->recovered;
	edge->recovered = (struct buffer){0};
	struct reader in = reader_of(buffer_span(&intake));
	edge->recovering = true;
	while (in.rest.size) {
		read_u64(&in);
		message_recovered(edge, read_block(&in, LOG_FRAME_MAX));
	}
	edge->recovering = false;
	buffer_free(&intake);
	map_free(&edge->covered);
	for (size_t i = 0; i < edge->device_count; i++)
		command_send_due(edge, edge->devices[i], false);
	outbox_again(edge, 0); /* what was in the outbox when we stopped */
}
