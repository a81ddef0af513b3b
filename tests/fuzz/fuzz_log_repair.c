/* Arbitrary bytes as a damaged segment: what comes out is whole, holds every frame that is good where it is expected, and
 * needs no second repair. */
#include "store/log_repair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every frame of the copy reads; every one that is no hole stood in the original at the same place. */
static size_t copy_check(struct span copy, struct span frames, uint64_t start)
{
	size_t at = 0;
	while (at < copy.size) {
		struct log_frame frame;
		size_t size;
		if (log_frame_read(span_after(copy, at), start + at, &frame, &size) != OK)
			break;
		bool same = at + size <= frames.size && memcmp(copy.data + at, frames.data + at, size) == 0;
		CHECK(same || frame.kind == LOG_FRAME_HOLE);
		at += size;
	}
	return at;
}

static void again(struct span copy, uint64_t start, uint64_t end)
{
	struct buffer out = {0};
	struct log_damages damages = {0};
	CHECK(log_repair(copy, start, end, &out, &damages) == OK);
	CHECK(damages.count == 0 && span_equal(buffer_span(&out), copy));
	buffer_free(&out);
	log_damages_free(&damages);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	uint64_t start = data[0];
	struct span frames = span_of(data + 2, size - 2);
	/* The newest segment; and one that ends where the second byte says. */
	const uint64_t ends[] = {UINT64_MAX, start + frames.size + data[1]};
	for (size_t i = 0; i < 2; i++) {
		struct buffer copy = {0};
		struct log_damages damages = {0};
		enum status status = log_repair(frames, start, ends[i], &copy, &damages);
		CHECK(status == OK || (status == E_CORRUPT && i == 1));
		if (status == OK) {
			size_t good = copy_check(buffer_span(&copy), frames, start);
			CHECK(i == 1 ? good == copy.size && start + good == ends[1] : copy.size == frames.size);
			CHECK(i == 1 || good == copy.size || log_tail_is_torn(span_after(buffer_span(&copy), good), start + good));
			again(buffer_span(&copy), start, ends[i]);
		}
		uint64_t after = 0;
		for (size_t k = 0; k < damages.count; k++) {
			CHECK(damages.items[k].offset >= after && damages.items[k].size >= LOG_FRAME_OVERHEAD);
			after = damages.items[k].offset + damages.items[k].size;
		}
		buffer_free(&copy);
		log_damages_free(&damages);
	}
	return 0;
}
