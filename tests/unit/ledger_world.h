/* A ledger with one of everything, for tests, and drafts of statements that need no signature: apply is told that the
 * signature is known, so that thousands cost nothing. Signatures have tests of their own. */
#ifndef TEST_LEDGER_WORLD_H
#define TEST_LEDGER_WORLD_H

#include "base/cursor.h"
#include "consortium.h"
#include "crypto/hash.h"
#include "ledger/ledger.h"

#include <stdarg.h>
#include <setjmp.h>

#include <cmocka.h>

#define GATEWAY "gw:maker/hall-1"
#define OTHER_GATEWAY "gw:supplier/hall-9"
#define SPINDLE "dev:maker/spindle-1"
#define ROBOT "dev:maker/robot-2"
#define FOREIGN "dev:supplier/oven-1"
#define ENGINEER "person:maker/engineer-1"
#define INSPECTOR "person:regulator/inspector-1"

/* A ledger and the statements in it that the tests refer to. */
struct world {
	const struct consortium *consortium;
	struct ledger *ledger;
	struct buffer body;
	uint64_t drafts;
	uint64_t index;      /* of the last applied */
	struct fault fault;
	struct digest spindle, robot, oven, bounds, model, disturbance, stranger, command, event, critical;
};

static inline struct statement draft(struct world *world, const char *iss, uint32_t type, const char *sub, struct span body)
{
	const struct entity *issuer = ledger_entity(world->ledger, text(iss));
	struct statement statement = {.type = type, .seq = 1, .iss = text(iss), .sub = text(sub), .iat = 1, .body = body};
	memcpy(statement.network, world->consortium->genesis.network, NETWORK_ID_SIZE);
	if (issuer) {
		statement.seq = issuer->last_seq + 1;
		statement.prev = issuer->last_id;
		statement.kid = issuer->kid;
	}
	world->drafts++;
	statement.id = sha256(span_of(&world->drafts, sizeof world->drafts));
	return statement;
}

static inline enum status put(struct world *world, const struct statement *statement)
{
	return ledger_apply(world->ledger, statement, true, &world->index, &world->fault);
}

/* Applies what must be accepted; returns the id. */
static inline struct digest must(struct world *world, struct statement statement)
{
	if (put(world, &statement) != OK)
		fail_msg("%s: %s", statement_type_name(statement.type), world->fault.text);
	return statement.id;
}

static inline struct statement with_parents(struct statement statement, const struct digest *a, const struct digest *b)
{
	statement.parents[statement.parent_count++] = *a;
	if (b)
		statement.parents[statement.parent_count++] = *b;
	return statement;
}

/* -- bodies ------------------------------------------------------------------------------------------- */

static inline struct public_key some_key(const struct world *world, uint8_t number)
{
	struct public_key key = *signing_key_public(world->consortium->record[0]);
	key.bytes[0] ^= number;
	return key;
}

static inline struct span person_body(struct world *world, uint8_t key)
{
	struct public_key public = some_key(world, key);
	return BODY_OF(person, &world->body, .role = text("engineer"), .key = public);
}

static inline struct span gateway_registration(struct world *world, uint8_t number)
{
	struct public_key public = some_key(world, number);
	return gateway_body(&world->body, &public, number);
}

static inline struct span bounds_body(struct world *world, uint64_t version)
{
	return BODY_OF(bounds, &world->body, .version = version,
		.bounds = {{.signal = text("temperature"), .unit = text("Cel"), .low = {5, 0}, .high = {80, 0}, .deadline_ms = 5000}},
		.bound_count = 1, .source = text("data sheet"));
}

static inline struct span model_body(struct world *world, uint64_t version)
{
	return BODY_OF(model, &world->body, .version = version, .kind = text("first-order"), .reason = text("commissioning"));
}

static inline struct span anchor_body(struct world *world, const struct body_range *ranges, size_t count)
{
	struct body_anchor *anchor = memory_new_array(1, sizeof *anchor);
	*anchor = (struct body_anchor){.chunk = {{1}}, .root = {{2}}, .samples = 10, .size = 100, .first_ns = 1, .last_ns = 2,
		.wrangling = {{3}}, .firmware = {{4}}, .evidence = EVIDENCE_GATEWAY, .site = text("plant"), .purpose = text("monitoring")};
	memcpy(anchor->ranges, ranges, count * sizeof *ranges);
	anchor->range_count = count;
	buffer_clear(&world->body);
	body_anchor_encode(anchor, &world->body);
	free(anchor);
	return buffer_span(&world->body);
}

