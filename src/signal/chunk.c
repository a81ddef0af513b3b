#include "signal/chunk_content.h"

#include "base/cursor.h"
#include "crypto/hash.h"

#include <math.h>
#include <stdlib.h>
#include <zstd.h>

enum {
	MAGIC = 0x314b4354,     /* "TCK1", little-endian */
	FORM_VERSION = 1,
	HEADER_BYTES = 4 + 2 + 4,
	COMPRESSION_LEVEL = 3,
	FRAME_DESCRIPTOR_AT = 4,
	FRAME_HAS_CHECKSUM = 4, /* RFC 8878, section 3.1.1.1.1 */
};

struct chunk_builder {
	struct chunk_content content;
	struct merkle_tree tree;
	struct buffer leaf;
	ZSTD_CCtx *compressor;
};

struct chunk_builder *chunk_builder_new(void)
{
	struct chunk_builder *builder = memory_new(sizeof *builder);
	builder->compressor = ZSTD_createCCtx();
	CHECK(builder->compressor);
	return builder;
}

void chunk_builder_free(struct chunk_builder *builder)
{
	if (!builder)
		return;
	chunk_content_free(&builder->content);
	merkle_tree_free(&builder->tree);
	buffer_free(&builder->leaf);
	ZSTD_freeCCtx(builder->compressor);
	free(builder);
}

enum status chunk_builder_device(struct chunk_builder *builder, struct span device,
	const struct channel *channels, size_t count, uint32_t *index)
{
	return chunk_content_device(&builder->content, device, channels, count, index);
}

static void append_leaf(struct merkle_tree *tree, struct buffer *scratch, const struct sample *sample)
{
	buffer_clear(scratch);
	sample_encode(sample, scratch);
	struct digest leaf = merkle_leaf(buffer_span(scratch));
	merkle_tree_append(tree, &leaf);
}

enum status chunk_builder_row(struct chunk_builder *builder, uint32_t device, uint64_t seq,
	int64_t received_ns, const struct wrangle_row *row, uint64_t *first_leaf)
{
	struct chunk_content *content = &builder->content;
	size_t index;
	TRY(chunk_content_row(content, device, &index));
	struct chunk_table *table = &content->tables[device];
	table->seq[index] = seq;
	table->time_ns[index] = row->time_ns;
	table->received_us[index] = received_ns / 1000;
	*first_leaf = merkle_tree_size(&builder->tree);
	for (size_t c = 0; c < table->channel_count; c++) {
		CHECK(row->reason[c] < REASON_COUNT);
		size_t cell = index * table->channel_count + c;
		table->raw[cell] = isnan(row->raw[c]) ? sample_no_value() : row->raw[c];
		table->status[cell] = row->status[c];
		table->reason[cell] = row->reason[c];
		struct sample sample;
		chunk_content_sample(content, device, index, c, &sample);
		append_leaf(&builder->tree, &builder->leaf, &sample);
	}
	return OK;
}

enum status chunk_builder_refused(struct chunk_builder *builder, uint32_t device, uint64_t seq,
	int64_t received_ns, struct span payload)
{
	if (payload.size > UINT32_MAX)
		return E_LIMIT;
	struct chunk_refused_row refused = {
		.device = device,
		.seq = seq,
		.received_us = received_ns / 1000,
		.true_size = (uint32_t)payload.size,
		.payload = payload,
	};
	return chunk_content_refused(&builder->content, &refused);
}

uint64_t chunk_builder_samples(const struct chunk_builder *builder)
{
	return builder->content.sample_count;
}

static void table_summarise(const struct chunk_table *table, bool *first, struct chunk_summary *out)
{
	for (size_t r = 0; r < table->row_count; r++) {
		int64_t time = table->time_ns[r];
		out->first_ns = *first || time < out->first_ns ? time : out->first_ns;
		out->last_ns = *first || time > out->last_ns ? time : out->last_ns;
		*first = false;
	}
	for (size_t i = 0; i < table->row_count * table->channel_count; i++)
		out->by_reason[table->reason[i]]++;
}

static void summarise(const struct chunk_content *content, const struct merkle_tree *tree, struct span file,
	struct chunk_summary *out)
{
	*out = (struct chunk_summary){
		.digest = sha256(file),
		.root = merkle_tree_root(tree, merkle_tree_size(tree)),
		.samples = content->sample_count,
	};
	bool first = true;
	for (size_t i = 0; i < content->table_count; i++)
		table_summarise(&content->tables[i], &first, out);
	out->by_reason[REASON_MALFORMED] += content->refused_count;
}

