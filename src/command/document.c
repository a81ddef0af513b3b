#include "command/document.h"

#include "base/time.h"
#include "crypto/hash.h"
#include "record/base64.h"
#include "signal/json.h"
#include "signal/timestamp.h"

#include <math.h>
#include <stdlib.h>
#include <yyjson.h>

enum { FIELDS_MAX = 24 };

/* -- An object, member by member: fails once and for all ---------------------------------------- */

struct fields {
	yyjson_val *object;
	const char *where;            /* for sentences: "signals" */
	const char *asked[FIELDS_MAX];
	size_t asked_count;
	size_t found;
	struct fault *fault;
	enum status status;
};

static void fail(struct fields *fields, const char *name, const char *what)
{
	if (fields->status == OK)
		fields->status = fault_set(fields->fault, E_MALFORMED, "the document's %s%s%s %s", fields->where, *fields->where ? "." : "", name, what);
}

static struct fields fields_of(yyjson_val *object, const char *where, struct fault *fault)
{
	struct fields fields = {.object = object, .where = where, .fault = fault};
	if (!yyjson_is_obj(object)) {
		fields.object = NULL;
		fields.status = fault_set(fault, E_MALFORMED, "%s%sa JSON object was expected", where, *where ? ": " : "");
	}
	return fields;
}

static yyjson_val *member(struct fields *fields, const char *name, bool required)
{
	CHECK(fields->asked_count < FIELDS_MAX);
	fields->asked[fields->asked_count++] = name;
	yyjson_val *value = yyjson_obj_get(fields->object, name);
	if (value)
		fields->found++;
	else if (required)
		fail(fields, name, "is missing");
	return fields->status == OK ? value : NULL;
}

static struct span text_of(yyjson_val *value)
{
	return span_of(yyjson_get_str(value), yyjson_get_len(value));
}

static struct span text_member(struct fields *fields, const char *name, bool required)
{
	yyjson_val *value = member(fields, name, required);
	if (!value)
		return span_of("", 0);
	if (!yyjson_is_str(value))
		fail(fields, name, "must be text");
	else if (yyjson_get_len(value) > BODY_TEXT_MAX)
		fail(fields, name, "is longer than 400 bytes");
	else if (required && yyjson_get_len(value) == 0)
		fail(fields, name, "must not be empty");
	else
		return text_of(value);
	return span_of("", 0);
}

static uint32_t uint32_member(struct fields *fields, const char *name)
{
	yyjson_val *value = member(fields, name, false);
	if (!value)
		return 0;
	if (!yyjson_is_uint(value) || yyjson_get_uint(value) > UINT32_MAX) {
		fail(fields, name, "must be a whole number from 0 to 4294967295");
		return 0;
	}
	return (uint32_t)yyjson_get_uint(value);
}

static struct decimal decimal_of_value(struct fields *fields, const char *name, yyjson_val *value)
{
	if (!yyjson_is_num(value) || !(fabs(yyjson_get_num(value)) < 1e18)) {
		fail(fields, name, "must be a number of less than 19 digits");
		return (struct decimal){0};
	}
	return decimal_of(yyjson_get_num(value));
}

static struct decimal decimal_member(struct fields *fields, const char *name)
{
	yyjson_val *value = member(fields, name, false);
	return value ? decimal_of_value(fields, name, value) : (struct decimal){0};
}

static bool was_asked(const struct fields *fields, struct span name)
{
	for (size_t i = 0; i < fields->asked_count; i++)
		if (span_is_text(name, fields->asked[i]))
			return true;
	return false;
}

/* Members that nobody asked for are mistakes, most often of spelling. */
static enum status fields_end(struct fields *fields)
{
	if (fields->status != OK || fields->found == yyjson_obj_size(fields->object))
		return fields->status;
	size_t i, max;
	yyjson_val *key, *value;
	yyjson_obj_foreach(fields->object, i, max, key, value)
		if (!was_asked(fields, text_of(key)))
			return fault_set(fields->fault, E_MALFORMED, "the document's member \"%.60s\"%s%s is not known; see examples/shopfloor/README.md",
				yyjson_get_str(key), *fields->where ? " of " : "", fields->where);
	return fault_set(fields->fault, E_MALFORMED, "a member%s%s of the document stands there twice", *fields->where ? " of " : "", fields->where);
}

/* -- Machines, sensors, gateways ------------------------------------------------------------------- */

static uint32_t format_of(struct fields *fields)
{
	struct span text = text_member(fields, "format", false);
	if (text.size == 0)
		return FORMAT_NONE;
	if (span_is_text(text, "json"))
		return FORMAT_JSON;
	if (span_is_text(text, "csv"))
		return FORMAT_CSV;
	if (span_is_text(text, "senml"))
		return FORMAT_SENML;
	fail(fields, "format", "must be json, csv or senml");
	return FORMAT_NONE;
}

