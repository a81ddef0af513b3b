#include "sim/state.h"

static bool before(const struct happening *a, const struct happening *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void happen(struct sim *sim, int64_t delay_us, struct happening happening)
{
	ARRAY_GROW(sim->heap, sim->heap_count, sim->heap_capacity);
	happening.at_us = sim->now_us + (delay_us > 0 ? delay_us : 0);
	happening.order = sim->orders++;
	size_t at = sim->heap_count++;
	for (; at > 0 && before(&happening, &sim->heap[(at - 1) / 2]); at = (at - 1) / 2)
		sim->heap[at] = sim->heap[(at - 1) / 2];
	sim->heap[at] = happening;
}

bool happening_next(struct sim *sim, struct happening *out)
{
	if (sim->heap_count == 0)
		return false;
	*out = sim->heap[0];
	struct happening last = sim->heap[--sim->heap_count];
	size_t at = 0;
	for (;;) {
		size_t child = 2 * at + 1;
		if (child >= sim->heap_count)
			break;
		if (child + 1 < sim->heap_count && before(&sim->heap[child + 1], &sim->heap[child]))
			child++;
		if (!before(&sim->heap[child], &last))
			break;
		sim->heap[at] = sim->heap[child];
		at = child;
	}
	sim->heap[at] = last;
	return true;
}
