/* What members tell and ask each other besides pushing their own new blocks.
 * docs/ledger.md, "Messages" and "Waiting and fetching". */
#include "consensus/machine.h"

void talk_send(struct consensus *machine, uint16_t peer, const struct message *message)
{
	struct buffer bytes = {0};
	message_encode(message, machine->config.members, &bytes);
	output_send(&machine->output, peer, output_keep(&machine->output, &bytes));
}

static void rounds_set(const struct consensus *machine, struct message *message)
{
	memcpy(message->rounds, machine->dag.newest, sizeof message->rounds);
}

static void have_send(struct consensus *machine, uint16_t peer, bool answer_wanted)
{
	struct message message = {.kind = MESSAGE_HAVE, .flag = answer_wanted};
	rounds_set(machine, &message);
	talk_send(machine, peer, &message);
}

static void tip_request_send(struct consensus *machine, uint16_t peer)
{
	struct message message = {.kind = MESSAGE_TIP_REQUEST, .number = machine->tip.number};
	machine->sync.peers[peer].credit++; /* the answer comes with a block that is not the peer's */
	talk_send(machine, peer, &message);
}

/* The newest block of `author`, if it is on our disk. */
static void tip_send(struct consensus *machine, uint16_t peer, uint16_t author)
{
	struct dag_tip tip = dag_tip(&machine->dag, author);
	uint32_t id = dag_slot(&machine->dag, tip.ref.round, author);
	if (tip.ref.round == 0)
		return;
	if (id != DAG_NONE) /* its position may come at the end of this step only */
		output_send_stored(&machine->output, &machine->dag, peer, &id, 1);
	else if (tip.position != DAG_NOWHERE)
		output_send_tip(&machine->output, peer, &tip);
}

static void own_tip_send(struct consensus *machine, uint16_t peer)
{
	tip_send(machine, peer, machine->config.own);
}

static void sync_start(struct consensus *machine, uint16_t peer)
{
	sync_begin(&machine->sync, &machine->dag, peer, machine->steady_ms);
	struct message message = {.kind = MESSAGE_SYNC, .number = machine->sync.number};
	rounds_set(machine, &message);
	/* What is collected here is not lacked. Else an answer would begin where some member's absence began, and end before
	 * it comes to anything new. */
	for (uint16_t author = 0; author < machine->config.members; author++)
		if (message.rounds[author] < machine->dag.gc_round)
			message.rounds[author] = machine->dag.gc_round;
	talk_send(machine, peer, &message);
}

void talk_peer_up(struct consensus *machine, uint16_t peer)
{
	have_send(machine, peer, true);
	if (!machine->tip.known)
		tip_request_send(machine, peer);
	/* It may have acknowledged our last block and lost it. */
	own_tip_send(machine, peer);
}

/* Answers. */

static bool ids_add(uint32_t *ids, uint32_t *count, uint32_t id)
{
	uint32_t at = *count;
	for (uint32_t i = 0; i < *count; i++)
		if (ids[i] == id)
			return false;
	/* Ascending numbers are causal order. */
	for (; at > 0 && ids[at - 1] > id; at--)
		ids[at] = ids[at - 1];
	ids[at] = id;
	++*count;
	return true;
}

/* The wanted blocks, and a few ancestors that the peer seems to lack, too. */
static uint32_t fetch_collect(const struct consensus *machine, const struct message *message, uint32_t *ids)
{
	const struct dag *dag = &machine->dag;
	uint32_t found[MESSAGE_REFS_MAX], found_count = 0, count = 0, extras = 0;
	for (int i = 0; i < message->ref_count; i++) {
		uint32_t id = dag_find(dag, &message->refs[i]);
		if (id != DAG_NONE && dag->blocks[id].round > 0 && ids_add(ids, &count, id))
			found[found_count++] = id;
	}
	for (uint32_t i = 0; i < found_count; i++)
		for (int k = 0; k < dag->blocks[found[i]].ancestor_count && extras < MACHINE_EXTRAS_MAX; k++) {
			uint32_t ancestor = dag_ancestors(dag, found[i])[k];
			if (ancestor == DAG_NONE)
				continue;
			const struct dag_block *block = &dag->blocks[ancestor];
			if (block->round > message->rounds[block->author])
				extras += ids_add(ids, &count, ancestor);
		}
	return count;
}

