#include "edge/history.h"

#include <stdlib.h>

void history_free(struct history *history)
{
	free(history->times);
	free(history->cells);
	*history = (struct history){0};
}

struct history_cell *history_push(struct history *history, int64_t time_ns)
{
	size_t slot;
	if (history->rows < HISTORY_ROWS_MAX) {
		if (history->rows == history->capacity) {
			history->capacity = history->capacity ? 2 * history->capacity : 64;
			history->times = memory_resize(history->times, history->capacity, sizeof *history->times);
			history->cells = memory_resize(history->cells, history->capacity * history->signals, sizeof *history->cells);
		}
		slot = history->rows++;
	} else {
		slot = history->next;
		history->next = (history->next + 1) % HISTORY_ROWS_MAX;
	}
	history->times[slot] = time_ns;
	return history->cells + slot * history->signals;
}

size_t history_read(const struct history *history, size_t signal, int64_t from_ns, int64_t to_ns, struct edge_point *out, size_t max)
{
	if (signal >= history->signals)
		return 0;
	size_t count = 0;
	for (size_t i = 0; i < history->rows && count < max; i++) {
		size_t slot = history->rows < HISTORY_ROWS_MAX ? i : (history->next + i) % HISTORY_ROWS_MAX;
		int64_t time_ns = history->times[slot];
		if (time_ns < from_ns || time_ns > to_ns)
			continue;
		const struct history_cell *cell = &history->cells[slot * history->signals + signal];
		out[count++] = (struct edge_point){time_ns, cell->value, cell->predicted, cell->flagged};
	}
	return count;
}
