#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void memory_exhausted(void)
{
	fputs("level=fatal event=out_of_memory\n", stderr);
	abort();
}

static void *must(void *memory)
{
	if (!memory)
		memory_exhausted();
	return memory;
}

void *memory_new(size_t size)
{
	return must(calloc(1, size ? size : 1));
}

void *memory_new_array(size_t count, size_t size)
{
	return must(calloc(count ? count : 1, size ? size : 1));
}

void *memory_resize(void *old, size_t count, size_t size)
{
	CHECK(size == 0 || count <= SIZE_MAX / size);
	size_t bytes = count * size;
	return must(realloc(old, bytes ? bytes : 1));
}

char *memory_text(struct span text)
{
	char *copy = memory_new(text.size + 1);
	if (text.size)
		memcpy(copy, text.data, text.size);
	return copy;
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){0};
}

void buffer_clear(struct buffer *buffer)
{
	buffer->size = 0;
}

void buffer_reserve(struct buffer *buffer, size_t more)
{
	CHECK(more <= SIZE_MAX / 4 && buffer->size <= SIZE_MAX / 4);
	size_t need = buffer->size + more;
	if (need <= buffer->capacity)
		return;
	size_t capacity = buffer->capacity ? buffer->capacity : 64;
	while (capacity < need)
		capacity *= 2;
	buffer->data = memory_resize(buffer->data, capacity, 1);
	buffer->capacity = capacity;
}

void buffer_append(struct buffer *buffer, const void *data, size_t size)
{
	if (size == 0)
		return;
	buffer_reserve(buffer, size);
	memcpy(buffer->data + buffer->size, data, size);
	buffer->size += size;
}

void buffer_append_span(struct buffer *buffer, struct span span)
{
	buffer_append(buffer, span.data, span.size);
}

void buffer_append_text(struct buffer *buffer, const char *text)
{
	buffer_append(buffer, text, strlen(text));
}

void buffer_append_byte(struct buffer *buffer, uint8_t byte)
{
	buffer_append(buffer, &byte, 1);
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	va_list again;
	va_copy(again, arguments);
	buffer_reserve(buffer, 64);
	size_t room = buffer->capacity - buffer->size;
	int size = vsnprintf((char *)buffer->data + buffer->size, room, format, arguments);
	va_end(arguments);
	CHECK(size >= 0);
	if ((size_t)size >= room) {
		buffer_reserve(buffer, (size_t)size + 1);
		vsnprintf((char *)buffer->data + buffer->size, (size_t)size + 1, format, again);
	}
	va_end(again);
	buffer->size += (size_t)size;
}

void buffer_consume(struct buffer *buffer, size_t size)
{
	CHECK(size <= buffer->size);
	buffer->size -= size;
	if (buffer->size)
		memmove(buffer->data, buffer->data + size, buffer->size);
}
