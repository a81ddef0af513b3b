/* The edge driven by arbitrary bytes: messages with valid tags over arbitrary payloads and numbers, and with none; frames of the
 * own log, arbitrary and of statements in any order; finals and outcomes; registrations that change; restarts from what was
 * appended. Whatever comes: no crash, frames at their positions, numbers of alarms that exist. */
#include "base/time.h"
#include "edge/edge.h"

#include <stdlib.h>

#define HALL "gw:maker/hall-1"

/* Beside the events of the edge. */
#define ACKNOWLEDGE ((enum edge_event_kind)99)

enum { DEVICES = 3, ISSUED = 14, RECOVERABLE_TYPES = 6, RECOVERABLE_SEQS = 6, PENDING_MAX = 64, LOG_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[DEVICES] = {"dev:maker/spindle-1", "dev:maker/robot-1", "dev:maker/fire-1"};

/* Made once: signing is dear. */
struct stock {
	struct signing_key *key;
	struct unit_table *units;
	struct edge_config config;
	struct buffer issued[ISSUED];
	struct buffer recoverable[RECOVERABLE_TYPES * RECOVERABLE_SEQS];
	struct mac_key *keys[DEVICES];
};

struct fuzz {
	struct stock *stock;
	struct edge *edge;
	struct reader in;
	struct buffer log;
	uint64_t log_start, seqs[DEVICES], tokens[8], token_count;
	struct buffer pending[PENDING_MAX];
	size_t pending_count;
	int64_t now_ns, wall_ns;
	unsigned steps;
};

static struct digest make(struct stock *stock, const char *iss, uint32_t type, uint64_t seq, const char *sub, struct buffer *body, const struct digest *parent,
	struct buffer *out)
{
	struct digest id, prev = {{(uint8_t)seq, 1}};
	struct statement statement = {.type = type, .seq = seq, .iss = span_of_text(iss), .sub = span_of_text(sub), .iat = 1767225600, .body = buffer_span(body),
		.class = CLASS_CONSORTIUM};
	if (seq > 1)
		statement.prev = prev;
	if (parent)
		statement.parents[statement.parent_count++] = *parent;
	CHECK(statement_sign(&statement, stock->key, NULL, out, &id) == OK);
	buffer_clear(body);
	return id;
}

static void device_body(struct buffer *out, size_t signals, const char *gateway)
{
	struct body_device *body = memory_new(sizeof *body);
	*body = (struct body_device){.kind = DEVICE_MACHINE, .model = span_of_text("S-1"), .gateway = span_of_text(gateway), .firmware = {{8}},
		.format = signals ? FORMAT_JSON : FORMAT_NONE, .critical = span_of_text("fire door"), .commands = span_of_text("stop"), .signal_count = signals};
	static const char *const ids[] = {"temperature", "speed", "load"};
	for (size_t i = 0; i < signals; i++)
		body->signals[i] = (struct body_signal){.id = span_of_text(ids[i]), .field = span_of_text(ids[i]), .raw_unit = span_of_text("1"),
			.unit = span_of_text("1"), .period_ms = 1000, .stuck_count = i ? 0 : 4};
	body_device_encode(body, out);
	free(body);
}

static void bounds_body(struct buffer *out, const char *signal)
{
	struct body_bounds *body = memory_new(sizeof *body);
	*body = (struct body_bounds){.version = 1, .bound_count = 1};
	body->bounds[0] = (struct body_bound){.signal = span_of_text(signal), .unit = span_of_text("1"), .low = {-5, 0}, .high = {70, 0}, .deadline_ms = 3000};
	body_bounds_encode(body, out);
	free(body);
}

static void model_body(struct buffer *out)
{
	struct body_model *body = memory_new(sizeof *body);
	*body = (struct body_model){.version = 1, .kind = span_of_text("first-order"), .parameter_count = 2};
	body->parameters[0] = (struct body_parameter){span_of_text("temperature.offset"), {20, 0}};
	body->parameters[1] = (struct body_parameter){span_of_text("temperature.sigma"), {1, 0}};
	body_model_encode(body, out);
	free(body);
}

static void issued_make(struct stock *stock)
{
	struct buffer body = {0};
	struct digest ids[DEVICES];
	for (size_t i = 0; i < DEVICES; i++) {
		uint8_t key[SESSION_KEY_SIZE];
		device_body(&body, i == 2 ? 0 : 1 + i, HALL);
		ids[i] = make(stock, "org:maker", STATEMENT_DEVICE, 2, names[i], &body, NULL, &stock->issued[i]);
		session_key_derive(stock->config.secret, &ids[i], span_of_text(names[i]), SESSION_UP, key);
		stock->keys[i] = mac_key_new(span_of(key, sizeof key));
	}
	bounds_body(&body, "temperature");
	make(stock, "org:maker", STATEMENT_BOUNDS, 5, names[0], &body, NULL, &stock->issued[3]);
	bounds_body(&body, "torque");
	make(stock, "org:maker", STATEMENT_BOUNDS, 6, names[1], &body, NULL, &stock->issued[4]);
	model_body(&body);
	make(stock, "org:maker", STATEMENT_MODEL, 7, names[0], &body, NULL, &stock->issued[5]);
	for (uint32_t state = DEVICE_ACTIVE; state <= DEVICE_REVOKED; state++) {
		body_device_state_encode(&(struct body_device_state){.state = state}, &body);
		make(stock, "org:maker", STATEMENT_DEVICE_STATE, 8, names[state % DEVICES], &body, NULL, &stock->issued[5 + state]);
	}
	device_body(&body, 3, HALL);
	make(stock, "org:maker", STATEMENT_DEVICE, 9, names[0], &body, NULL, &stock->issued[9]);
	device_body(&body, 0, HALL);
	make(stock, "org:maker", STATEMENT_DEVICE, 10, names[0], &body, NULL, &stock->issued[10]);
	device_body(&body, 2, "gw:maker/hall-2");
	make(stock, "org:maker", STATEMENT_DEVICE, 11, names[1], &body, NULL, &stock->issued[11]);
	body_person_encode(&(struct body_person){.role = span_of_text("engineer"), .key = *signing_key_public(stock->key)}, &body);
	make(stock, "org:maker", STATEMENT_PERSON, 12, "person:maker/engineer-1", &body, NULL, &stock->issued[12]);
	body_command_encode(&(struct body_command){.action = span_of_text("stop"), .time_ns = 1}, &body);
	make(stock, HALL, STATEMENT_COMMAND, 1, names[0], &body, NULL, &stock->issued[13]);
	buffer_free(&body);
}

static void recoverable_body(unsigned type, struct buffer *out, uint32_t *statement)
{
	static const uint32_t types[RECOVERABLE_TYPES] = {STATEMENT_ANCHOR, STATEMENT_DISTURBANCE, STATEMENT_CRITICAL, STATEMENT_MODEL, STATEMENT_RESULT,
		STATEMENT_COMMAND};
	struct body_anchor *anchor = memory_new(sizeof *anchor);
	*statement = types[type];
	switch (type) {
	case 0:
		*anchor = (struct body_anchor){.chunk = {{1}}, .root = {{2}}, .wrangling = {{3}}, .firmware = {{4}}, .range_count = 1};
		anchor->ranges[0] = (struct body_range){.device = span_of_text(names[0]), .registration = {{5}}, .first_seq = 1, .last_seq = 3};
		body_anchor_encode(anchor, out);
		break;
	case 1:
		body_disturbance_encode(&(struct body_disturbance){.kind = DISTURBANCE_DRIFT, .signal = span_of_text("temperature"), .time_ns = INT64_MIN}, out);
		break;
	case 2:
		body_critical_encode(&(struct body_critical){.kind = span_of_text("fire"), .time_ns = INT64_MAX}, out);
		break;
	case 3:
		model_body(out);
		break;
	case 4:
		body_result_encode(&(struct body_result){.command = {{7}}, .done = true}, out);
		break;
	default:
		body_command_encode(&(struct body_command){.action = span_of_text("stop")}, out);
		break;
	}
	free(anchor);
}

static struct stock *stock_of(void)
{
	static struct stock stock;
	struct fault fault;
	uint8_t seed[ML_DSA_44_SEED] = {'f', 'u', 'z', 'z'};
	if (stock.key)
		return &stock;
	CHECK(signing_key_from_seed(seed, &stock.key) == OK && unit_table_new(&stock.units, &fault) == OK);
	stock.config = (struct edge_config){.gateway = span_of_text(HALL), .site = span_of_text("plant/hall"), .key = stock.key, .units = stock.units,
		.seal_ms = 2000, .seal_samples = 50, .outbox_max = 20, .release_step = 1000, .firmware = {{7}}};
	issued_make(&stock);
	struct buffer body = {0};
	for (unsigned type = 0; type < RECOVERABLE_TYPES; type++)
		for (uint64_t seq = 1; seq <= RECOVERABLE_SEQS; seq++) {
			uint32_t statement;
			recoverable_body(type, &body, &statement);
			make(&stock, HALL, statement, seq, names[0], &body, NULL, &stock.recoverable[type * RECOVERABLE_SEQS + seq - 1]);
		}
	buffer_free(&body);
	return &stock;
}

static void look(const struct edge *edge)
{
	struct edge_totals totals;
	edge_totals(edge, &totals);
	for (size_t i = 0; i < edge_device_count(edge); i++) {
		struct edge_device_view view;
		struct edge_point points[4];
		struct digest chunk;
		bool final;
		edge_device_view(edge, i, &view);
		CHECK(view.registration && edge_device_find(edge, span_of_text(view.name)) == (int)i);
		edge_history(edge, i, 0, 0, INT64_MAX, points, 4);
		if (edge_chunk_of(edge, i, UINT64_C(1) << 32 | 2, &chunk))
			edge_anchor_of(edge, &chunk, &final);
	}
	for (size_t i = 0; i < edge_alarm_count(edge); i++)
		CHECK(alarm_state_name(edge_alarm_state(edge_alarm_at(edge, i)))[0]);
}

static void pend(struct fuzz *fuzz, struct span bytes)
{
	if (fuzz->pending_count == PENDING_MAX)
		return;
	fuzz->pending[fuzz->pending_count] = (struct buffer){0};
	buffer_append_span(&fuzz->pending[fuzz->pending_count++], bytes);
}

static void step(struct fuzz *fuzz, struct edge_event *event)
{
	const struct edge_actions *actions;
	event->now_ns = fuzz->now_ns;
	event->wall_ns = fuzz->wall_ns;
	event->randomness[0] = (uint8_t)++fuzz->steps;
	event->randomness[1] = (uint8_t)(fuzz->steps >> 8);
	if (event->kind == ACKNOWLEDGE)
		status_ignore(edge_acknowledge(fuzz->edge, event, &actions, NULL), "any answer will do");
	else
		edge_step(fuzz->edge, event, &actions);
	for (size_t i = 0; i < actions->count; i++) {
		const struct edge_action *action = &actions->items[i];
		struct log_frame frame;
		size_t size;
		if (action->kind == EDGE_APPEND && event->kind != EDGE_RECOVERED) {
			CHECK(action->position == fuzz->log_start + fuzz->log.size);
			CHECK(log_frame_read(buffer_span(&action->bytes), action->position, &frame, &size) == OK);
			buffer_append_span(&fuzz->log, buffer_span(&action->bytes));
		} else if (action->kind == EDGE_SUBMIT) {
			pend(fuzz, buffer_span(&action->bytes));
		} else if (action->kind == EDGE_LOCAL_ALARM) {
			fuzz->tokens[fuzz->token_count++ % 8] = action->token;
			CHECK(action->text[0]);
		} else if (action->kind == EDGE_ALARM) {
			CHECK(action->token < edge_alarm_count(fuzz->edge));
		} else if (action->kind == EDGE_MARKER) {
			CHECK(action->token < edge_marker_count(fuzz->edge));
		}
	}
}

static void give(struct fuzz *fuzz, enum edge_event_kind kind)
{
	struct edge_event event = {.kind = kind, .position = fuzz->log_start + fuzz->log.size};
	step(fuzz, &event);
}

static void final(struct fuzz *fuzz, struct span bytes)
{
	struct edge_event event = {.kind = EDGE_FINAL, .bytes = bytes};
	step(fuzz, &event);
}

static void message(struct fuzz *fuzz, bool authentic)
{
	size_t device = read_u8(&fuzz->in) % DEVICES;
	uint8_t how = read_u8(&fuzz->in);
	struct edge_event event = {.kind = EDGE_MESSAGE, .device = span_of_text(names[device]), .message = (enum session_kind)(1 + how % 3)};
	uint64_t *seq = &fuzz->seqs[device];
	event.seq = how & 128 ? read_u64(&fuzz->in) : how & 64 ? *seq + read_u8(&fuzz->in) - 4 : ++*seq;
	event.bytes = read_bytes(&fuzz->in, read_u16(&fuzz->in) & 1023);
	if (authentic) {
		session_tag(fuzz->stock->keys[device], event.message, event.seq, event.bytes, event.tag);
	} else {
		event.device = read_bytes(&fuzz->in, read_u8(&fuzz->in));
	}
	if (!fuzz->in.failed)
		step(fuzz, &event);
}

static void recovered(struct fuzz *fuzz, bool arbitrary)
{
	struct edge_event event = {.kind = EDGE_RECOVERED, .frame_kind = read_u8(&fuzz->in) % 6, .position = read_u16(&fuzz->in)};
	if (arbitrary) {
		event.bytes = read_bytes(&fuzz->in, read_u8(&fuzz->in));
	} else {
		event.frame_kind = EDGE_FRAME_STATEMENT;
		event.bytes = buffer_span(&fuzz->stock->recoverable[read_u8(&fuzz->in) % (RECOVERABLE_TYPES * RECOVERABLE_SEQS)]);
	}
	if (!fuzz->in.failed)
		step(fuzz, &event);
}

static void start(struct fuzz *fuzz)
{
	fuzz->edge = edge_new(&fuzz->stock->config);
	for (size_t at = 0; at < fuzz->log.size;) {
		struct log_frame frame;
		size_t size;
		CHECK(log_frame_read(span_of(fuzz->log.data + at, fuzz->log.size - at), fuzz->log_start + at, &frame, &size) == OK);
		struct edge_event event = {.kind = EDGE_RECOVERED, .frame_kind = frame.kind, .position = frame.position, .bytes = frame.bytes};
		step(fuzz, &event);
		at += size;
	}
	/* Whatever else an own log might hold. */
	for (uint8_t frames = read_u8(&fuzz->in) % 16; frames > 0; frames--)
		recovered(fuzz, read_u8(&fuzz->in) & 1);
	give(fuzz, EDGE_START);
}

/* What proofs say: statements of the stock under their names or wrong ones, or none at all. */
static void proven(struct fuzz *fuzz)
{
	for (size_t i = 0; i < 4; i++) {
		uint8_t which = read_u8(&fuzz->in);
		struct edge_proven proven = {.name = span_of_text(i < DEVICES ? names[i] : HALL), .kind = i < DEVICES ? ENTITY_DEVICE : ENTITY_GATEWAY,
			.state = (enum device_state)(1 + which % 3), .registration = buffer_span(&fuzz->stock->issued[which & 128 ? which % ISSUED : i]),
			.bounds = buffer_span(&fuzz->stock->issued[3 + which % 3]), .last_seq = which};
		if (which & 64)
			proven.model = read_bytes(&fuzz->in, which & 63);
		struct edge_event event = {.kind = EDGE_PROVEN, .proven = &proven};
		step(fuzz, &event);
	}
	give(fuzz, EDGE_BROKER_UP);
	give(fuzz, EDGE_PROVEN_END);
}

static void restart(struct fuzz *fuzz, bool without_node)
{
	edge_free(fuzz->edge);
	/* The ledger's part again, or not yet. */
	start(fuzz);
	if (without_node) {
		proven(fuzz);
		return;
	}
	for (size_t i = 0; i < DEVICES; i++)
		final(fuzz, buffer_span(&fuzz->stock->issued[i]));
	give(fuzz, EDGE_BROKER_UP);
	give(fuzz, EDGE_NODE_UP);
	give(fuzz, EDGE_CAUGHT_UP);
}

/* The node's answer to one of the submitted statements: final, or a status. */
static void answer(struct fuzz *fuzz, uint8_t what)
{
	if (fuzz->pending_count == 0)
		return;
	struct buffer first = fuzz->pending[0];
	memmove(fuzz->pending, fuzz->pending + 1, --fuzz->pending_count * sizeof first);
	if (what & 1) {
		final(fuzz, buffer_span(&first));
	} else {
		struct edge_event event = {.kind = EDGE_OUTCOME, .id = sha256(buffer_span(&first)), .status = (enum status)(what / 2 % STATUS_COUNT)};
		step(fuzz, &event);
	}
	buffer_free(&first);
}

static void acknowledge(struct fuzz *fuzz)
{
	size_t count = edge_alarm_count(fuzz->edge);
	struct edge_event event = {.kind = ACKNOWLEDGE, .person = span_of_text("person:maker/engineer-1"), .text = read_bytes(&fuzz->in, read_u8(&fuzz->in))};
	if (count)
		event.id = edge_alarm_at(fuzz->edge, read_u8(&fuzz->in) % count)->id;
	step(fuzz, &event);
}

static void something(struct fuzz *fuzz)
{
	static const enum edge_event_kind plain[] = {EDGE_NODE_UP, EDGE_NODE_DOWN, EDGE_BROKER_UP, EDGE_BROKER_DOWN, EDGE_CAUGHT_UP, EDGE_FLUSHED};
	uint8_t what = read_u8(&fuzz->in);
	switch (what % 12) {
	case 0:
	case 1:
	case 2:
		message(fuzz, true);
		break;
	case 3:
		message(fuzz, false);
		break;
	case 4:
	case 5:
		fuzz->now_ns += read_u16(&fuzz->in) * NS_PER_MS;
		fuzz->wall_ns += 5000 * NS_PER_MS;
		give(fuzz, EDGE_TICK);
		break;
	case 6:
		answer(fuzz, read_u8(&fuzz->in));
		break;
	case 7:
		final(fuzz, buffer_span(&fuzz->stock->issued[read_u8(&fuzz->in) % ISSUED]));
		break;
	case 8: {
		struct edge_event event = {.kind = EDGE_CRITICAL_DONE, .token = fuzz->tokens[read_u8(&fuzz->in) % 8], .acted_ns = fuzz->now_ns};
		step(fuzz, &event);
		break;
	}
	case 9:
		give(fuzz, plain[read_u8(&fuzz->in) % 6]);
		break;
	case 10:
		if (what & 16 && fuzz->log.size < LOG_MAX)
			restart(fuzz, what & 32);
		else
			final(fuzz, read_bytes(&fuzz->in, read_u16(&fuzz->in) & 4095));
		break;
	default:
		acknowledge(fuzz);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz fuzz = {.stock = stock_of(), .in = reader_of(span_of(data, size)), .now_ns = INT64_C(1767225600) * NS_PER_S, .wall_ns = NS_PER_S};
	for (size_t i = 0; i < DEVICES; i++)
		fuzz.seqs[i] = UINT64_C(1) << 32;
	start(&fuzz);
	for (size_t i = 0; i < 6; i++)
		final(&fuzz, buffer_span(&fuzz.stock->issued[i]));
	give(&fuzz, EDGE_BROKER_UP);
	give(&fuzz, EDGE_NODE_UP);
	give(&fuzz, EDGE_CAUGHT_UP);
	for (unsigned i = 0; i < 400 && fuzz.in.rest.size && !fuzz.in.failed; i++)
		something(&fuzz);
	look(fuzz.edge);
	edge_free(fuzz.edge);
	for (size_t i = 0; i < fuzz.pending_count; i++)
		buffer_free(&fuzz.pending[i]);
	buffer_free(&fuzz.log);
	return 0;
}
