/* Members that lie about their own blocks: the nine modes of the Starfish test bed, and silence. A liar has a replica like
 * everybody, which keeps its view of the DAG; what that replica wants to send passes through here. */
#include "sim/state.h"

#include "consensus/message.h"

#include <stdlib.h>

enum { OUTER_CONSENSUS = 1, OUTER_COSIGNATURE = 2, OUTER_SIZE = 9, PUSH_SIZE = 10 };

/* -- twins ---------------------------------------------------------------------------------------------------- */

static void transaction_add(struct block *block, struct buffer *body, struct span transaction)
{
	if (transaction.size == 0 || block->tx_count >= BLOCK_TRANSACTIONS_MAX || body->size + transaction.size + 4 > BLOCK_BODY_MAX)
		return;
	write_block(body, transaction);
	block->tx_count++;
}

/* To what stood in it, a forgery, and what was refused elsewhere. */
static void body_spoil(struct sim *sim, uint16_t index, struct block *block, struct buffer *body)
{
	struct buffer forged = {0};
	buffer_append_span(body, block->body);
	statement_forge(sim, index, &forged);
	transaction_add(block, body, buffer_span(&forged));
	transaction_add(block, body, buffer_span(&sim->bad));
	block->body = buffer_span(body);
	buffer_free(&forged);
}

static struct block without_body(struct block block)
{
	block.body = (struct span){0};
	block.tx_count = 0;
	return block;
}

bool liar_twin(struct sim *sim, uint16_t index, struct span block, const struct block_ref *before, uint64_t salt, struct buffer *out,
	struct block_ref *ref)
{
	struct block twin;
	struct liar_signer *context = &sim->member[index].liar.signer;
	struct block_signer signer = sim_block_signer(context);
	if (block_decode(block, &twin, NULL) != OK)
		return false;
	twin.timestamp_ms += salt;
	struct buffer body = {0};
	if (salt % 2 == 1)
		body_spoil(sim, index, &twin, &body);
	else
		twin = without_body(twin);
	if (before && before->round > 0 && before->round < twin.round)
		twin.ancestors[0] = *before;
	write_u8(out, OUTER_CONSENSUS);
	write_u64(out, twin.epoch);
	write_u8(out, MESSAGE_BLOCK);
	size_t start = out->size;
	struct block made;
	CHECK(block_seal(&twin, &signer, out) == OK && block_parse(span_of(out->data + start, out->size - start), &made, NULL) == OK);
	*ref = block_reference(&made);
	buffer_free(&body);
	return true;
}

/* The twin of `block` that belongs to a chain; chain 0 is the real one. Borrowed. */
static struct span chain_block(struct sim *sim, uint16_t index, uint16_t chain, const struct block *block, struct span push)
{
	struct liar *liar = &sim->member[index].liar;
	if (chain == 0)
		return push;
	if (liar->epoch != block->epoch) {
		liar->epoch = block->epoch;
		memset(liar->twins, 0, sizeof liar->twins);
	}
	if (!digest_equal(&liar->made_of[chain], &block->digest)) {
		struct buffer *out = &liar->twin_bytes[chain];
		struct block_ref ref;
		buffer_clear(out);
		if (!liar_twin(sim, index, span_after(push, PUSH_SIZE), &liar->twins[chain], chain, out, &ref))
			return push;
		/* An old block sent again is no new link of the chain. */
		if (ref.round > liar->twins[chain].round)
			liar->twins[chain] = ref;
		liar->made_of[chain] = block->digest;
		sim->counters[SIM_TWINS]++;
	}
	return buffer_span(&liar->twin_bytes[chain]);
}

/* -- holding back --------------------------------------------------------------------------------------------- */

static void hold_back(struct sim *sim, uint16_t index, uint16_t peer, struct span push)
{
	struct liar *liar = &sim->member[index].liar;
	ARRAY_GROW(liar->withheld, liar->withheld_count, liar->withheld_capacity);
	struct withheld *withheld = &liar->withheld[liar->withheld_count++];
	*withheld = (struct withheld){.peer = peer};
	buffer_append_span(&withheld->bytes, push);
	sim->counters[SIM_WITHHELD]++;
}

/* All at once, the newest first, so that everything has to wait for the oldest. */
static void bomb_throw(struct sim *sim, uint16_t index, uint16_t targets)
{
	struct liar *liar = &sim->member[index].liar;
	trace_line(sim, "%u throws blocks=%zu", (unsigned)index, liar->withheld_count);
	for (size_t i = liar->withheld_count; i-- > 0;) {
		struct withheld *withheld = &liar->withheld[i];
		if ((uint16_t)((withheld->peer + sim->members - index) % sim->members) <= targets)
			network_send(sim, index, withheld->peer, buffer_span(&withheld->bytes), 0);
		buffer_free(&withheld->bytes);
	}
	liar->withheld_count = 0;
	liar->withheld_max = (uint32_t)sim_between(sim, 4, 60);
}

