/* Spans: borrowed bytes passed by value. A span never owns its bytes. */
#ifndef TALLY_BASE_SPAN_H
#define TALLY_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const uint8_t *data;
	size_t size;
};

static inline struct span span_of(const void *data, size_t size)
{
	return (struct span){.data = data, .size = size};
}

/* The characters of a C string, without its terminator. */
static inline struct span span_of_text(const char *text)
{
	return span_of(text, strlen(text));
}

/* Without its first `skip` bytes; skip <= span.size. Also of an empty span that points nowhere. */
static inline struct span span_after(struct span span, size_t skip)
{
	return skip ? span_of(span.data + skip, span.size - skip) : span;
}

/* `size` bytes from `at` on, all inside. */
static inline struct span span_part(struct span span, size_t at, size_t size)
{
	return span_of(span_after(span, at).data, size);
}

/* One past the last byte. */
static inline const uint8_t *span_end(struct span span)
{
	return span_after(span, span.size).data;
}

static inline bool span_equal(struct span a, struct span b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool span_is_text(struct span a, const char *text)
{
	return span_equal(a, span_of_text(text));
}

#define DIGEST_SIZE 32

/* A SHA-256 value: of a statement (its id), a block, a chunk, a tree node. */
struct digest {
	uint8_t bytes[DIGEST_SIZE];
};

static inline bool digest_equal(const struct digest *a, const struct digest *b)
{
	return memcmp(a->bytes, b->bytes, DIGEST_SIZE) == 0;
}

static inline bool digest_is_zero(const struct digest *a)
{
	static const struct digest zero;
	return digest_equal(a, &zero);
}

#define DIGEST_HEX_SIZE (2 * DIGEST_SIZE + 1)

/* Lower-case hexadecimal of `data` into out[2 * data.size + 1], terminated. */
void span_hex(struct span data, char *out);

/* Decode exactly 2 * size hexadecimal digits. False if text is anything else. */
bool span_from_hex(struct span text, uint8_t *out, size_t size);

#endif
