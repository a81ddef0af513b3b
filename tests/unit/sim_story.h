/* A simulated consortium whose story the test writes itself: a seed gives sizes and delays, no faults and no liars. */
#ifndef TEST_SIM_STORY_H
#define TEST_SIM_STORY_H

#include "sim/sim.h"
#include "sim/state.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct sim_keys *keys;         /* made for all tests of a program: story_keys_make, story_keys_free */

static inline int story_keys_make(void **state)
{
	(void)state;
	keys = sim_keys_new();
	return 0;
}

static inline int story_keys_free(void **state)
{
	(void)state;
	sim_keys_free(keys);
	return 0;
}

/* The first seed from `seed` on that is honest and whose storm is about so long. */
static inline struct sim *story_begin(uint64_t seed, uint16_t members, int64_t least_us, int64_t most_us)
{
	struct sim_options options = {.members = members};
	for (options.seed = seed;; options.seed++) {
		struct sim *sim = sim_new(&options, keys);
		if (sim->knobs.byzantine == 0 && sim->knobs.storm_us >= least_us && sim->knobs.storm_us <= most_us) {
			sim->knobs.enabled = 0;
			sim->network.loss = sim->network.duplicate = 0;
			return sim;
		}
		sim_free(sim);
	}
}

/* Nothing passes from a to b. */
static inline void story_block(struct sim *sim, uint16_t a, uint16_t b)
{
	sim->network.link[a][b].blocked = a != b;
}

/* To its end, where everything must be final and all invariants hold. */
static inline void story_ends_well(struct sim *sim, const char *what, unsigned long long number)
{
	while (sim_step(sim))
		;
	if (sim->verdict != SIM_PASS)
		fail_msg("seed %llu, %s %llu, step %llu: %s, invariant %u: %s", (unsigned long long)sim->options.seed, what, number,
			(unsigned long long)sim->steps, sim_verdict_name(sim->verdict), sim->invariant, sim->text);
}

#endif
