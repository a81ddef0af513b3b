#include "host/frame.h"

#include "base/cursor.h"

#include <event2/buffer.h>

void frame_append(struct evbuffer *stream, uint8_t kind, struct span bytes)
{
	uint32_t size = (uint32_t)bytes.size;
	uint8_t head[FRAME_HEAD] = {(uint8_t)size, (uint8_t)(size >> 8), (uint8_t)(size >> 16), (uint8_t)(size >> 24), kind};
	CHECK(evbuffer_add(stream, head, sizeof head) == 0 && evbuffer_add(stream, bytes.data, bytes.size) == 0);
}

enum status frame_first(struct evbuffer *stream, size_t max, struct frame *out)
{
	uint8_t bytes[FRAME_HEAD];
	if (evbuffer_copyout(stream, bytes, FRAME_HEAD) != FRAME_HEAD)
		return E_NOT_FOUND;
	struct reader head = reader_of(span_of(bytes, FRAME_HEAD));
	size_t size = read_u32(&head);
	out->kind = read_u8(&head);
	if (size > max)
		return E_LIMIT;
	if (evbuffer_get_length(stream) - FRAME_HEAD < size)
		return E_NOT_FOUND;
	uint8_t *whole = evbuffer_pullup(stream, (ev_ssize_t)(FRAME_HEAD + size));
	CHECK(whole);
	out->bytes = span_of(whole + FRAME_HEAD, size);
	return OK;
}

void frame_drop(struct evbuffer *stream, const struct frame *frame)
{
	evbuffer_drain(stream, FRAME_HEAD + frame->bytes.size);
}
