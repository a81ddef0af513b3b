/* The edge under a random world, from seeds: messages that are genuine, sent again, forged, replayed, malformed or lost;
 * ticks; a node and a broker that come and go; refusals; registrations that change; crashes at any action. What must hold in
 * every step is checked by the world, what must have come of it at the end.
 *
 * TALLY_SEEDS=N runs so many seeds, TALLY_SEED=S only that one. */
#include "edge_world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { SEEDS = 60, STEPS = 160 };

static const char *const names[] = {"dev:maker/spindle-1", "dev:maker/robot-1", "dev:maker/fire-1"};

static uint64_t draw(struct edge_world *world, uint64_t bound)
{
	return random_below(&world->random, bound);
}

static struct edge_world *begin(uint64_t seed)
{
	struct edge_world *world = memory_new(sizeof *world);
	world_begin(world, seed);
	world->lossy = true;
	world->config.seal_samples = 4 + draw(world, 400);
	world->config.release_step = 1 + draw(world, 30000);
	if (draw(world, 4) == 0)
		world->config.outbox_max = 6 + draw(world, 20);
	for (size_t i = 0; i < 3; i++)
		world_register(world, (struct device_wish){.name = names[i], .signals = i == 2 ? 0 : 1 + i, .critical = "fire door power", .commands = "stop"});
	for (size_t i = 0; i < 2; i++)
		world_bounds(world, names[i], 1, -5, 70);
	if (draw(world, 2))
		world_model(world, names[0], 1, 22);
	world_start(world, true);
	return world;
}

static double temperature(struct edge_world *world)
{
	/* Now and then beyond its bound, twice in a row. */
	return draw(world, 12) == 0 ? 80 + (double)draw(world, 100) / 7 : 20 + (double)draw(world, 50) / 10;
}

static void new_message(struct edge_world *world, struct fake_device *device)
{
	static const char *const bad[] = {"", "{", "[1,2]", "{\"t\":\"yesterday\",\"temperature\":1}", "\xff\xfe", "{\"event\":\"fire\"}"};
	static const char *const events[] = {"fire", "door", "power"};
	bool measures = device != &world->devices[2];
	struct sent_message *message;
	uint64_t what = draw(world, 12);
	if (what == 0)
		message = device_message(world, device, SESSION_DATA, bad[draw(world, 6)]);
	else if (what == 1 || !measures)
		message = device_critical(world, device, events[draw(world, 3)]);
	else if (what == 2)
		message = device_result(world, device, "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", true);
	else
		message = device_reading(world, device, temperature(world));
	if (draw(world, 10))
		device_send(world, device, message);
}

/* What somebody at the broker may do: tags, numbers, kinds, names and bytes that are not as they were sent. */
static void hostile_message(struct edge_world *world, struct fake_device *device)
{
	if (device->sent_count == 0)
		return;
	struct sent_message *message = &device->sent[draw(world, device->sent_count)];
	struct buffer payload = {0};
	buffer_append_span(&payload, buffer_span(&message->payload));
	struct edge_event event = {.kind = EDGE_MESSAGE, .device = text(device->name), .message = message->kind, .seq = message->seq};
	memcpy(event.tag, message->tag, sizeof event.tag);
	switch (draw(world, 6)) {
	case 0:
		break; /* a replay */
	case 1:
		event.tag[draw(world, sizeof event.tag)] ^= (uint8_t)(1 + draw(world, 255));
		break;
	case 2:
		event.seq += 1 + draw(world, 3);
		break;
	case 3:
		event.message = message->kind == SESSION_DATA ? SESSION_CRITICAL : SESSION_DATA;
		break;
	case 4:
		buffer_append_byte(&payload, ' ');
		break;
	default:
		event.device = text(draw(world, 2) ? "dev:maker/ghost" : names[draw(world, 3)]);
		break;
	}
	event.bytes = buffer_span(&payload);
	world_step(world, &event);
	buffer_free(&payload);
}

