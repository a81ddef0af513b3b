#include "bench/bench.h"

#include "crypto/hash.h"
#include "edge/session.h"
#include "host/loop.h"

#include <stdlib.h>

/* One repetition of what is measured. */
typedef void work(void *context);

/* Seconds of processor time that one repetition takes: other processes on the machine do not count. */
static double time_of(work *once, void *context, double seconds)
{
	uint64_t done = 0;
	int64_t start = clock_process_cpu_ns(), spent = 0;
	for (uint64_t more = 1; (double)spent < seconds * 1e9; more = more < 1024 ? 2 * more : more) {
		for (uint64_t i = 0; i < more; i++)
			once(context);
		done += more;
		spent = clock_process_cpu_ns() - start;
	}
	return (double)spent / 1e9 / (double)done;
}

enum { STATEMENT_BYTES = 3072, BULK = 64 << 10, READING = 64 };

struct material {
	struct signing_key *key;
	struct verifying_key *verifying;
	struct mac_key *mac;
	struct signature signature;
	uint64_t seq;
	uint8_t randomness[32];
	uint8_t bytes[BULK];
	uint8_t sink;                 /* results go here, so that they are computed */
};

static void do_sign(void *context)
{
	struct material *m = context;
	/* Another one each time: how often a signature is begun anew depends on it. */
	m->seq++;
	memcpy(m->randomness, &m->seq, sizeof m->seq);
	CHECK(signing_key_sign(m->key, span_of(m->bytes, STATEMENT_BYTES), (struct span){0}, m->randomness, &m->signature) == OK);
}

static void do_verify(void *context)
{
	struct material *m = context;
	CHECK(verifying_key_verify(m->verifying, span_of(m->bytes, STATEMENT_BYTES), (struct span){0}, span_of(m->signature.bytes, ML_DSA_44_SIGNATURE)) == OK);
}

static void hash_of(struct material *m, size_t size)
{
	struct digest digest = sha256(span_of(m->bytes, size));
	m->sink ^= digest.bytes[0];
}

static void do_hash_small(void *context)
{
	hash_of(context, 64);
}

static void do_hash_statement(void *context)
{
	hash_of(context, STATEMENT_BYTES);
}

static void do_hash_bulk(void *context)
{
	hash_of(context, BULK);
}

static void do_tag(void *context)
{
	struct material *m = context;
	uint8_t tag[SESSION_TAG_SIZE];
	session_tag(m->mac, SESSION_DATA, ++m->seq, span_of(m->bytes, READING), tag);
	m->sink ^= tag[0];
}

enum status bench_crypto(struct bench *bench, struct fault *fault)
{
	struct material *m = memory_new(sizeof *m);
	enum status status = signing_key_generate(&m->key);
	if (status != OK) {
		free(m);
		return fault_set(fault, status, "no key can be made: the operating system gives no randomness");
	}
	m->verifying = verifying_key_new(signing_key_public(m->key));
	m->mac = mac_key_new(span_of(m->bytes, SESSION_KEY_SIZE));
	double seconds = bench->seconds / 5;
	double sign = time_of(do_sign, m, seconds), verify = time_of(do_verify, m, seconds), statement = time_of(do_hash_statement, m, seconds / 2);
	double small = time_of(do_hash_small, m, seconds / 2), bulk = time_of(do_hash_bulk, m, seconds / 2), tag = time_of(do_tag, m, seconds / 2);
	bench->verify_s = verify;
	bench_row_peer(bench_row_add(bench, "crypto", sign * 1e6, "us", "ML-DSA-44 sign 3 KiB"), verify * 1e6, NULL, "verify");
	bench_row_peer(bench_row_add(bench, "crypto", verify * 1e6, "us", "ML-DSA-44 verify 3 KiB"), statement * 1e6, NULL, "SHA-256 of the same bytes");
	bench_row_peer(bench_row_add(bench, "crypto", 64 / small / 1e6, "MB/s", "SHA-256 of 64 B"), BULK / bulk / 1e6, NULL, "SHA-256 of 64 KiB");
	bench_row_peer(bench_row_add(bench, "crypto", tag * 1e6, "us", "tag of a message of 64 B (HMAC-SHA-256)"), small * 1e6, NULL, "SHA-256 of 64 B");
	signing_key_free(m->key);
	verifying_key_free(m->verifying);
	mac_key_free(m->mac);
	free(m);
	return OK;
}
