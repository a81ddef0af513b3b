/* The edge's own statements: refusals in the queue, lost logs, a node that is away, commands, services, pruning. */
#include "edge_spindle.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* One anchor each. */
static void chunks(struct edge_world *world, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		world_pass(world, 100);
		device_read_and_send(world, spindle(world), 20 + (double)(spindle(world)->seq % 40) / 8);
		world_tick(world, 5100);
	}
}

/* Statements of several kinds, which refer to each other: anchors, disturbances, critical events. */
static void mixture(struct edge_world *world, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		device_read_and_send(world, spindle(world), 20);
		if (i % 3 == 1)
			device_send(world, spindle(world), device_message(world, spindle(world), SESSION_DATA, "?"));
		if (i % 3 == 2)
			device_send(world, fire(world), device_critical(world, fire(world), "door"));
		world_tick(world, 65000);
	}
}

static void answer(struct edge_world *world)
{
	world_commit(world, SIZE_MAX);
	world_tell(world, SIZE_MAX);
}

/* -- refusals ---------------------------------------------------------------------------------- */

static void what_is_refused_is_left_out(void **state)
{
	(void)state;
	static const enum statement_type types[] = {STATEMENT_DISTURBANCE, STATEMENT_CRITICAL};
	for (size_t t = 0; t < 2; t++) {
		for (unsigned first = 1; first <= 3; first++) {
			struct edge_world *world = begin(first);
			world_node(world, false);
			mixture(world, 12);
			size_t queue = world_outbox(world);
			world->refuse[types[t]] = E_FORBIDDEN;
			world->refuse_times[types[t]] = first;
			assert_true(world_settle(world));
			world->refuse_times[types[t]] = 0;
			assert_int_equal(totals_of(world).refused_statements, first);
			size_t final = world_count(world, STATEMENT_ANCHOR) + world_count(world, STATEMENT_DISTURBANCE) + world_count(world, STATEMENT_CRITICAL);
			assert_true(final >= queue - first);
			/* The chain goes on, also after a restart. */
			world_restart(world);
			chunks(world, 2);
			assert_true(world_settle(world));
			end(world);
		}
	}
}

static void a_refused_anchor_is_not_referred_to(void **state)
{
	(void)state;
	struct edge_world *world = begin(4);
	world->refuse[STATEMENT_ANCHOR] = E_MALFORMED;
	world->refuse_times[STATEMENT_ANCHOR] = 1;
	chunks(world, 1);
	device_read_and_send(world, spindle(world), 90);
	device_read_and_send(world, spindle(world), 91);
	mixture(world, 3);
	assert_true(world_settle(world));
	assert_int_equal(totals_of(world).refused_statements, 1);
	assert_true(world_count(world, STATEMENT_ANCHOR) >= 3);
	end(world);
}

static void signing_anew_takes_little_of_a_step(void **state)
{
	(void)state;
	struct edge_world *world = begin(5);
	world_node(world, false);
	device_send(world, fire(world), device_critical(world, fire(world), "fire"));
	chunks(world, 700);
	world->refuse[STATEMENT_CRITICAL] = E_FORBIDDEN;
	world->refuse_times[STATEMENT_CRITICAL] = 1;
	world_node(world, true);
	size_t most = 0;
	for (int i = 0; i < 200 && (world_outbox(world) || i < 3); i++) {
		uint64_t before = world_log_end(world);
		world_tick(world, 100);
		size_t grown = (size_t)(world_log_end(world) - before);
		most = grown > most ? grown : most;
		answer(world);
	}
	assert_int_equal(world_outbox(world), 0);
	/* 32 of about 3 kB, not 700. */
	assert_true(most > 50000 && most < 160000);
	assert_true(world_settle(world));
	fire(world)->sent[0].good = false; /* the ledger refused it */
	world_verify(world, true);
	end(world);
}

