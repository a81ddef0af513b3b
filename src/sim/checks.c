/* The invariants, as far as they are seen from outside of a replica. The observer sees the rest. */
#include "sim/state.h"

#include "consensus/evidence.h"
#include "consensus/message.h"
#include "crypto/hash.h"
#include "record/state_proof.h"
#include "replica/cosigned.h"

#include <stdlib.h>

enum { OUTER_CONSENSUS = 1, OUTER_COSIGNATURE = 2, OUTER_STATE_COSIGNATURE = 3, OUTER_SIZE = 9, PUSH_SIZE = 10, COSIGNED_AT = 2 };
/* Blocks are taken out of memory every so many rounds; so many may be open at rest. */
enum { COLLECTED_EVERY = 64, ROUNDS_OPEN = 16, DECIDED_BEHIND = 3 };

void checks_free(struct sim *sim)
{
	struct checks *checks = &sim->checks;
	map_free(&checks->slots);
	map_free(&checks->amnesia_twins);
	map_free(&checks->ids);
	map_free(&checks->roots);
	free(checks->slot_digests);
	free(checks->root_digests);
	free(checks->finals);
}

/* -- blocks ------------------------------------------------------------------------------------------------------ */

static bool holds(const struct sim *sim, uint16_t index, const struct digest *digest)
{
	uint64_t end;
	const struct sim_disk *disk = &sim->member[index].disk;
	return map_get(&disk->stored, digest_span(digest), &end) && end <= disk->flushed;
}

void check_word_lost(struct sim *sim, uint16_t index)
{
	struct member *member = &sim->member[index];
	member->amnesiac = true;
	member->lost = (struct lost_word){.epoch = member->own_epoch, .round = member->own_round};
	for (uint16_t i = 0; i < sim->members; i++)
		if (i != index && is_reliable(&sim->member[i]) && holds(sim, i, &member->own_digest))
			member->lost.holders |= UINT64_C(1) << i;
}

/* I2, of those that forgot. It asks before it speaks, as many as make a quorum with itself; where a crash is all that is borne, all
 * others. With more holders than are left out somebody told it. */
static void lost_word_check(struct sim *sim, uint16_t index, const struct block *block)
{
	const struct lost_word *lost = &sim->member[index].lost;
	const struct sim_epoch *epoch = &sim->epochs[block->epoch];
	uint16_t holders = 0, left_out = epoch->faults == FAULTS_CRASH ? 0 : (uint16_t)(epoch->members - faults_quorum(epoch->members, epoch->faults));
	if (block->epoch != lost->epoch || block->round > lost->round)
		return;
	for (uint16_t i = 0; i < epoch->members; i++) {
		const struct member *holder = &sim->member[epoch->who[i]];
		holders += lost->holders >> epoch->who[i] & 1 && is_reliable(holder) && !holder->struck;
	}
	if (holders > left_out)
		sim_broken(sim, 2, "member %u, which forgot it, made two blocks of round %u, and %u others knew better", (unsigned)index,
			(unsigned)block->round, (unsigned)holders);
}

/* Is the next frame to be noted one that was found when the log was repaired? What it builds on may be in the hole, and was perhaps
 * never flushed, when the log's end was scattered. */
static bool stands_in_repair(const struct sim_disk *disk)
{
	return disk->noted >= disk->holes_from && disk->noted < disk->holes_to;
}

