/* Wrangling: JSON, CSV and SenML (RFC 8428) messages become rows of samples of one form.
 * What is invalid, missing, late, duplicate, stuck or in the wrong unit is flagged with a
 * reason and counted, never silently dropped or repaired; the raw value stays. Pure.
 *
 * JSON  an object or an array of objects; member "t" is the time: RFC 3339 text, or a number of
 *       milliseconds since 1970; the other members are fields.
 * CSV   lines "time,field 1,field 2,..." (RFC 4180), time as above; a field is a column number from 1.
 * SenML JSON records; base fields resolved; a field is the resolved name; records of one time are
 *       one row, rows in order of time; a unit of the SenML registry must equal the registered
 *       raw unit, else the value is kept as sent and flagged.
 * A message without a time takes the time of reception. A time that cannot be read makes the message
 * malformed. The gravest reason is the first in enum wrangle_reason. Rules: docs/formats.md. */
#ifndef TALLY_SIGNAL_WRANGLE_H
#define TALLY_SIGNAL_WRANGLE_H

#include "signal/sample.h"
#include "signal/unit.h"

enum {
	WRANGLE_VERSION = 1,          /* of these rules; part of the digest that anchors carry */
	WRANGLE_SIGNALS_MAX = 64,
	WRANGLE_ROWS_MAX = 1000,      /* rows in one message */
	WRANGLE_PAYLOAD_MAX = 256 * 1024,
	WRANGLE_DEPTH_MAX = 8,        /* nesting in JSON */
};

enum wrangle_format { WRANGLE_JSON = 1, WRANGLE_CSV = 2, WRANGLE_SENML = 3 };

/* One signal's rule, from the device's registration. Texts are copied. */
struct wrangle_rule {
	struct span id;
	struct span field;
	struct span raw_unit;
	struct span unit;
	uint32_t period_ms;
	uint32_t stuck_count;         /* equal raw values in a row that mean stuck; 0: never */
};

struct wrangle_row {
	int64_t time_ns;
	double raw[WRANGLE_SIGNALS_MAX];
	uint32_t status[WRANGLE_SIGNALS_MAX];
	uint8_t reason[WRANGLE_SIGNALS_MAX];
};

/* The wrangler of one device: rules and the little state they need. */
struct wrangler;

/* E_UNIT: a unit is unknown or cannot be converted. E_LIMIT. E_CONFIG: duplicate ids or fields, a field that
 * the format cannot have, a stuck_count of 1. units is borrowed for the call only. */
MUST_USE enum status wrangler_new(enum wrangle_format format, const struct wrangle_rule *rules, size_t count,
	struct unit_table *units, struct wrangler **out, struct fault *fault);
void wrangler_free(struct wrangler *wrangler);
const struct channel *wrangler_channels(const struct wrangler *wrangler, size_t *count);
/* SHA-256 over WRANGLE_VERSION, the format and every rule: "how" of the provenance. */
struct digest wrangler_digest(const struct wrangler *wrangler);

/* Read one message. *rows (owned by the wrangler, valid until the next call) in the message's order.
 * A row that is an exact duplicate is left out and counted. E_MALFORMED, E_LIMIT with a sentence: no rows,
 * the caller keeps the raw bytes. */
MUST_USE enum status wrangler_read(struct wrangler *wrangler, struct span payload, int64_t received_ns,
	const struct wrangle_row **rows, size_t *count, struct fault *fault);

/* Counts since the start. samples: those handed out, rows x signals, each counted once under its reason.
 * Beside them, by_reason[REASON_DUPLICATE] counts samples left out, and by_reason[REASON_MALFORMED] messages. */
struct wrangle_counts {
	uint64_t samples;
	uint64_t by_reason[REASON_COUNT];
};
void wrangler_counts(const struct wrangler *wrangler, struct wrangle_counts *out);

#endif
