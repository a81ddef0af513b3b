/* How many bytes of a chunk a sample takes, beside the same rows as text under the same compressor, and as plain numbers. */
#include "bench/bench.h"

#include "command/cmapss.h"
#include "base/cursor.h"
#include "floor/floor.h"
#include "host/disk.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { FLOOR_S = 600, START_S = 1767225600, DELAY_MAX_US = 4000 };

/* The same rows twice: as chunks, and as CSV lines. */
struct filling {
	struct chunk_builder *builder;
	struct buffer chunk, csv;
	struct random random;
	int64_t seal_ns;              /* simulated time between seals; 0: one chunk */
	uint64_t seal_samples;        /* 0: no limit */
	int64_t opened_ns;
	/* Sums over the chunks. */
	uint64_t samples, rows, chunks;
	double chunk_bytes, csv_bytes;
};

static void seal(struct filling *filling)
{
	struct chunk_summary summary;
	if (chunk_builder_samples(filling->builder) == 0)
		return;
	buffer_clear(&filling->chunk);
	chunk_builder_seal(filling->builder, &filling->chunk, &summary);
	filling->chunk_bytes += (double)filling->chunk.size;
	filling->csv_bytes += (double)chunk_packed_size(buffer_span(&filling->csv));
	filling->samples += summary.samples;
	filling->chunks++;
	filling->opened_ns = 0;
	buffer_clear(&filling->csv);
}

static void csv_row(struct buffer *out, struct span device, uint64_t seq, int64_t received_ns, const struct wrangle_row *row, size_t columns)
{
	buffer_append_span(out, device);
	buffer_printf(out, ",%" PRIu64 ",%" PRId64 ",%" PRId64, seq, row->time_ns / 1000000, received_ns / 1000);
	for (size_t c = 0; c < columns; c++) {
		if (isnan(row->raw[c]))
			buffer_printf(out, ",,%u", (unsigned)row->reason[c]);
		else
			buffer_printf(out, ",%.15g,%u", row->raw[c], (unsigned)row->reason[c]);
	}
	buffer_append_byte(out, '\n');
}

static enum status take(struct filling *filling, struct bench_device *device, uint64_t seq, int64_t time_ns, struct span payload, struct fault *fault)
{
	const struct wrangle_row *rows;
	size_t count;
	uint32_t index;
	uint64_t leaf;
	int64_t received_ns = time_ns + (int64_t)(1000 + random_below(&filling->random, DELAY_MAX_US)) * 1000;
	bool old = filling->seal_ns && filling->opened_ns && time_ns - filling->opened_ns >= filling->seal_ns;
	if (old || (filling->seal_samples && chunk_builder_samples(filling->builder) >= filling->seal_samples))
		seal(filling);
	enum status status = chunk_builder_device(filling->builder, device->document.subject, device->channels, device->channel_count, &index);
	if (status != OK && status != E_DUPLICATE)
		return fault_set(fault, status, "the chunk takes no further device");
	if (!filling->opened_ns)
		filling->opened_ns = time_ns;
	if (wrangler_read(device->wrangler, payload, received_ns, &rows, &count, fault) != OK)
		return chunk_builder_refused(filling->builder, index, seq, received_ns, payload);
	for (size_t r = 0; r < count; r++) {
		TRY(chunk_builder_row(filling->builder, index, seq, received_ns, &rows[r], &leaf));
		csv_row(&filling->csv, device->document.subject, seq, received_ns, &rows[r], device->channel_count);
		filling->rows++;
	}
	return OK;
}

static void row_add(struct bench *bench, const struct filling *filling, const char *what, bool with_plain)
{
	double samples = (double)filling->samples;
	struct bench_row *row = bench_row_add(bench, "chunk", filling->chunk_bytes / samples, "B/sample", "%s: %.0f samples a chunk", what,
		samples / (double)filling->chunks);
	bench_row_peer(row, filling->csv_bytes / samples, NULL, "the same rows as CSV, zstd level 3");
	row->floor = 4;
	row->sense = BENCH_AT_MOST;
	if (!with_plain)
		return;
	row = bench_row_add(bench, "chunk", filling->chunk_bytes / samples, "B/sample", "  the same");
	bench_row_peer(row, 8 + 8 * (double)filling->rows / samples, NULL, "a double each and a 64-bit time a row");
}

/* -- the simulated floor ----------------------------------------------------------------------- */

static const char *const machines[] = {"spindle-1", "autoclave-1", "robot-1", "power-1", "fire-1", "door-1"};
enum { MACHINES = sizeof machines / sizeof *machines };

static struct bench_device *machine_of(struct bench_device *devices, const char *name)
{
	for (size_t i = 0; i < MACHINES; i++)
		if (strcmp(name, machines[i]) == 0)
			return &devices[i];
	return NULL;
}

