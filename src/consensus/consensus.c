#include "consensus/machine.h"

#include <stdlib.h>

struct consensus_config consensus_config_default(void)
{
	return (struct consensus_config){
		.members = 1,
		.round_delay_ms = 20,
		.leader_timeout_ms = 300,
		.heartbeat_ms = 15000,
		.clock_drift_ms = 2000,
		.rounds_ahead_max = 500,
		.suspended_max = 128,
		.pending_bytes_max = 16 << 20,
		.gc_depth = 60,
		.leaders = BLOCK_MEMBERS_MAX,
	};
}

struct consensus *consensus_new(const struct consensus_config *config, const struct block_signer *signer)
{
	CHECK(config->members >= 1 && config->members <= BLOCK_MEMBERS_MAX && (config->own < config->members || config->own == CONSENSUS_NOBODY));
	CHECK(config->rounds_ahead_max <= UINT32_MAX - BLOCK_ROUND_MAX && config->suspended_max > 0);
	struct consensus *machine = memory_new_array(1, sizeof *machine);
	machine->config = *config;
	machine->signer = *signer;
	machine->validity = validity_of(config->members, config->faults, config->network, config->epoch, &config->genesis, config->gc_depth);
	dag_init(&machine->dag, &machine->validity);
	committer_init(&machine->committer, config->members, config->leaders < config->members ? config->leaders : config->members);
	linearizer_init(&machine->linearizer, config->gc_depth);
	machine->linearizer.timestamp_ms = config->begun_ms > 0 ? (uint64_t)config->begun_ms : 0;
	reputation_init(&machine->reputation, config->members, (uint16_t)faults_away(config->members, config->faults));
	waiting_init(&machine->waiting, config->members, config->suspended_max);
	pacemaker_init(&machine->pacemaker, config->round_delay_ms, config->leader_timeout_ms, config->heartbeat_ms, 0);
	sync_init(&machine->sync, config->members, config->own);
	tip_init(&machine->tip, config->members, config->faults);
	machine->tip.continued = config->continued;
	machine->queue.bytes_max = config->pending_bytes_max;
	return machine;
}

void consensus_free(struct consensus *consensus)
{
	if (!consensus)
		return;
	dag_free(&consensus->dag);
	committer_free(&consensus->committer);
	linearizer_free(&consensus->linearizer);
	waiting_free(&consensus->waiting);
	sync_free(&consensus->sync);
	queue_free(&consensus->queue);
	output_free(&consensus->output);
	free(consensus->open);
	free(consensus->stack);
	free(consensus->moved);
	free(consensus);
}

/* Time goes forward only, by what the shell's clock advances; a jump back costs nothing and one
 * ahead fires timers early, which is harmless. */
static void clock_advance(struct consensus *machine, int64_t now_ms)
{
	int64_t most = 10 * (int64_t)MACHINE_WAKE_MAX_MS, step = 0;
	if (machine->clock_set && now_ms > machine->now_ms)
		step = now_ms - machine->now_ms < 0 ? most : now_ms - machine->now_ms;
	machine->steady_ms += step < most ? step : most;
	machine->now_ms = now_ms;
	machine->clock_set = true;
}

static void start(struct consensus *machine)
{
	if (machine->started)
		return;
	CHECK(machine->config.own != CONSENSUS_NOBODY);
	machine->started = true;
	/* Differs from the last start's as long as the clock does; only late answers depend on it. */
	tip_start(&machine->tip, (uint64_t)machine->now_ms, machine->steady_ms);
	pacemaker_init(&machine->pacemaker, machine->config.round_delay_ms, machine->config.leader_timeout_ms,
		machine->config.heartbeat_ms, machine->steady_ms);
	for (uint16_t peer = 0; peer < machine->config.members; peer++)
		if (machine->up[peer])
			talk_peer_up(machine, peer);
}

static void peer_up(struct consensus *machine, uint16_t peer)
{
	machine->up[peer] = true;
	sync_peer_up(&machine->sync, peer, machine->steady_ms);
	waiting_hasten(&machine->waiting, machine->steady_ms);
	if (machine->started)
		talk_peer_up(machine, peer);
}

static void peer_down(struct consensus *machine, uint16_t peer)
{
	machine->up[peer] = false;
	sync_peer_down(&machine->sync, peer);
}

static bool is_peer(const struct consensus *machine, uint16_t peer)
{
	return peer < machine->config.members && peer != machine->config.own;
}

static enum status handle(struct consensus *machine, const struct consensus_event *event)
{
	switch (event->kind) {
	case CONSENSUS_START:
		start(machine);
		break;
	case CONSENSUS_RECOVERED:
		intake_recovered(machine, event->bytes, event->position);
		break;
	case CONSENSUS_TICK:
		break;
	case CONSENSUS_PEER_UP:
		if (is_peer(machine, event->peer))
			peer_up(machine, event->peer);
		break;
	case CONSENSUS_PEER_DOWN:
		if (is_peer(machine, event->peer))
			peer_down(machine, event->peer);
		break;
	case CONSENSUS_MESSAGE:
		if (is_peer(machine, event->peer) && machine->started)
			talk_message(machine, event->peer, event->bytes);
		else
			machine->refused++;
		break;
	case CONSENSUS_SUBMIT:
		return queue_push(&machine->queue, event->bytes);
	case CONSENSUS_HISTORY:
		intake_history(machine, event->bytes);
		break;
	}
	return OK;
}

