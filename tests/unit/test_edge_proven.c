/* A gateway that starts without its node, on what state proofs say; and the ledger that comes back. */
#include "edge_world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SPINDLE "dev:maker/spindle-1"
#define PUMP "dev:maker/pump-1"
#define DRILL "dev:maker/drill-1"
#define FOREIGN "dev:maker/press-9"
#define GHOST "dev:maker/ghost"

static struct edge_world *begin(uint64_t seed)
{
	struct edge_world *world = memory_new(sizeof *world);
	world_begin(world, seed);
	world_register(world, (struct device_wish){.name = SPINDLE, .signals = 2, .critical = "fire power"});
	world_register(world, (struct device_wish){.name = PUMP, .signals = 1});
	world_register(world, (struct device_wish){.name = DRILL, .signals = 1});
	world_register(world, (struct device_wish){.name = FOREIGN, .signals = 1, .gateway = OTHER_HALL});
	world_bounds(world, SPINDLE, 1, -5, 70);
	world_model(world, SPINDLE, 1, 0);
	world_state(world, &world->regulator, PUMP, DEVICE_REVOKED);
	return world;
}

static void end(struct edge_world *world)
{
	world_end(world);
	free(world);
}

static struct span statement_of(const struct edge_world *world, const struct digest *id)
{
	for (size_t i = 0; i < world->final_count; i++) {
		struct digest found = sha256(buffer_span(&world->finals[i]));
		if (digest_equal(&found, id))
			return buffer_span(&world->finals[i]);
	}
	return (struct span){0};
}

/* What a proof of the ledger's present state says. */
static struct edge_proven proof_of(const struct edge_world *world, const char *name)
{
	const struct entity *entity = ledger_entity(world->ledger, text(name));
	return (struct edge_proven){.name = text(name), .kind = entity->kind, .state = entity->state,
		.registration = statement_of(world, &entity->registration), .bounds = statement_of(world, &entity->bounds),
		.model = statement_of(world, &entity->model), .last_seq = entity->last_seq, .last_id = entity->last_id};
}

static void give(struct edge_world *world, const struct edge_proven *proven)
{
	struct edge_event event = {.kind = EDGE_PROVEN, .proven = proven};
	world_step(world, &event);
}

static void prove(struct edge_world *world)
{
	static const char *const names[] = {HALL, PERSON, SPINDLE, PUMP, FOREIGN};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct edge_proven proven = proof_of(world, names[i]);
		assert_true(proven.registration.size > 0);
		give(world, &proven);
	}
	world_give(world, EDGE_PROVEN_END);
}

static struct edge_totals totals_of(const struct edge_world *world)
{
	struct edge_totals totals;
	edge_totals(world->edge, &totals);
	return totals;
}

static struct fake_device *device(struct edge_world *world, const char *name)
{
	return world_device(world, text(name));
}

static void proven_devices_are_heard_and_others_are_not(void **state)
{
	(void)state;
	struct edge_world *world = begin(31);
	world_start(world, false);
	device_read_and_send(world, device(world, SPINDLE), 20);
	assert_int_equal(totals_of(world).refused[REFUSED_WAITING], 1);
	prove(world);
	assert_true(totals_of(world).assumed && !totals_of(world).caught_up);
	device_resend(world, device(world, SPINDLE));
	for (int i = 0; i < 5; i++) {
		world_pass(world, 1000);
		device_read_and_send(world, device(world, SPINDLE), 20 + i);
	}
	world_tick(world, 200);
	assert_int_equal(totals_of(world).messages, 6);
	assert_int_equal(device(world, SPINDLE)->oldest, device(world, SPINDLE)->sent_count); /* acknowledged: on disk */
	/* Revoked; not proven; of another gateway; known to nobody. */
	device_read_and_send(world, device(world, PUMP), 20);
	assert_int_equal(totals_of(world).refused[REFUSED_REVOKED], 1);
	device_read_and_send(world, device(world, DRILL), 20);
	device_read_and_send(world, device(world, FOREIGN), 20);
	struct edge_event stranger = {.kind = EDGE_MESSAGE, .device = text(GHOST), .message = SESSION_DATA, .seq = 1, .bytes = text("{}")};
	world_step(world, &stranger);
	assert_int_equal(totals_of(world).refused[REFUSED_UNREGISTERED], 3);
	assert_int_equal(totals_of(world).messages, 6);
	/* The bounds that were proven are those that count: 70 degrees. */
	struct edge_device_view view;
	edge_device_view(world->edge, (size_t)edge_device_find(world->edge, text(SPINDLE)), &view);
	size_t alarms = edge_alarm_count(world->edge);
	for (int i = 0; i < 4; i++) {
		world_pass(world, 1000);
		device_read_and_send(world, device(world, SPINDLE), 95);
	}
	for (int i = 0; i < 20; i++)
		world_tick(world, 1000);
	assert_true(edge_alarm_count(world->edge) > alarms);
	/* A fire alarm waits for nothing. */
	device_send(world, device(world, SPINDLE), device_critical(world, device(world, SPINDLE), "fire"));
	assert_int_equal(world->alarm_count, 1);
	end(world);
}

