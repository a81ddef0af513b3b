/* Frames of the wire in a stream of bytes: u32 size | u8 kind | bytes. */
#ifndef TALLY_HOST_FRAME_H
#define TALLY_HOST_FRAME_H

#include "base/span.h"
#include "base/status.h"

struct evbuffer;

enum { FRAME_HEAD = 5 };

struct frame {
	uint8_t kind;
	struct span bytes;            /* borrowed from the stream until frame_drop */
};

void frame_append(struct evbuffer *stream, uint8_t kind, struct span bytes);
/* The first whole frame. E_NOT_FOUND: not all of it has come. E_LIMIT: it announces more than `max` bytes. */
MUST_USE enum status frame_first(struct evbuffer *stream, size_t max, struct frame *out);
void frame_drop(struct evbuffer *stream, const struct frame *frame);

#endif
