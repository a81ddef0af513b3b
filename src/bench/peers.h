/* Inside `tally bench`: the same records of 256 B, made durable by other stores of Debian, each started here with three members
 * on loopback that flush every write. Who is not installed is told so.
 *
 *   peers.c  rows; how many writes must be under way until a peer gives no more
 *   etcd.c   etcd, over its own gRPC interface
 *   nats.c   NATS JetStream: a stream with three replicas in files, published asynchronously */
#ifndef TALLY_BENCH_PEERS_H
#define TALLY_BENCH_PEERS_H

#include "bench/bench.h"

enum { PEER_MEMBERS = 3, PEER_RECORD = 256, PEER_WAYS = 3 };

/* What was reached in one way of writing. */
struct bench_rival {
	char what[72];
	size_t records;               /* written together */
	double rate;                  /* records a second */
	double cpu_s;                 /* processor time a record, of all servers together */
};

/* Rows of ours beside the way of each peer that writes most nearly as many records together. */
MUST_USE enum status bench_peers(struct bench *bench, const struct bench_rival *ours, size_t count, struct fault *fault);

struct bench_peer {
	const char *name, *program;
	/* Start it in an empty site, and wait until it takes writes. *out is to be closed in any case, before the site. */
	enum status (*open)(struct bench_site *site, void **out, struct fault *fault);
	/* `records` together with `parallel` such writes under way; *rate: records a second. */
	enum status (*write)(void *peer, size_t records, unsigned parallel, double seconds, double *rate, struct fault *fault);
	void (*close)(void *peer);
	const char *one, *many;       /* how the ways are called: many of N */
	size_t ways[PEER_WAYS];       /* records together */
	unsigned parallel_max;
};
const struct bench_peer *bench_peer_etcd(void);
const struct bench_peer *bench_peer_nats(void);
/* Bytes that do not compress, another for each number. */
void bench_peer_record(uint64_t number, char out[PEER_RECORD]);

#endif
