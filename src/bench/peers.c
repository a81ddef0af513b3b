#include "bench/peers.h"

#include "base/random.h"
#include "host/disk.h"
#include "host/loop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PARALLEL_FIRST = 32, PARALLEL_FACTOR = 4, PEERS = 2 };
#define GROWTH 1.05

void bench_peer_record(uint64_t number, char out[PEER_RECORD])
{
	struct random random = random_of(number);
	for (size_t i = 0; i < PEER_RECORD; i += 8) {
		uint64_t bits = random_next(&random);
		for (size_t j = 0; j < 8; j++)
			out[i + j] = (char)('0' + (bits >> 8 * j & 63));
	}
}

static bool is_installed(const char *program)
{
	const char *path = getenv("PATH");
	char full[1200];
	for (const char *at = path ? path : "/usr/bin"; *at;) {
		size_t size = strcspn(at, ":");
		snprintf(full, sizeof full, "%.*s/%s", (int)(size < 1000 ? size : 1000), at, program);
		if (access(full, X_OK) == 0)
			return true;
		at += size + (at[size] == ':');
	}
	return false;
}

static double site_cpu_s(struct bench_site *site)
{
	double sum = 0;
	struct bench_use use;
	for (size_t i = 0; i < site->run.child_count; i++)
		sum += bench_site_use(site, site->run.children[i].name, &use) ? use.cpu_s : 0;
	return sum;
}

/* More writes under way until that gives no more. */
static enum status saturate(struct bench *bench, const struct bench_peer *peer, struct bench_site *site, void *running, size_t records, struct bench_rival *best,
	struct fault *fault)
{
	*best = (struct bench_rival){.records = records};
	for (unsigned parallel = PARALLEL_FIRST; parallel <= peer->parallel_max; parallel *= PARALLEL_FACTOR) {
		double rate = 0, before = best->rate;
		TRY(bench_go_on(fault));
		double cpu_s = site_cpu_s(site), elapsed_s = -(double)clock_monotonic_ns() / 1e9;
		TRY(peer->write(running, records, parallel, bench->seconds, &rate, fault));
		cpu_s = site_cpu_s(site) - cpu_s;
		elapsed_s += (double)clock_monotonic_ns() / 1e9;
		bench_tell("  %s: %zu together, %u under way: %.0f records/s", peer->name, records, parallel, rate);
		if (rate > best->rate) {
			best->rate = rate;
			best->cpu_s = cpu_s / (rate * elapsed_s);
			if (records == 1)
				snprintf(best->what, sizeof best->what, "%s, 3 members, %s, %u under way", peer->name, peer->one, parallel);
			else
				snprintf(best->what, sizeof best->what, "%s, 3 members, %s of %zu, %u under way", peer->name, peer->many, records, parallel);
		}
		if (rate < before * GROWTH)
			break;
	}
	return OK;
}

static enum status peer_measure(struct bench *bench, const struct bench_peer *peer, struct bench_rival *out, struct fault *fault)
{
	struct bench_site *site = memory_new_array(1, sizeof *site);
	char logs[1200];
	void *running = NULL;
	bench_tell("%s", peer->name);
	snprintf(site->folder, sizeof site->folder, "%s/%s", bench->folder, peer->name);
	site->run.options = (struct run_options){.state = site->folder, .program = bench->program};
	bench_site_path(site, "logs", logs);
	enum status status = disk_folder(logs, fault);
	if (status == OK)
		status = peer->open(site, &running, fault);
	for (size_t i = 0; i < PEER_WAYS && status == OK; i++)
		status = saturate(bench, peer, site, running, peer->ways[i], &out[i], fault);
	if (status == OK)
		status = bench_site_check(site, fault);
	if (running)
		peer->close(running);
	bench_site_close(site);
	free(site);
	return status;
}

static const struct bench_rival *nearest(const struct bench_rival *rivals, size_t records)
{
	const struct bench_rival *best = &rivals[0];
	for (size_t i = 1; i < PEER_WAYS; i++)
		if (fabs(log((double)rivals[i].records / (double)records)) < fabs(log((double)best->records / (double)records)))
			best = &rivals[i];
	return best;
}

/* What stands beside one row of ours. A peer that cannot be measured does not spoil the rest. */
static void beside(struct bench *bench, const struct bench_rival *ours, const char *name, const struct bench_rival *theirs, const char *missing)
{
	struct bench_row *row = bench_row_add(bench, "ledger", ours->rate, "records/s", "%s", ours->what);
	if (missing[0]) {
		bench_row_peer(row, NAN, NULL, missing);
		return;
	}
	const struct bench_rival *rival = nearest(theirs, ours->records);
	bench_row_peer(row, rival->rate, NULL, rival->what);
	bench_row_peer(bench_row_add(bench, "ledger", ours->cpu_s * 1e6, "us", "  processor time a record, all servers together"), rival->cpu_s * 1e6, NULL, name);
}

enum status bench_peers(struct bench *bench, const struct bench_rival *ours, size_t count, struct fault *fault)
{
	const struct bench_peer *const peers[PEERS] = {bench_peer_etcd(), bench_peer_nats()};
	struct bench_rival theirs[PEERS][PEER_WAYS] = {0};
	char missing[PEERS][72] = {{0}};
	for (int p = 0; p < PEERS; p++) {
		struct fault why = {{0}};
		if (!is_installed(peers[p]->program)) {
			snprintf(missing[p], sizeof missing[p], "%s: not installed; `tools/enter bench` has it", peers[p]->name);
		} else if (peer_measure(bench, peers[p], theirs[p], &why) != OK) {
			TRY(bench_go_on(fault));
			bench_tell("%s", why.text);
			snprintf(missing[p], sizeof missing[p], "%s: not measured: %.50s", peers[p]->name, why.text);
		}
	}
	for (size_t i = 0; i < count; i++)
		for (int p = 0; p < PEERS; p++)
			beside(bench, &ours[i], peers[p]->name, theirs[p], missing[p]);
	return OK;
}
