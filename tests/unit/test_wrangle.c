#include "base/buffer.h"
#include "base/random.h"
#include "base/time.h"
#include "signal/wrangle.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* 2026-01-01T00:00:00Z */
#define NEW_YEAR_MS INT64_C(1767225600000)
#define NEW_YEAR (NEW_YEAR_MS * NS_PER_MS)
#define RECEIVED (NEW_YEAR + 2 * NS_PER_MS)

static int open_units(void **state)
{
	struct unit_table *units;
	if (unit_table_new(&units, NULL) != OK)
		return -1;
	*state = units;
	return 0;
}

static int close_units(void **state)
{
	unit_table_free(*state);
	return 0;
}

static struct span text(const char *t)
{
	return span_of_text(t);
}

/* Three signals a, b, p; fields are their names, or 1, 2, 3 in CSV. */
static struct wrangler *three(void *units, enum wrangle_format format, uint32_t stuck_count)
{
	bool csv = format == WRANGLE_CSV;
	struct wrangle_rule rules[] = {
		{text("temperature"), text(csv ? "1" : "a"), text("Cel"), text("K"), 1000, stuck_count},
		{text("current"), text(csv ? "2" : "b"), text("A"), text("A"), 1000, 0},
		{text("pressure"), text(csv ? "3" : "p"), text("kPa{abs}"), text("bar{abs}"), 1000, 0},
	};
	struct wrangler *wrangler;
	struct fault fault;
	if (wrangler_new(format, rules, 3, units, &wrangler, &fault) != OK)
		fail_msg("%s", fault.text);
	return wrangler;
}

/* Rows as text: "+ms a b p|..." with the milliseconds since new year; a value is followed by its reason's first letters. */
static void describe(const struct wrangle_row *rows, size_t count, size_t signals, struct buffer *out)
{
	buffer_clear(out);
	for (size_t r = 0; r < count; r++) {
		buffer_printf(out, "%s%+" PRId64, r ? "|" : "", (rows[r].time_ns - NEW_YEAR) / NS_PER_MS);
		for (size_t i = 0; i < signals; i++) {
			bool none = isnan(rows[r].raw[i]);
			buffer_printf(out, none ? " -" : " %.17g", rows[r].raw[i]);
			if (rows[r].reason[i])
				buffer_printf(out, "!%s", wrangle_reason_name(rows[r].reason[i]));
		}
	}
	buffer_append_byte(out, 0);
}

static void expect_at(struct wrangler *wrangler, const char *payload, int64_t received_ns, const char *expected)
{
	const struct wrangle_row *rows;
	size_t count, signals;
	struct fault fault = {0};
	struct buffer seen = {0};
	wrangler_channels(wrangler, &signals);
	enum status status = wrangler_read(wrangler, text(payload), received_ns, &rows, &count, &fault);
	if (status == OK)
		describe(rows, count, signals, &seen);
	else
		buffer_append(&seen, status_name(status), strlen(status_name(status)) + 1);
	if (strcmp((char *)seen.data, expected) != 0)
		fail_msg("%s\n  gives    %s %s\n  expected %s", payload, (char *)seen.data, fault.text, expected);
	if (status != OK)
		assert_true(fault.text[0] != 0 && rows == NULL && count == 0);
	buffer_free(&seen);
}

static void expect(struct wrangler *wrangler, const char *payload, const char *expected)
{
	expect_at(wrangler, payload, RECEIVED, expected);
}

struct golden {
	const char *payload;
	const char *expected;
};

static void expect_all(void *units, enum wrangle_format format, const struct golden *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct wrangler *wrangler = three(units, format, 0);
		expect(wrangler, cases[i].payload, cases[i].expected);
		wrangler_free(wrangler);
	}
}

#define EXPECT_ALL(units, format, cases) expect_all(units, format, cases, sizeof(cases) / sizeof *(cases))

