#include "base/time.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

void time_text(int64_t ns, char out[TIME_TEXT_SIZE])
{
	int64_t seconds = ns / NS_PER_S;
	int64_t fraction = ns % NS_PER_S;
	if (fraction < 0) {
		fraction += NS_PER_S;
		seconds--;
	}
	time_t whole = (time_t)seconds;
	struct tm parts;
	gmtime_r(&whole, &parts);
	size_t size = strftime(out, TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
	if (fraction % NS_PER_MS == 0 && fraction)
		size += (size_t)snprintf(out + size, TIME_TEXT_SIZE - size, ".%03" PRId64, fraction / NS_PER_MS);
	else if (fraction % 1000 == 0 && fraction)
		size += (size_t)snprintf(out + size, TIME_TEXT_SIZE - size, ".%06" PRId64, fraction / 1000);
	else if (fraction)
		size += (size_t)snprintf(out + size, TIME_TEXT_SIZE - size, ".%09" PRId64, fraction);
	snprintf(out + size, TIME_TEXT_SIZE - size, "Z");
}