static enum status read_signal(yyjson_val *object, struct document *out, struct fault *fault)
{
	struct fields fields = fields_of(object, "signals", fault);
	struct body_signal signal = {
		.id = text_member(&fields, "id", true),
		.field = text_member(&fields, "field", false),
		.raw_unit = text_member(&fields, "raw_unit", false),
		.unit = text_member(&fields, "unit", true),
		.period_ms = uint32_member(&fields, "period_ms"),
		.stuck_count = uint32_member(&fields, "stuck_count"),
	};
	signal.field = signal.field.size ? signal.field : signal.id;
	signal.raw_unit = signal.raw_unit.size ? signal.raw_unit : signal.unit;
	bool low = fields.object && yyjson_obj_get(fields.object, "low"), high = fields.object && yyjson_obj_get(fields.object, "high");
	struct body_bound bound = {
		.signal = signal.id,
		.unit = signal.unit,
		.low = decimal_member(&fields, "low"),
		.high = decimal_member(&fields, "high"),
		.rate = decimal_member(&fields, "rate"),
		.resolution = decimal_member(&fields, "resolution"),
		.deadline_ms = uint32_member(&fields, "deadline_ms"),
	};
	if (low != high)
		fail(&fields, low ? "high" : "low", "is missing: a bound has both");
	else if (low && decimal_value(bound.low) > decimal_value(bound.high))
		fail(&fields, "low", "is above high");
	TRY(fields_end(&fields));
	for (size_t i = 0; i < out->device.signal_count; i++)
		if (span_equal(out->device.signals[i].id, signal.id))
			return fault_set(fault, E_MALFORMED, "two signals have the id \"%.*s\"", (int)signal.id.size, (const char *)signal.id.data);
	out->device.signals[out->device.signal_count++] = signal;
	if (low)
		out->bounds.bounds[out->bounds.bound_count++] = bound;
	return OK;
}

static enum status read_signals(yyjson_val *array, struct document *out, struct fault *fault)
{
	if (!array)
		return OK;
	if (!yyjson_is_arr(array))
		return fault_set(fault, E_MALFORMED, "the document's signals must be an array");
	if (yyjson_arr_size(array) > BODY_SIGNALS_MAX)
		return fault_set(fault, E_LIMIT, "a device has at most %d signals; register it as several devices", BODY_SIGNALS_MAX);
	size_t i, max;
	yyjson_val *object;
	yyjson_arr_foreach(array, i, max, object)
		TRY(read_signal(object, out, fault));
	return OK;
}

static int compare_parameters(const void *a, const void *b)
{
	const struct body_parameter *left = a, *right = b;
	size_t size = left->name.size < right->name.size ? left->name.size : right->name.size;
	int order = memcmp(left->name.data, right->name.data, size);
	return order ? order : (left->name.size > right->name.size) - (left->name.size < right->name.size);
}

static enum status read_parameters(yyjson_val *object, struct body_model *model, struct fault *fault)
{
	struct fields fields = fields_of(object, "model_parameters", fault);
	TRY(fields.status);
	if (yyjson_obj_size(object) > BODY_PARAMETERS_MAX)
		return fault_set(fault, E_LIMIT, "a model has at most %d parameters", BODY_PARAMETERS_MAX);
	size_t i, max;
	yyjson_val *key, *value;
	yyjson_obj_foreach(object, i, max, key, value) {
		struct body_parameter *parameter = &model->parameters[model->parameter_count++];
		parameter->name = text_of(key);
		parameter->value = decimal_of_value(&fields, yyjson_get_str(key), value);
	}
	TRY(fields.status);
	qsort(model->parameters, model->parameter_count, sizeof *model->parameters, compare_parameters);
	for (size_t j = 1; j < model->parameter_count; j++)
		if (span_equal(model->parameters[j - 1].name, model->parameters[j].name))
			return fault_set(fault, E_MALFORMED, "the model parameter \"%.*s\" stands there twice", (int)model->parameters[j].name.size,
				(const char *)model->parameters[j].name.data);
	return OK;
}

static void read_keys(struct fields *fields, struct body_device *device)
{
	struct span key = text_member(fields, "tls_key", true);
	if (fields->status == OK && !span_from_hex(key, device->tls_key.bytes, DIGEST_SIZE))
		fail(fields, "tls_key", "must be 64 hexadecimal digits");
	device->has_key = true;
}