static void json_messages(void **state)
{
	static const struct golden cases[] = {
		{"{\"t\":1767225600000,\"a\":21.5,\"b\":-0.25,\"p\":101.3}", "+0 21.5 -0.25 101.3"},
		{"{\"p\":3,\"b\":2,\"a\":1,\"t\":1767225600001}", "+1 1 2 3"},
		{"{\"a\":1,\"b\":2,\"p\":3}", "+2 1 2 3"},
		{"{\"t\":null,\"a\":1,\"b\":2,\"p\":3}", "+2 1 2 3"},
		{"{\"t\":\"2026-01-01T01:00:00.5+01:00\",\"a\":1,\"b\":2,\"p\":3}", "+500 1 2 3"},
		{"[{\"t\":1767225600000,\"a\":1,\"b\":2,\"p\":3},{\"t\":1767225601000,\"a\":4,\"b\":5,\"p\":6}]", "+0 1 2 3|+1000 4 5 6"},
		{" {\"a\" : 1 , \"other\":[[1],{\"a\":7}], \"b\":2, \"more\":true, \"more\":1, \"p\":3}\n", "+2 1 2 3"},
		{"{}", "+2 -!missing -!missing -!missing"},
		{"{\"a\":null,\"b\":\"\"}", "+2 -!missing -!missing -!missing"},
		{"{\"a\":\"12.5\",\"b\":true,\"p\":{}}", "+2 -!not_a_number -!not_a_number -!not_a_number"},
		{"{\"a\":[1],\"b\":\"NaN\",\"p\":1e999}", "+2 -!not_a_number -!not_a_number -!not_a_number"},
		{"{\"a\":-274,\"b\":-1,\"p\":-0.5}", "+2 -274!range -1 -0.5!range"},
		{"{\"a\":-273.15,\"b\":0,\"p\":0}", "+2 -273.14999999999998 0 0"},
		{"{\"a\":0.1,\"b\":1e-320,\"p\":18446744073709551616}", "+2 0.10000000000000001 9.9998886718268301e-321 1.8446744073709552e+19"},
		{"{\"a\":9007199254740993,\"b\":-9223372036854775809,\"p\":123456789012345678901234567890}",
			"+2 9007199254740992 -9.2233720368547758e+18 1.2345678901234568e+29"},
		{"{\"a\":2.2250738585072011e-308,\"b\":-123456789012345678901234567890.5,\"p\":17.999999999999999999999}",
			"+2 2.2250738585072009e-308 -1.2345678901234568e+29 18"},
		{"{\"\\u0061\":1,\"b\":2,\"p\":3}", "+2 1 2 3"},
		{"{\"t\":1767225606000,\"a\":1,\"b\":2,\"p\":-3}", "+6000 1!future 2!future -3!range"},
		{"{\"t\":1767225605002,\"a\":1,\"b\":2,\"p\":3}", "+5002 1 2 3"},
		{"{\"t\":1767225600000.25,\"a\":1,\"b\":2,\"p\":3}", "+0 1 2 3"},
		{"", "malformed"}, {" ", "malformed"}, {"[]", "malformed"}, {"1", "malformed"}, {"null", "malformed"}, {"[1]", "malformed"}, {"[[{}]]", "malformed"},
		{"{\"a\":1,\"a\":1}", "malformed"}, {"{\"t\":1,\"t\":1}", "malformed"}, {"{\"a\":1}x", "malformed"}, {"{\"a\":1}{}", "malformed"}, {"{\"a\":1", "malformed"},
		{"{\"a\":01}", "malformed"}, {"{\"a\":NaN}", "malformed"}, {"{\"a\":0x1}", "malformed"}, {"{\"a\":1,}", "malformed"}, {"{a:1}", "malformed"},
		{"{\"a\":\"\xff\"}", "malformed"}, {"\xef\xbb\xbf{}", "malformed"},
		{"{\"t\":\"yesterday\",\"a\":1}", "malformed"}, {"{\"t\":-1}", "malformed"}, {"{\"t\":1e300}", "malformed"}, {"{\"t\":1e999}", "malformed"}, {"{\"t\":true}", "malformed"},
		{"{\"t\":\"1767225600000\"}", "malformed"}, {"[{\"a\":1},{\"t\":[]}]", "malformed"},
		{"{\"x\":[[[[[[[1]]]]]]]}", "+2 -!missing -!missing -!missing"},
		{"{\"x\":[[[[[[[[1]]]]]]]]}", "limit"}, {"[[[[[[[[[", "limit"},
		{"{\"x\":\"[[[[[[[[[[[[\\\"[[[[[[[[[[[[\\\\\",\"a\":1,\"b\":1,\"p\":1}", "+2 1 1 1"},
	};
	EXPECT_ALL(*state, WRANGLE_JSON, cases);
}

static void csv_messages(void **state)
{
	static const struct golden cases[] = {
		{"1767225600000,21.5,-0.25,101.3", "+0 21.5 -0.25 101.3"},
		{"1767225600000,21.5,-0.25,101.3\n", "+0 21.5 -0.25 101.3"},
		{"1767225600000,1,2,3\r\n1767225601000,4,5,6\r\n", "+0 1 2 3|+1000 4 5 6"},
		{"2026-01-01T00:00:00.5Z,1,2,3", "+500 1 2 3"},
		{"\"2026-01-01 00:00:00.5Z\",\"1\",\"2.5\",\"3\"\r\n", "+500 1 2.5 3"},
		{",1,2,3,4,5", "+2 1 2 3"},
		{",+1,.5,3.\n", "+2 1 0.5 3"},
		{",1e2,2E-1,-3e+0", "+2 100 0.20000000000000001 -3!range"},
		{",1", "+2 1 -!missing -!missing"},
		{",1,,\"\"", "+2 1 -!missing -!missing"},
		{"\n", "+2 -!missing -!missing -!missing"},
		{",nan,inf,0x10", "+2 -!not_a_number -!not_a_number -!not_a_number"},
		{", 1,2 ,1;5", "+2 -!not_a_number -!not_a_number -!not_a_number"},
		{",1e999,-,1e", "+2 -!not_a_number -!not_a_number -!not_a_number"},
		{",-infinity,1.2.3,\"a\"\"b\"", "+2 -!not_a_number -!not_a_number -!not_a_number"},
		{",\"1,5\",\"line\r\nbreak\",7", "+2 -!not_a_number -!not_a_number 7"},
		{",1,2,3\r", "+2 1 2 -!not_a_number"},
		{",-300,2,3", "+2 -300!range 2 3"},
		{"1767225700000,1,2,3", "+100000 1!future 2!future 3!future"},
		{"", "malformed"}, {"time,a,b,p\n1767225600000,1,2,3", "malformed"}, {"x,1", "malformed"}, {"-5,1", "malformed"}, {"1e30,1", "malformed"},
		{",\"1", "malformed"}, {",1\"2", "malformed"}, {",\"1\"2", "malformed"}, {",\"1\"\r2", "malformed"}, {",\"", "malformed"}, {",1\n\"\"\"", "malformed"},
	};
	EXPECT_ALL(*state, WRANGLE_CSV, cases);
	struct wrangler *wrangler = three(*state, WRANGLE_CSV, 0);
	char digits[700];
	memset(digits, '1', sizeof digits);
	digits[0] = ',';
	digits[512] = 0;
	expect(wrangler, digits, "+2 -!not_a_number -!missing -!missing");
	digits[280] = 0;
	expect(wrangler, digits, "+2 1.1111111111111111e+278 -!missing -!missing");
	wrangler_free(wrangler);
}

