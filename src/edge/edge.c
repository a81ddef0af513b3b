#include "edge/inside.h"

#include <stdlib.h>

struct edge *edge_new(const struct edge_config *config)
{
	struct edge *edge = memory_new(sizeof *edge);
	edge->config = *config;
	edge->builder = chunk_builder_new();
	edge->next_seq = 1;
	return edge;
}

void edge_free(struct edge *edge)
{
	if (!edge)
		return;
	for (size_t i = 0; i < edge->device_count; i++)
		device_free(edge->devices[i]);
	for (size_t i = 0; i < edge->people_count; i++)
		free(edge->people[i]);
	for (size_t i = 0; i < edge->outbox_count; i++)
		buffer_free(&edge->outbox[i].bytes);
	for (size_t i = 0; i < edge->actions.capacity; i++)
		buffer_free(&edge->actions.items[i].bytes);
	free(edge->devices);
	free(edge->people);
	free(edge->outbox);
	free(edge->anchors);
	free(edge->alarms);
	free(edge->markers);
	free(edge->actions.items);
	map_free(&edge->device_by_name);
	map_free(&edge->anchor_by_chunk);
	map_free(&edge->alarm_by_id);
	map_free(&edge->marker_by_id);
	map_free(&edge->covered);
	buffer_free(&edge->recovered);
	chunk_builder_free(edge->builder);
	wipe(edge->config.secret, sizeof edge->config.secret);
	free(edge);
}

struct edge_action *edge_action_add(struct edge *edge, enum edge_action_kind kind)
{
	struct edge_actions *actions = &edge->actions;
	if (actions->count == actions->capacity) {
		size_t old = actions->capacity;
		actions->capacity = old ? 2 * old : 16;
		actions->items = memory_resize(actions->items, actions->capacity, sizeof *actions->items);
		memset(actions->items + old, 0, (actions->capacity - old) * sizeof *actions->items);
	}
	struct edge_action *action = &actions->items[actions->count++];
	struct buffer bytes = action->bytes; /* keep the memory */
	buffer_clear(&bytes);
	*action = (struct edge_action){.kind = kind, .bytes = bytes};
	return action;
}

struct device *edge_device(struct edge *edge, struct span name)
{
	uint64_t at;
	return map_get(&edge->device_by_name, name, &at) ? edge->devices[at] : NULL;
}

bool edge_words_have(struct span words, const char *word)
{
	size_t size = strlen(word);
	for (size_t i = 0; i + size <= words.size; i++) {
		bool starts = i == 0 || words.data[i - 1] == ' ';
		bool ends = i + size == words.size || words.data[i + size] == ' ';
		if (starts && ends && memcmp(words.data + i, word, size) == 0)
			return true;
	}
	return false;
}

void edge_frame_append(struct edge *edge, uint8_t kind, struct span bytes)
{
	struct edge_action *action = edge_action_add(edge, EDGE_APPEND);
	action->position = edge->log_end;
	log_frame_write(&action->bytes, edge->log_end, kind, bytes);
	edge->log_end += action->bytes.size;
}

/* -- recovery: intake waits until the ledger has told who is registered ------------------- */

static bool is_covered(const struct edge *edge, struct span frame)
{
	struct reader in = reader_of(frame);
	uint64_t covered = 0;
	uint8_t kind = read_u8(&in);
	uint64_t seq = read_u64(&in);
	read_u64(&in);
	read_i64(&in);
	struct span name = read_block(&in, STATEMENT_NAME_MAX);
	return in.failed || (kind == SESSION_DATA && map_get(&edge->covered, name, &covered) && seq <= covered);
}

static void recovered_filter(struct edge *edge)
{
	struct buffer kept = {0};
	struct reader in = reader_of(buffer_span(&edge->recovered));
	while (in.rest.size) {
		struct span frame = read_block(&in, LOG_FRAME_MAX);
		if (!is_covered(edge, frame))
			write_block(&kept, frame);
	}
	buffer_free(&edge->recovered);
	edge->recovered = kept;
}

