#include "twin/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { HISTORY_ROWS_FIRST = 64 };

void history_push(struct twin *twin, int64_t time_ns)
{
	struct history *history = &twin->history;
	size_t slot = history_slot(history->rows);
	if (slot >= history->capacity) {
		size_t capacity = history->capacity ? 2 * history->capacity : HISTORY_ROWS_FIRST;
		history->times = memory_resize(history->times, capacity, sizeof *history->times);
		history->values = memory_resize(history->values, capacity * twin->count, sizeof *history->values);
		history->residuals = memory_resize(history->residuals, capacity * twin->count, sizeof *history->residuals);
		history->distances = memory_resize(history->distances, capacity, sizeof *history->distances);
		history->capacity = capacity;
	}
	history->times[slot] = time_ns;
	history->distances[slot] = (float)twin->distance;
	double *values = history->values + slot * twin->count;
	float *residuals = history->residuals + slot * twin->count;
	for (size_t i = 0; i < twin->count; i++) {
		const struct signal *signal = &twin->signals[i];
		values[i] = signal->good ? signal->value : (double)NAN;
		residuals[i] = (float)signal->residual;
	}
	history->rows++;
}

void history_free(struct history *history)
{
	free(history->times);
	free(history->values);
	free(history->residuals);
	free(history->distances);
}

void text_add(struct text *text, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int more = vsnprintf(text->out + text->used, text->size - text->used, format, arguments);
	va_end(arguments);
	if (more > 0)
		text->used += (size_t)more;
	if (text->used >= text->size)
		text->used = text->size - 1;
}