/* A public key is longer than texts may be. */
static void read_key(struct fields *fields, struct public_key *key)
{
	yyjson_val *value = member(fields, "key", true);
	if (value && (!yyjson_is_str(value) || !base64_read(text_of(value), key->bytes, sizeof key->bytes)))
		fail(fields, "key", "must be an ML-DSA-44 public key (1312 bytes) in base64");
}

/* What a body may hold is said in one place only: its own decoding. */
static enum status checked(unsigned type, struct buffer *bytes, struct fault *fault)
{
	enum status status = body_check(type, buffer_span(bytes), fault);
	buffer_clear(bytes);
	return status;
}

static enum status read_device(struct fields *fields, uint32_t kind, struct span organisation, struct span gateway, struct document *out, struct fault *fault)
{
	struct body_device *device = &out->device;
	device->kind = kind;
	device->model = text_member(fields, "model", true);
	device->site = text_member(fields, "site", false);
	struct span firmware = text_member(fields, "firmware", true);
	device->firmware = sha256(firmware);
	device->critical = text_member(fields, "critical", false);
	device->commands = text_member(fields, "commands", false);
	device->format = format_of(fields);
	if (kind == DEVICE_GATEWAY) {
		read_key(fields, &device->key);
		read_keys(fields, device);
	} else {
		struct span own = text_member(fields, "gateway", false);
		gateway = own.size ? own : gateway;
		if (fields->status == OK && gateway.size == 0)
			fail(fields, "gateway", "is missing: name the gateway that speaks for it, there or with --gateway");
		document_name("gw", organisation, gateway, &out->texts[2]);
		device->gateway = buffer_span(&out->texts[2]);
	}
	yyjson_val *signals = member(fields, "signals", false);
	yyjson_val *parameters = member(fields, "model_parameters", false);
	out->bounds.source = text_member(fields, "bounds_source", false);
	TRY(fields_end(fields));
	TRY(read_signals(signals, out, fault));
	if (parameters)
		TRY(read_parameters(parameters, &out->model, fault));
	out->bounds.version = out->model.version = 1;
	out->has_bounds = out->bounds.bound_count > 0;
	out->has_model = out->model.parameter_count > 0;
	out->model.kind = span_of_text("first-order");
	out->model.reason = span_of_text("commissioning");
	return OK;
}

/* -- People and events -------------------------------------------------------------------------------- */

static enum status read_person(struct fields *fields, struct document *out)
{
	out->person.role = text_member(fields, "role", true);
	read_key(fields, &out->person.key);
	return fields_end(fields);
}

static int64_t read_time(struct fields *fields)
{
	yyjson_val *value = member(fields, "time", true);
	if (!value)
		return 0;
	int64_t ns = 0;
	if (yyjson_is_str(value) && timestamp_from_text(text_of(value), &ns) == OK)
		return ns / NS_PER_MS;
	if (yyjson_is_num(value) && timestamp_from_milliseconds(yyjson_get_num(value), &ns) == OK)
		return ns / NS_PER_MS;
	fail(fields, "time", "must be a time such as \"2026-03-01T08:00:00Z\", or milliseconds since 1970");
	return 0;
}

static enum status read_items(yyjson_val *array, struct body_event *event, struct fault *fault)
{
	if (!array)
		return OK;
	size_t max_items = sizeof event->items / sizeof *event->items;
	if (!yyjson_is_arr(array) || yyjson_arr_size(array) > max_items)
		return fault_set(fault, E_MALFORMED, "the document's items must be an array of at most %zu texts", max_items);
	size_t i, max;
	yyjson_val *value;
	yyjson_arr_foreach(array, i, max, value) {
		if (!yyjson_is_str(value))
			return fault_set(fault, E_MALFORMED, "the document's items must be texts");
		event->items[event->item_count++] = text_of(value);
	}
	return OK;
}

static enum status read_details(yyjson_val *object, struct body_event *event, struct fault *fault)
{
	if (!object)
		return OK;
	if (!yyjson_is_obj(object) || yyjson_obj_size(object) > BODY_DETAILS_MAX)
		return fault_set(fault, E_MALFORMED, "the document's details must be an object of at most %d texts", BODY_DETAILS_MAX);
	size_t i, max;
	yyjson_val *key, *value;
	yyjson_obj_foreach(object, i, max, key, value) {
		if (!yyjson_is_str(value))
			return fault_set(fault, E_MALFORMED, "the document's detail \"%.60s\" must be text", yyjson_get_str(key));
		event->details[event->detail_count++] = (struct body_detail){text_of(key), text_of(value)};
	}
	return OK;
}