static uint64_t bytes_of(const struct dag *dag, const uint32_t *ids, uint32_t count)
{
	uint64_t bytes = 0;
	for (uint32_t i = 0; i < count; i++)
		bytes += dag->blocks[ids[i]].size;
	return bytes;
}

/* How many of the first blocks fit into one answer. */
static uint32_t answer_cut(const struct dag *dag, const uint32_t *ids, uint32_t count)
{
	while (count > 1 && bytes_of(dag, ids, count) > SYNC_BYTES_MAX)
		count--;
	return count;
}

static void waiting_send(struct consensus *machine, uint16_t peer, const struct waiting_block *block)
{
	if (!sync_allow(&machine->sync, peer, block->bytes.size, machine->steady_ms))
		return;
	struct message message = {.kind = MESSAGE_BLOCK, .block = buffer_span(&block->bytes)};
	talk_send(machine, peer, &message);
}

/* What so many blocks weigh, about, if those on disk are like those in memory. */
static uint64_t blocks_weigh(const struct dag *dag, uint32_t count)
{
	uint64_t bytes = 0;
	for (uint32_t id = 0; id < dag->count; id++)
		bytes += dag->blocks[id].size;
	bytes = bytes / dag->count * count;
	return bytes < SYNC_BYTES_MAX ? bytes : SYNC_BYTES_MAX;
}

/* Somebody far behind lacks a twin that is no longer in memory: it is looked for on the disk, from where its round
 * begins. (What is above the asker's rounds comes by SYNC.) */
static void fetch_from_disk(struct consensus *machine, uint16_t peer, const struct message *message)
{
	struct consensus_range range = {.members = machine->config.members, .epoch = machine->config.epoch, .position = DAG_NOWHERE, .blocks_left = MESSAGE_REFS_MAX,
		.looks_left = MACHINE_FETCH_LOOKS, .bytes_left = SYNC_BYTES_MAX};
	for (int i = 0; i < message->ref_count; i++) {
		const struct block_ref *ref = &message->refs[i];
		uint64_t position = dag_stored_from(&machine->dag, ref->round);
		if (ref->round == 0 || ref->round >= machine->dag.floor || position == DAG_NOWHERE ||
			ref->author >= machine->config.members || ref->round > message->rounds[ref->author])
			continue;
		range.refs[range.ref_count++] = *ref;
		if (position < range.position)
			range.position = position;
	}
	if (range.ref_count > 0 && sync_allow(&machine->sync, peer, blocks_weigh(&machine->dag, MACHINE_FETCH_LOOKS), machine->steady_ms))
		output_send_range(&machine->output, peer, &range);
}

static void fetch_answer(struct consensus *machine, uint16_t peer, const struct message *message)
{
	uint32_t ids[MESSAGE_REFS_MAX + MACHINE_EXTRAS_MAX];
	uint32_t count = answer_cut(&machine->dag, ids, fetch_collect(machine, message, ids));
	if (!sync_allow(&machine->sync, peer, bytes_of(&machine->dag, ids, count), machine->steady_ms))
		return;
	output_send_stored(&machine->output, &machine->dag, peer, ids, count);
	fetch_from_disk(machine, peer, message);
	/* What waits here itself may still help there; one is enough, because each costs a copy. */
	for (int i = 0; i < message->ref_count; i++) {
		const struct waiting_block *block = waiting_find(&machine->waiting, &message->refs[i]);
		if (block) {
			waiting_send(machine, peer, block);
			return;
		}
	}
}

