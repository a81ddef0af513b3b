/* What a check says: lines of our own making, and nothing that an outsider could have put there. */
#ifndef TALLY_FUZZ_REPORT_H
#define TALLY_FUZZ_REPORT_H

#include "base/span.h"
#include "base/status.h"

static inline bool report_line_begins(struct span line, const char *text)
{
	size_t size = strlen(text);
	return line.size > size && memcmp(line.data, text, size) == 0;
}

static inline void report_check(struct span report)
{
	CHECK(report.size && report.data[report.size - 1] == '\n');
	while (report.size) {
		size_t line = 0;
		for (; report.data[line] != '\n'; line++)
			CHECK(report.data[line] >= ' ' && report.data[line] != 0x7f);
		struct span words = span_of(report.data, line);
		CHECK(report_line_begins(words, "ok: ") || report_line_begins(words, "not ok: ") || report_line_begins(words, "FAILED: "));
		report = span_after(report, line + 1);
	}
}

#endif