static void senml_packs(void **state)
{
	static const struct golden cases[] = {
		{"[{\"n\":\"a\",\"u\":\"Cel\",\"v\":23.1}]", "+2 23.100000000000001 -!missing -!missing"},
		{"[{\"bt\":1767225600,\"n\":\"a\",\"v\":1},{\"n\":\"b\",\"v\":2},{\"n\":\"p\",\"v\":3}]", "+0 1 2 3"},
		{"[{\"bt\":1767225600,\"n\":\"a\",\"v\":1},{\"n\":\"b\",\"v\":2,\"t\":0.5},{\"n\":\"p\",\"v\":3}]", "+0 1 -!missing 3|+500 -!missing 2 -!missing"},
		{"[{\"n\":\"a\",\"v\":1,\"t\":-5},{\"n\":\"b\",\"v\":2,\"t\":-5},{\"n\":\"p\",\"v\":3,\"t\":-5}]", "-4998 1 2 3"},
		{"[{\"n\":\"a\",\"v\":1,\"t\":10}]", "+10002 1!future -!missing -!missing"},
		{"[{\"bv\":20,\"n\":\"a\",\"v\":1.5},{\"n\":\"b\",\"v\":-20}]", "+2 21.5 0 -!missing"},
		{"[{\"bu\":\"Cel\",\"n\":\"a\",\"v\":1},{\"n\":\"b\",\"v\":2},{\"n\":\"p\",\"u\":\"Pa\",\"v\":3}]", "+2 1 2!unit 3!unit"},
		{"[{\"n\":\"a\",\"u\":\"K\",\"v\":300},{\"n\":\"b\",\"u\":\"furlong\",\"v\":2},{\"n\":\"p\",\"u\":\"\",\"v\":3}]", "+2 300!unit 2!unit 3"},
		{"[{\"n\":\"a\",\"u\":\"K\",\"v\":-300}]", "+2 -300!unit -!missing -!missing"},
		{"[{\"n\":\"a\",\"vs\":\"12\"},{\"n\":\"b\",\"vb\":true},{\"n\":\"p\",\"vd\":\"aGkgCg\"}]", "+2 -!not_a_number -!not_a_number -!not_a_number"},
		{"[{\"n\":\"a\",\"v\":\"12\"},{\"n\":\"b\",\"v\":null},{\"n\":\"p\",\"s\":12}]", "+2 -!not_a_number -!missing -!missing"},
		{"[{\"n\":\"a\",\"v\":1e999},{\"n\":\"b\",\"v\":123456789012345678901234567890}]", "+2 -!not_a_number 1.2345678901234568e+29 -!missing"},
		{"[{\"n\":\"a\",\"v\":1},{\"n\":\"a\",\"v\":2}]", "+2 1 -!missing -!missing|+2 2 -!missing -!missing"},
		{"[{\"n\":\"x\",\"v\":1,\"t\":-1},{\"n\":\"a\",\"v\":2,\"s\":3,\"ut\":60,\"other\":1}]", "+2 2 -!missing -!missing"},
		{"[{\"bver\":10,\"n\":\"a\",\"v\":-0.0}]", "+2 -0 -!missing -!missing"},
		{"[{\"n\":\"a\",\"v\":-273.15},{\"n\":\"p\",\"v\":-1}]", "+2 -273.14999999999998 -!missing -1!range"},
		{"[{\"n\":\"p\",\"v\":3,\"t\":-1},{\"n\":\"p\",\"v\":2,\"t\":-2},{\"n\":\"p\",\"v\":4}]",
			"-1998 -!missing -!missing 2|-998 -!missing -!missing 3|+2 -!missing -!missing 4"},
		{"", "malformed"}, {"{}", "malformed"}, {"[]", "malformed"}, {"[{}]", "malformed"}, {"[1]", "malformed"}, {"[{\"n\":\"zz\",\"v\":1}]", "malformed"},
		{"[{\"n\":1,\"v\":1}]", "malformed"}, {"[{\"n\":\"a\",\"v\":1,\"v\":2}]", "malformed"}, {"[{\"n\":\"a\",\"n\":\"b\",\"v\":2}]", "malformed"},
		{"[{\"n\":\"a\",\"u\":5,\"v\":1}]", "malformed"}, {"[{\"n\":\"a\",\"t\":\"0\",\"v\":1}]", "malformed"}, {"[{\"bt\":\"x\",\"n\":\"a\"}]", "malformed"},
		{"[{\"bv\":\"x\",\"n\":\"a\"}]", "malformed"}, {"[{\"bn\":7,\"n\":\"a\"}]", "malformed"}, {"[{\"bu\":null,\"n\":\"a\"}]", "malformed"},
		{"[{\"bver\":11,\"n\":\"a\",\"v\":1}]", "malformed"}, {"[{\"n\":\"a\",\"v\":1,\"must_\":1}]", "malformed"},
		{"[{\"n\":\"a\",\"t\":1e300,\"v\":1}]", "malformed"}, {"[{\"n\":\"a\",\"t\":-1e300,\"v\":1}]", "malformed"}, {"[{\"bt\":1e999,\"n\":\"a\",\"v\":1}]", "malformed"},
		{"[[[[[[[[[", "limit"},
	};
	EXPECT_ALL(*state, WRANGLE_SENML, cases);
}

