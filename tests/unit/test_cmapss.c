#include "command/cmapss.h"
#include "signal/wrangle.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define LINE(unit, cycle) unit " " cycle " -0.0007 -0.0004 100.0 518.67 641.82 1589.70 1400.60 14.62 21.61 554.36 2388.06 9046.19 1.30 47.47 521.66 2388.02 8138.62 8.4195 0.03 392 2388 100.00 39.06 23.4190"

static enum status parse(const char *text, struct cmapss *out, struct fault *fault)
{
	*fault = (struct fault){{0}};
	return cmapss_parse(span_of_text(text), out, fault);
}

static bool shared_file(const char *name, struct buffer *out)
{
	char path[1000];
	const char *folder = getenv("TALLY_SHARED");
	snprintf(path, sizeof path, "%s/data/cmapss/%s", folder ? folder : "", name);
	FILE *file = folder ? fopen(path, "rb") : NULL;
	if (!file) {
		print_message("# skipped: %s is not there; set TALLY_SHARED to the folder that holds data/\n", path);
		return false;
	}
	char part[65536];
	for (size_t got; (got = fread(part, 1, sizeof part, file)) > 0;)
		buffer_append(out, part, got);
	fclose(file);
	return true;
}

static void recorded_engines_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		size_t units, cycles;
	} files[] = {{"train_FD001.txt", 100, 20631}, {"train_FD002.txt", 260, 53759}, {"train_FD003.txt", 100, 24720}, {"train_FD004.txt", 249, 61249}};
	for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
		struct buffer bytes = {0};
		struct cmapss data;
		struct fault fault;
		if (!shared_file(files[f].name, &bytes))
			skip();
		assert_int_equal(cmapss_parse(buffer_span(&bytes), &data, &fault), OK);
		size_t cycles = 0;
		for (size_t u = 0; u < data.count; u++) {
			assert_int_equal(data.units[u].number, u + 1);
			cycles += data.units[u].count;
		}
		assert_int_equal(data.count, files[f].units);
		assert_int_equal(cycles, files[f].cycles);
		if (f == 0) {
			assert_int_equal(data.units[0].count, 192);
			assert_true(data.units[0].cycles[0].values[3] == 518.67);
			assert_true(data.units[0].cycles[1].values[23] == 23.4236);
		}
		cmapss_free(&data);
		buffer_free(&bytes);
	}
}

/* A recorded cycle goes through the same wrangling as live data, and its units come out as registered. */
static void messages_are_wrangled_as_registered(void **state)
{
	(void)state;
	struct cmapss data;
	struct fault fault;
	struct body_device *device = memory_new(sizeof *device);
	struct wrangle_rule rules[CMAPSS_SIGNALS];
	struct wrangler *wrangler;
	struct unit_table *units;
	const struct wrangle_row *rows;
	const struct channel *channels;
	size_t count, channel_count;
	struct buffer message = {0};
	assert_int_equal(parse(LINE("1", "1") "\n", &data, &fault), OK);
	cmapss_device(span_of_text("gw:maker/hall-1"), 250, device);
	assert_int_equal(device->signal_count, CMAPSS_SIGNALS);
	for (size_t i = 0; i < CMAPSS_SIGNALS; i++)
		rules[i] = (struct wrangle_rule){.id = device->signals[i].id, .field = device->signals[i].field, .raw_unit = device->signals[i].raw_unit,
			.unit = device->signals[i].unit, .period_ms = 250};
	assert_int_equal(unit_table_new(&units, &fault), OK);
	assert_int_equal(wrangler_new(WRANGLE_JSON, rules, CMAPSS_SIGNALS, units, &wrangler, &fault), OK);
	cmapss_message(&data.units[0].cycles[0], 1767225600000, &message);
	assert_int_equal(wrangler_read(wrangler, buffer_span(&message), INT64_C(1767225600000000000), &rows, &count, &fault), OK);
	assert_int_equal(count, 1);
	assert_true(rows[0].time_ns == INT64_C(1767225600000000000));
	channels = wrangler_channels(wrangler, &channel_count);
	for (size_t i = 0; i < CMAPSS_SIGNALS; i++) {
		assert_true(rows[0].raw[i] == data.units[0].cycles[0].values[i]);
		assert_int_equal(rows[0].reason[i], REASON_NONE);
	}
	/* 518.67 degrees Rankine; 14.62 psi; 39.06 lb/s. */
	assert_true(fabs(sample_value(&channels[3], rows[0].raw[3]) - 288.15) < 1e-9);
	assert_true(fabs(sample_value(&channels[7], rows[0].raw[7]) - 100.8013516) < 1e-6);
	assert_true(fabs(sample_value(&channels[22], rows[0].raw[22]) - 17.7173179) < 1e-6);
	/* And the bounds are in the samples' units, around them. */
	struct body_bounds *bounds = memory_new(sizeof *bounds);
	cmapss_bounds(&data, 20, bounds);
	assert_int_equal(bounds->bound_count, CMAPSS_SIGNALS);
	for (size_t i = 0; i < CMAPSS_SIGNALS; i++) {
		double value = sample_value(&channels[i], rows[0].raw[i]);
		assert_true(decimal_value(bounds->bounds[i].low) < value && value < decimal_value(bounds->bounds[i].high));
	}
	free(bounds);
	wrangler_free(wrangler);
	unit_table_free(units);
	buffer_free(&message);
	cmapss_free(&data);
	free(device);
}

