#include "edge/inside.h"
#include "edge/payload.h"

#include <inttypes.h>
#include <math.h>

static const char *const refusal_names[REFUSED_COUNT] = {
	[REFUSED_UNREGISTERED] = "unregistered",
	[REFUSED_REVOKED] = "revoked",
	[REFUSED_FORGED] = "forged",
	[REFUSED_REPLAY] = "replay",
	[REFUSED_MALFORMED] = "malformed",
	[REFUSED_WAITING] = "waiting",
};

const char *edge_refusal_name(unsigned refusal)
{
	return refusal < REFUSED_COUNT ? refusal_names[refusal] : "unknown";
}

/* Names of strangers are whatever a topic held; they become the subject of statements. */
static void stranger_name(struct span name, char out[STATEMENT_NAME_MAX + 1])
{
	size_t size = name.size < STATEMENT_NAME_MAX ? name.size : STATEMENT_NAME_MAX;
	for (size_t i = 0; i < size; i++)
		out[i] = name.data[i] > 0x20 && name.data[i] < 0x7f ? (char)name.data[i] : '?';
	out[size] = '\0';
}

static struct stranger *stranger_find(struct edge *edge, struct span raw)
{
	char name[STATEMENT_NAME_MAX + 1];
	stranger_name(raw, name);
	for (size_t i = 0; i < edge->stranger_count; i++)
		if (strcmp(name, edge->strangers[i].name) == 0)
			return &edge->strangers[i];
	struct stranger *stranger = NULL;
	if (edge->stranger_count < EDGE_STRANGERS_MAX - 1)
		stranger = &edge->strangers[edge->stranger_count++];
	/* Somebody who was not heard of for long makes room. */
	for (size_t i = 0; i < EDGE_STRANGERS_MAX - 1 && !stranger; i++) {
		const struct refusal_tally *tally = &edge->strangers[i].refusal;
		if (tally->count == 0 && edge_elapsed(edge->now_ns, tally->last_ns) > EDGE_STRANGER_FORGET_S * NS_PER_S)
			stranger = &edge->strangers[i];
	}
	/* All others are gathered under one name that no device can have. */
	if (!stranger) {
		edge->stranger_count = EDGE_STRANGERS_MAX;
		memcpy(edge->strangers[EDGE_STRANGERS_MAX - 1].name, "dev:others", sizeof "dev:others");
		return &edge->strangers[EDGE_STRANGERS_MAX - 1];
	}
	*stranger = (struct stranger){0};
	memcpy(stranger->name, name, sizeof name);
	return stranger;
}

void message_refuse(struct edge *edge, struct device *device, struct span name, enum edge_refusal why, uint64_t seq, struct span payload)
{
	edge->totals.refused[why]++;
	edge->refused[why]++;
	struct refusal_tally *tally = device ? &device->refusals[why] : &stranger_find(edge, name)->refusal;
	tally->count++;
	/* A quiet time ends a flood. */
	if (edge_elapsed(edge->now_ns, tally->last_ns) > EDGE_REFUSAL_REPEAT_S * NS_PER_S)
		tally->repeat_s = 0;
	tally->last_ns = edge->now_ns;
	/* Evidence: what a registered device, or somebody in its name, sent. */
	if (device && edge->ready && why != REFUSED_WAITING)
		batch_evidence(edge, device, seq, payload);
}

/* An accepted message of any kind: into the log before anything is derived from it. */
static void log_intake(struct edge *edge, const struct device *device, enum session_kind kind, uint64_t seq, uint64_t missing, int64_t received_ns,
	struct span payload)
{
	struct buffer frame = {0};
	write_u8(&frame, (uint8_t)kind);
	write_u64(&frame, seq);
	write_u64(&frame, missing);
	write_i64(&frame, received_ns);
	write_block(&frame, span_of_text(device->name));
	buffer_append_span(&frame, payload);
	edge_frame_append(edge, EDGE_FRAME_INTAKE, buffer_span(&frame));
	buffer_free(&frame);
}

static void take_rows(struct edge *edge, struct device *device, uint64_t seq, const struct wrangle_row *rows, size_t count, int64_t received_ns)
{
	for (size_t i = 0; i < count; i++) {
		const struct wrangle_row *row = &rows[i];
		uint64_t leaf = 0;
		bool kept = batch_row(edge, device, seq, received_ns, row, &leaf);
		struct twin_finding findings[TWIN_FINDINGS_MAX];
		size_t found = 0;
		if (device->twin)
			twin_row(device->twin, seq, row, findings, &found);
		struct recent_cell *cells = recent_push(&device->recent, row->time_ns);
		for (size_t c = 0; c < device->channel_count; c++) {
			const struct channel *channel = &device->channels[c];
			cells[c] = (struct recent_cell){.value = (float)(row->raw[c] * channel->scale + channel->offset),
				.predicted = device->twin ? (float)twin_predicted(device->twin, c) : NAN, .flagged = row->reason[c]};
			edge->flagged[row->reason[c]]++;
			edge->totals.flagged[row->reason[c]]++;
		}
		edge->totals.samples += device->channel_count;
		for (size_t f = 0; f < found; f++)
			decide_finding(edge, device, &findings[f], kept, leaf + findings[f].row_signal);
		if (device->twin && !device->commissioned)
			service_commission(edge, device);
	}
}

