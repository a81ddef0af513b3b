/* A small world for tests: a consortium, a gateway, an engineer and a milling spindle, with a story on
 * the ledger from registration to an acknowledged alarm. Entries are in the order of the log. */
#ifndef TEST_WORLD_H
#define TEST_WORLD_H

#include "base/map.h"
#include "base/random.h"
#include "consortium.h"
#include "trace/trace.h"

#define GATEWAY "gw:maker/hall-1"
#define SPINDLE "dev:maker/spindle-1"
#define ENGINEER "person:maker/engineer-1"

enum { WORLD_MEMBERS = 4, WORLD_START_MS = 60000 };

struct world_entry {
	struct buffer bytes;
	struct statement statement;
};

struct world {
	struct consortium consortium;
	struct signing_key *gateway_key, *person_key;
	struct issuer maker, regulator, gateway, person;
	struct world_entry *entries;
	size_t count, capacity;
	struct buffer body;           /* scratch */
	/* what the story put there */
	struct digest gateway_id, person_id, spindle_id, bounds_id, model_id, anchor_id, disturbance_id, service_id, second_model_id,
		command_id, result_id, critical_id, ack_id, event_id, state_id;
};

static inline int64_t world_commit_ms(size_t index)
{
	return WORLD_START_MS + (int64_t)index * 10;
}

static inline void world_keep(struct world *world, struct span bytes)
{
	struct fault fault;
	ARRAY_GROW(world->entries, world->count, world->capacity);
	struct world_entry *entry = &world->entries[world->count++];
	*entry = (struct world_entry){0};
	buffer_append_span(&entry->bytes, bytes);
	CHECK(statement_decode(buffer_span(&entry->bytes), &entry->statement, &fault) == OK);
}

static inline struct digest world_add(struct world *world, struct issuer *issuer, uint32_t type, const char *sub, struct span body,
	const struct digest *parents, size_t parent_count)
{
	struct buffer bytes = {0};
	struct digest id = issue(&world->consortium, issuer, type, text(sub), body, parents, parent_count, &bytes);
	world_keep(world, buffer_span(&bytes));
	buffer_free(&bytes);
	return id;
}

static inline void world_begin(struct world *world)
{
	*world = (struct world){0};
	consortium_found(&world->consortium, WORLD_MEMBERS);
	for (size_t i = 0; i < WORLD_MEMBERS; i++)
		world_keep(world, world->consortium.genesis.members[i].statement);
	world->gateway_key = key_of(900);
	world->person_key = key_of(901);
	world->maker = organisation(&world->consortium, 0);
	world->regulator = organisation(&world->consortium, 2);
	world->gateway = (struct issuer){.name = GATEWAY, .key = world->gateway_key};
	world->person = (struct issuer){.name = ENGINEER, .key = world->person_key};
}

static inline void world_end(struct world *world)
{
	for (size_t i = 0; i < world->count; i++)
		buffer_free(&world->entries[i].bytes);
	free(world->entries);
	buffer_free(&world->body);
	signing_key_free(world->gateway_key);
	signing_key_free(world->person_key);
	consortium_free(&world->consortium);
}

static inline struct digest world_anchor(struct world *world, const struct digest *root, uint64_t samples, const struct digest *model)
{
	struct body_anchor *anchor = memory_new_array(1, sizeof *anchor);
	*anchor = (struct body_anchor){.chunk = {{1, (uint8_t)world->count, (uint8_t)(world->count >> 8)}}, .root = *root, .samples = samples, .size = 999,
		.first_ns = 1700000000000000000, .last_ns = 1700000010000000000, .range_count = 1, .wrangling = {{3}}, .firmware = {{4}},
		.evidence = EVIDENCE_GATEWAY, .site = text("plant/hall"), .purpose = text("condition monitoring"),
		.flagged = {{text("missing"), 2}}, .flagged_count = 1, .refused = {{text("forged"), 1}}, .refused_count = 1};
	anchor->ranges[0] = (struct body_range){.device = text(SPINDLE), .registration = world->spindle_id, .bounds = world->bounds_id, .model = *model,
		.first_seq = 1, .last_seq = 1000, .missing = 3, .samples = samples};
	buffer_clear(&world->body);
	body_anchor_encode(anchor, &world->body);
	free(anchor);
	return world_add(world, &world->gateway, STATEMENT_ANCHOR, "plant/hall", buffer_span(&world->body), NULL, 0);
}

static inline struct digest world_register_gateway(struct world *world)
{
	return world_add(world, &world->maker, STATEMENT_DEVICE, GATEWAY, gateway_body(&world->body, signing_key_public(world->gateway.key), 77), NULL, 0);
}

