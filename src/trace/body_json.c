/* Bodies as JSON: a writer a type, members in the order and with the names of record/body.h. */
#include "trace/json.h"
#include "trace/trace.h"
#include "trace/words.h"

static void key(struct json *json, const char *name, const struct public_key *value)
{
	json_hex(json, name, span_of(value->bytes, sizeof value->bytes));
}

static void write_org(struct json *json, const struct body_org *body)
{
	json_text(json, "name", body->name);
	json_text(json, "role", body->role);
	key(json, "record_key", &body->record_key);
	key(json, "node_key", &body->node_key);
	key(json, "checkpoint_key", &body->checkpoint_key);
	json_digest(json, "tls_key", &body->tls_key);
	json_text(json, "address", body->address);
	if (!digest_is_zero(&body->root_key))
		json_digest(json, "root_key", &body->root_key);
}

static void write_person(struct json *json, const struct body_person *body)
{
	json_text(json, "role", body->role);
	key(json, "key", &body->key);
}

static void write_signal(struct json *json, const struct body_signal *signal)
{
	json_object(json, NULL);
	json_text(json, "id", signal->id);
	json_text(json, "field", signal->field);
	json_text(json, "raw_unit", signal->raw_unit);
	json_text(json, "unit", signal->unit);
	json_uint(json, "period_ms", signal->period_ms);
	json_uint(json, "stuck_count", signal->stuck_count);
	json_object_end(json);
}

static void write_device(struct json *json, const struct body_device *body)
{
	json_word(json, "kind", word_device_kind(body->kind));
	json_text(json, "model", body->model);
	json_text(json, "gateway", body->gateway);
	json_digest(json, "firmware", &body->firmware);
	json_word(json, "format", word_payload_format(body->format));
	json_array(json, "signals");
	for (size_t i = 0; i < body->signal_count; i++)
		write_signal(json, &body->signals[i]);
	json_array_end(json);
	if (body->has_key)
		key(json, "key", &body->key);
	else
		json_null(json, "key");
	json_digest(json, "tls_key", &body->tls_key);
	json_text(json, "site", body->site);
	json_text(json, "critical", body->critical);
	json_text(json, "commands", body->commands);
}

static void write_event(struct json *json, const struct body_event *body)
{
	json_text(json, "kind", body->kind);
	json_text(json, "type", body->type);
	json_text(json, "step", body->step);
	json_int(json, "time_ms", body->time_ms);
	json_text(json, "place", body->place);
	json_array(json, "items");
	for (size_t i = 0; i < body->item_count; i++)
		json_text(json, NULL, body->items[i]);
	json_array_end(json);
	json_array(json, "details");
	for (size_t i = 0; i < body->detail_count; i++) {
		json_object(json, NULL);
		json_text(json, "name", body->details[i].name);
		json_text(json, "text", body->details[i].text);
		json_object_end(json);
	}
	json_array_end(json);
}

static void write_bounds(struct json *json, const struct body_bounds *body)
{
	json_uint(json, "version", body->version);
	json_array(json, "bounds");
	for (size_t i = 0; i < body->bound_count; i++) {
		const struct body_bound *bound = &body->bounds[i];
		json_object(json, NULL);
		json_text(json, "signal", bound->signal);
		json_text(json, "unit", bound->unit);
		json_decimal(json, "low", bound->low);
		json_decimal(json, "high", bound->high);
		json_decimal(json, "rate", bound->rate);
		json_decimal(json, "resolution", bound->resolution);
		json_uint(json, "deadline_ms", bound->deadline_ms);
		json_object_end(json);
	}
	json_array_end(json);
	json_text(json, "source", body->source);
}

static void write_reasons(struct json *json, const char *name, const struct body_reason *reasons, size_t count)
{
	json_array(json, name);
	for (size_t i = 0; i < count; i++) {
		json_object(json, NULL);
		json_text(json, "reason", reasons[i].reason);
		json_uint(json, "count", reasons[i].count);
		json_object_end(json);
	}
	json_array_end(json);
}