static struct wrangler *senml_of(void *units, const char *first, const char *first_unit, const char *second, const char *second_unit)
{
	struct wrangle_rule rules[] = {
		{text("one"), text(first), text(first_unit), text(first_unit), 0, 0},
		{text("two"), text(second), text(second_unit), text(second_unit), 0, 0},
	};
	struct wrangler *wrangler;
	assert_int_equal(wrangler_new(WRANGLE_SENML, rules, 2, units, &wrangler, NULL), OK);
	return wrangler;
}

/* The examples of RFC 8428, section 5.1, by its numbers. */
static void senml_examples_of_the_rfc(void **state)
{
	struct wrangler *wrangler = senml_of(*state, "urn:dev:ow:10e2073a01080063", "Cel", "x", "1");
	expect(wrangler, "[{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"Cel\",\"v\":23.1}]", "+2 23.100000000000001 -!missing");
	wrangler_free(wrangler);

	wrangler = senml_of(*state, "urn:dev:ow:10e2073a01080063:voltage", "V", "urn:dev:ow:10e2073a01080063:current", "A");
	expect(wrangler, "[{\"bn\":\"urn:dev:ow:10e2073a01080063:\",\"n\":\"voltage\",\"u\":\"V\",\"v\":120.1},"
		"{\"n\":\"current\",\"u\":\"A\",\"v\":1.2}]", "+2 120.09999999999999 1.2");
	wrangler_free(wrangler);

	wrangler = senml_of(*state, "urn:dev:ow:10e2073a0108006:voltage", "V", "urn:dev:ow:10e2073a0108006:current", "A");
	int64_t base = INT64_C(1276020076001);
	char expected[1024];
	snprintf(expected, sizeof expected, "%" PRId64 " -!missing 1.2|%" PRId64 " -!missing 1.3|%" PRId64 " -!missing 1.3999999999999999|%" PRId64 " -!missing 1.5|%"
		PRId64 " -!missing 1.6000000000000001|%" PRId64 " 120.09999999999999 1.7",
		base - 5000 - NEW_YEAR_MS, base - 4000 - NEW_YEAR_MS, base - 3000 - NEW_YEAR_MS, base - 2000 - NEW_YEAR_MS, base - 1000 - NEW_YEAR_MS, base - NEW_YEAR_MS);
	expect(wrangler, "[{\"bn\":\"urn:dev:ow:10e2073a0108006:\",\"bt\":1.276020076001e+09,\"bu\":\"A\",\"bver\":5,\"n\":\"voltage\",\"u\":\"V\",\"v\":120.1},"
		"{\"n\":\"current\",\"t\":-5,\"v\":1.2},{\"n\":\"current\",\"t\":-4,\"v\":1.3},{\"n\":\"current\",\"t\":-3,\"v\":1.4},"
		"{\"n\":\"current\",\"t\":-2,\"v\":1.5},{\"n\":\"current\",\"t\":-1,\"v\":1.6},{\"n\":\"current\",\"v\":1.7}]", expected);
	wrangler_free(wrangler);

	/* One name, several units: only the registered one is taken for the signal. */
	wrangler = senml_of(*state, "urn:dev:ow:10e2073a01080063", "%", "x", "1");
	int64_t start = INT64_C(1320067464000) - NEW_YEAR_MS;
	snprintf(expected, sizeof expected, "%" PRId64 " 20 -!missing|%" PRId64 " 24.30621!unit -!missing|%" PRId64 " 60.079650000000001!unit -!missing|%" PRId64 " 20.300000000000001 -!missing",
		start, start, start, start + 60000);
	expect(wrangler, "[{\"bn\":\"urn:dev:ow:10e2073a01080063\",\"bt\":1.320067464e+09,\"bu\":\"%RH\",\"v\":20},"
		"{\"u\":\"lon\",\"v\":24.30621},{\"u\":\"lat\",\"v\":60.07965},{\"t\":60,\"v\":20.3}]", expected);
	wrangler_free(wrangler);

	wrangler = senml_of(*state, "urn:dev:ow:10e2073a01080063:temp", "Cel", "urn:dev:ow:10e2073a01080063:open", "1");
	expect(wrangler, "[{\"bn\":\"urn:dev:ow:10e2073a01080063:\",\"n\":\"temp\",\"u\":\"Cel\",\"v\":23.1},{\"n\":\"label\",\"vs\":\"Machine Room\"},"
		"{\"n\":\"open\",\"vb\":false},{\"n\":\"nfc-reader\",\"vd\":\"aGkgCg\"}]", "+2 23.100000000000001 -!not_a_number");
	wrangler_free(wrangler);

	wrangler = senml_of(*state, "2001:db8::2/temperature", "Cel", "2001:db8::1/humidity", "%");
	snprintf(expected, sizeof expected, "%" PRId64 " 27.199999999999999 80", INT64_C(1320078429000) - NEW_YEAR_MS);
	expect(wrangler, "[{\"bn\":\"2001:db8::2/\",\"bt\":1.320078429e+09,\"n\":\"temperature\",\"u\":\"Cel\",\"v\":27.2},{\"n\":\"humidity\",\"u\":\"%RH\",\"v\":80},"
		"{\"bn\":\"2001:db8::1/\",\"n\":\"temperature\",\"u\":\"Cel\",\"v\":12.3},{\"n\":\"humidity\",\"u\":\"%RH\",\"v\":80}]", expected);
	wrangler_free(wrangler);
}

