#include "run/run.h"
#include "run/judge.h"

#include "host/disk.h"
#include "host/loop.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ORGANISATION "manufacturer"

struct check {
	struct run *run;
	char node[64], gateway[64], report[1024];
	size_t failed;
};

static void line(struct check *check, bool good, const char *what, const char *format, ...) PRINTF_LIKE(4, 5);

/* One line of the result, and the verdict. */
static void line(struct check *check, bool good, const char *what, const char *format, ...)
{
	struct buffer text = {0};
	va_list arguments;
	va_start(arguments, format);
	char figures[700];
	vsnprintf(figures, sizeof figures, format, arguments);
	va_end(arguments);
	printf("%-6s %-26s %s\n", good ? "ok" : "FAILED", what, figures);
	fflush(stdout);
	check->failed += !good;
	buffer_free(&text);
}

/* -- waiting -------------------------------------------------------------------------- */

static bool floor_ended(const struct check *check)
{
	struct buffer text = {0};
	struct fault fault;
	bool ended = false;
	if (disk_read(check->report, 4 << 20, &text, &fault) == OK) {
		yyjson_doc *doc = yyjson_read((const char *)text.data, text.size, 0);
		ended = ask_bool(yyjson_doc_get_root(doc), "ended");
		yyjson_doc_free(doc);
	}
	buffer_free(&text);
	return ended;
}

static bool everything_acknowledged(const struct check *check)
{
	struct buffer text = {0};
	struct fault fault;
	double sent = -1, acknowledged = 0;
	if (disk_read(check->report, 4 << 20, &text, &fault) == OK) {
		yyjson_doc *doc = yyjson_read((const char *)text.data, text.size, 0);
		size_t at, max;
		yyjson_val *machine;
		sent = 0;
		yyjson_arr_foreach(ask_member(yyjson_doc_get_root(doc), "machines"), at, max, machine) {
			/* Strangers and revoked devices never get an answer. */
			double one = ask_number(machine, "acknowledged");
			sent += one > 0 ? ask_number(machine, "sent") : 0;
			acknowledged += one;
		}
		yyjson_doc_free(doc);
	}
	buffer_free(&text);
	return sent == acknowledged;
}

/* Nothing waits at the gateway, and all nodes hold the same log. */
static bool all_settled(struct run *run)
{
	char url[64], root[80] = "";
	run_gateway_url(run, url);
	yyjson_doc *floor = ask(url, "/api/v1/floor");
	yyjson_val *totals = ask_member(yyjson_doc_get_root(floor), "totals");
	bool settled = floor && ask_number(totals, "outbox") == 0 && ask_number(totals, "samples") > 0 && ask_bool(yyjson_doc_get_root(floor), "caught_up") &&
		ask_number(totals, "anchored") > 0;
	yyjson_doc_free(floor);
	for (int i = 0; i < RUN_MEMBERS && settled; i++) {
		run_node_url(run, i, url);
		yyjson_doc *doc = ask(url, "/api/v1/node");
		const char *mine = ask_text(yyjson_doc_get_root(doc), "log_root");
		if (i == 0)
			snprintf(root, sizeof root, "%s", mine);
		settled = doc && strcmp(root, mine) == 0;
		yyjson_doc_free(doc);
	}
	return settled;
}

static void progress(const char *what, int64_t done_s, int64_t all_s)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%s %" PRId64 " of %" PRId64 " s\033[K", what, done_s, all_s);
}

static bool floor_run_through(struct check *check)
{
	struct run *run = check->run;
	struct fault fault;
	int64_t start_ms = clock_monotonic_ns() / NS_PER_MS, wall_s = run->duration_s * 100 / run->rate_percent;
	struct run_chaos chaos = run_chaos_of(run->options.chaos_seed, start_ms, start_ms + wall_s * 800);
	int64_t settled_since_ms = 0;
	for (;;) {
		int64_t now_ms = clock_monotonic_ns() / NS_PER_MS, done_s = (now_ms - start_ms) / 1000;
		if (run_interrupted())
			return false;
		if (run_supervise(run, &fault) != OK) {
			line(check, false, "processes", "%s", fault.text);
			return false;
		}
		if (run->options.chaos)
			run_chaos_tick(run, &chaos, now_ms);
		progress("shop floor: simulated at 12 times real time,", done_s, wall_s);
		bool quiet = floor_ended(check) && everything_acknowledged(check) && all_settled(run);
		if (!quiet)
			settled_since_ms = 0;
		else if (settled_since_ms == 0)
			settled_since_ms = now_ms;
		/* The last chunk is sealed, anchored and covered by a checkpoint within these. */
		if (quiet && now_ms - settled_since_ms > 9000)
			break;
		if (done_s > wall_s + 45) {
			line(check, false, "settling", "the floor has ended, but the gateway or the nodes have not settled 45 s later");
			break;
		}
		run_sleep_ms(250);
	}
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	return true;
}

