#include "consensus/dag.h"

#include <stdlib.h>

static uint32_t *slot_at(const struct dag *dag, uint32_t round, uint16_t author)
{
	return &dag->slots[(size_t)(round - dag->floor) * dag->members + author];
}

static void row_reserve(struct dag *dag, uint32_t round)
{
	uint32_t row = round - dag->floor;
	while (row >= dag->row_capacity) {
		dag->row_capacity = dag->row_capacity ? 2 * dag->row_capacity : 64;
		dag->slots = memory_resize(dag->slots, (size_t)dag->row_capacity * dag->members, sizeof *dag->slots);
		dag->authors = memory_resize(dag->authors, dag->row_capacity, sizeof *dag->authors);
	}
	for (; dag->rows <= row; dag->rows++) {
		dag->authors[dag->rows] = 0;
		for (uint16_t author = 0; author < dag->members; author++)
			dag->slots[(size_t)dag->rows * dag->members + author] = DAG_NONE;
	}
}

/* Put a block at the end of its slot's chain. */
static void slot_append(struct dag *dag, uint32_t id)
{
	const struct dag_block *block = &dag->blocks[id];
	row_reserve(dag, block->round);
	uint32_t *link = slot_at(dag, block->round, block->author);
	if (*link == DAG_NONE)
		dag->authors[block->round - dag->floor]++;
	while (*link != DAG_NONE)
		link = &dag->blocks[*link].twin;
	*link = id;
	if (block->round > dag->newest[block->author])
		dag->newest[block->author] = block->round;
}

void dag_init(struct dag *dag, const struct validity *validity)
{
	*dag = (struct dag){.members = validity->members, .quorum = validity_quorum(validity)};
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
	free(dag->index);
	*dag = (struct dag){0};
}

uint32_t dag_slot(const struct dag *dag, uint32_t round, uint16_t author)
{
	if (round < dag->floor || round - dag->floor >= dag->rows || author >= dag->members)
		return DAG_NONE;
	return *slot_at(dag, round, author);
}

uint32_t dag_find(const struct dag *dag, const struct block_ref *ref)
{
	uint32_t id = dag_slot(dag, ref->round, ref->author);
	while (id != DAG_NONE && !digest_equal(&dag->blocks[id].digest, &ref->digest))
		id = dag->blocks[id].twin;
	return id;
}

bool dag_has(const struct dag *dag, const struct block_ref *ref)
{
	return ref->round <= dag->gc_round || dag_find(dag, ref) != DAG_NONE;
}

static void ancestor_add(struct dag *dag, uint32_t ancestor)
{
	ARRAY_GROW(dag->ancestors, dag->ancestor_count, dag->ancestor_capacity);
	dag->ancestors[dag->ancestor_count++] = ancestor;
}

/* Returns how many. */
static uint8_t ancestors_add(struct dag *dag, const struct block *block)
{
	uint32_t first = dag->ancestor_count;
	for (int i = 0; i < block->ancestor_count; i++) {
		uint32_t ancestor = dag_find(dag, &block->ancestors[i]);
		CHECK(ancestor != DAG_NONE || block->ancestors[i].round <= dag->gc_round);
		if (i == 0 || ancestor != DAG_NONE)
			ancestor_add(dag, ancestor);
	}
	return (uint8_t)(dag->ancestor_count - first);
}

uint32_t dag_add(struct dag *dag, const struct block *block, uint32_t size, uint64_t position)
{
	CHECK(dag->count < DAG_NONE - 1 && block->author < dag->members && block->round > dag->gc_round);
	ARRAY_GROW(dag->blocks, dag->count, dag->capacity);
	uint32_t id = dag->count, first = dag->ancestor_count;
	uint8_t ancestors = ancestors_add(dag, block);
	dag->blocks[id] = (struct dag_block){
		.digest = block->digest,
		.position = DAG_NOWHERE,
		.timestamp_ms = block->timestamp_ms,
		.round = block->round,
		.size = size,
		.first = first,
		.twin = DAG_NONE,
		.author = block->author,
		.ancestor_count = ancestors,
		.flags = block->tx_count > 0 ? DAG_PAYLOAD : 0,
	};
	dag->count++;
	dag->accepted++;
	slot_append(dag, id);
	if (position != DAG_NOWHERE)
		dag_stored(dag, id, position);
	return id;
}

