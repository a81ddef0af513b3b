#include "edge/recent.h"

#include <stdlib.h>

void recent_free(struct recent *recent)
{
	free(recent->times);
	free(recent->cells);
	*recent = (struct recent){0};
}

struct recent_cell *recent_push(struct recent *recent, int64_t time_ns)
{
	size_t slot;
	if (recent->rows < RECENT_ROWS_MAX) {
		if (recent->rows == recent->capacity) {
			recent->capacity = recent->capacity ? 2 * recent->capacity : 64;
			recent->times = memory_resize(recent->times, recent->capacity, sizeof *recent->times);
			recent->cells = memory_resize(recent->cells, recent->capacity * recent->signals, sizeof *recent->cells);
		}
		slot = recent->rows++;
	} else {
		slot = recent->next;
		recent->next = (recent->next + 1) % RECENT_ROWS_MAX;
	}
	recent->times[slot] = time_ns;
	return recent->cells + slot * recent->signals;
}

size_t recent_read(const struct recent *recent, size_t signal, int64_t from_ns, int64_t to_ns, struct edge_point *out, size_t max)
{
	if (signal >= recent->signals)
		return 0;
	size_t count = 0;
	for (size_t i = 0; i < recent->rows && count < max; i++) {
		size_t slot = recent->rows < RECENT_ROWS_MAX ? i : (recent->next + i) % RECENT_ROWS_MAX;
		int64_t time_ns = recent->times[slot];
		if (time_ns < from_ns || time_ns > to_ns)
			continue;
		const struct recent_cell *cell = &recent->cells[slot * recent->signals + signal];
		out[count++] = (struct edge_point){time_ns, cell->value, cell->predicted, cell->flagged};
	}
	return count;
}
