/* Statements on the disk of a node: its memory, how soon it is there again, how long proofs take. One member is enough: what others
 * add are messages, not costs for each statement that is there. */
#include "bench/growth.h"

#include "command/answer.h"
#include "bench/trial.h"
#include "run/ask.h"
#include "base/random.h"
#include "client/client.h"
#include "host/disk.h"
#include "host/loop.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

enum {
	STATEMENTS_USUAL = 100000,
	STAGE = 100000,               /* measured there, and at the end */
	SPEAKERS = 3,                 /* an organisation and two gateways: each signs and submits in a thread of its own */
	BATCH = 512,
	ASKED = 500,                  /* proofs, of statements anywhere in the log */
	TELL_EVERY_S = 10,
	DETAIL = 150,
};

struct world;

struct speaker {
	struct world *world;
	struct trial_issuer issuer;
	size_t count;                 /* still to be said */
	enum status status;
	struct fault fault;
};

struct world {
	struct bench_site site;
	struct buffer genesis_bytes;
	struct genesis genesis;
	struct speaker speakers[SPEAKERS];
	atomic_size_t final;
	atomic_int speaking;
	double statement_bytes;       /* of one, about */
	double resident_empty;
	struct random random;
};

/* -- statements -------------------------------------------------------------------------------------------- */

static bool is_gateway(const struct speaker *speaker)
{
	return speaker->issuer.iss[0] == 'g';
}

static void body_make(const struct speaker *speaker, uint64_t seq, struct buffer *out)
{
	char note[DETAIL], order[48];
	memset(note, 'x', sizeof note);
	if (is_gateway(speaker)) {
		struct body_anchor anchor = {.chunk = {{1}}, .root = {{2}}, .samples = seq, .size = seq, .first_ns = INT64_C(1767225600000000000),
			.last_ns = INT64_C(1767225600000000000), .wrangling = {{3}}, .firmware = {{4}}, .evidence = EVIDENCE_GATEWAY, .site = span_of_text("bench"),
			.purpose = span_of_text("measurement")};
		body_anchor_encode(&anchor, out);
		return;
	}
	snprintf(order, sizeof order, "PO-%" PRIu64, seq);
	struct body_event event = {.kind = span_of_text("order"), .type = span_of_text("TransactionEvent"), .step = span_of_text("accepting"),
		.time_ms = INT64_C(1767225600000), .place = span_of_text("plant-1"), .item_count = 1, .detail_count = 2};
	event.items[0] = span_of_text("urn:epc:id:adi:W81X9C.3KL984PX1.2WMA52");
	event.details[0] = (struct body_detail){span_of_text("order"), span_of_text(order)};
	event.details[1] = (struct body_detail){span_of_text("note"), span_of(note, sizeof note)};
	body_event_encode(&event, out);
}

/* The next ones, signed one behind the other; positions in `bytes`, ends[i] is where statement i ends. */
static enum status batch_sign(struct speaker *speaker, size_t count, struct buffer *bytes, size_t ends[BATCH])
{
	static const uint8_t randomness[32];
	struct trial_issuer *issuer = &speaker->issuer;
	struct buffer body = {0};
	enum status status = OK;
	buffer_clear(bytes);
	for (size_t i = 0; i < count && status == OK; i++) {
		struct digest id;
		buffer_clear(&body);
		body_make(speaker, issuer->seq + 1, &body);
		struct statement statement = {.type = is_gateway(speaker) ? STATEMENT_ANCHOR : STATEMENT_EVENT, .seq = issuer->seq + 1, .prev = issuer->last,
			.class = CLASS_CONSORTIUM, .iss = span_of_text(issuer->iss), .sub = span_of_text(issuer->iss), .iat = 1767225600, .body = buffer_span(&body)};
		memcpy(statement.network, speaker->world->genesis.network, NETWORK_ID_SIZE);
		status = statement_sign(&statement, issuer->key, randomness, bytes, &id);
		ends[i] = bytes->size;
		issuer->seq++;
		issuer->last = id;
	}
	buffer_free(&body);
	return status;
}