/* One message in each format: the judgement is the same. */
static void both(struct wrangler *json, struct wrangler *csv, struct wrangler *senml, int64_t ms, double a, const char *expected)
{
	char payload[400];
	snprintf(payload, sizeof payload, "{\"t\":%" PRId64 ",\"a\":%.17g,\"b\":1,\"p\":1}", NEW_YEAR_MS + ms, a);
	expect(json, payload, expected);
	snprintf(payload, sizeof payload, "%" PRId64 ",%.17g,1,1", NEW_YEAR_MS + ms, a);
	expect(csv, payload, expected);
	snprintf(payload, sizeof payload, "[{\"bt\":%.3f,\"n\":\"a\",\"v\":%.17g},{\"n\":\"b\",\"v\":1},{\"n\":\"p\",\"v\":1}]", (double)(NEW_YEAR_MS + ms) / 1e3, a);
	expect(senml, payload, expected);
}

static void stuck_late_future_and_duplicate(void **state)
{
	struct wrangler *json = three(*state, WRANGLE_JSON, 3);
	struct wrangler *csv = three(*state, WRANGLE_CSV, 3);
	struct wrangler *senml = three(*state, WRANGLE_SENML, 3);
	both(json, csv, senml, 0, 7, "+0 7 1 1");
	both(json, csv, senml, 10, 7, "+10 7 1 1");
	both(json, csv, senml, 20, 7, "+20 7!stuck 1 1");
	both(json, csv, senml, 30, 7, "+30 7!stuck 1 1");
	both(json, csv, senml, 30, 7, "");
	both(json, csv, senml, 25, 7, "+25 7!late 1!late 1!late");
	both(json, csv, senml, 40, 8, "+40 8 1 1");
	both(json, csv, senml, 50, 7, "+50 7 1 1");
	both(json, csv, senml, 20, 7, "");
	both(json, csv, senml, 20, 6, "+20 6!late 1!late 1!late");
	both(json, csv, senml, -100000, 7, "-100000 7!late 1!late 1!late");
	both(json, csv, senml, 9000, 5, "+9000 5!future 1!future 1!future");
	both(json, csv, senml, 60, 5, "+60 5 1 1");
	both(json, csv, senml, 9000, 5, "");
	both(json, csv, senml, 60, 4, "+60 4 1 1");
	both(json, csv, senml, 55, -300, "+55 -300!range 1!late 1!late");
	struct wrangler *all[] = {json, csv, senml};
	for (int i = 0; i < 3; i++) {
		struct wrangle_counts counts;
		wrangler_counts(all[i], &counts);
		assert_int_equal(counts.samples, 13 * 3);
		assert_int_equal(counts.by_reason[REASON_DUPLICATE], 3 * 3);
		assert_int_equal(counts.by_reason[REASON_STUCK], 2);
		assert_int_equal(counts.by_reason[REASON_LATE], 3 * 3 + 2);
		assert_int_equal(counts.by_reason[REASON_FUTURE], 3);
		assert_int_equal(counts.by_reason[REASON_RANGE], 1);
		assert_int_equal(counts.by_reason[REASON_NONE], 39 - 2 - 11 - 3 - 1);
		wrangler_free(all[i]);
	}
}

static void missing_values_neither_continue_nor_end_a_run(void **state)
{
	struct wrangler *wrangler = three(*state, WRANGLE_JSON, 3);
	expect(wrangler, "[{\"t\":1767225600000,\"a\":7},{\"t\":1767225600001},{\"t\":1767225600002,\"a\":7},{\"t\":1767225600003,\"a\":\"7\"},{\"t\":1767225600004,\"a\":7}]",
		"+0 7 -!missing -!missing|+1 -!missing -!missing -!missing|+2 7 -!missing -!missing|+3 -!not_a_number -!missing -!missing|+4 7!stuck -!missing -!missing");
	wrangler_free(wrangler);
}

static void statuses_follow_reasons(void **state)
{
	struct wrangler *wrangler = three(*state, WRANGLE_SENML, 2);
	const struct wrangle_row *rows;
	size_t count;
	const char *pack = "[{\"n\":\"a\",\"v\":-300,\"t\":-3},{\"n\":\"b\",\"vs\":\"x\",\"t\":-3},{\"n\":\"p\",\"v\":1,\"u\":\"Pa\",\"t\":-3},"
		"{\"n\":\"a\",\"v\":7,\"t\":-2},{\"n\":\"a\",\"v\":7,\"t\":-1},{\"n\":\"a\",\"v\":7,\"t\":99},{\"n\":\"a\",\"v\":8,\"t\":100}]";
	assert_int_equal(wrangler_read(wrangler, text(pack), RECEIVED, &rows, &count, NULL), OK);
	assert_int_equal(count, 5);
	assert_int_equal(rows[0].status[0], STATUS_BAD_OUT_OF_RANGE);
	assert_int_equal(rows[0].status[1], STATUS_BAD_TYPE_MISMATCH);
	assert_int_equal(rows[0].status[2], STATUS_BAD);
	assert_int_equal(rows[1].status[0], STATUS_GOOD);
	assert_int_equal(rows[1].status[1], STATUS_BAD);
	assert_int_equal(rows[2].status[0], STATUS_UNCERTAIN_LAST_USABLE);
	assert_int_equal(rows[3].status[0], STATUS_UNCERTAIN_LAST_USABLE);
	assert_int_equal(rows[3].reason[0], REASON_STUCK);
	assert_int_equal(rows[4].status[0], STATUS_UNCERTAIN);
	assert_int_equal(rows[4].reason[0], REASON_FUTURE);
	assert_int_equal(wrangler_read(wrangler, text("[{\"n\":\"a\",\"v\":9,\"t\":-60}]"), RECEIVED, &rows, &count, NULL), OK);
	assert_int_equal(rows[0].reason[0], REASON_LATE);
	assert_int_equal(rows[0].status[0], STATUS_GOOD);
	wrangler_free(wrangler);
}

