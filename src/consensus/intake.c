/* Blocks on their way in: from peers, from the own disk, from ourselves; and what follows from
 * accepting one. docs/ledger.md, "Validity" and "Waiting and fetching". */
#include "consensus/machine.h"
#include "consensus/rank.h"

/* Equivocation. */

static struct span signed_header_keep(struct consensus *machine, const struct block *block)
{
	struct buffer bytes = {0};
	buffer_append_span(&bytes, block_signed_header(block));
	return output_keep(&machine->output, &bytes);
}

/* Is there another block in this one's slot? */
static bool is_twin(struct consensus *machine, const struct block *block)
{
	return dag_slot(&machine->dag, block->round, block->author) != DAG_NONE ||
		waiting_in_slot(&machine->waiting, block->round, block->author);
}

static bool twin_is_reported(struct consensus *machine, const struct block *block)
{
	uint32_t first = dag_slot(&machine->dag, block->round, block->author);
	if (first != DAG_NONE)
		return machine->dag.blocks[first].flags & DAG_REPORTED;
	return waiting_in_slot(&machine->waiting, block->round, block->author)->reported;
}

/* Give out both signed headers of a slot, once; the second one's signature was verified. */
static void twin_report(struct consensus *machine, const struct block *second)
{
	if (twin_is_reported(machine, second))
		return;
	machine->equivocations++;
	struct output_twins twins = {.author = second->author, .second_bytes = signed_header_keep(machine, second)};
	twins.first = dag_slot(&machine->dag, second->round, second->author);
	if (twins.first != DAG_NONE) {
		machine->dag.blocks[twins.first].flags |= DAG_REPORTED;
		twins.first_digest = machine->dag.blocks[twins.first].digest;
	} else {
		struct waiting_block *waits = waiting_in_slot(&machine->waiting, second->round, second->author);
		struct block parsed;
		waits->reported = true;
		CHECK(block_parse(buffer_span(&waits->bytes), &parsed, NULL) == OK); /* it was, when it came */
		twins.first_bytes = signed_header_keep(machine, &parsed);
		twins.first_digest = parsed.digest;
	}
	output_evidence(&machine->output, &machine->dag, &twins);
}

/* Commits. */

static void commit_one(struct consensus *machine, uint32_t leader)
{
	linearizer_commit(&machine->linearizer, &machine->dag, leader);
	output_commit(&machine->output, &machine->dag, &machine->linearizer, leader);
	waiting_collect(&machine->waiting, &machine->dag, machine->steady_ms);
	pacemaker_committed(&machine->pacemaker);
	reputation_commit(&machine->reputation, &machine->dag, leader, &machine->linearizer);
}

/* Between two rounds only: the places of one round follow the same anchors, whenever they are decided. */
static void schedule_renew(struct consensus *machine)
{
	if (!machine->reputation.changed || machine->committer.taken > 0)
		return;
	machine->reputation.changed = false;
	committer_schedule_set(&machine->committer, &machine->reputation.schedule);
	committer_decide(&machine->committer, &machine->dag);
}

static void commit(struct consensus *machine)
{
	uint32_t round, leader;
	committer_decide(&machine->committer, &machine->dag);
	while (committer_take(&machine->committer, &round, &leader)) {
		if (leader == DAG_NONE)
			machine->skipped_leaders++;
		else
			commit_one(machine, leader);
		schedule_renew(machine);
	}
}

/* Acceptance. */

struct accepted {
	const struct block *block;
	struct span bytes;
	uint64_t position;
	bool reported;
};

/* All ancestors are there. Bytes that are not on disk yet go there; they live until the step ends. */
static void accept_one(struct consensus *machine, const struct accepted *accepted)
{
	const struct block *block = accepted->block;
	struct block_ref ref = block_reference(block);
	if (block->round <= machine->dag.gc_round) { /* commits passed it while it waited */
		if (block->author == machine->config.own && block->round > machine->dag.newest[block->author])
			dag_tip_learn(&machine->dag, block, (uint32_t)accepted->bytes.size);
		return;
	}
	uint32_t id = dag_add(&machine->dag, block, (uint32_t)accepted->bytes.size, accepted->position);
	if (accepted->reported)
		machine->dag.blocks[dag_slot(&machine->dag, block->round, block->author)].flags |= DAG_REPORTED;
	if (accepted->position == DAG_NOWHERE)
		output_persist(&machine->output, id, &block->digest, accepted->bytes, block->author == machine->config.own);
	if (block->author == machine->config.own) {
		tip_seen(&machine->tip, block->round);
		propose_included(machine, id);
		if (block->vote_count > 0)
			machine->voted_index = block->votes[block->vote_count - 1].index;
	}
	if (block->tx_count > 0) {
		ARRAY_GROW(machine->open, machine->open_count, machine->open_capacity);
		machine->open[machine->open_count++] = id;
	}
	committer_note(&machine->committer, &machine->dag, id);
	waiting_resolve(&machine->waiting, &ref);
	commit(machine);
}

