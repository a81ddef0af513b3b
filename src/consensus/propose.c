/* Making own blocks. docs/ledger.md, "Pacemaker". */
#include "consensus/machine.h"

void propose_included(struct consensus *machine, uint32_t id)
{
	struct dag *dag = &machine->dag;
	uint32_t depth = 0;
	ARRAY_GROW(machine->stack, depth, machine->stack_capacity);
	machine->stack[depth++] = id;
	dag->blocks[id].flags |= DAG_INCLUDED;
	while (depth > 0) {
		uint32_t at = machine->stack[--depth];
		struct dag_block *block = &dag->blocks[at];
		if (block->round > machine->included[block->author])
			machine->included[block->author] = block->round;
		for (int i = 0; i < block->ancestor_count; i++) {
			uint32_t ancestor = dag_ancestors(dag, at)[i];
			if (ancestor == DAG_NONE || dag->blocks[ancestor].flags & DAG_INCLUDED)
				continue;
			dag->blocks[ancestor].flags |= DAG_INCLUDED;
			ARRAY_GROW(machine->stack, depth, machine->stack_capacity);
			machine->stack[depth++] = ancestor;
		}
	}
}

/* Quiescence: own transactions wait, or a block with some is not committed. An own block is never
 * given up; another's is when commits have long passed it, because its author will bring it back. */
bool propose_has_work(struct consensus *machine)
{
	for (; machine->open_head < machine->open_count; machine->open_head++) {
		const struct dag_block *block = &machine->dag.blocks[machine->open[machine->open_head]];
		bool orphan = block->author != machine->config.own &&
			block->round + MACHINE_ORPHAN_ROUNDS < machine->committer.decided;
		if (!(block->flags & DAG_COMMITTED) && !orphan)
			return true;
	}
	machine->open_head = machine->open_count = 0;
	return queue_size(&machine->queue) > 0;
}

/* The newest block of `author` below `round` that no own block has in its history. */
static uint32_t newest_unincluded(const struct consensus *machine, uint16_t author, uint32_t round)
{
	const struct dag *dag = &machine->dag;
	uint32_t from = dag->newest[author] < round ? dag->newest[author] : round - 1;
	uint32_t gc_depth = machine->config.gc_depth;
	uint32_t lowest = gc_depth > 0 && round > gc_depth ? round - gc_depth : 0;
	for (uint32_t at = from; at > machine->included[author] && at >= lowest; at--) {
		uint32_t id = dag_slot(dag, at, author);
		if (id != DAG_NONE && !(dag->blocks[id].flags & DAG_INCLUDED))
			return id;
	}
	return DAG_NONE;
}

/* Round 1 names the genesis blocks, although they are in everybody's history. */
static uint32_t ancestor_choose(const struct consensus *machine, uint16_t author, uint32_t round)
{
	if (round == 1)
		return dag_slot(&machine->dag, 0, author);
	return newest_unincluded(machine, author, round);
}

static void ancestors_choose(const struct consensus *machine, struct block *block)
{
	const struct dag *dag = &machine->dag;
	uint16_t own = machine->config.own;
	block->ancestor_count = 0;
	block->ancestors[block->ancestor_count++] = dag_tip(dag, own).ref;
	for (uint16_t author = 0; author < dag->members; author++) {
		uint32_t id = author == own ? DAG_NONE : ancestor_choose(machine, author, block->round);
		if (id != DAG_NONE)
			block->ancestors[block->ancestor_count++] = dag_reference(dag, id);
	}
}

/* Never before an ancestor, whatever the own clock says. */
static uint64_t time_choose(const struct consensus *machine, const struct block *block)
{
	uint64_t time = machine->now_ms > 0 ? (uint64_t)machine->now_ms : 0, own = dag_tip(&machine->dag, machine->config.own).timestamp_ms;
	time = own > time ? own : time;
	for (int i = 1; i < block->ancestor_count; i++) {
		uint64_t other = machine->dag.blocks[dag_find(&machine->dag, &block->ancestors[i])].timestamp_ms;
		if (other > time)
			time = other;
	}
	return time < BLOCK_TIMESTAMP_MAX ? time : BLOCK_TIMESTAMP_MAX;
}

