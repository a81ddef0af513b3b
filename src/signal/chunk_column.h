/* Columns of a chunk as bytes: integers as differences in byte planes, doubles as scaled
 * integers or XORed bits, statuses as runs. One column, one form: each choice below follows
 * from the values alone. What a reader accepts may be more than what a writer makes; chunk_content
 * compares. Private to the chunk files of this room. Layout: docs/formats.md. */
#ifndef TALLY_SIGNAL_CHUNK_COLUMN_H
#define TALLY_SIGNAL_CHUNK_COLUMN_H

#include "base/cursor.h"

enum {
	/* Bounds of what is written: a column's head, an integer of it, and a sample with its value or
	 * exception, the exception's gap, its share of the presence runs, and its status run. */
	CHUNK_COLUMN_HEAD_MAX = 32,
	CHUNK_INTEGER_BYTES_MAX = 8,
	CHUNK_SAMPLE_BYTES_MAX = 8 + 2 + 2 + 6,
};

/* Memory for one column at a time. Zero is an empty one. */
struct chunk_scratch {
	int64_t *integers;
	uint64_t *residuals;
	double *doubles;
	size_t integer_capacity;
	size_t residual_capacity;
	size_t double_capacity;
};

void chunk_scratch_free(struct chunk_scratch *scratch);
int64_t *chunk_scratch_integers(struct chunk_scratch *scratch, size_t count);

void chunk_integers_write(struct buffer *out, struct chunk_scratch *scratch, const int64_t *values, size_t count);
void chunk_integers_read(struct reader *in, int64_t *values, size_t count);

/* Values stand `stride` apart; NaN is "no value". */
void chunk_doubles_write(struct buffer *out, struct chunk_scratch *scratch, const double *values, size_t count, size_t stride);
void chunk_doubles_read(struct reader *in, struct chunk_scratch *scratch, double *values, size_t count, size_t stride);

void chunk_statuses_write(struct buffer *out, const uint32_t *statuses, const uint8_t *reasons, size_t count, size_t stride);
void chunk_statuses_read(struct reader *in, uint32_t *statuses, uint8_t *reasons, size_t count, size_t stride);

#endif
