#include "base/random.h"
#include "store/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* The definition of the polynomial, one bit at a time. */
static uint32_t crc32c_by_definition(struct span bytes)
{
	uint32_t crc = UINT32_MAX;
	for (size_t i = 0; i < bytes.size; i++) {
		crc ^= bytes.data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

static void the_checksum_is_crc_32c(void **state)
{
	(void)state;
	/* RFC 3720, B.4 */
	uint8_t bytes[32] = {0};
	assert_int_equal(crc32c(span_of(bytes, 32)), 0x8a9136aa);
	memset(bytes, 0xff, 32);
	assert_int_equal(crc32c(span_of(bytes, 32)), 0x62a8ab43);
	for (uint8_t i = 0; i < 32; i++)
		bytes[i] = i;
	assert_int_equal(crc32c(span_of(bytes, 32)), 0x46dd794e);
	assert_int_equal(crc32c(span_of_text("123456789")), 0xe3069283);
	struct random random = random_of(3);
	uint8_t noise[300];
	for (size_t i = 0; i < sizeof noise; i++)
		noise[i] = (uint8_t)random_next(&random);
	for (size_t start = 0; start < 9; start++)
		for (size_t size = 0; start + size <= sizeof noise; size++) {
			struct span part = span_of(noise + start, size);
			assert_int_equal(crc32c(part), crc32c_by_definition(part));
			assert_int_equal(crc32c_portable(part), crc32c_by_definition(part));
		}
}

/* A log of `count` frames with sizes 0, 7, 14, ... from position `start`; ends[i] is the end of frame i. */
static void log_build(struct buffer *out, uint64_t start, size_t count, size_t *ends)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t bytes[256];
		for (size_t k = 0; k < sizeof bytes; k++)
			bytes[k] = (uint8_t)(17 * i + k);
		log_frame_write(out, start + out->size, (uint8_t)(i % 3), span_of(bytes, 7 * i % sizeof bytes));
		ends[i] = out->size;
	}
}

/* How many good frames are there, and how does reading end? */
static enum status log_walk(struct span bytes, uint64_t position, size_t *good, size_t *end)
{
	*good = 0;
	*end = 0;
	for (;;) {
		struct log_frame frame;
		size_t size;
		enum status status = log_frame_read(span_of(bytes.data + *end, bytes.size - *end), position + *end, &frame, &size);
		if (status != OK)
			return status;
		assert_true(frame.position == position + *end);
		assert_int_equal(frame.bytes.size, size - LOG_FRAME_OVERHEAD);
		*end += size;
		(*good)++;
	}
}

enum { FRAMES = 8 };

static void frames_come_back_as_written(void **state)
{
	(void)state;
	struct buffer log = {0};
	size_t ends[FRAMES], good, end;
	log_build(&log, 1000, FRAMES, ends);
	assert_int_equal(log_walk(buffer_span(&log), 1000, &good, &end), E_NOT_FOUND);
	assert_int_equal(good, FRAMES);
	assert_int_equal(end, log.size);
	struct log_frame frame;
	size_t size;
	assert_int_equal(log_frame_read(span_of(log.data + ends[1], log.size - ends[1]), 1000 + ends[1], &frame, &size), OK);
	assert_int_equal(frame.kind, 2);
	assert_int_equal(frame.bytes.size, 14);
	assert_int_equal(frame.bytes.data[3], 17 * 2 + 3);
	buffer_free(&log);
}

static void a_frame_elsewhere_is_no_frame(void **state)
{
	(void)state;
	struct buffer log = {0};
	size_t size;
	struct log_frame frame;
	log_frame_write(&log, 4096, 1, span_of_text("notch"));
	assert_int_equal(log_frame_read(buffer_span(&log), 4096, &frame, &size), OK);
	assert_int_equal(log_frame_read(buffer_span(&log), 4097, &frame, &size), E_CORRUPT);
	assert_int_equal(log_frame_read(buffer_span(&log), 0, &frame, &size), E_CORRUPT);
	buffer_free(&log);
}