static enum status batch_send(struct speaker *speaker, struct client *client, size_t count, struct buffer *bytes)
{
	size_t ends[BATCH];
	struct client_item items[BATCH] = {0};
	if (batch_sign(speaker, count, bytes, ends) != OK)
		return fault_set(&speaker->fault, E_IO, "the statements could not be signed");
	for (size_t i = 0; i < count; i++)
		items[i].bytes = span_of(bytes->data + (i ? ends[i - 1] : 0), ends[i] - (i ? ends[i - 1] : 0));
	TRY(client_send(client, items, count, &speaker->fault));
	atomic_fetch_add(&speaker->world->final, count);
	return OK;
}

static enum status speak(struct speaker *speaker)
{
	char url[64];
	const char *urls[] = {url};
	struct client *client;
	struct buffer bytes = {0};
	enum status status = OK;
	bench_site_url(&speaker->world->site, 0, url);
	TRY(client_new(&(struct client_config){.urls = urls, .url_count = 1}, &client, &speaker->fault));
	while (speaker->count && status == OK && !run_interrupted()) {
		size_t count = speaker->count < BATCH ? speaker->count : BATCH;
		status = batch_send(speaker, client, count, &bytes);
		speaker->count -= count;
	}
	buffer_free(&bytes);
	client_free(client);
	return status;
}

static void *speaker_thread(void *context)
{
	struct speaker *speaker = context;
	speaker->status = speak(speaker);
	atomic_fetch_sub(&speaker->world->speaking, 1);
	return NULL;
}

/* `count` more. */
static enum status speak_all(struct world *world, double count, struct fault *fault)
{
	pthread_t threads[SPEAKERS];
	int begun = 0;
	size_t more = (size_t)count;
	int64_t start_ns = clock_monotonic_ns(), told_ns = start_ns;
	atomic_store(&world->final, 0);
	atomic_store(&world->speaking, SPEAKERS);
	for (int i = 0; i < SPEAKERS; i++) {
		world->speakers[i].count = more / SPEAKERS + (i < (int)(more % SPEAKERS));
		begun += begun == i && pthread_create(&threads[i], NULL, speaker_thread, &world->speakers[i]) == 0;
	}
	enum status status = begun == SPEAKERS ? OK : fault_set(fault, E_IO, "no thread can be started");
	while (begun == SPEAKERS && atomic_load(&world->speaking) > 0 && status == OK) {
		run_sleep_ms(50);
		status = bench_site_check(&world->site, fault);
		if (clock_monotonic_ns() - told_ns < TELL_EVERY_S * NS_PER_S)
			continue;
		told_ns = clock_monotonic_ns();
		double done = (double)atomic_load(&world->final);
		bench_tell("growth: %.0f of %.0f statements, %.0f/s", done, count, done / ((double)(told_ns - start_ns) / 1e9));
	}
	for (int i = 0; i < begun; i++) {
		pthread_join(threads[i], NULL);
		if (status == OK && world->speakers[i].status != OK)
			status = fault_set(fault, world->speakers[i].status, "%.400s", world->speakers[i].fault.text);
	}
	TRY(status);
	return bench_go_on(fault);
}

/* -- proofs -------------------------------------------------------------------------------------------------- */

/* A question, answered so many times. `path` says which, each time another. */
typedef enum status question(struct world *world, char path[200], struct fault *fault);

static enum status asked(struct bench *bench, struct world *world, question *next, const char *what, double beside_s, double *median_s, struct fault *fault)
{
	double *times_s = memory_new_array(ASKED, sizeof *times_s), size = 0;
	char url[64], path[200];
	enum status status = OK;
	struct buffer answer = {0};
	bench_site_url(&world->site, 0, url);
	for (int i = 0; i < ASKED && status == OK; i++) {
		status = next(world, path, fault);
		buffer_clear(&answer);
		int64_t start_ns = clock_monotonic_ns();
		if (status == OK)
			status = answer_get(url, path, &answer, fault);
		times_s[i] = (double)(clock_monotonic_ns() - start_ns) / 1e9;
		size += (double)answer.size / ASKED;
	}
	buffer_free(&answer);
	for (int i = 0; i < 2 && status == OK && what; i++) {
		double at = i ? 0.99 : 0.5;
		bench_row_peer(bench_row_add(bench, "growth", ask_quantile(times_s, ASKED, at) * 1e3, "ms", "  %s over HTTP, %.0f B, p%.0f", what, size, at * 100), beside_s * 1e3, NULL,
			"an answer that is always the same, p50");
	}
	if (status == OK && median_s)
		*median_s = ask_quantile(times_s, ASKED, 0.5);
	free(times_s);
	return status;
}