/* I2: one block a slot. I3: it stands on the author's own block before, so what it supported stays supported. */
static void own_block_check(struct sim *sim, uint16_t index, const struct block *block)
{
	struct checks *checks = &sim->checks;
	struct member *member = &sim->member[index];
	uint32_t slot[3] = {block->round, index, (uint32_t)block->epoch};
	uint64_t at;
	if (map_get(&checks->slots, span_of(slot, sizeof slot), &at)) {
		if (digest_equal(&checks->slot_digests[at], &block->digest))
			return;
		if (is_reliable(member))
			sim_broken(sim, 2, "member %u made two blocks of round %u", (unsigned)index, (unsigned)block->round);
		if (map_get(&checks->amnesia_twins, digest_span(&block->digest), NULL))
			return;
		map_put(&checks->amnesia_twins, digest_span(&block->digest), 1);
		lost_word_check(sim, index, block);
		sim->counters[SIM_AMNESIA_TWINS]++;
		return;
	}
	if (block->epoch != member->own_epoch) {
		member->own_epoch = block->epoch;
		member->own_round = 0;
	}
	map_put(&checks->slots, span_of(slot, sizeof slot), checks->slot_count);
	ARRAY_GROW(checks->slot_digests, checks->slot_count, checks->slot_capacity);
	checks->slot_digests[checks->slot_count++] = block->digest;
	if (is_reliable(member) && block->round <= member->own_round)
		sim_broken(sim, 2, "member %u made a block of round %u after one of round %u", (unsigned)index, (unsigned)block->round,
			(unsigned)member->own_round);
	if (is_reliable(member) && member->own_round > 0 && !stands_in_repair(&member->disk) && !digest_equal(&block->ancestors[0].digest, &member->own_digest))
		sim_broken(sim, 3, "member %u's block of round %u does not stand on its own of round %u", (unsigned)index, (unsigned)block->round,
			(unsigned)member->own_round);
	member->own_round = block->round;
	member->own_digest = block->digest;
}

/* I9, second half: what a block refers to is on the disk before it, or stood in a hole. */
static void stored_block_check(struct sim *sim, uint16_t index, const struct block *block)
{
	const struct sim_disk *disk = &sim->member[index].disk;
	const struct map *stored = &disk->stored;
	if (stands_in_repair(disk))
		return;
	for (uint16_t i = 0; i < block->ancestor_count; i++) {
		const struct block_ref *ancestor = &block->ancestors[i];
		if (ancestor->round > observer_of(sim, block->epoch)->gc_round && !map_get(stored, digest_span(&ancestor->digest), NULL) && is_reliable(&sim->member[index]))
			sim_broken(sim, 9, "member %u stored a block of round %u by %u before its ancestor of round %u by %u", (unsigned)index,
				(unsigned)block->round, (unsigned)block->author, (unsigned)ancestor->round, (unsigned)ancestor->author);
	}
}

void check_stored(struct sim *sim, uint16_t index)
{
	struct sim_disk *disk = &sim->member[index].disk;
	bool honest = is_honest(&sim->member[index]);
	while (disk->noted < disk->bytes.size && !sim_over(sim)) {
		struct log_frame frame;
		struct block block;
		size_t size;
		if (log_frame_read(span_after(buffer_span(&disk->bytes), disk->noted), disk->noted, &frame, &size) != OK)
			return; /* decayed since: the next start repairs it */
		if (frame.kind == REPLICA_FRAME_BLOCK && block_parse(frame.bytes, &block, NULL) == OK) {
			if (honest && block_owner(sim, &block) != NOBODY && block.epoch >= disk->start_epoch) {
				stored_block_check(sim, index, &block);
				observer_block(sim, index, &block, frame.bytes);
			}
			map_put(&disk->stored, digest_span(&block.digest), disk->noted + size);
			if (honest && block_owner(sim, &block) == index)
				own_block_check(sim, index, &block);
		}
		disk->noted += size;
	}
}

/* I9, first half: an own block is on the disk before it is sent. */
static void sent_block_check(struct sim *sim, uint16_t index, const struct deed *deed, struct span bytes)
{
	struct block block;
	uint64_t end;
	/* What it wrote before it lost its disk it may pass on before it has it again. */
	if (block_parse(bytes, &block, NULL) != OK || block_owner(sim, &block) != index || !is_reliable(&sim->member[index]))
		return;
	if (!map_get(&sim->member[index].disk.stored, digest_span(&block.digest), &end) || end > deed->disk_end)
		sim_broken(sim, 9, "member %u sends its block of round %u before it is on the disk", (unsigned)index, (unsigned)block.round);
}

/* I12: what honest members sign verifies, with one of their keys. */
static void cosignature_check(struct sim *sim, uint16_t index, struct span bytes)
{
	struct member *member = &sim->member[index];
	bool of_state = bytes.data[0] == OUTER_STATE_COSIGNATURE;
	const struct sim_organisation *organisation = &sim->consortium->organisation[index];
	struct cosigned line;
	char origin[CHECKPOINT_ORIGIN_SIZE + CHECKPOINT_STATE_ORIGIN_SIZE];
	if (cosigned_decode(span_after(bytes, COSIGNED_AT), &line) != OK || line.size == member->cosigned_size[of_state])
		return;
	if (of_state)
		checkpoint_state_origin(sim->genesis.network, origin);
	else
		checkpoint_origin(sim->genesis.network, origin);
	bool good = false;
	for (size_t set = 0; set < 2 && !good; set++)
		good = sim->signatures->cosignature_verify(organisation->checkpoint_publics[set], span_of_text(organisation->name), span_of_text(origin), line.size,
			&line.root, &line.cosignature) == OK;
	if (!good)
		sim_broken(sim, 12, "member %u sends a root of size %llu with a signature that does not verify", (unsigned)index, (unsigned long long)line.size);
	member->cosigned_size[of_state] = line.size;
}

