/* Statements made final by four nodes on this machine, each with its own disk flushes: how many a second, how soon, in batches,
 * beside other stores of the same records, and after a kill. */
#include "bench/trial.h"

#include "bench/peers.h"
#include "run/ask.h"
#include "client/client.h"
#include "host/loop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { IDLE_SINGLES = 40, BATCH_LARGE = 256, BATCH_CHUNK = 4096, CLIENT_RATE = 600 /* statements a second that are prepared for */,
	STATEMENTS_USUAL = 20000 };

/* -- as many as possible ------------------------------------------------------------------------------- */

static void most_rows(struct bench *bench, const struct trial *trial, const struct trial_most *most)
{
	double cpu = most->cpu_s, limit = trial_limit(bench);
	struct bench_row *row = bench_row_add(bench, "ledger", most->rate, "statements/s", "final on 4 nodes, %zu B bodies, %.0f statements in %.1f s", trial->body_bytes, most->count,
		most->elapsed_s);
	bench_row_peer(row, limit, NULL, "limit by signature checks: cores / (4 x verify)");
	row->floor = 0.6 * limit;
	row->sense = BENCH_AT_LEAST;
	bench_row_peer(bench_row_add(bench, "ledger", bench_cores() * most->count / cpu, "statements/s", "  if the nodes had the %d cores alone: by processor time", bench_cores()),
		limit, NULL, "the same limit");
	bench_row_peer(bench_row_add(bench, "ledger", cpu / most->elapsed_s, "cores", "  used by the four nodes"), bench_cores(), NULL, "there are");
	bench_row_peer(bench_row_add(bench, "ledger", most->signature_s / cpu * 100, "%", "  signature checks' share of the nodes' processor time"),
		100 * 4 * most->count * bench->verify_s / cpu, NULL, "4 x statements x verify, measured alone");
	bench_row_peer(bench_row_add(bench, "ledger", cpu / most->count * 1e6, "us", "  processor time a statement, four nodes together"),
		4 * bench->verify_s * 1e6, NULL, "4 x verify");
}

/* -- how soon ------------------------------------------------------------------------------------------ */

struct goal {
	double p50_ms, p99_ms;        /* at most; 0: none */
};

static void finality_rows(struct bench *bench, struct trial *trial, const char *what, struct goal goal)
{
	/* From the block that holds it to the one that commits it: two times the least time between two blocks, and the flush before the last is
	 * told. What a statement waits for that first block comes on top. */
	double least = (2 * 0.020 + bench->fdatasync_s) * 1e3;
	for (int i = 0; i < 2; i++) {
		double at = i ? 0.99 : 0.5, most = i ? goal.p99_ms : goal.p50_ms;
		struct bench_row *row = bench_row_add(bench, "ledger", ask_quantile(trial->latencies_s, trial->latency_count, at) * 1e3, "ms", "  finality p%.0f, %s", at * 100, what);
		bench_row_peer(row, least, NULL, "least: 2 rounds of 20 ms, fdatasync");
		row->floor = most;
		row->sense = most > 0 ? BENCH_AT_MOST : BENCH_NO_FLOOR;
	}
}

static enum status finality_at(struct bench *bench, struct trial *trial, double most_rate, double share, struct fault *fault)
{
	char what[64];
	double rate = most_rate * share, elapsed;
	double count = fmax(fmin(rate * bench->seconds, TRIAL_STATEMENTS_MAX) / TRIAL_MEMBERS, 10);
	TRY(trial_sign(trial, (size_t)count, fault));
	trial->rate = rate;
	TRY(trial_run(trial, TRIAL_EVENLY, &elapsed, fault));
	snprintf(what, sizeof what, "%zu B at %.0f %% of that rate (%.0f/s)", trial->body_bytes, share * 100, rate);
	finality_rows(bench, trial, what, share == 0.5 ? (struct goal){60, 200} : (struct goal){0});
	return OK;
}

static enum status finality_idle(struct bench *bench, struct trial *trial, struct fault *fault)
{
	double elapsed;
	TRY(trial_sign(trial, IDLE_SINGLES / TRIAL_MEMBERS, fault));
	TRY(trial_run(trial, TRIAL_SINGLY, &elapsed, fault));
	finality_rows(bench, trial, "a single one, idle ledger", (struct goal){150, 0});
	return OK;
}

static enum status one_by_one(struct bench *bench, struct trial *trial, size_t body_bytes, struct bench_rival *out, struct fault *fault)
{
	struct trial_most most;
	trial->voice = TRIAL_EVENTS;
	trial->body_bytes = body_bytes;
	trial->records = 0;
	TRY(trial_most(bench, trial, &most, fault));
	*out = (struct bench_rival){.what = "statements of 1 record, each signed, on 4 nodes", .records = 1, .rate = most.rate, .cpu_s = most.cpu_s / most.count};
	most_rows(bench, trial, &most);
	TRY(finality_at(bench, trial, most.rate, 0.1, fault));
	TRY(finality_at(bench, trial, most.rate, 0.5, fault));
	return finality_at(bench, trial, most.rate, 0.9, fault);
}

