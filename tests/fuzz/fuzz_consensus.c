/* A machine of four members among peers that do what the input says: raw messages, validly signed
 * blocks with any ancestors, time, connections, submissions, restarts from the own log. It must not
 * crash, must stay within its bounds, never fill an own slot twice, and commit the same after a
 * restart. */
#include "base/map.h"
#include "consensus/consensus.h"
#include "consensus/message.h"
#include "consensus/validity.h"
#include "crypto/hash.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMBERS = 4, KNOWN_MAX = 512, LOG_MAX = 2048, ROUNDS_MAX = 4096, OPERATIONS_MAX = 600 };

struct arena {
	struct consensus_config config;
	struct validity validity;
	struct consensus *machine;
	int64_t now_ms;
	struct block_ref known[KNOWN_MAX]; /* blocks that exist somewhere */
	uint32_t known_count;
	uint32_t newest[MEMBERS];
	struct buffer log[LOG_MAX];
	uint32_t log_count;
	struct digest chain[ROUNDS_MAX];
	uint64_t chain_count, commits;
	struct digest own[ROUNDS_MAX];
};

static struct digest keyed(uint16_t author, const struct digest *digest)
{
	struct span parts[] = {span_of(&author, sizeof author), digest_span(digest)};
	return sha256_parts(parts, 2);
}

static enum status fake_sign(void *context, const struct digest *digest, struct buffer *signature)
{
	struct digest value = keyed(*(const uint16_t *)context, digest);
	buffer_append(signature, value.bytes, DIGEST_SIZE);
	return OK;
}

static enum status fake_verify(void *context, uint16_t author, const struct digest *digest, struct span signature)
{
	(void)context;
	struct digest value = keyed(author, digest);
	return span_equal(signature, digest_span(&value)) ? OK : E_SIGNATURE;
}

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void know(struct arena *arena, const struct block *block)
{
	arena->known[arena->known_count % KNOWN_MAX] = block_reference(block);
	arena->known_count++;
	if (block->round > arena->newest[block->author])
		arena->newest[block->author] = block->round;
}

static void own_sent(struct arena *arena, struct span bytes)
{
	struct message message;
	struct block block;
	if (message_decode(bytes, MEMBERS, &message) != OK || message.kind != MESSAGE_BLOCK)
		return;
	require(block_decode(message.block, &block, NULL) == OK);
	if (block.author != 0 || block.round >= ROUNDS_MAX)
		return;
	require(digest_is_zero(&arena->own[block.round]) || digest_equal(&arena->own[block.round], &block.digest));
	arena->own[block.round] = block.digest;
}

static void commit(struct arena *arena, struct consensus_action *action)
{
	consensus_positions_resolve(arena->machine, action);
	require(action->commit.index == ++arena->commits);
	for (uint32_t i = 0; i < action->commit.block_count; i++)
		require(action->commit.positions[i] < arena->log_count);
	if (arena->commits > ROUNDS_MAX)
		return;
	if (arena->commits > arena->chain_count)
		arena->chain[arena->chain_count++] = action->commit.digest;
	require(digest_equal(&arena->chain[arena->commits - 1], &action->commit.digest));
}

static void act(struct arena *arena, struct consensus_action *action)
{
	struct block block;
	switch (action->kind) {
	case CONSENSUS_PERSIST:
		require(block_decode(action->bytes, &block, NULL) == OK && arena->log_count < LOG_MAX);
		if (action->own)
			know(arena, &block);
		buffer_append_span(&arena->log[arena->log_count], action->bytes);
		consensus_block_stored(arena->machine, &action->digest, arena->log_count++);
		break;
	case CONSENSUS_SEND:
		own_sent(arena, action->bytes);
		break;
	case CONSENSUS_SEND_STORED:
	case CONSENSUS_EVIDENCE:
		consensus_positions_resolve(arena->machine, action);
		for (uint32_t i = 0; i < action->position_count; i++)
			require(action->positions[i] < arena->log_count);
		break;
	case CONSENSUS_SEND_RANGE:
		for (uint64_t at = action->range.position; at < arena->log_count && !action->range.done; at++)
			(void)consensus_range_takes(&action->range, buffer_span(&arena->log[at]));
		break;
	case CONSENSUS_COLLECTED:
		require(action->position_count > 0);
		break;
	case CONSENSUS_COMMIT:
		commit(arena, action);
		break;
	case CONSENSUS_TIMER:
		require(action->at_ms >= arena->now_ms);
		break;
	}
}

