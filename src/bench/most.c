/* As many statements as four nodes take, and the processor time that they need for it. */
#include "bench/trial.h"

#include "host/loop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define CHUNK_BYTES_ALL 1e9

double trial_limit(const struct bench *bench)
{
	return bench_cores() / (TRIAL_MEMBERS * bench->verify_s);
}

struct spent {
	double signature_s, cpu_s;
};

static struct spent spent_take(const struct trial *trial)
{
	struct spent sum = {0};
	for (int m = 0; m < TRIAL_MEMBERS; m++) {
		sum.signature_s += trial_number(trial, m, "profile", "signature_ns") / 1e9;
		sum.cpu_s += trial_number(trial, m, "profile", "cpu_ns") / 1e9;
	}
	return sum;
}

/* For whoever looks at them from outside: tools/profile-ledger. */
static void processes_tell(const struct trial *trial)
{
	struct buffer text = {0};
	for (size_t i = 0; i < trial->site.run.child_count; i++)
		buffer_printf(&text, " %d", (int)trial->site.run.children[i].pid);
	bench_tell("ledger: sending to processes%.*s", (int)text.size, (const char *)text.data);
	buffer_free(&text);
}

enum status trial_most(struct bench *bench, struct trial *trial, struct trial_most *out, struct fault *fault)
{
	/* Not more than the limit lets through in the given time. */
	double sign = fmin(trial_limit(bench) * bench->seconds, TRIAL_STATEMENTS_MAX) / TRIAL_MEMBERS;
	if (trial->voice == TRIAL_ANCHORS)
		sign = fmin(sign, CHUNK_BYTES_ALL / TRIAL_MEMBERS / (double)(trial->records * TRIAL_RECORD));
	double before = trial_number(trial, 0, NULL, "log_size"), elapsed;
	bench_tell("ledger: signing %.0f statements", TRIAL_MEMBERS * floor(sign));
	TRY(trial_sign(trial, (size_t)fmax(sign, 1), fault));
	processes_tell(trial);
	struct spent from = spent_take(trial);
	int64_t start_ns = clock_monotonic_ns();
	trial->seconds = bench->seconds;
	TRY(trial_run(trial, TRIAL_MOST, &elapsed, fault));
	TRY(trial_logs_wait(trial, before + (double)trial->total, fault));
	struct spent to = spent_take(trial);
	out->elapsed_s = (double)(clock_monotonic_ns() - start_ns) / 1e9;
	out->count = (double)trial->total;
	out->rate = out->count / out->elapsed_s;
	out->signature_s = to.signature_s - from.signature_s;
	out->cpu_s = to.cpu_s - from.cpu_s;
	return OK;
}

/* -- that alone ------------------------------------------------------------------------------------------- */

static enum status cost_of(struct bench *bench, struct trial *trial, size_t body_bytes, size_t records, struct fault *fault)
{
	struct trial_most most;
	char what[48];
	trial->voice = TRIAL_EVENTS;
	trial->body_bytes = body_bytes;
	trial->records = records;
	if (records)
		snprintf(what, sizeof what, "statement of %zu records", records);
	else
		snprintf(what, sizeof what, "%zu B body", body_bytes);
	bench_tell("cost: %s", what);
	TRY(trial_most(bench, trial, &most, fault));
	double size = (double)trial->chains[0].items[0].size;
	bench_row_peer(bench_row_add(bench, "cost", most.cpu_s / most.count * 1e6, "us", "processor time a %s, four nodes together", what), size, "B", "a statement");
	bench_row_peer(bench_row_add(bench, "cost", most.signature_s / most.count * 1e6, "us", "  of that signature checks"), 4 * bench->verify_s * 1e6, NULL,
		"4 x verify, measured alone");
	bench_row_peer(bench_row_add(bench, "cost", (most.cpu_s - most.signature_s) / most.count * 1e6, "us", "  everything else"), most.count, "", "statements");
	return OK;
}

enum status bench_cost(struct bench *bench, struct fault *fault)
{
	struct trial *trial = memory_new_array(1, sizeof *trial);
	enum status status = OK;
	if (bench->verify_s == 0)
		status = bench_crypto(bench, fault);
	if (status == OK)
		status = trial_open(bench, trial, fault);
	if (status == OK)
		status = cost_of(bench, trial, TRIAL_RECORD, 0, fault);
	if (status == OK)
		status = cost_of(bench, trial, 1024, 0, fault);
	if (status == OK)
		status = cost_of(bench, trial, 0, TRIAL_BATCH, fault);
	trial_close(trial);
	free(trial);
	return status;
}
