/* What the readers of the three formats share with the judge of their rows.
 * Private to the wrangle files of this room. */
#ifndef TALLY_SIGNAL_WRANGLE_PARTS_H
#define TALLY_SIGNAL_WRANGLE_PARTS_H

#include "signal/senml.h"
#include "signal/wrangle.h"

enum {
	WRANGLE_COLUMN_MAX = 255,     /* a CSV line's columns after the time that rules may name */
	WRANGLE_TEXT_MAX = SAMPLE_TEXT_MAX,
	WRANGLE_SEEN = 1024,          /* rows remembered to recognise duplicates; a power of two, >= WRANGLE_ROWS_MAX */
	WRANGLE_NUMBER_MAX = 511,     /* characters of a number */
};

struct wrangle_signal {
	struct span field;
	uint32_t period_ms;
	uint32_t stuck_count;
	double floor;                 /* physical; -infinity when there is none */
	uint64_t last_bits;           /* of the last raw value, in order of arrival */
	uint32_t run;                 /* how often it came in a row; 0: none yet */
	struct senml_units same;      /* SenML units that are the registered raw unit */
};

struct wrangle_seen {
	int64_t time_ns;
	uint64_t mark;
};

struct wrangler {
	enum wrangle_format format;
	size_t count;
	struct channel *channels;
	struct wrangle_signal *signals;
	uint8_t *column_signal;       /* CSV: signal of a column, from 1; 0: none */
	struct buffer texts;          /* what the spans above point to */
	struct digest digest;

	struct wrangle_row *rows;     /* of the message being read */
	bool *timed;                  /* the row has a source time */
	size_t row_count;
	size_t row_capacity;
	size_t timed_capacity;
	struct buffer pool;           /* the JSON parser's memory */
	void *c_locale;

	struct wrangle_seen *seen;    /* a ring */
	size_t seen_count;
	int64_t latest_ns;            /* of all rows */
	int64_t newest_ns;            /* of the rows that were not ahead of the gateway */
	bool has_newest;
	struct wrangle_counts counts;
};

/* A new row in which every signal is missing; its time is the reception's until it is set.
 * NULL when the message has WRANGLE_ROWS_MAX already. */
struct wrangle_row *wrangle_row_add(struct wrangler *wrangler, int64_t received_ns);
enum status wrangle_rows_limit(struct fault *fault);

void wrangle_cell_value(struct wrangle_row *row, size_t signal, double raw);
void wrangle_cell_reason(struct wrangle_row *row, size_t signal, enum wrangle_reason reason);

/* The signal that reads a field, or wrangler->count. *hint: where the last search ended; devices
 * keep the order of their fields. */
size_t wrangle_field_find(const struct wrangler *wrangler, struct span field, size_t *hint);

/* A whole token as a decimal number. False: text, hexadecimal, infinite, too long. */
bool wrangle_number_parse(const struct wrangler *wrangler, struct span text, double *out);

/* The readers: fill wrangler->rows, or fail with a sentence. */
MUST_USE enum status wrangle_json_read(struct wrangler *wrangler, struct span payload, int64_t received_ns, struct fault *fault);
MUST_USE enum status wrangle_csv_read(struct wrangler *wrangler, struct span payload, int64_t received_ns, struct fault *fault);
MUST_USE enum status wrangle_senml_read(struct wrangler *wrangler, struct span payload, int64_t received_ns, struct fault *fault);

#endif