static void compress(ZSTD_CCtx *compressor, struct span content, struct buffer *out)
{
	size_t bound = ZSTD_compressBound(content.size);
	buffer_reserve(out, bound);
	ZSTD_CCtx_reset(compressor, ZSTD_reset_session_and_parameters);
	ZSTD_CCtx_setParameter(compressor, ZSTD_c_compressionLevel, COMPRESSION_LEVEL);
	ZSTD_CCtx_setParameter(compressor, ZSTD_c_checksumFlag, 1);
	size_t size = ZSTD_compress2(compressor, out->data + out->size, bound, content.data, content.size);
	/* Room and parameters are ours: only an exhausted machine gets here. */
	CHECK(!ZSTD_isError(size));
	out->size += size;
}

size_t chunk_packed_size(struct span bytes)
{
	struct buffer packed = {0};
	ZSTD_CCtx *compressor = ZSTD_createCCtx();
	CHECK(compressor);
	compress(compressor, bytes, &packed);
	ZSTD_freeCCtx(compressor);
	size_t size = packed.size;
	buffer_free(&packed);
	return size;
}

void chunk_builder_seal(struct chunk_builder *builder, struct buffer *out, struct chunk_summary *summary)
{
	struct buffer content = {0};
	chunk_content_encode(&builder->content, &content);
	size_t start = out->size;
	write_u32(out, MAGIC);
	write_u16(out, FORM_VERSION);
	write_u32(out, (uint32_t)content.size);
	compress(builder->compressor, buffer_span(&content), out);
	buffer_free(&content);
	CHECK(out->size - start <= CHUNK_BYTES_MAX);
	summarise(&builder->content, &builder->tree, span_of(out->data + start, out->size - start), summary);
	chunk_content_free(&builder->content);
	merkle_tree_free(&builder->tree);
}

/* --- reading back --- */

struct chunk {
	struct chunk_content content;
	struct merkle_tree tree;
	struct chunk_summary summary;
	uint32_t *first_leaf;         /* of each row, in order of arrival */
	uint32_t *table_row;          /* its place in its device's table */
};

/* One frame with a checksum and the size that the header states, and nothing behind it. */
static enum status decompress(struct span frame, size_t size, struct buffer *out, struct fault *fault)
{
	bool sound = frame.size > FRAME_DESCRIPTOR_AT && (frame.data[FRAME_DESCRIPTOR_AT] & FRAME_HAS_CHECKSUM) &&
		ZSTD_getFrameContentSize(frame.data, frame.size) == size &&
		ZSTD_findFrameCompressedSize(frame.data, frame.size) == frame.size;
	if (!sound)
		return fault_set(fault, E_MALFORMED, "the chunk is cut or was changed; fetch it again from another holder");
	buffer_reserve(out, size);
	size_t done = ZSTD_decompress(out->data, size, frame.data, frame.size);
	if (ZSTD_isError(done) || done != size)
		return fault_set(fault, E_CORRUPT, "the chunk's bytes do not match its checksum (%s); fetch it again from another holder",
			ZSTD_isError(done) ? ZSTD_getErrorName(done) : "other size");
	out->size = size;
	return OK;
}

static enum status unpack(struct span bytes, struct buffer *content, struct fault *fault)
{
	if (bytes.size > CHUNK_BYTES_MAX)
		return fault_set(fault, E_LIMIT, "a chunk has at most %d bytes, this one has %zu", CHUNK_BYTES_MAX, bytes.size);
	struct reader in = reader_of(bytes);
	uint32_t magic = read_u32(&in);
	uint16_t version = read_u16(&in);
	uint32_t size = read_u32(&in);
	if (in.failed || magic != MAGIC)
		return fault_set(fault, E_MALFORMED, "not a chunk: it does not begin with TCK1");
	if (version != FORM_VERSION)
		return fault_set(fault, E_MALFORMED, "chunk form %u is not known to this version of the program; use a newer one", version);
	if (size > CHUNK_CONTENT_MAX)
		return fault_set(fault, E_LIMIT, "the chunk would unpack to %u bytes, above the limit of %d", size, CHUNK_CONTENT_MAX);
	return decompress(in.rest, size, content, fault);
}