static void a_crash_while_numbers_shift_loses_nothing(void **state)
{
	(void)state;
	uint64_t crash = 1;
	for (bool crashed = true; crashed; crash += crash < 40 ? 1 : 7) {
		struct edge_world *world = begin(200 + crash);
		world_node(world, false);
		mixture(world, 14);
		world->refuse[STATEMENT_DISTURBANCE] = E_FORBIDDEN;
		world->refuse_times[STATEMENT_DISTURBANCE] = 2;
		world->crash_in = crash;
		for (int i = 0; i < 12 && !world->crashed; i++) {
			world_node(world, true);
			world_tick(world, 600);
			world_commit(world, 3);
			world_tell(world, SIZE_MAX);
		}
		crashed = world->crashed;
		if (crashed)
			world_restart(world);
		world->crash_in = 0;
		assert_true(world_settle(world));
		world->refuse_times[STATEMENT_DISTURBANCE] = 0;
		world_verify(world, true);
		end(world);
	}
	assert_true(crash > 50);
}

static void a_model_whose_version_is_taken_does_not_block(void **state)
{
	(void)state;
	struct edge_world *world = begin(6);
	world_node(world, false);
	/* Enough good rows that the edge commissions a model of its own. */
	for (int i = 0; i < 900; i++) {
		world_pass(world, 1000);
		device_read_and_send(world, spindle(world), 20 + (double)(i % 7) / 10);
		world_tick(world, 5);
	}
	world_model(world, SPINDLE, 1, 20); /* and its owner was quicker */
	chunks(world, 3);
	assert_true(world_settle(world));
	assert_int_equal(totals_of(world).refused_statements, 1);
	struct statement statement;
	struct body_model model;
	size_t at = 0;
	assert_false(world_next(world, &at, STATEMENT_MODEL, &statement));
	struct edge_device_view view;
	struct twin_view twin;
	edge_device_view(world->edge, 0, &view);
	twin_view(view.twin, &twin);
	assert_int_equal(twin.model_version, 1);
	(void)model;
	world_verify(world, true);
	end(world);
}

static void a_suspended_gateway_keeps_its_statements(void **state)
{
	(void)state;
	struct edge_world *world = begin(7);
	chunks(world, 2);
	answer(world);
	world_state(world, &world->regulator, HALL, DEVICE_SUSPENDED);
	for (int i = 0; i < 30; i++) {
		chunks(world, 1);
		answer(world);
	}
	assert_int_equal(totals_of(world).refused_statements, 0);
	assert_true(world_outbox(world) >= 29);
	world_state(world, &world->regulator, HALL, DEVICE_ACTIVE);
	assert_true(world_settle(world));
	world_verify(world, true);
	end(world);
}

static void troubles_of_the_node_pass(void **state)
{
	(void)state;
	static const enum status statuses[] = {E_BUSY, E_IO, E_CORRUPT, E_ENTROPY, E_CLOSED, E_SEQUENCE, E_PARENT, E_UNKNOWN, E_SIGNATURE, E_NETWORK, E_REVOKED};
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
		struct edge_world *world = begin(20 + i);
		world->refuse[STATEMENT_ANCHOR] = statuses[i];
		world->refuse_times[STATEMENT_ANCHOR] = 5;
		chunks(world, 3);
		assert_true(world_settle(world));
		assert_int_equal(totals_of(world).refused_statements, 0);
		world_verify(world, true);
		end(world);
	}
}

static void what_stays_refused_at_the_head_is_given_up(void **state)
{
	(void)state;
	struct edge_world *world = begin(8);
	world->refuse[STATEMENT_DISTURBANCE] = E_PARENT;
	world->refuse_times[STATEMENT_DISTURBANCE] = 1000;
	device_send(world, spindle(world), device_message(world, spindle(world), SESSION_DATA, "?"));
	chunks(world, 2);
	assert_true(world_settle(world));
	/* That it was malformed, and later that the machine is silent: twenty times each as the first in the queue. */
	assert_int_equal(totals_of(world).refused_statements, 2);
	assert_in_range(1000 - world->refuse_times[STATEMENT_DISTURBANCE], 40, 100);
	assert_int_equal(world_count(world, STATEMENT_ANCHOR), 2);
	end(world);
}

static void lost_submissions_are_sent_again(void **state)
{
	(void)state;
	struct edge_world *world = begin(9);
	chunks(world, 1);
	/* The node forgets it, and tells nobody. */
	while (world->pending_count)
		buffer_free(&world->pending[--world->pending_count].bytes);
	for (int i = 0; i < 30 && !world->pending_count; i++)
		world_tick(world, 1000);
	assert_true(world->pending_count > 0);
	assert_true(world_settle(world));
	end(world);
}

/* -- a node that is away, a log that is lost ------------------------------------------------------ */

