/* Words of a report: texts of other people, made harmless. For what reports a verification. */
#ifndef TALLY_RECORD_BUNDLE_REPORT_H
#define TALLY_RECORD_BUNDLE_REPORT_H

#include "record/body.h"

/* Without control characters, so that no text can forge a line of the report, and none that
 * turns the direction of writing. What is no UTF-8 becomes '?'. */
void report_text(struct buffer *out, struct span text);

struct report_shown {
	char text[4 * 64];
};

/* The same for a `fault`; long ones are cut. */
struct report_shown report_shown(struct span text);

void report_seconds(struct buffer *out, uint64_t seconds);

#endif
