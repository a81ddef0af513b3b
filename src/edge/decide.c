#include "edge/inside.h"
#include "edge/payload.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char *signal_name(const struct device *device, int signal, char out[64])
{
	out[0] = '\0';
	if (device && signal >= 0 && (size_t)signal < device->registration->signal_count) {
		struct span id = device->registration->signals[signal].id;
		snprintf(out, 64, "%.*s", (int)id.size, (const char *)id.data);
	}
	return out;
}

static bool told_lately(struct edge *edge, struct device *device, const struct twin_finding *finding)
{
	int64_t *told = &device->told_ns[finding->signal < 0 ? TWIN_SIGNALS_MAX : (size_t)finding->signal][finding->kind];
	if (*told && edge->now_ns - *told < EDGE_REPEAT_S * NS_PER_S)
		return true;
	*told = edge->now_ns;
	return false;
}

void decide_finding(struct edge *edge, struct device *device, const struct twin_finding *finding, bool has_leaf, uint64_t leaf)
{
	if (told_lately(edge, device, finding) || edge->finding_count == EDGE_FINDINGS_MAX)
		return;
	struct pending_finding *pending = &edge->findings[edge->finding_count++];
	*pending = (struct pending_finding){.device = device, .finding = *finding, .has_leaf = has_leaf, .leaf = leaf, .count = 1};
	snprintf(pending->subject, sizeof pending->subject, "%s", device->name);
}

void decide_silence(struct edge *edge, struct device *device, const struct twin_finding *finding)
{
	if (device->silence_count == SILENCES_MAX)
		return; /* the whole machine is told first; more of its signals add nothing */
	device->silences[device->silence_count] = *finding;
	device->silence_wall_ns[device->silence_count++] = edge->wall_ns;
}

static bool still_silent(const struct device *device, int signal)
{
	struct twin_signal_view view;
	size_t count = device->registration->signal_count, stale = 0;
	for (size_t i = 0; i < count; i++) {
		twin_signal_view(device->twin, i, &view);
		if ((int)i == signal)
			return view.stale;
		stale += view.stale;
	}
	return stale == count;
}

void decide_silences(struct edge *edge)
{
	for (size_t i = 0; i < edge->device_count; i++) {
		struct device *device = edge->devices[i];
		size_t kept = 0;
		for (size_t s = 0; s < device->silence_count; s++) {
			if (!still_silent(device, device->silences[s].signal))
				continue;
			if (edge->wall_ns - device->silence_wall_ns[s] >= SILENCE_CONFIRM_MS * NS_PER_MS) {
				decide_finding(edge, device, &device->silences[s], false, 0);
				continue;
			}
			device->silences[kept] = device->silences[s];
			device->silence_wall_ns[kept++] = device->silence_wall_ns[s];
		}
		device->silence_count = kept;
	}
}

static const struct {
	enum disturbance_kind kind;
	const char *sentence;
} refusal_table[REFUSED_COUNT] = {
	[REFUSED_UNREGISTERED] = {DISTURBANCE_UNREGISTERED, "%llu messages from a device that no organisation registered for this gateway; none was taken"},
	[REFUSED_REVOKED] = {DISTURBANCE_REVOKED, "%llu messages from a device whose registration is withdrawn or suspended; none was taken"},
	[REFUSED_FORGED] = {DISTURBANCE_FORGED, "%llu messages whose authentication tag does not fit: altered on the way or sent by somebody else; none was taken"},
	[REFUSED_REPLAY] = {DISTURBANCE_REPLAY, "%llu messages repeat numbers that were taken and acknowledged before: a replay; none was taken"},
	[REFUSED_MALFORMED] = {DISTURBANCE_MALFORMED, "%llu authentic messages could not be read; their bytes are kept in the chunk"},
};

