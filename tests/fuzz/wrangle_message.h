/* One outside message through a wrangler, twice: what every format promises. */
#ifndef TALLY_FUZZ_WRANGLE_MESSAGE_H
#define TALLY_FUZZ_WRANGLE_MESSAGE_H

#include "signal/wrangle.h"

#include <math.h>
#include <stdlib.h>

enum { FUZZ_SIGNALS = 3 };

/* One for all messages: making one takes longer than reading. What it remembers (the newest time,
 * the last values) does not change how bytes are read. */
static struct wrangler *fuzz_wrangler(enum wrangle_format format)
{
	static struct wrangler *wrangler;
	if (wrangler)
		return wrangler;
	struct unit_table *units;
	CHECK(unit_table_new(&units, NULL) == OK);
	bool csv = format == WRANGLE_CSV;
	struct wrangle_rule rules[FUZZ_SIGNALS] = {
		{span_of_text("temperature"), span_of_text(csv ? "1" : "a"), span_of_text("Cel"), span_of_text("K"), 0, 2},
		{span_of_text("current"), span_of_text(csv ? "2" : "b"), span_of_text("A"), span_of_text("A"), 0, 0},
		{span_of_text("pressure"), span_of_text(csv ? "9" : "p"), span_of_text("kPa{abs}"), span_of_text("bar{abs}"), 0, 3},
	};
	CHECK(wrangler_new(format, rules, FUZZ_SIGNALS, units, &wrangler, NULL) == OK);
	unit_table_free(units);
	return wrangler;
}

static void fuzz_check_row(const struct wrangle_row *row)
{
	CHECK(row->time_ns >= 0);
	for (size_t i = 0; i < FUZZ_SIGNALS; i++) {
		unsigned reason = row->reason[i];
		CHECK(reason < REASON_DUPLICATE || reason == REASON_FUTURE);
		bool no_value = reason == REASON_MISSING || reason == REASON_NOT_A_NUMBER;
		CHECK(no_value ? isnan(row->raw[i]) : isfinite(row->raw[i]));
		CHECK(status_is_good(row->status[i]) == (reason == REASON_NONE || reason == REASON_LATE));
	}
}

static void fuzz_message(enum wrangle_format format, const uint8_t *data, size_t size)
{
	/* Exactly as long as the message: reading one byte more is seen. */
	uint8_t *exact = malloc(size ? size : 1);
	CHECK(exact);
	if (size)
		memcpy(exact, data, size);
	struct wrangler *wrangler = fuzz_wrangler(format);
	struct wrangle_counts before, after;
	wrangler_counts(wrangler, &before);
	uint64_t samples = 0;
	enum status first = OK;
	for (int round = 0; round < 2; round++) {
		const struct wrangle_row *rows;
		size_t count;
		struct fault fault = {0};
		enum status status = wrangler_read(wrangler, span_of(exact, size), INT64_C(1767225600000000000) + round, &rows, &count, &fault);
		CHECK(status == OK || status == E_MALFORMED || status == E_LIMIT);
		CHECK(status == OK || (count == 0 && fault.text[0]));
		CHECK(round == 0 || status == first);
		CHECK(count <= WRANGLE_ROWS_MAX);
		first = status;
		for (size_t i = 0; i < count; i++)
			fuzz_check_row(&rows[i]);
		samples += count * FUZZ_SIGNALS;
	}
	wrangler_counts(wrangler, &after);
	uint64_t sum = 0;
	for (unsigned reason = 0; reason < REASON_COUNT; reason++)
		if (reason != REASON_DUPLICATE && reason != REASON_MALFORMED)
			sum += after.by_reason[reason] - before.by_reason[reason];
	CHECK(after.samples - before.samples == samples && sum == samples);
	CHECK(after.by_reason[REASON_MALFORMED] - before.by_reason[REASON_MALFORMED] == (first == OK ? 0 : 2));
	free(exact);
}

#endif
