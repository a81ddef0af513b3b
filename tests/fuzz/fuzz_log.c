/* Arbitrary bytes as a log: reading never goes beyond them, what was read writes back as it was, and the torn-tail
 * rule agrees with a search. */
#include "store/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t position = size ? data[0] : 0;
	struct span rest = size ? span_of(data + 1, size - 1) : span_of(data, 0);
	for (;;) {
		struct log_frame frame;
		size_t frame_size;
		enum status status = log_frame_read(rest, position, &frame, &frame_size);
		if (status == OK) {
			CHECK(frame_size <= rest.size && frame.bytes.size + LOG_FRAME_OVERHEAD == frame_size);
			struct buffer again = {0};
			log_frame_write(&again, position, frame.kind, frame.bytes);
			CHECK(span_equal(buffer_span(&again), span_of(rest.data, frame_size)));
			buffer_free(&again);
			rest = span_of(rest.data + frame_size, rest.size - frame_size);
			position += frame_size;
			continue;
		}
		CHECK(status == E_NOT_FOUND || status == E_CORRUPT);
		bool torn = log_tail_is_torn(rest, position);
		CHECK(status != E_NOT_FOUND || torn);
		return 0;
	}
}