void edge_covered(struct edge *edge, const struct body_anchor *anchor)
{
	for (size_t i = 0; i < anchor->range_count; i++) {
		uint64_t old = 0;
		const struct body_range *range = &anchor->ranges[i];
		if (!map_get(&edge->covered, range->device, &old) || old < range->last_seq)
			map_put(&edge->covered, range->device, range->last_seq);
	}
}

static void recovered_statement(struct edge *edge, struct span bytes)
{
	struct statement statement;
	outbox_recovered(edge, bytes);
	if (statement_decode(bytes, &statement, NULL) != OK || statement.type != STATEMENT_ANCHOR)
		return;
	struct body_anchor *anchor = memory_new(sizeof *anchor);
	if (body_anchor_decode(statement.body, anchor, NULL) == OK) {
		edge_covered(edge, anchor);
		recovered_filter(edge);
	}
	free(anchor);
}

static void recover(struct edge *edge, const struct edge_event *event)
{
	edge->log_end = event->position + LOG_FRAME_OVERHEAD + event->bytes.size;
	if (event->frame_kind == EDGE_FRAME_STATEMENT)
		recovered_statement(edge, event->bytes);
	else if (event->frame_kind == EDGE_FRAME_INTAKE)
		write_block(&edge->recovered, event->bytes);
}

static void windows_follow(struct edge *edge)
{
	for (size_t i = 0; i < edge->device_count; i++) {
		uint64_t covered;
		struct device *device = edge->devices[i];
		struct session_window *window = &device->windows[SESSION_DATA];
		if (map_get(&edge->covered, span_of_text(device->name), &covered) && window->last < covered)
			window->last = covered;
		device->ack_due[SESSION_DATA] = window->last > 0;
	}
}

static void caught_up(struct edge *edge)
{
	edge->caught_up = true;
	edge->totals.caught_up = true;
	if (edge->ready)
		return;
	edge->ready = true;
	edge->quiet_until_ns = edge->now_ns + 10 * NS_PER_S;
	windows_follow(edge);
	recovered_filter(edge);
	struct buffer intake = edge->recovered;
	edge->recovered = (struct buffer){0};
	struct reader in = reader_of(buffer_span(&intake));
	while (in.rest.size) {
		struct span frame = read_block(&in, LOG_FRAME_MAX);
		message_recovered(edge, frame);
	}
	buffer_free(&intake);
	edge->resubmit = true; /* what was in the outbox when we stopped */
}

/* -- the step ------------------------------------------------------------------------- */

static void tick(struct edge *edge)
{
	if (!edge->ready)
		return;
	bool quiet = !edge->broker_up || edge->now_ns < edge->quiet_until_ns;
	for (size_t i = 0; i < edge->device_count && !quiet; i++) {
		struct device *device = edge->devices[i];
		struct twin_finding findings[TWIN_FINDINGS_MAX];
		size_t count = 0;
		if (!device->twin || device->state != DEVICE_ACTIVE || device->messages == 0)
			continue;
		twin_tick(device->twin, edge->now_ns, findings, &count);
		for (size_t f = 0; f < count; f++)
			decide_silence(edge, device, &findings[f]);
	}
	decide_silences(edge);
	decide_refusals(edge);
	decide_services(edge);
	alarms_clear(edge);
	bool old = edge->opened_wall_ns && edge->wall_ns - edge->opened_wall_ns >= edge->config.seal_ms * NS_PER_MS;
	if (old || edge->finding_count || chunk_builder_samples(edge->builder) >= edge->config.seal_samples)
		batch_seal(edge);
	outbox_pump(edge);
	messages_acknowledge(edge);
}

static void final(struct edge *edge, const struct edge_event *event)
{
	struct statement statement;
	struct fault fault;
	/* From the own organisation's node, which checked it; a form we cannot read is none of ours. */
	if (statement_decode(event->bytes, &statement, &fault) == OK)
		registry_statement(edge, &statement, event->bytes);
}

static void node_up(struct edge *edge)
{
	edge->node_up = true;
	edge->resubmit = true;
	edge->resubmit_wall_ns = edge->wall_ns;
}

