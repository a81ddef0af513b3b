/* A recorded file from arbitrary bytes: what is read becomes messages and bounds with finite numbers. */
#include "command/cmapss.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cmapss read;
	struct fault fault = {{0}};
	if (cmapss_parse(span_of(data, size), &read, &fault) != OK) {
		CHECK(fault.text[0] && read.count == 0);
		return 0;
	}
	struct body_bounds *bounds = memory_new(sizeof *bounds);
	struct buffer message = {0}, body = {0};
	cmapss_bounds(&read, 20, bounds);
	for (size_t i = 0; i < bounds->bound_count; i++)
		CHECK(isfinite(decimal_value(bounds->bounds[i].low)) && isfinite(decimal_value(bounds->bounds[i].high)));
	body_bounds_encode(bounds, &body);
	for (size_t u = 0; u < read.count; u++) {
		CHECK(read.units[u].count > 0 && (u == 0 || read.units[u].number > read.units[u - 1].number));
		cmapss_message(&read.units[u].cycles[0], 0, &message);
	}
	cmapss_free(&read);
	free(bounds);
	buffer_free(&message);
	buffer_free(&body);
	return 0;
}
