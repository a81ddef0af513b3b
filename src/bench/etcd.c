/* etcd: three members, every entry flushed by each before it counts (its default), put by gRPC. */
#include "bench/peers.h"

#include "base/cursor.h"
#include "host/http_load.h"
#include "host/loop.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { READY_S = 120, KEY_SIZE = 17 };

struct etcd {
	struct bench_site *site;
	int client_ports[PEER_MEMBERS], peer_ports[PEER_MEMBERS];
	uint64_t next;                /* key */
	size_t records;               /* of a transaction; 1: a put */
};

/* -- messages: protocol buffers with a frame of gRPC around ------------------------------------------------- */

static void varint(struct buffer *out, uint64_t value)
{
	for (; value > 127; value >>= 7)
		buffer_append_byte(out, (uint8_t)(value | 128));
	buffer_append_byte(out, (uint8_t)value);
}

static void field(struct buffer *out, unsigned number, struct span bytes)
{
	buffer_append_byte(out, (uint8_t)(number << 3 | 2));
	varint(out, bytes.size);
	buffer_append_span(out, bytes);
}

/* PutRequest: key 1, value 2. */
static void put_make(struct etcd *etcd, struct buffer *out)
{
	char key[KEY_SIZE + 1], value[PEER_RECORD];
	snprintf(key, sizeof key, "r%016" PRIx64, etcd->next);
	bench_peer_record(etcd->next++, value);
	field(out, 1, span_of(key, KEY_SIZE));
	field(out, 2, span_of(value, sizeof value));
}

/* TxnRequest: success 2 = RequestOp: request_put 2. */
static void message_make(void *context, struct buffer *out)
{
	struct etcd *etcd = context;
	struct buffer message = {0}, put = {0}, operation = {0};
	if (etcd->records == 1)
		put_make(etcd, &message);
	for (size_t i = 0; i < etcd->records && etcd->records > 1; i++) {
		buffer_clear(&put);
		buffer_clear(&operation);
		put_make(etcd, &put);
		field(&operation, 2, buffer_span(&put));
		field(&message, 2, buffer_span(&operation));
	}
	buffer_append_byte(out, 0); /* not compressed */
	for (int shift = 24; shift >= 0; shift -= 8)
		buffer_append_byte(out, (uint8_t)(message.size >> shift));
	buffer_append_span(out, buffer_span(&message));
	buffer_free(&message);
	buffer_free(&put);
	buffer_free(&operation);
}

static enum status load_run(struct etcd *etcd, size_t records, unsigned parallel, double seconds, struct http_load_result *result, struct fault *fault)
{
	char urls[PEER_MEMBERS][96];
	const char *given[PEER_MEMBERS];
	for (int i = 0; i < PEER_MEMBERS; i++) {
		snprintf(urls[i], sizeof urls[i], "http://127.0.0.1:%d/etcdserverpb.KV/%s", etcd->client_ports[i], records == 1 ? "Put" : "Txn");
		given[i] = urls[i];
	}
	etcd->records = records;
	const struct http_load load = {.urls = given, .url_count = PEER_MEMBERS, .type = "application/grpc", .grpc = true, .parallel = parallel, .seconds = seconds,
		.body = message_make, .context = etcd};
	return http_load_run(&load, result, fault);
}

/* -- the peer ---------------------------------------------------------------------------------------------------- */

static enum status member_start(struct etcd *etcd, int member, const char *cluster, struct fault *fault)
{
	char name[16], data[1200], client[64], peer[64];
	struct run *run = &etcd->site->run;
	snprintf(name, sizeof name, "etcd-%d", member);
	bench_site_path(etcd->site, name, data);
	snprintf(client, sizeof client, "http://127.0.0.1:%d", etcd->client_ports[member]);
	snprintf(peer, sizeof peer, "http://127.0.0.1:%d", etcd->peer_ports[member]);
	return run_child_start(run, run_child_add(run, name, "etcd", "--name", name, "--data-dir", data, "--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", cluster, "--initial-cluster-state", "new", "--log-level", "error",
		NULL), fault);
}

static enum status ready_wait(struct etcd *etcd, struct fault *fault)
{
	int64_t until = clock_monotonic_ns() + READY_S * NS_PER_S;
	struct http_load_result result = {0};
	/* One put by each member. */
	for (; result.good < PEER_MEMBERS; run_sleep_ms(100)) {
		TRY(bench_go_on(fault));
		TRY(bench_site_check(etcd->site, fault));
		TRY(load_run(etcd, 1, PEER_MEMBERS, 0, &result, fault));
		if (clock_monotonic_ns() > until)
			return fault_set(fault, E_BUSY, "etcd did not take a put within %d s: %s", READY_S, result.first_bad);
	}
	return OK;
}

static enum status etcd_open(struct bench_site *site, void **out, struct fault *fault)
{
	struct etcd *etcd = memory_new_array(1, sizeof *etcd);
	struct buffer cluster = {0};
	enum status status = OK;
	*out = etcd;
	etcd->site = site;
	for (int i = 0; i < PEER_MEMBERS && status == OK; i++) {
		status = bench_port(&etcd->client_ports[i], fault);
		if (status == OK)
			status = bench_port(&etcd->peer_ports[i], fault);
		buffer_printf(&cluster, "%setcd-%d=http://127.0.0.1:%d", i ? "," : "", i, etcd->peer_ports[i]);
	}
	buffer_append_byte(&cluster, 0);
	for (int i = 0; i < PEER_MEMBERS && status == OK; i++)
		status = member_start(etcd, i, (const char *)cluster.data, fault);
	buffer_free(&cluster);
	return status == OK ? ready_wait(etcd, fault) : status;
}

static enum status etcd_write(void *peer, size_t records, unsigned parallel, double seconds, double *rate, struct fault *fault)
{
	struct http_load_result result;
	TRY(load_run(peer, records, parallel, seconds, &result, fault));
	if (result.bad)
		return fault_set(fault, E_BUSY, "etcd refused %" PRIu64 " of %" PRIu64 " writes: %s", result.bad, result.good + result.bad, result.first_bad);
	*rate = (double)(result.good * records) / result.elapsed_s;
	return OK;
}

static void etcd_close(void *peer)
{
	free(peer);
}

const struct bench_peer *bench_peer_etcd(void)
{
	static const struct bench_peer peer = {"etcd", "etcd", etcd_open, etcd_write, etcd_close, "puts", "transactions", {1, 16, 128}, 2048};
	return &peer;
}
