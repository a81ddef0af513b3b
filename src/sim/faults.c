/* What goes wrong, by seed. What makes a member forget, lie about time by far, or go for ever is only done to as many as
 * the protocol bears, liars included. */
#include "sim/state.h"

enum fault_kind {
	FAULT_CRASH, FAULT_CRASH_AT_BOUNDARY, FAULT_POWER, FAULT_POWER_AT_BOUNDARY, FAULT_POWER_ALL, FAULT_PARTITION, FAULT_SLOW, FAULT_WEATHER,
	FAULT_CLOCK_STEP, FAULT_CLOCK_BACK, FAULT_DRIFT, FAULT_DISK_FULL, FAULT_SLOW_DISK, FAULT_REPAIR,
	/* within the budget */
	FAULT_CLOCK_AHEAD, FAULT_FLIP, FAULT_MISDIRECT, FAULT_WIPE, FAULT_RESTORE, FAULT_LYING_FLUSH, FAULT_ABSENT, FAULTS
};

uint16_t sim_faulty(const struct sim *sim)
{
	uint16_t count = 0;
	for (uint16_t i = 0; i < sim->members; i++) {
		const struct member *member = &sim->member[i];
		count += !is_honest(member) || member->amnesiac || member->struck || member->ahead || member->absent || member->disk.lies;
	}
	return count;
}

static void repair(struct sim *sim, uint16_t index)
{
	struct member *member = &sim->member[index];
	member->disk.space = member->disk.entries_space = SIZE_MAX;
	if (member->stopped && !member->replica) {
		member->stopped = false;
		happen(sim, sim_between(sim, 0, 200 * SIM_MS), (struct happening){.kind = HAPPEN_BOOT, .to = index, .number = member->session});
	}
}

static void crash_soon(struct sim *sim, uint16_t index, bool power)
{
	sim->member[index].boundary = sim_between(sim, 0, 40);
	sim->member[index].power = power;
}

static void power_cut_of_all(struct sim *sim)
{
	sim->counters[SIM_POWER_CUTS_OF_ALL]++;
	for (uint16_t i = 0; i < sim->members; i++)
		member_crash(sim, i, true);
}

static void weather(struct sim *sim)
{
	sim->network.loss = (uint32_t)sim_below(sim, 300);
	sim->network.jitter_us = sim_between(sim, 0, 60 * SIM_MS);
	sim->network.delay_us = sim_between(sim, 100, 30 * SIM_MS);
}

/* The disk is another's, older, or empty. */
static void disk_exchange(struct sim *sim, uint16_t index, bool restore)
{
	struct member *member = &sim->member[index];
	struct sim_disk *disk = &member->disk;
	check_word_lost(sim, index);
	member_crash(sim, index, false);
	disk_empty(disk);
	if (restore) {
		buffer_append_span(&disk->bytes, buffer_span(&disk->backup));
		buffer_append_span(&disk->entries, buffer_span(&disk->backup_entries));
		disk->start = disk->backup_start;
		disk->entries_safe = disk->entries.size;
	}
	disk->decayed = restore && disk->backup_decayed;
	disk->flushed = disk->safe = disk->bytes.size;
	sim->counters[restore && disk->backup.size > 0 ? SIM_RESTORED : SIM_WIPED]++;
}

/* The night's copies. */
static void backup_all(struct sim *sim)
{
	for (uint16_t i = 0; i < sim->members; i++) {
		struct sim_disk *disk = &sim->member[i].disk;
		disk->backup_decayed = disk->decayed || disk->scattered;
		buffer_clear(&disk->backup);
		buffer_append(&disk->backup, disk->bytes.data, disk->flushed);
		buffer_clear(&disk->backup_entries);
		buffer_append_span(&disk->backup_entries, buffer_span(&disk->entries));
		disk->backup_start = disk->start;
	}
}

