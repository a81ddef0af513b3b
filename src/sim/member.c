/* One member: the replica, and a shell around it that does what the node's does: appends go to the disk at once, all else
 * waits for the flush that covers them. It can be stopped at any append and before any deed. */
#include "sim/state.h"

#include "crypto/hash.h"

#include <stdlib.h>

enum { AHEAD_US = 500 };              /* until a member finds the time to look ahead */

int64_t member_clock_ms(const struct sim *sim, const struct member *member)
{
	return (SIM_EPOCH_US + sim->now_us + member->clock_us + sim->now_us / SIM_S * member->drift_ppm) / SIM_MS;
}

/* -- deeds ------------------------------------------------------------------------------------------------- */

static void deed_add(struct member *member, const struct replica_action *action)
{
	ARRAY_GROW(member->deeds, member->deed_count, member->deed_capacity);
	struct deed *deed = &member->deeds[member->deed_count++];
	*deed = (struct deed){.action = replica_action_copy(action), .disk_end = member->disk.bytes.size};
}

static void deeds_forget(struct member *member)
{
	for (size_t i = 0; i < member->deed_count; i++)
		replica_action_free(&member->deeds[i].action);
	member->deed_count = 0;
}

static void send(struct sim *sim, uint16_t index, uint16_t seat, struct span bytes)
{
	uint16_t peer = seat_owner(sim, index, seat);
	if (peer == NOBODY)
		return;
	if (is_honest(&sim->member[index]))
		network_send(sim, index, peer, bytes, 0);
	else
		liar_send(sim, index, peer, bytes);
}

/* What the disk does not give back, others have: the next start repairs it. */
static void unreadable(struct sim *sim, uint16_t index)
{
	if (!sim->member[index].disk.decayed)
		sim_broken(sim, 9, "member %u reads from its disk what is not there", (unsigned)index);
	sim->counters[SIM_UNREADABLE]++;
}

static void send_stored(struct sim *sim, uint16_t index, const struct deed *deed)
{
	struct buffer message = {0};
	struct member *member = &sim->member[index];
	for (uint32_t i = 0; i < deed->action.position_count; i++) {
		struct span block;
		if (deed->action.positions[i] < member->disk.start)
			continue;
		if (!disk_block(&member->disk, deed->action.positions[i], &block)) {
			unreadable(sim, index);
			continue;
		}
		buffer_clear(&message);
		replica_message_of_block(block, &message);
		check_send(sim, index, deed, buffer_span(&message));
		send(sim, index, deed->action.peer, buffer_span(&message));
	}
	buffer_free(&message);
}

static void send_range(struct sim *sim, uint16_t index, const struct deed *deed)
{
	struct buffer message = {0};
	const struct sim_disk *disk = &sim->member[index].disk;
	struct consensus_range range = *deed->action.range;
	while (!range.done && range.position >= disk->start && range.position < disk->flushed) {
		struct log_frame frame;
		size_t size;
		if (log_frame_read(span_after(buffer_span(&disk->bytes), range.position), range.position, &frame, &size) != OK) {
			unreadable(sim, index);
			range.position = disk_skip(disk, range.position);
			continue;
		}
		range.position += size;
		if (frame.kind != REPLICA_FRAME_BLOCK || !consensus_range_takes(&range, frame.bytes))
			continue;
		buffer_clear(&message);
		replica_message_of_block(frame.bytes, &message);
		check_send(sim, index, &(struct deed){.disk_end = disk->flushed}, buffer_span(&message));
		send(sim, index, deed->action.peer, buffer_span(&message));
		sim->counters[SIM_RANGE_BLOCKS]++;
	}
	buffer_free(&message);
}

static void send_entries(struct sim *sim, uint16_t index, const struct deed *deed)
{
	struct span entries = buffer_span(&sim->member[index].disk.entries);
	struct buffer message = {0};
	struct log_frame frame;
	size_t at = 0, size, sent = 0;
	uint64_t wanted = deed->action.index, number;
	while (sent < deed->action.entry_count && log_frame_read(span_after(entries, at), at, &frame, &size) == OK) {
		at += size;
		if (frame.kind != REPLICA_FRAME_ENTRY || replica_entry_index(frame.bytes, &number) != OK || number != wanted)
			continue;
		buffer_clear(&message);
		replica_message_of_entry(frame.bytes, &message);
		send(sim, index, deed->action.peer, buffer_span(&message));
		sim->counters[SIM_ENTRIES_SENT]++;
		wanted++;
		sent++;
	}
	buffer_free(&message);
}

