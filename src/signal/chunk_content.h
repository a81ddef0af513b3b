/* What a chunk holds, unpacked, and its one encoding (before compression).
 * Private to the chunk files of this room. Layout: docs/formats.md. */
#ifndef TALLY_SIGNAL_CHUNK_CONTENT_H
#define TALLY_SIGNAL_CHUNK_CONTENT_H

#include "signal/chunk.h"

#include "base/map.h"

enum {
	/* Uncompressed; less than CHUNK_BYTES_MAX by what a frame may add to bytes that do not shrink. */
	CHUNK_CONTENT_MAX = CHUNK_BYTES_MAX - (1 << 20),
	CHUNK_REFUSED_KEPT_MAX = 4096,
	CHUNK_REFUSED_MAX = 65536,
};

/* One device. Row r of column c is at r * channel_count + c. */
struct chunk_table {
	struct span device;
	struct channel *channels;
	uint8_t *texts;               /* what device and channels point to */
	size_t channel_count;
	size_t row_count;
	size_t row_capacity;
	uint64_t *seq;
	int64_t *time_ns;
	int64_t *received_us;
	double *raw;
	uint32_t *status;
	uint8_t *reason;
};

struct chunk_refused_row {
	uint32_t device;
	uint64_t seq;
	int64_t received_us;
	uint32_t true_size;
	struct span payload;          /* its memory is owned */
};

struct chunk_content {
	struct chunk_table *tables;
	size_t table_count;
	size_t table_capacity;
	struct map by_name;           /* device -> index */
	uint16_t *order;              /* the device of each row, in order of arrival */
	size_t row_count;
	size_t row_capacity;
	uint64_t sample_count;
	struct chunk_refused_row *refused;
	size_t refused_count;
	size_t refused_capacity;
	size_t size_max;              /* no encoding of this content is longer */
};

void chunk_content_free(struct chunk_content *content);

/* Whether `more` bytes still fit; if so they are accounted for. */
bool chunk_content_claim(struct chunk_content *content, size_t more);

/* Texts and channels are copied. E_DUPLICATE, with the earlier index; E_LIMIT. */
MUST_USE enum status chunk_content_device(struct chunk_content *content, struct span device,
	const struct channel *channels, size_t count, uint32_t *index);
/* Room for one more row; the caller fills it in. E_LIMIT. */
MUST_USE enum status chunk_content_row(struct chunk_content *content, uint32_t device, size_t *row);
/* The payload is copied, cut to CHUNK_REFUSED_KEPT_MAX. E_LIMIT. */
MUST_USE enum status chunk_content_refused(struct chunk_content *content, const struct chunk_refused_row *refused);

void chunk_content_encode(const struct chunk_content *content, struct buffer *out);
/* Into an empty content. E_MALFORMED, E_LIMIT, E_NOT_CANONICAL; free it in any case. */
MUST_USE enum status chunk_content_decode(struct span bytes, struct chunk_content *content, struct fault *fault);

/* A row's sample; texts borrowed from the content. */
void chunk_content_sample(const struct chunk_content *content, uint32_t device, size_t row, size_t column, struct sample *out);

#endif
