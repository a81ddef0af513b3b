#include "consensus/dag.h"

#include <stdlib.h>

static void row_reserve(struct dag *dag, uint32_t round)
{
	if (round >= dag->round_capacity) {
		dag->round_capacity = dag->round_capacity ? 2 * dag->round_capacity : 64;
		dag->slots = memory_resize(dag->slots, (size_t)dag->round_capacity * dag->members, sizeof *dag->slots);
		dag->authors = memory_resize(dag->authors, dag->round_capacity, sizeof *dag->authors);
	}
	for (; dag->rounds <= round; dag->rounds++) {
		dag->authors[dag->rounds] = 0;
		for (uint16_t author = 0; author < dag->members; author++)
			dag->slots[(size_t)dag->rounds * dag->members + author] = DAG_NONE;
	}
}

/* Put a block at the end of its slot's chain. */
static void slot_append(struct dag *dag, uint32_t id)
{
	const struct dag_block *block = &dag->blocks[id];
	row_reserve(dag, block->round);
	uint32_t *link = &dag->slots[(size_t)block->round * dag->members + block->author];
	if (*link == DAG_NONE)
		dag->authors[block->round]++;
	while (*link != DAG_NONE)
		link = &dag->blocks[*link].twin;
	*link = id;
	if (block->round > dag->newest[block->author])
		dag->newest[block->author] = block->round;
}

void dag_init(struct dag *dag, const struct validity *validity)
{
	*dag = (struct dag){.members = validity->members, .quorum = validity_quorum(validity->members)};
	for (uint16_t author = 0; author < validity->members; author++) {
		ARRAY_GROW(dag->blocks, dag->count, dag->capacity);
		dag->blocks[dag->count] = (struct dag_block){
			.digest = validity->genesis[author],
			.position = DAG_NOWHERE,
			.twin = DAG_NONE,
			.author = author,
			.flags = DAG_COMMITTED | DAG_LISTED | DAG_INCLUDED,
		};
		slot_append(dag, dag->count++);
	}
}

void dag_free(struct dag *dag)
{
	free(dag->blocks);
	free(dag->ancestors);
	free(dag->slots);
	free(dag->authors);
	*dag = (struct dag){0};
}

uint32_t dag_slot(const struct dag *dag, uint32_t round, uint16_t author)
{
	if (round >= dag->rounds || author >= dag->members)
		return DAG_NONE;
	return dag->slots[(size_t)round * dag->members + author];
}

uint32_t dag_find(const struct dag *dag, const struct block_ref *ref)
{
	uint32_t id = dag_slot(dag, ref->round, ref->author);
	while (id != DAG_NONE && !digest_equal(&dag->blocks[id].digest, &ref->digest))
		id = dag->blocks[id].twin;
	return id;
}

static uint32_t ancestors_add(struct dag *dag, const struct block *block)
{
	uint32_t first = dag->ancestor_count;
	for (int i = 0; i < block->ancestor_count; i++) {
		uint32_t ancestor = dag_find(dag, &block->ancestors[i]);
		CHECK(ancestor != DAG_NONE);
		ARRAY_GROW(dag->ancestors, dag->ancestor_count, dag->ancestor_capacity);
		dag->ancestors[dag->ancestor_count++] = ancestor;
	}
	return first;
}

uint32_t dag_add(struct dag *dag, const struct block *block, uint32_t size, uint64_t position)
{
	CHECK(dag->count < DAG_NONE - 1 && block->author < dag->members);
	ARRAY_GROW(dag->blocks, dag->count, dag->capacity);
	uint32_t id = dag->count;
	dag->blocks[id] = (struct dag_block){
		.digest = block->digest,
		.position = position,
		.timestamp_ms = block->timestamp_ms,
		.round = block->round,
		.size = size,
		.first = ancestors_add(dag, block),
		.twin = DAG_NONE,
		.author = block->author,
		.ancestor_count = (uint8_t)block->ancestor_count,
		.flags = block->tx_count > 0 ? DAG_PAYLOAD : 0,
	};
	dag->count++;
	slot_append(dag, id);
	return id;
}

uint32_t dag_ancestor_by(const struct dag *dag, uint32_t id, uint16_t author)
{
	const uint32_t *ancestors = dag_ancestors(dag, id);
	uint32_t count = dag->blocks[id].ancestor_count;
	if (count == 0)
		return DAG_NONE;
	if (dag->blocks[id].author == author)
		return ancestors[0];
	uint32_t low = 1, high = count; /* the others ascend by author */
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		if (dag->blocks[ancestors[middle]].author < author)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && dag->blocks[ancestors[low]].author == author ? ancestors[low] : DAG_NONE;
}

uint16_t dag_authors(const struct dag *dag, uint32_t round)
{
	return round < dag->rounds ? dag->authors[round] : 0;
}