static enum status read_event(struct fields *fields, struct document *out, struct fault *fault)
{
	struct body_event *event = &out->event;
	event->kind = text_member(fields, "event", true);
	event->type = text_member(fields, "type", true);
	event->step = text_member(fields, "step", false);
	event->time_ms = read_time(fields);
	event->place = text_member(fields, "place", false);
	yyjson_val *items = member(fields, "items", false), *details = member(fields, "details", false);
	out->subject = text_member(fields, "subject", true);
	TRY(fields_end(fields));
	TRY(read_items(items, event, fault));
	return read_details(details, event, fault);
}

/* -- The whole --------------------------------------------------------------------------------------------- */

void document_name(const char *prefix, struct span organisation, struct span id, struct buffer *out)
{
	if (!id.size || !memchr(id.data, ':', id.size)) {
		const uint8_t *colon = organisation.size ? memchr(organisation.data, ':', organisation.size) : NULL;
		size_t skip = colon ? (size_t)(colon - organisation.data) + 1 : 0;
		buffer_printf(out, "%s:", prefix);
		buffer_append(out, organisation.data + skip, organisation.size - skip);
		buffer_append_byte(out, '/');
	}
	buffer_append_span(out, id);
}

static enum status check_bodies(const struct document *document, struct fault *fault)
{
	struct buffer bytes = {0};
	enum status status = OK;
	if (document->subject.size > STATEMENT_NAME_MAX)
		status = fault_set(fault, E_LIMIT, "the name has %zu bytes, at most %d are permitted", document->subject.size, STATEMENT_NAME_MAX);
	if (status == OK && document->kind == DOCUMENT_DEVICE) {
		body_device_encode(&document->device, &bytes);
		status = checked(STATEMENT_DEVICE, &bytes, fault);
	}
	if (status == OK && document->has_bounds) {
		body_bounds_encode(&document->bounds, &bytes);
		status = checked(STATEMENT_BOUNDS, &bytes, fault);
	}
	if (status == OK && document->has_model) {
		body_model_encode(&document->model, &bytes);
		status = checked(STATEMENT_MODEL, &bytes, fault);
	}
	if (status == OK && document->kind == DOCUMENT_PERSON) {
		body_person_encode(&document->person, &bytes);
		status = checked(STATEMENT_PERSON, &bytes, fault);
	}
	if (status == OK && document->kind == DOCUMENT_EVENT) {
		body_event_encode(&document->event, &bytes);
		status = checked(STATEMENT_EVENT, &bytes, fault);
	}
	buffer_free(&bytes);
	return status;
}

static enum status read_root(yyjson_val *root, struct span organisation, struct span gateway, struct document *out, struct fault *fault)
{
	struct fields fields = fields_of(root, "", fault);
	struct span kind = text_member(&fields, "kind", true);
	TRY(fields.status);
	if (span_is_text(kind, "event")) {
		out->kind = DOCUMENT_EVENT;
		return read_event(&fields, out, fault);
	}
	struct span id = text_member(&fields, "id", true);
	TRY(fields.status);
	if (span_is_text(kind, "person")) {
		out->kind = DOCUMENT_PERSON;
		document_name("person", organisation, id, &out->texts[1]);
		out->subject = buffer_span(&out->texts[1]);
		return read_person(&fields, out);
	}
	uint32_t device = span_is_text(kind, "gateway") ? DEVICE_GATEWAY : span_is_text(kind, "machine") ? DEVICE_MACHINE : span_is_text(kind, "sensor") ? DEVICE_SENSOR : 0;
	if (device == 0)
		return fault_set(fault, E_MALFORMED, "the document's kind must be machine, sensor, gateway, person or event");
	out->kind = DOCUMENT_DEVICE;
	document_name(device == DEVICE_GATEWAY ? "gw" : "dev", organisation, id, &out->texts[1]);
	out->subject = buffer_span(&out->texts[1]);
	return read_device(&fields, device, organisation, gateway, out, fault);
}

enum status document_read(struct span json, struct span organisation, struct span gateway, struct document *out, struct fault *fault)
{
	*out = (struct document){0};
	if (json.size > DOCUMENT_SIZE_MAX)
		return fault_set(fault, E_LIMIT, "the document has %zu bytes, at most %d are permitted", json.size, DOCUMENT_SIZE_MAX);
	yyjson_doc *parsed;
	enum status status = json_document_open(json, DOCUMENT_DEPTH_MAX, &out->texts[0], &parsed, fault);
	if (status == OK)
		status = read_root(yyjson_doc_get_root(parsed), organisation, gateway, out, fault);
	if (status == OK)
		status = check_bodies(out, fault);
	if (status != OK)
		document_free(out);
	return status;
}

void document_free(struct document *document)
{
	for (size_t i = 0; i < sizeof document->texts / sizeof *document->texts; i++)
		buffer_free(&document->texts[i]);
}
