/* The edge: readings, numbers, critical messages, alarms, and what a crash leaves. */
#include "edge_spindle.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void readings(struct edge_world *world, struct fake_device *device, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		world_pass(world, 1000);
		device_read_and_send(world, device, 20 + (double)(device->seq % 50) / 8);
	}
}

static size_t disturbances(const struct edge_world *world, enum disturbance_kind kind)
{
	struct statement statement;
	struct body_disturbance body;
	size_t count = 0;
	for (size_t at = 0; world_next(world, &at, STATEMENT_DISTURBANCE, &statement);) {
		assert_int_equal(body_disturbance_decode(statement.body, &body, NULL), OK);
		count += body.kind == kind;
	}
	return count;
}

static void readings_are_anchored_once(void **state)
{
	(void)state;
	struct edge_world *world = begin(1);
	readings(world, spindle(world), 23);
	assert_true(world_settle(world));
	world_verify(world, true);
	assert_int_equal(spindle(world)->acknowledged, spindle(world)->seq);
	assert_int_equal(totals_of(world).anchored, 46);
	assert_int_equal(totals_of(world).outbox, 0);
	end(world);
}

static void messages_without_samples_are_anchored_too(void **state)
{
	(void)state;
	struct edge_world *world = begin(2);
	device_send(world, fire(world), device_critical(world, fire(world), "fire"));
	device_send(world, fire(world), device_message(world, fire(world), SESSION_CRITICAL, "{\"event\":\"flood\",\"t\":1}"));
	device_send(world, spindle(world), device_message(world, spindle(world), SESSION_DATA, "{\"t\":"));
	assert_true(world_settle(world));
	world_verify(world, true);
	assert_int_equal(world_count(world, STATEMENT_CRITICAL), 1);
	assert_int_equal(disturbances(world, DISTURBANCE_MALFORMED), 2);
	/* After the own log is gone, the ledger alone tells which numbers were taken. */
	world_stop(world, false);
	buffer_clear(&world->log);
	world->flushed = 0;
	world->log_start = 0;
	world_start(world, true);
	for (size_t d = 0; d < 2; d++) {
		struct fake_device *device = d ? spindle(world) : fire(world);
		size_t before = world->alarm_count;
		for (size_t i = 0; i < device->sent_count; i++)
			device_send(world, device, &device->sent[i]);
		assert_int_equal(world->alarm_count, before);
	}
	assert_int_equal(totals_of(world).messages, 0);
	end(world);
}

static void messages_are_not_cut_by_seals(void **state)
{
	(void)state;
	struct edge_world *world = begin(3);
	edge_free(world->edge);
	world->config.seal_samples = 6;
	world_start(world, true);
	for (int i = 0; i < 20; i++) {
		char payload[300];
		int64_t ms = world->now_ns / NS_PER_MS;
		snprintf(payload, sizeof payload, "[{\"t\":%" PRId64 ",\"temperature\":1},{\"t\":%" PRId64 ",\"temperature\":2},{\"t\":%" PRId64 ",\"temperature\":3}]", ms,
			ms + 1, ms + 2);
		device_send(world, spindle(world), device_message(world, spindle(world), SESSION_DATA, payload));
		world_pass(world, 100);
	}
	assert_true(world_settle(world));
	world_verify(world, true);
	assert_int_equal(world_count(world, STATEMENT_ANCHOR), 20);
	end(world);
}

static void gaps_are_counted_in_contiguous_ranges(void **state)
{
	(void)state;
	struct edge_world *world = begin(4);
	readings(world, spindle(world), 3);
	for (int i = 0; i < 4; i++)
		(void)device_reading(world, spindle(world), 30); /* lost for good */
	spindle(world)->oldest = spindle(world)->sent_count;
	for (int i = 0; i < 9; i++) {
		struct sent_message *message = device_reading(world, spindle(world), 31);
		device_send(world, spindle(world), message);
		world_tick(world, 700);
	}
	assert_true(world_settle(world));
	world_verify(world, true);
	struct statement statement;
	struct body_anchor *anchor = memory_new(sizeof *anchor);
	uint64_t missing = 0;
	for (size_t at = 0; world_next(world, &at, STATEMENT_ANCHOR, &statement);) {
		assert_int_equal(body_anchor_decode(statement.body, anchor, NULL), OK);
		for (size_t i = 0; i < anchor->range_count; i++)
			missing += anchor->ranges[i].missing;
	}
	free(anchor);
	/* Four were never sent; the first ones behind them waited, and were not sent again either. */
	assert_true(missing >= 4 && missing < 13);
	end(world);
}

