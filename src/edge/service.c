/* What follows from a disturbance: services on the twin, new models, commands and their results. And critical messages. */
#include "edge/inside.h"
#include "edge/payload.h"

#include <stdio.h>
#include <stdlib.h>

/* Which service answers which disturbance. Integrity faults are for people. */
void service_wish(struct edge *edge, struct device *device, const struct twin_finding *finding, const struct digest *disturbance)
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

static struct digest service_emit(struct edge *edge, struct device *device, const struct service_wish *wish, const struct body_service *body,
	const char *marker)
{
	char signal[64], text[BODY_TEXT_MAX + 1];
	struct buffer bytes = {0};
	body_service_encode(body, &bytes);
	struct digest parents[] = {wish->disturbance, device->model_id};
	struct digest id = outbox_emit(edge, STATEMENT_SERVICE, span_of_text(device->name), parents, 2, buffer_span(&bytes));
	buffer_free(&bytes);
	words_copy(text, sizeof text, body->explanation);
	alarms_marker(edge, marker, span_of_text(device->name), decide_signal_name(device, wish->signal, signal), text, edge->now_ns, &id);
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
		body.explanation = words_whole(span_of_text(calibration->explanation));
	} else {
		body.explanation = status == E_NOT_FOUND ? words_whole(span_of_text(calibration->explanation))
			: span_of_text("no calibration: the sensor gave no usable data since the disturbance began; inspect or replace it");
	}
	struct digest service = service_emit(edge, device, wish, &body, "calibration");
	if (body.accepted) {
		struct digest parents[] = {device->model_id, service, wish->disturbance, edge->last_anchor};
		model_emit(edge, device, &calibration->model, parents, 4);
	}
	wish->open = false;
	free(calibration);
}

static void command_note(struct device *device, struct span action, double setting)
{
	words_copy(device->command_action, sizeof device->command_action, action);
	device->command_setting = setting;
}

static void command_emit(struct edge *edge, struct device *device, const struct schedule_option *option, const struct digest *service)
{
	struct body_command body = {.action = span_of_text(option->action), .setting = decimal_of(option->setting), .time_ns = edge->now_ns};
	struct buffer bytes = {0};
	body_command_encode(&body, &bytes);
	device->command = outbox_emit(edge, STATEMENT_COMMAND, span_of_text(device->name), service, 1, buffer_span(&bytes));
	device->command_ns = edge->now_ns;
	device->command_final = device->command_sent = false;
	command_note(device, body.action, option->setting);
	buffer_free(&bytes);
	char text[120];
	snprintf(text, sizeof text, "command %s %.3g", option->action, option->setting);
	alarms_marker(edge, "command", span_of_text(device->name), "", text, edge->now_ns, &device->command);
}

static bool command_is_young(const struct edge *edge, const struct device *device)
{
	return edge_elapsed(edge->now_ns, device->command_ns) <= EDGE_COMMAND_PATIENCE_S * NS_PER_S;
}