static void thousands_wait_and_become_final_in_order(void **state)
{
	(void)state;
	struct edge_world *world = begin(10);
	world_node(world, false);
	chunks(world, 2000);
	uint64_t waiting = world_outbox(world);
	assert_true(waiting >= 2000);
	world_node(world, true);
	size_t ticks = 0;
	for (; world_outbox(world) && ticks < 100; ticks++) {
		world_tick(world, 100);
		answer(world);
	}
	/* A window of 256 in each: no less, and nothing twice. */
	assert_true(ticks <= 10);
	assert_int_equal(world->duplicates_submitted, 0);
	assert_true(world_settle(world));
	/* The numbers of the ledger are those of the chain: it would have refused them otherwise. */
	assert_int_equal(world_count(world, STATEMENT_ANCHOR), 2000);
	end(world);
}

static void a_lost_log_is_continued_from_the_ledger(void **state)
{
	(void)state;
	struct edge_world *world = begin(11);
	chunks(world, 5);
	assert_true(world_settle(world));
	world_stop(world, false);
	buffer_clear(&world->log);
	world->flushed = 0;
	world->log_start = 0;
	world_start(world, true);
	chunks(world, 5);
	assert_true(world_settle(world));
	assert_int_equal(world_count(world, STATEMENT_ANCHOR), 10);
	world_verify(world, true);
	end(world);
}

static void an_old_copy_of_the_log_is_continued_too(void **state)
{
	(void)state;
	struct edge_world *world = begin(12);
	struct buffer copy = {0};
	world_node(world, false);
	chunks(world, 4);
	buffer_append_span(&copy, buffer_span(&world->log));
	assert_true(world_settle(world));
	chunks(world, 4);
	assert_true(world_settle(world));
	world_stop(world, false);
	buffer_clear(&world->log);
	buffer_append_span(&world->log, buffer_span(&copy));
	world->flushed = world->log.size;
	world_start(world, true);
	assert_int_equal(world_outbox(world), 0);
	chunks(world, 4);
	assert_true(world_settle(world));
	world_verify(world, true);
	buffer_free(&copy);
	end(world);
}

static void numbers_that_another_used_are_made_anew(void **state)
{
	(void)state;
	struct edge_world *world = begin(13);
	chunks(world, 2);
	assert_true(world_settle(world));
	struct statement statement;
	struct issuer twin = {.name = HALL, .key = world->gateway_key};
	for (size_t at = 0; at < world->final_count;) {
		assert_int_equal(statement_decode(buffer_span(&world->finals[at++]), &statement, NULL), OK);
		if (span_is_text(statement.iss, HALL))
			twin = (struct issuer){.name = HALL, .key = world->gateway_key, .seq = statement.seq, .last = statement.id};
	}
	world_node(world, false);
	mixture(world, 5);
	size_t waiting = world_outbox(world);
	struct digest registration = fire(world)->registration;
	/* Somebody else with this key was quicker. */
	for (int i = 0; i < 2; i++)
		world_issue(world, &twin, STATEMENT_CRITICAL, FIRE, BODY_OF(critical, &world->body, .kind = text("door"), .time_ns = 1, .received_ns = 2, .acted_ns = 3),
			&registration, 1);
	size_t before = world->final_count;
	assert_true(world_settle(world));
	assert_true(world->final_count >= before + waiting);
	assert_int_equal(totals_of(world).refused_statements, 0);
	world_verify(world, true);
	end(world);
}

/* -- sizes ------------------------------------------------------------------------------------------ */