/* -- by way of the client library ------------------------------------------------------------------------ */

/* One issuer, one client, over HTTP: each request is answered when its statements are final. */
static enum status by_client(struct bench *bench, struct trial *trial, struct fault *fault)
{
	struct trial_chain *chain = &trial->chains[0];
	char urls[TRIAL_MEMBERS][64];
	const char *given[TRIAL_MEMBERS];
	struct client *client;
	trial->voice = TRIAL_EVENTS;
	trial->body_bytes = TRIAL_RECORD;
	trial->records = 0;
	TRY(trial_sign(trial, (size_t)fmax(fmin(CLIENT_RATE * bench->seconds, TRIAL_STATEMENTS_MAX / TRIAL_MEMBERS), 10), fault));
	for (int m = 0; m < TRIAL_MEMBERS; m++) {
		bench_site_url(&trial->site, m, urls[m]);
		given[m] = urls[m];
	}
	TRY(client_new(&(struct client_config){.urls = given, .url_count = TRIAL_MEMBERS}, &client, fault));
	struct client_item *items = memory_new_array(chain->count, sizeof *items);
	for (size_t i = 0; i < chain->count; i++)
		items[i].bytes = span_of(chain->bytes.data + chain->items[i].at, chain->items[i].size);
	int64_t start_ns = clock_monotonic_ns();
	enum status status = client_send(client, items, chain->count, fault);
	double elapsed_s = (double)(clock_monotonic_ns() - start_ns) / 1e9;
	if (status == OK) {
		chain->sent = chain->count;
		trial_sent(trial);
		bench_row_peer(bench_row_add(bench, "ledger", (double)chain->count / elapsed_s, "statements/s", "one client over HTTP, one issuer, %zu statements, up to 512 a request", chain->count),
			trial_limit(bench), NULL, "the same limit");
	}
	free(items);
	client_free(client);
	return status;
}

/* -- batches ------------------------------------------------------------------------------------------- */

/* Records of 256 B a second. */
static enum status batch(struct bench *bench, struct trial *trial, enum trial_voice voice, size_t records, struct bench_rival *out, struct fault *fault)
{
	struct trial_most most;
	trial->voice = voice;
	trial->records = records;
	TRY(trial_most(bench, trial, &most, fault));
	out->rate = most.rate * (double)records;
	out->cpu_s = most.cpu_s / (most.count * (double)records);
	out->records = records;
	bench_tell("  %zu together: %.0f records/s", records, out->rate);
	if (voice == TRIAL_EVENTS)
		snprintf(out->what, sizeof out->what, "statements of %zu records: bytes signed, on 4 nodes", records);
	else
		snprintf(out->what, sizeof out->what, "anchors over %zu: digest on 4 nodes, bytes on 1 disk", records);
	return OK;
}

/* -- growth and recovery ------------------------------------------------------------------------------- */

static void growth_rows(struct bench *bench, const struct trial *trial, const struct bench_use *before, const struct bench_use *after, double count)
{
	double size = (double)trial->chains[0].items[0].size;
	bench_row_peer(bench_row_add(bench, "ledger", (after->resident_bytes - before->resident_bytes) / count, "B", "  memory of a node, for each of %.0f statements", count),
		size, NULL, "a statement");
	bench_row_peer(bench_row_add(bench, "ledger", (after->written_bytes - before->written_bytes) / count, "B", "  written to a node's disk, for each"), size, NULL,
		"a statement");
}

/* Until the log has as many statements as the user wants to see recovered. */
static enum status fill_up(struct bench *bench, struct trial *trial, double *size, struct fault *fault)
{
	double elapsed;
	trial->voice = TRIAL_EVENTS;
	trial->records = 0;
	trial->body_bytes = TRIAL_RECORD;
	trial->seconds = 0;
	double wanted = bench->statements > 0 ? bench->statements : STATEMENTS_USUAL;
	while ((*size = trial_number(trial, 0, NULL, "log_size")) < wanted) {
		double more = fmin(ceil((wanted - *size) / TRIAL_MEMBERS), TRIAL_STATEMENTS_MAX / TRIAL_MEMBERS);
		bench_tell("ledger: %.0f statements of %.0f", *size, wanted);
		TRY(trial_sign(trial, (size_t)more, fault));
		TRY(trial_run(trial, TRIAL_MOST, &elapsed, fault));
		TRY(trial_logs_wait(trial, *size + TRIAL_MEMBERS * more, fault));
	}
	return OK;
}

