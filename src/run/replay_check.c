#include "run/run.h"
#include "run/ask.h"

#include "host/disk.h"
#include "host/loop.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ENGINES_MAX = 1000, EARLY_CYCLES = 30 };

struct engine_result {
	char device[128];
	uint32_t cycles;
	uint32_t first_cycle;         /* of the first disturbance; 0: none */
	uint32_t early;               /* disturbances in the first 30 cycles */
};

struct replay_check {
	struct engine_result engines[ENGINES_MAX];
	size_t count;
	double sent, acknowledged;
	bool ended;
	double readings, anchors, other;
};

static bool report_read(struct replay_check *check, const char *path)
{
	struct buffer text = {0};
	struct fault fault;
	if (disk_read(path, 4 << 20, &text, &fault) != OK)
		return false;
	yyjson_doc *doc = yyjson_read((const char *)text.data, text.size, 0);
	size_t at, max;
	yyjson_val *machine;
	check->count = 0;
	check->sent = check->acknowledged = 0;
	check->ended = ask_bool(yyjson_doc_get_root(doc), "ended");
	yyjson_arr_foreach(ask_member(yyjson_doc_get_root(doc), "machines"), at, max, machine) {
		if (check->count == ENGINES_MAX)
			break;
		struct engine_result *engine = &check->engines[check->count++];
		snprintf(engine->device, sizeof engine->device, "%s", ask_text(machine, "device"));
		engine->cycles = (uint32_t)ask_number(machine, "cycles");
		check->sent += ask_number(machine, "sent");
		check->acknowledged += ask_number(machine, "acknowledged");
	}
	yyjson_doc_free(doc);
	buffer_free(&text);
	return check->count > 0;
}

static void on_disturbance(void *context, yyjson_val *statement, yyjson_val *body)
{
	struct replay_check *check = context;
	/* An engine's messages are numbered by its cycles. */
	uint32_t cycle = (uint32_t)(yyjson_get_uint(ask_member(body, "seq")) & UINT32_MAX);
	for (size_t i = 0; i < check->count; i++) {
		struct engine_result *engine = &check->engines[i];
		if (strcmp(engine->device, ask_text(statement, "sub")) != 0 || cycle == 0)
			continue;
		if (engine->first_cycle == 0 || cycle < engine->first_cycle)
			engine->first_cycle = cycle;
		engine->early += cycle <= EARLY_CYCLES;
		return;
	}
	check->other++;
}

static void on_anchor(void *context, yyjson_val *statement, yyjson_val *body)
{
	struct replay_check *check = context;
	(void)statement;
	check->anchors++;
	check->readings += ask_number(body, "samples");
}

static bool settled(struct run *run)
{
	char url[64], root[80] = "";
	run_gateway_url(run, url);
	yyjson_doc *floor = ask(url, "/api/v1/floor");
	yyjson_val *totals = ask_member(yyjson_doc_get_root(floor), "totals");
	bool good = floor && ask_number(totals, "outbox") == 0 && ask_number(totals, "anchored") == ask_number(totals, "samples");
	yyjson_doc_free(floor);
	for (int i = 0; i < RUN_MEMBERS && good; i++) {
		run_node_url(run, i, url);
		yyjson_doc *doc = ask(url, "/api/v1/node");
		if (i == 0)
			snprintf(root, sizeof root, "%s", ask_text(yyjson_doc_get_root(doc), "log_root"));
		good = doc && strcmp(root, ask_text(yyjson_doc_get_root(doc), "log_root")) == 0;
		yyjson_doc_free(doc);
	}
	return good;
}

static bool wait_for_end(struct run *run, struct replay_check *check, const char *report)
{
	struct fault fault;
	int64_t start_ms = clock_monotonic_ns() / NS_PER_MS;
	for (;;) {
		int64_t now_ms = clock_monotonic_ns() / NS_PER_MS;
		if (run_interrupted() || now_ms - start_ms > 240000) {
			printf("FAILED the replay has not ended and settled after %" PRId64 " s\n", (now_ms - start_ms) / 1000);
			return false;
		}
		if (run_supervise(run, &fault) != OK) {
			printf("FAILED %s\n", fault.text);
			return false;
		}
		bool there = report_read(check, report);
		if (there && isatty(STDERR_FILENO))
			fprintf(stderr, "\rreplay: %.0f cycles sent, %.0f durable at the gateway\033[K", check->sent, check->acknowledged);
		if (there && check->ended && check->sent == check->acknowledged && settled(run))
			break;
		run_sleep_ms(500);
	}
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	return true;
}