/* -- the nine steps -------------------------------------------------------------------- */

struct counts {
	size_t order, consignment, history, bounds, accepted, refused, scheduled, models, derived, commands, results, done, fires, others;
	double first_anchor, last_event, last_bounds;
	double action_us[512];
	size_t action_count;
	double rate;
};

static void on_event(void *context, yyjson_val *statement, yyjson_val *body)
{
	struct counts *counts = context;
	const char *kind = ask_text(body, "kind");
	counts->order += strcmp(kind, "order") == 0;
	counts->consignment += strcmp(kind, "consignment") == 0;
	counts->history += strcmp(kind, "equipment_history") == 0;
	counts->last_event = fmax(counts->last_event, ask_number(statement, "index"));
}

static void on_bounds(void *context, yyjson_val *statement, yyjson_val *body)
{
	struct counts *counts = context;
	(void)body;
	counts->bounds++;
	counts->last_bounds = fmax(counts->last_bounds, ask_number(statement, "index"));
}

static void on_service(void *context, yyjson_val *statement, yyjson_val *body)
{
	struct counts *counts = context;
	(void)statement;
	if (strcmp(ask_text(body, "kind"), "scheduling") == 0)
		counts->scheduled++;
	else if (ask_bool(body, "accepted"))
		counts->accepted++;
	else
		counts->refused++;
}

static void on_model(void *context, yyjson_val *statement, yyjson_val *body)
{
	struct counts *counts = context;
	counts->models++;
	counts->derived += ask_number(body, "version") > 1 && yyjson_arr_size(ask_member(statement, "parents")) >= 2 &&
		ask_number(body, "error_after") < ask_number(body, "error_before");
}

static void on_command(void *context, yyjson_val *statement, yyjson_val *body)
{
	(void)statement, (void)body;
	((struct counts *)context)->commands++;
}

static void on_result(void *context, yyjson_val *statement, yyjson_val *body)
{
	(void)statement;
	((struct counts *)context)->results++;
	((struct counts *)context)->done += ask_bool(body, "done");
}

static void on_critical(void *context, yyjson_val *statement, yyjson_val *body)
{
	struct counts *counts = context;
	(void)statement;
	bool fire = strcmp(ask_text(body, "kind"), "fire") == 0;
	counts->fires += fire;
	counts->others += !fire;
	/* The floor's clock runs faster than the wall's. */
	double acted = ask_number(body, "acted_ns"), received = ask_number(body, "received_ns");
	if (fire && counts->action_count < 512)
		counts->action_us[counts->action_count++] = (acted - received) / counts->rate / 1000;
}

static size_t entities_count(const char *node, const char *kind)
{
	char path[100];
	snprintf(path, sizeof path, "/api/v1/entities?kind=%s", kind);
	yyjson_doc *doc = ask(node, path);
	size_t count = yyjson_arr_size(ask_member(yyjson_doc_get_root(doc), "entities"));
	yyjson_doc_free(doc);
	return count;
}

static void step_registration(struct check *check)
{
	size_t organisations = entities_count(check->node, "org"), gateways = entities_count(check->node, "gateway"), devices = entities_count(check->node, "device"),
	       people = entities_count(check->node, "person");
	line(check, organisations == 4 && gateways == 1 && devices >= 7 && people == 2, "1 registration", "%zu organisations, %zu gateway, %zu devices, %zu people on the ledger",
		organisations, gateways, devices, people);
}

static void on_anchor_first(void *context, yyjson_val *statement, yyjson_val *body)
{
	struct counts *counts = context;
	(void)body;
	if (counts->first_anchor == 0)
		counts->first_anchor = ask_number(statement, "index");
}