static void step(struct arena *arena, struct consensus_event event)
{
	struct consensus_actions actions;
	struct consensus_numbers numbers;
	enum status refused;
	event.now_ms = arena->now_ms;
	consensus_step(arena->machine, &event, &actions, &refused);
	for (uint32_t i = 0; i < actions.count; i++)
		act(arena, &actions.items[i]);
	consensus_numbers(arena->machine, &numbers);
	require(numbers.suspended <= MEMBERS * arena->config.suspended_max && numbers.missing <= MEMBERS * numbers.suspended);
}

static void start(struct arena *arena)
{
	static uint16_t own;
	struct block_signer signer = {&own, fake_sign, fake_verify};
	arena->machine = consensus_new(&arena->config, &signer);
	arena->commits = 0;
	for (uint32_t i = 0; i < arena->log_count; i++)
		step(arena, (struct consensus_event){.kind = CONSENSUS_RECOVERED, .bytes = buffer_span(&arena->log[i]), .position = i});
	step(arena, (struct consensus_event){.kind = CONSENSUS_START});
	for (uint16_t peer = 1; peer < MEMBERS; peer++)
		step(arena, (struct consensus_event){.kind = CONSENSUS_PEER_UP, .peer = peer});
}

static void tell(struct arena *arena, uint16_t peer, const struct message *message)
{
	struct buffer bytes = {0};
	message_encode(message, MEMBERS, &bytes);
	step(arena, (struct consensus_event){.kind = CONSENSUS_MESSAGE, .peer = peer, .bytes = buffer_span(&bytes)});
	buffer_free(&bytes);
}

/* Answers for the tip, so that own blocks are made. */
static void answer_tip(struct arena *arena, uint16_t peer)
{
	struct message message = {.kind = MESSAGE_TIP, .number = (uint64_t)arena->now_ms};
	tell(arena, peer, &message);
}

static const struct block_ref *known_find(const struct arena *arena, uint32_t round, uint16_t author, uint8_t choice)
{
	const struct block_ref *found = NULL;
	uint32_t from = arena->known_count > KNOWN_MAX ? arena->known_count - KNOWN_MAX : 0;
	for (uint32_t i = arena->known_count; i > from; i--) {
		const struct block_ref *ref = &arena->known[(i - 1) % KNOWN_MAX];
		if (ref->author == author && ref->round == round) {
			found = ref;
			if (choice-- % 2 == 0)
				break;
		}
	}
	return found;
}

/* A block in the round after its author's last one, or a little below, naming what the input chooses
 * of what exists. */