static inline struct body_range range_of(const char *device, const struct digest *registration)
{
	return (struct body_range){.device = text(device), .registration = *registration, .first_seq = 1, .last_seq = 10, .samples = 10};
}

static inline struct span disturbance_body(struct world *world, uint32_t kind)
{
	return BODY_OF(disturbance, &world->body, .kind = kind, .diagnosis = DIAGNOSIS_SENSOR, .signal = text("temperature"), .time_ns = 1,
		.detected_ns = 2, .explanation = text("too hot"), .count = 1);
}

static inline struct span state_body(struct world *world, uint32_t state)
{
	return BODY_OF(device_state, &world->body, .state = state, .reason = text("stolen"));
}

static inline struct span service_body(struct world *world)
{
	return BODY_OF(service, &world->body, .kind = SERVICE_CALIBRATION, .accepted = true, .explanation = text("drift"));
}

static inline struct span command_body(struct world *world)
{
	return BODY_OF(command, &world->body, .action = text("stop"), .time_ns = 5);
}

static inline struct span result_body(struct world *world, const struct digest *command)
{
	return BODY_OF(result, &world->body, .command = *command, .done = true, .detail = text("done"), .time_ns = 6);
}

static inline struct span critical_body(struct world *world)
{
	return BODY_OF(critical, &world->body, .kind = text("fire"), .time_ns = 1, .received_ns = 2, .acted_ns = 3, .action = text("stop"),
		.detail = text("line 1"));
}

static inline struct span ack_body(struct world *world, const struct digest *target, const char *person)
{
	return BODY_OF(ack, &world->body, .target = *target, .person = text(person), .comment = text("seen"), .time_ns = 7);
}

/* -- a world with one of everything ---------------------------------------------------------------------- */

static inline struct world world_new(const struct consortium *consortium)
{
	struct world world = {.consortium = consortium, .ledger = ledger_new(&consortium->genesis)};
	struct world *w = &world;
	must(w, draft(w, "org:maker", STATEMENT_DEVICE, GATEWAY, gateway_registration(w, 50)));
	must(w, draft(w, "org:supplier", STATEMENT_DEVICE, OTHER_GATEWAY, gateway_registration(w, 51)));
	w->spindle = must(w, draft(w, "org:maker", STATEMENT_DEVICE, SPINDLE, machine_body(&w->body, GATEWAY)));
	w->robot = must(w, draft(w, "org:maker", STATEMENT_DEVICE, ROBOT, machine_body(&w->body, GATEWAY)));
	w->oven = must(w, draft(w, "org:supplier", STATEMENT_DEVICE, FOREIGN, machine_body(&w->body, OTHER_GATEWAY)));
	must(w, draft(w, "org:maker", STATEMENT_PERSON, ENGINEER, person_body(w, 60)));
	must(w, draft(w, "org:regulator", STATEMENT_PERSON, INSPECTOR, person_body(w, 61)));
	w->bounds = must(w, draft(w, "org:maker", STATEMENT_BOUNDS, SPINDLE, bounds_body(w, 1)));
	w->model = must(w, draft(w, "org:maker", STATEMENT_MODEL, SPINDLE, model_body(w, 1)));
	w->disturbance = must(w, draft(w, GATEWAY, STATEMENT_DISTURBANCE, SPINDLE, disturbance_body(w, DISTURBANCE_DRIFT)));
	w->stranger = must(w, draft(w, GATEWAY, STATEMENT_DISTURBANCE, "dev:who/knows", disturbance_body(w, DISTURBANCE_UNREGISTERED)));
	w->critical = must(w, draft(w, GATEWAY, STATEMENT_CRITICAL, SPINDLE, critical_body(w)));
	w->command = must(w, draft(w, GATEWAY, STATEMENT_COMMAND, SPINDLE, command_body(w)));
	w->event = must(w, draft(w, "org:supplier", STATEMENT_EVENT, "order:1", event_body(&w->body, 1)));
	return world;
}

static inline void world_free(struct world *world)
{
	ledger_free(world->ledger);
	buffer_free(&world->body);
}

#endif