static void anchors_stay_below_the_size_of_a_statement(void **state)
{
	(void)state;
	enum { DEVICES = 230 };
	struct edge_world *world = memory_new(sizeof *world);
	world_begin(world, 14);
	for (int i = 0; i < DEVICES; i++) {
		/* Names as long as they may be. */
		char name[STATEMENT_NAME_MAX + 1];
		int size = snprintf(name, sizeof name, "dev:maker/%03d-", i);
		memset(name + size, 'x', sizeof name - (size_t)size);
		name[STATEMENT_NAME_MAX] = '\0';
		world_register(world, (struct device_wish){.name = name, .signals = 1});
		world_bounds(world, name, 1, -5, 70);
		world_model(world, name, 1, 20);
	}
	world_start(world, true);
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < DEVICES; i++)
			device_read_and_send(world, &world->devices[i], 20 + round);
	/* All out of bounds at once: more findings than wait for a chunk's time. */
	for (int round = 0; round < 3; round++) {
		world_pass(world, 1000);
		for (int i = 0; i < DEVICES; i++)
			device_read_and_send(world, &world->devices[i], 99 + round);
	}
	assert_true(world_settle(world));
	world_verify(world, true);
	assert_true(world_count(world, STATEMENT_ANCHOR) >= 2);
	assert_int_equal(totals_of(world).refused_statements, 0);
	struct statement statement;
	size_t at = 0, told = 0;
	for (struct body_disturbance body; world_next(world, &at, STATEMENT_DISTURBANCE, &statement);) {
		assert_int_equal(body_disturbance_decode(statement.body, &body, NULL), OK);
		told += body.kind == DISTURBANCE_BOUNDS;
	}
	assert_int_equal(told, DEVICES);
	end(world);
}

/* -- commands ----------------------------------------------------------------------------------------- */

/* A command of this gateway that became final: as if the edge had decided it `age_s` ago, in an earlier run. */
static struct digest command_by(struct edge_world *world, struct issuer *gateway, int64_t age_s, const char *action)
{
	struct buffer bytes = {0};
	struct statement statement = {.type = STATEMENT_COMMAND, .seq = ++gateway->seq, .prev = gateway->last, .iss = text(HALL), .sub = text(SPINDLE),
		.iat = world->now_ns / NS_PER_S - age_s, .class = CLASS_CONSORTIUM,
		.body = BODY_OF(command, &world->body, .action = text(action), .setting = {6, -1}, .time_ns = world->now_ns)};
	memcpy(statement.network, world->consortium.genesis.network, NETWORK_ID_SIZE);
	struct digest id;
	uint64_t index;
	struct fault fault = {{0}};
	assert_int_equal(statement_sign(&statement, world->gateway_key, NULL, &bytes, &id), OK);
	assert_int_equal(statement_decode(buffer_span(&bytes), &statement, &fault), OK);
	assert_int_equal(ledger_apply(world->ledger, &statement, true, &index, &fault), OK);
	gateway->last = id;
	world_final(world, buffer_span(&bytes));
	buffer_free(&bytes);
	return id;
}

static void result(struct edge_world *world, const struct digest *command, bool done)
{
	char hex[DIGEST_HEX_SIZE];
	span_hex(digest_span(command), hex);
	device_send(world, spindle(world), device_result(world, spindle(world), hex, done));
}

static void a_final_command_is_sent_until_it_is_answered(void **state)
{
	(void)state;
	struct edge_world *world = begin(15);
	struct issuer gateway = {.name = HALL};
	struct digest id = command_by(world, &gateway, 1, "reduce_speed");
	assert_int_equal(world->command_count, 0);
	world_tell(world, SIZE_MAX);
	assert_int_equal(world->command_count, 1);
	assert_string_equal(world->commands[0].command.action, "reduce_speed");
	/* Not again by itself, but again when the broker was away, and after a restart, with a higher number. */
	for (int i = 0; i < 5; i++)
		world_tick(world, 1000);
	assert_int_equal(world->command_count, 1);
	world_give(world, EDGE_BROKER_DOWN);
	world_give(world, EDGE_BROKER_UP);
	assert_int_equal(world->command_count, 2);
	world_pass(world, 1000);
	world_restart(world);
	assert_int_equal(world->command_count, 3);
	for (size_t i = 1; i < 3; i++)
		assert_true(world->commands[i].seq > world->commands[i - 1].seq);
	result(world, &id, true);
	result(world, &id, true); /* told twice */
	world_restart(world);
	world_give(world, EDGE_BROKER_UP);
	assert_int_equal(world->command_count, 3);
	assert_true(world_settle(world));
	assert_int_equal(world_count(world, STATEMENT_RESULT), 1);
	assert_int_equal(world_count(world, STATEMENT_DISTURBANCE), 0);
	world_verify(world, true);
	world_restart(world);
	assert_int_equal(world->command_count, 3);
	end(world);
}

