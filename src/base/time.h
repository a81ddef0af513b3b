/* Time: signed nanoseconds since 1970-01-01 UTC (samples), or milliseconds (ledger).
 * No clock here: pure rooms are told what time it is. */
#ifndef TALLY_BASE_TIME_H
#define TALLY_BASE_TIME_H

#include "base/span.h"

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define MS_PER_S INT64_C(1000)

#define TIME_TEXT_SIZE 40

/* RFC 3339 with the fewest of 0, 3, 6 or 9 decimals that are exact, and "Z". */
void time_text(int64_t ns, char out[TIME_TEXT_SIZE]);

#endif