static enum status ask_keys(struct world *world, char path[200], struct fault *fault)
{
	(void)world, (void)fault;
	snprintf(path, 200, "/.well-known/scitt-keys");
	return OK;
}

/* Of any statement of the log: which is asked before the clock starts. */
static enum status ask_receipt(struct world *world, char path[200], struct fault *fault)
{
	char url[64], list[100];
	uint64_t size = (uint64_t)bench_site_number(&world->site, 0, NULL, "log_size");
	bench_site_url(&world->site, 0, url);
	snprintf(list, sizeof list, "/api/v1/statements?limit=1&after=%" PRIu64, random_below(&world->random, size - 1));
	yyjson_doc *doc = ask(url, list);
	yyjson_val *statement = yyjson_arr_get_first(ask_member(yyjson_doc_get_root(doc), "statements"));
	snprintf(path, 200, "/entries/%.64s", ask_text(statement, "id"));
	yyjson_doc_free(doc);
	return statement ? OK : fault_set(fault, E_CLOSED, "the node does not list its statements");
}

static enum status ask_consistency(struct world *world, char path[200], struct fault *fault)
{
	(void)fault;
	double size = bench_site_number(&world->site, 0, "checkpoint", "size");
	snprintf(path, 200, "/api/v1/consistency?first=%" PRIu64, 1 + random_below(&world->random, (uint64_t)size));
	return OK;
}

static enum status ask_state(struct world *world, char path[200], struct fault *fault)
{
	(void)fault;
	/* There, there, not there. */
	uint64_t which = random_below(&world->random, SPEAKERS + 1);
	snprintf(path, 200, "/api/v1/state/%.60s?form=proof", which < SPEAKERS ? world->speakers[which].issuer.iss : "gw:manufacturer/stranger");
	return OK;
}

static enum status proofs_measure(struct bench *bench, struct world *world, struct fault *fault)
{
	double beside_s;
	bench_tell("growth: proofs");
	TRY(asked(bench, world, ask_keys, NULL, 0, &beside_s, fault));
	TRY(asked(bench, world, ask_receipt, "receipt of a statement (inclusion, signed)", beside_s, NULL, fault));
	TRY(asked(bench, world, ask_consistency, "receipt of consistency (signed)", beside_s, NULL, fault));
	return asked(bench, world, ask_state, "proof of state", beside_s, NULL, fault);
}

/* -- memory, and starting again --------------------------------------------------------------------------------- */

static struct run_child *node_of(struct world *world)
{
	struct run_child *child = run_child_find(&world->site.run, run_member(0));
	CHECK(child);
	return child;
}

static enum status start_wait(struct world *world, double size, double *seconds, struct fault *fault)
{
	int64_t start_ns = clock_monotonic_ns();
	TRY(run_child_start(&world->site.run, node_of(world), fault));
	for (;; run_sleep_ms(10)) {
		TRY(bench_go_on(fault));
		TRY(bench_site_check(&world->site, fault));
		*seconds = (double)(clock_monotonic_ns() - start_ns) / 1e9;
		if (bench_site_number(&world->site, 0, NULL, "log_size") >= size)
			return OK;
		if (*seconds > 60 + size / 1000)
			return fault_set(fault, E_BUSY, "the node did not come to %.0f statements within %.0f s", size, *seconds);
	}
}

/* As a service manager stops it. */
static void stop_gently(struct world *world)
{
	struct run_child *child = node_of(world);
	kill(child->pid, SIGTERM);
	waitpid(child->pid, NULL, 0);
	child->pid = 0;
}

static enum status use_of(struct world *world, struct bench_use *use, struct fault *fault)
{
	return bench_site_use(&world->site, run_member(0), use) ? OK : fault_set(fault, E_IO, "/proc does not tell what the node uses");
}

static void memory_row(struct bench *bench, const struct world *world, double resident, double count, const char *when)
{
	bench_row_peer(bench_row_add(bench, "growth", (resident - world->resident_empty) / count, "B", "  memory a statement %s; %.0f MiB in all", when, resident / 1048576),
		world->statement_bytes, NULL, "a statement");
}