static void step_one_time_data(struct check *check, struct counts *counts)
{
	ask_statements(check->node, "event", NULL, on_event, counts);
	ask_statements(check->node, "bounds", NULL, on_bounds, counts);
	ask_statements(check->node, "anchor", NULL, on_anchor_first, counts);
	bool before = counts->first_anchor > counts->last_event && counts->first_anchor > counts->last_bounds;
	line(check, counts->order && counts->consignment && counts->history && counts->bounds >= 6 && before, "2 one-time data",
		"order %zu, consignment %zu, equipment history %zu, bounds of %zu devices, all before the first reading (entry %.0f)", counts->order, counts->consignment,
		counts->history, counts->bounds, counts->first_anchor);
}

struct tally {
	double samples, anchors, bytes, missing, flagged, refused;
	char reasons[400];
	struct {
		char reason[32];
		double count;
	} by_reason[40];
	size_t reason_count;
	char chunk[80], id[80];
};

static void reasons_add(struct tally *tally, yyjson_val *list, double *sum)
{
	size_t at, max;
	yyjson_val *item;
	yyjson_arr_foreach(list, at, max, item) {
		const char *reason = ask_text(item, "reason");
		size_t i = 0;
		while (i < tally->reason_count && strcmp(tally->by_reason[i].reason, reason) != 0)
			i++;
		if (i == 40)
			continue;
		if (i == tally->reason_count)
			snprintf(tally->by_reason[tally->reason_count++].reason, 32, "%s", reason);
		tally->by_reason[i].count += ask_number(item, "count");
		*sum += ask_number(item, "count");
	}
}

static void on_anchor(void *context, yyjson_val *statement, yyjson_val *body)
{
	struct tally *tally = context;
	size_t at, max;
	yyjson_val *range;
	tally->anchors++;
	tally->samples += ask_number(body, "samples");
	tally->bytes += ask_number(body, "size");
	reasons_add(tally, ask_member(body, "flagged"), &tally->flagged);
	reasons_add(tally, ask_member(body, "refused"), &tally->refused);
	yyjson_arr_foreach(ask_member(body, "ranges"), at, max, range)
		tally->missing += ask_number(range, "missing");
	snprintf(tally->chunk, sizeof tally->chunk, "%s", ask_text(body, "chunk"));
	snprintf(tally->id, sizeof tally->id, "%s", ask_text(statement, "id"));
}

static void step_wrangling(struct check *check, struct tally *tally)
{
	ask_statements(check->node, "anchor", NULL, on_anchor, tally);
	struct buffer text = {0};
	for (size_t i = 0; i < tally->reason_count; i++)
		buffer_printf(&text, "%s%s %.0f", i ? ", " : "", tally->by_reason[i].reason, tally->by_reason[i].count);
	buffer_append_byte(&text, 0);
	/* A value in degF on the wire must still be there beside the one in Cel. */
	char path[200];
	double raw = NAN, value = NAN;
	for (int leaf = 0; leaf < 400 && isnan(raw); leaf++) {
		snprintf(path, sizeof path, "/api/v1/floor/reading?chunk=%s&leaf=%d", tally->chunk, leaf);
		yyjson_doc *doc = ask(check->gateway, path);
		yyjson_val *root = yyjson_doc_get_root(doc);
		if (doc && strcmp(ask_text(root, "raw_unit"), "[degF]") == 0) {
			raw = ask_number(root, "raw");
			value = ask_number(root, "value");
		}
		yyjson_doc_free(doc);
	}
	bool converted = fabs((raw - 32) / 1.8 - value) < 1e-6;
	line(check, tally->flagged > 0 && converted, "3 wrangling", "%.0f readings in one form; %s; raw %.1f [degF] kept beside %.2f Cel", tally->samples,
		(const char *)text.data, raw, value);
	buffer_free(&text);
}

/* Export something and verify the bundle offline, then with a byte changed. */
static bool export_verify(struct check *check, const char *what, const char *name)
{
	char path[1100], genesis[1100];
	struct fault fault;
	struct buffer bytes = {0};
	snprintf(path, sizeof path, "%s/%s.bundle", check->run->options.state, name);
	snprintf(genesis, sizeof genesis, "%s/genesis.cbor", check->run->options.state);
	bool good = run_command(check->run, &fault, "export", "--node", check->node, "--floor", check->gateway, "--out", path, what, NULL) == OK &&
		run_command(check->run, &fault, "verify", "--genesis", genesis, path, NULL) == OK;
	if (!good || disk_read(path, 16 << 20, &bytes, &fault) != OK) {
		printf("       export of %s: %s\n", what, fault.text);
		return false;
	}
	/* A few bytes here; the tests change every one. */
	struct random random = random_of(check->run->options.seed);
	for (int i = 0; i < 8 && good; i++) {
		size_t at = random_below(&random, bytes.size);
		bytes.data[at] ^= (uint8_t)(1u << random_below(&random, 8));
		char broken[1200];
		snprintf(broken, sizeof broken, "%s.changed", path);
		good = disk_write(broken, buffer_span(&bytes), 0600, &fault) == OK && run_command(check->run, &fault, "verify", "--genesis", genesis, broken, NULL) != OK;
		buffer_clear(&bytes);
		good = good && disk_read(path, 16 << 20, &bytes, &fault) == OK;
		remove(broken);
	}
	buffer_free(&bytes);
	return good;
}