static void write_anchor(struct json *json, const struct body_anchor *body)
{
	json_digest(json, "chunk", &body->chunk);
	json_digest(json, "root", &body->root);
	json_uint(json, "samples", body->samples);
	json_uint(json, "size", body->size);
	json_int(json, "first_ns", body->first_ns);
	json_int(json, "last_ns", body->last_ns);
	json_array(json, "ranges");
	for (size_t i = 0; i < body->range_count; i++) {
		const struct body_range *range = &body->ranges[i];
		json_object(json, NULL);
		json_text(json, "device", range->device);
		json_digest(json, "registration", &range->registration);
		json_digest(json, "bounds", &range->bounds);
		json_digest(json, "model", &range->model);
		json_uint(json, "first_seq", range->first_seq);
		json_uint(json, "last_seq", range->last_seq);
		json_uint(json, "missing", range->missing);
		json_uint(json, "samples", range->samples);
		json_object_end(json);
	}
	json_array_end(json);
	json_digest(json, "wrangling", &body->wrangling);
	json_digest(json, "firmware", &body->firmware);
	json_word(json, "evidence", evidence_class_name(body->evidence));
	json_text(json, "site", body->site);
	json_text(json, "purpose", body->purpose);
	write_reasons(json, "flagged", body->flagged, body->flagged_count);
	write_reasons(json, "refused", body->refused, body->refused_count);
}

static void write_model(struct json *json, const struct body_model *body)
{
	json_uint(json, "version", body->version);
	json_text(json, "kind", body->kind);
	json_array(json, "parameters");
	for (size_t i = 0; i < body->parameter_count; i++) {
		json_object(json, NULL);
		json_text(json, "name", body->parameters[i].name);
		json_decimal(json, "value", body->parameters[i].value);
		json_object_end(json);
	}
	json_array_end(json);
	json_decimal(json, "error_before", body->error_before);
	json_decimal(json, "error_after", body->error_after);
	json_text(json, "reason", body->reason);
}

static void write_device_state(struct json *json, const struct body_device_state *body)
{
	json_word(json, "state", word_device_state(body->state));
	json_text(json, "reason", body->reason);
}

static void write_disturbance(struct json *json, const struct body_disturbance *body)
{
	json_word(json, "kind", disturbance_kind_name(body->kind));
	json_word(json, "diagnosis", diagnosis_name(body->diagnosis));
	json_text(json, "signal", body->signal);
	json_int(json, "time_ns", body->time_ns);
	json_int(json, "detected_ns", body->detected_ns);
	json_decimal(json, "value", body->value);
	json_decimal(json, "expected", body->expected);
	json_uint(json, "seq", body->seq);
	json_digest(json, "chunk", &body->chunk);
	json_uint(json, "leaf", body->leaf);
	json_text(json, "explanation", body->explanation);
	json_uint(json, "count", body->count);
}

static void write_service(struct json *json, const struct body_service *body)
{
	json_word(json, "kind", word_service_kind(body->kind));
	json_bool(json, "accepted", body->accepted);
	json_decimal(json, "error_before", body->error_before);
	json_decimal(json, "error_after", body->error_after);
	json_array(json, "options");
	for (size_t i = 0; i < body->option_count; i++) {
		const struct body_option *option = &body->options[i];
		json_object(json, NULL);
		json_text(json, "action", option->action);
		json_decimal(json, "setting", option->setting);
		json_decimal(json, "predicted", option->predicted);
		json_decimal(json, "cost", option->cost);
		json_bool(json, "feasible", option->feasible);
		json_object_end(json);
	}
	json_array_end(json);
	json_uint(json, "chosen", body->chosen);
	json_text(json, "explanation", body->explanation);
}

static void write_command(struct json *json, const struct body_command *body)
{
	json_text(json, "action", body->action);
	json_decimal(json, "setting", body->setting);
	json_int(json, "time_ns", body->time_ns);
}

static void write_result(struct json *json, const struct body_result *body)
{
	json_digest(json, "command", &body->command);
	json_bool(json, "done", body->done);
	json_text(json, "detail", body->detail);
	json_int(json, "time_ns", body->time_ns);
}

static void write_critical(struct json *json, const struct body_critical *body)
{
	json_text(json, "kind", body->kind);
	json_int(json, "time_ns", body->time_ns);
	json_int(json, "received_ns", body->received_ns);
	json_int(json, "acted_ns", body->acted_ns);
	json_text(json, "action", body->action);
	json_text(json, "detail", body->detail);
}

static void write_ack(struct json *json, const struct body_ack *body)
{
	json_digest(json, "target", &body->target);
	json_text(json, "person", body->person);
	json_text(json, "comment", body->comment);
	json_int(json, "time_ns", body->time_ns);
}