/* What the disk holds now is further than the replica: it begins anew. */
static void rebase(struct sim *sim, uint16_t index, bool blocks_stay)
{
	struct sim_disk *disk = &sim->member[index].disk;
	struct log_frame frame;
	for (size_t at = 0, size; log_frame_read(span_after(buffer_span(&disk->stage), at), at, &frame, &size) == OK; at += size)
		disk_keep(&disk->entries, frame.kind, frame.bytes);
	disk->entries_safe = disk->entries.size;
	disk->stage.size = 0;
	if (!blocks_stay)
		disk->bytes.size = disk->flushed = disk->safe = disk->noted = disk->start = disk->segment_count = disk->holes_from = disk->holes_to = 0;
	sim->counters[SIM_REBASED]++;
	trace_line(sim, "%u rebase entries=%zu", (unsigned)index, disk->entries.size);
	member_crash(sim, index, false);
	if (!is_honest(&sim->member[index])) /* nobody waits for a liar's rest */
		sim->counters[SIM_CRASHES]--;
}

static void prune(struct sim *sim, uint16_t index, size_t position)
{
	struct sim_disk *disk = &sim->member[index].disk;
	if (!disk->lies)
		disk->entries_safe = disk->entries.size;
	disk->start = position > disk->start ? position : disk->start;
	disk->start_epoch = member_epoch(sim, index);
	sim->counters[SIM_PRUNED]++;
	trace_line(sim, "%u prunes to %zu", (unsigned)index, position);
}

static void stop_full(struct sim *sim, uint16_t index)
{
	sim->counters[SIM_DISK_FULL]++;
	trace_line(sim, "%u stops: its disk is full", (unsigned)index);
	sim->member[index].stopped = true;
	member_crash(sim, index, false);
}

/* False: it stops. */
static bool entries_fit(struct sim *sim, uint16_t index, const struct deed *deed)
{
	const struct sim_disk *disk = &sim->member[index].disk;
	if (disk->entries.size + disk->stage.size + deed->action.bytes.size <= disk->entries_space)
		return true;
	stop_full(sim, index);
	return false;
}

static void deed_do(struct sim *sim, uint16_t index, const struct deed *deed)
{
	struct member *member = &sim->member[index];
	switch (deed->action.kind) {
	case REPLICA_SEND:
		check_send(sim, index, deed, deed->action.bytes);
		send(sim, index, deed->action.peer, deed->action.bytes);
		return;
	case REPLICA_SEND_STORED:
		send_stored(sim, index, deed);
		return;
	case REPLICA_SEND_RANGE:
		send_range(sim, index, deed);
		return;
	case REPLICA_FINAL:
		check_final(sim, index, &deed->action);
		return;
	case REPLICA_OUTCOME:
		client_told(sim, index, &deed->action);
		return;
	case REPLICA_CHECKPOINT:
		sim->counters[SIM_CHECKPOINTS]++;
		if (deed->action.size > member->checkpoint_size)
			member->checkpoint_size = deed->action.size;
		return;
	case REPLICA_EVIDENCE:
		check_evidence(sim, index, deed);
		return;
	case REPLICA_SEND_ENTRIES:
		send_entries(sim, index, deed);
		return;
	case REPLICA_KEEP:
		if (entries_fit(sim, index, deed))
			disk_keep(&member->disk.entries, deed->action.frame_kind, deed->action.bytes);
		return;
	case REPLICA_STAGE:
		if (entries_fit(sim, index, deed))
			disk_keep(&member->disk.stage, deed->action.frame_kind, deed->action.bytes);
		return;
	case REPLICA_STAGE_CLEAR:
		member->disk.stage.size = 0;
		return;
	case REPLICA_PRUNE:
		prune(sim, index, (size_t)deed->action.position);
		return;
	case REPLICA_REBASE:
		rebase(sim, index, deed->action.blocks_stay);
		return;
	case REPLICA_APPEND:
	case REPLICA_TIMER:
	case REPLICA_EPOCH: /* done in the step */
		return;
	}
}

/* True: this is where it dies. */
static bool boundary_reached(struct member *member)
{
	return member->boundary >= 0 && member->boundary-- == 0;
}

static void dies(struct sim *sim, uint16_t index)
{
	sim->counters[SIM_CRASHES_IN_STEP]++;
	member_crash(sim, index, sim->member[index].power);
}

