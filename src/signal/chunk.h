/* Chunks: columnar, compressed, content-addressed files of samples (off the ledger), with a
 * Merkle tree (RFC 9162) over the samples so that one reading can be proven alone.
 *
 * Inside: one table a device; a row is a message's instant (seq, source time, reception), its
 * columns are the raw values, bit-exact: scaled integers where the decimals are exact, else
 * XORed doubles; statuses and reasons run-length; all of it under one zstd frame. Refused
 * payloads are kept in a side table. Leaves are numbered in order of arrival: row by row,
 * column by column. Layout and limits: docs/formats.md. Pure. */
#ifndef TALLY_SIGNAL_CHUNK_H
#define TALLY_SIGNAL_CHUNK_H

#include "signal/wrangle.h"
#include "crypto/merkle.h"

enum {
	CHUNK_DEVICES_MAX = 4096,
	CHUNK_SAMPLES_MAX = 4 << 20,
	CHUNK_BYTES_MAX = 64 << 20,
};

struct chunk_builder;
struct chunk_builder *chunk_builder_new(void);
void chunk_builder_free(struct chunk_builder *builder);

/* Declare a device once; *index is used below. Texts are copied; the channels' ids differ.
 * E_LIMIT: no room, no columns or too many, a text above 255 bytes. E_DUPLICATE: declared before,
 * *index is that one; seal first when its columns changed. */
MUST_USE enum status chunk_builder_device(struct chunk_builder *builder, struct span device,
	const struct channel *channels, size_t count, uint32_t *index);
/* Append a row: every column becomes a leaf. *first_leaf: index of its first leaf. received_ns is cut to whole
 * microseconds. E_LIMIT: seal first. */
MUST_USE enum status chunk_builder_row(struct chunk_builder *builder, uint32_t device, uint64_t seq,
	int64_t received_ns, const struct wrangle_row *row, uint64_t *first_leaf);
/* Keep the bytes of a message that could not be read (cut to 4 KiB, the true size is kept). Not a leaf. */
MUST_USE enum status chunk_builder_refused(struct chunk_builder *builder, uint32_t device, uint64_t seq,
	int64_t received_ns, struct span payload);
uint64_t chunk_builder_samples(const struct chunk_builder *builder);

struct chunk_summary {
	struct digest digest;         /* SHA-256 of the file's bytes: its name */
	struct digest root;
	uint64_t samples;
	int64_t first_ns;
	int64_t last_ns;
	uint64_t by_reason[REASON_COUNT]; /* of samples; REASON_MALFORMED: refused messages */
};

/* The size of any bytes under the compressor and level that chunks use, to compare with. */
size_t chunk_packed_size(struct span bytes);

/* Compress, append the file's bytes to out, and start afresh (devices are forgotten). */
void chunk_builder_seal(struct chunk_builder *builder, struct buffer *out, struct chunk_summary *summary);

/* A chunk read back. Everything was checked on opening: checksum, counts, canonical form.
 * E_MALFORMED, E_LIMIT, E_CORRUPT (checksum), E_NOT_CANONICAL. bytes are borrowed for the call only. */
struct chunk;
MUST_USE enum status chunk_open(struct span bytes, struct chunk **out, struct fault *fault);
void chunk_free(struct chunk *chunk);
void chunk_summary(const struct chunk *chunk, struct chunk_summary *out);
/* The sample at a leaf; borrowed from the chunk. E_NOT_FOUND. */
MUST_USE enum status chunk_sample(const struct chunk *chunk, uint64_t leaf, struct sample *out);
/* The first leaf of (device, signal, seq). E_NOT_FOUND. */
MUST_USE enum status chunk_find(const struct chunk *chunk, struct span device, struct span signal, uint64_t seq, uint64_t *leaf);
/* Path from a leaf to the root. E_NOT_FOUND. */
MUST_USE enum status chunk_path(const struct chunk *chunk, uint64_t leaf, struct merkle_path *out);

/* A message that could not be read. */
struct chunk_refused {
	struct span device;
	uint64_t seq;
	int64_t received_ns;
	uint64_t true_size;
	struct span payload;          /* its first 4 KiB; borrowed from the chunk */
};

size_t chunk_refused_count(const struct chunk *chunk);
/* In order of arrival. E_NOT_FOUND. */
MUST_USE enum status chunk_refused(const struct chunk *chunk, size_t index, struct chunk_refused *out);

#endif
