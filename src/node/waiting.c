#include "node/node.h"

#include <stdlib.h>

struct node_waiter {
	struct node_waiter *next;
	node_done *done;
	void *context;
	const void *owner;
};

static struct node_slot *slot_new(struct node_waiting *waiting, const struct digest *id, int64_t now_ns)
{
	size_t which;
	if (waiting->first_free) {
		which = waiting->first_free - 1;
		waiting->first_free = waiting->slots[which].next_free;
	} else {
		ARRAY_GROW(waiting->slots, waiting->count, waiting->capacity);
		which = waiting->count++;
	}
	waiting->slots[which] = (struct node_slot){.id = *id, .since_ns = now_ns};
	map_put(&waiting->by_id, digest_span(id), which);
	return &waiting->slots[which];
}

bool node_waiting_add(struct node_waiting *waiting, const struct digest *id, int64_t now_ns, node_done *done, void *context, const void *owner)
{
	uint64_t which;
	bool known = map_get(&waiting->by_id, digest_span(id), &which);
	struct node_slot *slot = known ? &waiting->slots[which] : slot_new(waiting, id, now_ns);
	/* One answer a gateway is enough, however often it repeats itself. */
	for (struct node_waiter *waiter = slot->waiters; owner && waiter; waiter = waiter->next)
		if (waiter->owner == owner)
			return known;
	struct node_waiter *waiter = memory_new(sizeof *waiter);
	*waiter = (struct node_waiter){.next = slot->waiters, .done = done, .context = context, .owner = owner};
	slot->waiters = waiter;
	return known;
}

void node_waiting_outcome(struct node_waiting *waiting, const struct digest *id, int64_t now_ns, enum status status, const char *reason, uint64_t index)
{
	uint64_t which;
	if (!map_get(&waiting->by_id, digest_span(id), &which))
		return;
	struct node_slot *slot = &waiting->slots[which];
	if (status == OK) {
		int64_t us = (now_ns - slot->since_ns) / 1000;
		waiting->latency_us[waiting->latency_count++ % NODE_LATENCIES] = us > UINT32_MAX ? UINT32_MAX : us < 0 ? 0 : (uint32_t)us;
	}
	struct node_waiter *waiters = slot->waiters;
	*slot = (struct node_slot){.next_free = waiting->first_free};
	waiting->first_free = which + 1;
	map_remove(&waiting->by_id, digest_span(id));
	for (struct node_waiter *waiter = waiters, *next; waiter; waiter = next) {
		next = waiter->next;
		if (waiter->done)
			waiter->done(waiter->context, status, reason, id, index);
		free(waiter);
	}
}

void node_waiting_forget(struct node_waiting *waiting, const void *owner)
{
	for (size_t i = 0; i < waiting->count; i++)
		for (struct node_waiter *waiter = waiting->slots[i].waiters; waiter; waiter = waiter->next)
			if (waiter->owner == owner) {
				waiter->done = NULL;
				waiter->owner = NULL;
			}
}

static int latency_compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

void node_waiting_quantiles(struct node_waiting *waiting, double *p50_ms, double *p99_ms)
{
	size_t count = waiting->latency_count < NODE_LATENCIES ? (size_t)waiting->latency_count : NODE_LATENCIES;
	if (count && waiting->quantiles_count != waiting->latency_count) {
		uint32_t *sorted = memory_new_array(count, sizeof *sorted);
		memcpy(sorted, waiting->latency_us, count * sizeof *sorted);
		qsort(sorted, count, sizeof *sorted, latency_compare);
		waiting->p50_ms = sorted[count / 2] / 1000.0;
		waiting->p99_ms = sorted[count * 99 / 100] / 1000.0;
		waiting->quantiles_count = waiting->latency_count;
		free(sorted);
	}
	*p50_ms = waiting->p50_ms;
	*p99_ms = waiting->p99_ms;
}

void node_waiting_free(struct node_waiting *waiting)
{
	for (size_t i = 0; i < waiting->count; i++)
		for (struct node_waiter *waiter = waiting->slots[i].waiters, *next; waiter; waiter = next) {
			next = waiter->next;
			free(waiter);
		}
	free(waiting->slots);
	map_free(&waiting->by_id);
}
