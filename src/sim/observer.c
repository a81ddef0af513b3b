/* The observer: a consensus machine that is given every block which an honest member has on its disk, as soon as one has
 * it, and that takes part in nothing. It is never behind an honest member, so each of their commits can be compared with
 * its own at once (invariants 1, 7, 8), and its commits tell what no replica tells: the blocks (5, 6, 13). */
#include "sim/state.h"

#include "crypto/hash.h"

#include <stdlib.h>

static enum status nobody_verifies(void *context, uint16_t author, const struct digest *digest, struct span signature)
{
	(void)context, (void)author, (void)digest, (void)signature;
	return OK; /* members did, before they stored it */
}

static struct consensus *machine_new(const struct sim *sim, uint64_t epoch)
{
	struct consensus_config config = sim->consensus;
	struct block_signer signer = {.verify = nobody_verifies};
	config.members = sim->epochs[epoch].members;
	config.faults = sim->epochs[epoch].faults;
	config.own = CONSENSUS_NOBODY;
	config.epoch = epoch;
	config.begun_ms = sim->epochs[epoch].begun_ms;
	memcpy(config.network, sim->genesis.network, BLOCK_NETWORK_SIZE);
	config.genesis = sim->epochs[epoch].digest;
	return consensus_new(&config, &signer);
}

struct observer *observer_of(const struct sim *sim, uint64_t epoch)
{
	return sim->observers[epoch];
}

struct observer *observer_new(const struct sim *sim, uint64_t epoch)
{
	struct observer *observer = memory_new_array(1, sizeof *observer);
	observer->epoch = epoch;
	observer->members = sim->epochs[epoch].members;
	observer->quorum = (uint16_t)faults_quorum(observer->members, sim->epochs[epoch].faults);
	observer->machine = machine_new(sim, epoch);
	return observer;
}

void observer_free(struct observer *observer)
{
	consensus_free(observer->machine);
	for (uint32_t i = 0; i < observer->count; i++)
		buffer_free(&observer->blocks[i].bytes);
	free(observer->blocks);
	free(observer->commits);
	map_free(&observer->by_digest);
	map_free(&observer->certified);
	map_free(&observer->committed);
	free(observer);
}

static uint32_t block_find(const struct observer *observer, const struct digest *digest)
{
	uint64_t at;
	return map_get(&observer->by_digest, digest_span(digest), &at) ? (uint32_t)at : UINT32_MAX;
}

/* -- commits --------------------------------------------------------------------------------------------------- */

/* I6: everything below a commit is in it or in an earlier one. */
static void history_check(struct sim *sim, struct observer *observer, const struct consensus_commit *commit, const struct block_ref *ref)
{
	uint32_t at = block_find(observer, &ref->digest);
	for (uint16_t i = 0; at != UINT32_MAX && i < observer->blocks[at].ancestor_count; i++) {
		const struct block_ref *ancestor = &observer->blocks[observer->blocks[at].ancestors[i]].ref;
		if (ancestor->round > observer->gc_round && !map_get(&observer->committed, digest_span(&ancestor->digest), NULL))
			sim_broken(sim, 6, "commit %llu holds a block of round %u by %u without its ancestor of round %u by %u",
				(unsigned long long)commit->index, (unsigned)ref->round, (unsigned)ref->author, (unsigned)ancestor->round, (unsigned)ancestor->author);
	}
}

static void committed_add(struct sim *sim, struct observer *observer, const struct consensus_commit *commit, const struct block_ref *ref)
{
	uint64_t before;
	if (map_get(&observer->committed, digest_span(&ref->digest), &before))
		sim_broken(sim, 5, "a block of round %u by %u is in commits %llu and %llu", (unsigned)ref->round, (unsigned)ref->author,
			(unsigned long long)before, (unsigned long long)commit->index);
	if (ref->round <= observer->gc_round)
		sim_broken(sim, 5, "commit %llu of round %u holds a collected block of round %u", (unsigned long long)commit->index,
			(unsigned)commit->leader.round, (unsigned)ref->round);
	map_put(&observer->committed, digest_span(&ref->digest), commit->index);
}