static void take_data(struct edge *edge, struct device *device, uint64_t seq, int64_t received_ns, struct span payload)
{
	const struct wrangle_row *rows;
	size_t count;
	struct fault fault;
	if (device->wrangler && wrangler_read(device->wrangler, payload, received_ns, &rows, &count, &fault) == OK)
		take_rows(edge, device, seq, rows, count, received_ns);
	else
		message_refuse(edge, device, span_of_text(device->name), REFUSED_MALFORMED, seq, payload);
}

/* The critical line: the action goes out first; everything else about the message comes later in the step. */
static void take_critical(struct edge *edge, struct device *device, uint64_t seq, int64_t received_ns, struct span payload)
{
	struct payload_critical critical;
	struct fault fault;
	if (payload_critical_read(payload, &critical, &fault) != OK || !edge_words_have(device->registration->critical, critical.event)) {
		message_refuse(edge, device, span_of_text(device->name), REFUSED_MALFORMED, seq, payload);
		return;
	}
	ARRAY_GROW(edge->acting, edge->acting_count, edge->acting_capacity);
	struct pending_alarm *alarm = &edge->acting[edge->acting_count++];
	*alarm = (struct pending_alarm){.token = ++edge->next_token, .device = device, .time_ns = critical.time_ns, .received_ns = received_ns};
	memcpy(alarm->kind, critical.event, sizeof critical.event);
	memcpy(alarm->detail, critical.detail, sizeof critical.detail);
	struct edge_action *action = edge_action_add(edge, EDGE_LOCAL_ALARM);
	action->token = alarm->token;
	action->device = device->name;
	memcpy(action->text, critical.event, sizeof critical.event);
	buffer_append_text(&action->bytes, critical.detail);
}

static void take(struct edge *edge, struct device *device, enum session_kind kind, uint64_t seq, uint64_t missing, int64_t received_ns, struct span payload)
{
	device->messages++;
	device->missing += missing;
	edge->totals.messages++;
	/* Whatever takes a number belongs to a range of the open batch, and so do the numbers given up before it. */
	if (device->first_seq == 0)
		device->first_seq = seq - missing;
	device->last_seq = seq;
	if (kind == SESSION_DATA)
		take_data(edge, device, seq, received_ns, payload);
	else if (kind == SESSION_RESULT)
		command_result(edge, device, seq, payload);
}

/* The critical line waits for nothing: not for numbers that got lost before it, not for room in the outbox. It is taken in its
 * turn, when the device sends it again, but it is acted upon now. */
static void act_ahead(struct edge *edge, struct device *device, const struct edge_event *event)
{
	for (size_t i = 0; i < EDGE_AHEAD_MAX; i++)
		if (device->ahead[i] == event->seq)
			return;
	device->ahead[device->ahead_next++ % EDGE_AHEAD_MAX] = event->seq;
	take_critical(edge, device, event->seq, event->now_ns, event->bytes);
}

static bool was_acted_ahead(struct device *device, uint64_t seq)
{
	for (size_t i = 0; i < EDGE_AHEAD_MAX; i++) {
		if (device->ahead[i] != seq)
			continue;
		device->ahead[i] = 0;
		return true;
	}
	return false;
}

static void gap_note(struct device *device, uint64_t first, uint64_t last)
{
	if (first <= last)
		device->gaps[device->gap_next++ % EDGE_GAPS_MAX] = (struct number_gap){first, last};
}

/* A critical message may come on a slower way than the data behind it, after its number was given up. Once. */
static bool gap_take(struct device *device, uint64_t seq)
{
	for (size_t i = 0; i < EDGE_GAPS_MAX; i++) {
		struct number_gap *gap = &device->gaps[i];
		if (gap->first == 0 || seq < gap->first || seq > gap->last)
			continue;
		uint64_t last = gap->last;
		gap->last = seq - 1;
		if (gap->first > gap->last)
			*gap = (struct number_gap){0};
		gap_note(device, seq + 1, last);
		return true;
	}
	return false;
}

/* Whoever sends it: is it authentic, and permitted? */
static bool admit(struct edge *edge, struct device *device, const struct edge_event *event)
{
	uint8_t tag[SESSION_TAG_SIZE];
	if (!device || !device->up) {
		message_refuse(edge, NULL, event->device, REFUSED_UNREGISTERED, event->seq, event->bytes);
		return false;
	}
	session_tag(device->up, event->message, event->seq, event->bytes, tag);
	enum edge_refusal why = REFUSED_COUNT;
	if (!equal_in_constant_time(span_of(tag, sizeof tag), span_of(event->tag, sizeof event->tag)))
		why = REFUSED_FORGED;
	else if (device->state != DEVICE_ACTIVE || device->elsewhere)
		why = REFUSED_REVOKED;
	else if (event->bytes.size > EDGE_PAYLOAD_MAX)
		why = REFUSED_MALFORMED;
	if (why != REFUSED_COUNT)
		message_refuse(edge, device, event->device, why, event->seq, event->bytes);
	return why == REFUSED_COUNT;
}