static enum status stage_measure(struct bench *bench, struct world *world, double count, double written, struct fault *fault)
{
	struct bench_use use;
	double size = bench_site_number(&world->site, 0, NULL, "log_size"), seconds;
	TRY(use_of(world, &use, fault));
	bench_row_peer(bench_row_add(bench, "growth", written / count, "B", "%.0f statements on one node: written to its disk, for each", count), world->statement_bytes, NULL,
		"a statement");
	memory_row(bench, world, use.resident_bytes, count, "while they come");
	for (int killed = 0; killed < 2; killed++) {
		bench_tell("growth: starting a %s node", killed ? "killed" : "stopped");
		if (killed)
			run_child_kill(&world->site.run, node_of(world), 0);
		else
			stop_gently(world);
		TRY(start_wait(world, size, &seconds, fault));
		bench_row_peer(bench_row_add(bench, "growth", seconds, "s", "  start after %s until the log is there", killed ? "kill -9" : "SIGTERM"), size * bench->verify_s, NULL,
			"to check each signature once");
	}
	TRY(use_of(world, &use, fault));
	memory_row(bench, world, use.resident_bytes, count, "after the start");
	return proofs_measure(bench, world, fault);
}

/* -- the part -------------------------------------------------------------------------------------------------- */

static void speaker_names(int i, char id[64], char folder[64])
{
	if (i == 0) {
		snprintf(id, 64, "org:%.40s", run_member(0));
		snprintf(folder, 64, "%.40s", run_member(0));
	} else {
		snprintf(id, 64, "gw:%.40s/bench-%d", run_member(0), i);
		snprintf(folder, 64, "gateway-%d", i);
	}
}

static enum status world_open(struct bench *bench, struct world *world, struct fault *fault)
{
	char path[1200], id[64], folder[64];
	world->random = random_of(3);
	TRY(bench_site_open(bench, "growth", 1, &world->site, fault));
	bench_site_path(&world->site, "genesis.cbor", path);
	TRY(disk_read(path, 4 << 20, &world->genesis_bytes, fault));
	TRY(genesis_decode(buffer_span(&world->genesis_bytes), &world->genesis, fault));
	for (int i = 0; i < SPEAKERS; i++) {
		world->speakers[i].world = world;
		speaker_names(i, id, folder);
		if (i)
			TRY(trial_gateway_register(&world->site, 0, id, folder, fault));
	}
	while (bench_site_number(&world->site, 0, NULL, "log_size") < SPEAKERS) {
		TRY(bench_go_on(fault));
		TRY(bench_site_check(&world->site, fault));
		run_sleep_ms(20);
	}
	for (int i = 0; i < SPEAKERS; i++) {
		speaker_names(i, id, folder);
		TRY(trial_issuer_open(&world->site, 0, id, folder, &world->speakers[i].issuer, fault));
	}
	return OK;
}

static enum status measure(struct bench *bench, struct world *world, struct fault *fault)
{
	double wanted = bench->statements > 0 ? bench->statements : STATEMENTS_USUAL, count = 0, written = 0;
	struct bench_use before, after;
	struct buffer one = {0};
	size_t ends[BATCH];
	TRY(world_open(bench, world, fault));
	TRY(use_of(world, &before, fault));
	world->resident_empty = before.resident_bytes;
	while (count < wanted) {
		double more = fmin(wanted - count, count == 0 ? STAGE : wanted);
		TRY(use_of(world, &before, fault));
		TRY(speak_all(world, more, fault));
		TRY(use_of(world, &after, fault));
		count += more;
		written += after.written_bytes - before.written_bytes;
		if (world->statement_bytes == 0) {
			struct trial_issuer kept = world->speakers[0].issuer;
			TRY(batch_sign(&world->speakers[0], 1, &one, ends));
			world->statement_bytes = (double)ends[0];
			world->speakers[0].issuer = kept;
			buffer_free(&one);
		}
		TRY(stage_measure(bench, world, count, written, fault));
	}
	return OK;
}

enum status bench_growth_disk(struct bench *bench, struct fault *fault)
{
	struct world *world = memory_new_array(1, sizeof *world);
	enum status status = measure(bench, world, fault);
	bench_site_close(&world->site);
	for (int i = 0; i < SPEAKERS; i++)
		signing_key_free(world->speakers[i].issuer.key);
	genesis_free(&world->genesis);
	buffer_free(&world->genesis_bytes);
	free(world);
	return status;
}
