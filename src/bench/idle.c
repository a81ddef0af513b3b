/* What a node costs that has nothing to do: four of them, beside a broker that has nothing to do either. */
#include "bench/bench.h"

#include "host/loop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { QUIET_S = 20, MEASURED_S_MIN = 60 /* some heartbeats */, SECONDS_A_DAY = 86400 };

static enum status wait_s(struct bench_site *site, double seconds, struct fault *fault)
{
	for (int64_t until = clock_monotonic_ns() + (int64_t)(seconds * 1e9); clock_monotonic_ns() < until; run_sleep_ms(100)) {
		TRY(bench_go_on(fault));
		TRY(bench_site_check(site, fault));
	}
	return OK;
}

struct rates {
	double cpu, memory, written;  /* share of a core, bytes, bytes a day */
	double sent, sent_whole;      /* over its connections, bytes a day: TLS included; and with what TCP and IP put before each segment */
};

/* IPv4 and TCP with time stamps, as Linux sends it. */
enum { SEGMENT_HEAD = 20 + 32 };

/* One look at a process. */
struct look {
	struct bench_use use;
	struct bench_network network;
};

static bool look_at(struct bench_site *site, const char *name, struct look *out)
{
	const struct run_child *child = run_child_find(&site->run, name);
	return child && child->pid && bench_use(child->pid, &out->use) && bench_network(child->pid, &out->network);
}

static struct rates rates_of(const struct look look[2], double elapsed_s)
{
	struct bench_socket through;
	struct rates rates = {.cpu = (look[1].use.cpu_s - look[0].use.cpu_s) / elapsed_s, .memory = look[1].use.resident_bytes,
		.written = (look[1].use.written_bytes - look[0].use.written_bytes) / elapsed_s * SECONDS_A_DAY, .sent = NAN, .sent_whole = NAN};
	if (bench_network_between(&look[0].network, &look[1].network, &through)) {
		rates.sent = (double)through.sent / elapsed_s * SECONDS_A_DAY;
		rates.sent_whole = (double)(through.sent + SEGMENT_HEAD * through.sent_segments) / elapsed_s * SECONDS_A_DAY;
	}
	return rates;
}

/* NAN, once it is there, stays. */
static double larger(double a, double b)
{
	return isnan(a) || isnan(b) ? NAN : fmax(a, b);
}

/* The worst of the nodes, not their mean: nobody runs the mean. */
static struct rates worst(const struct rates *rates, int count)
{
	struct rates most = {0};
	for (int i = 0; i < count; i++) {
		most.cpu = larger(most.cpu, rates[i].cpu);
		most.memory = larger(most.memory, rates[i].memory);
		most.written = larger(most.written, rates[i].written);
		most.sent = larger(most.sent, rates[i].sent);
		most.sent_whole = larger(most.sent_whole, rates[i].sent_whole);
	}
	return most;
}

static void rows_add(struct bench *bench, const struct rates *node, const struct rates *broker, double seconds)
{
	struct bench_row *row = bench_row_add(bench, "idle", node->cpu * 100, "% of a core", "the busiest of 4 nodes, over %.0f s", seconds);
	bench_row_peer(row, broker->cpu * 100, NULL, "an idle mosquitto");
	row->floor = 2;
	row->sense = BENCH_AT_MOST;
	row = bench_row_add(bench, "idle", node->memory / 1048576, "MiB", "  resident memory");
	bench_row_peer(row, broker->memory / 1048576, NULL, "an idle mosquitto");
	row->floor = 64;
	row->sense = BENCH_AT_MOST;
	row = bench_row_add(bench, "idle", node->written / 1e6, "MB/day", "  written to disk");
	bench_row_peer(row, broker->written / 1e6, NULL, "an idle mosquitto");
	row->floor = 200;
	row->sense = BENCH_AT_MOST;
	row = bench_row_add(bench, "idle", node->sent / 1e6, "MB/day", "  sent to the three others, TLS included");
	bench_row_peer(row, broker->sent / 1e6, NULL, "an idle mosquitto");
	row = bench_row_add(bench, "idle", node->sent_whole / 1e6, "MB/day", "  the same with the heads of TCP and IP");
	bench_row_peer(row, broker->sent_whole / 1e6, NULL, "an idle mosquitto");
}

enum status bench_idle(struct bench *bench, struct fault *fault)
{
	struct bench_site *site = memory_new_array(1, sizeof *site);
	struct look (*nodes)[2] = memory_new_array(RUN_MEMBERS, sizeof *nodes), broker[2];
	double seconds = bench->seconds > MEASURED_S_MIN ? bench->seconds : MEASURED_S_MIN;
	int port;
	enum status status = bench_site_open(bench, "idle", RUN_MEMBERS, site, fault);
	if (status == OK)
		status = bench_site_broker(site, &port, fault);
	if (status == OK)
		status = wait_s(site, QUIET_S, fault);
	int64_t start_ns = clock_monotonic_ns();
	bool known = true;
	for (int when = 0; when < 2 && status == OK; when++) {
		for (int i = 0; i < RUN_MEMBERS; i++)
			known = known && look_at(site, run_member(i), &nodes[i][when]);
		known = known && look_at(site, "broker", &broker[when]);
		if (when == 0)
			status = wait_s(site, seconds, fault);
	}
	double elapsed_s = (double)(clock_monotonic_ns() - start_ns) / 1e9;
	if (status == OK && !known)
		status = fault_set(fault, E_IO, "/proc or sock_diag(7) does not tell what the processes use");
	if (status == OK) {
		struct rates rates[RUN_MEMBERS], idle_broker = rates_of(broker, elapsed_s);
		for (int i = 0; i < RUN_MEMBERS; i++)
			rates[i] = rates_of(nodes[i], elapsed_s);
		struct rates node = worst(rates, RUN_MEMBERS);
		rows_add(bench, &node, &idle_broker, elapsed_s);
	}
	bench_site_close(site);
	free(nodes);
	free(site);
	return status;
}
