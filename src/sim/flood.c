/* Members that lie about everything else: what they have, what others wrote, what the log is; and members that flood. */
#include "sim/state.h"

#include "consensus/message.h"
#include "crypto/hash.h"
#include "record/state_proof.h"

#include <stdlib.h>

enum { OUTER_CONSENSUS = 1, OUTER_COSIGNATURE = 2, OUTER_STATE_COSIGNATURE = 3, OUTER_EPOCH_LINE = 4, OUTER_SIZE = 9 };

/* -- lying answers ---------------------------------------------------------------------------------------------- */

static void rounds_twist(struct sim *sim, struct message *message)
{
	for (uint16_t i = 0; i < sim->members; i++)
		if (sim_permille(sim, 300))
			message->rounds[i] = sim_permille(sim, 200) ? UINT32_MAX - (uint32_t)sim_below(sim, 3)
								    : message->rounds[i] + (uint32_t)sim_below(sim, 2000);
		else if (sim_permille(sim, 100))
			message->rounds[i] = 0;
}

static void ref_twist(struct sim *sim, struct block_ref *ref)
{
	ref->round += (uint32_t)sim_below(sim, 50);
	ref->digest.bytes[sim_below(sim, DIGEST_SIZE)] ^= 1;
}

static void message_twist(struct sim *sim, uint16_t index, uint16_t peer, struct span head, const struct message *given)
{
	struct message *message = memory_new_array(1, sizeof *message);
	struct buffer out = {0};
	*message = *given;
	if (message->kind == MESSAGE_TIP || message->kind == MESSAGE_FETCH)
		for (uint16_t i = 0; i < (message->kind == MESSAGE_TIP ? 1 : message->ref_count); i++)
			ref_twist(sim, &message->refs[i]);
	if (message->kind != MESSAGE_BLOCK)
		rounds_twist(sim, message);
	if (message->kind == MESSAGE_SYNC_END)
		message->flag = true;
	if (sim_permille(sim, 50))
		message->number++;
	buffer_append_span(&out, head);
	message_encode(message, sim->members, &out);
	/* Bytes of blocks: cut short, or changed. */
	if (message->kind == MESSAGE_BLOCK && sim_permille(sim, 500))
		out.data[OUTER_SIZE + 1 + sim_below(sim, out.size - OUTER_SIZE - 1)] ^= (uint8_t)(1u << sim_below(sim, 8));
	else if (message->kind == MESSAGE_BLOCK)
		out.size = OUTER_SIZE + 1 + (size_t)sim_below(sim, out.size - OUTER_SIZE - 1);
	network_send(sim, index, peer, buffer_span(&out), 0);
	sim->counters[SIM_LIES]++;
	buffer_free(&out);
	free(message);
}

/* A cosignature: member u16, size u64, root, timestamp u64, signature, after "send me yours". */
static void root_twist(struct sim *sim, uint16_t index, uint16_t peer, struct span bytes)
{
	enum { HEAD = 2 };
	struct reader in = reader_of(span_after(bytes, HEAD));
	uint16_t member = read_u16(&in);
	uint64_t size = read_u64(&in);
	struct digest root = read_digest(&in);
	uint64_t timestamp_s = read_u64(&in);
	if (in.failed)
		return;
	struct buffer out = {0};
	struct cosignature made;
	char origin[CHECKPOINT_ORIGIN_SIZE + CHECKPOINT_STATE_ORIGIN_SIZE];
	if (bytes.data[0] == OUTER_COSIGNATURE)
		checkpoint_origin(sim->genesis.network, origin);
	else
		checkpoint_state_origin(sim->genesis.network, origin);
	root.bytes[sim_below(sim, DIGEST_SIZE)] ^= 1;
	if (sim_permille(sim, 200))
		size += sim_below(sim, 100);
	CHECK(sim->signatures->cosign(sim->consortium->organisation[index].checkpoint, span_of_text(sim->consortium->organisation[index].name),
		span_of_text(origin), size, &root, timestamp_s, NULL, &made) == OK);
	buffer_append(&out, bytes.data, HEAD);
	write_u16(&out, member);
	write_u64(&out, size);
	write_digest(&out, &root);
	write_u64(&out, timestamp_s);
	buffer_append(&out, made.signature.bytes, sizeof made.signature.bytes);
	network_send(sim, index, peer, buffer_span(&out), 0);
	sim->counters[SIM_LIES]++;
	buffer_free(&out);
}

/* History, records, entries: one bit is wrong, or it is never sent. */
static void catchup_twist(struct sim *sim, uint16_t index, uint16_t peer, struct span bytes)
{
	struct buffer out = {0};
	sim->counters[SIM_LIES]++;
	if (sim_permille(sim, 200))
		return;
	buffer_append_span(&out, bytes);
	out.data[1 + sim_below(sim, out.size - 1)] ^= (uint8_t)(1u << sim_below(sim, 8));
	network_send(sim, index, peer, buffer_span(&out), 0);
	buffer_free(&out);
}