static void step_provenance(struct check *check, const struct tally *tally)
{
	char path[200], reading[300] = "";
	snprintf(path, sizeof path, "/api/v1/floor/reading?chunk=%s&leaf=0", tally->chunk);
	yyjson_doc *doc = ask(check->gateway, path);
	yyjson_val *root = yyjson_doc_get_root(doc);
	if (doc)
		snprintf(reading, sizeof reading, "%s#%s@%.0f", ask_text(root, "device"), ask_text(root, "signal"), ask_number(root, "seq"));
	yyjson_doc_free(doc);
	bool proven = reading[0] && export_verify(check, reading, "reading");
	line(check, tally->anchors > 0 && proven && tally->missing == 0, "4 data and provenance", "%.0f anchors, %.2f bytes a reading, %.0f message numbers missing; one reading proven alone%s",
		tally->anchors, tally->bytes / fmax(tally->samples, 1), tally->missing, proven ? ", changed bundles refused" : ": NOT PROVEN");
}

/* The twins run on what the ledger says, and their information is young. */
static void step_synchronisation(struct check *check)
{
	yyjson_doc *floor = ask(check->gateway, "/api/v1/floor"), *entities = ask(check->node, "/api/v1/entities?kind=device");
	size_t at, max, other, others, same = 0, twins = 0;
	yyjson_val *machine, *entity;
	double messages = 0;
	yyjson_arr_foreach(ask_member(yyjson_doc_get_root(floor), "machines"), at, max, machine) {
		messages += ask_number(machine, "messages");
		yyjson_arr_foreach(ask_member(yyjson_doc_get_root(entities), "entities"), other, others, entity) {
			if (strcmp(ask_text(entity, "name"), ask_text(machine, "device")) != 0)
				continue;
			twins++;
			same += strcmp(ask_text(entity, "bounds"), ask_text(machine, "bounds")) == 0 &&
				ask_number(entity, "model_version") == ask_number(machine, "model_version");
		}
	}
	yyjson_doc_free(floor);
	yyjson_doc_free(entities);
	line(check, twins >= 7 && same == twins, "5 synchronisation", "%zu of %zu twins run on the ledger's own bounds and models; %.0f messages compared at the edge", same, twins, messages);
}

static void step_disturbances(struct check *check, const struct judge *judge)
{
	size_t sensor = 0, machine = 0, integrity = 0;
	for (size_t i = 0; i < judge->disturbance_count; i++) {
		const char *diagnosis = judge->disturbances[i].diagnosis;
		sensor += strcmp(diagnosis, "sensor_fault") == 0;
		machine += strcmp(diagnosis, "machine_fault") == 0;
		integrity += strcmp(diagnosis, "data_integrity_fault") == 0;
	}
	line(check, sensor && machine && integrity, "6 disturbances", "sensor faults %zu, machine faults %zu, data integrity faults %zu", sensor, machine, integrity);
}

static void step_services(struct check *check, struct counts *counts)
{
	ask_statements(check->node, "service", NULL, on_service, counts);
	ask_statements(check->node, "command", NULL, on_command, counts);
	ask_statements(check->node, "result", NULL, on_result, counts);
	line(check, counts->accepted && counts->scheduled && counts->commands && counts->done, "7 services, virtual first",
		"calibrations kept %zu, thrown away %zu; schedules tried %zu, commands %zu, results %zu (done %zu)", counts->accepted, counts->refused, counts->scheduled,
		counts->commands, counts->results, counts->done);
}

static void step_models(struct check *check, struct counts *counts)
{
	ask_statements(check->node, "model", NULL, on_model, counts);
	line(check, counts->derived > 0 && counts->derived >= counts->accepted, "8 models", "%zu versions, %zu of them derived by calibration, with lower error on held-out data", counts->models,
		counts->derived);
}

