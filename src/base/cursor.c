#include "base/cursor.h"

struct reader reader_of(struct span bytes)
{
	return (struct reader){.rest = bytes};
}

struct span read_bytes(struct reader *reader, size_t size)
{
	if (reader->failed || size > reader->rest.size) {
		reader->failed = true;
		return (struct span){0};
	}
	struct span taken = span_of(reader->rest.data, size);
	if (size) {
		reader->rest.data += size;
		reader->rest.size -= size;
	}
	return taken;
}

static uint64_t read_little(struct reader *reader, size_t size)
{
	struct span bytes = read_bytes(reader, size);
	uint64_t value = 0;
	for (size_t i = 0; i < bytes.size; i++)
		value |= (uint64_t)bytes.data[i] << (8 * i);
	return value;
}

uint8_t read_u8(struct reader *reader)
{
	return (uint8_t)read_little(reader, 1);
}

uint16_t read_u16(struct reader *reader)
{
	return (uint16_t)read_little(reader, 2);
}

uint32_t read_u32(struct reader *reader)
{
	return (uint32_t)read_little(reader, 4);
}

uint64_t read_u64(struct reader *reader)
{
	return read_little(reader, 8);
}

int64_t read_i64(struct reader *reader)
{
	return (int64_t)read_little(reader, 8);
}

double read_f64(struct reader *reader)
{
	uint64_t bits = read_little(reader, 8);
	double value;
	memcpy(&value, &bits, sizeof value);
	return value;
}

uint64_t read_varint(struct reader *reader)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = read_u8(reader);
		if (reader->failed)
			return 0;
		bool last = !(byte & 0x80);
		bool overflows = shift == 63 && byte > 1;
		bool not_shortest = last && byte == 0 && shift > 0;
		if (overflows || not_shortest)
			break;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (last)
			return value;
	}
	reader->failed = true;
	return 0;
}

struct span read_block(struct reader *reader, size_t max)
{
	uint32_t size = read_u32(reader);
	if (size > max)
		reader->failed = true;
	return read_bytes(reader, reader->failed ? 0 : size);
}

struct digest read_digest(struct reader *reader)
{
	struct digest digest = {0};
	struct span bytes = read_bytes(reader, DIGEST_SIZE);
	if (bytes.size == DIGEST_SIZE)
		memcpy(digest.bytes, bytes.data, DIGEST_SIZE);
	return digest;
}

enum status reader_end(const struct reader *reader)
{
	return reader->failed || reader->rest.size != 0 ? E_MALFORMED : OK;
}

static void write_little(struct buffer *out, uint64_t value, size_t size)
{
	uint8_t bytes[8];
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
	buffer_append(out, bytes, size);
}

void write_u8(struct buffer *out, uint8_t value)
{
	write_little(out, value, 1);
}

void write_u16(struct buffer *out, uint16_t value)
{
	write_little(out, value, 2);
}

void write_u32(struct buffer *out, uint32_t value)
{
	write_little(out, value, 4);
}

void write_u64(struct buffer *out, uint64_t value)
{
	write_little(out, value, 8);
}

void write_i64(struct buffer *out, int64_t value)
{
	write_little(out, (uint64_t)value, 8);
}

void write_f64(struct buffer *out, double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof bits);
	write_little(out, bits, 8);
}

void write_varint(struct buffer *out, uint64_t value)
{
	while (value >= 0x80) {
		write_u8(out, (uint8_t)(value | 0x80));
		value >>= 7;
	}
	write_u8(out, (uint8_t)value);
}

void write_block(struct buffer *out, struct span bytes)
{
	CHECK(bytes.size <= UINT32_MAX);
	write_u32(out, (uint32_t)bytes.size);
	buffer_append_span(out, bytes);
}

void write_digest(struct buffer *out, const struct digest *digest)
{
	buffer_append(out, digest->bytes, DIGEST_SIZE);
}
