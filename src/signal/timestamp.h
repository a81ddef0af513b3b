/* Source times as devices write them, to nanoseconds since 1970-01-01 UTC.
 * All of them lie between 1970 and 2262. Pure. */
#ifndef TALLY_SIGNAL_TIMESTAMP_H
#define TALLY_SIGNAL_TIMESTAMP_H

#include "base/span.h"
#include "base/status.h"

/* RFC 3339, section 5.6: "2026-01-01T08:30:00.25+02:00". A space may stand for the T; digits
 * after the ninth decimal are cut; second 60 is the first of the next minute. E_MALFORMED. */
MUST_USE enum status timestamp_from_text(struct span text, int64_t *ns);

/* Milliseconds or seconds since 1970, rounded to whole microseconds, which is what a
 * double can still tell apart in this century. E_MALFORMED when out of range. */
MUST_USE enum status timestamp_from_milliseconds(double milliseconds, int64_t *ns);
MUST_USE enum status timestamp_from_seconds(double seconds, int64_t *ns);

#endif