static void write_evidence(struct json *json, const struct body_evidence *body)
{
	json_text(json, "accused", body->accused);
	json_text(json, "lie", span_of_text(lie_name(body->lie)));
	json_uint(json, "proof_bytes", body->first.size + body->second.size);
}

static void write_member(struct json *json, const struct body_member *body)
{
	json_word(json, "change", member_change_name(body->change));
	json_text(json, "reason", body->reason);
	json_uint(json, "organisation_bytes", body->organisation.size);
}

static void write_vote(struct json *json, const struct body_vote *body)
{
	json_digest(json, "proposal", &body->proposal);
	json_bool(json, "yes", body->yes);
}

#define WRITE_CASE(type, name)                                                        \
	case type: {                                                                  \
		struct body_##name body;                                              \
		if (body_##name##_decode(statement->body, &body, &fault) != OK)       \
			break;                                                        \
		json_object(&json, NULL);                                             \
		write_##name(&json, &body);                                           \
		json_object_end(&json);                                               \
		return;                                                               \
	}

void trace_body_json(const struct statement *statement, struct buffer *out)
{
	struct json json = json_of(out);
	struct fault fault;
	switch (statement->type) {
	WRITE_CASE(STATEMENT_ORG, org)
	WRITE_CASE(STATEMENT_PERSON, person)
	WRITE_CASE(STATEMENT_DEVICE, device)
	WRITE_CASE(STATEMENT_EVENT, event)
	WRITE_CASE(STATEMENT_ANCHOR, anchor)
	WRITE_CASE(STATEMENT_MODEL, model)
	WRITE_CASE(STATEMENT_BOUNDS, bounds)
	WRITE_CASE(STATEMENT_DEVICE_STATE, device_state)
	WRITE_CASE(STATEMENT_DISTURBANCE, disturbance)
	WRITE_CASE(STATEMENT_SERVICE, service)
	WRITE_CASE(STATEMENT_COMMAND, command)
	WRITE_CASE(STATEMENT_RESULT, result)
	WRITE_CASE(STATEMENT_CRITICAL, critical)
	WRITE_CASE(STATEMENT_ACK, ack)
	WRITE_CASE(STATEMENT_EVIDENCE, evidence)
	WRITE_CASE(STATEMENT_MEMBER, member)
	WRITE_CASE(STATEMENT_VOTE, vote)
	}
	json_null(&json, NULL);
}

/* A CBOR byte string: its head and its bytes. */
static size_t byte_string_size(struct span bytes)
{
	return bytes.size + (bytes.size < 24 ? 1 : bytes.size < 256 ? 2 : bytes.size < 65536 ? 3 : 5);
}

size_t trace_statement_size(const struct statement *statement)
{
	/* Tag, head of the array of four, and the empty unprotected map are one byte each. */
	return 3 + byte_string_size(statement->signed_protected) + byte_string_size(statement->body) + byte_string_size(statement->signature);
}

void trace_statement_json(const struct statement *statement, uint64_t index, uint64_t commit_index, int64_t commit_ms,
	size_t size, bool with_body, struct buffer *out)
{
	struct json json = json_of(out);
	json_object(&json, NULL);
	json_digest(&json, "id", &statement->id);
	if (index == UINT64_MAX) {
		json_null(&json, "index");
		json_null(&json, "commit");
		json_null(&json, "commit_ms");
	} else {
		json_uint(&json, "index", index);
		json_uint(&json, "commit", commit_index);
		json_int(&json, "commit_ms", commit_ms);
	}
	json_word(&json, "type", statement_type_name(statement->type));
	json_text(&json, "iss", statement->iss);
	json_text(&json, "sub", statement->sub);
	json_uint(&json, "seq", statement->seq);
	json_int(&json, "iat_s", statement->iat);
	json_array(&json, "parents");
	for (size_t i = 0; i < statement->parent_count; i++)
		json_digest(&json, NULL, &statement->parents[i]);
	json_array_end(&json);
	json_digest(&json, "prev", &statement->prev);
	json_uint(&json, "size", size);
	struct buffer text = {0};
	trace_label(statement, &text);
	json_text(&json, "label", buffer_span(&text));
	if (with_body) {
		buffer_clear(&text);
		trace_body_json(statement, &text);
		json_value(&json, "body", buffer_span(&text));
	}
	buffer_free(&text);
	json_object_end(&json);
}
