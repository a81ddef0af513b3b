/* The first byte says how to take the rest: 'f' a chunk's file, 'c' its content, which is
 * put into a sound frame here, since no fuzzer guesses a checksum. What opens has proofs. */
#include "base/cursor.h"
#include "signal/chunk.h"

#include <zstd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS_FUZZED_MAX = 2000, PROOFS_MAX = 16 };

static void frame(struct span content, struct buffer *out)
{
	buffer_append_text(out, "TCK1");
	write_u16(out, 1);
	write_u32(out, (uint32_t)content.size);
	size_t bound = ZSTD_compressBound(content.size);
	buffer_reserve(out, bound);
	ZSTD_CCtx *compressor = ZSTD_createCCtx();
	ZSTD_CCtx_setParameter(compressor, ZSTD_c_checksumFlag, 1);
	size_t done = ZSTD_compress2(compressor, out->data + out->size, bound, content.data, content.size);
	CHECK(!ZSTD_isError(done));
	out->size += done;
	ZSTD_freeCCtx(compressor);
}

static void check_leaf(const struct chunk *chunk, uint64_t leaf, const struct chunk_summary *summary)
{
	struct sample sample;
	struct merkle_path path;
	struct buffer bytes = {0};
	CHECK(chunk_sample(chunk, leaf, &sample) == OK);
	CHECK(chunk_path(chunk, leaf, &path) == OK);
	sample_encode(&sample, &bytes);
	struct digest hash = merkle_leaf(buffer_span(&bytes));
	CHECK(merkle_inclusion_verify(&hash, leaf, summary->samples, &path, &summary->root) == OK);
	buffer_free(&bytes);
	uint64_t found;
	CHECK(chunk_find(chunk, sample.device, sample.channel->id, sample.seq, &found) == OK && found <= leaf);
}

static void open_and_check(struct span bytes)
{
	struct chunk *chunk;
	struct fault fault = {0};
	if (chunk_open(bytes, &chunk, &fault) != OK) {
		CHECK(fault.text[0]);
		return;
	}
	struct chunk_summary summary;
	chunk_summary(chunk, &summary);
	uint64_t step = summary.samples / PROOFS_MAX + 1;
	for (uint64_t leaf = 0; leaf < summary.samples; leaf += step)
		check_leaf(chunk, leaf, &summary);
	for (size_t i = 0; i < chunk_refused_count(chunk); i++) {
		struct chunk_refused refused;
		CHECK(chunk_refused(chunk, i, &refused) == OK);
	}
	chunk_free(chunk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct span rest = span_of(data + 1, size - 1);
	if (data[0] == 'f')
		open_and_check(rest);
	if (data[0] != 'c')
		return 0;
	struct reader head = reader_of(rest);
	read_u32(&head);
	/* Millions of equal rows fit in few bytes; they are only slow. */
	if (read_u32(&head) > ROWS_FUZZED_MAX)
		return 0;
	struct buffer file = {0};
	frame(rest, &file);
	open_and_check(buffer_span(&file));
	buffer_free(&file);
	return 0;
}
