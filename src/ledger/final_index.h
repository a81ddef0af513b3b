/* Final index: from a statement's leaf hash to its log position. The hashes themselves lie in the
 * tree, so that an entry costs 4 bytes and its share of free slots. */
#ifndef TALLY_LEDGER_FINAL_INDEX_H
#define TALLY_LEDGER_FINAL_INDEX_H

#include "crypto/merkle.h"

struct final_index {
	uint32_t *slots; /* position + 1; 0: free */
	size_t capacity; /* a power of two, or 0 */
	size_t count;
};

void final_index_free(struct final_index *index);
/* The newest leaf of `tree` has just been appended; it is not in the index yet. */
void final_index_add(struct final_index *index, const struct merkle_tree *tree);
bool final_index_find(const struct final_index *index, const struct merkle_tree *tree, const struct digest *leaf, uint64_t *position);

#endif
