/* The log's tree and the state tree alone, without statements: memory, the time to append, roots, proofs. */
#include "bench/growth.h"

#include "run/ask.h"
#include "base/map.h"
#include "base/random.h"
#include "crypto/hash.h"
#include "crypto/merkle.h"
#include "crypto/state_tree.h"
#include "host/loop.h"

#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	PROOFS = 20000,
	HASHES = 2000000,             /* plain ones, for the time of one */
	TOLD_EVERY = 10000000,
	LOOK_EVERY = 1 << 16,
	STATE_KEYS_MAX = 1000000,     /* names on a ledger are fewer than statements */
	STATE_VALUE = 256,            /* bytes of what the ledger says of a name, about */
	STATE_KEY_BYTES = 900,        /* memory that is asked for, a key */
};
/* The tree's two hashes a leaf, and what an array that grows keeps in reserve without touching it. */
#define TREE_ENTRY_BYTES 70.0

/* -- the machine --------------------------------------------------------------------------------------- */

/* NAN: the system does not tell. */
static double memory_available(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];
	double kilobytes = NAN;
	while (file && isnan(kilobytes) && fgets(line, sizeof line, file))
		if (sscanf(line, "MemAvailable: %lf kB", &kilobytes) != 1)
			kilobytes = NAN;
	if (file)
		fclose(file);
	return kilobytes * 1024;
}

static enum status memory_check(double needed, const char *what, struct fault *fault)
{
	double available = memory_available();
	if (available < needed)
		return fault_set(fault, E_LIMIT, "%s needs %.1f GB of memory, %.1f GB are free; give less with --entries", what, needed / 1e9, available / 1e9);
	return OK;
}

static double resident(void)
{
	struct bench_use use;
	malloc_trim(0); /* what earlier parts have freed would be used again, and not be seen to grow */
	return bench_use(getpid(), &use) ? use.resident_bytes : NAN;
}

/* An id, as a statement's: no two are equal. */
static struct digest id_of(uint64_t number)
{
	struct digest id = {{0}};
	struct random random = random_of(number);
	for (size_t i = 0; i < DIGEST_SIZE; i += 8) {
		uint64_t bits = random_next(&random);
		memcpy(id.bytes + i, &bits, 8);
	}
	return id;
}

/* Processor time of one plain SHA-256 of so many bytes. */
static double hash_time(size_t size)
{
	uint8_t bytes[STATE_VALUE] = {1};
	CHECK(size <= sizeof bytes);
	int64_t start_ns = clock_process_cpu_ns();
	for (int i = 0; i < HASHES; i++) {
		struct digest digest = sha256(span_of(bytes, size));
		memcpy(bytes + 1, digest.bytes, DIGEST_SIZE);
	}
	return (double)(clock_process_cpu_ns() - start_ns) / 1e9 / HASHES;
}

/* -- many small pieces of work ----------------------------------------------------------------------------- */

/* One, by number. */
typedef enum status piece(void *context, uint64_t number);

static enum status pieces_time(piece *once, void *context, double times_s[PROOFS], struct fault *fault)
{
	for (uint64_t i = 0; i < PROOFS; i++) {
		int64_t start_ns = clock_monotonic_ns();
		if (once(context, i) != OK)
			return fault_set(fault, E_CORRUPT, "a proof that was made does not verify");
		times_s[i] = (double)(clock_monotonic_ns() - start_ns) / 1e9;
	}
	return OK;
}

static enum status piece_rows(struct bench *bench, const char *what, piece *once, void *context, double peer_s, const char *peer, struct fault *fault)
{
	double *times_s = memory_new_array(PROOFS, sizeof *times_s);
	enum status status = pieces_time(once, context, times_s, fault);
	for (int i = 0; i < 2 && status == OK; i++) {
		double at = i ? 0.99 : 0.5;
		bench_row_peer(bench_row_add(bench, "growth", ask_quantile(times_s, PROOFS, at) * 1e6, "us", "  %s, p%.0f of %d", what, at * 100, PROOFS), peer_s * 1e6, NULL, peer);
	}
	free(times_s);
	return status;
}

