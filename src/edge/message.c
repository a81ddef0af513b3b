#include "edge/inside.h"
#include "edge/payload.h"

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

static struct stranger *stranger_find(struct edge *edge, struct span name)
{
	for (size_t i = 0; i < edge->stranger_count; i++)
		if (span_is_text(name, edge->strangers[i].name))
			return &edge->strangers[i];
	/* More strangers than that are gathered under the last entry. */
	if (edge->stranger_count == EDGE_STRANGERS_MAX)
		return &edge->strangers[EDGE_STRANGERS_MAX - 1];
	struct stranger *stranger = &edge->strangers[edge->stranger_count++];
	size_t size = name.size < STATEMENT_NAME_MAX ? name.size : STATEMENT_NAME_MAX;
	memcpy(stranger->name, name.data, size);
	stranger->name[size] = '\0';
	return stranger;
}

void message_refuse(struct edge *edge, struct device *device, struct span name, enum edge_refusal why, uint64_t seq, struct span payload)
{
	edge->totals.refused[why]++;
	edge->refused[why]++;
	struct refusal_tally *tally = device ? &device->refusals[why] : &stranger_find(edge, name)->refusal;
	tally->count++;
	tally->last_ns = edge->now_ns;
	/* Evidence: what a registered device, or somebody in its name, sent. */
	if (device && edge->ready && why != REFUSED_WAITING && batch_has_device(edge, device))
		status_ignore(chunk_builder_refused(edge->builder, device->chunk_index, seq, edge->now_ns, payload), "a full side table; the refusal is counted");
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
		batch_row(edge, device, seq, received_ns, row, &leaf);
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
			decide_finding(edge, device, &findings[f], true, leaf + findings[f].row_signal);
		if (device->twin && !device->commissioned)
			decide_commission(edge, device);
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
	if (edge->acting_count == sizeof edge->alarms_acting / sizeof *edge->alarms_acting) {
		/* Sixteen are being acted upon in this very moment; the oldest one's statement is given up, not its action. */
		memmove(edge->alarms_acting, edge->alarms_acting + 1, --edge->acting_count * sizeof *edge->alarms_acting);
	}
	struct pending_alarm *alarm = &edge->alarms_acting[edge->acting_count++];
	*alarm = (struct pending_alarm){.token = ++edge->next_token, .device = device, .time_ns = critical.time_ns, .received_ns = received_ns};
	memcpy(alarm->kind, critical.event, sizeof critical.event);
	memcpy(alarm->detail, critical.detail, sizeof critical.detail);
	struct edge_action *action = edge_action_add(edge, EDGE_LOCAL_ALARM);
	action->token = alarm->token;
	action->device = device->name;
	action->text = alarm->kind;
	buffer_append_text(&action->bytes, alarm->detail);
}

/* Accepted: what it means. Anchors account for the numbers of data messages; the others have statements of their own. */
static void take(struct edge *edge, struct device *device, enum session_kind kind, uint64_t seq, uint64_t missing, int64_t received_ns, struct span payload)
{
	device->messages++;
	edge->totals.messages++;
	if (kind == SESSION_RESULT)
		decide_result(edge, device, payload);
	if (kind != SESSION_DATA)
		return;
	device->missing += missing;
	take_data(edge, device, seq, received_ns, payload);
	if (device->in_chunk) {
		if (device->first_seq == 0)
			device->first_seq = seq;
		device->last_seq = seq;
	}
}

void message_take(struct edge *edge, const struct edge_event *event)
{
	struct device *device = edge_device(edge, event->device);
	if (!edge->ready || edge->outbox_count >= EDGE_OUTBOX_MAX) {
		edge->totals.refused[REFUSED_WAITING]++;
		return;
	}
	if (!device || !device->up) {
		message_refuse(edge, NULL, event->device, REFUSED_UNREGISTERED, event->seq, event->bytes);
		return;
	}
	uint8_t tag[SESSION_TAG_SIZE];
	session_tag(device->up, event->message, event->seq, event->bytes, tag);
	if (event->bytes.size > EDGE_PAYLOAD_MAX || !equal_in_constant_time(span_of(tag, sizeof tag), span_of(event->tag, sizeof event->tag))) {
		message_refuse(edge, device, event->device, REFUSED_FORGED, event->seq, event->bytes);
		return;
	}
	if (device->state != DEVICE_ACTIVE) {
		message_refuse(edge, device, event->device, REFUSED_REVOKED, event->seq, event->bytes);
		return;
	}
	uint64_t missing;
	switch (session_window_take(&device->windows[event->message], event->seq, event->wall_ns, &missing)) {
	case SESSION_ACCEPT:
		break;
	case SESSION_REPLAY:
		message_refuse(edge, device, event->device, REFUSED_REPLAY, event->seq, event->bytes);
		device->ack_due[event->message] = true;
		return;
	case SESSION_AGAIN:
	case SESSION_WAIT:
	default:
		edge->totals.repeated++;
		device->ack_due[event->message] = true;
		return;
	}
	if (event->message == SESSION_CRITICAL)
		take_critical(edge, device, event->seq, event->now_ns, event->bytes);
	/* A message that cannot be read takes a number as well: it belongs to a range of the open chunk. */
	(void)batch_has_device(edge, device);
	log_intake(edge, device, event->message, event->seq, missing, event->now_ns, event->bytes);
	device->ack_due[event->message] = true;
	take(edge, device, event->message, event->seq, missing, event->now_ns, event->bytes);
}

/* Was its statement made before the crash? */
static bool critical_is_known(const struct edge *edge, const struct device *device, struct span payload)
{
	struct payload_critical critical;
	if (payload_critical_read(payload, &critical, NULL) != OK)
		return true;
	for (size_t i = 0; i < edge->alarm_count; i++)
		if (edge->alarms[i].since_ns == critical.time_ns && strcmp(edge->alarms[i].device, device->name) == 0)
			return true;
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
	if (!device || kind < SESSION_DATA || kind > SESSION_RESULT || seq <= device->windows[kind].last)
		return; /* anchored before the crash */
	device->windows[kind].last = seq;
	device->ack_due[kind] = true;
	(void)batch_has_device(edge, device);
	if (kind == SESSION_CRITICAL && !critical_is_known(edge, device, in.rest))
		take_critical(edge, device, seq, received_ns, in.rest); /* acting twice is safe, not at all is not */
	/* A result whose command is not under way was answered before the crash. */
	if (kind != SESSION_RESULT || !digest_is_zero(&device->command))
		take(edge, device, (enum session_kind)kind, seq, missing, received_ns, in.rest);
}

static void acknowledge_kind(struct edge *edge, struct device *device, enum session_kind kind)
{
	if (!device->ack_due[kind] || edge->wall_ns - device->ack_ns[kind] < 100 * NS_PER_MS)
		return;
	device->ack_due[kind] = false;
	device->ack_ns[kind] = edge->wall_ns;
	session_window_told(&device->windows[kind], edge->wall_ns);
	struct edge_action *action = edge_action_add(edge, EDGE_ACK);
	action->device = device->name;
	action->message = kind;
	action->seq = device->windows[kind].last;
}

/* Tell devices what is durable, ten times a second at the most. */
void messages_acknowledge(struct edge *edge)
{
	for (size_t i = 0; i < edge->device_count; i++)
		for (unsigned kind = SESSION_DATA; kind <= SESSION_RESULT; kind++)
			acknowledge_kind(edge, edge->devices[i], (enum session_kind)kind);
}
