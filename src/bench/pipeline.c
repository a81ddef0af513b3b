/* Wrangle, compare with the twin, keep in a chunk: what the gateway does with a message after its tag was checked, in one
 * thread, by processor time. The parts are told apart by running the same messages through more and more of them, so
 * that no clock is read in between. */
#include "bench/bench.h"

#include "crypto/hash.h"
#include "floor/floor.h"
#include "host/disk.h"
#include "host/loop.h"

#include <stdio.h>
#include <stdlib.h>

#include <yyjson.h>

/* -- a machine ------------------------------------------------------------------------------ */

enum status bench_device_read(const struct bench *bench, const char *name, struct bench_device *out, struct fault *fault)
{
	char path[1200];
	struct buffer json = {0};
	snprintf(path, sizeof path, "%s/%s.json", bench->examples, name);
	enum status status = disk_read(path, DOCUMENT_SIZE_MAX, &json, fault);
	if (status == E_NOT_FOUND)
		fault_set(fault, status, "%s is not there; run from the project's folder or give --examples", path);
	if (status == OK)
		status = document_read(buffer_span(&json), span_of_text("org:manufacturer"), span_of_text("hall-1"), &out->document, fault);
	buffer_free(&json);
	return status;
}

static void device_stop(struct bench_device *device)
{
	twin_free(device->twin);
	wrangler_free(device->wrangler);
	device->twin = NULL;
	device->wrangler = NULL;
}

void bench_device_free(struct bench_device *device)
{
	device_stop(device);
	document_free(&device->document);
}

enum status bench_device_fresh(struct bench_device *device, struct unit_table *units, bool twin, struct fault *fault)
{
	const struct document *document = &device->document;
	const struct body_device *body = &document->device;
	struct wrangle_rule rules[BODY_SIGNALS_MAX];
	device_stop(device);
	for (size_t i = 0; i < body->signal_count; i++) {
		const struct body_signal *signal = &body->signals[i];
		rules[i] = (struct wrangle_rule){.id = signal->id, .field = signal->field, .raw_unit = signal->raw_unit, .unit = signal->unit,
			.period_ms = signal->period_ms, .stuck_count = signal->stuck_count};
	}
	TRY(wrangler_new((enum wrangle_format)body->format, rules, body->signal_count, units, &device->wrangler, fault));
	device->channels = wrangler_channels(device->wrangler, &device->channel_count);
	if (!twin)
		return OK;
	const struct digest some = {{1}};
	TRY(twin_new(document->subject, body, &device->twin, fault));
	twin_channels_set(device->twin, device->channels, device->channel_count);
	if (document->has_bounds)
		TRY(twin_bounds_set(device->twin, &document->bounds, &some, fault));
	return document->has_model ? twin_model_set(device->twin, &document->model, &some, fault) : OK;
}

/* -- its messages ------------------------------------------------------------------------------ */

enum { CHUNK_SAMPLES = 60000, START_S = 1767225600, RECEIVED_AFTER_NS = 1700000 };

struct messages {
	struct buffer bytes;
	struct message {
		size_t at, size;
		int64_t received_ns;
	} *items;
	size_t count, capacity;
};

static void messages_free(struct messages *messages)
{
	buffer_free(&messages->bytes);
	free(messages->items);
}

/* What the simulated machine says until a chunk is full. */
static void messages_make(const char *name, size_t count, struct messages *out)
{
	struct floor *floor = floor_new(1, START_S * NS_PER_S, 0);
	struct floor_message message;
	while (out->count < count) {
		CHECK(floor_next(floor, floor_due(floor), &message));
		if (strcmp(message.device, name) != 0 || message.kind != FLOOR_DATA || message.tampered || message.again)
			continue;
		ARRAY_GROW(out->items, out->count, out->capacity);
		out->items[out->count++] = (struct message){out->bytes.size, message.payload.size, message.time_ns + RECEIVED_AFTER_NS};
		buffer_append_span(&out->bytes, message.payload);
	}
	floor_free(floor);
}

static struct span message_at(const struct messages *messages, size_t i)
{
	return span_of(messages->bytes.data + messages->items[i].at, messages->items[i].size);
}

/* -- the passes ---------------------------------------------------------------------------------- */

enum depth { WRANGLE, TWIN, CHUNK };