static void commit_check(struct sim *sim, struct observer *observer, const struct consensus_commit *commit)
{
	if (commit->timestamp_ms < observer->commit_ms)
		sim_broken(sim, 13, "the time of commit %llu is before that of the one before", (unsigned long long)commit->index);
	observer->commit_ms = commit->timestamp_ms;
	for (uint32_t i = 0; i < commit->block_count; i++) {
		committed_add(sim, observer, commit, &commit->blocks[i]);
		if (i > 0 && block_ref_compare(&commit->blocks[i - 1], &commit->blocks[i]) >= 0)
			sim_broken(sim, 8, "commit %llu is not in order", (unsigned long long)commit->index);
	}
	for (uint32_t i = 0; i < commit->left_out_count; i++)
		committed_add(sim, observer, commit, &commit->left_out[i]);
	for (uint32_t i = 0; i < commit->block_count; i++)
		history_check(sim, observer, commit, &commit->blocks[i]);
	for (uint32_t i = 0; i < commit->left_out_count; i++)
		history_check(sim, observer, commit, &commit->left_out[i]);
	if (sim->consensus.gc_depth && commit->leader.round > sim->consensus.gc_depth)
		observer->gc_round = commit->leader.round - sim->consensus.gc_depth;
	while (observer->commit_count <= commit->index) {
		ARRAY_GROW(observer->commits, observer->commit_count, observer->commit_capacity);
		observer->commits[observer->commit_count++] = (struct seen_commit){0};
	}
	observer->commits[commit->index].digest = commit->digest;
	sim->counters[SIM_COMMITS]++;
	calm_committed(sim);
	trace_line(sim, "commit %llu.%llu round=%u leader=%u blocks=%u left=%u digest=%02x%02x%02x%02x", (unsigned long long)observer->epoch,
		(unsigned long long)commit->index, (unsigned)commit->leader.round, (unsigned)commit->leader.author, (unsigned)commit->block_count, (unsigned)commit->left_out_count,
		commit->digest.bytes[0], commit->digest.bytes[1], commit->digest.bytes[2], commit->digest.bytes[3]);
}

/* -- blocks ------------------------------------------------------------------------------------------------------ */

/* I4: the blocks of one slot that some block certifies are one block. A quorum of votes for a slot two rounds below, of
 * whatever author: no leader is needed for the rule to hold. */
static void certificates_check(struct sim *sim, struct observer *observer, const struct seen_block *block)
{
	uint16_t votes[SIM_MEMBERS_MAX] = {0};
	uint32_t voted[SIM_MEMBERS_MAX][SIM_MEMBERS_MAX]; /* [author of the slot][voter's place] */
	uint16_t voters = 0;
	if (block->ref.round < 3)
		return;
	for (uint16_t i = 0; i < block->ancestor_count; i++) {
		const struct seen_block *voter = &observer->blocks[block->ancestors[i]];
		if (voter->ref.round + 1 != block->ref.round)
			continue;
		for (uint16_t k = 0; k < observer->members; k++)
			voted[k][voters] = UINT32_MAX;
		for (uint16_t k = 0; k < voter->ancestor_count; k++) {
			const struct block_ref *leader = &observer->blocks[voter->ancestors[k]].ref;
			if (leader->round + 2 == block->ref.round)
				voted[leader->author][voters] = voter->ancestors[k];
		}
		voters++;
	}
	for (uint16_t author = 0; author < observer->members; author++)
		for (uint16_t i = 0; i < voters; i++) {
			uint32_t leader = voted[author][i];
			if (leader == UINT32_MAX)
				continue;
			votes[author] = 0;
			for (uint16_t k = 0; k < voters; k++)
				votes[author] += voted[author][k] == leader;
			if (votes[author] < observer->quorum)
				continue;
			uint32_t slot[2] = {block->ref.round - 2, author};
			uint64_t known;
			if (!map_get(&observer->certified, span_of(slot, sizeof slot), &known))
				map_put(&observer->certified, span_of(slot, sizeof slot), leader);
			else if (known != leader)
				sim_broken(sim, 4, "two blocks of round %u by %u are certified", (unsigned)slot[0], (unsigned)author);
		}
}

static void machine_give(struct sim *sim, struct observer *observer, uint32_t at)
{
	struct consensus_actions actions;
	struct consensus_event event = {.kind = CONSENSUS_RECOVERED, .now_ms = SIM_EPOCH_US / SIM_MS, .bytes = buffer_span(&observer->blocks[at].bytes),
		.position = at};
	consensus_step(observer->machine, &event, &actions, NULL);
	for (uint32_t i = 0; i < actions.count; i++)
		if (actions.items[i].kind == CONSENSUS_COMMIT)
			commit_check(sim, observer, &actions.items[i].commit);
	struct consensus_numbers numbers;
	consensus_numbers(observer->machine, &numbers);
	if (numbers.conflict)
		sim_broken(sim, 4, "a slot is both committed and skipped");
}

