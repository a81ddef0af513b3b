#include "run/run.h"
#include "run/ask.h"

#include "host/loop.h"

#include <stdio.h>
#include <unistd.h>

enum { BLOCK_LINES = 7 };

/* A terminal's line is cleared behind its new, perhaps shorter text. */
static void line_end(void)
{
	fputs(isatty(STDOUT_FILENO) ? "\033[K\n" : "\n", stdout);
}

static void node_line(struct run *run, int member)
{
	char url[64];
	run_node_url(run, member, url);
	yyjson_doc *doc = ask(url, "/api/v1/node");
	yyjson_val *node = yyjson_doc_get_root(doc);
	if (!doc)
		printf("  %-13s does not answer", run_member(member));
	else
		printf("  %-13s round %-7.0f statements %-6.0f root %.12s  finality p50 %.0f ms  p99 %.0f ms", run_member(member), ask_number(node, "round"),
			ask_number(node, "log_size"), ask_text(node, "log_root"), ask_number(ask_member(node, "finality_ms"), "p50"),
			ask_number(ask_member(node, "finality_ms"), "p99"));
	line_end();
	yyjson_doc_free(doc);
}

static void floor_lines(struct run *run)
{
	char url[64];
	run_gateway_url(run, url);
	yyjson_doc *doc = ask(url, "/api/v1/floor");
	yyjson_val *totals = ask_member(yyjson_doc_get_root(doc), "totals"), *machine;
	size_t at, max, warning = 0, machines = 0, alarms = 0;
	yyjson_arr_foreach(ask_member(yyjson_doc_get_root(doc), "machines"), at, max, machine) {
		const char *health = ask_text(machine, "health");
		machines++;
		warning += strcmp(health, "warning") == 0 || strcmp(health, "fault") == 0;
		alarms += (size_t)ask_number(machine, "alarms");
	}
	if (doc)
		printf("  gateway       readings %.0f  anchored %.0f  waiting statements %.0f", ask_number(totals, "samples"), ask_number(totals, "anchored"), ask_number(totals, "outbox"));
	else
		printf("  gateway       does not answer");
	line_end();
	printf("  shop floor    %zu machines, %zu not well, %zu active alarms", machines, warning, alarms);
	line_end();
	yyjson_doc_free(doc);
}

void run_watch(struct run *run)
{
	bool terminal = isatty(STDOUT_FILENO), first = true;
	struct fault fault;
	int64_t next_ms = 0;
	while (!run_interrupted()) {
		if (run_supervise(run, &fault) != OK) {
			fprintf(stderr, "run: %s\n", fault.text);
			return;
		}
		int64_t now_ms = clock_monotonic_ns() / NS_PER_MS;
		if (now_ms >= next_ms) {
			next_ms = now_ms + (terminal ? 1000 : 10000);
			if (terminal && !first)
				printf("\033[%dA", BLOCK_LINES);
			first = false;
			char time[TIME_TEXT_SIZE];
			time_text(clock_now_ns() / NS_PER_S * NS_PER_S, time);
			fputs(time, stdout);
			line_end();
			for (int i = 0; i < RUN_MEMBERS; i++)
				node_line(run, i);
			floor_lines(run);
			fflush(stdout);
		}
		run_sleep_ms(200);
	}
}
