#include "crypto/state_tree.h"

#include "crypto/hash.h"

#include <stdlib.h>

enum { LEAF_BYTE = 0x02, NODE_BYTE = 0x03 };

struct state_node {
	uint32_t references;
	bool is_leaf;
	bool is_hashed;
	struct digest hash;
	union {
		struct state_node *children[2]; /* NULL: empty */
		struct {
			struct digest key;
			struct digest value_hash;
			uint8_t *value;
			size_t value_size;
		} leaf;
	};
};

static unsigned bit_of(const struct digest *key, size_t depth)
{
	return key->bytes[depth / 8] >> (7 - depth % 8) & 1;
}

static struct digest pair_hash(uint8_t first, const struct digest *a, const struct digest *b)
{
	uint8_t bytes[1 + 2 * DIGEST_SIZE] = {first};
	memcpy(bytes + 1, a->bytes, DIGEST_SIZE);
	memcpy(bytes + 1 + DIGEST_SIZE, b->bytes, DIGEST_SIZE);
	return sha256(span_of(bytes, sizeof bytes));
}

/* -- nodes ------------------------------------------------------------------------------------------ */

/* One reference less. As deep as the tree: at most 256 calls. */
static void node_release(struct state_node *node)
{
	if (!node || --node->references > 0)
		return;
	if (node->is_leaf) {
		free(node->leaf.value);
	} else {
		node_release(node->children[0]);
		node_release(node->children[1]);
	}
	free(node);
}

static struct state_node *node_share(struct state_node *node)
{
	if (node) {
		CHECK(node->references < UINT32_MAX);
		node->references++;
	}
	return node;
}

static struct state_node *inner_new(void)
{
	struct state_node *node = memory_new_array(1, sizeof *node);
	node->references = 1;
	return node;
}

static struct state_node *leaf_new(const struct digest *key, struct span value)
{
	struct state_node *node = memory_new_array(1, sizeof *node);
	node->references = 1;
	node->is_leaf = true;
	node->leaf.key = *key;
	node->leaf.value = memory_new(value.size ? value.size : 1);
	node->leaf.value_size = value.size;
	if (value.size)
		memcpy(node->leaf.value, value.data, value.size);
	return node;
}

/* The same inner node, for us alone, about to change. Takes the caller's reference. */
static struct state_node *inner_changing(struct state_node *node)
{
	if (node->references > 1) {
		struct state_node *own = inner_new();
		own->children[0] = node_share(node->children[0]);
		own->children[1] = node_share(node->children[1]);
		node_release(node);
		node = own;
	}
	node->is_hashed = false;
	return node;
}

/* Takes the reference `node` and gives one back. */
static struct state_node *node_put(struct state_node *node, size_t depth, const struct digest *key, struct span value)
{
	if (!node)
		return leaf_new(key, value);
	if (node->is_leaf) {
		if (digest_equal(&node->leaf.key, key)) {
			node_release(node);
			return leaf_new(key, value);
		}
		CHECK(depth < STATE_PATH_MAX); /* two keys differ in some bit */
		struct state_node *parent = inner_new();
		parent->children[bit_of(&node->leaf.key, depth)] = node;
		node = parent;
	}
	node = inner_changing(node);
	struct state_node **child = &node->children[bit_of(key, depth)];
	*child = node_put(*child, depth + 1, key, value);
	return node;
}

static struct digest node_hash(struct state_node *node)
{
	if (!node)
		return (struct digest){0};
	if (node->is_hashed)
		return node->hash;
	if (node->is_leaf) {
		node->leaf.value_hash = sha256(span_of(node->leaf.value, node->leaf.value_size));
		node->hash = pair_hash(LEAF_BYTE, &node->leaf.key, &node->leaf.value_hash);
	} else {
		struct digest zero = node_hash(node->children[0]), one = node_hash(node->children[1]);
		node->hash = pair_hash(NODE_BYTE, &zero, &one);
	}
	node->is_hashed = true;
	return node->hash;
}

/* -- the tree --------------------------------------------------------------------------------------- */

void state_tree_free(struct state_tree *tree)
{
	node_release(tree->root);
	*tree = (struct state_tree){0};
}

void state_tree_put(struct state_tree *tree, const struct digest *key, struct span value)
{
	tree->root = node_put(tree->root, 0, key, value);
}

struct digest state_tree_root(struct state_tree *tree)
{
	return node_hash(tree->root);
}

struct state_tree state_tree_copy(struct state_tree *tree)
{
	node_hash(tree->root);
	return (struct state_tree){.root = node_share(tree->root)};
}

bool state_tree_prove(const struct state_tree *tree, const struct digest *key, struct span *value, struct state_path *path)
{
	const struct state_node *node = tree->root;
	CHECK(!node || node->is_hashed);
	path->count = 0;
	path->has_other = false;
	for (; node && !node->is_leaf; path->count++) {
		unsigned bit = bit_of(key, path->count);
		const struct state_node *sibling = node->children[!bit];
		path->siblings[path->count] = sibling ? sibling->hash : (struct digest){0};
		node = node->children[bit];
	}
	if (!node)
		return false;
	if (digest_equal(&node->leaf.key, key)) {
		*value = span_of(node->leaf.value, node->leaf.value_size);
		return true;
	}
	path->has_other = true;
	path->other_key = node->leaf.key;
	path->other_value = node->leaf.value_hash;
	return false;
}

/* -- proofs ----------------------------------------------------------------------------------------- */

/* From what stands at the end of the path up to the root. */
static enum status path_leads(const struct state_path *path, const struct digest *key, struct digest hash, const struct digest *root)
{
	if (path->count > STATE_PATH_MAX)
		return E_SIGNATURE;
	for (size_t depth = path->count; depth-- > 0;)
		hash = bit_of(key, depth) ? pair_hash(NODE_BYTE, &path->siblings[depth], &hash) : pair_hash(NODE_BYTE, &hash, &path->siblings[depth]);
	return digest_equal(&hash, root) ? OK : E_SIGNATURE;
}

enum status state_path_verify_present(const struct state_path *path, const struct digest *root, const struct digest *key, struct span value)
{
	if (path->has_other)
		return E_SIGNATURE;
	struct digest value_hash = sha256(value);
	return path_leads(path, key, pair_hash(LEAF_BYTE, key, &value_hash), root);
}

/* The other key must belong where the path ends; else its leaf would be no place of this key. */
enum status state_path_verify_absent(const struct state_path *path, const struct digest *root, const struct digest *key)
{
	struct digest end = {0};
	if (path->count > STATE_PATH_MAX)
		return E_SIGNATURE;
	if (path->has_other) {
		if (digest_equal(&path->other_key, key))
			return E_SIGNATURE;
		for (size_t depth = 0; depth < path->count; depth++)
			if (bit_of(&path->other_key, depth) != bit_of(key, depth))
				return E_SIGNATURE;
		end = pair_hash(LEAF_BYTE, &path->other_key, &path->other_value);
	}
	return path_leads(path, key, end, root);
}
