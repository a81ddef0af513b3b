/* Recent: the newest samples of one device in memory, for trends. Grows up to its limit, then
 * forgets the oldest. */
#ifndef TALLY_EDGE_RECENT_H
#define TALLY_EDGE_RECENT_H

#include "edge/edge.h"

enum { RECENT_ROWS_MAX = 16384 };

struct recent {
	size_t signals;
	size_t rows;                  /* kept */
	size_t capacity;
	size_t next;                  /* where the next row goes once full */
	int64_t *times;
	struct recent_cell {
		float value;
		float predicted;
		uint8_t flagged;
	} *cells;                     /* rows x signals */
};

void recent_free(struct recent *recent);
/* Make room for one row and return its cells (signals of them). */
struct recent_cell *recent_push(struct recent *recent, int64_t time_ns);
size_t recent_read(const struct recent *recent, size_t signal, int64_t from_ns, int64_t to_ns, struct edge_point *out, size_t max);

#endif
