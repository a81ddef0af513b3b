#include "crypto/merkle.h"

#include "crypto/hash.h"

#include <stdlib.h>

struct digest merkle_leaf(struct span entry)
{
	struct span parts[] = {span_of("\x00", 1), entry};
	return sha256_parts(parts, 2);
}

struct digest merkle_node(const struct digest *left, const struct digest *right)
{
	uint8_t bytes[1 + 2 * DIGEST_SIZE] = {0x01};
	memcpy(bytes + 1, left->bytes, DIGEST_SIZE);
	memcpy(bytes + 1 + DIGEST_SIZE, right->bytes, DIGEST_SIZE);
	return sha256(span_of(bytes, sizeof bytes));
}

void merkle_tree_free(struct merkle_tree *tree)
{
	for (size_t i = 0; i < MERKLE_PATH_MAX; i++)
		free(tree->levels[i].nodes);
	*tree = (struct merkle_tree){0};
}

void merkle_tree_append(struct merkle_tree *tree, const struct digest *leaf_hash)
{
	struct digest node = *leaf_hash;
	for (size_t i = 0; i < MERKLE_PATH_MAX; i++) {
		struct merkle_level *level = &tree->levels[i];
		ARRAY_GROW(level->nodes, level->count, level->capacity);
		level->nodes[level->count++] = node;
		if (level->count % 2)
			return;
		node = merkle_node(&level->nodes[level->count - 2], &level->nodes[level->count - 1]);
	}
}

uint64_t merkle_tree_size(const struct merkle_tree *tree)
{
	return tree->levels[0].count;
}

/* MTH of the leaves [start, start + size), where start is a multiple of a power of two
 * that is at least size: complete nodes, joined from the smallest to the largest. */
static struct digest range_root(const struct merkle_tree *tree, uint64_t start, uint64_t size)
{
	struct digest root = {0};
	bool begun = false;
	for (unsigned level = 0; level < MERKLE_PATH_MAX && size >> level; level++) {
		if (!(size >> level & 1))
			continue;
		const struct digest *node = &tree->levels[level].nodes[((start + size) >> level) - 1];
		root = begun ? merkle_node(node, &root) : *node;
		begun = true;
	}
	return root;
}

struct digest merkle_tree_root(const struct merkle_tree *tree, uint64_t size)
{
	CHECK(size <= merkle_tree_size(tree));
	return size ? range_root(tree, 0, size) : sha256((struct span){0});
}

/* The largest power of two smaller than n, for n > 1. */
static uint64_t split(uint64_t n)
{
	return (uint64_t)1 << (63 - __builtin_clzll(n - 1));
}

static void path_push(struct merkle_path *path, struct digest node)
{
	path->nodes[path->count++] = node;
}

/* Proofs are found from the root downwards and given from the leaf upwards. */
static void path_reverse(struct merkle_path *path)
{
	for (size_t i = 0; i < path->count / 2; i++) {
		struct digest kept = path->nodes[i];
		path->nodes[i] = path->nodes[path->count - 1 - i];
		path->nodes[path->count - 1 - i] = kept;
	}
}

/* PATH(m, D[n]), RFC 9162, 2.1.3.1. */
enum status merkle_tree_inclusion(const struct merkle_tree *tree, uint64_t index, uint64_t size, struct merkle_path *out)
{
	if (size > merkle_tree_size(tree) || index >= size)
		return E_LIMIT;
	out->count = 0;
	for (uint64_t start = 0; size > 1;) {
		uint64_t left = split(size);
		if (index < start + left) {
			path_push(out, range_root(tree, start + left, size - left));
			size = left;
		} else {
			path_push(out, range_root(tree, start, left));
			start += left;
			size -= left;
		}
	}
	path_reverse(out);
	return OK;
}