void dag_stored(struct dag *dag, uint32_t id, uint64_t position)
{
	dag->blocks[id].position = position;
	uint32_t last = dag->blocks[id].round / DAG_INDEX_ROUNDS;
	while (dag->index_count <= last) {
		ARRAY_GROW(dag->index, dag->index_count, dag->index_capacity);
		dag->index[dag->index_count++] = position;
	}
	/* A block that was read back may have waited for others behind it. */
	for (uint32_t i = last + 1; i-- > 0 && dag->index[i] > position;)
		dag->index[i] = position;
}

uint64_t dag_stored_from(const struct dag *dag, uint32_t round)
{
	uint32_t at = round / DAG_INDEX_ROUNDS;
	return at < dag->index_count ? dag->index[at] : DAG_NOWHERE;
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
	return round >= dag->floor && round - dag->floor < dag->rows ? dag->authors[round - dag->floor] : 0;
}

static struct dag_tip tip_of(const struct dag *dag, uint32_t id)
{
	const struct dag_block *block = &dag->blocks[id];
	return (struct dag_tip){.ref = dag_reference(dag, id), .position = block->position, .timestamp_ms = block->timestamp_ms, .size = block->size};
}

struct dag_tip dag_tip(const struct dag *dag, uint16_t author)
{
	uint32_t id = dag_slot(dag, dag->newest[author], author);
	return id == DAG_NONE ? dag->tips[author] : tip_of(dag, id);
}

void dag_tip_learn(struct dag *dag, const struct block *block, uint32_t size)
{
	CHECK(block->round <= dag->gc_round && block->round > dag->newest[block->author]);
	dag->newest[block->author] = block->round;
	dag->tips[block->author] = (struct dag_tip){.ref = block_reference(block), .position = DAG_NOWHERE,
		.timestamp_ms = block->timestamp_ms, .size = size};
}

/* The ancestors that are left, in their order, from `to` on; returns how many. */
static uint8_t ancestors_move(struct dag *dag, const struct dag_block *block, const uint32_t *moved, uint32_t to)
{
	uint8_t left = 0;
	for (int i = 0; i < block->ancestor_count; i++) {
		uint32_t ancestor = dag->ancestors[block->first + (uint32_t)i];
		ancestor = ancestor == DAG_NONE ? DAG_NONE : moved[ancestor];
		if (i == 0 || ancestor != DAG_NONE)
			dag->ancestors[to + left++] = ancestor;
	}
	return left;
}

void dag_collect(struct dag *dag, uint32_t floor, uint32_t *moved)
{
	CHECK(floor > dag->floor && floor <= dag->gc_round + 1 && floor - dag->floor < dag->rows);
	for (uint16_t author = 0; author < dag->members; author++)
		if (dag->newest[author] < floor)
			dag->tips[author] = dag_tip(dag, author);
	uint32_t left = 0, ancestors = 0;
	for (uint32_t id = 0; id < dag->count; id++) {
		struct dag_block block = dag->blocks[id];
		moved[id] = block.round < floor ? DAG_NONE : left;
		if (moved[id] == DAG_NONE) {
			CHECK(block.round == 0 || block.position != DAG_NOWHERE);
			continue;
		}
		/* Ancestors and blocks only move down, and ancestors come first. */
		block.ancestor_count = ancestors_move(dag, &block, moved, ancestors);
		block.first = ancestors;
		block.twin = DAG_NONE;
		ancestors += block.ancestor_count;
		dag->blocks[left++] = block;
	}
	dag->count = left;
	dag->ancestor_count = ancestors;
	/* Slots are filled anew in the order of acceptance, so the first of each stays the first. */
	dag->floor = floor;
	dag->rows = 0;
	for (uint32_t id = 0; id < left; id++)
		slot_append(dag, id);
}
