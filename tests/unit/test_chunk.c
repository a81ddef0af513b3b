#include "base/cursor.h"
#include "base/random.h"
#include "base/time.h"
#include "crypto/hash.h"
#include "signal/chunk.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include <cmocka.h>

static struct span text(const char *t)
{
	return span_of_text(t);
}

enum { DEVICES = 5, COLUMNS_MAX = 7, ROWS_MAX = 400 };

/* A small stream kept beside the chunk: what must come back. */
struct stream {
	size_t devices;
	char names[DEVICES][16];
	char ids[DEVICES][COLUMNS_MAX][16];
	struct channel channels[DEVICES][COLUMNS_MAX];
	size_t columns[DEVICES];
	size_t rows;
	uint32_t device[ROWS_MAX];
	uint64_t seq[ROWS_MAX];
	int64_t received_ns[ROWS_MAX];
	struct wrangle_row row[ROWS_MAX];
	uint64_t first_leaf[ROWS_MAX];
};

static double any_bits(struct random *random)
{
	uint64_t bits = random_next(random);
	double value;
	memcpy(&value, &bits, sizeof value);
	return value;
}

/* Values of a kind: decimals, drifting decimals, whole numbers, floats, full doubles, any bits, constants, mixtures. */
static double value_of(struct random *random, unsigned kind, size_t row)
{
	double noise = random_normal(random);
	switch (kind) {
	case 0: return round(noise * 1000) / 100;
	case 1: return round((double)row * 25 + noise * 10) / 10000;
	case 2: return round(noise * 1e6);
	case 3: return (double)(float)noise;
	case 4: return noise;
	case 5: return any_bits(random);
	case 6: return 61.25;
	case 7: return random_chance(random, 0.05) ? -0.0 : round(noise * 100) / 1000;
	case 8: return random_chance(random, 0.3) ? NAN : round(noise * 100) / 100;
	case 9: return NAN;
	case 10: return random_chance(random, 0.02) ? noise * 1e300 : round(noise * 10);
	default: return random_chance(random, 0.5) ? (double)INT64_MAX : -INFINITY;
	}
}

static struct stream *stream_new(uint64_t seed)
{
	struct random random = random_of(seed);
	struct stream *stream = memory_new(sizeof *stream);
	unsigned kinds[DEVICES][COLUMNS_MAX];
	bool steady = random_chance(&random, 0.5);
	stream->devices = 1 + random_below(&random, DEVICES);
	for (size_t d = 0; d < stream->devices; d++) {
		snprintf(stream->names[d], sizeof stream->names[d], "device-%zu", d);
		stream->columns[d] = 1 + random_below(&random, COLUMNS_MAX);
		for (size_t c = 0; c < stream->columns[d]; c++) {
			snprintf(stream->ids[d][c], sizeof stream->ids[d][c], "signal-%zu", c);
			stream->channels[d][c] = (struct channel){text(stream->ids[d][c]), text("Cel"), text("K"), 1, 273.15};
			kinds[d][c] = (unsigned)random_below(&random, 12);
		}
	}
	stream->rows = random_below(&random, random_chance(&random, 0.3) ? 5 : ROWS_MAX + 1);
	for (size_t r = 0; r < stream->rows; r++) {
		size_t d = steady ? r % stream->devices : random_below(&random, stream->devices);
		struct wrangle_row *row = &stream->row[r];
		stream->device[r] = (uint32_t)d;
		stream->seq[r] = steady ? r : random_next(&random);
		row->time_ns = steady ? (int64_t)r * 100 * NS_PER_MS : (int64_t)random_next(&random);
		stream->received_ns[r] = steady ? row->time_ns + (int64_t)random_below(&random, 1000) * 1000 : (int64_t)random_below(&random, INT64_MAX / 1000) * 1000;
		for (size_t c = 0; c < stream->columns[d]; c++) {
			row->raw[c] = value_of(&random, kinds[d][c], r);
			row->reason[c] = (uint8_t)(random_chance(&random, 0.1) ? random_below(&random, REASON_COUNT) : REASON_NONE);
			row->status[c] = row->reason[c] && random_chance(&random, 0.5) ? (uint32_t)random_next(&random) : STATUS_GOOD;
		}
	}
	return stream;
}