struct consensus_range talk_range(uint16_t members, uint64_t epoch, const uint32_t *rounds)
{
	struct consensus_range range = {.members = members, .epoch = epoch, .blocks_left = SYNC_BLOCKS_MAX,
		.looks_left = 8 * SYNC_BLOCKS_MAX, .bytes_left = SYNC_BYTES_MAX};
	memcpy(range.rounds, rounds, members * sizeof *rounds);
	return range;
}

/* The peer was away for long: what it lacks is on disk only. False when its allowance is used up. */
static bool range_answer(struct consensus *machine, uint16_t peer, const struct message *message, uint32_t lowest)
{
	struct consensus_range range = talk_range(machine->config.members, machine->config.epoch, message->rounds);
	range.position = dag_stored_from(&machine->dag, lowest);
	if (!sync_allow(&machine->sync, peer, blocks_weigh(&machine->dag, SYNC_BLOCKS_MAX), machine->steady_ms))
		return false;
	output_send_range(&machine->output, peer, &range);
	return true;
}

static void sync_end_send(struct consensus *machine, uint16_t peer, uint64_t number, bool more)
{
	struct message end = {.kind = MESSAGE_SYNC_END, .number = number, .flag = more};
	rounds_set(machine, &end);
	talk_send(machine, peer, &end);
}

static void sync_answer(struct consensus *machine, uint16_t peer, const struct message *message)
{
	uint32_t ids[SYNC_BLOCKS_MAX], lowest = sync_lowest(&machine->dag, message->rounds);
	bool more;
	if (lowest < machine->dag.floor) {
		if (range_answer(machine, peer, message, lowest))
			sync_end_send(machine, peer, message->number, true);
		return;
	}
	uint32_t count = sync_serve(&machine->dag, message->rounds, ids, &more);
	if (!sync_allow(&machine->sync, peer, bytes_of(&machine->dag, ids, count), machine->steady_ms))
		return;
	output_send_stored(&machine->output, &machine->dag, peer, ids, count);
	sync_end_send(machine, peer, message->number, more);
}

static void sync_ended(struct consensus *machine, uint16_t peer, const struct message *message)
{
	sync_learn(&machine->sync, peer, message->rounds);
	if (machine->sync.from != peer || machine->sync.number != message->number)
		return;
	bool brought = sync_end(&machine->sync, &machine->dag, machine->steady_ms);
	if (brought && sync_turn_lasts(&machine->sync, machine->steady_ms) && sync_lacks(&machine->sync, &machine->dag, peer))
		sync_start(machine, peer);
}

static void tip_answer(struct consensus *machine, uint16_t peer, const struct message *message)
{
	struct message answer = {.kind = MESSAGE_TIP, .number = message->number};
	struct dag_tip tip = dag_tip(&machine->dag, peer);
	const struct waiting_block *waits = waiting_highest(&machine->waiting, peer);
	answer.refs[0] = tip.ref;
	if (waits && waits->ref.round > tip.ref.round) {
		answer.refs[0] = waits->ref;
		waiting_send(machine, peer, waits);
	} else if (tip.ref.round > 0) {
		if (!sync_allow(&machine->sync, peer, tip.size, machine->steady_ms))
			return;
		tip_send(machine, peer, peer);
	}
	talk_send(machine, peer, &answer);
}

/* A claim counts once the block itself is here, which only we can have signed. */
static void tip_told(struct consensus *machine, uint16_t peer, const struct message *message)
{
	const struct block_ref *ref = &message->refs[0];
	if (machine->tip.known || message->number != machine->tip.number)
		return;
	if (ref->author != machine->config.own) {
		machine->refused++;
		return;
	}
	if (ref->round <= machine->dag.newest[machine->config.own] || waiting_find(&machine->waiting, ref))
		tip_answered(&machine->tip, peer, machine->steady_ms);
}

static void have_told(struct consensus *machine, uint16_t peer, const struct message *message)
{
	sync_learn(&machine->sync, peer, message->rounds);
	if (sync_may_begin(&machine->sync, &machine->dag, peer))
		sync_start(machine, peer);
	if (message->flag && sync_exceeds(&machine->sync, &machine->dag, peer))
		have_send(machine, peer, false);
}

