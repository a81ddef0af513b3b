/* A gateway's edge among fakes, for tests: a ledger that makes statements final in order and can refuse, a disk that forgets
 * what was not flushed, devices with keys that keep what is not acknowledged. Every step's actions are checked as they are
 * carried out; edge_world_verify looks at what came of it all. */
#ifndef TEST_EDGE_WORLD_H
#define TEST_EDGE_WORLD_H

#include "base/random.h"
#include "base/time.h"
#include "consortium.h"
#include "edge/edge.h"
#include "edge/payload.h"
#include "ledger/ledger.h"

#include <inttypes.h>
#include <math.h>

#define HALL "gw:maker/hall-1"
#define OTHER_HALL "gw:maker/hall-2"
#define PERSON "person:maker/engineer-1"

enum { WORLD_DEVICES_MAX = 260, WORLD_TEMPERATURE = 0, WORLD_SPEED = 1 };

/* What a device sent, for ever: the truth to compare with. */
struct sent_message {
	enum session_kind kind;
	uint64_t seq;
	struct buffer payload;
	uint8_t tag[SESSION_TAG_SIZE];
	bool good;                    /* can be read, or raises what it may */
	bool acknowledged;
	bool delivered;               /* intact, at least once */
	double value;
	int64_t time_ns;
};

struct fake_device {
	char name[STATEMENT_NAME_MAX + 1];
	struct digest registration;
	struct mac_key *up, *down;
	uint64_t seq;
	uint64_t acknowledged;
	struct sent_message *sent;
	size_t sent_count, sent_capacity;
	size_t oldest;                /* first that is not acknowledged */
};

struct fake_chunk {
	struct digest name;
	struct buffer bytes;
};

struct fake_command {
	char device[STATEMENT_NAME_MAX + 1];
	struct payload_command command;
	uint64_t seq;
};

struct fake_alarm {
	char device[STATEMENT_NAME_MAX + 1];
	char kind[32];
};

struct pending_statement {
	struct buffer bytes;
	struct digest id;
};

struct edge_world {
	struct consortium consortium;
	struct ledger *ledger;
	struct issuer maker, regulator;
	struct signing_key *gateway_key, *other_key, *person_key;
	struct unit_table *units;
	struct edge_config config;
	struct edge *edge;
	struct random random;
	int64_t now_ns, wall_ns;
	struct buffer body;
	/* The node. */
	bool node_up, lossy;
	struct buffer *finals;
	size_t final_count, final_capacity, given;
	struct pending_statement *pending;
	size_t pending_count, pending_capacity;
	enum status refuse[STATEMENT_TYPE_END]; /* answers instead of the ledger ... */
	unsigned refuse_times[STATEMENT_TYPE_END]; /* ... so many times */
	size_t submitted, duplicates_submitted;
	/* The disk. */
	struct buffer log;            /* from log_start on */
	uint64_t log_start;
	size_t flushed;
	struct fake_chunk *chunks;
	size_t chunk_count, chunk_capacity;
	struct map logged;            /* ids of statements in the log, ever */
	uint64_t released;
	/* The floor. */
	struct fake_device *devices;
	size_t device_count;
	struct fake_command *commands;
	size_t command_count, command_capacity;
	struct fake_alarm *alarms;
	size_t alarm_count, alarm_capacity;
	uint64_t alarm_actions, marker_actions;
	/* Crash when so many more actions were carried out; 0: never. */
	uint64_t crash_in;
	bool crashed;
	size_t restarts;
	bool mute;                    /* the local control unit does not answer */
	size_t steps;
};

static inline void world_fail(const char *what, int line)
{
	fprintf(stderr, "edge world, line %d: %s\n", line, what);
	abort();
}