void liar_twist(struct sim *sim, uint16_t index, uint16_t peer, struct span bytes)
{
	struct message message;
	struct block block;
	bool root = bytes.data[0] == OUTER_COSIGNATURE || bytes.data[0] == OUTER_STATE_COSIGNATURE;
	if (root && sim->member[index].nature == FALSE_ROOTS && sim_permille(sim, 500)) {
		root_twist(sim, index, peer, bytes);
		return;
	}
	if (bytes.data[0] >= OUTER_EPOCH_LINE && sim_permille(sim, 300)) {
		catchup_twist(sim, index, peer, bytes);
		return;
	}
	if (bytes.data[0] != OUTER_CONSENSUS || message_decode(span_after(bytes, OUTER_SIZE), sim->members, &message) != OK) {
		network_send(sim, index, peer, bytes, 0);
		return;
	}
	bool own = message.kind == MESSAGE_BLOCK && block_parse(message.block, &block, NULL) == OK && block_owner(sim, &block) == index;
	if (own || sim_permille(sim, 500))
		network_send(sim, index, peer, bytes, 0);
	else if (sim_permille(sim, 700))
		message_twist(sim, index, peer, span_of(bytes.data, OUTER_SIZE), &message);
}

/* -- floods ----------------------------------------------------------------------------------------------------- */

/* A block that is validly signed and names ancestors that do not exist. */
static void invented_block(struct sim *sim, uint16_t index, uint32_t round, uint64_t salt, struct buffer *out)
{
	uint64_t epoch = member_epoch(sim, index);
	uint16_t own = member_author(sim, index);
	if (own == NOBODY || epoch >= sim->epoch_count)
		return;
	struct block block = {.epoch = epoch, .round = round, .author = own, .timestamp_ms = (uint64_t)member_clock_ms(sim, &sim->member[index])};
	struct block_signer signer = sim_block_signer(&sim->member[index].liar.signer);
	memcpy(block.network, sim->genesis.network, BLOCK_NETWORK_SIZE);
	for (uint16_t i = 0; i < sim->epochs[epoch].members; i++) {
		uint16_t author = i == 0 ? own : i <= own ? (uint16_t)(i - 1) : i;
		uint64_t words[] = {salt, round, author, index};
		struct digest digest = sha256(span_of(words, sizeof words));
		if (round == 1)
			digest = block_genesis_digest(block.network, epoch, author, &sim->epochs[epoch].digest);
		block.ancestors[block.ancestor_count++] = (struct block_ref){.round = round - 1, .author = author, .digest = digest};
	}
	write_u8(out, OUTER_CONSENSUS);
	write_u64(out, epoch);
	write_u8(out, MESSAGE_BLOCK);
	CHECK(block_seal(&block, &signer, out) == OK);
}

static void garbage(struct sim *sim, struct buffer *out, size_t size)
{
	write_u8(out, (uint8_t)sim_between(sim, 0, 14));
	write_u8(out, (uint8_t)sim_between(sim, 0, 9));
	while (out->size < size)
		write_u64(out, random_next(&sim->random));
}

enum flood { FLOOD_FUTURE, FLOOD_PARENTS, FLOOD_TWINS, FLOOD_OVERSIZE, FLOOD_GARBAGE, FLOODS };

static void flood_message(struct sim *sim, uint16_t index, enum flood flood, uint32_t round, struct buffer *out)
{
	enum { OVERSIZE_OF_TEN = 10 };
	switch (flood) {
	case FLOOD_FUTURE:
		invented_block(sim, index, sim_permille(sim, 100) ? BLOCK_ROUND_MAX : round + (uint32_t)sim_below(sim, 3000), random_next(&sim->random), out);
		break;
	case FLOOD_PARENTS:
		invented_block(sim, index, round + (uint32_t)sim_below(sim, 30), random_next(&sim->random), out);
		break;
	case FLOOD_TWINS:
		invented_block(sim, index, round, random_next(&sim->random), out);
		break;
	case FLOOD_OVERSIZE:
		garbage(sim, out, sim_below(sim, OVERSIZE_OF_TEN) ? 4096 : BLOCK_BYTES_MAX + 100);
		break;
	default:
		garbage(sim, out, 2 + (size_t)sim_below(sim, 300));
		break;
	}
}

void liar_turn(struct sim *sim, uint16_t index)
{
	enum { BURST_MAX = 24 };
	struct member *member = &sim->member[index];
	if (!member->replica || member->nature != FLOODER)
		return;
	struct consensus_numbers numbers;
	struct buffer out = {0};
	consensus_numbers(replica_consensus(member->replica), &numbers);
	enum flood flood = (enum flood)sim_below(sim, FLOODS);
	uint16_t peer = (uint16_t)sim_below(sim, sim->members);
	uint64_t burst = 1 + sim_below(sim, flood == FLOOD_OVERSIZE ? 2 : BURST_MAX);
	trace_line(sim, "%u floods kind=%d peer=%u messages=%u", (unsigned)index, (int)flood, (unsigned)peer, (unsigned)burst);
	for (uint64_t i = 0; i < burst; i++) {
		buffer_clear(&out);
		flood_message(sim, index, flood, numbers.highest_round + 1, &out);
		network_send(sim, index, peer, buffer_span(&out), 0);
		sim->counters[SIM_FLOODED]++;
	}
	buffer_free(&out);
	happen(sim, sim_between(sim, 20 * SIM_MS, 300 * SIM_MS), (struct happening){.kind = HAPPEN_LIAR, .to = index});
}
