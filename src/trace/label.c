/* One line for people about each statement. Texts come from outside: what could drive a terminal or turn
 * the direction of writing is shown as "?". */
#include "base/time.h"
#include "trace/trace.h"
#include "trace/words.h"

#include <stdio.h>

/* Bytes of the control character (ISO 6429, C0 and C1; Unicode's for bidirectional text) that begins here, or 0. */
static size_t control_size(const uint8_t *text, size_t left)
{
	if (text[0] < 0x20 || text[0] == 0x7f)
		return 1;
	if (left >= 2 && text[0] == 0xc2 && text[1] < 0xa0)
		return 2;
	bool embedding = left >= 3 && text[0] == 0xe2 && text[1] == 0x80 && text[2] >= 0xaa && text[2] <= 0xae;
	bool isolate = left >= 3 && text[0] == 0xe2 && text[1] == 0x81 && text[2] >= 0xa6 && text[2] <= 0xa9;
	return embedding || isolate ? 3 : 0;
}

/* `before` and the text; nothing when the text is empty. */
static void clean(struct buffer *out, const char *before, struct span text)
{
	if (text.size == 0)
		return;
	buffer_append_text(out, before);
	for (size_t i = 0; i < text.size; i++) {
		size_t size = control_size(text.data + i, text.size - i);
		buffer_append_byte(out, size ? '?' : text.data[i]);
		i += size ? size - 1 : 0;
	}
}

static void in_brackets(struct buffer *out, struct span text)
{
	clean(out, " (", text);
	if (text.size > 0)
		buffer_append_byte(out, ')');
}

/* "spindle-1" of "dev:manufacturer/spindle-1". */
static struct span short_name(struct span name)
{
	for (size_t i = name.size; i > 0; i--)
		if ((name.data[i - 1] == '/' || name.data[i - 1] == ':') && i < name.size)
			return span_of(name.data + i, name.size - i);
	return name;
}

static void figure(struct buffer *out, const char *before, struct decimal value)
{
	buffer_printf(out, "%s%.5g", before, decimal_value(value));
}

/* "1 reading", "3 readings". */
static void count(struct buffer *out, const char *before, uint64_t number, const char *thing)
{
	buffer_printf(out, "%s%llu %s%s", before, (unsigned long long)number, thing, number == 1 ? "" : "s");
}

static void instant(struct buffer *out, const char *before, int64_t ns)
{
	char text[TIME_TEXT_SIZE];
	time_text(ns, text);
	buffer_printf(out, "%s%s", before, text);
}

static void label_org(const struct statement *statement, const struct body_org *body, struct buffer *out)
{
	clean(out, "organisation: ", body->name);
	in_brackets(out, short_name(statement->iss));
	clean(out, " as ", body->role);
	clean(out, ", node at ", body->address);
}

static void label_person(const struct statement *statement, const struct body_person *body, struct buffer *out)
{
	clean(out, "person: ", short_name(statement->sub));
	clean(out, " is registered as ", body->role);
	clean(out, " by ", short_name(statement->iss));
}

static void label_device(const struct statement *statement, const struct body_device *body, struct buffer *out)
{
	buffer_printf(out, "device: %s ", word_device_kind(body->kind));
	clean(out, "", short_name(statement->sub));
	in_brackets(out, body->model);
	clean(out, " at ", body->site);
	clean(out, ", through gateway ", short_name(body->gateway));
	if (body->signal_count > 0)
		count(out, ", ", body->signal_count, "signal");
}

static void label_event(const struct statement *statement, const struct body_event *body, struct buffer *out)
{
	clean(out, "event: ", body->kind);
	clean(out, ", ", body->step);
	clean(out, " for ", short_name(statement->sub));
	clean(out, " at ", body->place);
	for (size_t i = 0; i < body->item_count; i++)
		clean(out, i == 0 ? ": " : ", ", body->items[i]);
}

static void label_bounds(const struct statement *statement, const struct body_bounds *body, struct buffer *out)
{
	buffer_printf(out, "bounds: version %llu for ", (unsigned long long)body->version);
	clean(out, "", short_name(statement->sub));
	count(out, ", ", body->bound_count, "signal");
	clean(out, ", from ", body->source);
}

