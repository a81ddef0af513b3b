/* The edge follows the ledger: registrations, states, moves, bounds and models, also while a chunk is open. */
#include "edge_world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SPINDLE "dev:maker/spindle-1"
#define PUMP "dev:maker/pump-1"

static struct edge_world *begin(uint64_t seed)
{
	struct edge_world *world = memory_new(sizeof *world);
	world_begin(world, seed);
	world_register(world, (struct device_wish){.name = SPINDLE, .signals = 2, .critical = "fire power", .commands = "stop"});
	world_bounds(world, SPINDLE, 1, -5, 70);
	world_start(world, true);
	return world;
}

static void end(struct edge_world *world)
{
	world_end(world);
	free(world);
}

static struct fake_device *spindle(struct edge_world *world)
{
	return world_device(world, text(SPINDLE));
}

static struct edge_device_view look(const struct edge_world *world, const char *name)
{
	struct edge_device_view view;
	int number = edge_device_find(world->edge, text(name));
	assert_true(number >= 0);
	edge_device_view(world->edge, (size_t)number, &view);
	return view;
}

static void readings(struct edge_world *world, struct fake_device *device, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		world_pass(world, 1000);
		device_read_and_send(world, device, 20 + (double)(device->seq % 40) / 8);
	}
}

static uint64_t refused(const struct edge_world *world, enum edge_refusal why)
{
	struct edge_totals totals;
	edge_totals(world->edge, &totals);
	return totals.refused[why];
}

/* Each range names the registration, bounds and model that were in force when its readings were judged. */
static size_t ranges_with(const struct edge_world *world, const struct digest *registration, const struct digest *bounds, const struct digest *model)
{
	struct statement statement;
	struct body_anchor *anchor = memory_new(sizeof *anchor);
	size_t count = 0;
	for (size_t at = 0; world_next(world, &at, STATEMENT_ANCHOR, &statement);) {
		assert_int_equal(body_anchor_decode(statement.body, anchor, NULL), OK);
		for (size_t i = 0; i < anchor->range_count; i++)
			count += (!registration || digest_equal(&anchor->ranges[i].registration, registration)) &&
				(!bounds || digest_equal(&anchor->ranges[i].bounds, bounds)) && (!model || digest_equal(&anchor->ranges[i].model, model));
	}
	free(anchor);
	return count;
}

static void a_registration_changes_while_a_chunk_is_open(void **state)
{
	(void)state;
	struct edge_world *world = begin(1);
	struct digest first = spindle(world)->registration;
	readings(world, spindle(world), 4);
	world_flush(world);
	world_tick(world, 200);
	/* Other columns, and other keys. */
	struct digest second = world_register(world, (struct device_wish){.name = SPINDLE, .signals = 1, .critical = "fire"});
	world_tell(world, SIZE_MAX);
	device_restart(spindle(world));
	readings(world, spindle(world), 4);
	assert_true(world_settle(world));
	world_verify(world, true);
	assert_int_equal(ranges_with(world, &first, NULL, NULL), 1);
	assert_int_equal(ranges_with(world, &second, NULL, NULL), 1);
	assert_int_equal(refused(world, REFUSED_FORGED), 0);
	assert_int_equal(look(world, SPINDLE).registration->signal_count, 1);
	end(world);
}

static void old_keys_are_worth_nothing_after_a_new_registration(void **state)
{
	(void)state;
	struct edge_world *world = begin(2);
	readings(world, spindle(world), 1);
	struct sent_message *old = device_reading(world, spindle(world), 21);
	world_register(world, (struct device_wish){.name = SPINDLE, .signals = 2});
	world_tell(world, SIZE_MAX);
	device_send(world, spindle(world), old);
	assert_int_equal(refused(world, REFUSED_FORGED), 1);
	end(world);
}

static void revoked_devices_stay_out(void **state)
{
	(void)state;
	struct edge_world *world = begin(3);
	readings(world, spindle(world), 3);
	world_flush(world);
	world_state(world, &world->regulator, SPINDLE, DEVICE_REVOKED);
	world_tell(world, SIZE_MAX);
	readings(world, spindle(world), 2);
	device_send(world, spindle(world), device_critical(world, spindle(world), "fire"));
	assert_int_equal(refused(world, REFUSED_REVOKED), 3);
	assert_int_equal(world->alarm_count, 0);
	/* Its owner cannot lift that by registering it anew; the ledger does not take it for active either. */
	world_register(world, (struct device_wish){.name = SPINDLE, .signals = 2});
	world_tell(world, SIZE_MAX);
	assert_int_equal(ledger_entity(world->ledger, text(SPINDLE))->state, DEVICE_REVOKED);
	assert_int_equal(look(world, SPINDLE).state, DEVICE_REVOKED);
	readings(world, spindle(world), 1);
	assert_int_equal(refused(world, REFUSED_REVOKED), 4);
	world_restart(world);
	assert_int_equal(look(world, SPINDLE).state, DEVICE_REVOKED);
	world_state(world, &world->regulator, SPINDLE, DEVICE_ACTIVE);
	world_tell(world, SIZE_MAX);
	device_restart(spindle(world));
	readings(world, spindle(world), 2);
	assert_true(world_settle(world));
	world_verify(world, true);
	assert_int_equal(spindle(world)->acknowledged, spindle(world)->seq);
	end(world);
}