static void equal_values_without_a_time_are_no_duplicates(void **state)
{
	struct wrangler *wrangler = three(*state, WRANGLE_JSON, 0);
	expect(wrangler, "[{\"a\":1,\"b\":2,\"p\":3},{\"a\":1,\"b\":2,\"p\":3}]", "+2 1 2 3|+2 1 2 3");
	expect(wrangler, "[{\"t\":1767225600009,\"a\":1,\"b\":2,\"p\":3},{\"t\":1767225600009,\"a\":1,\"b\":2,\"p\":3}]", "+9 1 2 3");
	expect(wrangler, "[{\"t\":1767225600009,\"a\":1,\"b\":2,\"p\":4},{\"t\":1767225600009,\"a\":1,\"b\":2}]", "+9 1 2 4|+9 1 2 -!missing");
	expect(wrangler, "[{\"t\":1767225600009,\"a\":1,\"b\":2,\"p\":null},{\"t\":1767225600009,\"a\":1,\"b\":2,\"p\":\"x\"}]", "+9 1 2 -!not_a_number");
	wrangler_free(wrangler);
}

/* A redelivered message of the largest size is recognised whole. */
static void a_whole_message_comes_twice(void **state)
{
	struct wrangler *wrangler = three(*state, WRANGLE_CSV, 0);
	struct buffer lines = {0};
	for (int i = 0; i < WRANGLE_ROWS_MAX; i++)
		buffer_printf(&lines, "%" PRId64 ",%d,2,3\n", NEW_YEAR_MS - 10000 + i, i);
	const struct wrangle_row *rows;
	size_t count;
	struct fault fault;
	assert_int_equal(wrangler_read(wrangler, buffer_span(&lines), RECEIVED, &rows, &count, NULL), OK);
	assert_int_equal(count, WRANGLE_ROWS_MAX);
	assert_int_equal(wrangler_read(wrangler, buffer_span(&lines), RECEIVED, &rows, &count, NULL), OK);
	assert_int_equal(count, 0);
	struct wrangle_counts counts;
	wrangler_counts(wrangler, &counts);
	assert_int_equal(counts.samples, 3 * WRANGLE_ROWS_MAX);
	assert_int_equal(counts.by_reason[REASON_DUPLICATE], 3 * WRANGLE_ROWS_MAX);
	buffer_append_text(&lines, ",1,2,3");
	assert_int_equal(wrangler_read(wrangler, buffer_span(&lines), RECEIVED, &rows, &count, &fault), E_LIMIT);
	buffer_free(&lines);
	wrangler_free(wrangler);
}

static void limits_hold_in_every_format(void **state)
{
	static const char *const items[] = {"{\"a\":1}", ",1\n", "{\"n\":\"a\",\"v\":1}"};
	for (int format = WRANGLE_JSON; format <= WRANGLE_SENML; format++) {
		struct wrangler *wrangler = three(*state, (enum wrangle_format)format, 0);
		struct buffer payload = {0};
		const struct wrangle_row *rows;
		size_t count;
		struct fault fault = {0};
		bool csv = format == WRANGLE_CSV;
		buffer_append_text(&payload, csv ? "" : "[");
		for (int i = 0; i <= WRANGLE_ROWS_MAX; i++) {
			buffer_append_text(&payload, i && !csv ? "," : "");
			buffer_append_text(&payload, items[format - 1]);
		}
		buffer_append_text(&payload, csv ? "" : "]");
		assert_int_equal(wrangler_read(wrangler, buffer_span(&payload), RECEIVED, &rows, &count, &fault), E_LIMIT);
		assert_non_null(strstr(fault.text, "1000 rows"));
		buffer_clear(&payload);
		for (int i = 0; i <= WRANGLE_PAYLOAD_MAX; i++)
			buffer_append_byte(&payload, ' ');
		assert_int_equal(wrangler_read(wrangler, buffer_span(&payload), RECEIVED, &rows, &count, &fault), E_LIMIT);
		assert_int_equal(wrangler_read(wrangler, span_of(payload.data, WRANGLE_PAYLOAD_MAX), RECEIVED, &rows, &count, &fault), E_MALFORMED);
		struct wrangle_counts counts;
		wrangler_counts(wrangler, &counts);
		assert_int_equal(counts.samples, 0);
		assert_int_equal(counts.by_reason[REASON_MALFORMED], 3);
		buffer_free(&payload);
		wrangler_free(wrangler);
	}
}