#define MUST(condition)                                        \
	do {                                                   \
		if (!(condition))                              \
			world_fail(#condition, __LINE__);      \
	} while (0)

/* -- the ledger ----------------------------------------------------------------------------- */

static inline void world_final(struct edge_world *world, struct span bytes)
{
	ARRAY_GROW(world->finals, world->final_count, world->final_capacity);
	world->finals[world->final_count] = (struct buffer){0};
	buffer_append_span(&world->finals[world->final_count++], bytes);
}

static inline struct digest world_issue(struct edge_world *world, struct issuer *issuer, uint32_t type, const char *sub, struct span body,
	const struct digest *parents, size_t parent_count)
{
	struct buffer bytes = {0};
	struct statement statement;
	struct fault fault = {{0}};
	uint64_t index;
	struct digest id = issue(&world->consortium, issuer, type, text(sub), body, parents, parent_count, &bytes);
	MUST(statement_decode(buffer_span(&bytes), &statement, &fault) == OK);
	if (ledger_apply(world->ledger, &statement, true, &index, &fault) != OK)
		world_fail(fault.text, __LINE__);
	world_final(world, buffer_span(&bytes));
	buffer_free(&bytes);
	return id;
}

/* -- steps ------------------------------------------------------------------------------------ */

static inline struct fake_device *world_device(struct edge_world *world, struct span name)
{
	for (size_t i = 0; i < world->device_count; i++)
		if (span_is_text(name, world->devices[i].name))
			return &world->devices[i];
	return NULL;
}

static inline uint64_t world_log_end(const struct edge_world *world)
{
	return world->log_start + world->log.size;
}

static inline void world_append(struct edge_world *world, const struct edge_action *action)
{
	struct log_frame frame;
	size_t size;
	struct statement statement;
	MUST(action->position == world_log_end(world));
	MUST(log_frame_read(buffer_span(&action->bytes), action->position, &frame, &size) == OK && size == action->bytes.size);
	if (frame.kind == EDGE_FRAME_STATEMENT) {
		MUST(statement_decode(frame.bytes, &statement, NULL) == OK);
		map_put(&world->logged, digest_span(&statement.id), 1);
	}
	buffer_append_span(&world->log, buffer_span(&action->bytes));
}

static inline void world_outcome(struct edge_world *world, const struct digest *id, enum status status);

static inline void world_submit(struct edge_world *world, const struct edge_action *action)
{
	struct statement statement;
	struct fault fault = {{0}};
	bool verified;
	/* Nothing is submitted that a crash could forget. */
	MUST(map_get(&world->logged, digest_span(&action->digest), NULL));
	MUST(statement_decode(buffer_span(&action->bytes), &statement, NULL) == OK && digest_equal(&statement.id, &action->digest));
	MUST(world->node_up);
	MUST(body_check(statement.type, statement.body, &fault) == OK);
	world->flushed = world->log.size;
	world->submitted++;
	for (size_t i = 0; i < world->pending_count; i++) {
		if (!digest_equal(&world->pending[i].id, &statement.id))
			continue;
		world->duplicates_submitted++;
		return;
	}
	(void)verified;
	ARRAY_GROW(world->pending, world->pending_count, world->pending_capacity);
	world->pending[world->pending_count] = (struct pending_statement){.id = statement.id};
	buffer_append_span(&world->pending[world->pending_count++].bytes, buffer_span(&action->bytes));
}

static inline void world_acknowledged(struct edge_world *world, const struct edge_action *action)
{
	struct fake_device *device = world_device(world, text(action->device));
	uint8_t tag[SESSION_TAG_SIZE];
	char number[24];
	world->flushed = world->log.size;
	MUST(device);
	snprintf(number, sizeof number, "%" PRIu64, action->seq);
	MUST(span_is_text(buffer_span(&action->bytes), number));
	session_tag(device->down, SESSION_ACK, action->seq, buffer_span(&action->bytes), tag);
	if (memcmp(tag, action->tag, sizeof tag) != 0)
		return; /* of keys that were replaced: a real device does not listen to it */
	if (action->seq > device->acknowledged)
		device->acknowledged = action->seq;
	while (device->oldest < device->sent_count && device->sent[device->oldest].seq <= action->seq)
		device->sent[device->oldest++].acknowledged = true;
}

static inline void world_command(struct edge_world *world, const struct edge_action *action)
{
	struct fake_device *device = world_device(world, text(action->device));
	uint8_t tag[SESSION_TAG_SIZE];
	struct fault fault;
	struct digest id;
	uint64_t index;
	ARRAY_GROW(world->commands, world->command_count, world->command_capacity);
	struct fake_command *command = &world->commands[world->command_count++];
	*command = (struct fake_command){.seq = action->seq};
	snprintf(command->device, sizeof command->device, "%s", action->device);
	MUST(payload_command_read(buffer_span(&action->bytes), &command->command, &fault) == OK);
	MUST(device);
	session_tag(device->down, SESSION_COMMAND, action->seq, buffer_span(&action->bytes), tag);
	MUST(memcmp(tag, action->tag, sizeof tag) == 0);
	/* Nothing is commanded that not every organisation can see. */
	MUST(span_from_hex(text(command->command.command), id.bytes, DIGEST_SIZE));
	MUST(ledger_index_of(world->ledger, &id, &index) == OK);
}

static inline void world_chunk(struct edge_world *world, const struct edge_action *action)
{
	struct digest digest = sha256(buffer_span(&action->bytes));
	MUST(digest_equal(&digest, &action->digest));
	ARRAY_GROW(world->chunks, world->chunk_count, world->chunk_capacity);
	world->chunks[world->chunk_count] = (struct fake_chunk){.name = digest};
	buffer_append_span(&world->chunks[world->chunk_count++].bytes, buffer_span(&action->bytes));
}

static inline void world_release(struct edge_world *world, const struct edge_action *action)
{
	world->flushed = world->log.size;
	MUST(action->position <= world_log_end(world) && action->position >= world->released);
	world->released = action->position;
	/* As segments do: what goes is whole frames from the front, but not always all that may. */
	uint64_t keep = random_below(&world->random, 3) ? action->position : world->log_start;
	size_t at = 0;
	while (world->log_start + at < keep) {
		struct log_frame frame;
		size_t size;
		MUST(log_frame_read(span_of(world->log.data + at, world->log.size - at), world->log_start + at, &frame, &size) == OK);
		at += size;
		if (random_below(&world->random, 40) == 0)
			break;
	}
	buffer_consume(&world->log, at);
	world->log_start += at;
	world->flushed -= at;
}

static inline void world_step(struct edge_world *world, struct edge_event *event);

static inline void world_local_alarm(struct edge_world *world, const struct edge_action *action)
{
	ARRAY_GROW(world->alarms, world->alarm_count, world->alarm_capacity);
	struct fake_alarm *alarm = &world->alarms[world->alarm_count++];
	*alarm = (struct fake_alarm){0};
	snprintf(alarm->device, sizeof alarm->device, "%s", action->device);
	snprintf(alarm->kind, sizeof alarm->kind, "%s", action->text);
}

static inline void world_carry_out(struct edge_world *world, const struct edge_actions *actions)
{
	uint64_t *done = memory_new_array(actions->count + 1, sizeof *done);
	size_t done_count = 0;
	for (size_t i = 0; i < actions->count && !world->crashed; i++) {
		const struct edge_action *action = &actions->items[i];
		if (world->crash_in && --world->crash_in == 0) {
			world->crashed = true;
			break;
		}
		switch (action->kind) {
		case EDGE_LOCAL_ALARM:
			world_local_alarm(world, action);
			done[done_count++] = action->token;
			break;
		case EDGE_WRITE_CHUNK:
			world_chunk(world, action);
			break;
		case EDGE_APPEND:
			world_append(world, action);
			break;
		case EDGE_SUBMIT:
			world_submit(world, action);
			break;
		case EDGE_ACK:
			world_acknowledged(world, action);
			break;
		case EDGE_COMMAND:
			world_command(world, action);
			break;
		case EDGE_ALARM:
			MUST(action->token < edge_alarm_count(world->edge));
			world->alarm_actions++;
			break;
		case EDGE_MARKER:
			MUST(action->token < edge_marker_count(world->edge));
			world->marker_actions++;
			break;
		case EDGE_RELEASE:
			world_release(world, action);
			break;
		}
	}
	for (size_t i = 0; i < done_count && !world->crashed && !world->mute; i++) {
		struct edge_event event = {.kind = EDGE_CRITICAL_DONE, .token = done[i], .acted_ns = world->now_ns};
		world_step(world, &event);
	}
	free(done);
}

static inline void world_event_fill(struct edge_world *world, struct edge_event *event)
{
	event->now_ns = world->now_ns;
	event->wall_ns = world->wall_ns;
	for (size_t i = 0; i < sizeof event->randomness; i++)
		event->randomness[i] = (uint8_t)random_next(&world->random);
}

static inline void world_step(struct edge_world *world, struct edge_event *event)
{
	const struct edge_actions *actions;
	if (world->crashed)
		return;
	world->steps++;
	world_event_fill(world, event);
	edge_step(world->edge, event, &actions);
	/* The critical line: nothing before it. */
	for (size_t i = 1; event->kind == EDGE_MESSAGE && i < actions->count; i++)
		MUST(actions->items[i].kind != EDGE_LOCAL_ALARM);
	world_carry_out(world, actions);
}

static inline void world_give(struct edge_world *world, enum edge_event_kind kind)
{
	struct edge_event event = {.kind = kind};
	world_step(world, &event);
}

static inline void world_flush(struct edge_world *world)
{
	if (world->crashed)
		return;
	world->flushed = world->log.size;
	world_give(world, EDGE_FLUSHED);
}

static inline void world_pass(struct edge_world *world, int64_t ms)
{
	world->now_ns += ms * NS_PER_MS;
	world->wall_ns += ms * NS_PER_MS;
}

static inline void world_tick(struct edge_world *world, int64_t ms)
{
	world_pass(world, ms);
	world_give(world, EDGE_TICK);
	world_flush(world);
}

/* What is final and was not told yet. */
static inline void world_tell(struct edge_world *world, size_t most)
{
	bool told = world->given < world->final_count;
	for (size_t i = 0; i < most && world->node_up && world->given < world->final_count && !world->crashed; i++) {
		struct edge_event event = {.kind = EDGE_FINAL, .index = world->given, .commit_ms = world->now_ns / NS_PER_MS,
			.bytes = buffer_span(&world->finals[world->given])};
		world->given++;
		world_step(world, &event);
	}
	if (told && world->node_up && world->given == world->final_count && !world->crashed)
		world_give(world, EDGE_CAUGHT_UP);
}

static inline void world_outcome(struct edge_world *world, const struct digest *id, enum status status)
{
	struct edge_event event = {.kind = EDGE_OUTCOME, .id = *id, .status = status, .text = text("as told")};
	if (world->node_up && !world->crashed && !(world->lossy && random_below(&world->random, 8) == 0))
		world_step(world, &event);
}

/* The node's own judgement of one statement. */
static inline enum status world_judge(struct edge_world *world, const struct statement *statement, struct span bytes)
{
	struct fault fault = {{0}};
	uint64_t index;
	if (world->refuse_times[statement->type]) {
		world->refuse_times[statement->type]--;
		return world->refuse[statement->type];
	}
	enum status status = ledger_apply(world->ledger, statement, false, &index, &fault);
	if (status == OK)
		world_final(world, bytes);
	return status;
}

/* Make up to `most` pending statements final, or refuse them. */
static inline void world_commit(struct edge_world *world, size_t most)
{
	for (size_t i = 0; i < most && world->pending_count; i++) {
		struct pending_statement first = world->pending[0];
		struct statement statement;
		memmove(world->pending, world->pending + 1, --world->pending_count * sizeof *world->pending);
		MUST(statement_decode(buffer_span(&first.bytes), &statement, NULL) == OK);
		enum status status = world_judge(world, &statement, buffer_span(&first.bytes));
		world_outcome(world, &first.id, status);
		buffer_free(&first.bytes);
	}
}

static inline void world_node(struct edge_world *world, bool up)
{
	if (up == world->node_up)
		return;
	world->node_up = up;
	world_give(world, up ? EDGE_NODE_UP : EDGE_NODE_DOWN);
	if (!up && world->lossy)
		while (world->pending_count && random_below(&world->random, 2))
			buffer_free(&world->pending[--world->pending_count].bytes);
}

static inline void world_start(struct edge_world *world, bool with_node)
{
	world->edge = edge_new(&world->config);
	world->crashed = false;
	world->given = 0;
	world->node_up = false;
	for (size_t at = 0; at < world->log.size;) {
		struct log_frame frame;
		size_t size;
		const struct edge_actions *actions;
		MUST(log_frame_read(span_of(world->log.data + at, world->log.size - at), world->log_start + at, &frame, &size) == OK);
		struct edge_event event = {.kind = EDGE_RECOVERED, .frame_kind = frame.kind, .position = frame.position, .bytes = frame.bytes};
		world_event_fill(world, &event);
		edge_step(world->edge, &event, &actions);
		for (size_t i = 0; i < actions->count; i++)
			MUST(actions->items[i].kind == EDGE_ALARM || actions->items[i].kind == EDGE_MARKER);
		at += size;
	}
	struct edge_event event = {.kind = EDGE_START, .position = world_log_end(world)};
	world_step(world, &event);
	world_give(world, EDGE_BROKER_UP);
	if (!with_node)
		return;
	world_node(world, true);
	world_tell(world, SIZE_MAX);
}

/* kill -9, or a power cut: what was not flushed may be gone, from some frame on. */
static inline void world_stop(struct edge_world *world, bool power_cut)
{
	edge_free(world->edge);
	world->edge = NULL;
	size_t keep = world->log.size;
	if (power_cut) {
		keep = world->flushed;
		while (keep < world->log.size && random_below(&world->random, 2)) {
			struct log_frame frame;
			size_t size;
			MUST(log_frame_read(span_of(world->log.data + keep, world->log.size - keep), world->log_start + keep, &frame, &size) == OK);
			keep += size;
		}
	}
	world->log.size = keep;
	world->flushed = keep;
	for (size_t i = 0; i < world->pending_count; i++)
		if (world->lossy && random_below(&world->random, 2)) {
			buffer_free(&world->pending[i].bytes);
			memmove(world->pending + i, world->pending + i + 1, (--world->pending_count - i) * sizeof *world->pending);
			i--;
		}
	world->restarts++;
}

static inline void world_restart(struct edge_world *world)
{
	world_stop(world, true);
	world->crash_in = 0;
	world_start(world, true);
}

/* -- devices --------------------------------------------------------------------------------- */

struct device_wish {
	const char *name;
	const char *gateway;
	size_t signals;               /* 0..2: temperature, speed */
	const char *critical, *commands;
	const char *unit;             /* of the temperature; NULL: Cel */
	uint32_t stuck_count;
};

static inline struct mac_key *world_key(const struct edge_world *world, const struct fake_device *device, enum session_direction direction)
{
	uint8_t key[SESSION_KEY_SIZE];
	session_key_derive(world->config.secret, &device->registration, text(device->name), direction, key);
	return mac_key_new(span_of(key, sizeof key));
}

static inline void world_provision(struct edge_world *world, struct fake_device *device)
{
	mac_key_free(device->up);
	mac_key_free(device->down);
	device->up = world_key(world, device, SESSION_UP);
	device->down = world_key(world, device, SESSION_DOWN);
}

static inline struct digest world_register(struct edge_world *world, struct device_wish wish)
{
	const char *unit = wish.unit ? wish.unit : "Cel";
	struct body_device *body = memory_new(sizeof *body);
	*body = (struct body_device){.kind = DEVICE_MACHINE, .model = text("S-1"), .gateway = text(wish.gateway ? wish.gateway : HALL), .firmware = {{8}},
		.format = wish.signals ? FORMAT_JSON : FORMAT_NONE, .site = text("plant/hall/line"), .critical = text(wish.critical ? wish.critical : ""),
		.commands = text(wish.commands ? wish.commands : ""), .signal_count = wish.signals};
	body->signals[0] = (struct body_signal){.id = text("temperature"), .field = text("temperature"), .raw_unit = text(unit), .unit = text(unit),
		.period_ms = 1000, .stuck_count = wish.stuck_count};
	body->signals[1] = (struct body_signal){.id = text("speed"), .field = text("speed"), .raw_unit = text("/min"), .unit = text("/min"), .period_ms = 1000};
	buffer_clear(&world->body);
	body_device_encode(body, &world->body);
	free(body);
	struct digest id = world_issue(world, &world->maker, STATEMENT_DEVICE, wish.name, buffer_span(&world->body), NULL, 0);
	struct fake_device *device = world_device(world, text(wish.name));
	if (!device) {
		MUST(world->device_count < WORLD_DEVICES_MAX);
		device = &world->devices[world->device_count++];
		snprintf(device->name, sizeof device->name, "%s", wish.name);
		device->seq = UINT64_C(1) << 32;
	}
	device->registration = id;
	world_provision(world, device);
	return id;
}

static inline struct digest world_bounds(struct edge_world *world, const char *device, uint64_t version, int64_t low, int64_t high)
{
	struct digest parent = world_device(world, text(device))->registration;
	return world_issue(world, &world->maker, STATEMENT_BOUNDS, device,
		BODY_OF(bounds, &world->body, .version = version, .bounds = {{.signal = text("temperature"), .unit = text("Cel"), .low = {low, 0}, .high = {high, 0},
			.deadline_ms = 20000}}, .bound_count = 1, .source = text("maker's manual")), &parent, 1);
}

static inline struct digest world_model(struct edge_world *world, const char *device, uint64_t version, int64_t offset)
{
	struct digest parent = world_device(world, text(device))->registration;
	return world_issue(world, &world->maker, STATEMENT_MODEL, device,
		BODY_OF(model, &world->body, .version = version, .kind = text("first-order"), .parameters = {{text("temperature.offset"), {offset, 0}},
			{text("temperature.sigma"), {5, -1}}}, .parameter_count = 2, .reason = text("commissioning")), &parent, 1);
}

static inline struct digest world_state(struct edge_world *world, struct issuer *issuer, const char *device, enum device_state state)
{
	return world_issue(world, issuer, STATEMENT_DEVICE_STATE, device, BODY_OF(device_state, &world->body, .state = state, .reason = text("test")), NULL, 0);
}

/* Number, tag and keep a message. */
static inline struct sent_message *device_message(struct edge_world *world, struct fake_device *device, enum session_kind kind, const char *payload)
{
	ARRAY_GROW(device->sent, device->sent_count, device->sent_capacity);
	struct sent_message *message = &device->sent[device->sent_count++];
	*message = (struct sent_message){.kind = kind, .seq = ++device->seq, .value = NAN, .time_ns = world->now_ns};
	buffer_append_text(&message->payload, payload);
	session_tag(device->up, kind, message->seq, buffer_span(&message->payload), message->tag);
	return message;
}

static inline struct sent_message *device_reading(struct edge_world *world, struct fake_device *device, double temperature)
{
	char payload[160];
	snprintf(payload, sizeof payload, "{\"t\":%" PRId64 ",\"temperature\":%.17g,\"speed\":%u}", world->now_ns / NS_PER_MS, temperature,
		1000 + (unsigned)(device->seq % 7));
	struct sent_message *message = device_message(world, device, SESSION_DATA, payload);
	message->good = true;
	message->value = temperature;
	return message;
}

static inline struct sent_message *device_critical(struct edge_world *world, struct fake_device *device, const char *event)
{
	char payload[160];
	snprintf(payload, sizeof payload, "{\"event\":\"%s\",\"t\":%" PRId64 ",\"detail\":\"no %" PRIu64 "\"}", event, world->now_ns / NS_PER_MS, device->seq + 1);
	struct sent_message *message = device_message(world, device, SESSION_CRITICAL, payload);
	message->good = true;
	message->time_ns = world->now_ns / NS_PER_MS * NS_PER_MS;
	return message;
}

static inline struct sent_message *device_result(struct edge_world *world, struct fake_device *device, const char *command, bool done)
{
	char payload[260];
	snprintf(payload, sizeof payload, "{\"command\":\"%s\",\"done\":%s,\"detail\":\"as told\",\"t\":%" PRId64 "}", command, done ? "true" : "false",
		world->now_ns / NS_PER_MS);
	return device_message(world, device, SESSION_RESULT, payload);
}

static inline void device_send(struct edge_world *world, const struct fake_device *device, struct sent_message *message)
{
	struct edge_event event = {.kind = EDGE_MESSAGE, .device = text(device->name), .message = message->kind, .seq = message->seq,
		.bytes = buffer_span(&message->payload)};
	memcpy(event.tag, message->tag, sizeof event.tag);
	world_step(world, &event);
	message->delivered = message->delivered || !world->crashed;
}

/* All that is not acknowledged, in order. */
static inline void device_resend(struct edge_world *world, struct fake_device *device)
{
	size_t until = device->sent_count;
	for (size_t i = device->oldest; i < until && !world->crashed; i++)
		device_send(world, device, &device->sent[i]);
}

static inline void device_read_and_send(struct edge_world *world, struct fake_device *device, double temperature)
{
	device_send(world, device, device_reading(world, device, temperature));
}

static inline void device_restart(struct fake_device *device)
{
	device->seq = ((device->seq >> 32) + 1) << 32;
	/* What it kept was in its memory. */
	device->oldest = device->sent_count;
}

/* -- beginning and end ------------------------------------------------------------------------- */

static inline void world_begin(struct edge_world *world, uint64_t seed)
{
	struct fault fault = {{0}};
	*world = (struct edge_world){.random = random_of(seed), .now_ns = INT64_C(1767225600) * NS_PER_S, .wall_ns = 1000 * NS_PER_S};
	world->devices = memory_new_array(WORLD_DEVICES_MAX, sizeof *world->devices);
	consortium_found(&world->consortium, 4);
	world->ledger = ledger_new(&world->consortium.genesis);
	for (size_t i = 0; i < 4; i++)
		world_final(world, world->consortium.genesis.members[i].statement);
	world->maker = organisation(&world->consortium, 0);
	world->regulator = organisation(&world->consortium, 2);
	world->gateway_key = key_of(900);
	world->other_key = key_of(902);
	world->person_key = key_of(901);
	if (unit_table_new(&world->units, &fault) != OK)
		world_fail(fault.text, __LINE__);
	world->config = (struct edge_config){.gateway = text(HALL), .site = text("plant/hall"), .key = world->gateway_key, .units = world->units,
		.seal_ms = 5000, .seal_samples = 500000, .firmware = {{7}}};
	memcpy(world->config.network, world->consortium.genesis.network, NETWORK_ID_SIZE);
	memset(world->config.secret, 0x5a, sizeof world->config.secret);
	world_issue(world, &world->maker, STATEMENT_DEVICE, HALL, gateway_body(&world->body, signing_key_public(world->gateway_key), 77), NULL, 0);
	world_issue(world, &world->maker, STATEMENT_DEVICE, OTHER_HALL, gateway_body(&world->body, signing_key_public(world->other_key), 78), NULL, 0);
	world_issue(world, &world->maker, STATEMENT_PERSON, PERSON,
		BODY_OF(person, &world->body, .role = text("engineer"), .key = *signing_key_public(world->person_key)), NULL, 0);
}

static inline void world_end(struct edge_world *world)
{
	edge_free(world->edge);
	for (size_t i = 0; i < world->device_count; i++) {
		struct fake_device *device = &world->devices[i];
		mac_key_free(device->up);
		mac_key_free(device->down);
		for (size_t m = 0; m < device->sent_count; m++)
			buffer_free(&device->sent[m].payload);
		free(device->sent);
	}
	for (size_t i = 0; i < world->final_count; i++)
		buffer_free(&world->finals[i]);
	for (size_t i = 0; i < world->pending_count; i++)
		buffer_free(&world->pending[i].bytes);
	for (size_t i = 0; i < world->chunk_count; i++)
		buffer_free(&world->chunks[i].bytes);
	free(world->devices);
	free(world->finals);
	free(world->pending);
	free(world->chunks);
	free(world->commands);
	free(world->alarms);
	map_free(&world->logged);
	buffer_free(&world->log);
	buffer_free(&world->body);
	ledger_free(world->ledger);
	unit_table_free(world->units);
	signing_key_free(world->gateway_key);
	signing_key_free(world->other_key);
	signing_key_free(world->person_key);
	consortium_free(&world->consortium);
}

static inline uint64_t world_outbox(const struct edge_world *world)
{
	struct edge_totals totals;
	edge_totals(world->edge, &totals);
	return totals.outbox;
}

/* Ticks, commits and resending until nothing waits any more. False: it does not come to rest. */
static inline bool world_settle(struct edge_world *world)
{
	world_node(world, true);
	world_give(world, EDGE_BROKER_UP);
	for (int quiet = 0, i = 0; i < 400; i++) {
		for (size_t d = 0; i % 3 == 0 && d < world->device_count; d++)
			device_resend(world, &world->devices[d]);
		world_tick(world, 1700);
		world_commit(world, SIZE_MAX);
		world_tell(world, SIZE_MAX);
		bool kept = false;
		for (size_t d = 0; d < world->device_count; d++)
			kept = kept || world->devices[d].oldest < world->devices[d].sent_count;
		/* Silence is found out after a while; sealing takes five seconds more. */
		quiet = world_outbox(world) == 0 && !kept ? quiet + 1 : 0;
		if (quiet > 12)
			return true;
	}
	return false;
}

/* -- what came of it ---------------------------------------------------------------------------- */

static inline struct chunk *world_chunk_open(const struct edge_world *world, const struct digest *name)
{
	struct fault fault = {{0}};
	struct chunk *chunk = NULL;
	for (size_t i = world->chunk_count; i-- > 0;) {
		if (!digest_equal(&world->chunks[i].name, name))
			continue;
		if (chunk_open(buffer_span(&world->chunks[i].bytes), &chunk, &fault) != OK)
			world_fail(fault.text, __LINE__);
		return chunk;
	}
	world_fail("an anchor names a chunk that was never written", __LINE__);
	return NULL;
}

/* The next final statement of the gateway of this type, from *at on. */
static inline bool world_next(const struct edge_world *world, size_t *at, uint32_t type, struct statement *statement)
{
	while (*at < world->final_count) {
		MUST(statement_decode(buffer_span(&world->finals[(*at)++]), statement, NULL) == OK);
		if (statement->type == type && span_is_text(statement->iss, HALL))
			return true;
	}
	return false;
}

static inline size_t world_count(const struct edge_world *world, uint32_t type)
{
	struct statement statement;
	size_t at = 0, count = 0;
	while (world_next(world, &at, type, &statement))
		count++;
	return count;
}

static inline struct sent_message *world_sent(struct fake_device *device, uint64_t seq)
{
	for (size_t i = 0; i < device->sent_count; i++)
		if (device->sent[i].seq == seq)
			return &device->sent[i];
	return NULL;
}

static inline void world_verify_anchor(struct edge_world *world, const struct body_anchor *anchor)
{
	struct chunk *chunk = world_chunk_open(world, &anchor->chunk);
	struct chunk_summary summary;
	chunk_summary(chunk, &summary);
	MUST(digest_equal(&summary.root, &anchor->root) && summary.samples == anchor->samples);
	uint64_t samples = 0;
	for (size_t i = 0; i < anchor->range_count; i++)
		samples += anchor->ranges[i].samples;
	MUST(samples == anchor->samples);
	for (uint64_t leaf = 0; leaf < summary.samples; leaf++) {
		struct sample sample;
		MUST(chunk_sample(chunk, leaf, &sample) == OK);
		bool ranged = false;
		for (size_t i = 0; i < anchor->range_count; i++)
			ranged = ranged || (span_equal(sample.device, anchor->ranges[i].device) && sample.seq >= anchor->ranges[i].first_seq &&
				sample.seq <= anchor->ranges[i].last_seq);
		MUST(ranged);
		struct fake_device *device = world_device(world, sample.device);
		struct sent_message *message = device ? world_sent(device, sample.seq) : NULL;
		MUST(message && message->kind == SESSION_DATA);
		if (message->good && span_is_text(sample.channel->id, "temperature"))
			MUST(sample.raw == message->value);
	}
	chunk_free(chunk);
}

/* In how many anchored ranges is this number? missing: were numbers given up in it? */
static inline size_t world_ranges_of(const struct fake_device *device, uint64_t seq, const struct body_anchor *anchors, size_t count, bool *missing)
{
	size_t found = 0;
	*missing = false;
	for (size_t a = 0; a < count; a++)
		for (size_t i = 0; i < anchors[a].range_count; i++) {
			const struct body_range *range = &anchors[a].ranges[i];
			if (!span_is_text(range->device, device->name) || seq < range->first_seq || seq > range->last_seq)
				continue;
			found++;
			*missing = *missing || range->missing > 0;
		}
	return found;
}

/* Ranges of a device follow each other without a gap and without overlap, in the order of the ledger. */
static inline void world_verify_ranges(const struct fake_device *device, const struct body_anchor *anchors, size_t count)
{
	uint64_t last = 0;
	for (size_t a = 0; a < count; a++)
		for (size_t i = 0; i < anchors[a].range_count; i++) {
			const struct body_range *range = &anchors[a].ranges[i];
			if (!span_is_text(range->device, device->name))
				continue;
			bool boot = range->first_seq >> 32 > last >> 32;
			MUST(range->first_seq <= range->last_seq && range->missing <= range->last_seq);
			MUST(boot ? (uint32_t)range->first_seq <= 1 : range->first_seq == last + 1);
			last = range->last_seq;
		}
}

static inline bool world_is_sampled(struct edge_world *world, const struct fake_device *device, uint64_t seq, const struct body_anchor *anchors, size_t count)
{
	for (size_t a = 0; a < count; a++)
		for (size_t i = 0; i < anchors[a].range_count; i++) {
			uint64_t leaf;
			if (!span_is_text(anchors[a].ranges[i].device, device->name) || seq < anchors[a].ranges[i].first_seq || seq > anchors[a].ranges[i].last_seq)
				continue;
			struct chunk *chunk = world_chunk_open(world, &anchors[a].chunk);
			bool found = chunk_find(chunk, text(device->name), text("temperature"), seq, &leaf) == OK;
			chunk_free(chunk);
			return found;
		}
	return false;
}

static inline bool world_has_critical(const struct edge_world *world, const struct fake_device *device, int64_t time_ns)
{
	struct statement statement;
	struct body_critical body;
	for (size_t at = 0; world_next(world, &at, STATEMENT_CRITICAL, &statement);)
		if (span_is_text(statement.sub, device->name) && body_critical_decode(statement.body, &body, NULL) == OK && body.time_ns == time_ns)
			return true;
	return false;
}

static inline void world_verify_disturbances(const struct edge_world *world)
{
	struct statement statement;
	for (size_t at = 0; world_next(world, &at, STATEMENT_DISTURBANCE, &statement);) {
		struct body_disturbance body;
		struct sample sample;
		uint64_t leaf;
		MUST(body_disturbance_decode(statement.body, &body, NULL) == OK);
		if (digest_is_zero(&body.chunk) || body.signal.size == 0)
			continue;
		struct chunk *chunk = world_chunk_open(world, &body.chunk);
		/* If the reading is in the chunk that is cited, the leaf is that reading. */
		if (chunk_find(chunk, statement.sub, body.signal, body.seq, &leaf) == OK && body.kind != DISTURBANCE_SILENT) {
			MUST(chunk_sample(chunk, body.leaf, &sample) == OK);
			MUST(span_equal(sample.device, statement.sub) && span_equal(sample.channel->id, body.signal) && sample.seq == body.seq);
			if (body.kind == DISTURBANCE_BOUNDS)
				MUST(fabs(decimal_value(body.value) - sample.value) <= 1e-9 * fabs(sample.value) + 1e-12);
		}
		chunk_free(chunk);
	}
}

/* sampled: every accepted reading must be in the chunk, too (not when registrations changed under way). */
static inline void world_verify(struct edge_world *world, bool sampled)
{
	size_t count = world_count(world, STATEMENT_ANCHOR), at = 0, a = 0;
	struct body_anchor *anchors = memory_new_array(count, sizeof *anchors);
	struct statement statement;
	while (world_next(world, &at, STATEMENT_ANCHOR, &statement))
		MUST(body_anchor_decode(statement.body, &anchors[a++], NULL) == OK);
	for (a = 0; a < count; a++)
		world_verify_anchor(world, &anchors[a]);
	for (size_t d = 0; d < world->device_count; d++) {
		struct fake_device *device = &world->devices[d];
		world_verify_ranges(device, anchors, count);
		for (size_t m = 0; m < device->sent_count; m++) {
			struct sent_message *message = &device->sent[m];
			if (!message->acknowledged)
				continue;
			bool missing;
			size_t ranges = world_ranges_of(device, message->seq, anchors, count, &missing);
			if (ranges != 1)
				fprintf(stderr, "%s %" PRIx64 ": in %zu ranges\n", device->name, message->seq, ranges);
			MUST(ranges == 1);
			/* Numbers that the gateway gave up are told as missing, and as such acknowledged. */
			if (sampled && message->kind == SESSION_DATA && message->good && !missing)
				MUST(world_is_sampled(world, device, message->seq, anchors, count));
			if (message->kind == SESSION_CRITICAL && message->good && message->delivered && !missing && !world_has_critical(world, device, message->time_ns))
				fprintf(stderr, "%s %" PRIx64 " at %" PRId64 ": no critical statement (%zu there are)\n", device->name, message->seq, message->time_ns, world_count(world, STATEMENT_CRITICAL));
			if (message->kind == SESSION_CRITICAL && message->good && message->delivered && !missing)
				MUST(world_has_critical(world, device, message->time_ns));
		}
	}
	free(anchors);
	world_verify_disturbances(world);
}

#endif