static void suspended_devices_come_back(void **state)
{
	(void)state;
	struct edge_world *world = begin(4);
	readings(world, spindle(world), 2);
	world_state(world, &world->maker, SPINDLE, DEVICE_SUSPENDED);
	world_tell(world, SIZE_MAX);
	readings(world, spindle(world), 2);
	assert_int_equal(refused(world, REFUSED_REVOKED), 2);
	/* A new registration ends a suspension. */
	world_register(world, (struct device_wish){.name = SPINDLE, .signals = 2});
	world_tell(world, SIZE_MAX);
	assert_int_equal(look(world, SPINDLE).state, DEVICE_ACTIVE);
	device_restart(spindle(world));
	readings(world, spindle(world), 2);
	assert_true(world_settle(world));
	world_verify(world, true);
	end(world);
}

static void a_device_moves_away_and_back(void **state)
{
	(void)state;
	struct edge_world *world = begin(5);
	struct digest model = world_model(world, SPINDLE, 1, 20);
	world_tell(world, SIZE_MAX);
	struct digest here = spindle(world)->registration;
	readings(world, spindle(world), 3);
	world_flush(world);
	world_tick(world, 300);
	world_register(world, (struct device_wish){.name = SPINDLE, .signals = 2, .gateway = OTHER_HALL});
	world_tell(world, SIZE_MAX);
	assert_int_equal(look(world, SPINDLE).state, DEVICE_SUSPENDED);
	readings(world, spindle(world), 1);
	assert_int_equal(refused(world, REFUSED_FORGED) + refused(world, REFUSED_REVOKED), 1);
	spindle(world)->oldest = spindle(world)->sent_count; /* the other gateway's business */
	/* It may be suspended and reinstated there: that does not make it ours. */
	world_state(world, &world->maker, SPINDLE, DEVICE_SUSPENDED);
	world_state(world, &world->maker, SPINDLE, DEVICE_ACTIVE);
	struct digest bounds = world_bounds(world, SPINDLE, 2, -10, 80);
	world_tell(world, SIZE_MAX);
	assert_int_equal(look(world, SPINDLE).state, DEVICE_SUSPENDED);
	assert_true(world_settle(world));
	assert_int_equal(ranges_with(world, &here, NULL, &model), 1); /* what was in the open chunk */
	/* Back, with the bounds and the model that are in force on the ledger. */
	struct digest back = world_register(world, (struct device_wish){.name = SPINDLE, .signals = 2});
	world_tell(world, SIZE_MAX);
	device_restart(spindle(world));
	readings(world, spindle(world), 3);
	assert_true(world_settle(world));
	world_verify(world, true);
	assert_int_equal(ranges_with(world, &back, &bounds, &model), 1);
	end(world);
}

static void a_device_of_another_gateway_brings_its_bounds(void **state)
{
	(void)state;
	struct edge_world *world = begin(6);
	world_register(world, (struct device_wish){.name = PUMP, .signals = 1, .gateway = OTHER_HALL});
	struct digest bounds = world_bounds(world, PUMP, 1, 0, 50);
	world_state(world, &world->regulator, PUMP, DEVICE_REVOKED);
	world_tell(world, SIZE_MAX);
	assert_int_equal(edge_device_find(world->edge, text(PUMP)), -1);
	world_register(world, (struct device_wish){.name = PUMP, .signals = 1});
	world_tell(world, SIZE_MAX);
	/* It was revoked while it was elsewhere, and a move does not change that. */
	assert_int_equal(look(world, PUMP).state, DEVICE_REVOKED);
	world_state(world, &world->regulator, PUMP, DEVICE_ACTIVE);
	world_tell(world, SIZE_MAX);
	struct fake_device *pump = world_device(world, text(PUMP));
	readings(world, pump, 3);
	for (int i = 0; i < 3; i++)
		device_read_and_send(world, pump, 60 + i);
	assert_true(world_settle(world));
	world_verify(world, true);
	assert_true(ranges_with(world, NULL, &bounds, NULL) >= 1);
	assert_true(world_count(world, STATEMENT_DISTURBANCE) >= 1);
	end(world);
}