void member_flush(struct sim *sim, uint16_t index)
{
	struct member *member = &sim->member[index];
	struct sim_disk *disk = &member->disk;
	member->flushing = false;
	disk->flushed = disk->bytes.size;
	if (!disk->lies)
		disk->safe = disk->bytes.size;
	check_stored(sim, index);
	/* Deeds cause steps elsewhere, and these may end here again: take the list away first. */
	struct deed *deeds = member->deeds;
	size_t count = member->deed_count, capacity = member->deed_capacity;
	member->deeds = NULL;
	member->deed_count = member->deed_capacity = 0;
	uint32_t session = member->session;
	for (size_t i = 0; i < count && member->session == session; i++) {
		if (boundary_reached(member))
			dies(sim, index);
		else
			deed_do(sim, index, &deeds[i]);
	}
	for (size_t i = 0; i < count; i++)
		replica_action_free(&deeds[i].action);
	if (member->deeds) {
		free(deeds);
	} else {
		member->deeds = deeds;
		member->deed_capacity = capacity;
	}
}

/* -- steps --------------------------------------------------------------------------------------------------- */

static bool append(struct sim *sim, uint16_t index, const struct replica_action *action)
{
	struct member *member = &sim->member[index];
	if (action->position != member->disk.bytes.size)
		sim_broken(sim, 9, "member %u appends at %llu while its log ends at %zu", (unsigned)index, (unsigned long long)action->position,
			member->disk.bytes.size);
	if (!disk_frame_is_portable(action->bytes))
		sim_broken(sim, 8, "member %u writes a frame at %llu that not every processor can read", (unsigned)index, (unsigned long long)action->position);
	if (boundary_reached(member)) {
		/* In the middle of the write, or before it. */
		size_t part = sim_permille(sim, 500) ? 0 : (size_t)sim_below(sim, action->bytes.size);
		(void)disk_append(&member->disk, span_of(action->bytes.data, part));
		dies(sim, index);
		return false;
	}
	if (disk_append(&member->disk, action->bytes))
		return true;
	stop_full(sim, index);
	return false;
}

static void timer_set(struct sim *sim, uint16_t index, int64_t at_ms, int64_t now_ms)
{
	struct member *member = &sim->member[index];
	happen(sim, (at_ms - now_ms) * SIM_MS, (struct happening){.kind = HAPPEN_TIMER, .to = index, .number = ++member->timer});
}

static void randomness_fill(struct sim *sim, struct replica_event *event)
{
	for (size_t i = 0; sim->options.real_signatures && i < sizeof event->randomness; i++)
		event->randomness[i] = (uint8_t)random_next(&sim->random);
}

/* One member in four never finds the time: it verifies when it applies, and must come to the same. */
static void look_ahead_later(struct sim *sim, uint16_t index)
{
	struct member *member = &sim->member[index];
	if (member->looks_ahead || !replica_has_ahead(member->replica) || (index + sim->options.seed) % 4 == 0)
		return;
	member->looks_ahead = true;
	happen(sim, AHEAD_US, (struct happening){.kind = HAPPEN_AHEAD, .to = index, .number = member->session});
}

void member_look_ahead(struct sim *sim, uint16_t index)
{
	sim->member[index].looks_ahead = false;
	member_step(sim, index, (struct replica_event){.kind = REPLICA_AHEAD});
}