/* Accept what waited for nothing else; one may free the next, without recursion. */
static void accept_waiting(struct consensus *machine)
{
	struct waiting_block waited;
	struct block block;
	while (waiting_take(&machine->waiting, &waited)) {
		struct span bytes = output_keep(&machine->output, &waited.bytes);
		CHECK(block_parse(bytes, &block, NULL) == OK); /* it was, when it came */
		accept_one(machine, &(struct accepted){&block, bytes, waited.position, waited.reported});
	}
}

static bool ancestors_are_there(const struct consensus *machine, const struct block *block)
{
	for (int i = 0; i < block->ancestor_count; i++)
		if (!dag_has(&machine->dag, &block->ancestors[i]))
			return false;
	return true;
}

void intake_own(struct consensus *machine, const struct block *block, struct span bytes)
{
	CHECK(block->round > machine->dag.gc_round);
	accept_one(machine, &(struct accepted){block, bytes, DAG_NOWHERE, false});
	accept_waiting(machine);
}

/* Time. */

uint64_t intake_time(const struct consensus *machine)
{
	/* A time that f+1 authors have reached is no lie: then our own clock is behind. */
	uint64_t heard = rank_highest(machine->heard_ms, machine->config.members,
		(uint32_t)validity_faulty_max(machine->config.members) + 1);
	uint64_t own = machine->now_ms > 0 ? (uint64_t)machine->now_ms : 0;
	return own > heard ? own : heard;
}

static bool is_early(struct consensus *machine, const struct block *block)
{
	if (block->timestamp_ms > machine->heard_ms[block->author])
		machine->heard_ms[block->author] = block->timestamp_ms;
	return block->timestamp_ms > intake_time(machine) + machine->config.clock_drift_ms;
}

void intake_release(struct consensus *machine)
{
	if (machine->waiting.held == 0)
		return;
	waiting_release(&machine->waiting, intake_time(machine) + machine->config.clock_drift_ms);
	accept_waiting(machine);
}

/* From peers. */

enum permission {
	PERMISSION_NONE,
	PERMISSION_SLOT,   /* if it is the first of its slot */
	PERMISSION_ASKED,  /* asked for by digest: twins are welcome, or the order would stall */
};

/* Who sends a block must be its author, unless we asked. */
static enum permission permission_of(struct consensus *machine, uint16_t peer, const struct block_ref *ref)
{
	struct sync_peer *known = &machine->sync.peers[peer];
	if (waiting_is_wanted(&machine->waiting, ref))
		return PERMISSION_ASKED;
	if (ref->author == peer)
		return PERMISSION_SLOT;
	if (known->credit == 0)
		return PERMISSION_NONE;
	known->credit--;
	return PERMISSION_SLOT;
}

static bool is_genuine(const struct consensus *machine, const struct block *block)
{
	return machine->signer.verify(machine->signer.context, block->author, &block->digest, block->signature) == OK &&
		block_body_check(block, NULL) == OK;
}

/* A valid, new, permitted and genuine block. */
static void take(struct consensus *machine, uint16_t peer, const struct block *block, struct span bytes, bool reported)
{
	bool hold = is_early(machine, block);
	if (hold || !ancestors_are_there(machine, block)) {
		struct waiting_arrival arrival = {.block = block, .bytes = bytes, .position = DAG_NOWHERE, .peer = peer,
			.hold = hold, .reported = reported, .now_ms = machine->steady_ms};
		if (!waiting_add(&machine->waiting, &machine->dag, &arrival))
			machine->dropped++;
		return; /* no progress: an answer comes in causal order, but a peer that answers nothing still pushes its own blocks */
	}
	struct buffer copy = {0};
	buffer_append_span(&copy, bytes);
	bytes = output_keep(&machine->output, &copy);
	sync_progress(&machine->sync, peer, block->author, machine->steady_ms);
	accept_one(machine, &(struct accepted){block, bytes, DAG_NOWHERE, reported});
	accept_waiting(machine);
}