/* PROOF(m, D[n]) by SUBPROOF, RFC 9162, 2.1.4.1. */
enum status merkle_tree_consistency(const struct merkle_tree *tree, uint64_t first, uint64_t second, struct merkle_path *out)
{
	if (first == 0 || first > second || second > merkle_tree_size(tree))
		return E_LIMIT;
	out->count = 0;
	uint64_t start = 0;
	bool known = true; /* b: the verifier has the root of the first leaves of this subtree */
	while (first < second) {
		uint64_t left = split(second);
		if (first <= left) {
			path_push(out, range_root(tree, start + left, second - left));
			second = left;
		} else {
			path_push(out, range_root(tree, start, left));
			start += left;
			first -= left;
			second -= left;
			known = false;
		}
	}
	if (!known)
		path_push(out, range_root(tree, start, second));
	path_reverse(out);
	return OK;
}

const struct digest *merkle_tree_node(const struct merkle_tree *tree, unsigned level, uint64_t index)
{
	return level < MERKLE_PATH_MAX && index < tree->levels[level].count ? &tree->levels[level].nodes[index] : NULL;
}

/* RFC 9162, 2.1.3.2; its names fn and sn are position and last here. */
enum status merkle_inclusion_root(const struct digest *leaf_hash, uint64_t index, uint64_t size,
	const struct merkle_path *path, struct digest *root)
{
	if (index >= size || path->count > MERKLE_PATH_MAX)
		return E_MALFORMED;
	uint64_t position = index;
	uint64_t last = size - 1;
	struct digest computed = *leaf_hash;
	for (size_t i = 0; i < path->count; i++) {
		if (last == 0)
			return E_SIGNATURE;
		if (position & 1 || position == last) {
			computed = merkle_node(&path->nodes[i], &computed);
			while (!(position & 1) && position) {
				position >>= 1;
				last >>= 1;
			}
		} else {
			computed = merkle_node(&computed, &path->nodes[i]);
		}
		position >>= 1;
		last >>= 1;
	}
	*root = computed;
	return last == 0 ? OK : E_SIGNATURE;
}

enum status merkle_inclusion_verify(const struct digest *leaf_hash, uint64_t index, uint64_t size,
	const struct merkle_path *path, const struct digest *root)
{
	struct digest computed;
	TRY(merkle_inclusion_root(leaf_hash, index, size, path, &computed));
	return digest_equal(&computed, root) ? OK : E_SIGNATURE;
}

/* RFC 9162, 2.1.4.2. A path that begins with the first root itself leaves that node out. */
static enum status consistency_fold(uint64_t first, uint64_t second, const struct digest *first_root,
	const struct merkle_path *path, struct digest *second_root)
{
	bool implied = (first & (first - 1)) == 0;
	if (!implied && path->count == 0)
		return E_SIGNATURE;
	uint64_t position = first - 1;
	uint64_t last = second - 1;
	for (; position & 1; position >>= 1)
		last >>= 1;
	struct digest older = implied ? *first_root : path->nodes[0];
	struct digest newer = older;
	for (size_t i = implied ? 0 : 1; i < path->count; i++) {
		const struct digest *node = &path->nodes[i];
		if (last == 0)
			return E_SIGNATURE;
		if (position & 1 || position == last) {
			older = merkle_node(node, &older);
			newer = merkle_node(node, &newer);
			while (!(position & 1) && position) {
				position >>= 1;
				last >>= 1;
			}
		} else {
			newer = merkle_node(&newer, node);
		}
		position >>= 1;
		last >>= 1;
	}
	*second_root = newer;
	return last == 0 && digest_equal(&older, first_root) ? OK : E_SIGNATURE;
}

enum status merkle_consistency_root(uint64_t first, uint64_t second, const struct digest *first_root,
	const struct merkle_path *path, struct digest *second_root)
{
	if (first == 0 || first > second || path->count > MERKLE_PATH_MAX)
		return E_MALFORMED;
	if (first == second) {
		*second_root = *first_root;
		return path->count == 0 ? OK : E_SIGNATURE;
	}
	return path->count ? consistency_fold(first, second, first_root, path, second_root) : E_SIGNATURE;
}

enum status merkle_consistency_verify(uint64_t first, uint64_t second, const struct digest *first_root,
	const struct digest *second_root, const struct merkle_path *path)
{
	struct digest computed;
	TRY(merkle_consistency_root(first, second, first_root, path, &computed));
	return digest_equal(&computed, second_root) ? OK : E_SIGNATURE;
}
