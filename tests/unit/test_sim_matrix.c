/* Every kind of liar on every kind of network, one after the other rather than by chance. The network has its shape from
 * half a second on until the storm ends; the liars go on to the end, and all the same everything becomes final, with all
 * invariants of the simulator. TALLY_SEEDS=n: n stories for each pair, of four and of seven members. */
#include "sim_story.h"

#include <stdio.h>
#include <stdlib.h>

enum shape {
	WHOLE,
	HONEST_APART,                 /* in two halves, both of which the liars hear and talk to */
	ONE_AWAY,                     /* f away from Q */
	ONE_UNHEARD,                  /* it hears the others */
	ONE_DEAF,                     /* they hear it */
	STAR,                         /* all only through one, who is honest */
	STAR_OF_A_LIAR,
	ONE_SLOW,                     /* fifty times */
	ONE_DOWN,
	SHAPES
};

static const char *const shape_names[SHAPES] = {"whole", "honest apart", "one away", "one unheard", "one deaf", "star", "star of a liar", "one slow",
	"one down"};

/* The storm lasts longer than the two seconds that members with empty disks give a silent one, and the leader timeouts after. */
enum { SHAPE_MS = 500, STORM_LEAST_MS = 4500, STORM_MOST_MS = 6000, SLOW_TIMES = 50 };

struct cast {
	uint16_t liars, chosen;       /* how many; an honest one */
	bool lies[SIM_MEMBERS_MAX];
};

static struct cast cast(struct sim *sim, uint64_t seed, enum nature nature)
{
	struct cast cast = {.liars = sim->faulty_max};
	for (uint16_t i = 0; i < cast.liars; i++) {
		uint16_t index = (uint16_t)((seed + 3u * i) % sim->members);
		cast.lies[index] = true;
		sim->member[index].nature = nature;
		if (nature == FLOODER)
			happen(sim, 100 * SIM_MS, (struct happening){.kind = HAPPEN_LIAR, .to = index});
	}
	while (cast.lies[cast.chosen])
		cast.chosen++;
	sim->knobs.byzantine = cast.liars;
	sim->knobs.liars_stop = false;
	return cast;
}

static bool separates(const struct sim *sim, enum shape shape, const struct cast *cast, uint16_t a, uint16_t b)
{
	uint16_t liar = 0;
	while (!cast->lies[liar])
		liar++;
	switch (shape) {
	case HONEST_APART: return !cast->lies[a] && !cast->lies[b] && (a < sim->members / 2) != (b < sim->members / 2);
	case ONE_AWAY: return a == cast->chosen || b == cast->chosen;
	case ONE_UNHEARD: return a == cast->chosen;
	case ONE_DEAF: return b == cast->chosen;
	case STAR: return a != cast->chosen && b != cast->chosen;
	case STAR_OF_A_LIAR: return a != liar && b != liar;
	default: return false;
	}
}

static void take_shape(struct sim *sim, enum shape shape, const struct cast *cast)
{
	struct member *chosen = &sim->member[cast->chosen];
	for (uint16_t a = 0; a < sim->members; a++)
		for (uint16_t b = 0; b < sim->members; b++)
			if (separates(sim, shape, cast, a, b))
				story_block(sim, a, b);
	if (shape == ONE_SLOW)
		chosen->slow_us = (SLOW_TIMES - 1) * sim->network.delay_us;
	if (shape == ONE_DOWN) {
		chosen->stopped = true; /* until the storm ends */
		member_crash(sim, cast->chosen, false);
	}
}

/* Did the liar do what it is there for? What leaves no trace of its own is not asked for. */
static bool lied(const struct sim *sim, enum nature nature)
{
	switch (nature) {
	case EQUIVOCATING_CHAINS:
	case EQUIVOCATING_TWO_CHAINS:
	case FALSE_ROOTS: return sim->counters[SIM_TWINS] > 0;
	case LEADER_WITHHOLDING:
	case RAMP_UP_WITHHOLDING:
	case CHAIN_BOMB:
	case CHAIN_BOMB_QUORUM: return sim->counters[SIM_WITHHELD] > 0;
	case EQUIVOCATING_CHAINS_BOMB: return sim->counters[SIM_WITHHELD] > 0 && sim->counters[SIM_TWINS] > 0;
	case LYING_SYNC: return sim->counters[SIM_LIES] > 0;
	case FLOODER: return sim->counters[SIM_FLOODED] > 0;
	default: return true;
	}
}

