/* What members send, and how soon statements are final, as their number grows: simulated, so the figures of these rows are the
 * same on every machine. Beside each what was calculated before anything was built. */
#include "bench/growth.h"

#include "run/ask.h"
#include "sim/sim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SEED = 1, DELAY_US = 10000, JITTER_US = 5000, PAUSE_ONE_US = 60000, PAUSE_ALL_US = 25000 };

/* The calculation: 104 B with one commit vote, 38 a reference, the signature. */
enum { CALCULATED_FIXED = 104, CALCULATED_REFERENCE = 38, CALCULATED_SIGNATURE = 2420 };
#define TOLERANCE 1.1

static const struct {
	uint16_t members;
	int64_t load_us;              /* less where a round costs more memory: every member keeps its log */
} sizes[] = {{4, 4000000}, {7, 4000000}, {10, 3000000}, {20, 2000000}, {50, 600000}};

static double calculated_block(uint16_t members)
{
	return CALCULATED_FIXED + CALCULATED_REFERENCE * (double)members + CALCULATED_SIGNATURE;
}

/* Runs to the end; the simulator's own checks must hold. */
static enum status calm_run(struct sim_keys *keys, const struct sim_options *options, struct sim **out, struct fault *fault)
{
	struct sim_report report;
	*out = sim_new(options, keys);
	while (sim_step(*out))
		if (sim_steps(*out) % 1024 == 0)
			TRY(bench_go_on(fault));
	sim_report(*out, &report);
	return report.verdict == SIM_PASS ? OK : fault_set(fault, E_CORRUPT, "the simulation of %u members ended with %s: %s", (unsigned)report.members,
		sim_verdict_name(report.verdict), report.text);
}

static void finality_rows(struct bench *bench, const struct sim_measured *measured, const char *who)
{
	double *ms = memory_new_array(measured->finality_count + 1, sizeof *ms), *rounds = memory_new_array(measured->finality_count + 1, sizeof *rounds);
	for (size_t i = 0; i < measured->finality_count; i++) {
		ms[i] = (double)measured->finality[i].us / 1e3;
		rounds[i] = measured->finality[i].rounds;
	}
	for (int i = 0; i < 2; i++) {
		double at = i ? 0.99 : 0.5;
		bench_row_peer(bench_row_add(bench, "growth", ask_quantile(ms, measured->finality_count, at), "ms", "  finality p%.0f, %s, simulated", at * 100, who),
			ask_quantile(rounds, measured->finality_count, at), "rounds", "that member's rounds meanwhile");
	}
	free(ms);
	free(rounds);
}

static void within(struct bench_row *row)
{
	row->floor = TOLERANCE * row->peer_value;
	row->sense = BENCH_AT_MOST;
}

/* All that a member sends in a round: its block to each other, checkpoints, whatever is asked for. */
static double sent_a_round(const struct sim_measured *measured)
{
	return (double)(measured->empty.bytes + measured->full.bytes + measured->body_bytes + measured->other.bytes) / (double)measured->blocks;
}

static void one_speaks_rows(struct bench *bench, uint16_t members, const struct sim_measured *measured)
{
	double blocks = (double)measured->blocks, peers = members - 1, bodies = (double)measured->body_bytes / blocks;
	struct bench_row *row = bench_row_add(bench, "growth", (double)measured->empty.bytes / (double)measured->empty.messages, "B", "%u members: a block without statements",
		(unsigned)members);
	bench_row_peer(row, calculated_block(members), NULL, "calculated: 104 + 38 a member + 2,420");
	within(row);
	row = bench_row_add(bench, "growth", (sent_a_round(measured) - bodies) / 1e3, "kB", "  a member sends in a round, without bodies, in all");
	bench_row_peer(row, peers * calculated_block(members) / 1e3, NULL, "calculated: that block to each other");
	within(row);
	bench_row_peer(bench_row_add(bench, "growth", (double)measured->other.bytes / blocks / 1e3, "kB", "  of that: checkpoints and all else that is no block"),
		(sent_a_round(measured) - bodies) / 1e3, NULL, "all of it");
	bench_row_peer(bench_row_add(bench, "growth", (double)measured->commits * members / blocks, "commits", "  commits a round"), members, NULL, "every member leads");
	finality_rows(bench, measured, "one member speaks");
}

static void all_speak_rows(struct bench *bench, uint16_t members, const struct sim_measured *measured)
{
	double blocks = (double)measured->blocks, peers = members - 1, statement = (double)measured->statement_bytes / (double)measured->statements;
	double bodies = statement * (double)measured->statements / blocks;
	struct bench_row *row = bench_row_add(bench, "growth", sent_a_round(measured) / 1e3, "kB", "  in a round with %.2f statements of %.0f B a member", (double)measured->statements / blocks,
		statement);
	bench_row_peer(row, peers * (calculated_block(members) + bodies) / 1e3, NULL, "calculated: block and statements to each other");
	within(row);
	finality_rows(bench, measured, "all members speak");
}

static enum status members_measure(struct bench *bench, struct sim_keys *keys, size_t size, struct fault *fault)
{
	uint16_t members = sizes[size].members;
	struct sim_options options = {.seed = SEED, .members = members,
		.calm = {.speakers = 1, .pause_us = PAUSE_ONE_US, .load_us = sizes[size].load_us, .delay_us = DELAY_US, .jitter_us = JITTER_US}};
	struct sim *sim = NULL;
	bench_tell("growth: simulating %u members", (unsigned)members);
	enum status status = calm_run(keys, &options, &sim, fault);
	if (status == OK)
		one_speaks_rows(bench, members, sim_measured(sim));
	sim_free(sim);
	TRY(status);
	options.calm.speakers = members;
	options.calm.pause_us = PAUSE_ALL_US;
	status = calm_run(keys, &options, &sim, fault);
	if (status == OK)
		all_speak_rows(bench, members, sim_measured(sim));
	sim_free(sim);
	return status;
}

enum status bench_growth(struct bench *bench, struct fault *fault)
{
	struct sim_keys *keys = sim_keys_new();
	enum status status = OK;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes && status == OK; i++)
		status = members_measure(bench, keys, i, fault);
	sim_keys_free(keys);
	TRY(status);
	/* The limit of starting again rests on it. */
	if (bench->verify_s == 0)
		TRY(bench_crypto(bench, fault));
	TRY(bench_growth_hashes(bench, fault));
	return bench_growth_disk(bench, fault);
}