void message_take(struct edge *edge, const struct edge_event *event)
{
	struct device *device = edge_device(edge, event->device);
	bool critical = event->message == SESSION_CRITICAL;
	size_t most = edge->config.outbox_max ? edge->config.outbox_max : EDGE_OUTBOX_MAX;
	if (!edge->ready) {
		edge->totals.refused[REFUSED_WAITING]++;
		return;
	}
	if (!admit(edge, device, event))
		return;
	if (edge->outbox.count >= most + (event->message == SESSION_DATA ? 0 : EDGE_OUTBOX_SPARE)) {
		edge->totals.refused[REFUSED_WAITING]++;
		if (critical && event->seq > device->window.last)
			act_ahead(edge, device, event);
		return;
	}
	uint64_t missing;
	enum session_verdict verdict = session_window_take(&device->window, event->seq, event->wall_ns, &missing);
	if (critical && verdict != SESSION_ACCEPT && verdict != SESSION_WAIT && gap_take(device, event->seq)) {
		act_ahead(edge, device, event);
		return;
	}
	switch (verdict) {
	case SESSION_ACCEPT:
		break;
	case SESSION_REPLAY:
		message_refuse(edge, device, event->device, REFUSED_REPLAY, event->seq, event->bytes);
		device->ack_due = true;
		return;
	case SESSION_WAIT:
		if (critical)
			act_ahead(edge, device, event);
		edge->totals.repeated++;
		device->ack_due = true;
		return;
	case SESSION_AGAIN:
	default:
		edge->totals.repeated++;
		device->ack_due = true;
		return;
	}
	gap_note(device, event->seq - missing, event->seq - 1);
	if (critical && !was_acted_ahead(device, event->seq))
		take_critical(edge, device, event->seq, event->now_ns, event->bytes);
	batch_room(edge);
	batch_join(edge, device);
	log_intake(edge, device, event->message, event->seq, missing, event->now_ns, event->bytes);
	device->ack_due = true;
	take(edge, device, event->message, event->seq, missing, event->now_ns, event->bytes);
}

/* Was its statement made before the crash? */
static bool critical_is_known(const struct edge *edge, const struct device *device, struct span payload)
{
	struct payload_critical critical;
	if (payload_critical_read(payload, &critical, NULL) != OK)
		return false;
	for (size_t i = 0; i < edge->alarm_count; i++) {
		const struct edge_alarm *alarm = &edge->alarms[i];
		if (alarm->since_ns == critical.time_ns && strcmp(alarm->device, device->name) == 0 &&
			strncmp(alarm->kind, critical.event, sizeof alarm->kind - 1) == 0)
			return true;
	}
	return false;
}

void message_recovered(struct edge *edge, struct span frame)
{
	struct reader in = reader_of(frame);
	uint8_t kind = read_u8(&in);
	uint64_t seq = read_u64(&in);
	uint64_t missing = read_u64(&in);
	int64_t received_ns = read_i64(&in);
	struct span name = read_block(&in, STATEMENT_NAME_MAX);
	if (in.failed)
		return;
	struct device *device = edge_device(edge, name);
	if (!device || seq <= device->window.last || missing >= seq)
		return; /* anchored before the crash */
	device->window.last = seq;
	device->ack_due = true;
	if (missing)
		gap_note(device, seq - missing, seq - 1);
	if (kind == SESSION_CRITICAL && !critical_is_known(edge, device, in.rest))
		take_critical(edge, device, seq, received_ns, in.rest); /* acting twice is safe, not at all is not */
	batch_room(edge);
	batch_join(edge, device);
	take(edge, device, (enum session_kind)kind, seq, missing, received_ns, in.rest);
}

/* Tell devices what is durable, ten times a second at the most. */
void messages_acknowledge(struct edge *edge)
{
	for (size_t i = 0; i < edge->device_count; i++) {
		struct device *device = edge->devices[i];
		if (!device->ack_due || !device->down || edge->wall_ns - device->ack_ns < 100 * NS_PER_MS)
			continue;
		device->ack_due = false;
		device->ack_ns = edge->wall_ns;
		session_window_told(&device->window, edge->wall_ns);
		struct edge_action *action = edge_action_add(edge, EDGE_ACK);
		action->device = device->name;
		action->seq = device->window.last;
		buffer_printf(&action->bytes, "%" PRIu64, action->seq);
		session_tag(device->down, SESSION_ACK, action->seq, buffer_span(&action->bytes), action->tag);
	}
}
