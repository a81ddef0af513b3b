/* History: the newest samples of one device in memory, for trends. Grows up to its limit, then
 * forgets the oldest. */
#ifndef TALLY_EDGE_HISTORY_H
#define TALLY_EDGE_HISTORY_H

#include "edge/edge.h"

enum { HISTORY_ROWS_MAX = 16384 };

struct history {
	size_t signals;
	size_t rows;                  /* kept */
	size_t capacity;
	size_t next;                  /* where the next row goes once full */
	int64_t *times;
	struct history_cell {
		float value;
		float predicted;
		uint8_t flagged;
	} *cells;                     /* rows x signals */
};

void history_free(struct history *history);
/* Make room for one row and return its cells (signals of them). */
struct history_cell *history_push(struct history *history, int64_t time_ns);
size_t history_read(const struct history *history, size_t signal, int64_t from_ns, int64_t to_ns, struct edge_point *out, size_t max);

#endif
