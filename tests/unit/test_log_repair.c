/* Repair of a segment: whatever is damaged, the good frames stay where they were, and nothing else is told. */
#include "base/random.h"
#include "store/log_repair.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { FRAMES = 9, START = 1000 };

struct segment {
	struct buffer bytes;
	size_t at[FRAMES + 1];
};

static struct segment segment_make(size_t step)
{
	struct segment segment = {0};
	uint8_t content[200];
	for (size_t i = 0; i < sizeof content; i++)
		content[i] = (uint8_t)(i * 7 + 1);
	for (size_t i = 0; i < FRAMES; i++) {
		segment.at[i] = segment.bytes.size;
		log_frame_write(&segment.bytes, START + segment.bytes.size, (uint8_t)(1 + i), span_of(content, step * i));
	}
	segment.at[FRAMES] = segment.bytes.size;
	return segment;
}

/* The repaired copy is whole from end to end; frame i is in it unless `lost` has bit i; everything else are holes. */
static void copy_is_right(const struct segment *segment, struct span copy, unsigned lost)
{
	size_t at = 0, next = 0;
	while (at < copy.size) {
		struct log_frame frame;
		size_t size;
		assert_int_equal(log_frame_read(span_after(copy, at), START + at, &frame, &size), OK);
		while (next < FRAMES && lost >> next & 1)
			next++;
		if (frame.kind == LOG_FRAME_HOLE) {
			for (size_t i = 0; i < frame.bytes.size; i++)
				assert_int_equal(frame.bytes.data[i], 0);
			assert_true(next == FRAMES || at + size <= segment->at[next]);
		} else {
			assert_true(next < FRAMES && at == segment->at[next] && frame.kind == 1 + next);
			assert_true(size == segment->at[next + 1] - segment->at[next]);
			assert_memory_equal(copy.data + at, segment->bytes.data + at, size);
			next++;
		}
		at += size;
	}
	while (next < FRAMES && lost >> next & 1)
		next++;
	assert_int_equal(next, FRAMES);
}

static void repaired(const struct segment *segment, struct span damaged, unsigned lost, size_t parts)
{
	struct buffer copy = {0};
	struct log_damages damages = {0};
	assert_int_equal(log_repair(damaged, START, START + segment->bytes.size, &copy, &damages), OK);
	assert_int_equal(copy.size, segment->bytes.size);
	assert_int_equal(damages.count, parts);
	copy_is_right(segment, buffer_span(&copy), lost);
	/* Once repaired, nothing is left to repair. */
	struct buffer again = {0};
	struct log_damages none = {0};
	assert_int_equal(log_repair(buffer_span(&copy), START, START + copy.size, &again, &none), OK);
	assert_int_equal(none.count, 0);
	assert_true(span_equal(buffer_span(&copy), buffer_span(&again)));
	buffer_free(&again);
	buffer_free(&copy);
	log_damages_free(&damages);
}

static size_t frame_of(const struct segment *segment, size_t byte)
{
	size_t i = 0;
	while (segment->at[i + 1] <= byte)
		i++;
	return i;
}

static void every_byte_flipped(void **state)
{
	(void)state;
	struct segment segment = segment_make(11);
	for (size_t byte = 0; byte < segment.bytes.size; byte++)
		for (unsigned bit = 0; bit < 8; bit++) {
			segment.bytes.data[byte] ^= (uint8_t)(1 << bit);
			struct buffer damaged = {0};
			buffer_append_span(&damaged, buffer_span(&segment.bytes));
			segment.bytes.data[byte] ^= (uint8_t)(1 << bit);
			repaired(&segment, buffer_span(&damaged), 1u << frame_of(&segment, byte), 1);
			buffer_free(&damaged);
		}
	buffer_free(&segment.bytes);
}

/* A full segment whose file lost its end: the hole reaches to where the next one begins. */
static void every_truncation(void **state)
{
	(void)state;
	struct segment segment = segment_make(11);
	for (size_t size = 0; size < segment.bytes.size; size++)
		repaired(&segment, span_of(segment.bytes.data, size), ((1u << FRAMES) - 1) & ~((1u << frame_of(&segment, size)) - 1), 1);
	buffer_free(&segment.bytes);
}

static void several_holes(void **state)
{
	(void)state;
	struct segment segment = segment_make(20);
	for (unsigned lost = 0; lost < 1u << FRAMES; lost++) {
		struct buffer damaged = {0};
		size_t parts = 0;
		buffer_append_span(&damaged, buffer_span(&segment.bytes));
		for (size_t i = 0; i < FRAMES; i++) {
			if (!(lost >> i & 1))
				continue;
			memset(damaged.data + segment.at[i], 0xee, segment.at[i + 1] - segment.at[i]);
			parts += i == 0 || !(lost >> (i - 1) & 1);
		}
		repaired(&segment, buffer_span(&damaged), lost, parts);
		buffer_free(&damaged);
	}
	buffer_free(&segment.bytes);
}

