/* Cursors over fixed-width little-endian fields: the wire and disk forms that are not CBOR.
 * A reader fails once and for all: read every field, test `failed` once, then look. */
#ifndef TALLY_BASE_CURSOR_H
#define TALLY_BASE_CURSOR_H

#include "base/buffer.h"

struct reader {
	struct span rest;
	bool failed;
};

struct reader reader_of(struct span bytes);
uint8_t read_u8(struct reader *reader);
uint16_t read_u16(struct reader *reader);
uint32_t read_u32(struct reader *reader);
uint64_t read_u64(struct reader *reader);
int64_t read_i64(struct reader *reader);
double read_f64(struct reader *reader); /* IEEE 754 bits, exact */
/* Unsigned LEB128 in its shortest form; at most ten bytes. */
uint64_t read_varint(struct reader *reader);
/* The next `size` bytes, borrowed from the input; an empty span once failed. */
struct span read_bytes(struct reader *reader, size_t size);
/* u32 length, then the bytes; fails when the length exceeds `max`. */
struct span read_block(struct reader *reader, size_t max);
struct digest read_digest(struct reader *reader);
/* OK when nothing failed and nothing is left over, else E_MALFORMED. */
MUST_USE enum status reader_end(const struct reader *reader);

void write_u8(struct buffer *out, uint8_t value);
void write_u16(struct buffer *out, uint16_t value);
void write_u32(struct buffer *out, uint32_t value);
void write_u64(struct buffer *out, uint64_t value);
void write_i64(struct buffer *out, int64_t value);
void write_f64(struct buffer *out, double value);
void write_varint(struct buffer *out, uint64_t value);
void write_block(struct buffer *out, struct span bytes);
void write_digest(struct buffer *out, const struct digest *digest);

/* Zigzag: small magnitudes of either sign become small unsigned numbers. */
static inline uint64_t zigzag_encode(int64_t value)
{
	return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static inline int64_t zigzag_decode(uint64_t value)
{
	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

#endif
