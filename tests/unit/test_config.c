#include "host/config.h"

#include "host/base64.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct settings {
	char *org, *log, *listen, *page;
	int64_t members, delay_ms, cache;
	bool open;
	struct config_list floors;
};

enum { KEYS = 9 };

static void keys_of(struct settings *settings, struct config_key keys[KEYS])
{
	const struct config_key table[KEYS] = {
		{"node", "org", CONFIG_TEXT, &settings->org, true, NULL, 0, 0, "who we are"},
		{"node", "log", CONFIG_PATH, &settings->log, false, "data/log", 0, 0, "where the log is"},
		{"wire", "listen", CONFIG_ADDRESS, &settings->listen, false, "127.0.0.1:7101", 0, 0, "where peers call"},
		{"http", "page", CONFIG_URL, &settings->page, false, "http://127.0.0.1:1", 0, 0, "where it is seen"},
		{"node", "members", CONFIG_NUMBER, &settings->members, false, "4", 1, 64, "how many"},
		{"wire", "round_delay", CONFIG_DURATION, &settings->delay_ms, false, "20 ms", 1, 10000, "least time between blocks"},
		{"wire", "cache", CONFIG_SIZE, &settings->cache, false, "16 MiB", 0, INT64_C(1) << 32, "memory for it"},
		{"http", "open", CONFIG_SWITCH, &settings->open, false, "off", 0, 0, "to others"},
		{"http", "floor", CONFIG_LIST, &settings->floors, false, NULL, 0, 0, "a gateway and its URL"},
	};
	memcpy(keys, table, sizeof table);
}

static enum status parse(const char *text, struct settings *settings, struct fault *fault)
{
	struct config_key keys[KEYS];
	*settings = (struct settings){0};
	*fault = (struct fault){0};
	keys_of(settings, keys);
	return config_parse(text, "/etc/tally", "node.ini", keys, KEYS, fault);
}

static void discard(struct settings *settings)
{
	struct config_key keys[KEYS];
	keys_of(settings, keys);
	config_free(keys, KEYS);
}

static void values_arrive_with_their_units(void **state)
{
	(void)state;
	struct settings settings;
	struct fault fault;
	const char *text = "; a comment\n[node]\norg = org:manufacturer\nlog = /var/lib/log\nmembers=7\n"
			   "[wire]\nlisten = [::1]:7000\nround_delay = 2 s\ncache = 3GiB\n"
			   "[http]\nopen = on\nfloor = gw:a http://x:1\nfloor = gw:b http://y:2\n";
	if (parse(text, &settings, &fault) != OK)
		fail_msg("%s", fault.text);
	assert_string_equal(settings.org, "org:manufacturer");
	assert_string_equal(settings.log, "/var/lib/log");
	assert_string_equal(settings.listen, "[::1]:7000");
	assert_int_equal(settings.members, 7);
	assert_int_equal(settings.delay_ms, 2000);
	assert_true(settings.cache == INT64_C(3) << 30);
	assert_true(settings.open);
	assert_int_equal(settings.floors.count, 2);
	assert_string_equal(settings.floors.items[1], "gw:b http://y:2");
	assert_null(settings.floors.items[2]);
	discard(&settings);
	assert_int_equal(parse("[node]\norg = x\n", &settings, &fault), OK);
	assert_string_equal(settings.log, "/etc/tally/data/log"); /* relative to the file */
	assert_int_equal(settings.delay_ms, 20);
	assert_true(settings.cache == 16 << 20);
	discard(&settings);
}

