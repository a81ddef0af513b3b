#include "ledger/final_index.h"

#include <stdlib.h>

/* Leaf hashes are uniform, and to make many meet in one slot costs a signature for each try. */
static size_t slot_of(const struct final_index *index, const struct digest *leaf)
{
	uint64_t hash;
	memcpy(&hash, leaf->bytes, sizeof hash);
	return hash & (index->capacity - 1);
}

static void place(struct final_index *index, const struct merkle_tree *tree, uint32_t position)
{
	size_t slot = slot_of(index, &tree->levels[0].nodes[position]);
	while (index->slots[slot])
		slot = (slot + 1) & (index->capacity - 1);
	index->slots[slot] = position + 1;
}

static void grow(struct final_index *index, const struct merkle_tree *tree)
{
	free(index->slots);
	index->capacity = index->capacity ? 2 * index->capacity : 64;
	index->slots = memory_new_array(index->capacity, sizeof *index->slots);
	for (size_t i = 0; i < index->count; i++)
		place(index, tree, (uint32_t)i);
}

void final_index_free(struct final_index *index)
{
	free(index->slots);
	*index = (struct final_index){0};
}

void final_index_add(struct final_index *index, const struct merkle_tree *tree)
{
	CHECK(merkle_tree_size(tree) == index->count + 1 && index->count < UINT32_MAX - 1);
	if (4 * (index->count + 1) > 3 * index->capacity)
		grow(index, tree);
	place(index, tree, (uint32_t)index->count++);
}

bool final_index_find(const struct final_index *index, const struct merkle_tree *tree, const struct digest *leaf, uint64_t *position)
{
	if (index->count == 0)
		return false;
	for (size_t slot = slot_of(index, leaf); index->slots[slot]; slot = (slot + 1) & (index->capacity - 1)) {
		uint32_t at = index->slots[slot] - 1;
		if (digest_equal(&tree->levels[0].nodes[at], leaf)) {
			*position = at;
			return true;
		}
	}
	return false;
}