/* Of the newest segment the end is left for the judge of torn tails. */
static void the_newest_keeps_its_tail(void **state)
{
	(void)state;
	struct segment segment = segment_make(20);
	for (size_t size = segment.at[FRAMES - 1]; size < segment.bytes.size; size++) {
		struct buffer copy = {0}, damaged = {0};
		struct log_damages damages = {0};
		buffer_append(&damaged, segment.bytes.data, size);
		damaged.data[segment.at[2] + 3] ^= 1;
		assert_int_equal(log_repair(buffer_span(&damaged), START, UINT64_MAX, &copy, &damages), OK);
		assert_int_equal(damages.count, 1);
		assert_true(damages.items[0].offset == segment.at[2] && damages.items[0].size == segment.at[3] - segment.at[2]);
		assert_int_equal(copy.size, size);
		assert_true(log_tail_is_torn(span_after(buffer_span(&copy), segment.at[FRAMES - 1]), START + segment.at[FRAMES - 1]));
		buffer_free(&copy);
		buffer_free(&damaged);
		log_damages_free(&damages);
	}
	buffer_free(&segment.bytes);
}

static void what_does_not_fit_is_refused(void **state)
{
	(void)state;
	struct segment segment = segment_make(20);
	struct buffer copy = {0};
	struct log_damages damages = {0};
	struct span all = buffer_span(&segment.bytes);
	assert_int_equal(log_repair(all, START, START - 1, &copy, &damages), E_CORRUPT);
	assert_int_equal(log_repair(all, START, START + all.size - 1, &copy, &damages), E_CORRUPT);
	assert_int_equal(log_repair(all, START, START + all.size + LOG_FRAME_OVERHEAD - 1, &copy, &damages), E_CORRUPT);
	assert_int_equal(log_repair(all, START, START + LOG_REPAIR_SEGMENT_MAX + 1, &copy, &damages), E_CORRUPT);
	buffer_clear(&copy);
	assert_int_equal(log_repair(all, START, START + all.size + LOG_FRAME_OVERHEAD, &copy, &damages), OK);
	assert_int_equal(copy.size, all.size + LOG_FRAME_OVERHEAD);
	log_damages_free(&damages);
	buffer_free(&copy);
	buffer_free(&segment.bytes);
}

/* A statement may hold bytes that are a frame in the place where they lie. When the frame around them is damaged they
 * come to light; what is before and behind them must still be covered by whole holes. */
static void a_frame_inside_a_frame(void **state)
{
	(void)state;
	for (size_t before = 0; before < 60; before++)
		for (size_t behind = 0; behind < 60; behind++) {
			struct buffer body = {0}, log = {0}, copy = {0};
			struct log_damages damages = {0};
			uint8_t filler[64] = {0};
			memset(filler, 7, sizeof filler);
			buffer_append(&body, filler, before);
			log_frame_write(&body, LOG_FRAME_HEAD + before, 9, span_of_text("inside"));
			buffer_append(&body, filler, behind);
			log_frame_write(&log, 0, 1, buffer_span(&body));
			size_t next = log.size;
			log_frame_write(&log, next, 2, span_of_text("next"));
			log_frame_write(&log, log.size, 3, span_of_text("and next"));
			log.data[0] ^= 0x40;
			assert_int_equal(log_repair(buffer_span(&log), 0, log.size, &copy, &damages), OK);
			assert_int_equal(copy.size, log.size);
			bool last = false;
			for (size_t at = 0; at < copy.size;) {
				struct log_frame frame;
				size_t size;
				assert_int_equal(log_frame_read(span_after(buffer_span(&copy), at), at, &frame, &size), OK);
				assert_true(frame.kind == LOG_FRAME_HOLE || frame.kind == 9 || frame.kind == 2 || frame.kind == 3);
				last = frame.kind == 3;
				at += size;
			}
			assert_true(last);
			/* The same at the end of the newest segment, where nothing follows. */
			buffer_clear(&copy);
			log_damages_free(&damages);
			assert_int_equal(log_repair(span_of(log.data, next), 0, UINT64_MAX, &copy, &damages), OK);
			assert_int_equal(copy.size, next);
			size_t at = 0;
			for (struct log_frame frame; at < copy.size;) {
				size_t size;
				if (log_frame_read(span_after(buffer_span(&copy), at), at, &frame, &size) != OK)
					break;
				at += size;
			}
			assert_true(log_tail_is_torn(span_after(buffer_span(&copy), at), at));
			buffer_free(&body);
			buffer_free(&log);
			buffer_free(&copy);
			log_damages_free(&damages);
		}
}

static void holes_of_any_size(void **state)
{
	(void)state;
	const uint64_t frame_max = LOG_FRAME_MAX + LOG_FRAME_OVERHEAD;
	const uint64_t sizes[] = {LOG_FRAME_OVERHEAD, LOG_FRAME_OVERHEAD + 1, frame_max - 1, frame_max, frame_max + 1,
		frame_max + LOG_FRAME_OVERHEAD - 1, frame_max + LOG_FRAME_OVERHEAD, 2 * frame_max + 7};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct buffer out = {0};
		log_hole_write(&out, 5, sizes[i]);
		assert_int_equal(out.size, sizes[i]);
		for (size_t at = 0; at < out.size;) {
			struct log_frame frame;
			size_t size;
			assert_int_equal(log_frame_read(span_after(buffer_span(&out), at), 5 + at, &frame, &size), OK);
			assert_int_equal(frame.kind, LOG_FRAME_HOLE);
			at += size;
		}
		buffer_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_flipped),
		cmocka_unit_test(every_truncation),
		cmocka_unit_test(several_holes),
		cmocka_unit_test(the_newest_keeps_its_tail),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(a_frame_inside_a_frame),
		cmocka_unit_test(holes_of_any_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