/* What is damaged is noticed at the next start, which mostly comes soon. */
static void disk_decay(struct sim *sim, uint16_t index, bool misdirect)
{
	enum { PLACES_MAX = 4, RESTART_PERMILLE = 600 };
	struct member *member = &sim->member[index];
	member->struck = true;
	sim->counters[misdirect ? SIM_MISDIRECTED : SIM_FLIPPED]++;
	for (uint64_t places = 1 + sim_below(sim, PLACES_MAX); places > 0; places--)
		if (misdirect)
			disk_misdirect(sim, &member->disk);
		else
			disk_flip(sim, &member->disk);
	if (sim_permille(sim, RESTART_PERMILLE))
		member_crash(sim, index, false);
}

/* Faults that count. */
static void strike_faulty(struct sim *sim, uint16_t index, enum fault_kind kind)
{
	struct member *member = &sim->member[index];
	switch (kind) {
	case FAULT_CLOCK_AHEAD:
		member->ahead = true;
		member->clock_us += sim_between(sim, 60, 3600) * SIM_S;
		sim->counters[SIM_CLOCKS_AHEAD]++;
		break;
	case FAULT_FLIP:
	case FAULT_MISDIRECT:
		disk_decay(sim, index, kind == FAULT_MISDIRECT);
		break;
	case FAULT_WIPE:
	case FAULT_RESTORE:
		disk_exchange(sim, index, kind == FAULT_RESTORE);
		break;
	case FAULT_LYING_FLUSH:
		member->disk.lies = true;
		/* Nobody notices before there is a power cut. */
		if (sim_permille(sim, 700)) {
			member->boundary = sim_between(sim, 20, 200);
			member->power = true;
		}
		sim->counters[SIM_LYING_FLUSHES]++;
		break;
	default:
		member->absent = true;
		sim->counters[SIM_ABSENT]++;
		member_crash(sim, index, false);
		break;
	}
}

static void strike(struct sim *sim, uint16_t index, enum fault_kind kind)
{
	struct member *member = &sim->member[index];
	switch (kind) {
	case FAULT_CRASH: member_crash(sim, index, false); break;
	case FAULT_CRASH_AT_BOUNDARY: crash_soon(sim, index, false); break;
	case FAULT_POWER: member_crash(sim, index, true); break;
	case FAULT_POWER_AT_BOUNDARY: crash_soon(sim, index, true); break;
	case FAULT_POWER_ALL: power_cut_of_all(sim); break;
	case FAULT_PARTITION: network_partition(sim); break;
	case FAULT_SLOW:
		member->slow_us = sim_permille(sim, 500) ? 0 : sim_between(sim, 10 * SIM_MS, 500 * SIM_MS);
		sim->counters[SIM_SLOWED] += member->slow_us > 0;
		break;
	case FAULT_WEATHER: weather(sim); break;
	case FAULT_CLOCK_STEP:
		member->clock_us += sim_between(sim, -2 * SIM_S, 2 * SIM_S);
		sim->counters[SIM_CLOCK_STEPS]++;
		break;
	case FAULT_CLOCK_BACK:
		member->clock_us -= sim_between(sim, 1, 3600) * SIM_S;
		sim->counters[SIM_CLOCKS_BACK]++;
		break;
	case FAULT_DRIFT:
		member->drift_ppm = sim_between(sim, -50000, 50000);
		sim->counters[SIM_DRIFTS]++;
		break;
	case FAULT_DISK_FULL: /* either log may be the first that notices */
		member->disk.space = member->disk.bytes.size + (size_t)sim_below(sim, 20000);
		member->disk.entries_space = member->disk.entries.size + (size_t)sim_below(sim, 10000);
		break;
	case FAULT_SLOW_DISK:
		member->disk.flush_us = sim_between(sim, 1 * SIM_MS, 60 * SIM_MS);
		sim->counters[SIM_SLOW_DISKS]++;
		break;
	case FAULT_REPAIR: repair(sim, index); break;
	default: strike_faulty(sim, index, kind); break;
	}
}

static bool is_at_work(const struct sim *sim, const struct member *member)
{
	struct replica_numbers numbers;
	if (!member->replica)
		return false;
	replica_numbers(member->replica, &numbers);
	return numbers.consensus.tip_known && numbers.epoch + 1 == sim->epoch_count;
}

