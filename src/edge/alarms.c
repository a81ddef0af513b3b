#include "edge/inside.h"

#include <stdlib.h>

enum { CRITICAL_CLEARS_S = 60, REFUSALS_CLEAR_S = 30, ALARM_LEAST_S = 5 };

enum alarm_state edge_alarm_state(const struct edge_alarm *alarm)
{
	if (alarm->cleared_ns == 0)
		return alarm->acked_ns ? ALARM_ACKED_ACTIVE : ALARM_UNACK_ACTIVE;
	return alarm->acked_ns ? ALARM_CLEARED : ALARM_UNACK_CLEARED;
}

const char *alarm_state_name(unsigned state)
{
	static const char *const names[] = {"", "unack_active", "acked_active", "unack_cleared", "cleared"};
	return state < 5 ? names[state] : "";
}

size_t edge_alarm_count(const struct edge *edge)
{
	return edge->alarm_count;
}

const struct edge_alarm *edge_alarm_at(const struct edge *edge, size_t number)
{
	return &edge->alarms[number];
}

size_t edge_marker_count(const struct edge *edge)
{
	return edge->marker_count;
}

const struct edge_marker *edge_marker_at(const struct edge *edge, size_t number)
{
	return &edge->markers[number];
}

static void changed(struct edge *edge, size_t number)
{
	if (edge->started)
		edge_action_add(edge, EDGE_ALARM)->token = number;
}

/* The oldest quarter is forgotten when the list is full: the ledger keeps them. */
static void forget_alarms(struct edge *edge)
{
	size_t gone = EDGE_ALARMS_MAX / 4;
	edge_actions_renumber(edge, EDGE_ALARM, gone);
	edge->alarm_count -= gone;
	memmove(edge->alarms, edge->alarms + gone, edge->alarm_count * sizeof *edge->alarms);
	map_free(&edge->alarm_by_id);
	for (size_t i = 0; i < edge->alarm_count; i++)
		map_put(&edge->alarm_by_id, digest_span(&edge->alarms[i].id), i);
}

void alarms_raise(struct edge *edge, const struct edge_alarm *alarm)
{
	if (edge->alarm_count == EDGE_ALARMS_MAX)
		forget_alarms(edge);
	ARRAY_GROW(edge->alarms, edge->alarm_count, edge->alarm_capacity);
	edge->alarms[edge->alarm_count] = *alarm;
	map_put(&edge->alarm_by_id, digest_span(&alarm->id), edge->alarm_count);
	changed(edge, edge->alarm_count++);
}

void alarms_marker(struct edge *edge, const char *kind, struct span device, const char *signal, const char *text, int64_t time_ns, const struct digest *id)
{
	uint64_t known;
	if (map_get(&edge->marker_by_id, digest_span(id), &known))
		return;
	if (edge->marker_count == EDGE_MARKERS_MAX) {
		size_t gone = EDGE_MARKERS_MAX / 4;
		edge_actions_renumber(edge, EDGE_MARKER, gone);
		edge->marker_count -= gone;
		memmove(edge->markers, edge->markers + gone, edge->marker_count * sizeof *edge->markers);
		map_free(&edge->marker_by_id);
		for (size_t i = 0; i < edge->marker_count; i++)
			map_put(&edge->marker_by_id, digest_span(&edge->markers[i].statement), i);
	}
	ARRAY_GROW(edge->markers, edge->marker_count, edge->marker_capacity);
	struct edge_marker *marker = &edge->markers[edge->marker_count];
	*marker = (struct edge_marker){.time_ns = time_ns, .kind = kind, .statement = *id};
	words_copy(marker->device, sizeof marker->device, device);
	words_copy(marker->signal, sizeof marker->signal, span_of_text(signal));
	words_copy(marker->text, sizeof marker->text, span_of_text(text));
	map_put(&edge->marker_by_id, digest_span(id), edge->marker_count);
	if (edge->started)
		edge_action_add(edge, EDGE_MARKER)->token = edge->marker_count;
	edge->marker_count++;
}

/* Whoever refers to a statement of the queue. new NULL: it was refused. */
static void refer(struct digest *id, const struct digest *old, const struct digest *new)
{
	if (digest_equal(id, old))
		*id = new ? *new : (struct digest){0};
}

static void rename_all(struct edge *edge, const struct digest *old, const struct digest *new)
{
	chunks_rename(edge, old, new);
	refer(&edge->last_anchor, old, new);
	for (size_t i = 0; i < edge->device_count; i++) {
		struct device *device = edge->devices[i];
		refer(&device->command, old, new);
		refer(&device->model_proposed, old, new);
		for (size_t w = 0; w < EDGE_SERVICES_MAX; w++)
			refer(&device->wishes[w].disturbance, old, new);
	}
}

