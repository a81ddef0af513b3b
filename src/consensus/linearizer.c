#include "consensus/linearizer.h"

#include "crypto/hash.h"

#include <stdlib.h>

void linearizer_init(struct linearizer *linearizer, uint32_t gc_depth)
{
	*linearizer = (struct linearizer){.gc_depth = gc_depth};
}

void linearizer_free(struct linearizer *linearizer)
{
	free(linearizer->items);
	free(linearizer->stack);
	*linearizer = (struct linearizer){0};
}

static int item_compare(const void *a, const void *b)
{
	const struct linearizer_item *x = a, *y = b;
	if (x->left_out != y->left_out)
		return x->left_out ? 1 : -1;
	return block_ref_compare(&x->ref, &y->ref);
}

/* All ancestors of `leader` that no commit holds yet. The flag of each block decides, not the
 * round of its author's last committed one: late blocks are not lost. */
static void collect(struct linearizer *linearizer, struct dag *dag, uint32_t leader)
{
	uint32_t depth = 0;
	linearizer->count = 0;
	ARRAY_GROW(linearizer->stack, depth, linearizer->stack_capacity);
	linearizer->stack[depth++] = leader;
	dag->blocks[leader].flags |= DAG_COMMITTED;
	while (depth > 0) {
		uint32_t id = linearizer->stack[--depth];
		ARRAY_GROW(linearizer->items, linearizer->count, linearizer->capacity);
		linearizer->items[linearizer->count++] =
			(struct linearizer_item){.ref = dag_reference(dag, id), .id = id};
		for (int i = 0; i < dag->blocks[id].ancestor_count; i++) {
			uint32_t ancestor = dag_ancestors(dag, id)[i];
			if (ancestor == DAG_NONE)
				continue;
			struct dag_block *block = &dag->blocks[ancestor];
			if ((block->flags & DAG_COMMITTED) || block->round <= dag->gc_round)
				continue;
			block->flags |= DAG_COMMITTED;
			ARRAY_GROW(linearizer->stack, depth, linearizer->stack_capacity);
			linearizer->stack[depth++] = ancestor;
		}
	}
}

static bool slot_is_listed(const struct dag *dag, uint32_t round, uint16_t author)
{
	for (uint32_t id = dag_slot(dag, round, author); id != DAG_NONE; id = dag->blocks[id].twin)
		if (dag->blocks[id].flags & DAG_LISTED)
			return true;
	return false;
}

/* Of an equivocator's twins only the first in the output order counts; the others go to the end. */
static void list(struct linearizer *linearizer, struct dag *dag)
{
	struct linearizer_item *items = linearizer->items;
	qsort(items, linearizer->count, sizeof *items, item_compare);
	linearizer->listed = 0;
	for (uint32_t i = 0; i < linearizer->count; i++) {
		items[i].left_out = slot_is_listed(dag, items[i].ref.round, items[i].ref.author);
		if (!items[i].left_out) {
			dag->blocks[items[i].id].flags |= DAG_LISTED;
			linearizer->listed++;
		}
	}
	if (linearizer->listed < linearizer->count)
		qsort(items, linearizer->count, sizeof *items, item_compare);
}

static int time_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* Lower median of the times of the leader's ancestors of the round before: between two honest
 * members' times, whatever f others write. Round 1 has none but its own. */
static uint64_t median_time(const struct dag *dag, uint32_t leader)
{
	const struct dag_block *block = &dag->blocks[leader];
	if (block->round == 1)
		return block->timestamp_ms;
	uint64_t times[BLOCK_MEMBERS_MAX];
	uint32_t count = 0;
	for (int i = 0; i < block->ancestor_count; i++) {
		uint32_t ancestor = dag_ancestors(dag, leader)[i];
		if (ancestor != DAG_NONE && dag->blocks[ancestor].round == block->round - 1)
			times[count++] = dag->blocks[ancestor].timestamp_ms;
	}
	qsort(times, count, sizeof *times, time_compare);
	return times[(count - 1) / 2];
}

/* H("commit" || index || previous || leader || timestamp || count || digests of the listed blocks) */
static struct digest chain(const struct linearizer *linearizer, const struct block_ref *leader)
{
	struct buffer bytes = {0};
	buffer_append_text(&bytes, "commit");
	write_u64(&bytes, linearizer->index);
	write_digest(&bytes, &linearizer->digest);
	write_u32(&bytes, leader->round);
	write_u16(&bytes, leader->author);
	write_digest(&bytes, &leader->digest);
	write_u64(&bytes, linearizer->timestamp_ms);
	write_u32(&bytes, linearizer->listed);
	for (uint32_t i = 0; i < linearizer->listed; i++)
		write_digest(&bytes, &linearizer->items[i].ref.digest);
	struct digest digest = sha256(buffer_span(&bytes));
	buffer_free(&bytes);
	return digest;
}

void linearizer_commit(struct linearizer *linearizer, struct dag *dag, uint32_t leader)
{
	struct block_ref ref = dag_reference(dag, leader);
	collect(linearizer, dag, leader);
	list(linearizer, dag);
	uint64_t median = median_time(dag, leader);
	if (median > linearizer->timestamp_ms)
		linearizer->timestamp_ms = median;
	linearizer->index++;
	linearizer->digest = chain(linearizer, &ref);
	/* For the next commit only: this one went by the previous bound. */
	if (linearizer->gc_depth > 0 && ref.round > linearizer->gc_depth)
		dag->gc_round = ref.round - linearizer->gc_depth;
}