/* -- the log's tree ------------------------------------------------------------------------------------------ */

struct log_world {
	struct merkle_tree tree;
	uint64_t size;
	struct random random;
	struct merkle_path path;
	uint8_t sink;                 /* results go here, so that they are computed */
};

static enum status do_root(void *context, uint64_t number)
{
	struct log_world *world = context;
	(void)number;
	struct digest root = merkle_tree_root(&world->tree, 1 + random_below(&world->random, world->size));
	world->sink ^= root.bytes[0];
	return OK;
}

static enum status do_inclusion(void *context, uint64_t number)
{
	struct log_world *world = context;
	(void)number;
	return merkle_tree_inclusion(&world->tree, random_below(&world->random, world->size), world->size, &world->path);
}

static enum status do_consistency(void *context, uint64_t number)
{
	struct log_world *world = context;
	(void)number;
	return merkle_tree_consistency(&world->tree, 1 + random_below(&world->random, world->size), world->size, &world->path);
}

/* Made and verified, so that what is timed above is known to be right. */
static enum status proofs_check(struct log_world *world, struct fault *fault)
{
	struct digest root = merkle_tree_root(&world->tree, world->size);
	for (int i = 0; i < 200; i++) {
		uint64_t index = random_below(&world->random, world->size), first = index + 1;
		struct digest id = id_of(index), leaf = merkle_leaf(digest_span(&id)), before = merkle_tree_root(&world->tree, first);
		bool good = merkle_tree_inclusion(&world->tree, index, world->size, &world->path) == OK
			&& merkle_inclusion_verify(&leaf, index, world->size, &world->path, &root) == OK
			&& merkle_tree_consistency(&world->tree, first, world->size, &world->path) == OK
			&& merkle_consistency_verify(first, world->size, &before, &root, &world->path) == OK;
		if (!good)
			return fault_set(fault, E_CORRUPT, "the proofs of entry %llu of %llu do not verify", (unsigned long long)index, (unsigned long long)world->size);
	}
	return OK;
}

static enum status log_grow(struct log_world *world, double entries, double *append_s, struct fault *fault)
{
	int64_t start_ns = clock_process_cpu_ns();
	while (world->size < (uint64_t)entries) {
		struct digest id = id_of(world->size), leaf = merkle_leaf(digest_span(&id));
		merkle_tree_append(&world->tree, &leaf);
		world->size++;
		if (world->size % LOOK_EVERY == 0)
			TRY(bench_go_on(fault));
		if (world->size % TOLD_EVERY == 0)
			bench_tell("growth: %.0f million entries", (double)world->size / 1e6);
	}
	*append_s = (double)(clock_process_cpu_ns() - start_ns) / 1e9 / (double)world->size;
	return OK;
}

static enum status log_measure(struct bench *bench, struct log_world *world, double entries, struct fault *fault)
{
	double before = resident(), append_s, leaf_s = hash_time(1 + DIGEST_SIZE), node_s = hash_time(1 + 2 * DIGEST_SIZE);
	double height = ceil(log2(entries));
	char peer[72];
	TRY(memory_check(entries * TREE_ENTRY_BYTES, "a tree of that many entries", fault));
	TRY(log_grow(world, entries, &append_s, fault));
	bench_row_peer(bench_row_add(bench, "growth", (resident() - before) / entries, "B", "log of %.1f million ids alone: memory an entry", entries / 1e6), 2 * DIGEST_SIZE, NULL,
		"two hashes");
	bench_row_peer(bench_row_add(bench, "growth", append_s * 1e9, "ns", "  append an entry"), (leaf_s + node_s) * 1e9, NULL, "plain SHA-256 of a leaf and a node");
	snprintf(peer, sizeof peer, "plain SHA-256 of %.0f nodes, one a level", height);
	TRY(proofs_check(world, fault));
	TRY(piece_rows(bench, "root of an earlier size", do_root, world, height * node_s, peer, fault));
	TRY(piece_rows(bench, "proof of inclusion", do_inclusion, world, height * node_s, peer, fault));
	return piece_rows(bench, "proof of consistency", do_consistency, world, height * node_s, peer, fault);
}

