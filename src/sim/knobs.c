/* What a seed is about: the size of the consortium, its limits, its liars, the kinds of faults. */
#include "sim/state.h"

#include <stdio.h>

const char *nature_name(enum nature nature)
{
	static const char *const names[NATURES] = {"honest", "TimeoutLeader", "EquivocatingChains", "EquivocatingTwoChains", "RandomDrop",
		"LeaderWithholding", "ChainBomb", "ChainBombQuorum", "EquivocatingChainsBomb", "RampUpWithholding", "LyingSync", "Flooder", "Silent",
		"FalseRoots"};
	return names[nature];
}

/* So many seeds are there for one of three members that bear a crash. */
enum { CRASH_EVERY = 12 };

static uint16_t members_choose(struct sim *sim)
{
	static const uint16_t sizes[] = {4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 1, 2, 3, 5, 6, 7, 10};
	return sizes[sim_below(sim, sizeof sizes / sizeof *sizes)];
}

/* A knob is left alone, or turned to somewhere between its least value and its default. */
static uint32_t turned(struct sim *sim, uint32_t least, uint32_t usual)
{
	return sim_permille(sim, 500) ? usual : (uint32_t)sim_between(sim, least, usual);
}

/* The same for sizes: each order of magnitude is as likely. */
static uint32_t turned_far(struct sim *sim, uint32_t least, uint32_t usual)
{
	uint32_t size = usual;
	while (size / 2 > least && sim_permille(sim, 880))
		size /= 2;
	return size;
}

static void consensus_turn(struct sim *sim)
{
	struct consensus_config *config = &sim->consensus;
	*config = consensus_config_default();
	config->round_delay_ms = (uint32_t)sim_between(sim, 10, 60);
	config->leader_timeout_ms = turned(sim, 80, config->leader_timeout_ms);
	config->heartbeat_ms = (uint32_t)sim_between(sim, 700, 2500);
	config->clock_drift_ms = turned(sim, 600, config->clock_drift_ms);
	config->rounds_ahead_max = turned(sim, 20, config->rounds_ahead_max);
	config->gc_depth = turned(sim, 8, config->gc_depth);
	if (sim_permille(sim, 300)) /* seldom fewer than all */
		config->leaders = (uint16_t)sim_between(sim, 1, 3);
	config->suspended_max = turned(sim, 8, config->suspended_max);
	config->pending_bytes_max = turned_far(sim, 8 << 10, config->pending_bytes_max);
}

static void network_turn(struct sim *sim)
{
	struct network *network = &sim->network;
	network->delay_us = sim_between(sim, 100, 15 * SIM_MS);
	network->jitter_us = sim_permille(sim, 700) ? sim_between(sim, 0, 20 * SIM_MS) : 0;
	network->ordered = sim_permille(sim, 400);
	network->loss = sim_permille(sim, 500) ? (uint32_t)sim_below(sim, 120) : 0;
	network->duplicate = sim_permille(sim, 400) ? (uint32_t)sim_below(sim, 100) : 0;
}

static void natures_turn(struct sim *sim)
{
	if (sim->faulty_max == 0 || sim_permille(sim, 350))
		return;
	sim->knobs.byzantine = (uint16_t)sim_between(sim, 1, sim->faulty_max);
	for (uint16_t left = sim->knobs.byzantine; left > 0;) {
		struct member *member = &sim->member[sim_below(sim, sim->founders)];
		if (!is_honest(member))
			continue;
		member->nature = (enum nature)sim_between(sim, TIMEOUT_LEADER, NATURES - 1);
		sim->counters[SIM_LIARS + member->nature - TIMEOUT_LEADER]++;
		left--;
	}
	sim->knobs.liars_stop = sim_permille(sim, 300);
}