static void schedule(struct edge *edge, struct device *device, struct service_wish *wish)
{
	if (!digest_is_zero(&device->command) && command_is_young(edge, device)) {
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
	struct body_service body = {.kind = SERVICE_SCHEDULING, .chosen = (uint32_t)plan.chosen, .explanation = words_whole(span_of_text(plan.explanation))};
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

void service_run(struct edge *edge)
{
	for (size_t i = 0; i < edge->device_count; i++) {
		struct device *device = edge->devices[i];
		for (size_t w = 0; w < EDGE_SERVICES_MAX && device->twin; w++) {
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

void service_commission(struct edge *edge, struct device *device)
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

static bool is_word(const char *text)
{
	size_t size = strlen(text);
	return size > 0 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == size;
}

void command_send_due(struct edge *edge, struct device *device, bool again)
{
	bool due = device->command_final && (again || !device->command_sent) && command_is_young(edge, device);
	if (!due || !device->down || device->state != DEVICE_ACTIVE || device->elsewhere || !is_word(device->command_action))
		return;
	struct edge_action *action = edge_action_add(edge, EDGE_COMMAND);
	action->device = device->name;
	payload_command_write(&device->command, span_of_text(device->command_action), device->command_setting, edge->now_ns, &action->bytes);
	/* Numbers follow the clock, so that they ascend over restarts, of the gateway and of its machine, without being stored. */
	uint64_t seq = edge->now_ns > 0 ? (uint64_t)edge->now_ns : 0;
	device->down_seq = seq > device->down_seq ? seq : device->down_seq + 1;
	action->seq = device->down_seq;
	session_tag(device->down, SESSION_COMMAND, action->seq, buffer_span(&action->bytes), action->tag);
	device->command_sent = true;
}

/* What was decided takes effect now that every organisation can see it. While the gateway catches up, results may still
 * follow: it waits until then. */
void command_final(struct edge *edge, const struct statement *statement)
{
	struct device *device = edge_device(edge, statement->sub);
	struct body_command body;
	if (!device || digest_equal(&device->answered, &statement->id) || body_command_decode(statement->body, &body, NULL) != OK)
		return;
	device->command = statement->id;
	device->command_ns = edge_seconds_ns(statement->iat);
	device->command_final = true;
	device->command_sent = false;
	command_note(device, body.action, decimal_value(body.setting));
	if (edge->ready)
		command_send_due(edge, device, false);
}

/* The share of the nominal speed at which the machine runs once it obeyed. */
static double command_speed(const struct device *device)
{
	if (strcmp(device->command_action, "reduce_speed") == 0)
		return device->command_setting;
	return strcmp(device->command_action, "stop") == 0 ? 0 : 1;
}

static void command_close(struct device *device)
{
	device->answered = device->command;
	device->command = (struct digest){0};
	device->command_final = device->command_sent = false;
}

void command_answered(struct edge *edge, const struct statement *statement)
{
	struct device *device = edge_device(edge, statement->sub);
	struct body_result body;
	if (!device || body_result_decode(statement->body, &body, NULL) != OK || !digest_equal(&body.command, &device->command))
		return;
	/* Of an earlier run: the twin begins with the speed that the machine was left at. */
	if (body.done && device->twin)
		twin_speed_set(device->twin, command_speed(device));
	command_close(device);
}

void command_result(struct edge *edge, struct device *device, uint64_t seq, struct span payload)
{
	struct payload_result result;
	struct fault fault;
	enum status status = payload_result_read(payload, &result, &fault);
	if (status == OK && digest_equal(&result.command, &device->answered))
		return; /* told again after a crash, or by a machine that was told again */
	if (status != OK || !device->command_final || !digest_equal(&result.command, &device->command)) {
		message_refuse(edge, device, span_of_text(device->name), REFUSED_MALFORMED, seq, payload);
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
	if (result.done && device->twin) {
		twin_speed_set(device->twin, command_speed(device));
		twin_reset_detection(device->twin);
		memset(device->told_ns, 0, sizeof device->told_ns);
	}
	command_close(device);
}

/* -- critical messages: acted upon already ---------------------------------------------- */

static void critical_emit(struct edge *edge, const struct pending_alarm *pending, int64_t acted_ns)
{
	const struct device *device = pending->device;
	struct body_critical body = {.kind = span_of_text(pending->kind), .time_ns = pending->time_ns, .received_ns = pending->received_ns,
		.acted_ns = acted_ns, .action = span_of_text("local control unit informed, on disk"), .detail = span_of_text(pending->detail)};
	struct buffer bytes = {0};
	body_critical_encode(&body, &bytes);
	struct edge_alarm alarm = {.since_ns = pending->time_ns, .count = 1, .priority = strcmp(pending->kind, "fire") == 0 ? 1 : 3};
	alarm.id = outbox_emit(edge, STATEMENT_CRITICAL, span_of_text(device->name), &device->registration_id, 1, buffer_span(&bytes));
	buffer_free(&bytes);
	words_copy(alarm.device, sizeof alarm.device, span_of_text(device->name));
	words_copy(alarm.kind, sizeof alarm.kind, body.kind);
	words_copy(alarm.diagnosis, sizeof alarm.diagnosis, span_of_text("none"));
	snprintf(alarm.explanation, sizeof alarm.explanation, "%s: %s", pending->kind, pending->detail[0] ? pending->detail : "no detail given");
	alarms_raise(edge, &alarm);
	alarms_marker(edge, "critical", span_of_text(device->name), "", alarm.explanation, pending->time_ns, &alarm.id);
}

void critical_done(struct edge *edge, uint64_t token, int64_t acted_ns)
{
	for (size_t i = 0; i < edge->acting_count; i++) {
		if (edge->acting[i].token != token)
			continue;
		critical_emit(edge, &edge->acting[i], acted_ns);
		memmove(edge->acting + i, edge->acting + i + 1, (--edge->acting_count - i) * sizeof *edge->acting);
		return;
	}
}