static void old_commands_are_not_sent(void **state)
{
	(void)state;
	struct edge_world *world = begin(16);
	struct issuer gateway = {.name = HALL};
	command_by(world, &gateway, 121, "stop");
	world_tell(world, SIZE_MAX);
	assert_int_equal(world->command_count, 0);
	struct digest second = command_by(world, &gateway, 119, "stop");
	world_node(world, false);
	world_pass(world, 5000);
	world_node(world, true);
	world_tell(world, SIZE_MAX);
	assert_int_equal(world->command_count, 0);
	/* Its answer is taken all the same: somebody else may have sent it. */
	result(world, &second, false);
	assert_true(world_settle(world));
	assert_int_equal(world_count(world, STATEMENT_RESULT), 1);
	end(world);
}

static void results_that_answer_nothing_are_refused(void **state)
{
	(void)state;
	struct edge_world *world = begin(17);
	struct issuer gateway = {.name = HALL};
	struct digest other = {{9}};
	result(world, &other, true);
	struct digest id = command_by(world, &gateway, 1, "stop");
	world_tell(world, SIZE_MAX);
	result(world, &other, true);
	device_send(world, spindle(world), device_message(world, spindle(world), SESSION_RESULT, "{\"done\":true}"));
	char hex[DIGEST_HEX_SIZE];
	span_hex(digest_span(&id), hex);
	struct sent_message *forged = device_result(world, spindle(world), hex, true);
	forged->tag[5] ^= 4;
	device_send(world, spindle(world), forged);
	forged->tag[5] ^= 4;
	forged->kind = SESSION_DATA; /* the tag holds the kind */
	device_send(world, spindle(world), forged);
	assert_int_equal(totals_of(world).refused[REFUSED_MALFORMED], 3);
	assert_int_equal(totals_of(world).refused[REFUSED_FORGED], 2);
	forged->kind = SESSION_RESULT;
	assert_int_equal(world_count(world, STATEMENT_RESULT), 0);
	device_send(world, spindle(world), forged);
	assert_true(world_settle(world));
	assert_int_equal(world_count(world, STATEMENT_RESULT), 1);
	end(world);
}

/* -- services ---------------------------------------------------------------------------------------- */

static void a_calibration_without_data_is_given_up(void **state)
{
	(void)state;
	struct edge_world *world = begin(18);
	world_model(world, SPINDLE, 1, 20);
	world_tell(world, SIZE_MAX);
	for (int i = 0; i < 60; i++) {
		world_pass(world, 1000);
		device_read_and_send(world, spindle(world), 20 + (double)(i % 5) / 10);
	}
	/* Then one sensor gives no values, and never again. */
	for (int i = 0; i < 12; i++) {
		world_pass(world, 1000);
		device_send(world, spindle(world), device_message(world, spindle(world), SESSION_DATA, "{\"speed\":1000}"));
	}
	world_tick(world, 100);
	/* The disturbance gets another id on its way: the service must follow. */
	world->refuse[STATEMENT_ANCHOR] = E_MALFORMED;
	world->refuse_times[STATEMENT_ANCHOR] = 1;
	answer(world);
	for (int i = 0; i < 200; i++) {
		world_tick(world, 1000);
		answer(world);
	}
	assert_true(world_settle(world));
	struct statement statement;
	struct body_service body;
	size_t at = 0;
	assert_true(world_next(world, &at, STATEMENT_SERVICE, &statement));
	assert_int_equal(body_service_decode(statement.body, &body, NULL), OK);
	assert_int_equal(body.kind, SERVICE_CALIBRATION);
	assert_false(body.accepted);
	assert_true(statement.parent_count >= 1);
	assert_int_equal(totals_of(world).refused_statements, 1);
	end(world);
}

static void a_service_for_a_refused_disturbance_is_final(void **state)
{
	(void)state;
	struct edge_world *world = begin(19);
	world_model(world, SPINDLE, 1, 20);
	world_tell(world, SIZE_MAX);
	world->refuse[STATEMENT_DISTURBANCE] = E_FORBIDDEN;
	world->refuse_times[STATEMENT_DISTURBANCE] = 1;
	for (int i = 0; i < 70; i++) {
		world_pass(world, 1000);
		device_read_and_send(world, spindle(world), i < 60 ? 20 + (double)(i % 5) / 10 : 90);
	}
	for (int i = 0; i < 200; i++) {
		world_tick(world, 1000);
		answer(world);
	}
	assert_true(world_settle(world));
	assert_int_equal(totals_of(world).refused_statements, 1);
	assert_true(world_count(world, STATEMENT_SERVICE) >= 1);
	end(world);
}