static void refusal_tell(struct edge *edge, struct device *device, const char *subject, struct refusal_tally *tally, enum edge_refusal why)
{
	bool repeat = tally->told_ns && edge->now_ns - tally->told_ns < EDGE_REFUSAL_REPEAT_S * NS_PER_S;
	if (tally->count == 0 || why == REFUSED_WAITING || repeat || edge->finding_count == EDGE_FINDINGS_MAX)
		return;
	struct pending_finding *pending = &edge->findings[edge->finding_count++];
	*pending = (struct pending_finding){.device = device, .count = tally->count};
	pending->finding = (struct twin_finding){.kind = refusal_table[why].kind,
		.diagnosis = why == REFUSED_MALFORMED ? DIAGNOSIS_SENSOR : DIAGNOSIS_INTEGRITY, .signal = -1, .time_ns = tally->last_ns};
	snprintf(pending->subject, sizeof pending->subject, "%s", subject);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(pending->finding.explanation, sizeof pending->finding.explanation, refusal_table[why].sentence, (unsigned long long)tally->count);
#pragma GCC diagnostic pop
	tally->told_ns = edge->now_ns;
	tally->count = 0;
}

void decide_refusals(struct edge *edge)
{
	for (size_t i = 0; i < edge->device_count; i++)
		for (unsigned why = 0; why < REFUSED_COUNT; why++)
			refusal_tell(edge, edge->devices[i], edge->devices[i]->name, &edge->devices[i]->refusals[why], (enum edge_refusal)why);
	for (size_t i = 0; i < edge->stranger_count; i++)
		refusal_tell(edge, NULL, edge->strangers[i].name, &edge->strangers[i].refusal, REFUSED_UNREGISTERED);
}

static int priority_of(const struct twin_finding *finding)
{
	if (finding->diagnosis == DIAGNOSIS_MACHINE || finding->diagnosis == DIAGNOSIS_INTEGRITY)
		return 2;
	return finding->kind == DISTURBANCE_MALFORMED || finding->kind == DISTURBANCE_MISSING ? 4 : 3;
}

/* Which service answers which disturbance. Integrity faults are for people. */
static void service_wish(struct edge *edge, struct device *device, const struct twin_finding *finding, const struct digest *disturbance)
{
	if (finding->diagnosis != DIAGNOSIS_SENSOR && finding->diagnosis != DIAGNOSIS_MACHINE)
		return;
	if (finding->signal < 0 || !device->twin)
		return;
	for (size_t i = 0; i < EDGE_SERVICES_MAX; i++) {
		struct service_wish *wish = &device->wishes[i];
		if (wish->open)
			continue;
		*wish = (struct service_wish){.open = true, .signal = finding->signal, .diagnosis = finding->diagnosis, .disturbance = *disturbance,
			.next_try_ns = edge->now_ns, .give_up_ns = edge->now_ns + EDGE_CALIBRATION_GIVE_UP_S * NS_PER_S};
		return;
	}
}

static void utter(struct edge *edge, const struct pending_finding *pending, const struct digest *chunk, const struct digest *anchor)
{
	struct device *device = pending->device;
	const struct twin_finding *finding = &pending->finding;
	char signal[64];
	signal_name(device, finding->signal, signal);
	bool evidence = chunk && device;
	struct body_disturbance body = {.kind = finding->kind, .diagnosis = finding->diagnosis, .signal = span_of_text(signal),
		.time_ns = finding->time_ns, .detected_ns = edge->now_ns, .value = decimal_of(finding->value), .expected = decimal_of(finding->expected),
		.seq = finding->seq, .leaf = evidence && pending->has_leaf ? pending->leaf : 0,
		.explanation = span_of_text(finding->explanation), .count = pending->count};
	if (evidence)
		body.chunk = *chunk;
	struct digest parents[3] = {0};
	if (evidence)
		parents[0] = *anchor;
	if (device) {
		parents[1] = finding->by_model ? device->model_id : device->bounds_id;
		parents[2] = device->registration_id;
	} else {
		parents[2] = edge->registration_id;
	}
	struct buffer bytes = {0};
	body_disturbance_encode(&body, &bytes);
	struct digest id = outbox_emit(edge, STATEMENT_DISTURBANCE, span_of_text(pending->subject), parents, 3, buffer_span(&bytes));
	buffer_free(&bytes);
	alarms_raise(edge, &id, span_of_text(pending->subject), signal, disturbance_kind_name(finding->kind), diagnosis_name(finding->diagnosis),
		finding->explanation, finding->time_ns, pending->count, priority_of(finding), false);
	alarms_marker(edge, "disturbance", span_of_text(pending->subject), signal, finding->explanation, finding->time_ns, &id);
	if (device)
		service_wish(edge, device, finding, &id);
}