static void bounds_and_models_change_between_ranges(void **state)
{
	(void)state;
	struct edge_world *world = begin(7);
	struct digest none = {{0}}, registration = spindle(world)->registration;
	struct digest first = look(world, SPINDLE).registration_id;
	assert_true(digest_equal(&first, &registration));
	readings(world, spindle(world), 2);
	struct digest model = world_model(world, SPINDLE, 1, 20);
	world_tell(world, SIZE_MAX);
	readings(world, spindle(world), 2);
	struct digest bounds = world_bounds(world, SPINDLE, 2, -50, 170);
	world_tell(world, SIZE_MAX);
	readings(world, spindle(world), 2);
	assert_true(world_settle(world));
	world_verify(world, true);
	assert_int_equal(ranges_with(world, &registration, NULL, &none), 1);
	assert_int_equal(ranges_with(world, &registration, NULL, &model), 2);
	assert_int_equal(ranges_with(world, &registration, &bounds, &model), 1);
	end(world);
}

static void bounds_that_the_twin_refuses_change_nothing(void **state)
{
	(void)state;
	struct edge_world *world = begin(8);
	struct edge_device_view before = look(world, SPINDLE);
	struct twin_view old, new;
	twin_view(before.twin, &old);
	/* A bound on a signal that is not registered. */
	world_issue(world, &world->maker, STATEMENT_BOUNDS, SPINDLE, BODY_OF(bounds, &world->body, .version = 2,
		.bounds = {{.signal = text("torque"), .unit = text("N.m"), .low = {0, 0}, .high = {9, 0}}}, .bound_count = 1), NULL, 0);
	world_tell(world, SIZE_MAX);
	twin_view(look(world, SPINDLE).twin, &new);
	assert_int_equal(new.bounds_version, 1);
	readings(world, spindle(world), 2);
	assert_true(world_settle(world));
	world_verify(world, true);
	assert_int_equal(ranges_with(world, NULL, &old.bounds_id, NULL), 1);
	end(world);
}

static void units_that_make_no_sense_leave_a_device_without_samples(void **state)
{
	(void)state;
	struct edge_world *world = begin(9);
	world_register(world, (struct device_wish){.name = PUMP, .signals = 1, .unit = "furlong/fortnight", .critical = "fire"});
	world_tell(world, SIZE_MAX);
	struct fake_device *pump = world_device(world, text(PUMP));
	readings(world, pump, 2);
	device_send(world, pump, device_critical(world, pump, "fire"));
	assert_int_equal(refused(world, REFUSED_MALFORMED), 2);
	assert_int_equal(world->alarm_count, 1);
	assert_true(world_settle(world));
	world_verify(world, false);
	assert_int_equal(pump->acknowledged, pump->seq);
	/* Put right while its numbers go on. */
	world_register(world, (struct device_wish){.name = PUMP, .signals = 1});
	world_tell(world, SIZE_MAX);
	device_restart(pump);
	readings(world, pump, 2);
	assert_true(world_settle(world));
	assert_int_equal(refused(world, REFUSED_MALFORMED), 2);
	end(world);
}

static void too_many_devices_are_strangers(void **state)
{
	(void)state;
	struct edge_world *world = begin(10);
	struct edge_event event = {.kind = EDGE_FINAL};
	struct buffer bytes = {0}, body = {0};
	struct body_device *device = memory_new(sizeof *device);
	*device = (struct body_device){.kind = DEVICE_MACHINE, .model = text("S-1"), .gateway = text(HALL), .firmware = {{8}}};
	body_device_encode(device, &body);
	free(device);
	for (int i = 0; i < EDGE_DEVICES_MAX + 10; i++) {
		char name[40];
		struct issuer maker = world->maker;
		snprintf(name, sizeof name, "dev:maker/m-%d", i);
		buffer_clear(&bytes);
		issue(&world->consortium, &maker, STATEMENT_DEVICE, text(name), buffer_span(&body), NULL, 0, &bytes);
		event.bytes = buffer_span(&bytes);
		world_step(world, &event);
	}
	assert_int_equal(edge_device_count(world->edge), EDGE_DEVICES_MAX);
	buffer_free(&bytes);
	buffer_free(&body);
	end(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_registration_changes_while_a_chunk_is_open),
		cmocka_unit_test(old_keys_are_worth_nothing_after_a_new_registration),
		cmocka_unit_test(revoked_devices_stay_out),
		cmocka_unit_test(suspended_devices_come_back),
		cmocka_unit_test(a_device_moves_away_and_back),
		cmocka_unit_test(a_device_of_another_gateway_brings_its_bounds),
		cmocka_unit_test(bounds_and_models_change_between_ranges),
		cmocka_unit_test(bounds_that_the_twin_refuses_change_nothing),
		cmocka_unit_test(units_that_make_no_sense_leave_a_device_without_samples),
		cmocka_unit_test(too_many_devices_are_strangers),
	};
	return cmocka_run_group_tests_name("edge registry", tests, NULL, NULL);
}
