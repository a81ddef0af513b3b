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
	for (size_t i = 0; i < edge->actions.capacity; i++)
		buffer_free(&edge->actions.items[i].bytes);
	free(edge->devices);
	free(edge->people);
	free(edge->acting);
	free(edge->alarms);
	free(edge->markers);
	free(edge->actions.items);
	map_free(&edge->device_by_name);
	map_free(&edge->alarm_by_id);
	map_free(&edge->marker_by_id);
	map_free(&edge->covered);
	buffer_free(&edge->recovered);
	registry_free(edge);
	outbox_free(&edge->outbox);
	chunks_free(&edge->chunks);
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
	for (size_t i = 0; i + size <= words.size && !strchr(word, ' '); i++) {
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

/* Actions that number entries of a list: its first `gone` entries are no more. */
void edge_actions_renumber(struct edge *edge, enum edge_action_kind kind, size_t gone)
{
	struct edge_actions *actions = &edge->actions;
	for (size_t i = actions->count; i-- > 0;) {
		struct edge_action action = actions->items[i];
		if (action.kind != kind)
			continue;
		if (action.token >= gone) {
			actions->items[i].token -= gone;
			continue;
		}
		/* Taken out; its buffer serves a later action. */
		memmove(actions->items + i, actions->items + i + 1, (--actions->count - i) * sizeof *actions->items);
		actions->items[actions->count] = action;
	}
}

int64_t edge_elapsed(int64_t later_ns, int64_t earlier_ns)
{
	int64_t elapsed;
	if (__builtin_sub_overflow(later_ns, earlier_ns, &elapsed))
		return later_ns > earlier_ns ? INT64_MAX : INT64_MIN;
	return elapsed;
}

int64_t edge_seconds_ns(int64_t seconds)
{
	int64_t ns;
	if (__builtin_mul_overflow(seconds, NS_PER_S, &ns))
		return seconds > 0 ? INT64_MAX : INT64_MIN;
	return ns;
}

/* -- the step ------------------------------------------------------------------------- */

static void twin_listen(struct edge *edge, struct device *device, bool quiet)
{
	struct twin_finding findings[TWIN_FINDINGS_MAX];
	size_t count = 0;
	bool listens = device->twin && device->state == DEVICE_ACTIVE && !device->elsewhere && device->messages > 0;
	if (listens && !quiet)
		twin_tick(device->twin, edge->now_ns, findings, &count);
	for (size_t f = 0; f < count; f++)
		decide_silence(edge, device, &findings[f]);
	decide_silences(edge, device, quiet);
	decide_owed(edge, device);
	if (edge->finding_count >= EDGE_FINDINGS_SEAL)
		batch_seal(edge);
}

static void tick(struct edge *edge)
{
	if (!edge->ready)
		return;
	bool quiet = !edge->broker_up || edge->now_ns < edge->quiet_until_ns || edge->wall_ns < edge->quiet_until_wall_ns;
	for (size_t i = 0; i < edge->device_count; i++)
		twin_listen(edge, edge->devices[i], quiet);
	decide_refusals(edge);
	service_run(edge);
	alarms_clear(edge);
	bool old = edge->opened_wall_ns && edge->wall_ns - edge->opened_wall_ns >= edge->config.seal_ms * NS_PER_MS;
	bool due = old || edge->finding_count || chunk_builder_samples(edge->builder) >= edge->config.seal_samples;
	/* What is being acted upon gets its statement before its number is anchored, so that a crash cannot come in between. */
	if (due && edge->acting_count == 0)
		batch_seal(edge);
	outbox_pump(edge);
	messages_acknowledge(edge);
}

static void start(struct edge *edge, uint64_t log_end)
{
	edge->started = true;
	edge->log_end = log_end;
}

void edge_quiet(struct edge *edge)
{
	edge->quiet_until_ns = edge->now_ns + 10 * NS_PER_S;
	edge->quiet_until_wall_ns = edge->wall_ns + 10 * NS_PER_S;
}

static void caught_up(struct edge *edge)
{
	edge->caught_up = true;
	edge->totals.caught_up = true;
	if (edge->ready)
		return;
	edge->ready = true;
	edge_quiet(edge);
	recovery_end(edge);
}

static void broker_up(struct edge *edge)
{
	edge->broker_up = true;
	edge_quiet(edge);
	for (size_t i = 0; i < edge->device_count && edge->ready; i++)
		command_send_due(edge, edge->devices[i], true);
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
	outbox_again(edge, 0);
}

static void step_begin(struct edge *edge, const struct edge_event *event)
{
	edge->actions.count = 0;
	edge->now_ns = event->now_ns;
	edge->wall_ns = event->wall_ns;
	memcpy(edge->randomness, event->randomness, sizeof edge->randomness);
	edge->signed_in_step = 0;
}

static bool is_from_node(enum edge_event_kind kind)
{
	return kind == EDGE_FINAL || kind == EDGE_CAUGHT_UP || kind == EDGE_NODE_UP || kind == EDGE_OUTCOME;
}

void edge_step(struct edge *edge, const struct edge_event *event, const struct edge_actions **actions)
{
	step_begin(edge, event);
	*actions = &edge->actions;
	if (edge->assumed && is_from_node(event->kind))
		return;
	switch (event->kind) {
	case EDGE_PROVEN:
		proven_take(edge, event->proven);
		break;
	case EDGE_PROVEN_END:
		proven_end(edge);
		break;
	case EDGE_RECOVERED:
		recovery_frame(edge, event);
		break;
	case EDGE_START:
		start(edge, event->position);
		break;
	case EDGE_MESSAGE:
		message_take(edge, event);
		break;
	case EDGE_CRITICAL_DONE:
		critical_done(edge, event->token, event->acted_ns);
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
		outbox_outcome(edge, &event->id, event->status);
		break;
	case EDGE_BROKER_UP:
		broker_up(edge);
		break;
	case EDGE_BROKER_DOWN:
		edge->broker_up = false;
		break;
	}
}

enum status edge_acknowledge(struct edge *edge, const struct edge_event *event, const struct edge_actions **actions, struct fault *fault)
{
	step_begin(edge, event);
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
		.state = device->elsewhere && device->state == DEVICE_ACTIVE ? DEVICE_SUSPENDED : device->state, .twin = device->twin, .messages = device->messages};
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
	out->outbox = edge->outbox.count;
	out->node_up = edge->node_up;
	out->broker_up = edge->broker_up;
	out->assumed = edge->assumed;
}

size_t edge_people(const struct edge *edge, const char *const **names)
{
	*names = (const char *const *)edge->people;
	return edge->people_count;
}