/* -- crashes ---------------------------------------------------------------------------------- */

/* A story with everything in it; it goes on after each crash as the world would. */
static void story(struct edge_world *world, unsigned part)
{
	struct fake_device *device = spindle(world);
	switch (part) {
	case 0:
		readings(world, device, 3);
		break;
	case 1:
		device_send(world, fire(world), device_critical(world, fire(world), "fire"));
		break;
	case 2:
		readings(world, device, 2);
		world_tick(world, 5100);
		break;
	case 3:
		device_send(world, device, device_critical(world, device, "power"));
		device_read_and_send(world, device, 90);
		device_read_and_send(world, device, 91);
		break;
	case 4:
		world_tick(world, 200);
		world_commit(world, SIZE_MAX);
		world_tell(world, SIZE_MAX);
		break;
	case 5:
		device_send(world, device, device_message(world, device, SESSION_DATA, "[1,"));
		device_send(world, fire(world), device_critical(world, fire(world), "door"));
		readings(world, device, 3);
		break;
	case 6:
		world_tick(world, 5100);
		break;
	default:
		device_resend(world, device);
		device_resend(world, fire(world));
		world_commit(world, 2);
		world_tell(world, SIZE_MAX);
		break;
	}
}

enum { STORY_PARTS = 8 };

static void a_crash_loses_nothing_acknowledged(void **state)
{
	(void)state;
	uint64_t actions = 0;
	for (uint64_t crash = 1; crash < 200; crash++) {
		struct edge_world *world = begin(100 + crash);
		world->config.release_step = 1;
		edge_free(world->edge);
		world_start(world, true);
		world->crash_in = crash;
		for (unsigned part = 0; part < STORY_PARTS; part++) {
			story(world, part);
			if (!world->crashed)
				continue;
			world_restart(world);
			device_resend(world, spindle(world));
			device_resend(world, fire(world));
		}
		bool crashed = world->restarts > 0;
		world->crash_in = 0;
		assert_true(world_settle(world));
		world_verify(world, true);
		assert_int_equal(world_count(world, STATEMENT_CRITICAL) >= 3, 1);
		end(world);
		actions = crash;
		if (!crashed)
			break;
	}
	/* The story is over before the 200th action, so every boundary was tried. */
	assert_true(actions > 40 && actions < 199);
}

static void critical_messages_in_numbers_survive_a_crash(void **state)
{
	(void)state;
	struct edge_world *world = begin(5);
	world->mute = true;
	for (int i = 0; i < 40; i++) {
		world_pass(world, 10);
		device_send(world, fire(world), device_critical(world, fire(world), "fire"));
	}
	world_flush(world);
	world_tick(world, 200);
	assert_int_equal(fire(world)->acknowledged, fire(world)->seq);
	assert_int_equal(world->alarm_count, 40);
	world->mute = false;
	world_restart(world);
	assert_int_equal(world->alarm_count, 80); /* acting twice is safe */
	assert_true(world_settle(world));
	world_verify(world, true);
	assert_int_equal(world_count(world, STATEMENT_CRITICAL), 40);
	world_restart(world);
	assert_int_equal(world->alarm_count, 80); /* but once is enough when the statement is there */
	end(world);
}

/* -- the critical line --------------------------------------------------------------------------- */

static void critical_messages_do_not_wait_for_lost_numbers(void **state)
{
	(void)state;
	struct edge_world *world = begin(6);
	readings(world, spindle(world), 2);
	(void)device_reading(world, spindle(world), 25); /* lost on the way, sent again below */
	struct sent_message *alarm = device_critical(world, spindle(world), "fire");
	device_send(world, spindle(world), alarm);
	assert_int_equal(world->alarm_count, 1);
	device_send(world, spindle(world), &spindle(world)->sent[spindle(world)->sent_count - 1]);
	assert_int_equal(world->alarm_count, 1);
	world_pass(world, 1500);
	device_resend(world, spindle(world));
	assert_int_equal(world->alarm_count, 1);
	assert_true(world_settle(world));
	world_verify(world, true);
	assert_int_equal(world_count(world, STATEMENT_CRITICAL), 1);
	end(world);
}