static bool engines_print(const struct replay_check *check)
{
	double before[ENGINES_MAX];
	size_t found = 0, early = 0, early_engines = 0, late = 0;
	printf("       engine: cycles before its failure when the first disturbance came\n");
	for (size_t i = 0; i < check->count; i++) {
		const struct engine_result *engine = &check->engines[i];
		if (engine->first_cycle) {
			before[found++] = engine->cycles - engine->first_cycle;
			late += engine->cycles - engine->first_cycle < 10;
		}
		early += engine->early;
		early_engines += engine->early > 0;
		if (engine->first_cycle)
			printf("%s%s %3u of %3u", i % 5 ? "   " : "       ", strrchr(engine->device, '-') + 1, engine->cycles - engine->first_cycle, engine->cycles);
		else
			printf("%s%s none of %3u", i % 5 ? "   " : "       ", strrchr(engine->device, '-') + 1, engine->cycles);
		printf("%s", i % 5 == 4 || i + 1 == check->count ? "\n" : "");
	}
	bool good = found == check->count && late == 0;
	printf("%-6s engines: %zu, with a disturbance before failure: %zu; cycles before failure: median %.0f, least %.0f, most %.0f\n", good ? "ok" : "FAILED", check->count,
		found, ask_quantile(before, found, 0.5), ask_quantile(before, found, 0), ask_quantile(before, found, 1));
	bool calm = early_engines * 20 <= check->count;
	printf("%-6s false alarms in the first %d cycles: %zu, on %zu engines\n", calm ? "ok" : "FAILED", EARLY_CYCLES, early, early_engines);
	return good && calm;
}

static bool nodes_print(struct run *run, const struct replay_check *check)
{
	bool good = true;
	for (int i = 0; i < RUN_MEMBERS; i++) {
		char url[64];
		run_node_url(run, i, url);
		yyjson_doc *doc = ask(url, "/api/v1/node");
		yyjson_val *node = yyjson_doc_get_root(doc);
		bool same = doc && ask_number(node, "readings") == check->readings;
		printf("%-6s node %-13s statements %.0f  anchors %.0f  readings %.0f  root %.16s  finality p50 %.0f ms p99 %.0f ms\n", same ? "ok" : "FAILED", run_member(i),
			ask_number(node, "log_size"), ask_number(node, "anchors"), ask_number(node, "readings"), ask_text(node, "log_root"),
			ask_number(ask_member(node, "finality_ms"), "p50"), ask_number(ask_member(node, "finality_ms"), "p99"));
		good = good && same;
		yyjson_doc_free(doc);
	}
	return good;
}

int run_replay_check(struct run *run)
{
	struct replay_check *check = memory_new(sizeof *check);
	char node[64], report[1024];
	run_node_url(run, 0, node);
	snprintf(report, sizeof report, "%s/shopfloor/report.json", run->options.state);
	printf("check: replay of %s\n", run->options.replay);
	fflush(stdout);
	bool good = wait_for_end(run, check, report) && ask_statements(node, "disturbance", NULL, on_disturbance, check) &&
		ask_statements(node, "anchor", NULL, on_anchor, check);
	if (good) {
		bool whole = check->readings == check->acknowledged * 24;
		printf("%-6s readings: %.0f sent, %.0f under %.0f final anchors\n", whole ? "ok" : "FAILED", check->sent * 24, check->readings, check->anchors);
		good = engines_print(check) && whole;
		good = nodes_print(run, check) && good;
	}
	printf("check: %s\n", good ? "everything holds" : "FAILED");
	free(check);
	return good ? 0 : 1;
}