static void bomb_load(struct sim *sim, uint16_t index, uint16_t peer, struct span push, uint16_t targets)
{
	struct liar *liar = &sim->member[index].liar;
	hold_back(sim, index, peer, push);
	if (liar->withheld_count >= liar->withheld_max)
		bomb_throw(sim, index, targets);
}

/* -- modes ----------------------------------------------------------------------------------------------------- */

/* The peer's place behind the liar, from 0. */
static uint16_t place(const struct sim *sim, uint16_t index, uint16_t peer)
{
	return (uint16_t)((peer + sim->members - index - 1) % sim->members);
}

static bool withholds_from(struct sim *sim, uint16_t index, uint16_t peer, uint32_t round)
{
	struct liar *liar = &sim->member[index].liar;
	if (sim->member[index].nature == LEADER_WITHHOLDING)
		return place(sim, index, peer) >= sim->faulty_max + 1 + round % 2;
	if (liar->ramp_round != round) {
		liar->ramp_round = round;
		liar->ramp = (liar->ramp + 1) % sim->members;
	}
	return place(sim, index, peer) < liar->ramp;
}

static void own_block_send(struct sim *sim, uint16_t index, uint16_t peer, const struct block *block, struct span push)
{
	/* First, as long as the schedule is the first one. */
	bool leads = block->round % sim->epochs[block->epoch].members == block->author;
	uint16_t quorum = (uint16_t)faults_quorum(sim->epochs[block->epoch].members, FAULTS_BYZANTINE);
	switch (sim->member[index].nature) {
	case TIMEOUT_LEADER:
		network_send(sim, index, peer, push, leads ? sim->consensus.leader_timeout_ms * SIM_MS * 11 / 10 : 0);
		return;
	case EQUIVOCATING_CHAINS:
		network_send(sim, index, peer, chain_block(sim, index, place(sim, index, peer), block, push), 0);
		return;
	case FALSE_ROOTS: /* one chain for all, with forgeries in it */
		network_send(sim, index, peer, chain_block(sim, index, 1, block, push), 0);
		return;
	case EQUIVOCATING_TWO_CHAINS:
		network_send(sim, index, peer, chain_block(sim, index, peer % 2, block, push), 0);
		return;
	case LEADER_WITHHOLDING:
	case RAMP_UP_WITHHOLDING:
		if (leads && withholds_from(sim, index, peer, block->round))
			sim->counters[SIM_WITHHELD]++;
		else
			network_send(sim, index, peer, push, 0);
		return;
	case CHAIN_BOMB:
		bomb_load(sim, index, peer, push, 1);
		return;
	case CHAIN_BOMB_QUORUM:
		bomb_load(sim, index, peer, push, quorum);
		return;
	case EQUIVOCATING_CHAINS_BOMB:
		bomb_load(sim, index, peer, chain_block(sim, index, place(sim, index, peer), block, push), sim->members);
		return;
	default:
		network_send(sim, index, peer, push, 0);
		return;
	}
}

void liar_send(struct sim *sim, uint16_t index, uint16_t peer, struct span bytes)
{
	struct block block;
	enum nature nature = sim->member[index].nature;
	if (nature == SILENT || (nature == RANDOM_DROP && sim_permille(sim, 400)))
		return;
	if (nature == LYING_SYNC || (nature == FALSE_ROOTS && bytes.data[0] >= OUTER_COSIGNATURE)) {
		liar_twist(sim, index, peer, bytes);
		return;
	}
	bool push = bytes.size > PUSH_SIZE && bytes.data[0] == OUTER_CONSENSUS && bytes.data[OUTER_SIZE] == MESSAGE_BLOCK
		&& block_parse(span_after(bytes, PUSH_SIZE), &block, NULL) == OK && block_owner(sim, &block) == index;
	if (push)
		own_block_send(sim, index, peer, &block, bytes);
	else
		network_send(sim, index, peer, bytes, 0);
}

void liar_free(struct liar *liar)
{
	for (size_t i = 0; i < liar->withheld_count; i++)
		buffer_free(&liar->withheld[i].bytes);
	for (size_t i = 0; i < SIM_MEMBERS_MAX; i++)
		buffer_free(&liar->twin_bytes[i]);
	free(liar->withheld);
}
