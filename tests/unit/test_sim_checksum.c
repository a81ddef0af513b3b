/* The checksum of frames without the processor's instruction: whole simulations with it leave the same trace, which is made of
 * checksums, too, and their logs are read with one as well as with the other. The linker puts a choice in the way of crc32c. */
#include "sim_story.h"

#include <stdlib.h>

uint32_t __real_crc32c(struct span bytes);
uint32_t __wrap_crc32c(struct span bytes);

static bool portable;
static uint64_t portable_calls;
uint32_t __wrap_crc32c(struct span bytes)
{
	portable_calls += portable;
	return portable ? crc32c_portable(bytes) : __real_crc32c(bytes);
}

static struct digest trace_of(uint64_t seed)
{
	struct sim_options options = {.seed = seed};
	struct sim_report report;
	struct sim *sim = sim_new(&options, keys);
	while (sim_step(sim))
		;
	sim_report(sim, &report);
	assert_int_equal(report.verdict, SIM_PASS);
	sim_free(sim);
	return report.trace;
}

static void both_ways_leave_one_trace(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct digest traces[2];
		portable = false;
		traces[0] = trace_of(seed);
		portable = true;
		traces[1] = trace_of(seed);
		assert_true(digest_equal(&traces[0], &traces[1]));
	}
	assert_true(portable_calls > 10000);
}

/* Members change the way at each start, all through the storm. */
static void logs_are_read_either_way(void **state)
{
	(void)state;
	struct sim *sim = story_begin(1, 4, 3 * SIM_S, 8 * SIM_S);
	int64_t next_us = SIM_S / 2;
	while (sim->phase == PHASE_STORM && sim_step(sim))
		if (sim->now_us >= next_us) {
			next_us += SIM_S / 4;
			portable = !portable;
			member_crash(sim, (uint16_t)(next_us / (SIM_S / 4) % 4), portable);
		}
	story_ends_well(sim, "members", 4);
	assert_true(sim->counters[SIM_CRASHES] > 8 && sim->counters[SIM_MENDED] == 0);
	sim_free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways_leave_one_trace),
		cmocka_unit_test(logs_are_read_either_way),
	};
	cmocka_set_test_filter(getenv("TALLY_TEST"));
	return cmocka_run_group_tests(tests, story_keys_make, story_keys_free);
}