/* The ledger's side of it: what others do, and what is refused. */
static void somebody_acts(struct edge_world *world)
{
	size_t which = draw(world, 2);
	switch (draw(world, 7)) {
	case 0:
		world_bounds(world, names[which], ledger_entity(world->ledger, text(names[which]))->bounds_version + 1, -5, 60 + (int64_t)draw(world, 20));
		break;
	case 1:
		world_model(world, names[which], ledger_entity(world->ledger, text(names[which]))->model_version + 1, 20 + (int64_t)draw(world, 9));
		break;
	case 2:
		world_state(world, &world->regulator, HALL, ledger_entity(world->ledger, text(HALL))->state == DEVICE_ACTIVE ? DEVICE_SUSPENDED : DEVICE_ACTIVE);
		break;
	case 3: {
		static const enum status statuses[] = {E_BUSY, E_SEQUENCE, E_PARENT, E_IO, E_FORBIDDEN, E_MALFORMED};
		static const enum statement_type types[] = {STATEMENT_DISTURBANCE, STATEMENT_SERVICE, STATEMENT_MODEL, STATEMENT_RESULT};
		enum statement_type type = types[draw(world, 4)];
		world->refuse[type] = statuses[draw(world, 6)];
		world->refuse_times[type] = (unsigned)draw(world, 4);
		break;
	}
	case 4:
		/* Anchors and critical statements may be put off, but not refused for good: what was acknowledged depends on them. */
		world->refuse[STATEMENT_ANCHOR] = draw(world, 2) ? E_BUSY : E_SEQUENCE;
		world->refuse_times[STATEMENT_ANCHOR] = (unsigned)draw(world, 4);
		break;
	default:
		world_give(world, draw(world, 2) ? EDGE_BROKER_DOWN : EDGE_BROKER_UP);
		break;
	}
}

static void something(struct edge_world *world)
{
	struct fake_device *device = &world->devices[draw(world, 3)];
	uint64_t what = draw(world, 100);
	if (what < 40) {
		world_pass(world, 1 + (int64_t)draw(world, 1200));
		new_message(world, device);
	} else if (what < 52) {
		world_pass(world, 1500);
		device_resend(world, device);
	} else if (what < 60) {
		hostile_message(world, device);
	} else if (what < 78) {
		world_tick(world, draw(world, 5) ? 100 + (int64_t)draw(world, 900) : 6000);
	} else if (what < 90) {
		world_commit(world, draw(world, 6));
		world_tell(world, draw(world, 8));
	} else if (what < 93) {
		world_node(world, !world->node_up);
	} else if (what < 96) {
		somebody_acts(world);
	} else if (what < 97) {
		device_restart(device);
	} else if (what < 98) {
		world_flush(world);
	} else if (world->crash_in == 0) {
		world->crash_in = 1 + draw(world, 25);
	}
}

static void run(uint64_t seed)
{
	struct edge_world *world = begin(seed);
	for (int i = 0; i < STEPS; i++) {
		something(world);
		/* Killed, or the power went; and sometimes the node is away when it starts again. */
		if (world->crashed) {
			world_stop(world, draw(world, 2));
			world_start(world, draw(world, 5) != 0);
		}
	}
	world->crash_in = 0;
	world->lossy = false;
	memset(world->refuse_times, 0, sizeof world->refuse_times);
	if (ledger_entity(world->ledger, text(HALL))->state != DEVICE_ACTIVE)
		world_state(world, &world->regulator, HALL, DEVICE_ACTIVE);
	if (world->crashed)
		world_restart(world);
	if (!world_settle(world)) {
		struct edge_totals totals;
		edge_totals(world->edge, &totals);
		fprintf(stderr, "seed %" PRIu64 " does not come to rest: %" PRIu64 " statements wait, %zu pending\n", seed, totals.outbox, world->pending_count);
		abort();
	}
	world_verify(world, true);
	/* And once more, from its log and the ledger alone. */
	world_restart(world);
	if (!world_settle(world))
		abort();
	world_verify(world, true);
	world_end(world);
	free(world);
}

static void random_worlds_keep_the_promises(void **state)
{
	(void)state;
	const char *one = getenv("TALLY_SEED"), *many = getenv("TALLY_SEEDS");
	uint64_t first = one ? strtoull(one, NULL, 10) : 1, count = one ? 1 : many ? strtoull(many, NULL, 10) : SEEDS;
	for (uint64_t seed = first; seed < first + count; seed++) {
		/* A failed check aborts: this is then the last line. */
		fprintf(stderr, "\rseed %" PRIu64, seed);
		run(seed);
	}
	fputc('\n', stderr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_worlds_keep_the_promises),
	};
	return cmocka_run_group_tests_name("edge, random", tests, NULL, NULL);
}