/* What every step ends with: all waits are looked at again, so no timer can be forgotten. */
static void settle(struct consensus *machine)
{
	bool wanted;
	intake_release(machine);
	int64_t wake = tip_check(&machine->tip, machine->steady_ms);
	int64_t other = propose(machine, &wanted);
	wake = other < wake ? other : wake;
	other = talk_periodic(machine, wanted);
	wake = other < wake ? other : wake;
	int64_t sleep = wake > machine->steady_ms ? wake - machine->steady_ms : 0;
	output_timer(&machine->output, machine->now_ms + (sleep < MACHINE_WAKE_MAX_MS ? sleep : MACHINE_WAKE_MAX_MS));
}

/* Forget the rounds that no commit can reach any more. What was not committed is told: it never will be. */
static void collect(struct consensus *machine)
{
	struct dag *dag = &machine->dag;
	if (dag->gc_round + 1 < dag->floor + MACHINE_COLLECT_ROUNDS)
		return;
	for (uint16_t author = 0; author < dag->members; author++) {
		bool begun = false;
		for (uint32_t round = dag->floor > 0 ? dag->floor : 1; round <= dag->gc_round; round++)
			for (uint32_t id = dag_slot(dag, round, author); id != DAG_NONE; id = dag->blocks[id].twin) {
				if (dag->blocks[id].flags & DAG_COMMITTED)
					continue;
				if (!begun)
					output_collected(&machine->output, author);
				begun = true;
				machine->collected++;
				output_collected_add(&machine->output, dag, id);
			}
	}
	if (machine->moved_capacity < dag->count) {
		machine->moved_capacity = dag->capacity;
		machine->moved = memory_resize(machine->moved, machine->moved_capacity, sizeof *machine->moved);
	}
	dag_collect(dag, dag->gc_round + 1, machine->moved);
	committer_moved(&machine->committer, machine->moved);
	uint32_t left = 0;
	for (uint32_t i = machine->open_head; i < machine->open_count; i++)
		if (machine->moved[machine->open[i]] != DAG_NONE)
			machine->open[left++] = machine->moved[machine->open[i]];
	machine->open_head = 0;
	machine->open_count = left;
}

void consensus_step(struct consensus *consensus, const struct consensus_event *event, struct consensus_actions *actions,
	enum status *refused)
{
	output_reset(&consensus->output);
	clock_advance(consensus, event->now_ms);
	collect(consensus);
	enum status status = handle(consensus, event);
	if (refused)
		*refused = status;
	if (consensus->started)
		settle(consensus);
	output_finish(&consensus->output, actions);
}

enum status consensus_queue(struct consensus *consensus, struct span transaction)
{
	return queue_push(&consensus->queue, transaction);
}

void consensus_own_blocks_lost(struct consensus *consensus)
{
	consensus->tip.doubted = true;
	consensus->tip.continued = false;
}

void consensus_own_blocks_kept(struct consensus *consensus)
{
	consensus->tip.doubted = false;
	consensus->tip.continued = true;
}

bool consensus_tip_known(const struct consensus *consensus)
{
	return consensus->tip.known;
}

void consensus_block_stored(struct consensus *consensus, const struct digest *digest, uint64_t position)
{
	uint32_t id = output_stored(&consensus->output);
	CHECK(digest_equal(&consensus->dag.blocks[id].digest, digest));
	dag_stored(&consensus->dag, id, position);
}

void consensus_positions_resolve(struct consensus *consensus, struct consensus_action *commit_or_send_stored)
{
	output_resolve(&consensus->output, &consensus->dag, commit_or_send_stored);
}

/* Is it one of the blocks asked for by reference? Each is sent once. */
static bool range_names(struct consensus_range *range, const struct block *block)
{
	struct block_ref ref = block_reference(block);
	for (uint16_t i = 0; i < range->ref_count; i++)
		if (block_ref_compare(&range->refs[i], &ref) == 0) {
			range->refs[i] = range->refs[range->ref_count - 1];
			range->done = --range->ref_count == 0;
			return true;
		}
	return false;
}

bool consensus_range_takes(struct consensus_range *range, struct span block_bytes)
{
	struct block block;
	if (range->done || range->looks_left-- == 0 || block_parse(block_bytes, &block, NULL) != OK || block.epoch > range->epoch) {
		range->done = true;
		return false;
	}
	range->done = range->looks_left == 0;
	if (block.epoch < range->epoch)
		return false;
	if (range->ref_count > 0) {
		if (!range_names(range, &block))
			return false;
	} else if (block.author >= range->members || block.round <= range->rounds[block.author])
		return false;
	range->bytes_left -= block_bytes.size < range->bytes_left ? block_bytes.size : range->bytes_left;
	range->blocks_left--;
	range->done = range->done || range->blocks_left == 0 || range->bytes_left == 0;
	return true;
}

