#include "app/bench_peers.h"

#include "base/random.h"
#include "host/disk.h"

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

/* More writes under way until that gives no more. */
static enum status saturate(struct bench *bench, const struct bench_peer *peer, void *running, size_t records, struct bench_rival *best, struct fault *fault)
{
	*best = (struct bench_rival){.records = records};
	for (unsigned parallel = PARALLEL_FIRST; parallel <= peer->parallel_max; parallel *= PARALLEL_FACTOR) {
		double rate = 0, before = best->rate;
		TRY(bench_go_on(fault));
		TRY(peer->write(running, records, parallel, bench->seconds, &rate, fault));
		bench_tell("  %s: %zu together, %u under way: %.0f records/s", peer->name, records, parallel, rate);
		if (rate > best->rate) {
			best->rate = rate;
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
	snprintf(site->folder, sizeof site->folder, "%s/%s", bench->folder, peer->name);
	site->run.options = (struct run_options){.state = site->folder, .program = bench->program};
	bench_site_path(site, "logs", logs);
	enum status status = disk_folder(logs, fault);
	if (status == OK)
		status = peer->open(site, &running, fault);
	for (size_t i = 0; i < PEER_WAYS && status == OK; i++)
		status = saturate(bench, peer, running, peer->ways[i], &out[i], fault);
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

enum status bench_peers(struct bench *bench, const struct bench_rival *ours, size_t count, struct fault *fault)
{
	const struct bench_peer *const peers[PEERS] = {bench_peer_etcd(), bench_peer_nats()};
	struct bench_rival theirs[PEERS][PEER_WAYS] = {0};
	bool installed[PEERS];
	for (int p = 0; p < PEERS; p++) {
		installed[p] = is_installed(peers[p]->program);
		bench_tell("%s%s", peers[p]->name, installed[p] ? "" : " is not installed here");
		if (installed[p])
			TRY(peer_measure(bench, peers[p], theirs[p], fault));
	}
	for (size_t i = 0; i < count; i++)
		for (int p = 0; p < PEERS; p++) {
			struct bench_row *row = bench_row_add(bench, "ledger", ours[i].rate, "records/s", "%s", ours[i].what);
			const struct bench_rival *rival = nearest(theirs[p], ours[i].records);
			char missing[72];
			snprintf(missing, sizeof missing, "%s: not installed; `tools/enter bench` has it", peers[p]->name);
			bench_row_peer(row, installed[p] ? rival->rate : NAN, NULL, installed[p] ? rival->what : missing);
		}
	return OK;
}