/* A block that nobody else has is gone with the disk. Its slot is filled again, which hurts nobody; but the observer has seen both. */
static bool is_known(const struct sim *sim, const struct member *member)
{
	uint64_t end;
	for (uint16_t i = 0; i < sim->members; i++) {
		const struct sim_disk *disk = &sim->member[i].disk;
		if (&sim->member[i] != member && map_get(&disk->stored, digest_span(&member->own_digest), &end) && end <= disk->flushed)
			return true;
	}
	return member->own_round == 0;
}

/* Three that bear a crash: one may have a wrong clock, or lose its disk while the others come back, or go for ever when the others
 * are at work. What a disk does not notice is not borne: two quorums share one member only. */
static bool crash_bears(const struct sim *sim, const struct member *member, enum fault_kind kind)
{
	if (kind != FAULT_CLOCK_AHEAD && kind != FAULT_WIPE && kind != FAULT_ABSENT)
		return false;
	if (kind == FAULT_WIPE && !is_known(sim, member))
		return false;
	if (sim_faulty(sim) > 0)
		return kind == FAULT_WIPE && member->amnesiac;
	bool all_at_work = sim->members == sim->founders;
	for (uint16_t i = 0; i < sim->members; i++)
		all_at_work = all_at_work && is_at_work(sim, &sim->member[i]);
	return kind != FAULT_ABSENT || all_at_work;
}

static bool permitted(const struct sim *sim, const struct member *member, enum fault_kind kind)
{
	if (kind != FAULT_REPAIR && !(sim->knobs.enabled >> kind & 1))
		return false;
	if (kind < FAULT_CLOCK_AHEAD)
		return true;
	if (sim->settings.crash)
		return crash_bears(sim, member, kind);
	/* Whoever is counted already may forget once more, but not go away. */
	if ((member->amnesiac || member->struck) && kind != FAULT_ABSENT)
		return true;
	return is_honest(member) && !member->ahead && !member->absent && !member->disk.lies && sim_faulty(sim) < sim->faulty_max;
}

void fault_strike(struct sim *sim)
{
	/* Few members may be struck, and a repair takes a start as well; an older disk takes a copy that was made. */
	enum { DECAYS_MORE = 8, RESTORES_MORE = 3, BACKUP_PERMILLE = 300 };
	uint64_t chosen = sim_below(sim, FAULTS + DECAYS_MORE + RESTORES_MORE);
	enum fault_kind kind = chosen < FAULTS ? (enum fault_kind)chosen
		: chosen >= FAULTS + DECAYS_MORE ? FAULT_RESTORE
		: chosen % 2 ? FAULT_FLIP : FAULT_MISDIRECT;
	uint16_t index = (uint16_t)sim_below(sim, sim->members);
	if (permitted(sim, &sim->member[index], kind)) {
		trace_line(sim, "%u fault kind=%d", (unsigned)index, (int)kind);
		strike(sim, index, kind);
	}
	if (sim_permille(sim, BACKUP_PERMILLE))
		backup_all(sim);
	happen(sim, sim_between(sim, sim->knobs.fault_pause_us / 4, 2 * sim->knobs.fault_pause_us), (struct happening){.kind = HAPPEN_FAULT});
}

/* The network is whole, the clocks are right, the disks work, and whoever can come back does. */
void faults_end(struct sim *sim)
{
	struct network *network = &sim->network;
	trace_line(sim, "the storm ends");
	network->loss = network->duplicate = 0;
	network->delay_us = sim_between(sim, 200, 5 * SIM_MS);
	network->jitter_us = sim_between(sim, 0, 4 * SIM_MS);
	for (uint16_t i = 0; i < sim->members; i++) {
		struct member *member = &sim->member[i];
		member->boundary = NO_CRASH;
		member->slow_us = 0;
		member->clock_us = sim_between(sim, -100 * SIM_MS, 100 * SIM_MS);
		member->drift_ppm = 0;
		member->disk.lies = false;
		if (member->disk.flush_us > 20 * SIM_MS)
			member->disk.flush_us = 20 * SIM_MS;
		if (!is_honest(member) && sim->knobs.liars_stop) {
			member->absent = true;
			member_crash(sim, i, false);
		}
		repair(sim, i);
	}
	network_heal(sim);
}
