/* `tally sim`: one seed, or many. */
#include "command/command.h"

#include "sim/sim.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { PROGRESS_EVERY = 100 };

struct sim_run {
	struct sim_options options;
	uint64_t seeds;               /* 0: one, with all its figures */
	FILE *trace;
	struct sim_keys *keys;
	int64_t simulated_us, drained_us; /* drained_us: the longest */
	uint64_t drained_seed;
	uint64_t verdicts[SIM_BROKEN + 1];
	uint64_t counters[SIM_COUNTERS];
};

/* -- a CHECK that fails ends the process: the seed is told all the same ------------------------------------------ */

static char last_words[240];

static void on_abort(int number)
{
	(void)number;
	ssize_t written = write(STDERR_FILENO, last_words, strlen(last_words));
	_exit(written >= 0 ? 1 : 2);
}

static void replay_command(const struct sim_run *run, uint64_t seed, uint64_t step, char *out, size_t size)
{
	int used = snprintf(out, size, "tally sim --seed %" PRIu64, seed);
	if (run->options.members)
		used += snprintf(out + used, size - (size_t)used, " --members %u", (unsigned)run->options.members);
	if (run->options.real_signatures)
		used += snprintf(out + used, size - (size_t)used, " --real-signatures");
	if (run->options.crash)
		used += snprintf(out + used, size - (size_t)used, " --crash");
	if (step)
		snprintf(out + used, size - (size_t)used, " --until %" PRIu64, step);
}

static void abort_prepare(const struct sim_run *run, uint64_t seed)
{
	char command[120];
	replay_command(run, seed, 0, command, sizeof command);
	snprintf(last_words, sizeof last_words, "sim: invariant 16, the program stops itself; version %.40s; again: %s\n", app_version(), command);
}

/* -- telling ------------------------------------------------------------------------------------------------------ */

static void failure_print(const struct sim_run *run, const struct sim_report *report)
{
	char command[120];
	replay_command(run, report->seed, report->step, command, sizeof command);
	printf("FAILED  seed %" PRIu64 " step %" PRIu64 ": %s, invariant %u: %s\n", report->seed, report->step, sim_verdict_name(report->verdict),
		report->invariant, report->text);
	printf("        %s\n        version %s; again: %s\n", report->setting, app_version(), command);
}

static void counters_print(const uint64_t *counters)
{
	for (int i = 0; i < SIM_COUNTERS; i++)
		printf("%s%s=%" PRIu64, i % 8 == 0 ? "\n        " : " ", sim_counter_name((enum sim_counter)i), counters[i]);
	printf("\n");
}

static void one_print(const struct sim_report *report)
{
	char hex[DIGEST_HEX_SIZE];
	span_hex(span_of(report->trace.bytes, DIGEST_SIZE), hex);
	printf("seed %" PRIu64 ": %s after %" PRIu64 " steps, %" PRId64 ".%03" PRId64 " s simulated; trace %s\n", report->seed,
		sim_verdict_name(report->verdict), report->step, report->simulated_us / 1000000, report->simulated_us / 1000 % 1000, hex);
	printf("        %s", report->setting);
	counters_print(report->counters);
}