static void step_critical(struct check *check, struct counts *counts)
{
	ask_statements(check->node, "critical", NULL, on_critical, counts);
	line(check, counts->fires >= 3 && counts->action_count, "9 critical line", "%zu fire alarms at the control unit, p50 %.0f us, p99 %.0f us; %zu other critical events", counts->fires,
		ask_quantile(counts->action_us, counts->action_count, 0.5), ask_quantile(counts->action_us, counts->action_count, 0.99), counts->others);
}

/* -- what else must hold ------------------------------------------------------------- */

static void faults_print(struct check *check, const struct judge *judge)
{
	for (size_t i = 0; i < judge->fault_count; i++) {
		const struct judge_fault *fault = &judge->faults[i];
		char what[64];
		snprintf(what, sizeof what, "  %s", fault->kind);
		if (fault->found)
			line(check, fault->diagnosed, what, "%s %s: %.1f s after it began, as %s%s", fault->device + sizeof "dev:" ORGANISATION, fault->signal, fault->late_s, fault->by,
				fault->diagnosed ? "" : ", but with the wrong diagnosis");
		else
			line(check, false, what, "%s %s: not found", fault->device + sizeof "dev:" ORGANISATION, fault->signal);
	}
	line(check, judge->false_alarms == 0, "  false alarms", "%zu of %zu disturbances and alarms", judge->false_alarms, judge->disturbance_count);
	for (size_t i = 0; i < judge->disturbance_count; i++) {
		const struct judge_disturbance *one = &judge->disturbances[i];
		if (!one->explained)
			printf("       false: %s %s %s (%s) %.12s at %" PRId64 " ms\n", one->device, one->signal, one->kind, one->diagnosis, one->id, one->time_ms);
	}
}

static void nodes_print(struct check *check)
{
	char url[64], root[80] = "";
	double size = -1;
	bool equal = true;
	for (int i = 0; i < RUN_MEMBERS; i++) {
		run_node_url(check->run, i, url);
		yyjson_doc *doc = ask(url, "/api/v1/node");
		yyjson_val *node = yyjson_doc_get_root(doc);
		if (i == 0) {
			snprintf(root, sizeof root, "%s", ask_text(node, "log_root"));
			size = ask_number(node, "log_size");
		}
		equal = equal && doc && strcmp(root, ask_text(node, "log_root")) == 0 && size == ask_number(node, "log_size");
		printf("       node %-13s statements %.0f  readings %.0f  refused %.0f  root %.16s  memory %.0f MB\n", run_member(i), ask_number(node, "log_size"),
			ask_number(node, "readings"), ask_number(node, "refused"), ask_text(node, "log_root"), ask_number(node, "resident_kb") / 1024);
		yyjson_doc_free(doc);
	}
	line(check, equal && size > 0, "equal logs", "%.0f statements, root %.16s on all four nodes", size, root);
	yyjson_doc *doc = ask(check->node, "/api/v1/node");
	yyjson_val *finality = ask_member(yyjson_doc_get_root(doc), "finality_ms");
	line(check, ask_number(finality, "count") > 0, "finality", "p50 %.0f ms, p99 %.0f ms over %.0f statements at the gateway's node", ask_number(finality, "p50"), ask_number(finality, "p99"),
		ask_number(finality, "count"));
	yyjson_doc_free(doc);
}

struct coverage {
	const char *device;
	double last, covered, gaps;
};

static void on_range(void *context, yyjson_val *statement, yyjson_val *body)
{
	struct coverage *coverage = context;
	(void)statement;
	size_t at, max;
	yyjson_val *range;
	yyjson_arr_foreach(ask_member(body, "ranges"), at, max, range) {
		if (strcmp(ask_text(range, "device"), coverage->device) != 0)
			continue;
		double first = (double)(yyjson_get_uint(ask_member(range, "first_seq")) & UINT32_MAX);
		double last = (double)(yyjson_get_uint(ask_member(range, "last_seq")) & UINT32_MAX);
		/* A chunk that was full in the middle of a message ends and begins with the same number. */
		coverage->gaps += first > coverage->last + 1 ? first - coverage->last - 1 : 0;
		coverage->gaps += ask_number(range, "missing");
		coverage->covered += last - fmax(first, coverage->last + 1) + 1;
		coverage->last = last;
	}
}