/* I12, and I11 for the state: honest members sign one root a size, of the log and of the state. */
static void sent_cosignature_check(struct sim *sim, uint16_t index, struct span bytes)
{
	struct checks *checks = &sim->checks;
	struct reader in = reader_of(span_after(bytes, COSIGNED_AT));
	(void)read_u16(&in);
	uint64_t size = read_u64(&in), at;
	if (bytes.data[0] == OUTER_COSIGNATURE && is_reliable(&sim->member[index])) {
		buffer_clear(&sim->accusations.honest_line);
		buffer_append_span(&sim->accusations.honest_line, span_after(bytes, COSIGNED_AT));
		sim->accusations.honest = index;
	}
	uint64_t key[2] = {bytes.data[0], size};
	struct digest root = read_digest(&in);
	if (in.failed)
		return;
	if (!map_get(&checks->roots, span_of(key, sizeof key), &at)) {
		map_put(&checks->roots, span_of(key, sizeof key), checks->root_count);
		ARRAY_GROW(checks->root_digests, checks->root_count, checks->root_capacity);
		checks->root_digests[checks->root_count++] = root;
	} else if (!digest_equal(&checks->root_digests[at], &root)) {
		sim_broken(sim, bytes.data[0] == OUTER_COSIGNATURE ? 12 : 11, "member %u signs another root of size %llu than an honest one before", (unsigned)index, (unsigned long long)size);
	}
}

void check_send(struct sim *sim, uint16_t index, const struct deed *deed, struct span message)
{
	if (!is_honest(&sim->member[index]) || message.size <= PUSH_SIZE)
		return;
	if (message.data[0] == OUTER_CONSENSUS && message.data[OUTER_SIZE] == MESSAGE_BLOCK)
		sent_block_check(sim, index, deed, span_after(message, PUSH_SIZE));
	if (message.data[0] == OUTER_COSIGNATURE || message.data[0] == OUTER_STATE_COSIGNATURE) {
		sent_cosignature_check(sim, index, message);
		cosignature_check(sim, index, message);
	}
}

/* -- after every step ----------------------------------------------------------------------------------------------- */

/* I1, I7, I8: the chain of commits is the observer's. I11: so is the log at each commit. */
static void commits_check(struct sim *sim, uint16_t index, const struct consensus_numbers *numbers)
{
	struct member *member = &sim->member[index];
	uint64_t epoch = epochs_newest(ledger_epochs(replica_ledger(member->replica)))->number;
	if (epoch >= sim->epoch_count) /* it tells in a moment */
		return;
	struct observer *observer = observer_of(sim, epoch);
	if (epoch != member->epoch) {
		member->epoch = epoch;
		member->commits = 0;
	}
	if (numbers->commits == member->commits)
		return;
	if (numbers->commits < member->commits)
		sim_broken(sim, 7, "member %u took commits back", (unsigned)index);
	member->commits = numbers->commits;
	if (numbers->commits >= observer->commit_count)
		return; /* its newest blocks are not flushed: compared with the next commit, or at the end */
	struct seen_commit *seen = &observer->commits[numbers->commits];
	if (!digest_equal(&seen->digest, &numbers->commit_digest))
		sim_broken(sim, 1, "member %u has another commit %llu", (unsigned)index, (unsigned long long)numbers->commits);
	const struct ledger *ledger = replica_ledger(member->replica);
	uint64_t size = ledger_size(ledger);
	struct digest root = merkle_tree_root(ledger_tree(ledger), size);
	if (seen->rooted && (seen->size != size || !digest_equal(&seen->root, &root)))
		sim_broken(sim, 11, "member %u has another log at commit %llu: %llu entries instead of %llu", (unsigned)index,
			(unsigned long long)numbers->commits, (unsigned long long)size, (unsigned long long)seen->size);
	struct digest marks = accuse_marks(sim, ledger);
	if (seen->rooted && !digest_equal(&seen->marks, &marks))
		sim_broken(sim, 11, "member %u marks others as liars at commit %llu than those before it", (unsigned)index, (unsigned long long)numbers->commits);
	seen->rooted = true;
	seen->marks = marks;
	seen->size = size;
	seen->root = root;
}

