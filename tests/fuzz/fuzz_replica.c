/* Arbitrary messages from members, submissions, ticks and recovered frames into a replica: it never breaks, what it
 * keeps stays bounded, and nothing that nobody signed enters its log.
 * Input: u8 flags, then events of u8 kind and peer, u16 size, bytes. */
#include "record/genesis.h"
#include "replica/replica.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Made once: keys take long. Inputs do not change it. */
static struct {
	struct signing_key *record[4], *node[4], *checkpoint[4];
	struct buffer bytes;
	struct genesis genesis;
	bool ready;
} consortium;

static struct signing_key *key_of(unsigned number)
{
	uint8_t seed[ML_DSA_44_SEED] = {(uint8_t)number, 'f', 'u', 'z', 'z'};
	struct signing_key *key = NULL;
	CHECK(signing_key_from_seed(seed, &key) == OK);
	return key;
}

static void org_statement(unsigned i, struct buffer *out)
{
	static const char *const names[] = {"org:a", "org:b", "org:c", "org:d"};
	struct body_org *org = memory_new_array(1, sizeof *org);
	struct buffer body = {0};
	struct digest id;
	consortium.record[i] = key_of(10 + i);
	consortium.node[i] = key_of(20 + i);
	consortium.checkpoint[i] = key_of(30 + i);
	*org = (struct body_org){.name = span_of_text(names[i]), .role = span_of_text("regulator"),
		.record_key = *signing_key_public(consortium.record[i]), .node_key = *signing_key_public(consortium.node[i]),
		.checkpoint_key = *signing_key_public(consortium.checkpoint[i]), .address = span_of_text(names[i] + 4)};
	org->tls_key.bytes[0] = (uint8_t)(i + 1);
	body_org_encode(org, &body);
	struct statement statement = {.type = STATEMENT_ORG, .seq = 1, .iss = span_of_text(names[i]), .sub = span_of_text(names[i]), .iat = 1,
		.body = buffer_span(&body)};
	CHECK(statement_sign(&statement, consortium.record[i], NULL, out, &id) == OK);
	buffer_free(&body);
	free(org);
}

static void consortium_make(void)
{
	struct buffer statements[4] = {0};
	struct span spans[4];
	struct fault fault;
	for (unsigned i = 0; i < 4; i++) {
		org_statement(i, &statements[i]);
		spans[i] = buffer_span(&statements[i]);
	}
	genesis_encode(span_of_text("fuzz"), 1, NULL, spans, 4, &consortium.bytes);
	CHECK(genesis_decode(buffer_span(&consortium.bytes), &consortium.genesis, &fault) == OK);
	consortium.genesis.settings.epoch_bytes = 40000; /* so that one ends within an input */
	for (unsigned i = 0; i < 4; i++)
		buffer_free(&statements[i]);
	consortium.ready = true;
}

static void look(const struct replica_actions *actions)
{
	for (uint32_t i = 0; i < actions->count; i++) {
		const struct replica_action *action = &actions->items[i];
		CHECK(action->kind != REPLICA_FINAL || action->recovered); /* the log alone could hold a statement */
		CHECK(action->kind != REPLICA_OUTCOME || (action->status != OK && action->reason[0]));
		if (action->kind == REPLICA_APPEND) {
			struct log_frame frame;
			size_t size;
			CHECK(log_frame_read(action->bytes, action->position, &frame, &size) == OK && size == action->bytes.size);
		}
	}
}

/* One event from the input; false at its end. */
static bool event_next(struct reader *in, struct replica_event *event)
{
	uint8_t what = read_u8(in);
	uint16_t size = read_u16(in);
	if (in->failed)
		return false;
	event->peer = what >> 4;
	event->now_ms += what;
	event->bytes = read_bytes(in, size < in->rest.size ? size : in->rest.size);
	static const enum replica_event_kind kinds[] = {REPLICA_MESSAGE, REPLICA_MESSAGE, REPLICA_SUBMIT, REPLICA_TICK, REPLICA_PEER_UP,
		REPLICA_PEER_DOWN, REPLICA_MESSAGE, REPLICA_SUBMIT};
	event->kind = kinds[what & 7];
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!consortium.ready)
		consortium_make();
	struct replica_config config = {.genesis = &consortium.genesis, .name = consortium.genesis.members[0].header.iss,
		.consensus = consensus_config_default(), .keys = {{consortium.node[0], consortium.checkpoint[0]}}, .key_count = 1};
	struct replica *replica = NULL;
	struct fault fault;
	CHECK(replica_new(&config, &replica, &fault) == OK);
	struct reader in = reader_of(span_of(data, size));
	struct replica_event event = {.now_ms = 1000000};
	struct replica_actions actions;
	uint8_t frames = read_u8(&in) & 3;
	for (uint8_t i = 0; i < frames && event_next(&in, &event); i++) {
		event.frame_kind = (uint8_t)event.peer;
		event.kind = REPLICA_RECOVERED;
		replica_step(replica, &event, &actions);
		look(&actions);
		event.position = replica_log_end(replica);
	}
	if (replica_recovery(replica, &fault) == OK) {
		event.kind = REPLICA_START;
		do {
			replica_step(replica, &event, &actions);
			look(&actions);
		} while (event_next(&in, &event));
	} else {
		CHECK(fault.text[0]);
	}
	struct replica_numbers numbers;
	replica_numbers(replica, &numbers);
	CHECK(numbers.submitted_waiting == 0);
	replica_free(replica);
	return 0;
}