static void bad_lines_are_named(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *line;
	} wrong[] = {
		{"", "no cycle"},
		{"\n\n", "no cycle"},
		{"x\n", "line 1"},
		{LINE("1", "1") "\n\n1 2 3\n", "line 3"},
		{LINE("1", "1") "\n" LINE("1", "2") " 7\n", "line 2"},
		{LINE("1", "1") "\n" LINE("1", "3") "\n", "line 2"},
		{LINE("1", "2") "\n", "line 1"},
		{LINE("2", "1") "\n" LINE("1", "1") "\n", "line 2"},
		{LINE("0", "1") "\n", "line 1"},
		{LINE("-1", "1") "\n", "line 1"},
		{LINE("1.5", "1") "\n", "line 1"},
		{LINE("4294967296", "1") "\n", "line 1"},
		{LINE("0x1", "1") "\n", "line 1"},
		{LINE("nan", "1") "\n", "line 1"},
		{LINE("1", "inf") "\n", "line 1"},
		{LINE("1", "1e999") "\n", "line 1"},
		{LINE("1", "1") "\n" LINE("1\t", "2") "\n", "line 2"},
		{LINE("1", "1") ",\n", "line 1"},
		{LINE("1", "1") "\n" LINE("1", "2") "\n" LINE("1", "2"), "line 3"},
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct cmapss data;
		struct fault fault;
		assert_int_equal(parse(wrong[i].text, &data, &fault), E_MALFORMED);
		if (!strstr(fault.text, wrong[i].line))
			fail_msg("case %zu: \"%s\" does not name %s", i, fault.text, wrong[i].line);
		assert_null(data.units);
	}
}

static void limits_hold(void **state)
{
	(void)state;
	struct cmapss data;
	struct fault fault;
	struct buffer text = {0};
	buffer_append_text(&text, LINE("1", "1"));
	for (int i = 0; i < 1024; i++)
		buffer_append_byte(&text, ' ');
	assert_int_equal(cmapss_parse(buffer_span(&text), &data, &fault), E_LIMIT);
	assert_non_null(strstr(fault.text, "line 1"));
	/* A zero byte does not end the line. */
	buffer_clear(&text);
	buffer_append_text(&text, LINE("1", "1"));
	buffer_append_byte(&text, 0);
	buffer_append_text(&text, "anything\n");
	assert_int_equal(cmapss_parse(buffer_span(&text), &data, &fault), E_MALFORMED);
	assert_non_null(strstr(fault.text, "line 1"));
	buffer_clear(&text);
	for (int i = 1; i <= CMAPSS_UNITS_MAX + 1; i++)
		buffer_printf(&text, "%d " LINE("", "1") "\r\n", i);
	assert_int_equal(cmapss_parse(buffer_span(&text), &data, &fault), E_LIMIT);
	assert_non_null(strstr(fault.text, "line 1001"));
	buffer_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_engines_are_read),
		cmocka_unit_test(messages_are_wrangled_as_registered),
		cmocka_unit_test(bad_lines_are_named),
		cmocka_unit_test(limits_hold),
	};
	return cmocka_run_group_tests_name("cmapss", tests, NULL, NULL);
}
