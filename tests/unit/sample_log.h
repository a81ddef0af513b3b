/* A small log of the sample consortium, with a gateway, a device, its bounds, an anchor of a few
 * samples, a disturbance, a service, a command and its result; and bundles about it. */
#ifndef TALLY_TEST_SAMPLE_LOG_H
#define TALLY_TEST_SAMPLE_LOG_H

#include "record/bundle.h"

#include "sample_consortium.h"

enum { SAMPLE_LOG_MAX = 32, SAMPLE_LEAVES = 5 };

/* Positions in the log. The organisations come first. */
enum { LOG_GATEWAY = SAMPLE_MEMBERS, LOG_DEVICE, LOG_BOUNDS, LOG_ANCHOR, LOG_DISTURBANCE, LOG_SERVICE, LOG_COMMAND, LOG_RESULT, LOG_PERSON, LOG_ACK, LOG_END };

struct sample_log {
	const struct sample_consortium *consortium;
	struct signing_key *gateway_key;
	struct signing_key *person_key;
	struct buffer entries[SAMPLE_LOG_MAX];
	struct digest ids[SAMPLE_LOG_MAX];
	struct merkle_tree tree;
	struct merkle_tree samples;
};

static inline struct span sample_leaf(size_t number)
{
	static const char *const leaves[SAMPLE_LEAVES] = {"sample 0", "sample 1", "sample 2", "sample 3", "sample 4"};
	return span_of_text(leaves[number]);
}

static inline size_t sample_log_size(const struct sample_log *log)
{
	return (size_t)merkle_tree_size(&log->tree);
}

static inline void sample_log_append(struct sample_log *log, struct span bytes)
{
	size_t index = sample_log_size(log);
	struct statement statement;
	CHECK(index < SAMPLE_LOG_MAX && statement_decode(bytes, &statement, NULL) == OK);
	buffer_append_span(&log->entries[index], bytes);
	log->ids[index] = statement.id;
	struct digest leaf = merkle_leaf(span_of(statement.id.bytes, DIGEST_SIZE));
	merkle_tree_append(&log->tree, &leaf);
}

/* Sign and append a statement whose body is what `body` holds; clears `body`. */
static inline void sample_log_sign(struct sample_log *log, const struct signing_key *key, unsigned type, const char *iss, const char *sub,
	const size_t *parents, size_t parent_count, struct buffer *body)
{
	struct statement statement = {.type = type, .seq = 1, .iss = span_of_text(iss), .sub = span_of_text(sub), .iat = 1767225620,
		.parent_count = parent_count, .body = buffer_span(body)};
	struct buffer bytes = {0};
	struct digest id;
	memcpy(statement.network, log->consortium->genesis.network, NETWORK_ID_SIZE);
	for (size_t i = 0; i < parent_count; i++)
		statement.parents[i] = log->ids[parents[i]];
	CHECK(statement_sign(&statement, key, NULL, &bytes, &id) == OK);
	sample_log_append(log, buffer_span(&bytes));
	buffer_free(&bytes);
	buffer_clear(body);
}

#define SAMPLE_GATEWAY "gw:manufacturer/hall-1"
#define SAMPLE_DEVICE "dev:manufacturer/spindle-1"

/* A registration of the gateway with this key, by the manufacturer. */
static inline void sample_log_register_gateway(struct sample_log *log, const struct signing_key *key)
{
	struct body_device *gateway = memory_new(sizeof *gateway);
	struct buffer body = {0};
	*gateway = (struct body_device){.kind = DEVICE_GATEWAY, .model = span_of_text("box 2"), .has_key = true, .key = *signing_key_public(key),
		.site = span_of_text("manufacturer/works/hall-1")};
	body_device_encode(gateway, &body);
	sample_log_sign(log, log->consortium->keys[0][SAMPLE_RECORD_KEY], STATEMENT_DEVICE, sample_names[0], SAMPLE_GATEWAY, NULL, 0, &body);
	buffer_free(&body);
	free(gateway);
}