/* I10 */
static void bounds_check(struct sim *sim, uint16_t index, const struct consensus_numbers *numbers)
{
	uint64_t suspended_max = (uint64_t)sim->consensus.suspended_max * sim->members;
	/* What is read back from behind a hole waits without a limit. */
	if (numbers->suspended > suspended_max && !sim->member[index].amnesiac && !disk_has_holes(&sim->member[index].disk))
		sim_broken(sim, 10, "member %u keeps %llu blocks waiting, %llu are permitted", (unsigned)index, (unsigned long long)numbers->suspended,
			(unsigned long long)suspended_max);
	if (numbers->missing > numbers->suspended * sim->members)
		sim_broken(sim, 10, "member %u misses %llu blocks", (unsigned)index, (unsigned long long)numbers->missing);
	if (numbers->pending_bytes > (uint64_t)sim->consensus.pending_bytes_max)
		sim_broken(sim, 10, "member %u keeps %llu bytes to propose", (unsigned)index, (unsigned long long)numbers->pending_bytes);
	if (numbers->conflict)
		sim_broken(sim, 4, "member %u sees a slot both committed and skipped", (unsigned)index);
}

void check_step(struct sim *sim, uint16_t index)
{
	struct consensus_numbers numbers;
	if (!is_honest(&sim->member[index]))
		return;
	consensus_numbers(replica_consensus(sim->member[index].replica), &numbers);
	commits_check(sim, index, &numbers);
	bounds_check(sim, index, &numbers);
}

/* -- finals ------------------------------------------------------------------------------------------------------------ */

void check_final(struct sim *sim, uint16_t index, const struct replica_action *final)
{
	struct checks *checks = &sim->checks;
	struct member *member = &sim->member[index];
	uint64_t before;
	if (!is_honest(member))
		return;
	if (final->index != sim->founders + member->finals)
		sim_broken(sim, 11, "member %u tells entry %llu after %llu others", (unsigned)index, (unsigned long long)final->index,
			(unsigned long long)member->finals);
	if (final->commit_index < member->commits_told)
		sim_broken(sim, 13, "member %u tells of commit %llu after %llu", (unsigned)index, (unsigned long long)final->commit_index,
			(unsigned long long)member->commits_told);
	member->commits_told = final->commit_index;
	size_t at = (size_t)member->finals++;
	if (at == checks->final_count) {
		ARRAY_GROW(checks->finals, checks->final_count, checks->final_capacity);
		checks->finals[checks->final_count++] = (struct seen_final){final->id, final->commit_index, final->commit_ms};
		if (map_get(&checks->ids, digest_span(&final->id), &before))
			sim_broken(sim, 11, "entry %llu is entry %llu once more", (unsigned long long)final->index, (unsigned long long)before - 1);
		map_put(&checks->ids, digest_span(&final->id), final->index + 1);
		if (!map_get(&sim->payload_ids, digest_span(&final->id), &before) || !sim->payloads[before].valid)
			sim_broken(sim, 11, "entry %llu is a statement that must be refused", (unsigned long long)final->index);
		else
			accuse_final(sim, &sim->payloads[before]);
		if (at > 0 && final->commit_ms < checks->finals[at - 1].commit_ms)
			sim_broken(sim, 13, "entry %llu is older than the one before", (unsigned long long)final->index);
		sim->counters[SIM_FINAL]++;
		return;
	}
	if (at > checks->final_count)
		return;
	const struct seen_final *seen = &checks->finals[at];
	if (!digest_equal(&seen->id, &final->id) || seen->commit_index != final->commit_index || seen->commit_ms != final->commit_ms)
		sim_broken(sim, 1, "member %u has another entry %llu", (unsigned)index, (unsigned long long)final->index);
}

struct evidence_verifier {
	const struct sim *sim;
	const struct sim_epoch *epoch;
};