/* A message that is refused at its end leaves no trace of its beginning. */
static void a_refused_message_changes_nothing(void **state)
{
	struct wrangler *wrangler = three(*state, WRANGLE_JSON, 2);
	expect(wrangler, "{\"t\":1767225600000,\"a\":1,\"b\":1,\"p\":1}", "+0 1 1 1");
	expect(wrangler, "[{\"t\":1767225600100,\"a\":2,\"b\":1,\"p\":1},{\"t\":\"never\"}]", "malformed");
	expect(wrangler, "{\"t\":1767225600050,\"a\":1,\"b\":1,\"p\":1}", "+50 1!stuck 1 1");
	wrangler_free(wrangler);
}

/* Decimal text of any length gives the nearest double, in every format the same. */
static void numbers_are_read_to_the_bit(void **state)
{
	static const char *const before[] = {"{\"a\":", ",", "[{\"n\":\"a\",\"v\":"};
	static const char *const after[] = {"}", "", "}]"};
	struct random random = random_of(31);
	for (int format = WRANGLE_JSON; format <= WRANGLE_SENML; format++) {
		struct wrangler *wrangler = three(*state, (enum wrangle_format)format, 0);
		for (int round = 0; round < 20000; round++) {
			uint64_t bits = random_next(&random);
			double value;
			memcpy(&value, &bits, sizeof value);
			if (!isfinite(value))
				continue;
			char number[64], payload[128];
			int digits = 1 + (int)random_below(&random, 25);
			snprintf(number, sizeof number, "%.*e", digits, value);
			double expected = strtod(number, NULL);
			if (!isfinite(expected))
				continue;
			snprintf(payload, sizeof payload, "%s%s%s", before[format - 1], number, after[format - 1]);
			const struct wrangle_row *rows;
			size_t count;
			assert_int_equal(wrangler_read(wrangler, text(payload), RECEIVED, &rows, &count, NULL), OK);
			if (memcmp(&rows[0].raw[0], &expected, sizeof expected) != 0)
				fail_msg("%s gives %.17g", payload, rows[0].raw[0]);
		}
		wrangler_free(wrangler);
	}
}

static void values_convert_by_their_channel(void **state)
{
	struct wrangler *wrangler = three(*state, WRANGLE_JSON, 0);
	size_t count;
	const struct channel *channels = wrangler_channels(wrangler, &count);
	assert_int_equal(count, 3);
	assert_true(span_is_text(channels[0].id, "temperature") && span_is_text(channels[0].raw_unit, "Cel") && span_is_text(channels[0].unit, "K"));
	assert_true(channels[0].scale == 1 && channels[0].offset == 273.15);
	assert_true(fabs(sample_value(&channels[2], 101.325) - 1.01325) < 1e-12);
	wrangler_free(wrangler);
}

static enum status make(void *units, enum wrangle_format format, struct wrangle_rule *rules, size_t count, struct digest *digest)
{
	struct wrangler *wrangler;
	struct fault fault = {0};
	enum status status = wrangler_new(format, rules, count, units, &wrangler, &fault);
	if (status != OK) {
		assert_true(fault.text[0] != 0);
		return status;
	}
	*digest = wrangler_digest(wrangler);
	wrangler_free(wrangler);
	return OK;
}

static void rules_that_cannot_be_are_refused(void **state)
{
	char longest[256];
	memset(longest, 'x', sizeof longest);
	struct digest digest;
	const struct wrangle_rule good[2] = {
		{text("a"), text("1"), text("Cel"), text("K"), 0, 0},
		{text("b"), text("2"), text("A"), text("mA"), 0, 0},
	};
	struct wrangle_rule rules[WRANGLE_SIGNALS_MAX + 1];
	for (size_t i = 0; i <= WRANGLE_SIGNALS_MAX; i++)
		rules[i] = good[0];
	assert_int_equal(make(*state, WRANGLE_JSON, rules, 0, &digest), E_LIMIT);
	assert_int_equal(make(*state, WRANGLE_JSON, rules, WRANGLE_SIGNALS_MAX + 1, &digest), E_LIMIT);
	assert_int_equal(make(*state, (enum wrangle_format)9, rules, 1, &digest), E_CONFIG);
#define TRY_WITH(format, change, expected)                                        \
	do {                                                                      \
		rules[0] = good[0];                                               \
		rules[1] = good[1];                                               \
		change;                                                           \
		assert_int_equal(make(*state, format, rules, 2, &digest), expected); \
	} while (0)
	TRY_WITH(WRANGLE_CSV, (void)0, OK);
	TRY_WITH(WRANGLE_JSON, rules[1].id = text("a"), E_CONFIG);
	TRY_WITH(WRANGLE_JSON, rules[1].field = text("1"), E_CONFIG);
	TRY_WITH(WRANGLE_JSON, rules[1].field = text(""), E_CONFIG);
	TRY_WITH(WRANGLE_JSON, rules[1].id = text(""), E_CONFIG);
	TRY_WITH(WRANGLE_JSON, rules[1].field = text("t"), E_CONFIG);
	TRY_WITH(WRANGLE_SENML, rules[1].field = text("t"), OK);
	TRY_WITH(WRANGLE_JSON, rules[1].stuck_count = 1, E_CONFIG);
	TRY_WITH(WRANGLE_JSON, rules[1].id = span_of(longest, 255), OK);
	TRY_WITH(WRANGLE_JSON, rules[1].id = span_of(longest, 256), E_LIMIT);
	TRY_WITH(WRANGLE_JSON, rules[1].unit = text("V"), E_UNIT);
	TRY_WITH(WRANGLE_JSON, rules[1].unit = text("foo"), E_UNIT);
	TRY_WITH(WRANGLE_JSON, rules[1].raw_unit = text(""), E_CONFIG);
	TRY_WITH(WRANGLE_CSV, rules[1].field = text("0"), E_CONFIG);
	TRY_WITH(WRANGLE_CSV, rules[1].field = text("02"), E_CONFIG);
	TRY_WITH(WRANGLE_CSV, rules[1].field = text("255"), OK);
	TRY_WITH(WRANGLE_CSV, rules[1].field = text("256"), E_CONFIG);
	TRY_WITH(WRANGLE_CSV, rules[1].field = text("b"), E_CONFIG);
	TRY_WITH(WRANGLE_CSV, rules[1].field = text("99999999999999999999"), E_CONFIG);
}