void alarms_rename(struct edge *edge, const struct digest *old, const struct digest *new)
{
	uint64_t at;
	rename_all(edge, old, new);
	if (map_get(&edge->alarm_by_id, digest_span(old), &at)) {
		edge->alarms[at].id = *new;
		map_put(&edge->alarm_by_id, digest_span(new), at);
		map_remove(&edge->alarm_by_id, digest_span(old));
		changed(edge, at);
	}
	if (map_get(&edge->marker_by_id, digest_span(old), &at)) {
		edge->markers[at].statement = *new;
		map_put(&edge->marker_by_id, digest_span(new), at);
		map_remove(&edge->marker_by_id, digest_span(old));
	}
}

void alarms_refused(struct edge *edge, const struct statement *statement)
{
	struct body_ack body;
	uint64_t at;
	rename_all(edge, &statement->id, NULL);
	if (map_get(&edge->alarm_by_id, digest_span(&statement->id), &at)) {
		edge->alarms[at].refused = true;
		changed(edge, at);
	}
	/* An acknowledgement that the ledger does not take is none. */
	if (statement->type != STATEMENT_ACK || body_ack_decode(statement->body, &body, NULL) != OK ||
		!map_get(&edge->alarm_by_id, digest_span(&body.target), &at))
		return;
	edge->alarms[at].acked_ns = 0;
	edge->alarms[at].acked_by[0] = edge->alarms[at].comment[0] = '\0';
	changed(edge, at);
}

static void disturbance_statement(struct edge *edge, const struct statement *statement)
{
	struct body_disturbance body;
	if (body_disturbance_decode(statement->body, &body, NULL) != OK)
		return;
	struct edge_alarm alarm = {.id = statement->id, .since_ns = body.time_ns, .count = body.count, .final = true,
		.priority = body.diagnosis == DIAGNOSIS_SENSOR ? 3 : 2};
	words_copy(alarm.device, sizeof alarm.device, statement->sub);
	words_copy(alarm.signal, sizeof alarm.signal, body.signal);
	words_copy(alarm.kind, sizeof alarm.kind, span_of_text(disturbance_kind_name(body.kind)));
	words_copy(alarm.diagnosis, sizeof alarm.diagnosis, span_of_text(diagnosis_name(body.diagnosis)));
	words_copy(alarm.explanation, sizeof alarm.explanation, body.explanation);
	alarms_raise(edge, &alarm);
	alarms_marker(edge, "disturbance", statement->sub, alarm.signal, alarm.explanation, body.time_ns, &statement->id);
}

static void critical_statement(struct edge *edge, const struct statement *statement)
{
	struct body_critical body;
	if (body_critical_decode(statement->body, &body, NULL) != OK)
		return;
	struct edge_alarm alarm = {.id = statement->id, .since_ns = body.time_ns, .count = 1, .final = true,
		.priority = span_is_text(body.kind, "fire") ? 1 : 3};
	words_copy(alarm.device, sizeof alarm.device, statement->sub);
	words_copy(alarm.kind, sizeof alarm.kind, body.kind);
	words_copy(alarm.diagnosis, sizeof alarm.diagnosis, span_of_text("none"));
	words_copy(alarm.explanation, sizeof alarm.explanation, body.detail);
	alarms_raise(edge, &alarm);
	alarms_marker(edge, "critical", statement->sub, "", alarm.explanation, body.time_ns, &statement->id);
}

static void ack_statement(struct edge *edge, const struct statement *statement)
{
	struct body_ack body;
	uint64_t at;
	if (body_ack_decode(statement->body, &body, NULL) != OK || !map_get(&edge->alarm_by_id, digest_span(&body.target), &at))
		return;
	struct edge_alarm *alarm = &edge->alarms[at];
	alarm->acked_ns = body.time_ns;
	words_copy(alarm->acked_by, sizeof alarm->acked_by, body.person);
	words_copy(alarm->comment, sizeof alarm->comment, body.comment);
	changed(edge, at);
}

/* An own statement became final: alarms of an earlier run come back this way, too. */
void alarms_statement(struct edge *edge, const struct statement *statement)
{
	uint64_t at;
	if (statement->type == STATEMENT_ACK) {
		ack_statement(edge, statement);
	} else if (map_get(&edge->alarm_by_id, digest_span(&statement->id), &at)) {
		edge->alarms[at].final = true;
		changed(edge, at);
	} else if (statement->type == STATEMENT_DISTURBANCE) {
		disturbance_statement(edge, statement);
	} else if (statement->type == STATEMENT_CRITICAL) {
		critical_statement(edge, statement);
	}
}