static void label_anchor(const struct statement *statement, const struct body_anchor *body, struct buffer *out)
{
	(void)statement;
	uint64_t missing = 0, flagged = 0, refused = 0;
	for (size_t i = 0; i < body->range_count; i++)
		missing += body->ranges[i].missing;
	for (size_t i = 0; i < body->flagged_count; i++)
		flagged += body->flagged[i].count;
	for (size_t i = 0; i < body->refused_count; i++)
		refused += body->refused[i].count;
	count(out, "anchor: ", body->samples, "reading");
	if (body->range_count == 1)
		clean(out, " of ", short_name(body->ranges[0].device));
	else
		count(out, " of ", body->range_count, "device");
	instant(out, ", ", body->first_ns);
	instant(out, " to ", body->last_ns);
	const char *evidence = evidence_class_name(body->evidence);
	buffer_printf(out, ", evidence: %s", evidence ? evidence : "unknown");
	if (flagged > 0)
		buffer_printf(out, ", %llu flagged", (unsigned long long)flagged);
	if (missing > 0)
		count(out, ", ", missing, "message");
	if (missing > 0)
		buffer_append_text(out, " missing");
	if (refused > 0)
		count(out, ", ", refused, "message");
	if (refused > 0)
		buffer_append_text(out, " refused");
}

static void label_model(const struct statement *statement, const struct body_model *body, struct buffer *out)
{
	buffer_printf(out, "model: version %llu for ", (unsigned long long)body->version);
	clean(out, "", short_name(statement->sub));
	in_brackets(out, body->kind);
	clean(out, " after ", body->reason);
	if (body->error_before.mantissa != 0) {
		figure(out, ", held-out error ", body->error_before);
		figure(out, " fell to ", body->error_after);
	}
}

static void label_device_state(const struct statement *statement, const struct body_device_state *body, struct buffer *out)
{
	clean(out, "device state: ", short_name(statement->sub));
	buffer_printf(out, " is %s", word_device_state(body->state));
	clean(out, " by ", short_name(statement->iss));
	clean(out, ": ", body->reason);
}

/* What happened, after the name of the signal or device. */
static const char *disturbance_verb(unsigned kind)
{
	switch (kind) {
	case DISTURBANCE_BOUNDS: return "crosses a bound";
	case DISTURBANCE_DRIFT: return "drifts";
	case DISTURBANCE_FROZEN: return "is frozen";
	case DISTURBANCE_SILENT: return "is silent";
	case DISTURBANCE_FORGED: return "sends forged messages";
	case DISTURBANCE_UNREGISTERED: return "is not registered";
	case DISTURBANCE_REVOKED: return "speaks although revoked";
	case DISTURBANCE_MALFORMED: return "sends malformed messages";
	case DISTURBANCE_MISSING: return "lacks values";
	case DISTURBANCE_REPLAY: return "repeats old messages";
	}
	return "is disturbed";
}

static void label_disturbance(const struct statement *statement, const struct body_disturbance *body, struct buffer *out)
{
	clean(out, "disturbance: ", body->signal);
	clean(out, body->signal.size > 0 ? " of " : "disturbance: ", short_name(statement->sub));
	buffer_printf(out, " %s", disturbance_verb(body->kind));
	if (body->kind == DISTURBANCE_BOUNDS) {
		figure(out, ", ", body->value);
		figure(out, " (bound ", body->expected);
		buffer_append_text(out, ")");
	} else if (body->kind == DISTURBANCE_DRIFT) {
		figure(out, ", ", body->value);
		figure(out, " (expected ", body->expected);
		buffer_append_text(out, ")");
	} else if (body->kind == DISTURBANCE_FROZEN) {
		figure(out, " at ", body->value);
	}
	if (body->count > 1)
		count(out, ", ", body->count, "time");
	switch (body->diagnosis) {
	case DIAGNOSIS_SENSOR: buffer_append_text(out, ": sensor fault"); break;
	case DIAGNOSIS_MACHINE: buffer_append_text(out, ": machine fault"); break;
	case DIAGNOSIS_INTEGRITY: buffer_append_text(out, ": data integrity fault"); break;
	}
}