void decide_utter(struct edge *edge, const struct digest *chunk, const struct digest *anchor)
{
	for (size_t i = 0; i < edge->finding_count; i++)
		utter(edge, &edge->findings[i], chunk, anchor);
	edge->finding_count = 0;
}

/* -- services ------------------------------------------------------------------------- */

static struct digest service_emit(struct edge *edge, struct device *device, const struct service_wish *wish, const struct body_service *body,
	const char *marker)
{
	char signal[64], text[BODY_TEXT_MAX + 1];
	struct buffer bytes = {0};
	body_service_encode(body, &bytes);
	struct digest parents[] = {wish->disturbance, device->model_id};
	struct digest id = outbox_emit(edge, STATEMENT_SERVICE, span_of_text(device->name), parents, 2, buffer_span(&bytes));
	buffer_free(&bytes);
	snprintf(text, sizeof text, "%.*s", (int)body->explanation.size, (const char *)body->explanation.data);
	alarms_marker(edge, marker, span_of_text(device->name), signal_name(device, wish->signal, signal), text, edge->now_ns, &id);
	return id;
}

static void model_emit(struct edge *edge, struct device *device, const struct body_model *model, const struct digest *parents, size_t count)
{
	struct buffer bytes = {0};
	body_model_encode(model, &bytes);
	struct digest id = outbox_emit(edge, STATEMENT_MODEL, span_of_text(device->name), parents, count, buffer_span(&bytes));
	buffer_free(&bytes);
	char text[120];
	snprintf(text, sizeof text, "model version %llu, %.*s", (unsigned long long)model->version, (int)model->reason.size, (const char *)model->reason.data);
	alarms_marker(edge, "model", span_of_text(device->name), "", text, edge->now_ns, &id);
	device->model_proposed = id;
}

static void calibrate(struct edge *edge, struct device *device, struct service_wish *wish)
{
	if (!digest_is_zero(&device->model_proposed)) {
		/* The next version must be derived from the one that is about to be in force. */
		wish->next_try_ns = edge->now_ns + NS_PER_S;
		return;
	}
	struct calibration *calibration = memory_new(sizeof *calibration);
	enum status status = twin_calibrate(device->twin, (size_t)wish->signal, wish->diagnosis, calibration);
	if (status != OK && edge->now_ns < wish->give_up_ns) {
		wish->next_try_ns = edge->now_ns + EDGE_CALIBRATION_RETRY_S * NS_PER_S;
		free(calibration);
		return;
	}
	struct body_service body = {.kind = SERVICE_CALIBRATION};
	if (status == OK) {
		body.accepted = calibration->accepted;
		body.error_before = decimal_of(calibration->error_before);
		body.error_after = decimal_of(calibration->error_after);
		body.explanation = span_of_text(calibration->explanation);
	} else {
		body.explanation = span_of_text("no calibration: the sensor gave no usable data since the disturbance began; inspect or replace it");
	}
	struct digest service = service_emit(edge, device, wish, &body, "calibration");
	if (body.accepted) {
		struct digest parents[] = {device->model_id, service, wish->disturbance, edge->last_anchor};
		model_emit(edge, device, &calibration->model, parents, 4);
	}
	wish->open = false;
	free(calibration);
}