struct consensus_history consensus_history_take(struct consensus *consensus)
{
	struct dag *dag = &consensus->dag;
	struct consensus_history history = {.members = dag->members, .epoch = consensus->config.epoch, .index = dag->index, .count = dag->index_count,
		.capacity = dag->index_capacity};
	memcpy(history.newest, dag->newest, dag->members * sizeof *dag->newest);
	dag->index = NULL;
	dag->index_count = dag->index_capacity = 0;
	return history;
}

void consensus_history_note(struct consensus_history *history, const struct block *block, uint64_t position)
{
	if (block->author >= history->members)
		return;
	if (block->round > history->newest[block->author])
		history->newest[block->author] = block->round;
	while (history->count <= block->round / DAG_INDEX_ROUNDS) {
		ARRAY_GROW(history->index, history->count, history->capacity);
		history->index[history->count++] = position;
	}
}

struct consensus_range consensus_history_above(const struct consensus_history *history, const uint32_t *rounds)
{
	struct consensus_range range = talk_range(history->members, history->epoch, rounds);
	uint32_t lowest = UINT32_MAX;
	for (uint16_t author = 0; author < history->members; author++)
		if (history->newest[author] > rounds[author] && rounds[author] + 1 < lowest)
			lowest = rounds[author] + 1;
	range.position = lowest / DAG_INDEX_ROUNDS < history->count ? history->index[lowest / DAG_INDEX_ROUNDS] : DAG_NOWHERE;
	return range;
}

struct consensus_range consensus_history_named(const struct consensus_history *history, const struct block_ref *refs, uint16_t count)
{
	struct consensus_range range = {.members = history->members, .epoch = history->epoch, .position = DAG_NOWHERE,
		.blocks_left = CONSENSUS_RANGE_REFS_MAX, .looks_left = MACHINE_FETCH_LOOKS, .bytes_left = SYNC_BYTES_MAX};
	for (uint16_t i = 0; i < count && i < CONSENSUS_RANGE_REFS_MAX; i++) {
		uint32_t at = refs[i].round / DAG_INDEX_ROUNDS;
		if (at >= history->count)
			continue;
		range.refs[range.ref_count++] = refs[i];
		if (history->index[at] < range.position)
			range.position = history->index[at];
	}
	return range;
}

uint16_t consensus_missing(const struct consensus *consensus, struct block_ref *out)
{
	return waiting_missing(&consensus->waiting, out, CONSENSUS_RANGE_REFS_MAX);
}

void consensus_drain(struct consensus *consensus, struct buffer *out)
{
	uint32_t count;
	struct span body;
	while ((body = queue_body(&consensus->queue, &count)).size > 0) {
		buffer_append_span(out, body);
		queue_drop(&consensus->queue, body.size);
	}
}

void consensus_message_of_block(struct span block_bytes, struct buffer *out)
{
	struct message message = {.kind = MESSAGE_BLOCK, .block = block_bytes};
	message_encode(&message, 0, out);
}

bool consensus_block_of_message(struct span message, struct span *block_bytes)
{
	if (message.size == 0 || message.data[0] != MESSAGE_BLOCK)
		return false;
	*block_bytes = span_after(message, 1);
	return true;
}

void consensus_numbers(const struct consensus *consensus, struct consensus_numbers *out)
{
	const struct dag *dag = &consensus->dag;
	*out = (struct consensus_numbers){
		.round = consensus->config.own == CONSENSUS_NOBODY ? 0 : dag->newest[consensus->config.own],
		.highest_round = dag_highest_round(dag),
		.decided_round = consensus->committer.decided,
		.commits = consensus->linearizer.index,
		.commit_digest = consensus->linearizer.digest,
		.commit_ms = (int64_t)consensus->linearizer.timestamp_ms,
		.committed_leaders = consensus->linearizer.index,
		.skipped_leaders = consensus->skipped_leaders,
		.blocks = dag->count,
		.accepted = dag->accepted,
		.gc_round = dag->gc_round,
		.collected = consensus->collected,
		.suspended = consensus->waiting.suspended,
		.missing = consensus->waiting.missing,
		.pending_bytes = queue_size(&consensus->queue),
		.refused = consensus->refused,
		.dropped = consensus->dropped,
		.equivocations = consensus->equivocations,
		.leader_timeouts = consensus->pacemaker.timeouts,
		.tip_known = consensus->tip.known,
		.catching_up = sync_network_round(&consensus->sync) > dag_highest_round(dag) + SYNC_LAG_MAX,
		.conflict = consensus->committer.conflict,
	};
}

void consensus_rounds(const struct consensus *consensus, uint32_t *out)
{
	memcpy(out, consensus->dag.newest, consensus->config.members * sizeof *out);
}

enum consensus_standing consensus_standing(const struct consensus *consensus, uint16_t member)
{
	CHECK(member < consensus->config.members);
	if (schedule_has(&consensus->committer.schedule, member))
		return CONSENSUS_LEADS;
	return consensus->reputation.lied[member] ? CONSENSUS_LIED : CONSENSUS_LATE;
}