/* From the start of one node's process until it tells a log of that size. */
static enum status start_measure(struct trial *trial, struct run_child *child, int member, double size, double patience_s, double *seconds, struct fault *fault)
{
	int64_t start_ns = clock_monotonic_ns();
	TRY(run_child_start(&trial->site.run, child, fault));
	for (;; run_sleep_ms(10)) {
		TRY(bench_go_on(fault));
		TRY(bench_site_check(&trial->site, fault));
		*seconds = (double)(clock_monotonic_ns() - start_ns) / 1e9;
		if (trial_number(trial, member, NULL, "log_size") >= size)
			return OK;
		if (*seconds > patience_s)
			return fault_set(fault, E_BUSY, "%s did not come to %.0f statements within %.0f s", run_member(member), size, patience_s);
	}
}

static enum status recovery(struct bench *bench, struct trial *trial, struct fault *fault)
{
	enum { MEMBER = TRIAL_MEMBERS - 1 };
	struct run_child *child = run_child_find(&trial->site.run, run_member(MEMBER));
	double size, seconds;
	char name[64], data[1200];
	CHECK(child);
	TRY(fill_up(bench, trial, &size, fault));
	trial_disconnect(trial);
	double patience_s = 60 + size / 1000;
	run_child_kill(&trial->site.run, child, 0);
	bench_tell("ledger: starting a killed node");
	TRY(start_measure(trial, child, MEMBER, size, patience_s, &seconds, fault));
	double read = trial_number(trial, MEMBER, NULL, "log_size");
	bench_row_peer(bench_row_add(bench, "ledger", seconds, "s", "start after kill -9 until the log is there, %.0f statements", read), read * bench->verify_s, NULL,
		"to check each signature once");
	run_child_kill(&trial->site.run, child, 0);
	snprintf(name, sizeof name, "%s/data", run_member(MEMBER));
	bench_site_path(&trial->site, name, data);
	bench_folder_remove(data);
	bench_tell("ledger: starting a node with an empty disk");
	TRY(start_measure(trial, child, MEMBER, size, patience_s, &seconds, fault));
	bench_row_peer(bench_row_add(bench, "ledger", size / seconds, "statements/s", "a new member catches up with %.0f in %.1f s", size, seconds), 1 / bench->verify_s, NULL,
		"limit by signature checks on one core");
	return OK;
}

/* -- the part ------------------------------------------------------------------------------------------ */

struct result {
	struct bench_rival single, body_small, body_large, anchor_small, anchor_large, anchor_chunk;
};

static enum status measure(struct bench *bench, struct trial *trial, struct result *result, struct fault *fault)
{
	struct bench_rival large;
	struct bench_use before, after;
	TRY(trial_open(bench, trial, fault));
	if (!bench_site_use(&trial->site, "manufacturer", &before))
		return fault_set(fault, E_IO, "/proc does not tell what the nodes use");
	double from = trial_number(trial, 0, NULL, "log_size");
	TRY(one_by_one(bench, trial, TRIAL_RECORD, &result->single, fault));
	TRY(finality_idle(bench, trial, fault));
	if (bench_site_use(&trial->site, "manufacturer", &after))
		growth_rows(bench, trial, &before, &after, trial_number(trial, 0, NULL, "log_size") - from);
	TRY(by_client(bench, trial, fault));
	TRY(one_by_one(bench, trial, 1024, &large, fault));
	TRY(batch(bench, trial, TRIAL_EVENTS, TRIAL_BATCH, &result->body_small, fault));
	TRY(batch(bench, trial, TRIAL_EVENTS, TRIAL_BODY_RECORDS, &result->body_large, fault));
	TRY(batch(bench, trial, TRIAL_ANCHORS, TRIAL_BATCH, &result->anchor_small, fault));
	TRY(batch(bench, trial, TRIAL_ANCHORS, BATCH_LARGE, &result->anchor_large, fault));
	TRY(batch(bench, trial, TRIAL_ANCHORS, BATCH_CHUNK, &result->anchor_chunk, fault));
	return recovery(bench, trial, fault);
}

enum status bench_ledger(struct bench *bench, struct fault *fault)
{
	struct trial *trial = memory_new_array(1, sizeof *trial);
	struct result result = {0};
	enum status status = OK;
	/* The limit rests on it. */
	if (bench->verify_s == 0)
		status = bench_crypto(bench, fault);
	if (status == OK)
		status = measure(bench, trial, &result, fault);
	trial_close(trial);
	free(trial);
	/* Ours is stopped by now: the peers have the machine alone, as ours had. */
	const struct bench_rival ours[] = {result.single, result.body_small, result.body_large, result.anchor_small, result.anchor_large, result.anchor_chunk};
	return status == OK ? bench_peers(bench, ours, sizeof ours / sizeof *ours, fault) : status;
}