static enum status evidence_verify(void *context, uint16_t author, const struct digest *digest, struct span signature)
{
	const struct evidence_verifier *verifier = context;
	const struct sim *sim = verifier->sim;
	if (author >= verifier->epoch->members)
		return E_SIGNATURE;
	return sim->signatures->block_verify(sim->consortium->organisation[verifier->epoch->who[author]].node_publics[verifier->epoch->second[author]], digest, signature);
}

/* The two halves; the first may lie in the member's log. False: it is not there any more, and that is no fault. */
static bool evidence_halves(const struct sim *sim, uint16_t index, const struct deed *deed, struct span *first, struct span *second)
{
	const struct sim_disk *disk = &sim->member[index].disk;
	struct span stored;
	struct block block;
	*first = deed->action.evidence[0];
	*second = deed->action.evidence[1];
	if (first->size || deed->action.position_count != 1)
		return true;
	if (deed->action.positions[0] < disk->start) /* pruned meanwhile */
		return false;
	if (!disk_block(disk, deed->action.positions[0], &stored))
		return !disk->decayed;
	if (block_parse(stored, &block, NULL) == OK)
		*first = block_signed_header(&block);
	return true;
}

/* Would somebody who knows nothing but the genesis believe that `peer` filled a slot twice? */
static bool evidence_convicts(struct sim *sim, uint16_t index, const struct deed *deed, const struct accused_of *lie)
{
	const struct genesis *genesis = &sim->genesis;
	uint16_t author;
	if (lie->epoch >= sim->epoch_count)
		return false;
	struct evidence_verifier context = {sim, &sim->epochs[lie->epoch]};
	struct block_signer verifier = {.context = &context, .verify = evidence_verify};
	struct validity validity = validity_of(context.epoch->members, context.epoch->faults, genesis->network, lie->epoch, &context.epoch->digest, sim->consensus.gc_depth);
	return evidence_check(lie->first, lie->second, &validity, &verifier, &author, NULL) == OK
		&& context.epoch->who[author] == seat_owner(sim, index, deed->action.peer);
}

/* Only liars, and those that forgot, are ever accused, and always with proof. */
void check_evidence(struct sim *sim, uint16_t index, const struct deed *deed)
{
	const struct replica_action *evidence = &deed->action;
	struct accused_of lie = {.lie = evidence->size ? LIE_FORK : LIE_EQUIVOCATION, .at = evidence->size};
	struct block block;
	if (!is_honest(&sim->member[index]))
		return;
	sim->counters[evidence->size ? SIM_FORKS_TOLD : SIM_EVIDENCE]++;
	uint16_t accused = seat_owner(sim, index, evidence->peer);
	if (accused == NOBODY || is_reliable(&sim->member[accused])) {
		sim_broken(sim, evidence->size ? 12 : 2, "member %u accuses member %u, which is honest", (unsigned)index, (unsigned)evidence->peer);
		return;
	}
	if (!evidence_halves(sim, index, deed, &lie.first, &lie.second))
		return;
	if (lie.lie == LIE_FORK) {
		lie.second = (struct span){0}; /* what we signed proves nothing about another */
	} else {
		if (block_signed_header_parse(lie.second, &block, NULL) == OK) {
			lie.epoch = block.epoch;
			lie.at = block.round;
		}
		if (!evidence_convicts(sim, index, deed, &lie))
			sim_broken(sim, 2, "member %u accuses member %u, and proves nothing", (unsigned)index, (unsigned)evidence->peer);
	}
	if (!evidence->of_state) /* nobody but the members knows the state's roots */
		accuse_found(sim, index, accused, &lie);
}

/* -- the second part ------------------------------------------------------------------------------------------------------ */

static bool takes_part(const struct sim *sim, uint16_t index)
{
	return is_honest(&sim->member[index]) && !sim->member[index].absent && is_member_now(sim, index);
}

bool check_settled(struct sim *sim)
{
	for (uint16_t i = 0; i < sim->members; i++) {
		struct member *member = &sim->member[i];
		if (takes_part(sim, i) && (!member->replica || member->finals != sim->checks.final_count))
			return false;
	}
	return clients_open(sim) == UINT32_MAX;
}

/* Whoever's disk decayed has fetched what it lost by then, unless that was its newest own block. */
static bool anybody_is_faulty(const struct sim *sim)
{
	for (uint16_t i = 0; i < sim->members; i++) {
		const struct member *member = &sim->member[i];
		if (!is_reliable(member) || member->ahead || member->absent || member->disk.lies)
			return true;
	}
	return false;
}