static void command_emit(struct edge *edge, struct device *device, const struct schedule_option *option, const struct digest *service)
{
	struct body_command body = {.action = span_of_text(option->action), .setting = decimal_of(option->setting), .time_ns = edge->now_ns};
	struct buffer bytes = {0};
	body_command_encode(&body, &bytes);
	device->command = outbox_emit(edge, STATEMENT_COMMAND, span_of_text(device->name), service, 1, buffer_span(&bytes));
	device->command_ns = edge->now_ns;
	buffer_free(&bytes);
	char text[120];
	snprintf(text, sizeof text, "command %s %.3g", option->action, option->setting);
	alarms_marker(edge, "command", span_of_text(device->name), "", text, edge->now_ns, &device->command);
}

static void schedule(struct edge *edge, struct device *device, struct service_wish *wish)
{
	bool under_way = !digest_is_zero(&device->command) && edge->now_ns - device->command_ns < EDGE_COMMAND_PATIENCE_S * NS_PER_S;
	if (under_way) {
		/* One step at a time: judge again once the machine has answered. */
		wish->next_try_ns = edge->now_ns + EDGE_CALIBRATION_RETRY_S * NS_PER_S;
		return;
	}
	struct twin_signal_view signal;
	twin_signal_view(device->twin, (size_t)wish->signal, &signal);
	if (wish->waits && signal.active == 0) {
		wish->open = false; /* it passed by itself */
		return;
	}
	struct schedule plan;
	twin_schedule(device->twin, (size_t)wish->signal, device->registration->commands, &plan);
	struct body_service body = {.kind = SERVICE_SCHEDULING, .chosen = (uint32_t)plan.chosen, .explanation = span_of_text(plan.explanation)};
	for (size_t i = 0; i < plan.count && i < 8; i++) {
		const struct schedule_option *option = &plan.options[i];
		body.options[body.option_count++] = (struct body_option){.action = span_of_text(option->action), .setting = decimal_of(option->setting),
			.predicted = decimal_of(option->predicted), .cost = decimal_of(option->cost), .feasible = option->feasible};
	}
	bool wait = plan.count > 0 && strcmp(plan.options[plan.chosen].action, "continue") == 0;
	if (wait)
		wish->next_try_ns = edge->now_ns + EDGE_SCHEDULE_AGAIN_S * NS_PER_S;
	if (wait && wish->waits)
		return; /* told before; judged again while the fault lasts */
	/* What the twin would do, a machine without commands cannot: then the statement is advice to people. */
	bool act = plan.count > 0 && !wait && edge_words_have(device->registration->commands, plan.options[plan.chosen].action);
	body.accepted = act;
	struct digest service = service_emit(edge, device, wish, &body, "scheduling");
	if (act)
		command_emit(edge, device, &plan.options[plan.chosen], &service);
	wish->waits = wait;
	wish->open = wait;
}

void decide_services(struct edge *edge)
{
	if (!edge->ready)
		return;
	for (size_t i = 0; i < edge->device_count; i++) {
		struct device *device = edge->devices[i];
		for (size_t w = 0; w < EDGE_SERVICES_MAX; w++) {
			struct service_wish *wish = &device->wishes[w];
			if (!wish->open || edge->now_ns < wish->next_try_ns)
				continue;
			if (wish->diagnosis == DIAGNOSIS_SENSOR)
				calibrate(edge, device, wish);
			else
				schedule(edge, device, wish);
		}
	}
}

void decide_commission(struct edge *edge, struct device *device)
{
	struct body_model *model = memory_new(sizeof *model);
	if (twin_commission(device->twin, model)) {
		device->commissioned = true;
		struct digest parents[] = {device->registration_id, edge->last_anchor};
		model_emit(edge, device, model, parents, 2);
	}
	free(model);
}

/* -- commands and their results -------------------------------------------------------- */