void member_step(struct sim *sim, uint16_t index, struct replica_event event)
{
	static const char *const kinds[] = {"recovered", "start", "tick", "up", "down", "message", "submit", "ahead"};
	struct member *member = &sim->member[index];
	struct replica_actions actions;
	if (!member->replica || sim_over(sim))
		return;
	event.now_ms = member_clock_ms(sim, member);
	randomness_fill(sim, &event);
	sim->counters[SIM_STEPS_OF_REPLICAS]++;
	replica_step(member->replica, &event, &actions);
	sim->trace.checksum = 0;
	uint32_t session = member->session;
	bool spoken = false, began = false, began_live = false;
	size_t appended = 0;
	for (uint32_t i = 0; i < actions.count; i++)
		trace_action(sim, &actions.items[i]);
	if (!member->recovering)
		trace_line(sim, "%u %s peer=%u kind=%u.%u size=%zu actions=%u sum=%08x", (unsigned)index, kinds[event.kind], (unsigned)event.peer,
			event.bytes.size > 1 ? event.bytes.data[0] : 0, event.bytes.size > 1 ? event.bytes.data[1] : 0, event.bytes.size,
			(unsigned)actions.count, (unsigned)sim->trace.checksum);
	for (uint32_t i = 0; i < actions.count && member->session == session; i++) {
		const struct replica_action *action = &actions.items[i];
		if (action->kind == REPLICA_APPEND) {
			if (spoken && !began && replica_append_leads(action))
				sim_broken(sim, 9, "member %u speaks before it stores", (unsigned)index);
			if (!append(sim, index, action))
				return;
			appended++;
		} else if (action->kind == REPLICA_KEEP && member->recovering) {
			disk_keep(&member->disk.entries, action->frame_kind, action->bytes);
		} else if (action->kind == REPLICA_EPOCH) {
			began = true; /* the next epoch's first block may come after what was said in the last one */
			check_epoch(sim, index);
			check_step(sim, index);
			began_live = began_live || !member->recovering;
		} else if (action->kind == REPLICA_TIMER) {
			timer_set(sim, index, action->at_ms, event.now_ms);
		} else if (member->recovering) {
			if (action->kind == REPLICA_FINAL)
				check_final(sim, index, action);
		} else {
			spoken = true;
			deed_add(member, action);
		}
	}
	if (member->session != session || member->recovering)
		return;
	check_step(sim, index);
	if (began_live) /* others are known now */
		network_review(sim);
	if (member->session != session)
		return;
	look_ahead_later(sim, index);
	if ((appended || member->deed_count) && !member->flushing) {
		member->flushing = true;
		int64_t least = member->disk.flush_us;
		happen(sim, sim_between(sim, least, 2 * least), (struct happening){.kind = HAPPEN_FLUSH, .to = index, .number = member->session});
	}
}

/* -- lives ----------------------------------------------------------------------------------------------------- */

void member_crash(struct sim *sim, uint16_t index, bool power)
{
	struct member *member = &sim->member[index];
	if (!member->replica)
		return;
	replica_free(member->replica);
	member->replica = NULL;
	member->session++;
	member->boundary = NO_CRASH;
	member->flushing = member->looks_ahead = false;
	deeds_forget(member);
	sim->counters[SIM_CRASHES]++;
	if (power) {
		sim->counters[SIM_POWER_CUTS]++;
		if (member->disk.safe < member->disk.flushed) {
			check_word_lost(sim, index);
			sim->counters[SIM_FORGOTTEN]++;
		}
		disk_power_cut(sim, &member->disk);
	}
	trace_line(sim, "%u crash power=%d log=%zu", (unsigned)index, power, member->disk.bytes.size);
	network_member_down(sim, index);
	/* After the storm whoever looks after it comes at once. */
	member->stopped = member->stopped && sim->phase == PHASE_STORM;
	if (!member->stopped && !member->absent)
		happen(sim, sim_between(sim, 1 * SIM_MS, 1500 * SIM_MS), (struct happening){.kind = HAPPEN_BOOT, .to = index, .number = member->session});
}

/* What an operator does with logs that cannot be used: move them away, and the member fetches everything. */
static void disk_replace(struct sim *sim, uint16_t index)
{
	struct member *member = &sim->member[index];
	if (!member->disk.decayed)
		sim_broken(sim, 8, "a log of %zu bytes that nothing has damaged cannot be read", member->disk.bytes.size);
	member->disk.decayed = false;
	sim->counters[SIM_REPLACED]++;
	check_word_lost(sim, index);
	disk_empty(&member->disk);
}

/* Whoever's newest own block is still there knows its word; who lost it may fill that slot once more. */
static void disk_judge(struct sim *sim, uint16_t index, enum disk_state state)
{
	struct member *member = &sim->member[index];
	bool word = member->own_round == 0 || map_get(&member->disk.stored, digest_span(&member->own_digest), NULL);
	if (state == DISK_MENDED) {
		if (!member->disk.decayed && !member->disk.scattered)
			sim_broken(sim, 8, "the log of member %u is damaged, and nothing has done that", (unsigned)index);
		sim->counters[SIM_MENDED]++;
		sim->counters[SIM_MENDED_WHOLE] += word;
	}
	if (member->disk.decayed && !word)
		check_word_lost(sim, index);
}