/* Commits while the network had its shape. */
static uint64_t story(uint64_t seed, uint16_t members, enum nature nature, enum shape shape)
{
	char what[120];
	struct sim *sim = story_begin(seed, members, STORM_LEAST_MS * SIM_MS, STORM_MOST_MS * SIM_MS);
	struct cast people = cast(sim, seed, nature);
	snprintf(what, sizeof what, "%s, %s, members", nature_name(nature), shape_names[shape]);
	while (sim->now_us < SHAPE_MS * SIM_MS)
		assert_true(sim_step(sim));
	uint64_t lost = sim->counters[SIM_LOST], commits = sim->counters[SIM_COMMITS];
	take_shape(sim, shape, &people);
	while (sim->phase == PHASE_STORM && sim_step(sim))
		;
	lost = sim->counters[SIM_LOST] - lost;
	commits = sim->counters[SIM_COMMITS] - commits;
	story_ends_well(sim, what, members);
	if (!lied(sim, nature))
		fail_msg("seed %llu, %s %u: nobody lied", (unsigned long long)seed, what, (unsigned)members);
	if (lost == 0 && shape != WHOLE && shape != ONE_SLOW && shape != ONE_DOWN)
		fail_msg("seed %llu, %s %u: nothing was lost", (unsigned long long)seed, what, (unsigned)members);
	/* As many liars as the protocol bears stop nobody. */
	if (commits == 0 && shape == WHOLE)
		fail_msg("seed %llu, %s %u: nothing was committed", (unsigned long long)seed, what, (unsigned)members);
	sim_free(sim);
	return commits;
}

static void every_liar_on_every_network(void **state)
{
	(void)state;
	const char *many = getenv("TALLY_SEEDS");
	uint64_t seeds = many ? strtoull(many, NULL, 10) : 1;
	for (enum nature nature = TIMEOUT_LEADER; nature < NATURES; nature++) {
		uint64_t commits[SHAPES] = {0};
		for (enum shape shape = WHOLE; shape < SHAPES; shape++)
			for (uint64_t i = 0; i < seeds; i++) {
				commits[shape] += story(1 + 500 * i + (uint64_t)nature, 4, nature, shape);
				if (many)
					commits[shape] += story(1 + 500 * i + (uint64_t)nature, 7, nature, shape);
			}
		print_message("         %-22s commits meanwhile:", nature_name(nature));
		for (enum shape shape = WHOLE; shape < SHAPES; shape++)
			print_message(" %s %llu%s", shape_names[shape], (unsigned long long)commits[shape], shape + 1 < SHAPES ? "," : "\n");
	}
}

/* An empty disk, while a liar is among those it fetches from: of seven, so that both are within what the protocol bears. */
static void newcomer(uint64_t seed, enum nature nature)
{
	struct sim *sim = story_begin(seed, 7, STORM_LEAST_MS * SIM_MS, STORM_MOST_MS * SIM_MS);
	uint16_t liar = (uint16_t)(seed % 7), index = (uint16_t)((seed + 1) % 7);
	sim->member[liar].nature = nature;
	if (nature == FLOODER)
		happen(sim, 100 * SIM_MS, (struct happening){.kind = HAPPEN_LIAR, .to = liar});
	while (sim->now_us < sim->knobs.storm_us / 2)
		assert_true(sim_step(sim));
	struct member *member = &sim->member[index];
	uint64_t finals = member->finals;
	member->amnesiac = true;
	member_crash(sim, index, false);
	member->disk.bytes.size = member->disk.flushed = member->disk.safe = member->disk.noted = 0;
	story_ends_well(sim, nature_name(nature), seed);
	if (!lied(sim, nature))
		fail_msg("seed %llu, %s: nobody lied", (unsigned long long)seed, nature_name(nature));
	assert_true(member->finals > 0 && member->finals >= finals && member->finals == sim->checks.final_count);
	sim_free(sim);
}

static void a_newcomer_fetches_among_liars(void **state)
{
	(void)state;
	const char *many = getenv("TALLY_SEEDS");
	uint64_t seeds = many ? strtoull(many, NULL, 10) : 2;
	for (enum nature nature = TIMEOUT_LEADER; nature < NATURES; nature++)
		for (uint64_t i = 0; i < seeds; i++)
			newcomer(1 + 300 * i + (uint64_t)nature, nature);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_liar_on_every_network),
		cmocka_unit_test(a_newcomer_fetches_among_liars),
	};
	cmocka_set_test_filter(getenv("TALLY_TEST"));
	return cmocka_run_group_tests(tests, story_keys_make, story_keys_free);
}