void check_silence_begins(struct sim *sim)
{
	sim->delivered_before = sim->counters[SIM_DELIVERED];
	sim->steps_before = sim->counters[SIM_STEPS_OF_REPLICAS];
	for (uint16_t i = 0; i < sim->members; i++) {
		struct consensus_numbers numbers;
		struct member *member = &sim->member[i];
		if (!member->replica)
			continue;
		consensus_numbers(replica_consensus(member->replica), &numbers);
		member->idle_round = numbers.round;
	}
}

/* I15. Liars may keep the others awake, and may leave references that nothing satisfies. */
static void silence_check(struct sim *sim, uint16_t index, const struct consensus_numbers *numbers)
{
	const struct member *member = &sim->member[index];
	int64_t beats = (sim->now_us - sim->phase_us) / SIM_MS / sim->consensus.heartbeat_ms;
	if (numbers->round > member->idle_round + 2 * (uint64_t)beats + 4)
		sim_broken(sim, 15, "member %u made %u blocks during %lld idle heartbeats", (unsigned)index, (unsigned)(numbers->round - member->idle_round),
			(long long)beats);
	uint64_t rounds = sim->consensus.gc_depth + COLLECTED_EVERY + ROUNDS_OPEN;
	if (sim->consensus.gc_depth && numbers->blocks > rounds * sim->members)
		sim_broken(sim, 15, "member %u at rest has %llu blocks in memory", (unsigned)index, (unsigned long long)numbers->blocks);
	/* I14: a round is decided two rounds later, and nobody who leads is away. */
	if (numbers->decided_round + DECIDED_BEHIND < numbers->highest_round)
		sim_broken(sim, 14, "member %u at rest has decided round %u of %u", (unsigned)index, (unsigned)numbers->decided_round,
			(unsigned)numbers->highest_round);
	struct replica_numbers of_replica;
	replica_numbers(member->replica, &of_replica);
	if (sim->checks.final_count && (of_replica.checkpoint_size != of_replica.log_size || of_replica.state_size != of_replica.log_size))
		sim_broken(sim, 15, "member %u at rest has checkpoints of %llu and of the state at %llu, of %llu entries", (unsigned)index,
			(unsigned long long)of_replica.checkpoint_size, (unsigned long long)of_replica.state_size, (unsigned long long)of_replica.log_size);
	if (numbers->suspended || numbers->missing || numbers->pending_bytes)
		sim_broken(sim, 15, "member %u at rest keeps %llu blocks waiting, %llu missing, %llu bytes to propose", (unsigned)index,
			(unsigned long long)numbers->suspended, (unsigned long long)numbers->missing, (unsigned long long)numbers->pending_bytes);
}

/* I15: a block of each to each others a heartbeat, and what keeps it going: no questions without end, and no timers. */
static void quiet_check(struct sim *sim)
{
	enum { MESSAGES_MOST = 3, TICKS_MOST = 8 };
	uint64_t beats = (uint64_t)((sim->now_us - sim->phase_us) / SIM_MS / sim->consensus.heartbeat_ms) + 2, members = sim->members;
	uint64_t delivered = sim->counters[SIM_DELIVERED] - sim->delivered_before, steps = sim->counters[SIM_STEPS_OF_REPLICAS] - sim->steps_before;
	if (delivered > MESSAGES_MOST * beats * members * (members - 1))
		sim_broken(sim, 15, "%llu messages came in silence, during %llu heartbeats", (unsigned long long)delivered, (unsigned long long)beats);
	if (steps - delivered > TICKS_MOST * beats * members)
		sim_broken(sim, 15, "timers rang %llu times in silence, during %llu heartbeats", (unsigned long long)(steps - delivered), (unsigned long long)beats);
}