static enum status floor_fill(struct bench_device *devices, struct filling *filling, struct fault *fault)
{
	struct floor *floor = floor_new(1, START_S * NS_PER_S, 0);
	struct floor_message message;
	enum status status = OK;
	filling->builder = chunk_builder_new();
	filling->random = random_of(1);
	while (status == OK && floor_next(floor, (START_S + FLOOR_S) * NS_PER_S, &message)) {
		struct bench_device *device = machine_of(devices, message.device);
		if (device && message.kind == FLOOR_DATA && !message.tampered && !message.again)
			status = take(filling, device, message.number, message.time_ns, message.payload, fault);
	}
	seal(filling);
	floor_free(floor);
	return status;
}

static void filling_free(struct filling *filling)
{
	chunk_builder_free(filling->builder);
	buffer_free(&filling->chunk);
	buffer_free(&filling->csv);
}

static enum status floor_measure(struct bench *bench, struct bench_device *devices, struct unit_table *units, int64_t seal_s, const char *what,
	struct fault *fault)
{
	struct filling filling = {.seal_ns = seal_s * NS_PER_S};
	for (size_t i = 0; i < MACHINES; i++)
		TRY(bench_device_fresh(&devices[i], units, false, fault));
	enum status status = floor_fill(devices, &filling, fault);
	if (status == OK)
		row_add(bench, &filling, what, seal_s == 0);
	filling_free(&filling);
	return status;
}

static enum status floor_all(struct bench *bench, struct unit_table *units, struct fault *fault)
{
	struct bench_device *devices = memory_new_array(MACHINES, sizeof *devices);
	size_t read = 0;
	enum status status = OK;
	for (; read < MACHINES && status == OK; read += status == OK)
		status = bench_device_read(bench, machines[read], &devices[read], fault);
	if (status == OK)
		status = floor_measure(bench, devices, units, 0, "simulated floor, 600 s at once", fault);
	if (status == OK)
		status = floor_measure(bench, devices, units, 60, "simulated floor, sealed every 60 s", fault);
	if (status == OK)
		status = floor_measure(bench, devices, units, 5, "simulated floor, sealed every 5 s (default)", fault);
	for (size_t i = 0; i < read; i++)
		bench_device_free(&devices[i]);
	free(devices);
	return status;
}

/* -- recorded engines ---------------------------------------------------------------------------- */

enum { ENGINE_SEAL_SAMPLES = 60000, ENGINE_PERIOD_MS = 250 };

static enum status engines_fill(const struct cmapss *data, struct unit_table *units, struct filling *filling, struct fault *fault)
{
	struct bench_device *engine = memory_new(sizeof *engine);
	struct buffer message = {0};
	enum status status = OK;
	filling->builder = chunk_builder_new();
	filling->random = random_of(1);
	cmapss_device(span_of_text("gw:manufacturer/hall-1"), ENGINE_PERIOD_MS, &engine->document.device);
	for (size_t u = 0; u < data->count && status == OK; u++) {
		char name[64];
		snprintf(name, sizeof name, "dev:manufacturer/engine-%03u", data->units[u].number);
		engine->document.subject = span_of_text(name);
		status = bench_device_fresh(engine, units, false, fault);
		for (size_t c = 0; c < data->units[u].count && status == OK; c++) {
			int64_t time_ms = START_S * MS_PER_S + (int64_t)c * ENGINE_PERIOD_MS;
			buffer_clear(&message);
			cmapss_message(&data->units[u].cycles[c], time_ms, &message);
			status = take(filling, engine, c + 1, time_ms * NS_PER_MS, buffer_span(&message), fault);
		}
	}
	seal(filling);
	bench_device_free(engine);
	free(engine);
	buffer_free(&message);
	return status;
}

static enum status engines_all(struct bench *bench, struct unit_table *units, struct fault *fault)
{
	struct buffer text = {0};
	struct cmapss data = {0};
	struct filling filling = {.seal_samples = ENGINE_SEAL_SAMPLES};
	enum status status = disk_read(bench->cmapss, CMAPSS_SIZE_MAX, &text, fault);
	if (status == OK)
		status = cmapss_parse(buffer_span(&text), &data, fault);
	buffer_free(&text);
	if (status != OK)
		return status;
	status = engines_fill(&data, units, &filling, fault);
	if (status == OK)
		row_add(bench, &filling, "C-MAPSS engines", true);
	filling_free(&filling);
	cmapss_free(&data);
	return status;
}

enum status bench_chunk(struct bench *bench, struct fault *fault)
{
	struct unit_table *units;
	TRY(unit_table_new(&units, fault));
	enum status status = floor_all(bench, units, fault);
	if (status == OK && bench->cmapss)
		status = engines_all(bench, units, fault);
	unit_table_free(units);
	return status;
}