/* -- the state tree -------------------------------------------------------------------------------------------- */

struct state_world {
	struct state_tree tree;
	uint64_t size;
	uint8_t value[STATE_VALUE];
	struct random random;
	struct state_path path;
};

/* Every second one of a name that is there. */
static enum status do_state(void *context, uint64_t number)
{
	struct state_world *world = context;
	struct span value;
	bool there = number % 2;
	struct digest key = id_of(there ? random_below(&world->random, world->size) : world->size + number);
	return state_tree_prove(&world->tree, &key, &value, &world->path) == there ? OK : E_CORRUPT;
}

static enum status do_state_change(void *context, uint64_t number)
{
	struct state_world *world = context;
	struct digest key = id_of(random_below(&world->random, world->size));
	memcpy(world->value, &number, sizeof number);
	state_tree_put(&world->tree, &key, span_of(world->value, STATE_VALUE));
	struct digest root = state_tree_root(&world->tree);
	return root.bytes[0] || root.bytes[1] || root.bytes[2] ? OK : E_CORRUPT;
}

static enum status state_measure(struct bench *bench, struct state_world *world, double keys, struct fault *fault)
{
	double before = resident(), node_s = hash_time(1 + 2 * DIGEST_SIZE), height = ceil(log2(keys)) + 1;
	char peer[72];
	TRY(memory_check(keys * STATE_KEY_BYTES, "a state of that many names", fault));
	int64_t start_ns = clock_process_cpu_ns();
	for (; world->size < (uint64_t)keys; world->size++) {
		struct digest key = id_of(world->size);
		state_tree_put(&world->tree, &key, span_of(world->value, STATE_VALUE));
		if (world->size % LOOK_EVERY == 0)
			TRY(bench_go_on(fault));
	}
	double put_s = (double)(clock_process_cpu_ns() - start_ns) / 1e9 / keys;
	start_ns = clock_process_cpu_ns();
	struct digest root = state_tree_root(&world->tree);
	double root_s = (double)(clock_process_cpu_ns() - start_ns) / 1e9 / keys;
	(void)root;
	bench_row_peer(bench_row_add(bench, "growth", (resident() - before) / keys, "B", "state of %.2f million names of %d B: memory a name", keys / 1e6, STATE_VALUE), STATE_VALUE, NULL,
		"its bytes");
	bench_row_add(bench, "growth", put_s * 1e9, "ns", "  put a name");
	bench_row_peer(bench_row_add(bench, "growth", root_s * 1e9, "ns", "  the first root of all, a name"), (hash_time(STATE_VALUE) + 2 * node_s) * 1e9, NULL, "plain SHA-256 of its bytes, a leaf and a node");
	snprintf(peer, sizeof peer, "plain SHA-256 of %.0f nodes, one a level", height);
	TRY(piece_rows(bench, "proof that a name is there, or not", do_state, world, height * node_s, peer, fault));
	return piece_rows(bench, "change one, and the new root", do_state_change, world, height * node_s, peer, fault);
}

enum status bench_growth_hashes(struct bench *bench, struct fault *fault)
{
	struct log_world *log = memory_new_array(1, sizeof *log);
	struct state_world *state = memory_new_array(1, sizeof *state);
	log->random = random_of(1);
	state->random = random_of(2);
	bench_tell("growth: trees of %.1f million hashes", bench->entries / 1e6);
	enum status status = log_measure(bench, log, bench->entries, fault);
	merkle_tree_free(&log->tree);
	if (status == OK)
		status = state_measure(bench, state, bench->entries < STATE_KEYS_MAX ? bench->entries : STATE_KEYS_MAX, fault);
	state_tree_free(&state->tree);
	free(log);
	free(state);
	return status;
}
