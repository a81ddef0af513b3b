/* State tree: an authenticated map from keys of 256 bits to values, with proofs that a key has a value and
 * that a key has none (docs/decisions/0005-state-tree.md).
 *
 * A binary tree over the bits of the key, the most significant of byte 0 first. A part with no key is empty,
 * and its hash is zero; a part with one key is that key's leaf, at whatever depth; anything else is a node
 * with two parts. So one set of keys and values has one shape and one root, whatever the order of changes.
 *   leaf = SHA-256(0x02 || key || SHA-256(value)), node = SHA-256(0x03 || hash of bit 0 || hash of bit 1)
 * The first bytes differ from those of RFC 9162 trees (crypto/merkle.h): no hash means two things.
 *
 * Nodes are counted references: a copy of a tree costs nothing, and a change copies the nodes on its way
 * only when another copy needs them. Hashes are made when a root is asked for, each changed node once.
 * With random keys a path has about log2(n) + 1 hashes, and a key costs about 300 bytes beside its value. */
#ifndef TALLY_CRYPTO_STATE_TREE_H
#define TALLY_CRYPTO_STATE_TREE_H

#include "base/buffer.h"

enum { STATE_PATH_MAX = 256 };

struct state_node;

/* Zero is the empty tree. */
struct state_tree {
	struct state_node *root;
};

/* What leads from a root to a key's place, and what stands there when it is not that key. */
struct state_path {
	struct digest siblings[STATE_PATH_MAX]; /* from the root down; zero: an empty part */
	size_t count;
	bool has_other;               /* the place holds another key's leaf ... */
	struct digest other_key;
	struct digest other_value;    /* ... with a value of this SHA-256 */
};

void state_tree_free(struct state_tree *tree);
/* Set or replace. The value is copied. */
void state_tree_put(struct state_tree *tree, const struct digest *key, struct span value);
/* Brings the hashes up to date; zero for the empty tree. */
struct digest state_tree_root(struct state_tree *tree);
/* The tree as it is now, with its hashes, unmoved by later changes of `tree`. The caller frees it. */
struct state_tree state_tree_copy(struct state_tree *tree);
/* True, and *value borrowed until the next change, when the key is there; false when not. In both cases `path`
 * proves it. Only of a tree that has not changed since state_tree_root or state_tree_copy. */
bool state_tree_prove(const struct state_tree *tree, const struct digest *key, struct span *value, struct state_path *path);

/* OK, or E_SIGNATURE: under this root the key has not that value; or the proof is of something else. */
MUST_USE enum status state_path_verify_present(const struct state_path *path, const struct digest *root, const struct digest *key,
	struct span value);
/* OK, or E_SIGNATURE: it is not proven that this root has no such key. */
MUST_USE enum status state_path_verify_absent(const struct state_path *path, const struct digest *root, const struct digest *key);

#endif
