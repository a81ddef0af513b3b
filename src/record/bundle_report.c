#include "record/bundle_report.h"

#include "base/time.h"
#include "record/bundle.h"

#include <inttypes.h>

/* The size of the UTF-8 sequence at the start, 0 when there is none; *code is its code point. */
static size_t sequence_at(struct span text, uint32_t *code)
{
	uint8_t first = text.data[0];
	size_t size = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;
	if (size == 0 || size > text.size)
		return 0;
	*code = size == 1 ? first : first & (0x7fu >> size);
	for (size_t i = 1; i < size; i++) {
		if ((text.data[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (text.data[i] & 0x3f);
	}
	return size;
}

static bool is_harmless(uint32_t code)
{
	bool control = code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029;
	bool turns = code == 0x061c || code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
	return !control && !turns;
}

void report_text(struct buffer *out, struct span text)
{
	while (text.size) {
		uint32_t code = 0;
		size_t size = sequence_at(text, &code);
		if (size && is_harmless(code))
			buffer_append(out, text.data, size);
		else
			buffer_append_byte(out, '?');
		size = size ? size : 1;
		text = span_of(text.data + size, text.size - size);
	}
}

struct report_shown report_shown(struct span text)
{
	struct report_shown out = {{0}};
	struct buffer harmless = {0};
	report_text(&harmless, text);
	size_t size = harmless.size < sizeof out.text ? harmless.size : sizeof out.text - 1;
	if (size)
		memcpy(out.text, harmless.data, size);
	buffer_free(&harmless);
	return out;
}

static void say_ns(struct buffer *out, int64_t ns)
{
	char text[TIME_TEXT_SIZE];
	time_text(ns, text);
	buffer_append_text(out, text);
}

static void say_ms(struct buffer *out, int64_t ms)
{
	if (ms > INT64_MAX / NS_PER_MS || ms < INT64_MIN / NS_PER_MS)
		buffer_printf(out, "%" PRId64 " ms after 1970", ms);
	else
		say_ns(out, ms * NS_PER_MS);
}

void report_seconds(struct buffer *out, uint64_t seconds)
{
	if (seconds > INT64_MAX / NS_PER_S)
		buffer_printf(out, "%" PRIu64 " s after 1970", seconds);
	else
		say_ns(out, (int64_t)seconds * NS_PER_S);
}

static void say(struct buffer *out, const char *before, struct span text)
{
	if (text.size == 0)
		return;
	buffer_append_text(out, before);
	report_text(out, text);
}

static void say_decimal(struct buffer *out, const char *before, struct decimal decimal)
{
	buffer_append_text(out, before);
	decimal_text(decimal, out);
}

static void say_short(struct buffer *out, const char *before, const struct digest *digest)
{
	char text[DIGEST_HEX_SIZE];
	span_hex(span_of(digest->bytes, DIGEST_SIZE), text);
	buffer_printf(out, "%s%.16s", before, text);
}

static void say_org(const struct body_org *body, struct buffer *out)
{
	say(out, "organisation ", body->name);
	say(out, ", role ", body->role);
	say(out, ", at ", body->address);
	if (!digest_is_zero(&body->root_key))
		say_short(out, ", with the root ", &body->root_key);
}

static void say_person(const struct body_person *body, struct buffer *out)
{
	say(out, "a person with the role ", body->role);
}

static void say_device(const struct body_device *body, struct buffer *out)
{
	static const char *const kinds[] = {[DEVICE_GATEWAY] = "gateway", [DEVICE_MACHINE] = "machine", [DEVICE_SENSOR] = "sensor"};
	buffer_append_text(out, kinds[body->kind]);
	say(out, ", model ", body->model);
	say(out, ", at ", body->site);
	say(out, ", spoken for by ", body->gateway);
	say_short(out, ", firmware ", &body->firmware);
	for (size_t i = 0; i < body->signal_count; i++) {
		say(out, i ? ", " : ", signals ", body->signals[i].id);
		say(out, " in ", body->signals[i].unit);
	}
	say(out, ", critical events: ", body->critical);
	say(out, ", commands: ", body->commands);
}

static void say_event(const struct body_event *body, struct buffer *out)
{
	report_text(out, body->kind);
	say(out, ", ", body->type);
	say(out, ", step ", body->step);
	buffer_append_text(out, ", at ");
	say_ms(out, body->time_ms);
	say(out, ", in ", body->place);
	for (size_t i = 0; i < body->item_count; i++)
		say(out, i ? ", " : ", about ", body->items[i]);
	for (size_t i = 0; i < body->detail_count; i++) {
		say(out, ", ", body->details[i].name);
		say(out, " ", body->details[i].text);
	}
}

static void say_bounds(const struct body_bounds *body, struct buffer *out)
{
	buffer_printf(out, "bounds version %" PRIu64, body->version);
	for (size_t i = 0; i < body->bound_count; i++) {
		const struct body_bound *bound = &body->bounds[i];
		say(out, "; ", bound->signal);
		say_decimal(out, " ", bound->low);
		say_decimal(out, " to ", bound->high);
		say(out, " ", bound->unit);
		if (bound->rate.mantissa)
			say_decimal(out, ", changing at most by ", bound->rate);
		if (bound->rate.mantissa)
			buffer_append_text(out, " in a second");
		say_decimal(out, ", resolution ", bound->resolution);
		buffer_printf(out, ", silent after %" PRIu32 " ms", bound->deadline_ms);
	}
	say(out, "; source: ", body->source);
}

static uint64_t sum_of_missing(const struct body_anchor *body)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < body->range_count; i++)
		if (__builtin_add_overflow(sum, body->ranges[i].missing, &sum))
			return UINT64_MAX;
	return sum;
}

static void say_anchor(const struct body_anchor *body, struct buffer *out)
{
	buffer_printf(out, "%" PRIu64 " samples of %zu devices, from ", body->samples, body->range_count);
	say_ns(out, body->first_ns);
	buffer_append_text(out, " to ");
	say_ns(out, body->last_ns);
	say(out, ", at ", body->site);
	say(out, ", for ", body->purpose);
	say_short(out, ", in chunk ", &body->chunk);
	buffer_printf(out, ", %" PRIu64 " messages missing", sum_of_missing(body));
	for (size_t i = 0; i < body->flagged_count; i++) {
		say(out, i ? ", " : "; flagged: ", body->flagged[i].reason);
		buffer_printf(out, " %" PRIu64, body->flagged[i].count);
	}
	for (size_t i = 0; i < body->refused_count; i++) {
		say(out, i ? ", " : "; refused messages: ", body->refused[i].reason);
		buffer_printf(out, " %" PRIu64, body->refused[i].count);
	}
	static const char *const meanings[] = {[EVIDENCE_NONE] = "nobody vouches for the data",
		[EVIDENCE_GATEWAY] = "a registered gateway vouches for the data", [EVIDENCE_DEVICE] = "the devices themselves vouch for the data"};
	buffer_printf(out, "; evidence class %s (%s)", evidence_class_name(body->evidence), meanings[body->evidence]);
}

static void say_model(const struct body_model *body, struct buffer *out)
{
	say(out, "", body->kind);
	buffer_printf(out, " model version %" PRIu64, body->version);
	say(out, ", reason: ", body->reason);
	say_decimal(out, ", error on held-out data ", body->error_before);
	say_decimal(out, " before and ", body->error_after);
	buffer_append_text(out, " after");
	for (size_t i = 0; i < body->parameter_count; i++) {
		say(out, i ? ", " : "; ", body->parameters[i].name);
		say_decimal(out, " = ", body->parameters[i].value);
	}
}

static void say_device_state(const struct body_device_state *body, struct buffer *out)
{
	static const char *const states[] = {[DEVICE_ACTIVE] = "active", [DEVICE_SUSPENDED] = "suspended", [DEVICE_REVOKED] = "revoked"};
	buffer_append_text(out, states[body->state]);
	say(out, ", reason: ", body->reason);
}

static void say_disturbance(const struct body_disturbance *body, struct buffer *out)
{
	buffer_printf(out, "%s, diagnosis %s", disturbance_kind_name(body->kind), diagnosis_name(body->diagnosis));
	say(out, ", signal ", body->signal);
	say_decimal(out, ", value ", body->value);
	say_decimal(out, " where ", body->expected);
	buffer_append_text(out, " was expected, at ");
	say_ns(out, body->time_ns);
	buffer_append_text(out, ", detected at ");
	say_ns(out, body->detected_ns);
	if (!digest_is_zero(&body->chunk)) {
		buffer_printf(out, ", message %" PRIu64 ", leaf %" PRIu64, body->seq, body->leaf);
		say_short(out, " of chunk ", &body->chunk);
	}
	buffer_printf(out, ", %" PRIu64 " times", body->count);
	say(out, ": ", body->explanation);
}

static void say_service(const struct body_service *body, struct buffer *out)
{
	buffer_printf(out, "%s %s", body->kind == SERVICE_CALIBRATION ? "calibration" : "scheduling", body->accepted ? "accepted" : "refused");
	if (body->kind == SERVICE_CALIBRATION) {
		say_decimal(out, ", error on held-out data ", body->error_before);
		say_decimal(out, " before and ", body->error_after);
		buffer_append_text(out, " after");
	}
	for (size_t i = 0; i < body->option_count; i++) {
		const struct body_option *option = &body->options[i];
		say(out, body->accepted && i == body->chosen ? "; chosen: " : "; tried: ", option->action);
		say_decimal(out, " ", option->setting);
		say_decimal(out, ", predicted ", option->predicted);
		say_decimal(out, ", cost ", option->cost);
		buffer_append_text(out, option->feasible ? ", within bounds" : ", out of bounds");
	}
	say(out, "; ", body->explanation);
}

static void say_command(const struct body_command *body, struct buffer *out)
{
	say(out, "command ", body->action);
	say_decimal(out, " with setting ", body->setting);
	buffer_append_text(out, " at ");
	say_ns(out, body->time_ns);
}

static void say_result(const struct body_result *body, struct buffer *out)
{
	say_short(out, "command ", &body->command);
	buffer_append_text(out, body->done ? " was done" : " was not done");
	buffer_append_text(out, " at ");
	say_ns(out, body->time_ns);
	say(out, ": ", body->detail);
}

static void say_critical(const struct body_critical *body, struct buffer *out)
{
	say(out, "critical event ", body->kind);
	buffer_append_text(out, " at ");
	say_ns(out, body->time_ns);
	buffer_append_text(out, ", received at ");
	say_ns(out, body->received_ns);
	buffer_append_text(out, ", acted upon at ");
	say_ns(out, body->acted_ns);
	say(out, ", action: ", body->action);
	say(out, "; ", body->detail);
}

static void say_ack(const struct body_ack *body, struct buffer *out)
{
	say(out, "", body->person);
	say_short(out, " acknowledged ", &body->target);
	buffer_append_text(out, " at ");
	say_ns(out, body->time_ns);
	say(out, ": ", body->comment);
}

static void say_evidence(const struct body_evidence *body, struct buffer *out)
{
	say(out, "", body->accused);
	buffer_printf(out, " lied: %s, with %zu bytes of proof", lie_name(body->lie), body->first.size + body->second.size);
}

static void say_member(const struct body_member *body, struct buffer *out)
{
	static const char *const proposals[MEMBER_CHANGE_END] = {[MEMBER_ADD] = "proposes it as a member", [MEMBER_REMOVE] = "proposes that it be no member any more",
		[MEMBER_ROTATE] = "proposes new keys for it"};
	buffer_append_text(out, proposals[body->change]);
	say(out, "; reason: ", body->reason);
}

static void say_vote(const struct body_vote *body, struct buffer *out)
{
	buffer_append_text(out, body->yes ? "votes yes" : "votes no");
	say_short(out, " on proposal ", &body->proposal);
}

#define SAY_AS(TYPE, name)                                                           \
	case STATEMENT_##TYPE: {                                                     \
		struct body_##name body;                                             \
		if (body_##name##_decode(statement->body, &body, NULL) == OK)        \
			say_##name(&body, out);                                      \
		break;                                                               \
	}

void bundle_says(const struct statement *statement, struct buffer *out)
{
	switch (statement->type) {
	SAY_AS(ORG, org)
	SAY_AS(PERSON, person)
	SAY_AS(DEVICE, device)
	SAY_AS(EVENT, event)
	SAY_AS(BOUNDS, bounds)
	SAY_AS(ANCHOR, anchor)
	SAY_AS(MODEL, model)
	SAY_AS(DEVICE_STATE, device_state)
	SAY_AS(DISTURBANCE, disturbance)
	SAY_AS(SERVICE, service)
	SAY_AS(COMMAND, command)
	SAY_AS(RESULT, result)
	SAY_AS(CRITICAL, critical)
	SAY_AS(ACK, ack)
	SAY_AS(EVIDENCE, evidence)
	SAY_AS(MEMBER, member)
	SAY_AS(VOTE, vote)
	default:
		break;
	}
}
