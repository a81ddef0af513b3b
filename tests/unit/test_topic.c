#include "base/buffer.h"
#include "connect/topic.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void topics_name_devices_and_kinds(void **state)
{
	(void)state;
	char device[TOPIC_SIZE], topic[TOPIC_SIZE];
	enum session_kind kind;
	for (unsigned k = SESSION_DATA; k <= SESSION_RESULT; k++) {
		assert_int_equal(topic_write("dev:maker/spindle-1", topic_kind_name((enum session_kind)k), topic), OK);
		assert_int_equal(topic_parse(topic, device, &kind), OK);
		assert_string_equal(device, "dev:maker/spindle-1");
		assert_int_equal(kind, k);
	}
	assert_int_equal(topic_write("dev:maker/spindle-1", "ack", topic), OK);
	assert_string_equal(topic, "tally/v1/maker/spindle-1/ack");
}

static void other_topics_are_not_ours(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"", "/", "tally", "tally/v1/", "tally/v1/maker", "tally/v1/maker/spindle-1", "tally/v1/maker/spindle-1/", "tally/v1//spindle-1/data",
		"tally/v1/maker//data", "tally/v1/maker/spindle-1/data/", "tally/v1/maker/spindle-1/data/x", "tally/v1/maker/spindle-1/Data",
		"tally/v1/maker/spindle-1/command", "tally/v1/maker/spindle-1/ack", "tally/v2/maker/spindle-1/data", "Tally/v1/maker/spindle-1/data",
		"tally/v1/maker/spindle-1/datax", "tally/v1/maker/spindle-1/dat", "x/tally/v1/maker/spindle-1/data",
	};
	char device[TOPIC_SIZE];
	enum session_kind kind;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(topic_parse(wrong[i], device, &kind), E_MALFORMED);
}

static void long_topics_are_refused(void **state)
{
	(void)state;
	char topic[2 * TOPIC_SIZE], device[TOPIC_SIZE];
	enum session_kind kind;
	for (size_t size = TOPIC_SIZE - 4; size < TOPIC_SIZE + 4; size++) {
		memset(topic, 'x', sizeof topic);
		memcpy(topic, "tally/v1/m/", 11);
		memcpy(topic + size - 5, "/data", 6);
		assert_int_equal(topic_parse(topic, device, &kind), size < TOPIC_SIZE ? OK : E_MALFORMED);
		if (size < TOPIC_SIZE)
			assert_int_equal(strlen(device), size - strlen("tally/v1/") - strlen("/data") + strlen("dev:"));
	}
	/* And none is written that a reader would refuse. */
	memset(topic, 'x', sizeof topic);
	memcpy(topic, "dev:m/", 6);
	topic[TOPIC_SIZE] = '\0';
	char out[TOPIC_SIZE];
	assert_int_equal(topic_write(topic, "data", out), E_MALFORMED);
}

static void filters_do_not_get_into_topics(void **state)
{
	(void)state;
	static const char *const wrong[] = {"", "spindle-1", "dev:", "dev:spindle-1", "gw:maker/hall-1", "dev:maker/+", "dev:+/spindle-1", "dev:maker/#", "dev:#/x"};
	char out[TOPIC_SIZE];
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(topic_write(wrong[i], "data", out), E_MALFORMED);
}

static void numbers_are_decimal(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t value;
	} right[] = {{"0", 0}, {"7", 7}, {"0012", 12}, {"4294967297", 4294967297}, {"18446744073709551609", UINT64_C(18446744073709551609)}};
	static const char *const wrong[] = {"", " 1", "1 ", "-1", "+1", "0x10", "1e3", "1.0", "184467440737095516160", "99999999999999999999999999"};
	uint64_t value;
	for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
		assert_int_equal(topic_seq_parse(right[i].text, &value), OK);
		assert_true(value == right[i].value);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(topic_seq_parse(wrong[i], &value), E_MALFORMED);
	/* Whatever is printed is read back, up to the largest. */
	for (uint64_t seq = UINT64_MAX; seq; seq /= 3) {
		char text[24];
		snprintf(text, sizeof text, "%" PRIu64, seq);
		assert_int_equal(topic_seq_parse(text, &value), OK);
		assert_true(value == seq);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(topics_name_devices_and_kinds),
		cmocka_unit_test(other_topics_are_not_ours),
		cmocka_unit_test(long_topics_are_refused),
		cmocka_unit_test(filters_do_not_get_into_topics),
		cmocka_unit_test(numbers_are_decimal),
	};
	return cmocka_run_group_tests_name("topic", tests, NULL, NULL);
}