static void label_service(const struct statement *statement, const struct body_service *body, struct buffer *out)
{
	const char *kind = word_service_kind(body->kind);
	buffer_printf(out, "service: %s of ", kind ? kind : "unknown service");
	clean(out, "", short_name(statement->sub));
	buffer_append_text(out, body->accepted ? " accepted" : " not accepted");
	if (body->kind == SERVICE_CALIBRATION) {
		figure(out, ", held-out error ", body->error_before);
		figure(out, " to ", body->error_after);
	} else if (body->accepted && body->chosen < body->option_count) {
		const struct body_option *option = &body->options[body->chosen];
		clean(out, ", chosen: ", option->action);
		if (option->setting.mantissa != 0)
			figure(out, " ", option->setting);
		figure(out, ", predicted ", option->predicted);
		figure(out, ", cost ", option->cost);
	}
}

static void label_command(const struct statement *statement, const struct body_command *body, struct buffer *out)
{
	clean(out, "command: ", body->action);
	if (body->setting.mantissa != 0)
		figure(out, " to ", body->setting);
	clean(out, ", for ", short_name(statement->sub));
}

static void label_result(const struct statement *statement, const struct body_result *body, struct buffer *out)
{
	clean(out, "result: ", short_name(statement->sub));
	buffer_append_text(out, body->done ? " did what it was told" : " did not do what it was told");
	clean(out, ": ", body->detail);
}

static void label_critical(const struct statement *statement, const struct body_critical *body, struct buffer *out)
{
	clean(out, "critical: ", body->kind);
	clean(out, " at ", short_name(statement->sub));
	clean(out, ", ", body->detail);
	clean(out, "; ", body->action);
	int64_t late_ns;
	if (!__builtin_sub_overflow(body->acted_ns, body->received_ns, &late_ns))
		buffer_printf(out, ", acted %.3g ms after its arrival", (double)late_ns / NS_PER_MS);
}

static void label_ack(const struct statement *statement, const struct body_ack *body, struct buffer *out)
{
	clean(out, "acknowledgement: alarm of ", short_name(statement->sub));
	clean(out, ", by ", short_name(body->person));
	clean(out, ": ", body->comment);
}

static void label_evidence(const struct statement *statement, const struct body_evidence *body, struct buffer *out)
{
	clean(out, "evidence: ", short_name(statement->sub));
	clean(out, " lied: ", span_of_text(lie_name(body->lie)));
}

static void label_member(const struct statement *statement, const struct body_member *body, struct buffer *out)
{
	clean(out, "members: ", span_of_text(member_change_name(body->change)));
	clean(out, " ", short_name(statement->sub));
	clean(out, ": ", body->reason);
}

static void label_vote(const struct statement *statement, const struct body_vote *body, struct buffer *out)
{
	clean(out, body->yes ? "vote: yes to the proposal about " : "vote: no to the proposal about ", short_name(statement->sub));
}

#define LABEL_CASE(type, name)                                                        \
	case type: {                                                                  \
		struct body_##name body;                                              \
		if (body_##name##_decode(statement->body, &body, &fault) != OK)       \
			break;                                                        \
		label_##name(statement, &body, out);                                  \
		return;                                                               \
	}

void trace_label(const struct statement *statement, struct buffer *out)
{
	struct fault fault;
	switch (statement->type) {
	LABEL_CASE(STATEMENT_ORG, org)
	LABEL_CASE(STATEMENT_PERSON, person)
	LABEL_CASE(STATEMENT_DEVICE, device)
	LABEL_CASE(STATEMENT_EVENT, event)
	LABEL_CASE(STATEMENT_ANCHOR, anchor)
	LABEL_CASE(STATEMENT_MODEL, model)
	LABEL_CASE(STATEMENT_BOUNDS, bounds)
	LABEL_CASE(STATEMENT_DEVICE_STATE, device_state)
	LABEL_CASE(STATEMENT_DISTURBANCE, disturbance)
	LABEL_CASE(STATEMENT_SERVICE, service)
	LABEL_CASE(STATEMENT_COMMAND, command)
	LABEL_CASE(STATEMENT_RESULT, result)
	LABEL_CASE(STATEMENT_CRITICAL, critical)
	LABEL_CASE(STATEMENT_ACK, ack)
	LABEL_CASE(STATEMENT_EVIDENCE, evidence)
	LABEL_CASE(STATEMENT_MEMBER, member)
	LABEL_CASE(STATEMENT_VOTE, vote)
	}
	buffer_printf(out, "%s: its body cannot be read", statement_type_name(statement->type));
}
