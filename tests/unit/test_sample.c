#include "base/random.h"
#include "base/time.h"
#include "signal/sample.h"
#include "signal/timestamp.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct span text(const char *t)
{
	return span_of_text(t);
}

static struct channel a_channel(void)
{
	return (struct channel){.id = text("temp"), .raw_unit = text("[degF]"), .unit = text("Cel"), .scale = 0.5, .offset = -16};
}

static void the_canonical_bytes_are_these(void **state)
{
	(void)state;
	struct channel channel = a_channel();
	struct sample sample = {
		.device = text("press-1"), .channel = &channel, .seq = 258, .time_ns = 1000, .received_ns = -2000,
		.raw = 1.5, .status = STATUS_BAD_OUT_OF_RANGE, .reason = REASON_RANGE,
	};
	struct buffer out = {0};
	sample_encode(&sample, &out);
	char hex[2 * SAMPLE_BYTES_MAX + 1];
	span_hex(buffer_span(&out), hex);
	assert_string_equal(hex,
		"01" "0770726573732d31" "0474656d70" "065b646567465d" "0343656c"
		"0201000000000000" "e803000000000000" "30f8ffffffffffff"
		"000000000000e03f" "00000000000030c0" "000000000000f83f" "00003c80" "04");
	buffer_free(&out);
}

static struct sample random_sample(struct random *random, struct channel *channel, uint8_t texts[4][SAMPLE_TEXT_MAX])
{
	struct span spans[4];
	for (int i = 0; i < 4; i++) {
		for (int j = 0; j < SAMPLE_TEXT_MAX; j++)
			texts[i][j] = (uint8_t)random_next(random);
		spans[i] = span_of(texts[i], random_below(random, SAMPLE_TEXT_MAX + 1));
	}
	*channel = (struct channel){.id = spans[1], .raw_unit = spans[2], .unit = spans[3], .scale = random_normal(random), .offset = random_normal(random)};
	return (struct sample){
		.device = spans[0], .channel = channel, .seq = random_next(random), .time_ns = (int64_t)random_next(random),
		.received_ns = (int64_t)random_below(random, INT64_MAX / 1000) * 1000,
		.raw = random_chance(random, 0.1) ? -NAN : random_normal(random),
		.status = (uint32_t)random_next(random), .reason = (uint32_t)random_below(random, REASON_COUNT),
	};
}

static void a_sample_comes_back(void **state)
{
	(void)state;
	struct random random = random_of(3);
	struct buffer out = {0};
	for (int round = 0; round < 2000; round++) {
		static uint8_t texts[4][SAMPLE_TEXT_MAX];
		struct channel channel, back_channel;
		struct sample sample = random_sample(&random, &channel, texts), back;
		buffer_clear(&out);
		sample_encode(&sample, &out);
		assert_int_equal(sample_decode(buffer_span(&out), &back, &back_channel), OK);
		assert_true(span_equal(back.device, sample.device));
		assert_true(span_equal(back_channel.id, channel.id));
		assert_true(span_equal(back_channel.raw_unit, channel.raw_unit));
		assert_true(span_equal(back_channel.unit, channel.unit));
		assert_true(back.seq == sample.seq && back.time_ns == sample.time_ns && back.received_ns == sample.received_ns);
		assert_true(back_channel.scale == channel.scale && back_channel.offset == channel.offset);
		assert_true(isnan(sample.raw) ? isnan(back.raw) && isnan(back.value) : back.raw == sample.raw && back.value == sample_value(&channel, sample.raw));
		assert_true(back.status == sample.status && back.reason == sample.reason);
		/* Every shorter form is refused, and so is a longer one. */
		assert_int_equal(sample_decode(span_of(out.data, random_below(&random, out.size)), &back, &back_channel), E_MALFORMED);
		buffer_append_byte(&out, 0);
		assert_int_equal(sample_decode(buffer_span(&out), &back, &back_channel), E_MALFORMED);
	}
	buffer_free(&out);
}

static enum status decode_with(size_t from_end, uint8_t byte)
{
	struct channel channel = a_channel();
	struct sample sample = {.device = text("d"), .channel = &channel, .raw = NAN};
	struct buffer out = {0};
	sample_encode(&sample, &out);
	out.data[out.size - from_end] = byte;
	enum status status = sample_decode(buffer_span(&out), &sample, &channel);
	buffer_free(&out);
	return status;
}

static void other_forms_are_refused(void **state)
{
	(void)state;
	assert_int_equal(decode_with(1, REASON_MALFORMED), OK);
	assert_int_equal(decode_with(1, REASON_COUNT), E_MALFORMED);
	assert_int_equal(decode_with(6, 0xff), E_NOT_CANONICAL);  /* the sign of the NaN */
	assert_int_equal(decode_with(37, 1), E_NOT_CANONICAL);    /* the lowest byte of the reception */
	assert_int_equal(decode_with(14, 0x7f), OK);
	assert_int_equal(decode_with(53 + 4 + 7 + 5 + 2 + 1, 2), E_MALFORMED); /* the version */
}