static void errors_name_the_line_and_help(void **state)
{
	(void)state;
	const struct {
		const char *text;
		const char *words[3];
	} cases[] = {
		{"", {"org", "missing", "who we are"}},
		{"[node]\norg=x\n\nmembrs = 3\n", {"line 4", "membrs", "did you mean members in [node]"}},
		{"[node]\norg=x\nround_dellay = 3 s\n", {"line 3", "round_dellay", "did you mean round_delay in [wire]"}},
		{"[node]\norg=x\nqqqqqqqqqqq = 3\n", {"line 3", "qqqqqqqqqqq", "has no key"}},
		{"[nod]\norg=x\n", {"line 2", "[nod]", "did you mean [node]"}},
		{"org=x\n", {"line 1", "org", "before the first"}},
		{"[node]\norg=\n", {"line 2", "org", "empty"}},
		{"[node]\norg=x\norg=y\n", {"line 3", "org", "twice"}},
		{"[node]\norg=x\nmembers=0\n", {"line 3", "members", "between 1 and 64"}},
		{"[node]\norg=x\nmembers=65\n", {"line 3", "65", "range"}},
		{"[node]\norg=x\nmembers=-1\n", {"line 3", "-1", "whole number"}},
		{"[node]\norg=x\nmembers=1e3\n", {"line 3", "1e3", "whole number"}},
		{"[node]\norg=x\nmembers=99999999999999999999\n", {"line 3", "members", "whole number"}},
		{"[node]\norg=x\n[wire]\nround_delay=20\n", {"line 4", "20", "300 ms"}},
		{"[node]\norg=x\n[wire]\nround_delay=20 ms extra\n", {"line 4", "20 ms extra", "a time"}},
		{"[node]\norg=x\n[wire]\ncache=999999999999999 GiB\n", {"line 4", "cache", "a size"}},
		{"[node]\norg=x\n[wire]\ncache=5 GiB\n", {"line 4", "5 GiB", "between 0 B and 4294967296 B"}},
		{"[node]\norg=x\n[wire]\nlisten=7101\n", {"line 4", "7101", "host:port"}},
		{"[node]\norg=x\n[http]\nopen=yes\n", {"line 4", "yes", "on nor off"}},
		{"[node]\norg=x\n[http]\npage=127.0.0.1:80\n", {"line 4", "page", "http://"}},
		{"[node]\norg=x\nnonsense\n", {"line 3", "node.ini", "key = value"}},
		{"[node\norg=x\n", {"line 1", "node.ini", "[section]"}},
		{"[node]\norg=x\nlog=0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
		 "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\n",
			{"line 3", "longer", "190"}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct settings settings;
		struct fault fault;
		assert_int_equal(parse(cases[i].text, &settings, &fault), E_CONFIG);
		for (int j = 0; j < 3; j++)
			if (!strstr(fault.text, cases[i].words[j]))
				fail_msg("case %zu: \"%s\" does not say \"%s\"", i, fault.text, cases[i].words[j]);
		discard(&settings);
	}
}

static void what_is_printed_can_be_read(void **state)
{
	(void)state;
	struct settings settings = {0};
	struct config_key keys[KEYS];
	keys_of(&settings, keys);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	config_print(out, keys, KEYS);
	fclose(out);
	for (int i = 0; i < KEYS; i++)
		assert_non_null(strstr(text, keys[i].help));
	struct fault fault;
	if (parse(text, &settings, &fault) != OK)
		fail_msg("%s in %s", fault.text, text);
	discard(&settings);
	free(text);
}

static void base64_has_one_form(void **state)
{
	(void)state;
	struct random random = random_of(4);
	for (size_t size = 0; size < 200; size++) {
		uint8_t bytes[200];
		for (size_t i = 0; i < size; i++)
			bytes[i] = (uint8_t)random_next(&random);
		struct buffer text = {0}, back = {0};
		base64_encode(span_of(bytes, size), &text);
		assert_int_equal(base64_decode(buffer_span(&text), &back), OK);
		assert_true(span_equal(buffer_span(&back), span_of(bytes, size)));
		/* Another text never gives the same bytes. */
		for (size_t i = 0; i < text.size; i++) {
			uint8_t saved = text.data[i];
			text.data[i] = (uint8_t)random_next(&random);
			struct buffer other = {0};
			if (text.data[i] != saved && base64_decode(buffer_span(&text), &other) == OK)
				assert_false(span_equal(buffer_span(&other), span_of(bytes, size)));
			buffer_free(&other);
			text.data[i] = saved;
		}
		buffer_free(&text);
		buffer_free(&back);
	}
	struct buffer out = {0};
	base64_encode(span_of_text("foobar"), &out); /* RFC 4648, section 10 */
	base64_encode(span_of_text("foob"), &out);
	assert_true(span_is_text(buffer_span(&out), "Zm9vYmFyZm9vYg=="));
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_arrive_with_their_units),
		cmocka_unit_test(errors_name_the_line_and_help),
		cmocka_unit_test(what_is_printed_can_be_read),
		cmocka_unit_test(base64_has_one_form),
	};
	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