static inline void sample_log_register_device(struct sample_log *log, struct buffer *body)
{
	struct body_device *device = memory_new(sizeof *device);
	*device = (struct body_device){.kind = DEVICE_MACHINE, .model = span_of_text("spindle S9"), .gateway = span_of_text(SAMPLE_GATEWAY),
		.format = FORMAT_JSON, .signal_count = 1, .commands = span_of_text("reduce_speed stop"), .critical = span_of_text("fire")};
	device->signals[0] = (struct body_signal){.id = span_of_text("bearing_temperature"), .field = span_of_text("t"),
		.raw_unit = span_of_text("[degF]"), .unit = span_of_text("Cel"), .period_ms = 1000, .stuck_count = 30};
	body_device_encode(device, body);
	sample_log_sign(log, log->consortium->keys[0][SAMPLE_RECORD_KEY], STATEMENT_DEVICE, sample_names[0], SAMPLE_DEVICE, NULL, 0, body);
	free(device);
	struct body_bounds *bounds = memory_new(sizeof *bounds);
	*bounds = (struct body_bounds){.version = 1, .bound_count = 1, .source = span_of_text("data sheet")};
	bounds->bounds[0] = (struct body_bound){.signal = span_of_text("bearing_temperature"), .unit = span_of_text("Cel"), .low = {0, 0},
		.high = {80, 0}, .rate = {5, -1}, .resolution = {1, -1}, .deadline_ms = 5000};
	body_bounds_encode(bounds, body);
	sample_log_sign(log, log->consortium->keys[0][SAMPLE_RECORD_KEY], STATEMENT_BOUNDS, sample_names[0], SAMPLE_DEVICE, NULL, 0, body);
	free(bounds);
}

static inline void sample_log_anchor(struct sample_log *log, struct buffer *body)
{
	for (size_t i = 0; i < SAMPLE_LEAVES; i++) {
		struct digest leaf = merkle_leaf(sample_leaf(i));
		merkle_tree_append(&log->samples, &leaf);
	}
	struct body_anchor *anchor = memory_new(sizeof *anchor);
	*anchor = (struct body_anchor){.chunk = {{7}}, .root = merkle_tree_root(&log->samples, SAMPLE_LEAVES), .samples = SAMPLE_LEAVES, .size = 99,
		.first_ns = 1767225601000000000, .last_ns = 1767225605000000000, .range_count = 1, .evidence = EVIDENCE_GATEWAY,
		.site = span_of_text("manufacturer/works/hall-1"), .purpose = span_of_text("condition monitoring")};
	anchor->ranges[0] = (struct body_range){.device = span_of_text(SAMPLE_DEVICE), .registration = log->ids[LOG_DEVICE],
		.bounds = log->ids[LOG_BOUNDS], .first_seq = 1, .last_seq = 6, .missing = 1, .samples = SAMPLE_LEAVES};
	body_anchor_encode(anchor, body);
	sample_log_sign(log, log->gateway_key, STATEMENT_ANCHOR, SAMPLE_GATEWAY, "manufacturer/works/hall-1", NULL, 0, body);
	free(anchor);
}

static inline void sample_log_decisions(struct sample_log *log, struct buffer *body)
{
	struct body_disturbance disturbance = {.kind = DISTURBANCE_DRIFT, .diagnosis = DIAGNOSIS_MACHINE, .signal = span_of_text("bearing_temperature"),
		.time_ns = 1767225604000000000, .detected_ns = 1767225604500000000, .value = {712, -1}, .expected = {64, 0}, .seq = 4,
		.chunk = {{7}}, .leaf = 3, .explanation = span_of_text("it warms\nok: faster than\x1b[2K \xe2\x80\xae its load explains"), .count = 1};
	body_disturbance_encode(&disturbance, body);
	sample_log_sign(log, log->gateway_key, STATEMENT_DISTURBANCE, SAMPLE_GATEWAY, SAMPLE_DEVICE,
		(size_t[]){LOG_ANCHOR, LOG_BOUNDS, LOG_DEVICE}, 3, body);
	struct body_service service = {.kind = SERVICE_SCHEDULING, .accepted = true, .option_count = 2, .chosen = 1,
		.options = {{.action = span_of_text("continue"), .predicted = {85, 0}}, {.action = span_of_text("reduce_speed"), .setting = {8, -1},
			.predicted = {70, 0}, .cost = {2, -1}, .feasible = true}}};
	body_service_encode(&service, body);
	sample_log_sign(log, log->gateway_key, STATEMENT_SERVICE, SAMPLE_GATEWAY, SAMPLE_DEVICE, (size_t[]){LOG_DISTURBANCE}, 1, body);
	struct body_command command = {.action = span_of_text("reduce_speed"), .setting = {8, -1}, .time_ns = 1767225606000000000};
	body_command_encode(&command, body);
	sample_log_sign(log, log->gateway_key, STATEMENT_COMMAND, SAMPLE_GATEWAY, SAMPLE_DEVICE, (size_t[]){LOG_SERVICE}, 1, body);
	struct body_result result = {.command = log->ids[LOG_COMMAND], .done = true, .time_ns = 1767225607000000000};
	body_result_encode(&result, body);
	sample_log_sign(log, log->gateway_key, STATEMENT_RESULT, SAMPLE_GATEWAY, SAMPLE_DEVICE, (size_t[]){LOG_COMMAND}, 1, body);
	struct body_person person = {.role = span_of_text("engineer"), .key = *signing_key_public(log->person_key)};
	body_person_encode(&person, body);
	sample_log_sign(log, log->consortium->keys[0][SAMPLE_RECORD_KEY], STATEMENT_PERSON, sample_names[0], "person:manufacturer/engineer-1", NULL, 0, body);
	struct body_ack ack = {.target = log->ids[LOG_DISTURBANCE], .person = span_of_text("person:manufacturer/engineer-1"), .time_ns = 1767225608000000000};
	body_ack_encode(&ack, body);
	sample_log_sign(log, log->person_key, STATEMENT_ACK, "person:manufacturer/engineer-1", SAMPLE_DEVICE, (size_t[]){LOG_DISTURBANCE}, 1, body);
}