void knobs_turn(struct sim *sim)
{
	if (sim_is_calm(sim)) {
		calm_turn(sim);
		return;
	}
	uint16_t chosen = members_choose(sim); /* also when it is given, so that the rest stays the same */
	sim->settings = genesis_settings_usual();
	sim->settings.crash = sim->options.members == 0 && (sim->options.crash || sim->options.seed % CRASH_EVERY == 0);
	if (sim->settings.crash)
		chosen = 3;
	sim->members = sim->options.members ? sim->options.members : chosen;
	sim->faulty_max = validity_faulty_max(sim->members);
	sim->founders = sim->members;
	bool changes = sim->members <= 10 && !sim->options.members && sim_permille(sim, 250);
	/* Of those that stand by, so many that the founders alone are a quorum for any change but the last. */
	if (changes)
		sim->members += (uint16_t)sim_between(sim, 1, SIM_RESERVES);
	sim->member = memory_new_array(sim->members, sizeof *sim->member);
	consensus_turn(sim);
	network_turn(sim);
	natures_turn(sim);
	if (!changes && !sim_permille(sim, 400))
		sim->settings.epoch_bytes = (uint64_t)turned_far(sim, 16u * sim->members * REPLICA_BLOCK_COST, 32 << 20);
	struct knobs *knobs = &sim->knobs;
	knobs->storm_us = sim_between(sim, 2 * SIM_S, 14 * SIM_S);
	knobs->fault_pause_us = sim_between(sim, 40 * SIM_MS, 600 * SIM_MS);
	knobs->drain_us = 60 * SIM_S;
	knobs->enabled = (uint32_t)random_next(&sim->random);
	knobs->statements = (uint32_t)sim_between(sim, 4, 40);
	knobs->window = (uint32_t)sim_between(sim, 1, 6);
	knobs->pause_us = sim_between(sim, 10 * SIM_MS, 500 * SIM_MS);
	for (uint16_t i = 0; i < sim->members; i++) {
		struct member *member = &sim->member[i];
		member->boundary = NO_CRASH;
		member->clock_us = sim_between(sim, -150 * SIM_MS, 150 * SIM_MS);
		member->drift_ppm = sim_between(sim, -200, 200);
		member->disk.space = member->disk.entries_space = SIZE_MAX;
		member->disk.segment_size = (size_t)sim_between(sim, 1 << 10, 64 << 10);
		member->disk.flush_us = sim_permille(sim, 200) ? sim_between(sim, 5 * SIM_MS, 20 * SIM_MS) : sim_between(sim, 100, 3 * SIM_MS);
		member->liar.withheld_max = (uint32_t)sim_between(sim, 4, 60);
	}
}

void knobs_tell(const struct sim *sim, char out[SIM_TEXT_MAX])
{
	const struct consensus_config *config = &sim->consensus;
	int size = snprintf(out, SIM_TEXT_MAX,
		"members=%u/%u%s round=%ums timeout=%ums heartbeat=%ums gc=%u leaders=%u ahead=%u suspended=%u pending=%u epoch=%u loss=%u dup=%u faults=%08x liars=", (unsigned)sim->founders, (unsigned)sim->members, sim->settings.crash ? " crash" : "",
		(unsigned)config->round_delay_ms, (unsigned)config->leader_timeout_ms, (unsigned)config->heartbeat_ms, (unsigned)config->gc_depth, (unsigned)config->leaders, (unsigned)config->rounds_ahead_max,
		(unsigned)config->suspended_max, (unsigned)config->pending_bytes_max, (unsigned)sim->settings.epoch_bytes, (unsigned)sim->network.loss, (unsigned)sim->network.duplicate,
		(unsigned)sim->knobs.enabled);
	for (uint16_t i = 0; i < sim->members && size < SIM_TEXT_MAX - 40; i++)
		if (!is_honest(&sim->member[i]))
			size += snprintf(out + size, SIM_TEXT_MAX - (size_t)size, "%u:%s,", (unsigned)i, nature_name(sim->member[i].nature));
}