void observer_block(struct sim *sim, uint16_t member, const struct block *block, struct span bytes)
{
	struct observer *observer = observer_of(sim, block->epoch);
	if (map_get(&observer->by_digest, digest_span(&block->digest), NULL))
		return;
	uint32_t at = observer->count;
	ARRAY_GROW(observer->blocks, observer->count, observer->capacity);
	struct seen_block *seen = &observer->blocks[observer->count++];
	*seen = (struct seen_block){.ref = block_reference(block)};
	buffer_append_span(&seen->bytes, bytes);
	for (uint16_t i = 0; i < block->ancestor_count; i++) {
		uint32_t ancestor = block->ancestors[i].round ? block_find(observer, &block->ancestors[i].digest) : UINT32_MAX;
		if (ancestor != UINT32_MAX)
			seen->ancestors[seen->ancestor_count++] = ancestor;
	}
	map_put(&observer->by_digest, digest_span(&block->digest), at);
	sim->counters[SIM_BLOCKS]++;
	trace_line(sim, "block epoch=%llu round=%u author=%u digest=%02x%02x%02x%02x at=%u", (unsigned long long)block->epoch, (unsigned)block->round, (unsigned)block->author,
		block->digest.bytes[0], block->digest.bytes[1], block->digest.bytes[2], block->digest.bytes[3], (unsigned)member);
	certificates_check(sim, observer, seen);
	machine_give(sim, observer, at);
}

/* -- once more, in another order ------------------------------------------------------------------------------------ */

static void commits_compare(struct sim *sim, struct observer *observer, const struct consensus_actions *actions, uint64_t *commits)
{
	for (uint32_t i = 0; i < actions->count; i++) {
		const struct consensus_commit *commit = &actions->items[i].commit;
		if (actions->items[i].kind != CONSENSUS_COMMIT)
			continue;
		*commits = commit->index;
		if (commit->index >= observer->commit_count || !digest_equal(&observer->commits[commit->index].digest, &commit->digest))
			sim_broken(sim, 8, "commit %llu depends on the order in which blocks arrive", (unsigned long long)commit->index);
	}
}

/* A random causal order: again and again, one of those whose ancestors are all given. */
static void repeat(struct sim *sim, struct observer *observer)
{
	struct consensus *machine = machine_new(sim, observer->epoch);
	uint32_t *order = memory_new_array(observer->count + 1, sizeof *order);
	bool *given = memory_new_array(observer->count + 1, sizeof *given);
	uint64_t commits = 0;
	for (uint32_t i = 0; i < observer->count; i++)
		order[i] = i;
	/* A shuffle within a window, then each block waits in its place until its ancestors are there. */
	for (uint32_t i = 0; i + 1 < observer->count; i++) {
		uint32_t window = observer->count - i < 60 ? observer->count - i : 60;
		uint32_t other = i + (uint32_t)sim_below(sim, window), swapped = order[i];
		order[i] = order[other];
		order[other] = swapped;
	}
	for (bool more = true; more && !sim_over(sim);) {
		more = false;
		for (uint32_t i = 0; i < observer->count; i++) {
			const struct seen_block *block = &observer->blocks[order[i]];
			bool ready = !given[order[i]];
			for (uint16_t k = 0; ready && k < block->ancestor_count; k++)
				ready = given[block->ancestors[k]];
			if (!ready)
				continue;
			struct consensus_actions actions;
			struct consensus_event event = {.kind = CONSENSUS_RECOVERED, .now_ms = SIM_EPOCH_US / SIM_MS, .bytes = buffer_span(&block->bytes),
				.position = order[i]};
			consensus_step(machine, &event, &actions, NULL);
			commits_compare(sim, observer, &actions, &commits);
			given[order[i]] = more = true;
		}
	}
	if (!sim_over(sim) && commits + 1 != observer->commit_count && observer->commit_count > 0)
		sim_broken(sim, 8, "another order of arrival gives %llu commits instead of %zu", (unsigned long long)commits, observer->commit_count - 1);
	free(order);
	free(given);
	consensus_free(machine);
}

void observer_repeat(struct sim *sim)
{
	for (size_t i = 0; i < sim->epoch_count && !sim_over(sim); i++)
		repeat(sim, sim->observers[i]);
}