struct pipeline {
	struct bench_device device;
	struct messages messages;
	struct unit_table *units;
	struct chunk_builder *builder;
	struct buffer chunk;
	struct buffer leaves;         /* what the last full pass hashed: u32 size and the bytes, for each */
	uint64_t samples;             /* of one pass */
	/* Processor time, all rounds together. */
	int64_t pass_ns[CHUNK + 1], seal_ns, copy_ns, parse_ns, hash_ns;
	uint64_t rounds;
	size_t findings;
};

static enum status pass(struct pipeline *p, enum depth depth, struct fault *fault)
{
	uint32_t index = 0;
	TRY(bench_device_fresh(&p->device, p->units, depth >= TWIN, fault));
	if (depth == CHUNK)
		TRY(chunk_builder_device(p->builder, p->device.document.subject, p->device.channels, p->device.channel_count, &index));
	p->samples = 0;
	int64_t start = clock_process_cpu_ns();
	for (size_t i = 0; i < p->messages.count; i++) {
		const struct wrangle_row *rows;
		size_t count;
		int64_t received_ns = p->messages.items[i].received_ns;
		/* A cut message is the simulated floor's doing, and part of the load. */
		if (wrangler_read(p->device.wrangler, message_at(&p->messages, i), received_ns, &rows, &count, fault) != OK)
			continue;
		for (size_t r = 0; r < count; r++) {
			struct twin_finding findings[TWIN_FINDINGS_MAX];
			size_t found = 0;
			uint64_t leaf;
			if (depth == CHUNK)
				TRY(chunk_builder_row(p->builder, index, i + 1, received_ns, &rows[r], &leaf));
			if (depth >= TWIN)
				twin_row(p->device.twin, i + 1, &rows[r], findings, &found);
			p->findings += found;
			p->samples += p->device.channel_count;
		}
	}
	p->pass_ns[depth] += clock_process_cpu_ns() - start;
	return OK;
}

static enum status chunk_seal(struct pipeline *p, struct fault *fault)
{
	struct chunk_summary summary;
	struct chunk *chunk;
	buffer_clear(&p->chunk);
	int64_t start = clock_process_cpu_ns();
	chunk_builder_seal(p->builder, &p->chunk, &summary);
	p->seal_ns += clock_process_cpu_ns() - start;
	if (summary.samples != p->samples)
		return fault_set(fault, E_CORRUPT, "the chunk lost samples");
	if (p->leaves.size)
		return OK;
	TRY(chunk_open(buffer_span(&p->chunk), &chunk, fault));
	for (uint64_t leaf = 0; leaf < summary.samples; leaf++) {
		struct sample sample;
		struct buffer bytes = {0};
		CHECK(chunk_sample(chunk, leaf, &sample) == OK);
		sample_encode(&sample, &bytes);
		write_block(&p->leaves, buffer_span(&bytes));
		buffer_free(&bytes);
	}
	chunk_free(chunk);
	return OK;
}

/* The tree over the same leaves, and nothing else. */
static void hashing(struct pipeline *p)
{
	struct merkle_tree tree = {0};
	struct reader in = reader_of(buffer_span(&p->leaves));
	int64_t start = clock_process_cpu_ns();
	while (in.rest.size) {
		struct digest leaf = merkle_leaf(read_block(&in, SAMPLE_BYTES_MAX));
		merkle_tree_append(&tree, &leaf);
	}
	p->hash_ns += clock_process_cpu_ns() - start;
	CHECK(merkle_tree_size(&tree) == p->samples);
	merkle_tree_free(&tree);
}

static void copying(struct pipeline *p)
{
	uint8_t *copy = memory_new(p->messages.bytes.size);
	volatile uint8_t sink;
	memset(copy, 1, p->messages.bytes.size); /* so that its pages are there */
	int64_t start = clock_process_cpu_ns();
	memcpy(copy, p->messages.bytes.data, p->messages.bytes.size);
	sink = copy[p->messages.bytes.size / 2];
	p->copy_ns += clock_process_cpu_ns() - start;
	(void)sink;
	free(copy);
}