static void the_digest_covers_every_rule(void **state)
{
	struct digest digests[10];
	size_t made = 0;
	struct wrangle_rule rules[2];
#define DIGEST_WITH(format, change)                                                                       \
	do {                                                                                              \
		rules[0] = (struct wrangle_rule){text("a"), text("1"), text("Cel"), text("K"), 10, 20};   \
		rules[1] = (struct wrangle_rule){text("b"), text("2"), text("A"), text("mA"), 30, 40};    \
		change;                                                                                   \
		assert_int_equal(make(*state, format, rules, 2, &digests[made++]), OK);                   \
	} while (0)
	DIGEST_WITH(WRANGLE_JSON, (void)0);
	DIGEST_WITH(WRANGLE_CSV, (void)0);
	DIGEST_WITH(WRANGLE_JSON, rules[1].id = text("c"));
	DIGEST_WITH(WRANGLE_JSON, rules[1].field = text("3"));
	DIGEST_WITH(WRANGLE_JSON, rules[1].raw_unit = text("uA"));
	DIGEST_WITH(WRANGLE_JSON, rules[1].unit = text("A"));
	DIGEST_WITH(WRANGLE_JSON, rules[1].period_ms = 31);
	DIGEST_WITH(WRANGLE_JSON, rules[1].stuck_count = 41);
	DIGEST_WITH(WRANGLE_JSON, (rules[1].id = text("b2"), rules[1].field = text("_")));
	for (size_t a = 0; a < made; a++)
		for (size_t b = 0; b < a; b++)
			assert_false(digest_equal(&digests[a], &digests[b]));
	DIGEST_WITH(WRANGLE_JSON, (void)0);
	assert_true(digest_equal(&digests[0], &digests[made - 1]));
}

/* Random messages of all kinds: what is handed out is what is counted. */
static void counts_add_up(void **state)
{
	static const char *const values[] = {"1", "1.5", "-300", "null", "\"x\"", "true", "1e999", "\"\"", "7", "7"};
	struct random random = random_of(11);
	struct wrangler *wrangler = three(*state, WRANGLE_JSON, 3);
	struct wrangle_counts expected = {0}, counts;
	for (int round = 0; round < 20000; round++) {
		char payload[200];
		const char *end = random_chance(&random, 0.05) ? "" : "}";
		snprintf(payload, sizeof payload, "{\"t\":%" PRId64 ",\"a\":%s,\"b\":%s,\"p\":%s%s", NEW_YEAR_MS + (int64_t)random_below(&random, 8000),
			values[random_below(&random, 10)], values[random_below(&random, 10)], values[random_below(&random, 10)], end);
		const struct wrangle_row *rows;
		size_t count;
		if (wrangler_read(wrangler, text(payload), RECEIVED, &rows, &count, NULL) != OK) {
			expected.by_reason[REASON_MALFORMED]++;
			continue;
		}
		if (count == 0)
			expected.by_reason[REASON_DUPLICATE] += 3;
		for (size_t r = 0; r < count; r++)
			for (size_t i = 0; i < 3; i++) {
				expected.samples++;
				expected.by_reason[rows[r].reason[i]]++;
				bool no_value = rows[r].reason[i] == REASON_MISSING || rows[r].reason[i] == REASON_NOT_A_NUMBER;
				assert_int_equal(isnan(rows[r].raw[i]) != 0, no_value);
			}
	}
	wrangler_counts(wrangler, &counts);
	assert_memory_equal(&counts, &expected, sizeof counts);
	for (unsigned reason = 0; reason < REASON_COUNT; reason++)
		assert_true(reason == REASON_UNIT || counts.by_reason[reason] > 0);
	wrangler_free(wrangler);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_messages),
		cmocka_unit_test(csv_messages),
		cmocka_unit_test(senml_packs),
		cmocka_unit_test(senml_examples_of_the_rfc),
		cmocka_unit_test(stuck_late_future_and_duplicate),
		cmocka_unit_test(missing_values_neither_continue_nor_end_a_run),
		cmocka_unit_test(statuses_follow_reasons),
		cmocka_unit_test(equal_values_without_a_time_are_no_duplicates),
		cmocka_unit_test(a_whole_message_comes_twice),
		cmocka_unit_test(limits_hold_in_every_format),
		cmocka_unit_test(a_refused_message_changes_nothing),
		cmocka_unit_test(numbers_are_read_to_the_bit),
		cmocka_unit_test(values_convert_by_their_channel),
		cmocka_unit_test(rules_that_cannot_be_are_refused),
		cmocka_unit_test(the_digest_covers_every_rule),
		cmocka_unit_test(counts_add_up),
	};
	return cmocka_run_group_tests(tests, open_units, close_units);
}