static void index_rows(struct chunk *chunk)
{
	const struct chunk_content *content = &chunk->content;
	uint32_t *next = memory_new_array(content->table_count, sizeof *next);
	chunk->first_leaf = memory_new_array(content->row_count, sizeof *chunk->first_leaf);
	chunk->table_row = memory_new_array(content->row_count, sizeof *chunk->table_row);
	struct buffer leaf = {0};
	uint32_t leaves = 0;
	for (size_t i = 0; i < content->row_count; i++) {
		uint32_t device = content->order[i];
		chunk->first_leaf[i] = leaves;
		chunk->table_row[i] = next[device]++;
		size_t columns = content->tables[device].channel_count;
		leaves += (uint32_t)columns;
		for (size_t c = 0; c < columns; c++) {
			struct sample sample;
			chunk_content_sample(content, device, chunk->table_row[i], c, &sample);
			append_leaf(&chunk->tree, &leaf, &sample);
		}
	}
	buffer_free(&leaf);
	free(next);
}

enum status chunk_open(struct span bytes, struct chunk **out, struct fault *fault)
{
	struct buffer content = {0};
	struct chunk *chunk = memory_new(sizeof *chunk);
	enum status status = unpack(bytes, &content, fault);
	if (status == OK)
		status = chunk_content_decode(buffer_span(&content), &chunk->content, fault);
	buffer_free(&content);
	if (status != OK) {
		chunk_free(chunk);
		return status;
	}
	index_rows(chunk);
	summarise(&chunk->content, &chunk->tree, bytes, &chunk->summary);
	*out = chunk;
	return OK;
}

void chunk_free(struct chunk *chunk)
{
	if (!chunk)
		return;
	chunk_content_free(&chunk->content);
	merkle_tree_free(&chunk->tree);
	free(chunk->first_leaf);
	free(chunk->table_row);
	free(chunk);
}

void chunk_summary(const struct chunk *chunk, struct chunk_summary *out)
{
	*out = chunk->summary;
}

enum status chunk_sample(const struct chunk *chunk, uint64_t leaf, struct sample *out)
{
	if (leaf >= chunk->content.sample_count)
		return E_NOT_FOUND;
	/* The last row whose first leaf is not behind this one. */
	size_t low = 0;
	size_t high = chunk->content.row_count;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (chunk->first_leaf[middle] <= leaf)
			low = middle;
		else
			high = middle;
	}
	chunk_content_sample(&chunk->content, chunk->content.order[low], chunk->table_row[low], leaf - chunk->first_leaf[low], out);
	return OK;
}

static bool column_find(const struct chunk_table *table, struct span signal, size_t *column)
{
	for (*column = 0; *column < table->channel_count; (*column)++)
		if (span_equal(table->channels[*column].id, signal))
			return true;
	return false;
}

enum status chunk_find(const struct chunk *chunk, struct span device, struct span signal, uint64_t seq, uint64_t *leaf)
{
	const struct chunk_content *content = &chunk->content;
	uint64_t index;
	size_t column;
	if (!map_get(&content->by_name, device, &index) || !column_find(&content->tables[index], signal, &column))
		return E_NOT_FOUND;
	for (size_t i = 0; i < content->row_count; i++) {
		if (content->order[i] != index || content->tables[index].seq[chunk->table_row[i]] != seq)
			continue;
		*leaf = chunk->first_leaf[i] + column;
		return OK;
	}
	return E_NOT_FOUND;
}

enum status chunk_path(const struct chunk *chunk, uint64_t leaf, struct merkle_path *out)
{
	if (leaf >= chunk->content.sample_count)
		return E_NOT_FOUND;
	return merkle_tree_inclusion(&chunk->tree, leaf, merkle_tree_size(&chunk->tree), out);
}

size_t chunk_refused_count(const struct chunk *chunk)
{
	return chunk->content.refused_count;
}

enum status chunk_refused(const struct chunk *chunk, size_t index, struct chunk_refused *out)
{
	if (index >= chunk->content.refused_count)
		return E_NOT_FOUND;
	const struct chunk_refused_row *row = &chunk->content.refused[index];
	*out = (struct chunk_refused){
		.device = chunk->content.tables[row->device].device,
		.seq = row->seq,
		.received_ns = row->received_us * 1000,
		.true_size = row->true_size,
		.payload = row->payload,
	};
	return OK;
}
