#include "store/log.h"

static const uint8_t zeros[3];

void log_frame_write(struct buffer *out, uint64_t position, uint8_t kind, struct span bytes)
{
	CHECK(bytes.size <= LOG_FRAME_MAX);
	size_t start = out->size;
	buffer_reserve(out, LOG_FRAME_OVERHEAD + bytes.size);
	write_u32(out, (uint32_t)bytes.size);
	write_u8(out, kind);
	buffer_append(out, zeros, sizeof zeros);
	write_u64(out, position);
	buffer_append_span(out, bytes);
	write_u32(out, crc32c(span_of(out->data + start, out->size - start)));
}

/* The frame at the start of `bytes`, if it is whole, expected there, and undamaged. */
static bool frame_is_good(struct span bytes, uint64_t position, struct log_frame *out, size_t *size)
{
	struct reader in = reader_of(bytes);
	uint32_t body_size = read_u32(&in);
	out->kind = read_u8(&in);
	struct span padding = read_bytes(&in, sizeof zeros);
	out->position = read_u64(&in);
	if (in.failed || out->position != position || body_size > LOG_FRAME_MAX || memcmp(padding.data, zeros, sizeof zeros) != 0)
		return false;
	out->bytes = read_bytes(&in, body_size);
	uint32_t crc = read_u32(&in);
	if (in.failed)
		return false;
	*size = LOG_FRAME_OVERHEAD + (size_t)body_size;
	return crc == crc32c(span_of(bytes.data, *size - 4));
}

/* A file that was made longer before its bytes arrived reads as zeros; no frame is all zeros,
 * because the checksum of zeros is not zero. */
static bool is_zeros(struct span bytes)
{
	for (size_t i = 0; i < bytes.size; i++)
		if (bytes.data[i])
			return false;
	return true;
}

enum status log_frame_read(struct span bytes, uint64_t position, struct log_frame *out, size_t *size)
{
	struct log_frame frame = {0};
	if (frame_is_good(bytes, position, &frame, size)) {
		*out = frame;
		return OK;
	}
	return is_zeros(bytes) ? E_NOT_FOUND : E_CORRUPT;
}

size_t log_frame_find(struct span bytes, uint64_t position, size_t from)
{
	struct log_frame frame;
	size_t size;
	for (size_t at = from; at < bytes.size; at++)
		if (frame_is_good(span_of(bytes.data + at, bytes.size - at), position + at, &frame, &size))
			return at;
	return bytes.size;
}

bool log_tail_is_torn(struct span bytes, uint64_t position)
{
	return log_frame_find(bytes, position, 1) == bytes.size;
}