static inline struct sample_log *sample_log_new(const struct sample_consortium *consortium)
{
	struct sample_log *log = memory_new(sizeof *log);
	struct buffer body = {0};
	log->consortium = consortium;
	log->gateway_key = sample_key(200, 0);
	log->person_key = sample_key(201, 0);
	for (size_t i = 0; i < SAMPLE_MEMBERS; i++)
		sample_log_append(log, consortium->genesis.members[i].statement);
	sample_log_register_gateway(log, log->gateway_key);
	sample_log_register_device(log, &body);
	sample_log_anchor(log, &body);
	sample_log_decisions(log, &body);
	buffer_free(&body);
	return log;
}

static inline void sample_log_free(struct sample_log *log)
{
	for (size_t i = 0; i < SAMPLE_LOG_MAX; i++)
		buffer_free(&log->entries[i]);
	merkle_tree_free(&log->tree);
	merkle_tree_free(&log->samples);
	signing_key_free(log->gateway_key);
	signing_key_free(log->person_key);
	free(log);
}

/* A bundle of these positions, under a checkpoint of the whole log, with the reading of leaf 3 when the kind is
 * "reading". Its spans are borrowed from the log and from `note`. Free with bundle_free. */
static inline struct bundle sample_bundle(const struct sample_log *log, const char *kind, const size_t *positions, size_t count, unsigned signers,
	struct buffer *note)
{
	struct bundle bundle = {.kind = span_of_text(kind), .entry_count = count};
	uint64_t size = merkle_tree_size(&log->tree);
	struct digest root = merkle_tree_root(&log->tree, size);
	buffer_clear(note);
	sample_note(log->consortium, size, &root, signers, note);
	bundle.note = buffer_span(note);
	bundle.entries = memory_new_array(count, sizeof *bundle.entries);
	for (size_t i = 0; i < count; i++) {
		bundle.entries[i].statement = buffer_span(&log->entries[positions[i]]);
		bundle.entries[i].index = positions[i];
		CHECK(merkle_tree_inclusion(&log->tree, positions[i], size, &bundle.entries[i].path) == OK);
	}
	if (span_is_text(bundle.kind, "reading")) {
		bundle.has_reading = true;
		bundle.leaf = sample_leaf(3);
		bundle.leaf_index = 3;
		bundle.leaf_count = SAMPLE_LEAVES;
		CHECK(merkle_tree_inclusion(&log->samples, 3, SAMPLE_LEAVES, &bundle.leaf_path) == OK);
	}
	return bundle;
}

/* For all tests of a program: their state. */
struct sample_world {
	struct sample_consortium *consortium;
	struct sample_log *log;
};

static inline int sample_world_begin(void **state)
{
	struct sample_world *world = memory_new(sizeof *world);
	world->consortium = sample_consortium_new();
	world->log = sample_log_new(world->consortium);
	*state = world;
	return 0;
}

static inline int sample_world_end(void **state)
{
	struct sample_world *world = *state;
	sample_log_free(world->log);
	sample_consortium_free(world->consortium);
	free(world);
	return 0;
}

#endif