static void block_tell(struct arena *arena, struct reader *in, uint16_t peer)
{
	uint8_t author_byte = read_u8(in), below = read_u8(in), choices = read_u8(in), payload = read_u8(in);
	uint16_t author = author_byte < 200 ? peer : author_byte % MEMBERS;
	uint32_t round = arena->newest[author] + 1;
	if (below >= 160 && round > below % 4u)
		round -= below % 4u;
	struct block block = {.round = round, .author = author, .timestamp_ms = (uint64_t)(arena->now_ms + payload)}, sealed;
	struct buffer bytes = {0}, body = {0};
	struct block_signer signer = {&author, fake_sign, fake_verify};
	for (uint16_t i = 0; i < MEMBERS; i++) {
		uint16_t other = i == 0 ? author : i <= author ? i - 1 : i;
		const struct block_ref *ref = known_find(arena, round - 1, other, (uint8_t)(choices >> i & 1));
		if (i == 0)
			for (uint32_t back = 2; !ref && back <= round; back++)
				ref = known_find(arena, round - back, other, 0);
		if (ref && (i == 0 || !(choices >> (4 + i) & 1)))
			block.ancestors[block.ancestor_count++] = *ref;
	}
	for (int i = 0; i < payload % 3; i++, block.tx_count++)
		write_block(&body, span_of_text("transaction"));
	block.body = buffer_span(&body);
	write_u8(&bytes, MESSAGE_BLOCK);
	require(block_seal(&block, &signer, &bytes) == OK);
	require(block_parse(span_of(bytes.data + 1, bytes.size - 1), &sealed, NULL) == OK);
	if (author != 0 && validity_check(&arena->validity, &sealed, NULL) == OK)
		know(arena, &sealed);
	step(arena, (struct consensus_event){.kind = CONSENSUS_MESSAGE, .peer = peer, .bytes = buffer_span(&bytes)});
	buffer_free(&bytes);
	buffer_free(&body);
}

static void claim_tell(struct arena *arena, struct reader *in, uint16_t peer)
{
	struct message message = {.kind = (enum message_kind)(2 + read_u8(in) % 6), .flag = true, .number = read_u8(in)};
	for (int i = 0; i < MEMBERS; i++)
		message.rounds[i] = read_u8(in);
	message.ref_count = (uint16_t)(message.number % 4);
	for (int i = 0; i < message.ref_count; i++)
		message.refs[i] = arena->known[read_u8(in) % KNOWN_MAX];
	tell(arena, peer, &message);
}

static void operate(struct arena *arena, struct reader *in)
{
	uint8_t operation = read_u8(in);
	uint16_t peer = (uint16_t)(1 + operation / 16 % 3);
	switch (operation % 16) {
	case 0:
		arena->now_ms += read_u16(in);
		step(arena, (struct consensus_event){.kind = CONSENSUS_TICK});
		break;
	case 1:
		step(arena, (struct consensus_event){.kind = CONSENSUS_SUBMIT, .bytes = read_bytes(in, read_u8(in) % 32u)});
		break;
	case 2:
		step(arena, (struct consensus_event){.kind = CONSENSUS_PEER_DOWN, .peer = peer});
		break;
	case 3:
		step(arena, (struct consensus_event){.kind = CONSENSUS_PEER_UP, .peer = peer});
		break;
	case 4: {
		uint16_t size = read_u16(in);
		step(arena, (struct consensus_event){.kind = CONSENSUS_MESSAGE, .peer = (uint16_t)(peer + operation / 64 * 21),
			.bytes = read_bytes(in, size < in->rest.size ? size : in->rest.size)});
		break;
	}
	case 5:
		claim_tell(arena, in, peer);
		break;
	case 6:
		answer_tip(arena, peer);
		break;
	case 7:
		consensus_free(arena->machine);
		start(arena);
		break;
	default:
		block_tell(arena, in, peer);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = memory_new_array(1, sizeof *arena);
	struct reader in = reader_of(span_of(data, size));
	arena->config = consensus_config_default();
	arena->config.members = MEMBERS;
	arena->config.suspended_max = 6;
	arena->now_ms = 1000000;
	arena->validity = validity_of(MEMBERS, FAULTS_BYZANTINE, arena->config.network, 0, &arena->config.genesis, 0);
	for (uint16_t author = 0; author < MEMBERS; author++)
		arena->known[arena->known_count++] = (struct block_ref){.author = author, .digest = arena->validity.genesis[author]};
	start(arena);
	for (uint16_t peer = 1; peer < MEMBERS; peer++)
		answer_tip(arena, peer);
	for (int i = 0; i < OPERATIONS_MAX && in.rest.size > 0 && arena->log_count < LOG_MAX - 600; i++)
		operate(arena, &in);
	consensus_free(arena->machine);
	for (uint32_t i = 0; i < arena->log_count; i++)
		buffer_free(&arena->log[i]);
	free(arena);
	return 0;
}
