/* A configuration file of any content is accepted or refused with a sentence, and base64 has one form. */
#include "host/base64.h"
#include "host/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = NULL, *path = NULL, *address = NULL;
	int64_t number = 1, duration = 0, bytes = 0;
	bool on = false;
	struct config_list list = {0};
	const struct config_key keys[] = {
		{"node", "name", CONFIG_TEXT, &text, false, NULL, 0, 0, "a name"},
		{"node", "log", CONFIG_PATH, &path, false, "log", 0, 0, "a path"},
		{"node", "listen", CONFIG_ADDRESS, &address, false, NULL, 0, 0, "an address"},
		{"node", "count", CONFIG_NUMBER, &number, false, "1", 1, 64, "a number"},
		{"wire", "delay", CONFIG_DURATION, &duration, false, NULL, 0, 1000000, "a time"},
		{"wire", "cache", CONFIG_SIZE, &bytes, false, NULL, 0, INT64_C(1) << 40, "a size"},
		{"wire", "open", CONFIG_SWITCH, &on, false, NULL, 0, 0, "a switch"},
		{"wire", "floor", CONFIG_LIST, &list, false, NULL, 0, 0, "a list"},
	};
	struct fault fault = {0};
	char *copy = memory_text(span_of(data, size));
	enum status status = config_parse(copy, "/folder", "fuzz.ini", keys, 8, &fault);
	CHECK((status == OK) == (fault.text[0] == 0));
	CHECK(status != OK || (number >= 1 && number <= 64 && duration <= 1000000 && path));
	config_free(keys, 8);
	free(copy);

	struct buffer decoded = {0}, again = {0};
	if (base64_decode(span_of(data, size), &decoded) == OK) {
		base64_encode(buffer_span(&decoded), &again);
		CHECK(span_equal(buffer_span(&again), span_of(data, size)));
	}
	buffer_free(&decoded);
	buffer_free(&again);
	return 0;
}