void talk_message(struct consensus *machine, uint16_t peer, struct span bytes)
{
	struct message message;
	if (message_decode(bytes, machine->config.members, &message) != OK) {
		machine->refused++;
		return;
	}
	switch (message.kind) {
	case MESSAGE_BLOCK:
		intake_message(machine, peer, message.block);
		break;
	case MESSAGE_FETCH:
		fetch_answer(machine, peer, &message);
		break;
	case MESSAGE_HAVE:
		have_told(machine, peer, &message);
		break;
	case MESSAGE_SYNC:
		sync_learn(&machine->sync, peer, message.rounds);
		sync_answer(machine, peer, &message);
		break;
	case MESSAGE_SYNC_END:
		sync_ended(machine, peer, &message);
		break;
	case MESSAGE_TIP_REQUEST:
		tip_answer(machine, peer, &message);
		break;
	case MESSAGE_TIP:
		tip_told(machine, peer, &message);
		break;
	}
}

/* By the clock. */

static void fetch_due(struct consensus *machine)
{
	struct waiting_round round = {
		.up = machine->up,
		.own = machine->config.own,
		.now_ms = machine->steady_ms,
		.newest = machine->dag.newest,
		.syncing = machine->sync.from != SYNC_NOBODY && /* and it is no liar who keeps us busy */
			sync_network_round(&machine->sync) > dag_highest_round(&machine->dag) + SYNC_SLACK,
	};
	if (machine->waiting.missing == 0 || machine->steady_ms < machine->waiting.next_due_ms)
		return;
	waiting_assign(&machine->waiting, &round);
	for (uint16_t peer = 0; peer < machine->config.members; peer++) {
		struct message message = {.kind = MESSAGE_FETCH};
		if (!machine->up[peer])
			continue;
		while ((message.ref_count = (uint16_t)waiting_asked(&machine->waiting, peer, message.refs)) > 0) {
			struct sync_peer *known = &machine->sync.peers[peer];
			if (known->credit < SYNC_BLOCKS_MAX)
				known->credit += MACHINE_EXTRAS_MAX;
			rounds_set(machine, &message);
			talk_send(machine, peer, &message);
		}
	}
}

static void tip_due(struct consensus *machine)
{
	if (machine->tip.known || machine->steady_ms < machine->tip.request_ms)
		return;
	machine->tip.request_ms = machine->steady_ms + TIP_RETRY_MS;
	for (uint16_t peer = 0; peer < machine->config.members; peer++)
		if (machine->up[peer] && !machine->tip.answered[peer])
			tip_request_send(machine, peer);
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* In steady time. */
static int64_t held_wake(const struct consensus *machine)
{
	uint64_t until = waiting_held_until(&machine->waiting);
	uint64_t time = intake_time(machine) + machine->config.clock_drift_ms;
	if (until == UINT64_MAX)
		return INT64_MAX;
	return machine->steady_ms + (until > time ? (int64_t)(until - time) : 0);
}

int64_t talk_periodic(struct consensus *machine, bool wanted)
{
	tip_due(machine);
	fetch_due(machine);
	uint16_t peer = sync_choose(&machine->sync, &machine->dag, machine->steady_ms);
	if (peer != SYNC_NOBODY)
		sync_start(machine, peer);
	if (pacemaker_nudge(&machine->pacemaker, wanted, machine->steady_ms))
		for (peer = 0; peer < machine->config.members; peer++)
			if (machine->up[peer]) {
				own_tip_send(machine, peer);
				have_send(machine, peer, true);
			}
	int64_t wake = held_wake(machine);
	if (!machine->tip.known)
		wake = sooner(wake, machine->tip.request_ms);
	if (machine->waiting.missing > 0)
		wake = sooner(wake, machine->waiting.next_due_ms);
	wake = sooner(wake, sync_wake(&machine->sync, &machine->dag));
	return sooner(wake, machine->pacemaker.nudge_ms);
}