static void a_new_registration_ends_open_services(void **state)
{
	(void)state;
	struct edge_world *world = begin(20);
	world_model(world, SPINDLE, 1, 20);
	world_tell(world, SIZE_MAX);
	for (int i = 0; i < 70; i++) {
		world_pass(world, 1000);
		device_read_and_send(world, spindle(world), i < 60 ? 20 + (double)(i % 5) / 10 : 90);
	}
	world_tick(world, 100);
	/* No signals any more: no twin that could be calibrated. */
	world_register(world, (struct device_wish){.name = SPINDLE, .critical = "fire"});
	answer(world);
	for (int i = 0; i < 200; i++) {
		world_tick(world, 1000);
		answer(world);
	}
	assert_true(world_settle(world));
	assert_int_equal(world_count(world, STATEMENT_SERVICE), 0);
	end(world);
}

/* -- pruning ------------------------------------------------------------------------------------------- */

static void the_own_log_is_released_and_a_restart_works(void **state)
{
	(void)state;
	struct edge_world *world = begin(21);
	edge_free(world->edge);
	world->config.release_step = 20000;
	world_start(world, true);
	size_t longest = 0;
	for (int i = 0; i < 60; i++) {
		chunks(world, 1);
		device_send(world, fire(world), device_critical(world, fire(world), "door"));
		if (i % 3)
			answer(world);
		if (i % 11 == 10)
			world_restart(world);
		longest = world->log.size > longest ? world->log.size : longest;
	}
	assert_true(world_settle(world));
	assert_true(world->released > 0);
	assert_true(world->log_start > 0);
	assert_true(longest < 200000);
	world_verify(world, true);
	world_restart(world);
	chunks(world, 2);
	assert_true(world_settle(world));
	world_verify(world, true);
	end(world);
}

static void nothing_is_released_while_the_node_is_away(void **state)
{
	(void)state;
	struct edge_world *world = begin(22);
	edge_free(world->edge);
	world->config.release_step = 1;
	world_start(world, true);
	world_node(world, false);
	mixture(world, 20);
	assert_int_equal(world->released, 0);
	/* A statement in the middle is refused: what comes before it may go, with the numbers that it then has. */
	world->refuse[STATEMENT_DISTURBANCE] = E_FORBIDDEN;
	world->refuse_times[STATEMENT_DISTURBANCE] = 2;
	assert_true(world_settle(world));
	mixture(world, 4);
	assert_true(world_settle(world));
	assert_true(world->released > 0);
	world_restart(world);
	assert_true(world_settle(world));
	world_verify(world, true);
	end(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_refused_is_left_out),
		cmocka_unit_test(a_refused_anchor_is_not_referred_to),
		cmocka_unit_test(signing_anew_takes_little_of_a_step),
		cmocka_unit_test(a_crash_while_numbers_shift_loses_nothing),
		cmocka_unit_test(a_model_whose_version_is_taken_does_not_block),
		cmocka_unit_test(a_suspended_gateway_keeps_its_statements),
		cmocka_unit_test(troubles_of_the_node_pass),
		cmocka_unit_test(what_stays_refused_at_the_head_is_given_up),
		cmocka_unit_test(lost_submissions_are_sent_again),
		cmocka_unit_test(thousands_wait_and_become_final_in_order),
		cmocka_unit_test(a_lost_log_is_continued_from_the_ledger),
		cmocka_unit_test(an_old_copy_of_the_log_is_continued_too),
		cmocka_unit_test(numbers_that_another_used_are_made_anew),
		cmocka_unit_test(anchors_stay_below_the_size_of_a_statement),
		cmocka_unit_test(a_final_command_is_sent_until_it_is_answered),
		cmocka_unit_test(old_commands_are_not_sent),
		cmocka_unit_test(results_that_answer_nothing_are_refused),
		cmocka_unit_test(a_calibration_without_data_is_given_up),
		cmocka_unit_test(a_service_for_a_refused_disturbance_is_final),
		cmocka_unit_test(a_new_registration_ends_open_services),
		cmocka_unit_test(the_own_log_is_released_and_a_restart_works),
		cmocka_unit_test(nothing_is_released_while_the_node_is_away),
	};
	return cmocka_run_group_tests_name("edge outbox", tests, NULL, NULL);
}