/* Every place where a write may have stopped: whole frames before it survive, and what is left is a torn tail. */
static void every_truncation_is_a_torn_tail(void **state)
{
	(void)state;
	struct buffer log = {0};
	size_t ends[FRAMES];
	log_build(&log, 77, FRAMES, ends);
	for (size_t cut = 0; cut <= log.size; cut++) {
		size_t whole = 0;
		while (whole < FRAMES && ends[whole] <= cut)
			whole++;
		size_t start = whole ? ends[whole - 1] : 0;
		size_t good, end;
		enum status status = log_walk(span_of(log.data, cut), 77, &good, &end);
		assert_int_equal(good, whole);
		assert_int_equal(end, start);
		/* Fewer bytes than it takes to see more than zeros are nothing yet. */
		bool nothing = true;
		for (size_t i = start; i < cut; i++)
			nothing = nothing && log.data[i] == 0;
		assert_int_equal(status, nothing ? E_NOT_FOUND : E_CORRUPT);
		assert_true(log_tail_is_torn(span_of(log.data + start, cut - start), 77 + start));

		/* The same with the file made longer first, and zeros where the bytes did not arrive. */
		struct buffer padded = {0};
		buffer_append(&padded, log.data, cut);
		for (int i = 0; i < 40; i++)
			buffer_append_byte(&padded, 0);
		status = log_walk(buffer_span(&padded), 77, &good, &end);
		assert_true(good == whole || (good == whole + 1 && padded.size >= ends[whole]));
		assert_true(status == E_CORRUPT || status == E_NOT_FOUND);
		if (cut == start)
			assert_int_equal(status, E_NOT_FOUND);
		if (status == E_CORRUPT)
			assert_true(log_tail_is_torn(span_of(padded.data + end, padded.size - end), 77 + end));
		buffer_free(&padded);
	}
	buffer_free(&log);
}

/* Rot: the damaged frame is found, the ones before it are read, and unless it is the last one, it is not taken for a
 * torn tail. */
static void every_flipped_bit_is_found(void **state)
{
	(void)state;
	struct buffer log = {0};
	size_t ends[FRAMES];
	log_build(&log, 77, FRAMES, ends);
	for (size_t bit = 0; bit < 8 * log.size; bit++) {
		size_t hit = 0;
		while (ends[hit] <= bit / 8)
			hit++;
		size_t start = hit ? ends[hit - 1] : 0;
		log.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		size_t good, end;
		assert_int_equal(log_walk(buffer_span(&log), 77, &good, &end), E_CORRUPT);
		assert_int_equal(good, hit);
		assert_int_equal(end, start);
		assert_int_equal(log_tail_is_torn(span_of(log.data + end, log.size - end), 77 + end), hit == FRAMES - 1);
		log.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	buffer_free(&log);
}

static void sizes_beyond_the_limit_are_refused(void **state)
{
	(void)state;
	/* A frame that claims to be larger than any may be, with a checksum that holds. */
	struct buffer out = {0};
	write_u32(&out, LOG_FRAME_MAX + 1);
	write_u32(&out, 1);
	write_u64(&out, 0);
	size_t size = LOG_FRAME_MAX + 1;
	buffer_reserve(&out, size);
	memset(out.data + out.size, 0, size);
	out.size += size;
	write_u32(&out, crc32c(buffer_span(&out)));
	struct log_frame frame;
	assert_int_equal(log_frame_read(buffer_span(&out), 0, &frame, &size), E_CORRUPT);
	buffer_clear(&out);
	uint8_t *large = memory_new_array(LOG_FRAME_MAX, 1);
	log_frame_write(&out, 5, 1, span_of(large, LOG_FRAME_MAX));
	assert_int_equal(log_frame_read(buffer_span(&out), 5, &frame, &size), OK);
	assert_int_equal(size, LOG_FRAME_MAX + LOG_FRAME_OVERHEAD);
	free(large);
	buffer_free(&out);
}

static void padding_must_be_zero(void **state)
{
	(void)state;
	struct buffer out = {0};
	log_frame_write(&out, 0, 1, span_of_text("notch"));
	out.data[6] = 1;
	out.size -= 4;
	write_u32(&out, crc32c(buffer_span(&out)));
	struct log_frame frame;
	size_t size;
	assert_int_equal(log_frame_read(buffer_span(&out), 0, &frame, &size), E_CORRUPT);
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_checksum_is_crc_32c),
		cmocka_unit_test(frames_come_back_as_written),
		cmocka_unit_test(a_frame_elsewhere_is_no_frame),
		cmocka_unit_test(every_truncation_is_a_torn_tail),
		cmocka_unit_test(every_flipped_bit_is_found),
		cmocka_unit_test(sizes_beyond_the_limit_are_refused),
		cmocka_unit_test(padding_must_be_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