/* root, samples: of the chunk that the story's anchor covers. */
static inline void world_story(struct world *world, const struct digest *root, uint64_t samples)
{
	struct buffer *body = &world->body;
	world->gateway_id = world_register_gateway(world);
	world->person_id = world_add(world, &world->maker, STATEMENT_PERSON, ENGINEER,
		BODY_OF(person, body, .role = text("engineer"), .key = *signing_key_public(world->person_key)), NULL, 0);
	world->spindle_id = world_add(world, &world->maker, STATEMENT_DEVICE, SPINDLE, machine_body(body, GATEWAY), NULL, 0);
	world->bounds_id = world_add(world, &world->maker, STATEMENT_BOUNDS, SPINDLE,
		BODY_OF(bounds, body, .version = 1, .bounds = {{.signal = text("temperature"), .unit = text("Cel"), .low = {-5, 0}, .high = {705, -1}, .deadline_ms = 2000}},
			.bound_count = 1, .source = text("maker's manual")), &world->spindle_id, 1);
	world->model_id = world_add(world, &world->maker, STATEMENT_MODEL, SPINDLE,
		BODY_OF(model, body, .version = 1, .kind = text("first-order"), .parameters = {{text("temperature.offset"), {22, 0}}}, .parameter_count = 1,
			.reason = text("commissioning")), &world->spindle_id, 1);
	world->anchor_id = world_anchor(world, root, samples, &world->model_id);
	struct digest evidence[] = {world->anchor_id, world->model_id, world->spindle_id};
	world->disturbance_id = world_add(world, &world->gateway, STATEMENT_DISTURBANCE, SPINDLE,
		BODY_OF(disturbance, body, .kind = DISTURBANCE_DRIFT, .diagnosis = DIAGNOSIS_MACHINE, .signal = text("temperature"), .time_ns = 1700000005000000000,
			.detected_ns = 1700000005100000000, .value = {712, -1}, .expected = {64, 0}, .seq = 500, .chunk = {{1}}, .leaf = 2,
			.explanation = text("temperature is 71.2, the model expects 64"), .count = 1), evidence, 3);
	world->service_id = world_add(world, &world->gateway, STATEMENT_SERVICE, SPINDLE,
		BODY_OF(service, body, .kind = SERVICE_SCHEDULING, .accepted = true,
			.options = {{text("continue"), {0, 0}, {91, 0}, {0, 0}, false}, {text("reduce_speed"), {6, -1}, {66, 0}, {4, -1}, true}}, .option_count = 2,
			.chosen = 1, .explanation = text("reduced speed keeps the bound")), &world->disturbance_id, 1);
	struct digest basis[] = {world->model_id, world->anchor_id, world->service_id};
	world->second_model_id = world_add(world, &world->gateway, STATEMENT_MODEL, SPINDLE,
		BODY_OF(model, body, .version = 2, .kind = text("first-order"), .parameters = {{text("temperature.offset"), {235, -1}}}, .parameter_count = 1,
			.error_before = {21, -1}, .error_after = {9, -1}, .reason = text("calibration")), basis, 3);
	world->command_id = world_add(world, &world->gateway, STATEMENT_COMMAND, SPINDLE,
		BODY_OF(command, body, .action = text("reduce_speed"), .setting = {6, -1}, .time_ns = 1700000006000000000), &world->service_id, 1);
	world->result_id = world_add(world, &world->gateway, STATEMENT_RESULT, SPINDLE,
		BODY_OF(result, body, .command = world->command_id, .done = true, .detail = text("speed reduced"), .time_ns = 1700000007000000000), &world->command_id, 1);
	world->critical_id = world_add(world, &world->gateway, STATEMENT_CRITICAL, SPINDLE,
		BODY_OF(critical, body, .kind = text("fire"), .time_ns = 1700000008000000000, .received_ns = 1700000008001000000, .acted_ns = 1700000008001500000,
			.action = text("doors opened"), .detail = text("smoke")), NULL, 0);
	world->ack_id = world_add(world, &world->person, STATEMENT_ACK, SPINDLE,
		BODY_OF(ack, body, .target = world->disturbance_id, .person = text(ENGINEER), .comment = text("seen"), .time_ns = 1700000009000000000), &world->disturbance_id, 1);
	world->event_id = world_add(world, &world->maker, STATEMENT_EVENT, SPINDLE, event_body(body, 7), NULL, 0);
	world->state_id = world_add(world, &world->regulator, STATEMENT_DEVICE_STATE, SPINDLE,
		BODY_OF(device_state, body, .state = DEVICE_SUSPENDED, .reason = text("inspection")), NULL, 0);
}

/* -- the world as where a trace finds its statements ------------------------------------- */

static inline enum status world_get(void *context, const struct digest *id, struct buffer *out, uint64_t *index, int64_t *commit_ms)
{
	const struct world *world = context;
	for (size_t i = 0; i < world->count; i++) {
		if (digest_equal(&world->entries[i].statement.id, id)) {
			buffer_append_span(out, buffer_span(&world->entries[i].bytes));
			*index = i;
			*commit_ms = world_commit_ms(i);
			return OK;
		}
	}
	return E_NOT_FOUND;
}

/* And as a log: view_log and the like. */
static inline enum status world_log_read(void *context, uint64_t index, struct buffer *out)
{
	const struct world *world = context;
	if (index >= world->count)
		return E_NOT_FOUND;
	buffer_append_span(out, buffer_span(&world->entries[index].bytes));
	return OK;
}

static inline enum status world_registration(void *context, struct span name, uint64_t before, struct digest *id)
{
	const struct world *world = context;
	for (size_t i = before < world->count ? (size_t)before : world->count; i > 0; i--) {
		const struct statement *statement = &world->entries[i - 1].statement;
		bool registers = statement->type == STATEMENT_ORG || statement->type == STATEMENT_PERSON || statement->type == STATEMENT_DEVICE;
		if (registers && span_equal(statement->sub, name)) {
			*id = statement->id;
			return OK;
		}
	}
	return E_NOT_FOUND;
}

static inline struct trace_source world_source(struct world *world)
{
	return (struct trace_source){.context = world, .get = world_get, .registration = world_registration};
}

#endif