static void the_ledger_replaces_what_was_proven(void **state)
{
	(void)state;
	struct edge_world *world = begin(32);
	world_start(world, false);
	prove(world);
	for (int i = 0; i < 12; i++) {
		world_pass(world, 1000);
		device_read_and_send(world, device(world, SPINDLE), 20);
		world_tick(world, 200);
	}
	assert_true(world_outbox(world) > 0);
	/* Meanwhile the spindle was revoked, and the pump came back with a new registration by the regulator's leave. */
	world_state(world, &world->maker, SPINDLE, DEVICE_REVOKED);
	world_state(world, &world->regulator, PUMP, DEVICE_ACTIVE);
	/* The node is there: nothing of it goes into this edge; the shell begins a new one. */
	uint64_t outbox = world_outbox(world);
	world_node(world, true);
	world_tell(world, SIZE_MAX);
	assert_false(totals_of(world).caught_up || totals_of(world).node_up);
	assert_true(totals_of(world).assumed && world_outbox(world) == outbox);
	world_stop(world, false);
	world_start(world, true);
	assert_true(totals_of(world).caught_up && !totals_of(world).assumed);
	uint64_t recovered = totals_of(world).messages;
	device_read_and_send(world, device(world, SPINDLE), 20);
	assert_int_equal(totals_of(world).refused[REFUSED_REVOKED], 1);
	assert_int_equal(totals_of(world).messages, recovered);
	device_read_and_send(world, device(world, PUMP), 20);
	assert_int_equal(totals_of(world).messages, recovered + 1);
	device(world, SPINDLE)->oldest = device(world, SPINDLE)->sent_count;
	assert_true(world_settle(world));
	/* What was taken in between is anchored. */
	assert_true(totals_of(world).anchored > 0);
	struct statement statement;
	struct body_anchor *anchor = memory_new(sizeof *anchor);
	uint64_t messages = 0;
	for (size_t at = 0; world_next(world, &at, STATEMENT_ANCHOR, &statement);) {
		assert_int_equal(body_anchor_decode(statement.body, anchor, NULL), OK);
		for (size_t i = 0; i < anchor->range_count; i++)
			if (span_is_text(anchor->ranges[i].device, SPINDLE))
				messages += anchor->ranges[i].last_seq - anchor->ranges[i].first_seq + 1;
	}
	assert_int_equal(messages, 12);
	free(anchor);
	end(world);
}

/* The log was lost: the chain goes on where the gateway's own proof had it, so that nothing is signed anew later. */
static void the_own_chain_goes_on(void **state)
{
	(void)state;
	struct edge_world *world = begin(33);
	world_start(world, true);
	for (int i = 0; i < 6; i++) {
		world_pass(world, 1000);
		device_read_and_send(world, device(world, SPINDLE), 20);
	}
	assert_true(world_settle(world));
	uint64_t last = ledger_entity(world->ledger, text(HALL))->last_seq;
	assert_true(last > 0);
	world_stop(world, false);
	buffer_clear(&world->log);
	world->log_start = world->flushed = 0;
	world_start(world, false);
	prove(world);
	device_restart(device(world, SPINDLE));
	for (int i = 0; i < 8; i++) {
		world_pass(world, 1000);
		device_read_and_send(world, device(world, SPINDLE), 20);
		world_tick(world, 200);
	}
	assert_true(world_outbox(world) > 0);
	struct statement statement;
	struct log_frame frame;
	size_t size, first = 0;
	for (size_t at = 0; !first && log_frame_read(span_of(world->log.data + at, world->log.size - at), at, &frame, &size) == OK; at += size)
		if (frame.kind == EDGE_FRAME_STATEMENT) {
			assert_int_equal(statement_decode(frame.bytes, &statement, NULL), OK);
			first = statement.seq;
		}
	assert_int_equal(first, last + 1);
	world_stop(world, false);
	world_start(world, true);
	assert_true(world_settle(world));
	end(world);
}

static void useless_proofs_change_nothing(void **state)
{
	(void)state;
	struct edge_world *world = begin(34);
	world_start(world, false);
	struct edge_proven good = proof_of(world, SPINDLE), bad = good;
	bad.registration = (struct span){0};
	give(world, &bad);
	bad.registration = text("no statement");
	give(world, &bad);
	bad.registration = good.bounds;
	give(world, &bad);
	bad.registration = good.registration;
	bad.name = text(PUMP);
	give(world, &bad);
	assert_int_equal(edge_device_count(world->edge), 0);
	give(world, &good);
	assert_int_equal(edge_device_count(world->edge), 1);
	world_give(world, EDGE_PROVEN_END);
	/* Too late for more. */
	struct edge_proven late = proof_of(world, DRILL);
	give(world, &late);
	world_give(world, EDGE_PROVEN_END);
	assert_int_equal(edge_device_count(world->edge), 1);
	end(world);
	/* Nor does an edge that follows the ledger listen. */
	world = begin(35);
	world_start(world, true);
	struct edge_proven claim = proof_of(world, PUMP);
	claim.state = DEVICE_ACTIVE;
	give(world, &claim);
	world_give(world, EDGE_PROVEN_END);
	assert_false(totals_of(world).assumed);
	device_read_and_send(world, device(world, PUMP), 20);
	assert_int_equal(totals_of(world).refused[REFUSED_REVOKED], 1);
	end(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proven_devices_are_heard_and_others_are_not),
		cmocka_unit_test(the_ledger_replaces_what_was_proven),
		cmocka_unit_test(the_own_chain_goes_on),
		cmocka_unit_test(useless_proofs_change_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