/* Everything that the gateway ever acknowledged to a device is under a final anchor. */
static void acknowledged_print(struct check *check)
{
	struct buffer text = {0};
	struct fault fault;
	double acknowledged = 0, covered = 0, gaps = 0;
	bool good = disk_read(check->report, 4 << 20, &text, &fault) == OK;
	yyjson_doc *doc = good ? yyjson_read((const char *)text.data, text.size, 0) : NULL;
	size_t at, max;
	yyjson_val *machine;
	yyjson_arr_foreach(ask_member(yyjson_doc_get_root(doc), "machines"), at, max, machine) {
		struct coverage coverage = {.device = ask_text(machine, "device")};
		if (ask_number(machine, "acknowledged") == 0)
			continue;
		ask_statements(check->node, "anchor", NULL, on_range, &coverage);
		double newest = (double)(yyjson_get_uint(ask_member(machine, "acknowledged_seq")) & UINT32_MAX);
		good = good && coverage.last >= newest && coverage.covered >= ask_number(machine, "acknowledged");
		acknowledged += ask_number(machine, "acknowledged");
		covered += coverage.covered;
		gaps += coverage.gaps;
	}
	yyjson_doc_free(doc);
	buffer_free(&text);
	line(check, good && gaps == 0 && acknowledged > 0, "nothing lost", "%.0f messages acknowledged to machines, %.0f under final anchors, %.0f missing in between", acknowledged, covered, gaps);
}

static void exports_print(struct check *check, const struct judge *judge)
{
	char model[80] = "";
	const char *disturbance = "";
	for (size_t i = 0; i < judge->fault_count && !disturbance[0]; i++)
		for (size_t j = 0; j < judge->disturbance_count && strcmp(judge->faults[i].kind, "bearing_wear") == 0; j++)
			if (strcmp(judge->disturbances[j].device, judge->faults[i].device) == 0 && strcmp(judge->disturbances[j].kind, "drift") == 0)
				disturbance = judge->disturbances[j].id;
	yyjson_doc *doc = ask(check->node, "/api/v1/statements?type=model&order=desc&limit=1");
	yyjson_val *first = yyjson_arr_get_first(ask_member(yyjson_doc_get_root(doc), "statements"));
	snprintf(model, sizeof model, "%s", ask_text(first, "id"));
	yyjson_doc_free(doc);
	bool good = disturbance[0] && export_verify(check, disturbance, "disturbance") && model[0] && export_verify(check, model, "model");
	line(check, good, "export and verify", "a disturbance and a model, offline; every changed bundle refused");
}

/* Nothing may end but what was killed on purpose. */
static void processes_print(struct check *check)
{
	unsigned ends = 0;
	for (size_t i = 0; i < check->run->child_count; i++)
		ends += check->run->children[i].failures;
	line(check, ends == 0, "processes", "%zu running, %u unexpected ends", check->run->child_count, ends);
}

int run_check(struct run *run)
{
	struct check check = {.run = run};
	struct counts counts = {.rate = run->rate_percent / 100.0};
	struct tally *tally = memory_new(sizeof *tally);
	struct judge *judge = memory_new(sizeof *judge);
	run_node_url(run, 0, check.node);
	run_gateway_url(run, check.gateway);
	snprintf(check.report, sizeof check.report, "%s/shopfloor/report.json", run->options.state);
	printf("check: seed %" PRIu64 ", %" PRId64 " simulated seconds at %d times real time%s\n", run->options.seed, run->duration_s, run->rate_percent / 100,
		run->options.chaos ? ", with chaos" : "");
	fflush(stdout);
	if (floor_run_through(&check)) {
		judge_run(judge, check.report, ORGANISATION, check.node);
		step_registration(&check);
		step_one_time_data(&check, &counts);
		step_wrangling(&check, tally);
		step_provenance(&check, tally);
		step_synchronisation(&check);
		step_disturbances(&check, judge);
		step_services(&check, &counts);
		step_models(&check, &counts);
		step_critical(&check, &counts);
		faults_print(&check, judge);
		nodes_print(&check);
		acknowledged_print(&check);
		exports_print(&check, judge);
		processes_print(&check);
		if (run->options.chaos)
			line(&check, run->kills > 0, "chaos", "%" PRIu64 " kills", run->kills);
	} else {
		check.failed++;
	}
	printf("check: %s\n", check.failed ? "FAILED" : "everything holds");
	free(tally);
	free(judge);
	return check.failed ? 1 : 0;
}