/* From the own log: not known to be final. */
void alarms_recovered(struct edge *edge, const struct statement *statement)
{
	uint64_t at;
	if (statement->type != STATEMENT_DISTURBANCE && statement->type != STATEMENT_CRITICAL)
		return;
	alarms_statement(edge, statement);
	if (map_get(&edge->alarm_by_id, digest_span(&statement->id), &at))
		edge->alarms[at].final = false;
}

static bool stranger_is_active(const struct edge *edge, const struct edge_alarm *alarm)
{
	for (size_t i = 0; i < edge->stranger_count; i++)
		if (strcmp(edge->strangers[i].name, alarm->device) == 0)
			return edge_elapsed(edge->now_ns, edge->strangers[i].refusal.last_ns) < REFUSALS_CLEAR_S * NS_PER_S;
	return false;
}

/* Of a signal, or of the whole machine (signal empty): does the twin say so still? */
static bool twin_is_active(const struct device *device, const struct edge_alarm *alarm)
{
	for (size_t i = 0; device->twin && i < device->registration->signal_count; i++) {
		struct twin_signal_view view;
		char name[sizeof alarm->signal];
		decide_signal_name(device, (int)i, name);
		if (alarm->signal[0] && strcmp(name, alarm->signal) != 0)
			continue;
		twin_signal_view(device->twin, i, &view);
		if (alarm->signal[0])
			return view.active != 0;
		if (view.active && strcmp(disturbance_kind_name(view.active), alarm->kind) == 0)
			return true;
	}
	return false;
}

static bool still_active(struct edge *edge, const struct edge_alarm *alarm)
{
	int64_t age_ns = edge_elapsed(edge->now_ns, alarm->since_ns), newest_ns = INT64_MIN;
	struct device *device = edge_device(edge, span_of_text(alarm->device));
	if (age_ns < ALARM_LEAST_S * NS_PER_S)
		return true;
	if (strcmp(alarm->diagnosis, "none") == 0)
		return age_ns < CRITICAL_CLEARS_S * NS_PER_S;
	if (!device)
		return stranger_is_active(edge, alarm);
	if (twin_is_active(device, alarm))
		return true;
	for (unsigned why = 0; why < REFUSED_COUNT && alarm->signal[0] == '\0'; why++)
		if (device->refusals[why].last_ns && device->refusals[why].last_ns > newest_ns)
			newest_ns = device->refusals[why].last_ns;
	return newest_ns != INT64_MIN && edge_elapsed(edge->now_ns, newest_ns) < REFUSALS_CLEAR_S * NS_PER_S;
}

void alarms_clear(struct edge *edge)
{
	for (size_t i = 0; i < edge->alarm_count; i++) {
		struct edge_alarm *alarm = &edge->alarms[i];
		if (alarm->cleared_ns == 0 && !still_active(edge, alarm)) {
			alarm->cleared_ns = edge->now_ns;
			changed(edge, i);
		}
	}
}

enum status alarms_acknowledge(struct edge *edge, const struct digest *id, struct span person, struct span comment, struct fault *fault)
{
	uint64_t at;
	bool registered = false;
	for (size_t i = 0; i < edge->people_count; i++)
		registered = registered || span_is_text(person, edge->people[i]);
	if (!map_get(&edge->alarm_by_id, digest_span(id), &at))
		return fault_set(fault, E_NOT_FOUND, "no such alarm");
	if (!registered)
		return fault_set(fault, E_UNKNOWN, "this person is not registered on the ledger; choose one of the registered people");
	if (edge->alarms[at].acked_ns)
		return fault_set(fault, E_DUPLICATE, "the alarm was acknowledged by %s before", edge->alarms[at].acked_by);
	if (edge->alarms[at].refused)
		return fault_set(fault, E_NOT_FOUND, "the ledger refused this alarm's statement: there is nothing to acknowledge");
	if (!edge->alarms[at].final)
		return fault_set(fault, E_BUSY, "the alarm is not final on the ledger yet; try again in a moment");
	if (comment.size >= sizeof edge->alarms[at].comment)
		return fault_set(fault, E_LIMIT, "the comment is too long; at most %zu bytes", sizeof edge->alarms[at].comment - 1);
	struct edge_alarm *alarm = &edge->alarms[at];
	alarm->acked_ns = edge->now_ns;
	words_copy(alarm->acked_by, sizeof alarm->acked_by, person);
	words_copy(alarm->comment, sizeof alarm->comment, comment);
	struct body_ack body = {.target = *id, .person = person, .comment = comment, .time_ns = edge->now_ns};
	struct buffer bytes = {0};
	body_ack_encode(&body, &bytes);
	outbox_emit(edge, STATEMENT_ACK, span_of_text(alarm->device), id, 1, buffer_span(&bytes));
	buffer_free(&bytes);
	changed(edge, at);
	return OK;
}
