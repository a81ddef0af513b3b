/* Merkle trees of RFC 9162, section 2.1, over SHA-256: leaf = H(0x00 || entry),
 * node = H(0x01 || left || right). Proof forms and algorithms as there. */
#ifndef TALLY_CRYPTO_MERKLE_H
#define TALLY_CRYPTO_MERKLE_H

#include "base/buffer.h"

enum { MERKLE_PATH_MAX = 64 };

struct merkle_path {
	struct digest nodes[MERKLE_PATH_MAX];
	size_t count;
};

struct digest merkle_leaf(struct span entry);
struct digest merkle_node(const struct digest *left, const struct digest *right);

/* A growing tree that keeps every complete node, so that roots and proofs of any
 * earlier size cost O(log n). Zero is the empty tree. About 64 bytes a leaf. */
struct merkle_tree {
	struct merkle_level {
		struct digest *nodes;
		size_t count;
		size_t capacity;
	} levels[MERKLE_PATH_MAX];
};

void merkle_tree_free(struct merkle_tree *tree);
void merkle_tree_append(struct merkle_tree *tree, const struct digest *leaf_hash);
uint64_t merkle_tree_size(const struct merkle_tree *tree);
/* Root of the first `size` leaves; size <= tree size. Size 0: SHA-256 of nothing. */
struct digest merkle_tree_root(const struct merkle_tree *tree, uint64_t size);
/* E_LIMIT unless index < size <= tree size. */
MUST_USE enum status merkle_tree_inclusion(const struct merkle_tree *tree, uint64_t index, uint64_t size, struct merkle_path *out);
/* E_LIMIT unless 0 < first <= second <= tree size. */
MUST_USE enum status merkle_tree_consistency(const struct merkle_tree *tree, uint64_t first, uint64_t second, struct merkle_path *out);

/* The complete node over the leaves [index * 2^level, (index + 1) * 2^level), borrowed until the tree grows; NULL: the tree
 * does not hold so many leaves. */
const struct digest *merkle_tree_node(const struct merkle_tree *tree, unsigned level, uint64_t index);

/* The root to which a path leads: of the tree of `size` leaves from a leaf, or of the `second` leaves from the root of the first.
 * E_SIGNATURE: it leads nowhere; E_MALFORMED: sizes that cannot be. RFC 9162, 2.1.3.2 and 2.1.4.2. */
MUST_USE enum status merkle_inclusion_root(const struct digest *leaf_hash, uint64_t index, uint64_t size,
	const struct merkle_path *path, struct digest *root);
MUST_USE enum status merkle_consistency_root(uint64_t first, uint64_t second, const struct digest *first_root,
	const struct merkle_path *path, struct digest *second_root);

/* The same, compared with a known root. OK or E_SIGNATURE; sizes that cannot be are E_MALFORMED. */
MUST_USE enum status merkle_inclusion_verify(const struct digest *leaf_hash, uint64_t index, uint64_t size,
	const struct merkle_path *path, const struct digest *root);
MUST_USE enum status merkle_consistency_verify(uint64_t first, uint64_t second, const struct digest *first_root,
	const struct digest *second_root, const struct merkle_path *path);

#endif
