#include "base/buffer.h"
#include "base/cursor.h"
#include "base/map.h"
#include "base/random.h"
#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void fields_come_back_as_written(void **state)
{
	(void)state;
	struct random random = random_of(1);
	for (int round = 0; round < 2000; round++) {
		uint64_t value = random_next(&random) >> random_below(&random, 64);
		struct buffer out = {0};
		write_varint(&out, value);
		write_u16(&out, (uint16_t)value);
		write_i64(&out, -(int64_t)(value >> 1));
		write_f64(&out, (double)value);
		write_block(&out, span_of_text("notch"));
		struct reader in = reader_of(buffer_span(&out));
		assert_true(read_varint(&in) == value);
		assert_int_equal(read_u16(&in), (uint16_t)value);
		assert_true(read_i64(&in) == -(int64_t)(value >> 1));
		assert_true(read_f64(&in) == (double)value);
		assert_true(span_is_text(read_block(&in, 5), "notch"));
		assert_int_equal(reader_end(&in), OK);
		buffer_free(&out);
	}
}

static void a_short_input_fails_for_good(void **state)
{
	(void)state;
	uint8_t bytes[] = {1, 2, 3};
	struct reader in = reader_of(span_of(bytes, sizeof bytes));
	assert_int_equal(read_u32(&in), 0);
	assert_int_equal(read_u8(&in), 0);
	assert_true(in.failed);
	assert_int_equal(reader_end(&in), E_MALFORMED);
}

static void a_varint_has_one_form(void **state)
{
	(void)state;
	uint8_t longer[] = {0x80, 0x00};
	uint8_t eleven[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
	struct reader a = reader_of(span_of(longer, sizeof longer));
	struct reader b = reader_of(span_of(eleven, sizeof eleven));
	read_varint(&a);
	read_varint(&b);
	assert_true(a.failed);
	assert_true(b.failed);
}

static void a_map_agrees_with_an_array(void **state)
{
	(void)state;
	enum { KEYS = 257 };
	struct random random = random_of(7);
	struct map map = {0};
	bool present[KEYS] = {0};
	uint64_t values[KEYS] = {0};
	for (int step = 0; step < 50000; step++) {
		uint16_t key = (uint16_t)random_below(&random, KEYS);
		struct span bytes = span_of(&key, sizeof key);
		switch (random_below(&random, 3)) {
		case 0:
			values[key] = random_next(&random);
			present[key] = true;
			map_put(&map, bytes, values[key]);
			break;
		case 1:
			assert_int_equal(map_remove(&map, bytes), present[key]);
			present[key] = false;
			break;
		default: {
			uint64_t found = 0;
			assert_int_equal(map_get(&map, bytes, &found), present[key]);
			if (present[key])
				assert_true(found == values[key]);
		}
		}
	}
	map_free(&map);
}

static void times_read_as_rfc_3339(void **state)
{
	(void)state;
	char text[TIME_TEXT_SIZE];
	time_text(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00Z");
	time_text(INT64_C(1767225600) * NS_PER_S + 120 * NS_PER_MS, text);
	assert_string_equal(text, "2026-01-01T00:00:00.120Z");
	time_text(-1, text);
	assert_string_equal(text, "1969-12-31T23:59:59.999999999Z");
}

static void hexadecimal_is_exact(void **state)
{
	(void)state;
	uint8_t bytes[2];
	char text[5];
	assert_true(span_from_hex(span_of_text("aF01"), bytes, 2));
	span_hex(span_of(bytes, 2), text);
	assert_string_equal(text, "af01");
	assert_false(span_from_hex(span_of_text("aF0"), bytes, 2));
	assert_false(span_from_hex(span_of_text("aF0g"), bytes, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_come_back_as_written),
		cmocka_unit_test(a_short_input_fails_for_good),
		cmocka_unit_test(a_varint_has_one_form),
		cmocka_unit_test(a_map_agrees_with_an_array),
		cmocka_unit_test(times_read_as_rfc_3339),
		cmocka_unit_test(hexadecimal_is_exact),
	};
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
