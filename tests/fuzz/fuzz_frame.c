/* A stream in arbitrary pieces gives the same frames as one in a single piece. */
#include "base/buffer.h"
#include "base/cursor.h"
#include "host/frame.h"

#include <event2/buffer.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FRAME_MAX = 300 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	size_t piece = 1 + data[0];
	struct reader plain = reader_of(span_of(data + 1, size - 1));
	struct evbuffer *stream = evbuffer_new();
	CHECK(stream);
	bool ended = false;
	for (size_t at = 1; at < size && !ended; at += piece) {
		evbuffer_add(stream, data + at, size - at < piece ? size - at : piece);
		struct frame frame;
		enum status status;
		while ((status = frame_first(stream, FRAME_MAX, &frame)) == OK) {
			uint32_t expected = read_u32(&plain);
			CHECK(read_u8(&plain) == frame.kind && expected == frame.bytes.size);
			CHECK(span_equal(read_bytes(&plain, expected), frame.bytes) && !plain.failed);
			frame_drop(stream, &frame);
		}
		ended = status == E_LIMIT;
	}
	if (ended)
		CHECK(read_u32(&plain) > FRAME_MAX);
	evbuffer_free(stream);
	return 0;
}
