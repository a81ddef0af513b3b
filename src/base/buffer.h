/* Buffer: bytes that grow. Owned by whoever declared it; zero is a valid empty one.
 * Out of memory is a failed machine: the process stops with a message. */
#ifndef TALLY_BASE_BUFFER_H
#define TALLY_BASE_BUFFER_H

#include "base/span.h"
#include "base/status.h"

struct buffer {
	uint8_t *data;
	size_t size;
	size_t capacity;
};

void buffer_free(struct buffer *buffer);
/* Empty it, keeping the memory. */
void buffer_clear(struct buffer *buffer);
void buffer_reserve(struct buffer *buffer, size_t more);
void buffer_append(struct buffer *buffer, const void *data, size_t size);
void buffer_append_span(struct buffer *buffer, struct span span);
void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_append_byte(struct buffer *buffer, uint8_t byte);
void buffer_printf(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);
/* Remove the first `size` bytes. */
void buffer_consume(struct buffer *buffer, size_t size);

static inline struct span buffer_span(const struct buffer *buffer)
{
	return span_of(buffer->data, buffer->size);
}

/* malloc, calloc, realloc, strdup that stop the process rather than return NULL. */
void *memory_new(size_t size);
void *memory_new_array(size_t count, size_t size); /* zeroed; count * size is checked */
void *memory_resize(void *old, size_t count, size_t size);
char *memory_text(struct span text);
/* The same end, when a library tells that there was no memory. */
_Noreturn void memory_exhausted(void);

/* Make room for one more in a growing array: doubles *capacity when full. */
#define ARRAY_GROW(array, count, capacity)                                             \
	do {                                                                           \
		if ((count) == (capacity)) {                                           \
			(capacity) = (capacity) ? 2 * (capacity) : 8;                  \
			(array) = memory_resize((array), (capacity), sizeof *(array)); \
		}                                                                      \
	} while (0)

#endif
