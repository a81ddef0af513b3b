/* Two lines as two units: a conversion that exists goes both ways. */
#include "signal/unit.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct unit_table *table;
	if (!table)
		CHECK(unit_table_new(&table, NULL) == OK);
	const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
	size_t first = line ? (size_t)(line - data) : size;
	struct span from = span_of(data, first);
	struct span to = line ? span_of(line + 1, size - first - 1) : from;
	double scale, offset;
	struct fault fault = {0};
	enum status status = unit_conversion(table, from, to, &scale, &offset, &fault);
	CHECK(status == OK || (status == E_UNIT && fault.text[0]));
	CHECK(!isnan(unit_floor(table, from)));
	if (status != OK)
		return 0;
	CHECK(isfinite(scale) && scale > 0 && isfinite(offset));
	double back, back_offset;
	status = unit_conversion(table, to, from, &back, &back_offset, &fault);
	/* The reverse of an enormous factor may vanish. */
	CHECK(status == OK || scale > 1e300 || scale < 1e-300);
	CHECK(status != OK || fabs(scale * back - 1) < 1e-9);
	return 0;
}