static void a_line_for_people(void **state)
{
	(void)state;
	struct channel channel = a_channel();
	struct sample sample = {
		.device = text("press\n1"), .channel = &channel, .seq = 17, .time_ns = INT64_C(1767225600) * NS_PER_S, .raw = 154.4, .value = 61.2,
	};
	struct buffer out = {0};
	sample_describe(&sample, &out);
	sample.value = NAN;
	sample.status = STATUS_BAD;
	sample.reason = REASON_MISSING;
	buffer_append_text(&out, "\n");
	sample_describe(&sample, &out);
	buffer_append_byte(&out, 0);
	assert_string_equal((char *)out.data,
		"press?1 temp 61.2 Cel Good seq 17 at 2026-01-01T00:00:00Z\n"
		"press?1 temp no value Bad (missing) seq 17 at 2026-01-01T00:00:00Z");
	buffer_free(&out);
}

static void statuses_and_reasons_have_names(void **state)
{
	(void)state;
	assert_string_equal(status_severity_name(STATUS_GOOD), "Good");
	assert_string_equal(status_severity_name(STATUS_UNCERTAIN_LAST_USABLE), "Uncertain");
	assert_string_equal(status_severity_name(STATUS_UNCERTAIN), "Uncertain");
	assert_string_equal(status_severity_name(STATUS_BAD_DECODING), "Bad");
	assert_string_equal(status_severity_name(UINT32_C(0xc0000000)), "Bad");
	for (unsigned a = 0; a < REASON_COUNT; a++)
		for (unsigned b = 0; b < a; b++)
			assert_string_not_equal(wrangle_reason_name(a), wrangle_reason_name(b));
	assert_string_equal(wrangle_reason_name(REASON_COUNT), "unknown_reason");
}

static void times_are_read_as_rfc_3339_has_them(void **state)
{
	(void)state;
	const struct {
		const char *text;
		int64_t ns;
	} good[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"1985-04-12T23:20:50.52Z", INT64_C(482196050520000000)},
		{"1996-12-19T16:39:57-08:00", INT64_C(851042397000000000)},
		{"1990-12-31T23:59:60Z", INT64_C(662688000000000000)},
		{"1990-12-31T15:59:60-08:00", INT64_C(662688000000000000)},
		{"2026-03-01 00:00:00.123456789z", INT64_C(1772323200123456789)},
		{"2024-02-29t12:00:00.1234567899+00:00", INT64_C(1709208000123456789)},
		{"2262-04-11T23:47:15Z", INT64_C(9223372035000000000)},
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		int64_t ns = -1;
		assert_int_equal(timestamp_from_text(text(good[i].text), &ns), OK);
		assert_true(ns == good[i].ns);
	}
	const char *const bad[] = {
		"", "2026", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-00T00:00:00Z",
		"2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z",
		"2026-01-01T00:00:00Z ", "2026-01-01T00:00:00+0200", "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00*01:00", "1969-12-31T23:59:59Z",
		"1970-01-01T00:00:00+00:01", "2262-04-12T00:00:00Z", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "2026-1-01T00:00:00Z", " 2026-01-01T00:00:00Z",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int64_t ns;
		if (timestamp_from_text(text(bad[i]), &ns) != E_MALFORMED)
			fail_msg("accepted \"%s\"", bad[i]);
	}
}

static void times_agree_with_their_text(void **state)
{
	(void)state;
	struct random random = random_of(5);
	for (int round = 0; round < 20000; round++) {
		int64_t ns = (int64_t)random_below(&random, UINT64_C(9223372035000000000));
		char form[TIME_TEXT_SIZE];
		int64_t back;
		time_text(ns, form);
		assert_int_equal(timestamp_from_text(text(form), &back), OK);
		assert_true(back == ns);
	}
}

static void times_are_read_from_numbers(void **state)
{
	(void)state;
	int64_t ns;
	assert_int_equal(timestamp_from_milliseconds(1767225600123, &ns), OK);
	assert_true(ns == INT64_C(1767225600123000000));
	assert_int_equal(timestamp_from_milliseconds(1767225600123.25, &ns), OK);
	assert_true(ns == INT64_C(1767225600123250000));
	assert_int_equal(timestamp_from_seconds(1.276020076001e+09, &ns), OK);
	assert_true(ns == INT64_C(1276020076001000000));
	assert_int_equal(timestamp_from_seconds(0.9999999, &ns), OK);
	assert_true(ns == NS_PER_S);
	const double bad[] = {-1, -0.001, 9.3e18, INFINITY, -INFINITY, NAN};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(timestamp_from_milliseconds(bad[i], &ns), E_MALFORMED);
		assert_int_equal(timestamp_from_seconds(bad[i], &ns), E_MALFORMED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_canonical_bytes_are_these),
		cmocka_unit_test(a_sample_comes_back),
		cmocka_unit_test(other_forms_are_refused),
		cmocka_unit_test(a_line_for_people),
		cmocka_unit_test(statuses_and_reasons_have_names),
		cmocka_unit_test(times_are_read_as_rfc_3339_has_them),
		cmocka_unit_test(times_agree_with_their_text),
		cmocka_unit_test(times_are_read_from_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