static void a_critical_message_may_come_after_its_number_was_given_up(void **state)
{
	(void)state;
	struct edge_world *world = begin(61);
	readings(world, spindle(world), 2);
	(void)device_reading(world, spindle(world), 25);
	size_t alarm = spindle(world)->sent_count;
	(void)device_critical(world, spindle(world), "fire"); /* on a connection of its own, which is slow */
	(void)device_reading(world, spindle(world), 25);
	for (int i = 0; i < 10; i++) {
		world_tick(world, 1000);
		device_read_and_send(world, spindle(world), 26);
	}
	assert_true(spindle(world)->acknowledged > spindle(world)->sent[alarm].seq);
	assert_int_equal(world->alarm_count, 0);
	for (int i = 0; i < 3; i++)
		device_send(world, spindle(world), &spindle(world)->sent[alarm]);
	assert_int_equal(world->alarm_count, 1);
	assert_true(world_settle(world));
	assert_int_equal(world_count(world, STATEMENT_CRITICAL), 1);
	/* A reading that comes so late is told as missing. */
	assert_int_equal(totals_of(world).refused[REFUSED_REPLAY] + totals_of(world).repeated > 0, 1);
	world_verify(world, true);
	end(world);
}

static void the_outbox_pushes_back_data_but_not_alarms(void **state)
{
	(void)state;
	struct edge_world *world = begin(7);
	edge_free(world->edge);
	world->config.outbox_max = 12;
	world_start(world, true);
	world_node(world, false);
	for (int i = 0; i < 30; i++) {
		device_resend(world, spindle(world));
		device_read_and_send(world, spindle(world), 22);
		world_tick(world, 5100);
	}
	uint64_t held = totals_of(world).outbox;
	assert_true(held >= 12 && held <= 14);
	assert_true(spindle(world)->acknowledged < spindle(world)->seq);
	assert_true(totals_of(world).refused[REFUSED_WAITING] > 0);
	device_send(world, fire(world), device_critical(world, fire(world), "fire"));
	assert_int_equal(world->alarm_count, 1);
	assert_true(world_settle(world));
	assert_int_equal(spindle(world)->acknowledged, spindle(world)->seq);
	world_verify(world, true);
	end(world);
}