static enum status block_make(struct consensus *machine, uint32_t round)
{
	struct block block = {.epoch = machine->config.epoch, .round = round, .author = machine->config.own};
	memcpy(block.network, machine->config.network, BLOCK_NETWORK_SIZE);
	ancestors_choose(machine, &block);
	block.timestamp_ms = time_choose(machine, &block);
	/* A vote holds for the whole chain up to it, so the newest says all. */
	if (machine->linearizer.index > machine->voted_index)
		block.votes[block.vote_count++] = (struct commit_vote){.index = machine->linearizer.index, .digest = machine->linearizer.digest};
	block.body = queue_body(&machine->queue, &block.tx_count);
	size_t body_size = block.body.size;

	/* Framed as the message that pushes it; without the kind it is what goes to disk. */
	struct buffer buffer = {0};
	write_u8(&buffer, MESSAGE_BLOCK);
	enum status status = block_seal(&block, &machine->signer, &buffer);
	if (status != OK) {
		buffer_free(&buffer);
		return status;
	}
	struct span message = output_keep(&machine->output, &buffer);
	struct span bytes = span_of(message.data + 1, message.size - 1);
	struct block sealed;
	CHECK(block_parse(bytes, &sealed, NULL) == OK && validity_check(&machine->validity, &sealed, NULL) == OK);
	queue_drop(&machine->queue, body_size);
	pacemaker_proposed(&machine->pacemaker, machine->steady_ms);
	if (sealed.timestamp_ms > machine->heard_ms[sealed.author])
		machine->heard_ms[sealed.author] = sealed.timestamp_ms;
	intake_own(machine, &sealed, bytes);
	for (uint16_t peer = 0; peer < machine->config.members; peer++)
		if (machine->up[peer])
			output_send(&machine->output, peer, message);
	return OK;
}

/* The next own block stands on the own tip, if that can still be accepted. Else it was seen and had to go before its
 * ancestors came, and the next one is of a later round all the same. */
static bool stands_on_tip(const struct consensus *machine)
{
	return machine->dag.newest[machine->config.own] == machine->tip.highest || machine->tip.highest <= machine->dag.gc_round;
}

/* Nothing is proposed before the own tip is known and accepted (or a slot might be filled twice),
 * without a quorum of connections (nobody could go on from it, and no quorum could tell us about
 * it later), or far behind the network (it would be ballast). */
static bool may_propose(const struct consensus *machine)
{
	return machine->tip.known && stands_on_tip(machine) &&
		dag_highest_round(&machine->dag) < BLOCK_ROUND_MAX &&
		machine->sync.connected + 1 >= machine->dag.quorum &&
		sync_network_round(&machine->sync) <= dag_highest_round(&machine->dag) + SYNC_LAG_MAX;
}

int64_t propose(struct consensus *machine, bool *wanted)
{
	*wanted = false;
	if (!may_propose(machine))
		return PACEMAKER_NEVER;
	for (int i = 0; i < MACHINE_PROPOSALS_MAX; i++) {
		struct pacemaker_view view = {
			.dag = &machine->dag,
			.schedule = &machine->committer.schedule,
			.leaders = committer_places(&machine->committer),
			.own = machine->config.own,
			.own_round = machine->dag.newest[machine->config.own],
			.up = machine->up,
			.work = propose_has_work(machine),
			.now_ms = machine->steady_ms,
		};
		struct pacemaker_verdict verdict = pacemaker_check(&machine->pacemaker, &view);
		*wanted = verdict.wanted;
		if (!verdict.propose)
			return verdict.wake_ms;
		if (block_make(machine, verdict.round) != OK)
			return machine->steady_ms + MACHINE_SIGN_RETRY_MS; /* the signer failed; nothing is lost */
	}
	return machine->steady_ms;
}