void edge_step(struct edge *edge, const struct edge_event *event, const struct edge_actions **actions)
{
	edge->actions.count = 0;
	edge->now_ns = event->now_ns;
	edge->wall_ns = event->wall_ns;
	memcpy(edge->randomness, event->randomness, sizeof edge->randomness);
	edge->signed_in_step = 0;
	switch (event->kind) {
	case EDGE_RECOVERED:
		recover(edge, event);
		break;
	case EDGE_START:
		edge->started = true;
		break;
	case EDGE_MESSAGE:
		message_take(edge, event);
		break;
	case EDGE_CRITICAL_DONE:
		decide_critical_done(edge, event->token, event->acted_ns);
		break;
	case EDGE_FLUSHED:
		messages_acknowledge(edge);
		break;
	case EDGE_TICK:
		tick(edge);
		break;
	case EDGE_FINAL:
		final(edge, event);
		break;
	case EDGE_CAUGHT_UP:
		caught_up(edge);
		break;
	case EDGE_NODE_UP:
		node_up(edge);
		break;
	case EDGE_NODE_DOWN:
		edge->node_up = false;
		break;
	case EDGE_OUTCOME:
		outbox_outcome(edge, &event->id, event->status, event->text);
		break;
	case EDGE_BROKER_UP:
		edge->broker_up = true;
		edge->quiet_until_ns = edge->now_ns + 10 * NS_PER_S;
		break;
	case EDGE_BROKER_DOWN:
		edge->broker_up = false;
		break;
	}
	*actions = &edge->actions;
}

enum status edge_acknowledge(struct edge *edge, const struct edge_event *event, const struct edge_actions **actions, struct fault *fault)
{
	edge->actions.count = 0;
	edge->now_ns = event->now_ns;
	edge->wall_ns = event->wall_ns;
	memcpy(edge->randomness, event->randomness, sizeof edge->randomness);
	edge->signed_in_step = 0;
	enum status status = edge->ready ? alarms_acknowledge(edge, &event->id, event->person, event->text, fault)
		: fault_set(fault, E_BUSY, "the gateway has not caught up with the ledger yet; try again in a moment");
	*actions = &edge->actions;
	return status;
}

/* -- for the interface ----------------------------------------------------------------- */

size_t edge_device_count(const struct edge *edge)
{
	return edge->device_count;
}

void edge_device_view(const struct edge *edge, size_t number, struct edge_device_view *out)
{
	const struct device *device = edge->devices[number];
	*out = (struct edge_device_view){.name = device->name, .registration = device->registration, .registration_id = device->registration_id,
		.state = device->state, .twin = device->twin, .messages = device->messages};
	for (size_t i = 0; i < edge->alarm_count; i++)
		out->alarms += edge->alarms[i].cleared_ns == 0 && strcmp(edge->alarms[i].device, device->name) == 0;
}

int edge_device_find(const struct edge *edge, struct span name)
{
	uint64_t at;
	return map_get(&edge->device_by_name, name, &at) ? (int)at : -1;
}

size_t edge_history(const struct edge *edge, size_t device, size_t signal, int64_t from_ns, int64_t to_ns, struct edge_point *out, size_t max)
{
	return recent_read(&edge->devices[device]->recent, signal, from_ns, to_ns, out, max);
}

void edge_totals(const struct edge *edge, struct edge_totals *out)
{
	*out = edge->totals;
	out->outbox = edge->outbox_count;
	out->node_up = edge->node_up;
	out->broker_up = edge->broker_up;
}

struct digest edge_anchor_of(const struct edge *edge, const struct digest *chunk, bool *final_too)
{
	uint64_t at;
	if (!map_get(&edge->anchor_by_chunk, digest_span(chunk), &at))
		return (struct digest){0};
	*final_too = edge->anchors[at].final;
	return edge->anchors[at].id;
}

bool edge_chunk_of(const struct edge *edge, size_t number, uint64_t seq, struct digest *chunk)
{
	const struct device *device = edge->devices[number];
	for (size_t i = device->chunk_count; i-- > 0;) {
		if (seq < device->chunks[i].first_seq || seq > device->chunks[i].last_seq)
			continue;
		*chunk = device->chunks[i].chunk;
		return true;
	}
	return false;
}

size_t edge_people(const struct edge *edge, const char *const **names)
{
	*names = (const char *const *)edge->people;
	return edge->people_count;
}