static double cpu_seconds(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

static void many_print(const struct sim_run *run, uint64_t done)
{
	double cpu = cpu_seconds();
	printf("%" PRIu64 " seeds:", done);
	for (int i = SIM_PASS; i <= SIM_BROKEN; i++)
		printf(" %s %" PRIu64, sim_verdict_name((enum sim_verdict)i), run->verdicts[i]);
	printf("; %.0f s simulated in %.0f s of one core, %.0f times as fast as time\n", (double)run->simulated_us / 1e6, cpu,
		cpu > 0 ? (double)run->simulated_us / 1e6 / cpu : 0);
}

/* -- running ------------------------------------------------------------------------------------------------------- */

static bool seed_run(struct sim_run *run, uint64_t seed)
{
	struct sim_report report;
	run->options.seed = seed;
	abort_prepare(run, seed);
	struct sim *sim = sim_new(&run->options, run->keys);
	while (sim_step(sim)) {
		struct span text = sim_trace_take(sim);
		if (text.size && run->trace)
			fwrite(text.data, 1, text.size, run->trace);
	}
	struct span text = sim_trace_take(sim);
	if (text.size && run->trace)
		fwrite(text.data, 1, text.size, run->trace);
	sim_report(sim, &report);
	sim_free(sim);
	run->simulated_us += report.simulated_us;
	if (report.drained_us > run->drained_us) {
		run->drained_us = report.drained_us;
		run->drained_seed = seed;
	}
	run->verdicts[report.verdict]++;
	for (int i = 0; i < SIM_COUNTERS; i++)
		run->counters[i] += report.counters[i];
	if (run->seeds == 0)
		one_print(&report);
	if (report.verdict != SIM_PASS && report.verdict != SIM_STOPPED)
		failure_print(run, &report);
	fflush(stdout);
	return report.verdict == SIM_PASS || report.verdict == SIM_STOPPED;
}

static int seeds_run(struct sim_run *run)
{
	uint64_t first = run->options.seed, failed = 0, count = run->seeds ? run->seeds : 1;
	for (uint64_t i = 0; i < count; i++) {
		failed += !seed_run(run, first + i);
		if (run->seeds && (i + 1) % PROGRESS_EVERY == 0 && i + 1 < count)
			many_print(run, i + 1), fflush(stdout);
	}
	if (run->seeds) {
		many_print(run, count);
		printf("all was final at most %.1f s after the faults (seed %" PRIu64 ")\n", (double)run->drained_us / 1e6, run->drained_seed);
		printf("what happened:");
		counters_print(run->counters);
	}
	return failed ? 1 : 0;
}

static bool number_read(const char *text, const char *name, uint64_t max, uint64_t *out)
{
	char *end;
	*out = text ? strtoull(text, &end, 10) : 0;
	if (!text || (*text >= '0' && *text <= '9' && *end == 0 && *out <= max))
		return true;
	fprintf(stderr, "tally: --%s needs a number up to %" PRIu64 ", unlike \"%s\"\n", name, max, text);
	return false;
}

int command_sim(int count, char **arguments)
{
	const char *seed = NULL, *seeds = NULL, *first = NULL, *members = NULL, *until = NULL, *trace = NULL, *real = NULL, *crash = NULL;
	const struct option_spec options[] = {
		{"seed", "S", "run this seed and tell what happened", &seed},
		{"seeds", "N", "run so many seeds, and tell which fail", &seeds},
		{"first", "S", "the first of them (default 1)", &first},
		{"members", "N", "members of the consortium (otherwise by seed)", &members},
		{"crash", NULL, "three members that bear a crash and no lie (otherwise every twelfth seed)", &crash},
		{"until", "STEP", "stop after this step", &until},
		{"trace", "FILE", "write one line an event here", &trace},
		{"real-signatures", NULL, "sign with ML-DSA-44 rather than a keyed hash; slow", &real},
		{0}};
	char **words;
	int word_count, code;
	if (!options_parse(count, arguments, "Simulate consortia with faults and liars, from seeds. Equal seeds give equal traces.", "", options,
		    &words, &word_count, &code))
		return code;
	uint64_t wanted_members;
	struct sim_run run = {.options = {.real_signatures = real != NULL, .crash = crash != NULL, .traced = trace != NULL}};
	if (!number_read(seed ? seed : first ? first : "1", seed ? "seed" : "first", UINT64_MAX, &run.options.seed)
		|| !number_read(seeds, "seeds", UINT32_MAX, &run.seeds) || !number_read(until, "until", UINT64_MAX, &run.options.until)
		|| !number_read(members, "members", SIM_MEMBERS_MAX, &wanted_members))
		return 2;
	if (crash && members) {
		fprintf(stderr, "tally: --crash says how many members there are; leave --members out\n");
		return 2;
	}
	if (!seed == !seeds) {
		fprintf(stderr, "tally: give --seed S or --seeds N; see `tally sim --help`\n");
		return 2;
	}
	run.options.members = (uint16_t)wanted_members;
	if (trace && !(run.trace = fopen(trace, "w"))) {
		fprintf(stderr, "tally: %s cannot be written\n", trace);
		return 1;
	}
	signal(SIGABRT, on_abort);
	run.keys = sim_keys_new();
	code = seeds_run(&run);
	sim_keys_free(run.keys);
	if (run.trace && fclose(run.trace) != 0) {
		fprintf(stderr, "tally: %s could not be written; is the disk full?\n", trace);
		code = 1;
	}
	return code;
}