static void stream_build(struct stream *stream, struct chunk_builder *builder, struct buffer *file, struct chunk_summary *summary)
{
	uint32_t index[DEVICES];
	for (size_t d = 0; d < stream->devices; d++)
		assert_int_equal(chunk_builder_device(builder, text(stream->names[d]), stream->channels[d], stream->columns[d], &index[d]), OK);
	uint64_t leaves = 0;
	for (size_t r = 0; r < stream->rows; r++) {
		assert_int_equal(chunk_builder_row(builder, index[stream->device[r]], stream->seq[r], stream->received_ns[r], &stream->row[r], &stream->first_leaf[r]), OK);
		assert_true(stream->first_leaf[r] == leaves);
		leaves += stream->columns[stream->device[r]];
	}
	assert_true(chunk_builder_samples(builder) == leaves);
	chunk_builder_seal(builder, file, summary);
	assert_int_equal(chunk_builder_samples(builder), 0);
}

static bool same_bits(double a, double b)
{
	return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

static void check_sample(const struct chunk *chunk, const struct stream *stream, size_t r, size_t c)
{
	struct sample sample;
	size_t d = stream->device[r];
	assert_int_equal(chunk_sample(chunk, stream->first_leaf[r] + c, &sample), OK);
	assert_true(span_is_text(sample.device, stream->names[d]));
	assert_true(span_is_text(sample.channel->id, stream->ids[d][c]));
	assert_true(span_is_text(sample.channel->raw_unit, "Cel") && span_is_text(sample.channel->unit, "K"));
	assert_true(sample.channel->scale == 1 && sample.channel->offset == 273.15);
	assert_true(sample.seq == stream->seq[r] && sample.time_ns == stream->row[r].time_ns && sample.received_ns == stream->received_ns[r]);
	assert_true(same_bits(sample.raw, stream->row[r].raw[c]));
	assert_true(sample.status == stream->row[r].status[c] && sample.reason == stream->row[r].reason[c]);
}

static void check_proof(const struct chunk *chunk, const struct chunk_summary *summary, uint64_t leaf)
{
	struct sample sample;
	struct merkle_path path;
	struct buffer bytes = {0};
	assert_int_equal(chunk_sample(chunk, leaf, &sample), OK);
	assert_int_equal(chunk_path(chunk, leaf, &path), OK);
	sample_encode(&sample, &bytes);
	struct digest hash = merkle_leaf(buffer_span(&bytes));
	assert_int_equal(merkle_inclusion_verify(&hash, leaf, summary->samples, &path, &summary->root), OK);
	bytes.data[bytes.size - 6] ^= 1;
	hash = merkle_leaf(buffer_span(&bytes));
	assert_int_equal(merkle_inclusion_verify(&hash, leaf, summary->samples, &path, &summary->root), E_SIGNATURE);
	buffer_free(&bytes);
}

static void check_summary(const struct stream *stream, const struct chunk_summary *summary, struct span file)
{
	uint64_t by_reason[REASON_COUNT] = {0};
	uint64_t samples = 0;
	int64_t first = INT64_MAX, last = INT64_MIN;
	for (size_t r = 0; r < stream->rows; r++) {
		for (size_t c = 0; c < stream->columns[stream->device[r]]; c++, samples++)
			by_reason[stream->row[r].reason[c]]++;
		first = stream->row[r].time_ns < first ? stream->row[r].time_ns : first;
		last = stream->row[r].time_ns > last ? stream->row[r].time_ns : last;
	}
	struct digest digest = sha256(file);
	assert_true(digest_equal(&digest, &summary->digest));
	assert_true(summary->samples == samples);
	assert_memory_equal(by_reason, summary->by_reason, sizeof by_reason);
	assert_true(summary->first_ns == (samples ? first : 0) && summary->last_ns == (samples ? last : 0));
}

static void random_streams_come_back_and_are_provable(void **state)
{
	(void)state;
	struct chunk_builder *builder = chunk_builder_new();
	for (uint64_t seed = 1; seed <= 100; seed++) {
		struct stream *stream = stream_new(seed);
		struct buffer file = {0}, again = {0};
		struct chunk_summary summary, opened, rebuilt;
		struct chunk *chunk;
		struct fault fault = {0};
		stream_build(stream, builder, &file, &summary);
		check_summary(stream, &summary, buffer_span(&file));
		if (chunk_open(buffer_span(&file), &chunk, &fault) != OK)
			fail_msg("seed %d: %s", (int)seed, fault.text);
		chunk_summary(chunk, &opened);
		assert_memory_equal(&summary, &opened, sizeof summary);
		for (size_t r = 0; r < stream->rows; r++)
			for (size_t c = 0; c < stream->columns[stream->device[r]]; c++)
				check_sample(chunk, stream, r, c);
		for (uint64_t leaf = 0; leaf < summary.samples; leaf++)
			check_proof(chunk, &summary, leaf);
		struct sample sample;
		struct merkle_path path;
		assert_int_equal(chunk_sample(chunk, summary.samples, &sample), E_NOT_FOUND);
		assert_int_equal(chunk_path(chunk, summary.samples, &path), E_NOT_FOUND);
		/* The same samples give the same bytes. */
		stream_build(stream, builder, &again, &rebuilt);
		assert_true(span_equal(buffer_span(&again), buffer_span(&file)));
		chunk_free(chunk);
		buffer_free(&file);
		buffer_free(&again);
		free(stream);
	}
	chunk_builder_free(builder);
}

static void samples_are_found_by_name(void **state)
{
	(void)state;
	struct chunk_builder *builder = chunk_builder_new();
	struct channel channels[2] = {{text("a"), text("1"), text("1"), 1, 0}, {text("b"), text("1"), text("1"), 1, 0}};
	uint32_t x, y, again;
	uint64_t leaf;
	struct wrangle_row row = {.time_ns = 5};
	assert_int_equal(chunk_builder_device(builder, text("x"), channels, 2, &x), OK);
	assert_int_equal(chunk_builder_device(builder, text("y"), channels, 1, &y), OK);
	assert_int_equal(chunk_builder_device(builder, text("x"), channels, 1, &again), E_DUPLICATE);
	assert_int_equal(again, x);
	assert_int_equal(chunk_builder_row(builder, y, 7, 1999, &row, &leaf), OK);
	assert_int_equal(chunk_builder_row(builder, x, 7, 1000, &row, &leaf), OK);
	assert_int_equal(chunk_builder_row(builder, x, 8, 1000, &row, &leaf), OK);
	assert_int_equal(chunk_builder_row(builder, x, 8, 1000, &row, &leaf), OK);
	assert_int_equal(leaf, 5);
	struct buffer file = {0};
	struct chunk_summary summary;
	chunk_builder_seal(builder, &file, &summary);
	struct chunk *chunk;
	assert_int_equal(chunk_open(buffer_span(&file), &chunk, NULL), OK);
	assert_int_equal(chunk_find(chunk, text("x"), text("b"), 7, &leaf), OK);
	assert_int_equal(leaf, 2);
	assert_int_equal(chunk_find(chunk, text("x"), text("a"), 8, &leaf), OK);
	assert_int_equal(leaf, 3);
	assert_int_equal(chunk_find(chunk, text("y"), text("a"), 7, &leaf), OK);
	assert_int_equal(leaf, 0);
	struct sample sample;
	assert_int_equal(chunk_sample(chunk, 0, &sample), OK);
	assert_int_equal(sample.received_ns, 1000);
	assert_int_equal(chunk_find(chunk, text("y"), text("b"), 7, &leaf), E_NOT_FOUND);
	assert_int_equal(chunk_find(chunk, text("z"), text("a"), 7, &leaf), E_NOT_FOUND);
	assert_int_equal(chunk_find(chunk, text("y"), text("a"), 8, &leaf), E_NOT_FOUND);
	chunk_free(chunk);
	buffer_free(&file);
	chunk_builder_free(builder);
}

static void refused_messages_are_kept(void **state)
{
	(void)state;
	static uint8_t large[5000];
	memset(large, 'x', sizeof large);
	struct chunk_builder *builder = chunk_builder_new();
	struct channel channel = {text("a"), text("1"), text("1"), 1, 0};
	uint32_t device;
	assert_int_equal(chunk_builder_device(builder, text("x"), &channel, 1, &device), OK);
	assert_int_equal(chunk_builder_refused(builder, device, 3, 7000, text("{oops")), OK);
	assert_int_equal(chunk_builder_refused(builder, device, 4, 8000, span_of(large, sizeof large)), OK);
	assert_int_equal(chunk_builder_refused(builder, device, 5, 9000, span_of(NULL, 0)), OK);
	struct buffer file = {0};
	struct chunk_summary summary;
	chunk_builder_seal(builder, &file, &summary);
	assert_int_equal(summary.samples, 0);
	assert_int_equal(summary.by_reason[REASON_MALFORMED], 3);
	struct chunk *chunk;
	assert_int_equal(chunk_open(buffer_span(&file), &chunk, NULL), OK);
	assert_int_equal(chunk_refused_count(chunk), 3);
	struct chunk_refused refused;
	assert_int_equal(chunk_refused(chunk, 0, &refused), OK);
	assert_true(span_is_text(refused.payload, "{oops") && span_is_text(refused.device, "x"));
	assert_true(refused.seq == 3 && refused.received_ns == 7000 && refused.true_size == 5);
	assert_int_equal(chunk_refused(chunk, 1, &refused), OK);
	assert_true(refused.payload.size == 4096 && refused.true_size == 5000 && refused.payload.data[4095] == 'x');
	assert_int_equal(chunk_refused(chunk, 2, &refused), OK);
	assert_int_equal(refused.payload.size, 0);
	assert_int_equal(chunk_refused(chunk, 3, &refused), E_NOT_FOUND);
	chunk_free(chunk);
	buffer_free(&file);
	chunk_builder_free(builder);
}

static void an_empty_chunk_is_a_chunk(void **state)
{
	(void)state;
	struct chunk_builder *builder = chunk_builder_new();
	struct buffer file = {0};
	struct chunk_summary summary;
	chunk_builder_seal(builder, &file, &summary);
	struct digest nothing = sha256(text(""));
	assert_true(digest_equal(&summary.root, &nothing));
	struct chunk *chunk;
	assert_int_equal(chunk_open(buffer_span(&file), &chunk, NULL), OK);
	struct sample sample;
	assert_int_equal(chunk_sample(chunk, 0, &sample), E_NOT_FOUND);
	chunk_free(chunk);
	buffer_free(&file);
	chunk_builder_free(builder);
}

static enum status open_and_compare(struct span bytes, const struct digest *digest)
{
	struct chunk *chunk;
	struct fault fault = {0};
	enum status status = chunk_open(bytes, &chunk, &fault);
	if (status != OK) {
		assert_true(fault.text[0] != 0);
		return status;
	}
	struct chunk_summary summary;
	chunk_summary(chunk, &summary);
	assert_false(digest_equal(&summary.digest, digest));
	chunk_free(chunk);
	return OK;
}

static void a_changed_file_is_noticed(void **state)
{
	(void)state;
	struct chunk_builder *builder = chunk_builder_new();
	for (uint64_t seed = 900; seed < 903; seed++) {
		struct stream *stream = stream_new(seed);
		stream->rows = stream->rows > 60 ? 60 : stream->rows;
		struct buffer file = {0};
		struct chunk_summary summary;
		stream_build(stream, builder, &file, &summary);
		size_t opened = 0;
		for (size_t i = 0; i < file.size; i++)
			for (int bit = 0; bit < 8; bit++) {
				file.data[i] ^= (uint8_t)(1 << bit);
				opened += open_and_compare(buffer_span(&file), &summary.digest) == OK;
				file.data[i] ^= (uint8_t)(1 << bit);
			}
		/* Compressed bytes have a few bits without meaning; only the digest covers them. */
		assert_true(opened < file.size / 4);
		for (size_t size = 0; size < file.size; size++)
			assert_int_not_equal(open_and_compare(span_of(file.data, size), &summary.digest), OK);
		buffer_append_byte(&file, 0);
		assert_int_equal(open_and_compare(buffer_span(&file), &summary.digest), E_MALFORMED);
		buffer_free(&file);
		free(stream);
	}
	chunk_builder_free(builder);
}

enum { HEADER = 10 };

/* The unpacked content of a chunk of `rows` regular rows of one constant column. */
static void plain_content(size_t rows, struct buffer *file, struct buffer *content)
{
	struct chunk_builder *builder = chunk_builder_new();
	struct channel channels[2] = {{text("a"), text("Cel"), text("K"), 1, 273.15}, {text("b"), text("A"), text("A"), 1, 0}};
	uint32_t device;
	uint64_t leaf;
	assert_int_equal(chunk_builder_device(builder, text("x"), channels, 2, &device), OK);
	for (uint64_t r = 0; r < rows; r++) {
		struct wrangle_row row = {.time_ns = INT64_C(1767225600) * NS_PER_S + (int64_t)r * 100 * NS_PER_MS, .raw = {21.5, (double)r / 4}};
		assert_int_equal(chunk_builder_row(builder, device, r, row.time_ns + 5000, &row, &leaf), OK);
	}
	struct chunk_summary summary;
	chunk_builder_seal(builder, file, &summary);
	struct reader in = reader_of(span_of(file->data + 6, 4));
	size_t size = read_u32(&in);
	buffer_reserve(content, size);
	assert_int_equal(ZSTD_decompress(content->data, size, file->data + HEADER, file->size - HEADER), size);
	content->size = size;
	chunk_builder_free(builder);
}

static enum status open_content(struct span content)
{
	struct buffer file = {0};
	struct chunk *chunk;
	struct fault fault = {0};
	buffer_append_text(&file, "TCK1");
	write_u16(&file, 1);
	write_u32(&file, (uint32_t)content.size);
	buffer_reserve(&file, ZSTD_compressBound(content.size));
	ZSTD_CCtx *compressor = ZSTD_createCCtx();
	ZSTD_CCtx_setParameter(compressor, ZSTD_c_checksumFlag, 1);
	file.size += ZSTD_compress2(compressor, file.data + file.size, file.capacity - file.size, content.data, content.size);
	ZSTD_freeCCtx(compressor);
	enum status status = chunk_open(buffer_span(&file), &chunk, &fault);
	if (status == OK)
		chunk_free(chunk);
	else
		assert_true(fault.text[0] != 0);
	buffer_free(&file);
	return status;
}

static void there_is_one_form_only(void **state)
{
	(void)state;
	struct buffer file = {0}, content = {0}, changed = {0};
	plain_content(6, &file, &content);
	assert_int_equal(open_content(buffer_span(&content)), OK);
	/* The last run of statuses, six Good ones, as two runs of three. */
	static const uint8_t six[] = {6, 0, 0, 0, 0, 0}, three_and_three[] = {3, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0};
	assert_memory_equal(content.data + content.size - 6, six, 6);
	buffer_append(&changed, content.data, content.size - 6);
	buffer_append(&changed, three_and_three, 12);
	assert_int_equal(open_content(buffer_span(&changed)), E_NOT_CANONICAL);
	/* Runs that are too long or too short, a reason that there is not, more behind the end. */
	content.data[content.size - 6] = 7;
	assert_int_equal(open_content(buffer_span(&content)), E_MALFORMED);
	content.data[content.size - 6] = 5;
	assert_int_equal(open_content(buffer_span(&content)), E_MALFORMED);
	content.data[content.size - 6] = 6;
	content.data[content.size - 1] = REASON_COUNT;
	assert_int_equal(open_content(buffer_span(&content)), E_MALFORMED);
	content.data[content.size - 1] = 0;
	buffer_append_byte(&content, 0);
	assert_int_equal(open_content(buffer_span(&content)), E_MALFORMED);
	content.size--;
	/* Two columns of one name. */
	uint8_t *b = memchr(content.data, 'b', content.size);
	assert_non_null(b);
	*b = 'a';
	assert_int_equal(open_content(buffer_span(&content)), E_MALFORMED);
	*b = 'b';
	/* More rows than a chunk has. */
	memset(content.data + 4, 0x7f, 4);
	assert_int_equal(open_content(buffer_span(&content)), E_LIMIT);
	buffer_free(&file);
	buffer_free(&content);
	buffer_free(&changed);
}

static enum status open_with(struct buffer *file, size_t at, uint8_t byte)
{
	struct chunk *chunk;
	struct fault fault = {0};
	uint8_t before = file->data[at];
	file->data[at] = byte;
	enum status status = chunk_open(buffer_span(file), &chunk, &fault);
	file->data[at] = before;
	if (status == OK)
		chunk_free(chunk);
	return status;
}

static void headers_are_checked_before_memory_is_taken(void **state)
{
	(void)state;
	struct buffer file = {0}, content = {0};
	plain_content(6, &file, &content);
	assert_int_equal(open_with(&file, 0, 'T'), OK);
	assert_int_equal(open_with(&file, 3, '2'), E_MALFORMED);
	assert_int_equal(open_with(&file, 4, 2), E_MALFORMED);
	assert_int_equal(open_with(&file, 6, (uint8_t)(file.data[6] + 1)), E_MALFORMED);
	assert_int_equal(open_with(&file, 9, 0xff), E_LIMIT);
	assert_int_equal(open_with(&file, HEADER, 0), E_MALFORMED);
	assert_int_equal(open_with(&file, file.size - 1, (uint8_t)~file.data[file.size - 1]), E_CORRUPT);
	buffer_free(&file);
	buffer_free(&content);
}

static void what_is_regular_takes_next_to_nothing(void **state)
{
	(void)state;
	struct buffer file = {0}, content = {0};
	plain_content(50000, &file, &content);
	assert_true(content.size < 60000);
	assert_true(file.size < 300);
	buffer_free(&file);
	buffer_free(&content);
}

static void what_is_too_much_is_refused(void **state)
{
	(void)state;
	struct chunk_builder *builder = chunk_builder_new();
	struct channel channels[WRANGLE_SIGNALS_MAX + 1];
	static char longest[256];
	for (size_t i = 0; i <= WRANGLE_SIGNALS_MAX; i++)
		channels[i] = (struct channel){text("a"), text("1"), text("1"), 1, 0};
	uint32_t device;
	assert_int_equal(chunk_builder_device(builder, text("x"), channels, 0, &device), E_LIMIT);
	assert_int_equal(chunk_builder_device(builder, text("x"), channels, WRANGLE_SIGNALS_MAX + 1, &device), E_LIMIT);
	assert_int_equal(chunk_builder_device(builder, span_of(longest, 256), channels, 1, &device), E_LIMIT);
	assert_int_equal(chunk_builder_device(builder, text("x"), channels, 1, &device), OK);
	struct random random = random_of(8);
	uint64_t leaf;
	enum status status = OK;
	/* Values that do not shrink, statuses that change with each: the largest file there is. */
	for (uint64_t r = 0; status == OK; r++) {
		struct wrangle_row row = {
			.time_ns = (int64_t)random_next(&random), .raw = {random_unit(&random)}, .status = {(uint32_t)random_next(&random)},
		};
		status = chunk_builder_row(builder, device, random_next(&random), 0, &row, &leaf);
		assert_true(r <= CHUNK_SAMPLES_MAX);
	}
	assert_int_equal(status, E_LIMIT);
	assert_int_equal(chunk_builder_device(builder, text("y"), channels, WRANGLE_SIGNALS_MAX, &device), E_LIMIT);
	struct buffer file = {0};
	struct chunk_summary summary;
	chunk_builder_seal(builder, &file, &summary);
	assert_true(file.size <= CHUNK_BYTES_MAX);
	assert_true(summary.samples > 1 << 20);
	for (unsigned i = 0; i < CHUNK_DEVICES_MAX; i++)
		assert_int_equal(chunk_builder_device(builder, span_of(&i, sizeof i), channels, 1, &device), OK);
	assert_int_equal(chunk_builder_device(builder, text("one more"), channels, 1, &device), E_LIMIT);
	buffer_free(&file);
	chunk_builder_free(builder);
}

/* Two decimals, regular times, noise of fifty steps, reception that jitters: at most 4 bytes a sample, alone in its row. */
static void noisy_decimals_take_few_bytes(void **state)
{
	(void)state;
	struct random random = random_of(21);
	struct chunk_builder *builder = chunk_builder_new();
	struct channel channel = {text("a"), text("Cel"), text("Cel"), 1, 0};
	uint32_t device;
	uint64_t leaf;
	assert_int_equal(chunk_builder_device(builder, text("x"), &channel, 1, &device), OK);
	for (uint64_t r = 0; r < 60000; r++) {
		struct wrangle_row row = {.time_ns = INT64_C(1767225600) * NS_PER_S + (int64_t)r * 100 * NS_PER_MS};
		row.raw[0] = round(6100 + 50 * random_normal(&random)) / 100;
		int64_t received = row.time_ns + (1500 + (int64_t)random_below(&random, 900)) * 1000;
		assert_int_equal(chunk_builder_row(builder, device, r, received, &row, &leaf), OK);
	}
	struct buffer file = {0};
	struct chunk_summary summary;
	chunk_builder_seal(builder, &file, &summary);
	assert_true(file.size < 60000 * 3);
	buffer_free(&file);
	chunk_builder_free(builder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_streams_come_back_and_are_provable),
		cmocka_unit_test(samples_are_found_by_name),
		cmocka_unit_test(refused_messages_are_kept),
		cmocka_unit_test(an_empty_chunk_is_a_chunk),
		cmocka_unit_test(a_changed_file_is_noticed),
		cmocka_unit_test(there_is_one_form_only),
		cmocka_unit_test(headers_are_checked_before_memory_is_taken),
		cmocka_unit_test(what_is_regular_takes_next_to_nothing),
		cmocka_unit_test(what_is_too_much_is_refused),
		cmocka_unit_test(noisy_decimals_take_few_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