static void only_registered_words_raise_alarms(void **state)
{
	(void)state;
	struct edge_world *world = begin(8);
	static const char *const wrong[] = {"flood", "fire power", "fir", "ire", "FIRE", "power door"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		device_send(world, spindle(world), device_critical(world, spindle(world), wrong[i]));
	assert_int_equal(world->alarm_count, 0);
	device_send(world, spindle(world), device_critical(world, spindle(world), "power"));
	assert_int_equal(world->alarm_count, 1);
	assert_string_equal(world->alarms[0].kind, "power");
	assert_string_equal(world->alarms[0].device, SPINDLE);
	end(world);
}

/* -- refusals -------------------------------------------------------------------------------------- */

static void forged_messages_are_told_and_kept_in_part(void **state)
{
	(void)state;
	struct edge_world *world = begin(9);
	char *large = memory_new(4001);
	memset(large, ' ', 4000);
	/* For a device that is quiet itself: what is kept must not fill the chunk in which its next reading needs room. */
	struct sent_message *message = device_message(world, spindle(world), SESSION_DATA, large);
	message->tag[3] ^= 1;
	for (int i = 0; i < 20000; i++)
		device_send(world, spindle(world), &spindle(world)->sent[spindle(world)->sent_count - 1]);
	spindle(world)->seq--;
	spindle(world)->oldest = spindle(world)->sent_count;
	readings(world, spindle(world), 3);
	assert_true(world_settle(world));
	assert_true(totals_of(world).chunk_bytes < 200000);
	assert_int_equal(totals_of(world).refused[REFUSED_FORGED], 20000);
	assert_int_equal(disturbances(world, DISTURBANCE_FORGED), 1);
	assert_int_equal(spindle(world)->acknowledged, spindle(world)->seq);
	free(large);
	end(world);
}

static void a_flood_is_told_ever_more_seldom(void **state)
{
	(void)state;
	struct edge_world *world = begin(10);
	struct sent_message *message = device_reading(world, spindle(world), 20);
	message->tag[0] ^= 1;
	for (int i = 0; i < 3600; i++) {
		device_send(world, spindle(world), &spindle(world)->sent[0]);
		world_tick(world, 1000);
		world_commit(world, SIZE_MAX);
		world_tell(world, SIZE_MAX);
	}
	/* After 0, 60, 180, 420, 900, 1860, 2820 s, not sixty times. */
	assert_in_range(disturbances(world, DISTURBANCE_FORGED), 6, 8);
	end(world);
}

static void strangers_take_no_memory(void **state)
{
	(void)state;
	struct edge_world *world = begin(11);
	for (int i = 0; i < 5000; i++) {
		char name[600];
		int size = snprintf(name, sizeof name, "dev:maker/%d", i);
		/* Longer than a name may be, with characters of two bytes, so that one is cut; and control characters. */
		for (; i % 3 == 0 && size < 500; size += 2)
			memcpy(name + size, i % 2 ? "\xc3\xa9" : "\x01\x02", 2);
		struct edge_event event = {.kind = EDGE_MESSAGE, .device = span_of(name, (size_t)size), .message = SESSION_DATA, .seq = 1, .bytes = text("{}")};
		world_step(world, &event);
		if (i % 50 == 0)
			world_tick(world, 100);
	}
	assert_true(world_settle(world));
	assert_int_equal(totals_of(world).refused[REFUSED_UNREGISTERED], 5000);
	size_t told = disturbances(world, DISTURBANCE_UNREGISTERED);
	assert_in_range(told, 2, 20);
	assert_int_equal(totals_of(world).refused_statements, 0);
	end(world);
}

static void an_authentic_message_that_is_too_large_is_malformed(void **state)
{
	(void)state;
	struct edge_world *world = begin(12);
	char *large = memory_new(EDGE_PAYLOAD_MAX + 2);
	memset(large, ' ', EDGE_PAYLOAD_MAX + 1);
	device_send(world, spindle(world), device_message(world, spindle(world), SESSION_DATA, large));
	assert_int_equal(totals_of(world).refused[REFUSED_MALFORMED], 1);
	assert_int_equal(totals_of(world).refused[REFUSED_FORGED], 0);
	free(large);
	end(world);
}

static void replays_are_told_and_harmless(void **state)
{
	(void)state;
	struct edge_world *world = begin(13);
	for (int i = 0; i < 30; i++) {
		readings(world, spindle(world), 1);
		world_tick(world, 500);
	}
	for (int i = 0; i < 5; i++)
		device_send(world, spindle(world), &spindle(world)->sent[i]);
	device_restart(spindle(world));
	readings(world, spindle(world), 2);
	struct sent_message *old = &spindle(world)->sent[29];
	device_send(world, spindle(world), old); /* newest of the boot before */
	assert_int_equal(totals_of(world).refused[REFUSED_REPLAY], 6);
	assert_true(world_settle(world));
	world_verify(world, true);
	assert_int_equal(disturbances(world, DISTURBANCE_REPLAY), 1);
	end(world);
}

/* -- alarms -------------------------------------------------------------------------------------- */

static enum status acknowledge(struct edge_world *world, const struct digest *id, const char *person, const char *comment, struct fault *fault)
{
	struct edge_event event = {.id = *id, .person = text(person), .text = text(comment)};
	const struct edge_actions *actions;
	world_event_fill(world, &event);
	enum status status = edge_acknowledge(world->edge, &event, &actions, fault);
	world_carry_out(world, actions);
	return status;
}

static void alarms_are_acknowledged_by_rule(void **state)
{
	(void)state;
	struct edge_world *world = begin(14);
	struct fault fault;
	char comment[300];
	memset(comment, 'x', sizeof comment - 1);
	comment[sizeof comment - 1] = '\0';
	device_send(world, fire(world), device_critical(world, fire(world), "fire"));
	assert_int_equal(edge_alarm_count(world->edge), 1);
	struct digest id = edge_alarm_at(world->edge, 0)->id, none = {{1}};
	assert_int_equal(acknowledge(world, &none, PERSON, "seen", &fault), E_NOT_FOUND);
	assert_int_equal(acknowledge(world, &id, "person:maker/nobody", "seen", &fault), E_UNKNOWN);
	assert_int_equal(acknowledge(world, &id, PERSON, "seen", &fault), E_BUSY);
	world_tick(world, 100);
	world_commit(world, SIZE_MAX);
	world_tell(world, SIZE_MAX);
	assert_int_equal(acknowledge(world, &id, PERSON, comment, &fault), E_LIMIT);
	assert_int_equal(acknowledge(world, &id, PERSON, "seen", &fault), OK);
	assert_int_equal(acknowledge(world, &id, PERSON, "seen", &fault), E_DUPLICATE);
	assert_int_equal(edge_alarm_state(edge_alarm_at(world->edge, 0)), ALARM_ACKED_ACTIVE);
	assert_true(world_settle(world));
	assert_int_equal(world_count(world, STATEMENT_ACK), 1);
	for (int i = 0; i < 70; i++)
		world_tick(world, 1000);
	assert_int_equal(edge_alarm_state(edge_alarm_at(world->edge, 0)), ALARM_CLEARED);
	/* It is all there again after a restart. */
	world_restart(world);
	assert_int_equal(edge_alarm_count(world->edge), 1);
	assert_string_equal(edge_alarm_at(world->edge, 0)->comment, "seen");
	end(world);
}

static void a_refused_acknowledgement_is_none(void **state)
{
	(void)state;
	struct edge_world *world = begin(15);
	struct fault fault;
	device_send(world, fire(world), device_critical(world, fire(world), "fire"));
	assert_true(world_settle(world));
	struct digest id = edge_alarm_at(world->edge, 0)->id;
	world->refuse[STATEMENT_ACK] = E_UNKNOWN;
	world->refuse_times[STATEMENT_ACK] = 1;
	assert_int_equal(acknowledge(world, &id, PERSON, "seen", &fault), OK);
	assert_true(world_settle(world));
	assert_int_equal(edge_alarm_at(world->edge, 0)->acked_ns, 0);
	assert_int_equal(acknowledge(world, &id, PERSON, "seen again", &fault), OK);
	/* The statement of this one is refused for good. */
	world->refuse[STATEMENT_CRITICAL] = E_FORBIDDEN;
	world->refuse_times[STATEMENT_CRITICAL] = 1;
	world_pass(world, 50);
	device_send(world, fire(world), device_critical(world, fire(world), "door"));
	assert_true(world_settle(world));
	assert_int_equal(edge_alarm_count(world->edge), 2);
	id = edge_alarm_at(world->edge, 1)->id;
	assert_int_equal(acknowledge(world, &id, PERSON, "seen", &fault), E_NOT_FOUND);
	assert_int_equal(world_count(world, STATEMENT_ACK), 1);
	end(world);
}

static void people_acknowledge_with_keys_of_their_own(void **state)
{
	(void)state;
	struct edge_world *world = begin(16);
	device_send(world, fire(world), device_critical(world, fire(world), "fire"));
	assert_true(world_settle(world));
	struct digest id = edge_alarm_at(world->edge, 0)->id;
	struct issuer person = {.name = PERSON, .key = world->person_key};
	world_issue(world, &person, STATEMENT_ACK, FIRE, BODY_OF(ack, &world->body, .target = id, .person = text(PERSON), .comment = text("on my way"), .time_ns = 5), &id, 1);
	world_tell(world, SIZE_MAX);
	assert_int_equal(edge_alarm_at(world->edge, 0)->acked_ns, 5);
	end(world);
}

/* A final disturbance of the gateway; each has another id, for its last byte is counted. */
static void final_disturbance(struct edge_world *world, struct buffer *bytes, unsigned number)
{
	memcpy(bytes->data + bytes->size - 4, &number, 4);
	struct edge_event event = {.kind = EDGE_FINAL, .bytes = buffer_span(bytes)};
	world_step(world, &event);
}

static void full_lists_forget_the_oldest(void **state)
{
	(void)state;
	struct edge_world *world = begin(17);
	struct issuer gateway = {.name = HALL, .key = world->gateway_key};
	struct buffer bytes = {0};
	struct digest first = {0};
	enum { ALARMS = 4096, MARKERS = 8192, MANY = 20000 };
	issue(&world->consortium, &gateway, STATEMENT_DISTURBANCE, text(SPINDLE),
		BODY_OF(disturbance, &world->body, .kind = DISTURBANCE_DRIFT, .diagnosis = DIAGNOSIS_SENSOR, .signal = text("temperature"), .time_ns = world->now_ns,
			.count = 1), NULL, 0, &bytes);
	for (unsigned i = 0; i < MANY; i++) {
		final_disturbance(world, &bytes, i);
		if (i == 0)
			first = edge_alarm_at(world->edge, 0)->id;
		assert_true(edge_alarm_count(world->edge) <= ALARMS && edge_marker_count(world->edge) <= MARKERS);
	}
	struct digest newest = sha256(buffer_span(&bytes));
	assert_true(digest_equal(&edge_alarm_at(world->edge, edge_alarm_count(world->edge) - 1)->id, &newest));
	assert_true(digest_equal(&edge_marker_at(world->edge, edge_marker_count(world->edge) - 1)->statement, &newest));
	struct fault fault;
	assert_int_equal(acknowledge(world, &first, PERSON, "", &fault), E_NOT_FOUND);
	assert_int_equal(acknowledge(world, &newest, PERSON, "", &fault), OK);
	world_tick(world, 6000); /* all clear at once: one action each, with numbers that exist */
	buffer_free(&bytes);
	end(world);
}

static void a_silent_machine_keeps_its_alarm(void **state)
{
	(void)state;
	struct edge_world *world = begin(18);
	for (int i = 0; i < 20; i++) {
		readings(world, spindle(world), 1);
		world_tick(world, 10);
	}
	for (int i = 0; i < 60; i++)
		world_tick(world, 1000);
	assert_true(edge_alarm_count(world->edge) >= 1);
	const struct edge_alarm *alarm = edge_alarm_at(world->edge, 0);
	assert_string_equal(alarm->kind, "silent");
	assert_int_equal(alarm->cleared_ns, 0);
	for (int i = 0; i < 5; i++) {
		readings(world, spindle(world), 1);
		world_tick(world, 10);
	}
	assert_true(edge_alarm_at(world->edge, 0)->cleared_ns != 0);
	end(world);
}

static void an_excursion_that_returns_at_once_is_told_when_it_lasts(void **state)
{
	(void)state;
	struct edge_world *world = begin(19);
	struct fake_device *device = spindle(world);
	for (int i = 0; i < 200; i++) {
		/* Out at 10 to 15 s, calm, and out for good from 60 s on: within the time in which it is not told again. */
		bool out = (i >= 10 && i < 15) || i >= 60;
		world_pass(world, 1000);
		device_read_and_send(world, device, out ? 95 : 20 + i % 3);
		world_tick(world, 5);
	}
	assert_true(world_settle(world));
	assert_int_equal(disturbances(world, DISTURBANCE_BOUNDS), 2);
	world_verify(world, true);
	end(world);
}

/* -- memory --------------------------------------------------------------------------------------- */

static void final_anchor(struct edge_world *world, struct body_anchor *anchor, struct issuer *gateway, struct buffer *bytes, uint64_t number)
{
	/* Signed once: what changes is only a part of the signature, for nobody looks at it here. The ranges change, too. */
	(void)gateway;
	(void)anchor;
	memcpy(bytes->data + bytes->size - 8, &number, 8);
	struct edge_event event = {.kind = EDGE_FINAL, .bytes = buffer_span(bytes)};
	world_step(world, &event);
}

static void years_of_chunks_take_bounded_memory(void **state)
{
	(void)state;
	struct edge_world *world = begin(20);
	struct issuer gateway = {.name = HALL, .key = world->gateway_key};
	struct buffer bytes = {0};
	struct body_anchor *anchor = memory_new(sizeof *anchor);
	*anchor = (struct body_anchor){.chunk = {{1}}, .root = {{2}}, .samples = 10, .size = 99, .wrangling = {{3}}, .firmware = {{4}}, .range_count = 4};
	for (size_t i = 0; i < 4; i++)
		anchor->ranges[i] = (struct body_range){.device = text(i % 2 ? SPINDLE : FIRE), .registration = {{5}}, .first_seq = 1, .last_seq = 9};
	buffer_clear(&world->body);
	body_anchor_encode(anchor, &world->body);
	issue(&world->consortium, &gateway, STATEMENT_ANCHOR, text("plant/hall"), buffer_span(&world->body), NULL, 0, &bytes);
	enum { DAY = 17280 };
	uint64_t number = 0;
	for (; number < 5 * DAY; number++)
		final_anchor(world, anchor, &gateway, &bytes, number);
	size_t before = mallinfo2().uordblks;
	for (; number < 10 * DAY; number++)
		final_anchor(world, anchor, &gateway, &bytes, number);
	size_t after = mallinfo2().uordblks;
	print_message("# memory after 5 days of one chunk every 5 s: %zu kB, after 10: %zu kB\n", before / 1024, after / 1024);
	assert_true(after < before + 300000);
	assert_int_equal(totals_of(world).anchored, number * 10);
	free(anchor);
	buffer_free(&bytes);
	end(world);
}

static void old_chunks_are_not_told_wrongly(void **state)
{
	(void)state;
	struct edge_world *world = begin(21);
	struct digest chunk;
	bool final = true;
	readings(world, spindle(world), 3);
	uint64_t seq = spindle(world)->seq;
	assert_false(edge_chunk_of(world->edge, 0, seq, &chunk));
	world_tick(world, 5100);
	assert_true(edge_chunk_of(world->edge, 0, seq, &chunk));
	struct digest anchor = edge_anchor_of(world->edge, &chunk, &final);
	assert_false(digest_is_zero(&anchor));
	assert_false(final);
	world_commit(world, SIZE_MAX);
	world_tell(world, SIZE_MAX);
	anchor = edge_anchor_of(world->edge, &chunk, &final);
	assert_true(final);
	world_restart(world);
	struct digest again;
	assert_true(edge_chunk_of(world->edge, 0, seq, &again));
	assert_true(digest_equal(&again, &chunk));
	assert_false(edge_chunk_of(world->edge, 0, seq + 1, &again));
	end(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readings_are_anchored_once),
		cmocka_unit_test(messages_without_samples_are_anchored_too),
		cmocka_unit_test(messages_are_not_cut_by_seals),
		cmocka_unit_test(gaps_are_counted_in_contiguous_ranges),
		cmocka_unit_test(a_crash_loses_nothing_acknowledged),
		cmocka_unit_test(critical_messages_in_numbers_survive_a_crash),
		cmocka_unit_test(critical_messages_do_not_wait_for_lost_numbers),
		cmocka_unit_test(a_critical_message_may_come_after_its_number_was_given_up),
		cmocka_unit_test(the_outbox_pushes_back_data_but_not_alarms),
		cmocka_unit_test(only_registered_words_raise_alarms),
		cmocka_unit_test(forged_messages_are_told_and_kept_in_part),
		cmocka_unit_test(a_flood_is_told_ever_more_seldom),
		cmocka_unit_test(strangers_take_no_memory),
		cmocka_unit_test(an_authentic_message_that_is_too_large_is_malformed),
		cmocka_unit_test(replays_are_told_and_harmless),
		cmocka_unit_test(alarms_are_acknowledged_by_rule),
		cmocka_unit_test(a_refused_acknowledgement_is_none),
		cmocka_unit_test(people_acknowledge_with_keys_of_their_own),
		cmocka_unit_test(full_lists_forget_the_oldest),
		cmocka_unit_test(a_silent_machine_keeps_its_alarm),
		cmocka_unit_test(an_excursion_that_returns_at_once_is_told_when_it_lasts),
		cmocka_unit_test(years_of_chunks_take_bounded_memory),
		cmocka_unit_test(old_chunks_are_not_told_wrongly),
	};
	return cmocka_run_group_tests_name("edge", tests, NULL, NULL);
}