static void recover_entries(struct sim *sim, uint16_t index)
{
	struct buffer copy = {0}; /* steps append to it */
	struct log_frame frame;
	size_t size, seal = 0;
	buffer_append_span(&copy, buffer_span(&sim->member[index].disk.entries));
	struct span entries = buffer_span(&copy);
	for (size_t at = 0; log_frame_read(span_after(entries, at), at, &frame, &size) == OK; at += size)
		seal = frame.kind == REPLICA_FRAME_EPOCH ? at : seal;
	for (size_t at = 0; log_frame_read(span_after(entries, at), at, &frame, &size) == OK && !sim_over(sim); at += size)
		member_step(sim, index, (struct replica_event){.kind = REPLICA_RECOVERED, .frame_kind = frame.kind, .position = at, .bytes = frame.bytes,
			.sealed = at < seal});
	buffer_free(&copy);
}

/* False: these logs cannot be used. */
static bool recover(struct sim *sim, uint16_t index)
{
	struct member *member = &sim->member[index];
	struct sim_disk *disk = &member->disk;
	size_t at = disk->start;
	member->recovering = true;
	recover_entries(sim, index);
	while (at < disk->bytes.size && !sim_over(sim)) {
		struct log_frame frame;
		size_t size;
		CHECK(log_frame_read(span_after(buffer_span(&disk->bytes), at), at, &frame, &size) == OK); /* disk_check has cut the rest */
		member_step(sim, index,
			(struct replica_event){.kind = REPLICA_RECOVERED, .frame_kind = frame.kind, .position = at, .bytes = frame.bytes});
		at += size;
	}
	member->recovering = false;
	struct fault fault = {{0}};
	if (replica_recovery(member->replica, &fault) != OK) {
		if (!disk->decayed)
			sim_broken(sim, 8, "member %u cannot use its own log: %.200s", (unsigned)index, fault.text);
		return false;
	}
	if (replica_log_end(member->replica) != disk->bytes.size && disk->start < disk->bytes.size)
		sim_broken(sim, 9, "member %u believes that its log ends at %llu instead of %zu", (unsigned)index,
			(unsigned long long)replica_log_end(member->replica), disk->bytes.size);
	return true;
}

static void replica_begin(struct sim *sim, uint16_t index)
{
	struct member *member = &sim->member[index];
	const struct sim_organisation *organisation = &sim->consortium->organisation[index];
	struct replica_config config = {.genesis = &sim->genesis, .name = span_of_text(organisation->name), .consensus = sim->consensus,
		.keys = {{organisation->nodes[0], organisation->checkpoints[0]}, {organisation->nodes[1], organisation->checkpoints[1]}}, .key_count = 2, .signatures = sim->signatures};
	CHECK(replica_new(&config, &member->replica, NULL) == OK);
	member->finals = member->commits = member->commits_told = 0;
	member->disk.flushed = member->disk.bytes.size;
	if (!member->disk.lies)
		member->disk.safe = member->disk.bytes.size;
	map_free(&member->disk.stored);
	member->disk.noted = member->disk.start;
	member->epoch = 0;
}

void member_boot(struct sim *sim, uint16_t index)
{
	struct member *member = &sim->member[index];
	if (member->replica || member->stopped || member->absent)
		return;
	enum disk_state state = disk_check(&member->disk);
	if (state == DISK_LOST)
		disk_replace(sim, index);
	sim->counters[SIM_CUT_TAILS] += state == DISK_CUT;
	replica_begin(sim, index);
	member->session++;
	trace_line(sim, "%u boot log=%zu state=%d", (unsigned)index, member->disk.bytes.size, (int)state);
	check_stored(sim, index);
	disk_judge(sim, index, state);
	if (!recover(sim, index) && !sim_over(sim)) {
		/* Entries that look like a torn end may have been more than the blocks bring again; holes alone are no reason. */
		if (!member->disk.entries_cut)
			sim_broken(sim, 8, "member %u cannot use its logs, which are repaired", (unsigned)index);
		disk_replace(sim, index);
		replica_free(member->replica);
		replica_begin(sim, index);
	}
	member->disk.decayed = member->disk.scattered = false;
	if (sim_over(sim))
		return;
	member_step(sim, index, (struct replica_event){.kind = REPLICA_START, .position = member->disk.bytes.size});
	network_member_up(sim, index);
}

void member_free(struct sim *sim, struct member *member)
{
	(void)sim;
	replica_free(member->replica);
	deeds_forget(member);
	free(member->deeds);
	disk_free(&member->disk);
	liar_free(&member->liar);
}
