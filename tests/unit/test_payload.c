#include "edge/payload.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static enum status critical(const char *text, struct payload_critical *out)
{
	struct fault fault = {{0}};
	enum status status = payload_critical_read(span_of_text(text), out, &fault);
	assert_int_equal(status == OK, fault.text[0] == '\0');
	return status;
}

static enum status result(const char *text, struct payload_result *out)
{
	struct fault fault = {{0}};
	enum status status = payload_result_read(span_of_text(text), out, &fault);
	assert_int_equal(status == OK, fault.text[0] == '\0');
	return status;
}

static void critical_events_are_read(void **state)
{
	(void)state;
	struct payload_critical out;
	assert_int_equal(critical("{\"event\":\"fire\",\"t\":1767225600123,\"detail\":\"smoke, detector \\u00e9\",\"more\":[1]}", &out), OK);
	assert_string_equal(out.event, "fire");
	assert_string_equal(out.detail, "smoke, detector \xc3\xa9");
	assert_true(out.time_ns == INT64_C(1767225600123000000));
	assert_int_equal(critical("{\"event\":\"door\",\"t\":0.5}", &out), OK);
	assert_true(out.time_ns == 500000);
	assert_string_equal(out.detail, "");
}

static void times_are_exact_to_the_millisecond(void **state)
{
	(void)state;
	for (int64_t at = INT64_C(1767225600000); at < INT64_C(1767225601000); at++) {
		char text[100];
		struct payload_critical out;
		snprintf(text, sizeof text, "{\"event\":\"x\",\"t\":%" PRId64 "}", at);
		assert_int_equal(critical(text, &out), OK);
		assert_true(out.time_ns == at * NS_PER_MS);
	}
}

static void other_events_are_malformed(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"", " ", "null", "[]", "\"fire\"", "{", "{}", "{\"event\":\"fire\"}", "{\"t\":1}", "{\"event\":7,\"t\":1}", "{\"event\":\"\",\"t\":1}",
		"{\"event\":\"fire\",\"t\":\"1\"}", "{\"event\":\"fire\",\"t\":-1}", "{\"event\":\"fire\",\"t\":9e12}", "{\"event\":\"fire\",\"t\":1e400}",
		"{\"event\":\"fire\",\"t\":null}", "{\"event\":\"fire\",\"t\":1,\"detail\":3}", "{\"event\":\"fi\\u0000re\",\"t\":1}",
		"{\"event\":\"01234567890123456789012345678901\",\"t\":1}", "{\"event\":\"fire\",\"t\":1}x", "{\"event\":\"\xff\",\"t\":1}",
	};
	struct payload_critical out;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(critical(wrong[i], &out), E_MALFORMED);
	assert_int_equal(critical("{\"event\":\"0123456789012345678901234567890\",\"t\":1}", &out), OK);
	char long_detail[300];
	snprintf(long_detail, sizeof long_detail, "{\"event\":\"fire\",\"t\":1,\"detail\":\"%0*d\"}", PAYLOAD_DETAIL_MAX - 1, 0);
	assert_int_equal(critical(long_detail, &out), OK);
	snprintf(long_detail, sizeof long_detail, "{\"event\":\"fire\",\"t\":1,\"detail\":\"%0*d\"}", PAYLOAD_DETAIL_MAX, 0);
	assert_int_equal(critical(long_detail, &out), E_MALFORMED);
}

static void sizes_and_depths_are_limited(void **state)
{
	(void)state;
	struct payload_critical out;
	struct buffer large = {0};
	buffer_append_text(&large, "{\"event\":\"fire\",\"t\":1,\"x\":");
	while (large.size < PAYLOAD_JSON_MAX - 1)
		buffer_append_byte(&large, ' ');
	large.data[large.size - 1] = '1';
	buffer_append_byte(&large, '}');
	assert_int_equal(payload_critical_read(buffer_span(&large), &out, NULL), OK);
	buffer_append_byte(&large, ' ');
	assert_int_equal(payload_critical_read(buffer_span(&large), &out, NULL), E_MALFORMED);
	buffer_clear(&large);
	for (int i = 0; i < PAYLOAD_JSON_MAX; i++)
		buffer_append_byte(&large, '[');
	assert_int_equal(payload_critical_read(buffer_span(&large), &out, NULL), E_MALFORMED);
	buffer_free(&large);
}

static void results_are_read(void **state)
{
	(void)state;
	struct payload_result out;
	assert_int_equal(result("{\"command\":\"A0" "00000000000000000000000000000000000000000000000000000000000001\",\"done\":true,\"t\":1,\"detail\":\"ok\"}", &out), OK);
	assert_int_equal(out.command.bytes[0], 0xa0);
	assert_int_equal(out.command.bytes[31], 1);
	assert_true(out.done);
	assert_int_equal(result("{\"command\":\"" ZEROS "\",\"done\":false,\"t\":1}", &out), OK);
	assert_false(out.done);
	static const char *const wrong[] = {
		"{\"command\":\"00\",\"done\":true,\"t\":1}", "{\"command\":\"" ZEROS "0\",\"done\":true,\"t\":1}", "{\"command\":\"" ZEROS "\",\"done\":1,\"t\":1}",
		"{\"command\":\"" ZEROS "\",\"t\":1}", "{\"command\":\"" ZEROS "\",\"done\":true}", "{\"done\":true,\"t\":1}",
		"{\"command\":\"g000000000000000000000000000000000000000000000000000000000000000\",\"done\":true,\"t\":1}",
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(result(wrong[i], &out), E_MALFORMED);
}

static void commands_come_back_as_written(void **state)
{
	(void)state;
	static const double settings[] = {0, 1, 0.6, -3.25, 1e-9, 123456};
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
		struct digest id = {{(uint8_t)i, 0xab}};
		struct buffer out = {0};
		struct payload_command command;
		struct fault fault;
		char hex[DIGEST_HEX_SIZE];
		payload_command_write(&id, span_of_text("reduce_speed"), settings[i], 1700000000000 * NS_PER_MS, &out);
		assert_int_equal(payload_command_read(buffer_span(&out), &command, &fault), OK);
		span_hex(digest_span(&id), hex);
		assert_string_equal(command.command, hex);
		assert_string_equal(command.action, "reduce_speed");
		assert_true(command.setting == settings[i]);
		buffer_free(&out);
	}
	struct payload_command command;
	assert_int_equal(payload_command_read(span_of_text("{\"command\":\"1\",\"action\":\"stop\"}"), &command, NULL), OK);
	assert_int_equal(payload_command_read(span_of_text("{\"command\":\"1\",\"action\":\"stop\",\"setting\":\"1\"}"), &command, NULL), E_MALFORMED);
	assert_int_equal(payload_command_read(span_of_text("{\"action\":\"stop\"}"), &command, NULL), E_MALFORMED);
	assert_int_equal(payload_command_read(span_of_text("{\"command\":\"1\"}"), &command, NULL), E_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(critical_events_are_read),
		cmocka_unit_test(times_are_exact_to_the_millisecond),
		cmocka_unit_test(other_events_are_malformed),
		cmocka_unit_test(sizes_and_depths_are_limited),
		cmocka_unit_test(results_are_read),
		cmocka_unit_test(commands_come_back_as_written),
	};
	return cmocka_run_group_tests_name("payload", tests, NULL, NULL);
}