/* Too old to be accepted; but if it is our own and newer than any that we have, then we lost it, and
 * the next one stands on it. */
static void old_tip_learn(struct consensus *machine, const struct block *block, struct span bytes)
{
	if (block->author != machine->config.own || block->round <= machine->dag.newest[block->author] || !is_genuine(machine, block))
		return;
	dag_tip_learn(&machine->dag, block, (uint32_t)bytes.size);
	tip_seen(&machine->tip, block->round);
}

void intake_message(struct consensus *machine, uint16_t peer, struct span bytes)
{
	struct block block;
	if (block_parse(bytes, &block, NULL) != OK || validity_check(&machine->validity, &block, NULL) != OK) {
		machine->refused++;
		return;
	}
	struct block_ref ref = block_reference(&block);
	if (block.author == peer)
		sync_learn_push(&machine->sync, peer, block.round);
	if (block.round > dag_highest_round(&machine->dag) + machine->config.rounds_ahead_max) {
		machine->dropped++;
		return;
	}
	if (dag_find(&machine->dag, &ref) != DAG_NONE || waiting_find(&machine->waiting, &ref))
		return;
	if (block.round <= machine->dag.gc_round) {
		old_tip_learn(machine, &block, bytes);
		return;
	}
	enum permission permission = permission_of(machine, peer, &ref);
	bool twin = is_twin(machine, &block);
	bool unwelcome = permission == PERMISSION_NONE || (permission == PERMISSION_SLOT && twin);
	/* A twin that nobody names is evidence, once, and nothing more. */
	if (unwelcome && (!twin || twin_is_reported(machine, &block))) {
		machine->refused++;
		return;
	}
	if (!is_genuine(machine, &block)) {
		machine->refused++;
		return;
	}
	if (block.author == machine->config.own)
		tip_seen(&machine->tip, block.round);
	if (twin)
		twin_report(machine, &block);
	if (!unwelcome)
		take(machine, peer, &block, bytes, twin);
}

/* A valid block that is neither here nor too old. */
static bool is_news(struct consensus *machine, struct span bytes, struct block *block)
{
	if (block_parse(bytes, block, NULL) != OK || validity_check(&machine->validity, block, NULL) != OK) {
		machine->refused++;
		return false;
	}
	struct block_ref ref = block_reference(block);
	return dag_find(&machine->dag, &ref) == DAG_NONE && !waiting_find(&machine->waiting, &ref) && block->round > machine->dag.gc_round;
}

void intake_history(struct consensus *machine, struct span bytes)
{
	struct block block;
	intake_release(machine);
	if (!is_news(machine, bytes, &block))
		return;
	bool twin = is_twin(machine, &block);
	if (block.round > dag_highest_round(&machine->dag) + machine->config.rounds_ahead_max || !is_genuine(machine, &block)) {
		machine->refused++;
		return;
	}
	if (block.author == machine->config.own)
		tip_seen(&machine->tip, block.round);
	if (twin)
		twin_report(machine, &block);
	take(machine, block.author, &block, bytes, twin);
}

/* From the own disk. */

void intake_recovered(struct consensus *machine, struct span bytes, uint64_t position)
{
	struct block block;
	if (!is_news(machine, bytes, &block))
		return;
	if (block.author == machine->config.own) {
		tip_seen(&machine->tip, block.round);
		machine->tip.doubted = false; /* own blocks were stored in the order of their rounds */
	}
	if (block.timestamp_ms > machine->heard_ms[block.author])
		machine->heard_ms[block.author] = block.timestamp_ms;
	bool twin = is_twin(machine, &block);
	if (twin)
		twin_report(machine, &block);
	if (ancestors_are_there(machine, &block)) {
		accept_one(machine, &(struct accepted){&block, bytes, position, twin});
		accept_waiting(machine);
		return;
	}
	/* The log has a hole. Peers will fill it. */
	struct waiting_arrival arrival = {.block = &block, .bytes = bytes, .position = position,
		.peer = machine->config.own, .reported = twin, .now_ms = machine->steady_ms};
	CHECK(waiting_add(&machine->waiting, &machine->dag, &arrival)); /* what is on disk has no quota */
}
