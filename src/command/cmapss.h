/* C-MAPSS (NASA turbofan run-to-failure data): a text file, one line a cycle: unit, cycle, 3 settings,
 * 21 sensors, separated by spaces. Units and cycles ascend. */
#ifndef TALLY_COMMAND_CMAPSS_H
#define TALLY_COMMAND_CMAPSS_H

#include "crypto/hash.h"
#include "record/body.h"

enum { CMAPSS_SIGNALS = 24, CMAPSS_UNITS_MAX = 1000, CMAPSS_SIZE_MAX = 64 << 20 };

struct cmapss_cycle {
	double values[CMAPSS_SIGNALS]; /* 3 settings, 21 sensors */
};

struct cmapss_unit {
	uint32_t number;
	struct cmapss_cycle *cycles;
	size_t count, capacity;
};

struct cmapss {
	struct cmapss_unit *units;
	size_t count, capacity;
};

/* E_MALFORMED and E_LIMIT name the line. */
MUST_USE enum status cmapss_parse(struct span text, struct cmapss *out, struct fault *fault);
void cmapss_free(struct cmapss *data);

/* The registration of one engine, and bounds for all of them: the mean of the fleet's first `cycles` cycles, plus or minus
 * eight standard deviations (a constant signal: plus or minus a thousandth). Spans point at literals. */
void cmapss_device(struct span gateway, uint32_t period_ms, struct body_device *out);
void cmapss_bounds(const struct cmapss *data, size_t cycles, struct body_bounds *out);
/* One cycle as the JSON message of the engine. Appends. */
void cmapss_message(const struct cmapss_cycle *cycle, int64_t time_ms, struct buffer *out);

#endif