/* I12: the newest checkpoint verifies, and is of the one log. */
static void note_check(struct sim *sim, uint16_t index)
{
	struct buffer note = {0};
	struct checkpoint *checkpoint = memory_new_array(1, sizeof *checkpoint);
	uint64_t size;
	if (replica_checkpoint(sim->member[index].replica, 0, true, &note, &size) == OK) {
		struct digest root = merkle_tree_root(ledger_tree(replica_ledger(sim->member[index].replica)), size);
		const struct genesis *members = epochs_of_size(ledger_epochs(replica_ledger(sim->member[index].replica)), size)->members;
		bool good = checkpoint_decode(buffer_span(&note), checkpoint, NULL) == OK && checkpoint->size == size
			&& digest_equal(&root, &checkpoint->root) && checkpoint->line_count >= faults_belief(members->member_count, genesis_faults(members));
		for (size_t i = 0; good && i < checkpoint->line_count; i++) {
			const struct checkpoint_line *line = &checkpoint->lines[i];
			uint16_t member = 0;
			while (member < members->member_count && !span_equal(members->members[member].header.iss, line->name))
				member++;
			struct verifying_key *key = member < members->member_count ? verifying_key_new(&members->members[member].org.checkpoint_key) : NULL;
			good = key && sim->signatures->cosignature_verify(key, line->name, checkpoint->origin, size, &root, &line->cosignature) == OK;
			verifying_key_free(key);
		}
		if (!good)
			sim_broken(sim, 12, "member %u's checkpoint of size %llu does not verify", (unsigned)index, (unsigned long long)size);
	} else if (sim->checks.final_count) {
		sim_broken(sim, 12, "member %u has no checkpoint of %zu entries at rest", (unsigned)index, sim->checks.final_count);
	}
	buffer_free(&note);
	free(checkpoint);
}

/* Digest of what is proposed and not decided. */
static struct digest proposals_digest(const struct ledger *ledger)
{
	struct buffer bytes = {0};
	for (size_t i = 0; i < ledger_proposal_count(ledger); i++) {
		struct ledger_proposal proposal = ledger_proposal_at(ledger, i);
		write_digest(&bytes, &proposal.id);
		write_u64(&bytes, proposal.index);
		write_u16(&bytes, proposal.proposer);
		write_u16(&bytes, proposal.yes);
		write_u16(&bytes, proposal.no);
		write_u16(&bytes, proposal.needed);
	}
	struct digest digest = sha256(buffer_span(&bytes));
	buffer_free(&bytes);
	return digest;
}

/* I1: what came last had nothing behind it that would have shown a difference. */
static void last_commit_check(struct sim *sim, uint16_t index, const struct replica_numbers *numbers)
{
	const struct observer *observer = observer_of(sim, numbers->epoch);
	uint64_t last = numbers->consensus.commits;
	if (last > 0 && last < observer->commit_count && !digest_equal(&observer->commits[last].digest, &numbers->consensus.commit_digest))
		sim_broken(sim, 1, "member %u ends with another commit %llu", (unsigned)index, (unsigned long long)last);
}

void check_end(struct sim *sim)
{
	const struct replica_numbers *first = NULL;
	struct digest proposals = {{0}};
	struct replica_numbers numbers[SIM_MEMBERS_MAX];
	for (uint16_t i = 0; i < sim->members && !sim_over(sim); i++) {
		if (!takes_part(sim, i))
			continue;
		replica_numbers(sim->member[i].replica, &numbers[i]);
		struct digest open = proposals_digest(replica_ledger(sim->member[i].replica));
		if (!first)
			proposals = open;
		/* They lapse with their epoch, and liars may keep the others going: somebody may still be in the one before. */
		if (first && numbers[i].epoch == first->epoch && !digest_equal(&proposals, &open))
			sim_broken(sim, 11, "member %u ends with other open proposals", (unsigned)i);
		if (!first)
			first = &numbers[i];
		else if (numbers[i].log_size != first->log_size || !digest_equal(&numbers[i].log_root, &first->log_root))
			sim_broken(sim, 1, "member %u ends with another log", (unsigned)i);
		if (numbers[i].log_size != sim->founders + sim->checks.final_count)
			sim_broken(sim, 11, "member %u ends with %llu entries instead of %zu", (unsigned)i, (unsigned long long)numbers[i].log_size,
				sim->founders + sim->checks.final_count);
		accuse_check_end(sim, i);
		last_commit_check(sim, i, &numbers[i]);
		sim->counters[SIM_SILENCES] += !anybody_is_faulty(sim);
		if (!anybody_is_faulty(sim))
			silence_check(sim, i, &numbers[i].consensus);
		note_check(sim, i);
	}
	if (!sim_over(sim) && !anybody_is_faulty(sim))
		quiet_check(sim);
	if (!sim_over(sim))
		observer_repeat(sim);
}