/* yyjson alone, in memory that it reuses. */
static void parsing(struct pipeline *p)
{
	static const size_t pool_size = 64 << 10;
	uint8_t *pool = memory_new(pool_size);
	uint64_t values = 0;
	int64_t start = clock_process_cpu_ns();
	for (size_t i = 0; i < p->messages.count; i++) {
		struct span text = message_at(&p->messages, i);
		yyjson_alc allocator;
		yyjson_alc_pool_init(&allocator, pool, pool_size);
		yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)text.data, text.size, 0, &allocator, NULL);
		values += doc ? yyjson_doc_get_val_count(doc) : 0;
	}
	p->parse_ns += clock_process_cpu_ns() - start;
	CHECK(values > 0);
	free(pool);
}

static enum status rounds(struct pipeline *p, double seconds, struct fault *fault)
{
	int64_t until = clock_process_cpu_ns() + (int64_t)(seconds * 1e9);
	do {
		TRY(bench_go_on(fault));
		for (int depth = WRANGLE; depth <= CHUNK; depth++)
			TRY(pass(p, (enum depth)depth, fault));
		TRY(chunk_seal(p, fault));
		hashing(p);
		copying(p);
		if (p->device.document.device.format != FORMAT_CSV)
			parsing(p);
		p->rounds++;
	} while (clock_process_cpu_ns() < until);
	return OK;
}

static double per_sample(const struct pipeline *p, int64_t ns)
{
	return (double)ns / ((double)p->samples * (double)p->rounds);
}

static void rows_add(struct bench *bench, const struct pipeline *p, const char *format, bool split)
{
	const int64_t *ns = p->pass_ns;
	double all = per_sample(p, ns[CHUNK] + p->seal_ns), hash = per_sample(p, p->hash_ns);
	struct bench_row *row = bench_row_add(bench, "pipeline", 1e9 / all, "samples/s", "%s, %zu fields, one core, chunks of %d samples", format,
		p->device.channel_count, CHUNK_SAMPLES);
	bench_row_peer(row, 1e9 / hash, NULL, "the Merkle tree's SHA-256 alone");
	row->floor = 300000;
	row->sense = BENCH_AT_LEAST;
	row = bench_row_add(bench, "pipeline", per_sample(p, ns[WRANGLE]), "ns/sample", "  wrangle");
	if (p->parse_ns)
		bench_row_peer(row, per_sample(p, p->parse_ns), NULL, "yyjson's parse alone");
	else
		bench_row_peer(row, per_sample(p, p->copy_ns), NULL, "memcpy of the messages");
	if (!split)
		return;
	row = bench_row_add(bench, "pipeline", per_sample(p, ns[TWIN] - ns[WRANGLE]), "ns/sample", "  twin");
	bench_row_peer(row, per_sample(p, p->copy_ns), NULL, "memcpy of the messages");
	row = bench_row_add(bench, "pipeline", per_sample(p, ns[CHUNK] - ns[TWIN]), "ns/sample", "  chunk: rows and leaves");
	bench_row_peer(row, hash, NULL, "the Merkle tree's SHA-256 alone");
	row = bench_row_add(bench, "pipeline", per_sample(p, p->seal_ns), "ns/sample", "  seal: columns, zstd, file's digest");
	bench_row_peer(row, per_sample(p, p->copy_ns), NULL, "memcpy of the messages");
}

static enum status machine_measure(struct bench *bench, const char *name, const char *format, bool split, struct fault *fault)
{
	struct pipeline *p = memory_new(sizeof *p);
	enum status status = bench_device_read(bench, name, &p->device, fault);
	if (status == OK) {
		status = unit_table_new(&p->units, fault);
		p->builder = chunk_builder_new();
		if (status == OK)
			status = bench_device_fresh(&p->device, p->units, false, fault);
		if (status == OK) {
			messages_make(name, CHUNK_SAMPLES / p->device.channel_count, &p->messages);
			status = rounds(p, split ? bench->seconds : bench->seconds / 2, fault);
		}
		if (status == OK)
			rows_add(bench, p, format, split);
		bench_device_free(&p->device);
		chunk_builder_free(p->builder);
		unit_table_free(p->units);
	}
	messages_free(&p->messages);
	buffer_free(&p->chunk);
	buffer_free(&p->leaves);
	free(p);
	return status;
}

enum status bench_pipeline(struct bench *bench, struct fault *fault)
{
	TRY(machine_measure(bench, "spindle-1", "JSON", true, fault));
	TRY(machine_measure(bench, "autoclave-1", "CSV", false, fault));
	return machine_measure(bench, "robot-1", "SenML", false, fault);
}