static void command_send(struct edge *edge, struct device *device, const struct statement *statement)
{
	struct body_command body;
	if (device->state != DEVICE_ACTIVE || body_command_decode(statement->body, &body, NULL) != OK)
		return;
	struct edge_action *action = edge_action_add(edge, EDGE_COMMAND);
	action->device = device->name;
	payload_command_write(&statement->id, body.action, decimal_value(body.setting), edge->now_ns, &action->bytes);
	device->speed_wanted = span_is_text(body.action, "reduce_speed") ? decimal_value(body.setting) : span_is_text(body.action, "stop") ? 0 : 1;
	/* Numbers follow the wall clock, so that they ascend over restarts without being stored. */
	uint64_t seq = (uint64_t)edge->wall_ns;
	device->down_seq = seq > device->down_seq ? seq : device->down_seq + 1;
	action->seq = device->down_seq;
	session_tag(device->down, SESSION_COMMAND, action->seq, buffer_span(&action->bytes), action->tag);
}

/* What was decided takes effect now that every organisation can see it. */
void decide_command_final(struct edge *edge, const struct statement *statement)
{
	struct device *device = edge_device(edge, statement->sub);
	if (!device || !device->down)
		return;
	int64_t age_ns = edge->now_ns - statement->iat * NS_PER_S;
	if (age_ns > EDGE_COMMAND_PATIENCE_S * NS_PER_S)
		return; /* an old one, seen again after a restart */
	device->command = statement->id;
	device->command_ns = statement->iat * NS_PER_S;
	command_send(edge, device, statement);
}

void decide_result(struct edge *edge, struct device *device, struct span payload)
{
	struct payload_result result;
	struct fault fault;
	if (payload_result_read(payload, &result, &fault) != OK || !digest_equal(&result.command, &device->command)) {
		message_refuse(edge, device, span_of_text(device->name), REFUSED_MALFORMED, 0, payload);
		return;
	}
	struct body_result body = {.command = result.command, .done = result.done, .detail = span_of_text(result.detail), .time_ns = result.time_ns};
	struct buffer bytes = {0};
	body_result_encode(&body, &bytes);
	struct digest id = outbox_emit(edge, STATEMENT_RESULT, span_of_text(device->name), &result.command, 1, buffer_span(&bytes));
	buffer_free(&bytes);
	char text[260];
	snprintf(text, sizeof text, "%s: %s", result.done ? "done" : "not done", result.detail);
	alarms_marker(edge, "result", span_of_text(device->name), "", text, result.time_ns, &id);
	device->command = (struct digest){0};
	if (result.done && device->twin) {
		twin_speed_set(device->twin, device->speed_wanted);
		twin_reset_detection(device->twin);
		memset(device->told_ns, 0, sizeof device->told_ns);
	}
}

void decide_critical_done(struct edge *edge, uint64_t token, int64_t acted_ns)
{
	for (size_t i = 0; i < edge->acting_count; i++) {
		struct pending_alarm *alarm = &edge->alarms_acting[i];
		if (alarm->token != token)
			continue;
		char text[300];
		snprintf(text, sizeof text, "%s: %s", alarm->kind, alarm->detail[0] ? alarm->detail : "no detail given");
		struct body_critical body = {.kind = span_of_text(alarm->kind), .time_ns = alarm->time_ns, .received_ns = alarm->received_ns,
			.acted_ns = acted_ns, .action = span_of_text("local control unit informed, on disk"), .detail = span_of_text(alarm->detail)};
		struct buffer bytes = {0};
		body_critical_encode(&body, &bytes);
		struct digest parents[] = {alarm->device->registration_id};
		struct digest id = outbox_emit(edge, STATEMENT_CRITICAL, span_of_text(alarm->device->name), parents, 1, buffer_span(&bytes));
		buffer_free(&bytes);
		bool fire = strcmp(alarm->kind, "fire") == 0;
		alarms_raise(edge, &id, span_of_text(alarm->device->name), "", alarm->kind, "none", text, alarm->time_ns, 1, fire ? 1 : 3, false);
		alarms_marker(edge, "critical", span_of_text(alarm->device->name), "", text, alarm->time_ns, &id);
		memmove(alarm, alarm + 1, (--edge->acting_count - i) * sizeof *alarm);
		return;
	}
}
