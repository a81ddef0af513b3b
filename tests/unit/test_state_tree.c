/* The state tree against another implementation: the definition in its header, applied to all keys at once. */
#include "base/random.h"
#include "crypto/hash.h"
#include "crypto/state_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KEYS = 200 };

struct pair {
	struct digest key;
	uint64_t value;
};

static struct digest key_of(uint64_t number)
{
	return sha256(span_of(&number, sizeof number));
}

static struct span value_span(const struct pair *pair)
{
	return span_of(&pair->value, sizeof pair->value);
}

static int pair_compare(const void *a, const void *b)
{
	return memcmp(((const struct pair *)a)->key.bytes, ((const struct pair *)b)->key.bytes, DIGEST_SIZE);
}

static struct digest hash_parts(const char *first, const struct digest *a, const struct digest *b)
{
	struct span parts[] = {span_of(first, 1), span_of(a->bytes, DIGEST_SIZE), span_of(b->bytes, DIGEST_SIZE)};
	return sha256_parts(parts, 3);
}

/* Sorted pairs that share their first `depth` bits. */
static struct digest defined_root(const struct pair *pairs, size_t count, size_t depth)
{
	if (count == 0)
		return (struct digest){0};
	if (count == 1) {
		struct digest value = sha256(value_span(pairs));
		return hash_parts("\x02", &pairs->key, &value);
	}
	size_t zeros = 0;
	while (zeros < count && !(pairs[zeros].key.bytes[depth / 8] & (0x80 >> depth % 8)))
		zeros++;
	struct digest left = defined_root(pairs, zeros, depth + 1), right = defined_root(pairs + zeros, count - zeros, depth + 1);
	return hash_parts("\x03", &left, &right);
}

static struct digest defined(const struct pair *pairs, size_t count)
{
	struct pair *sorted = memory_new_array(count ? count : 1, sizeof *sorted);
	if (count)
		memcpy(sorted, pairs, count * sizeof *sorted);
	qsort(sorted, count, sizeof *sorted, pair_compare);
	struct digest root = defined_root(sorted, count, 0);
	free(sorted);
	return root;
}

static void assert_roots(const struct digest *a, const struct digest *b)
{
	assert_memory_equal(a->bytes, b->bytes, DIGEST_SIZE);
}

static void put(struct state_tree *tree, const struct pair *pair)
{
	state_tree_put(tree, &pair->key, value_span(pair));
}

/* Key and value have a proof; other keys have a proof that they are not there; neither proves the other. */
static void proofs_hold(const struct state_tree *tree, const struct pair *pairs, size_t count, const struct digest *root)
{
	struct state_path path;
	struct span value;
	for (size_t i = 0; i < count; i++) {
		assert_true(state_tree_prove(tree, &pairs[i].key, &value, &path));
		assert_true(span_equal(value, value_span(&pairs[i])));
		assert_int_equal(state_path_verify_present(&path, root, &pairs[i].key, value), OK);
		assert_int_equal(state_path_verify_absent(&path, root, &pairs[i].key), E_SIGNATURE);
		struct pair wrong = pairs[i];
		wrong.value++;
		assert_int_equal(state_path_verify_present(&path, root, &pairs[i].key, value_span(&wrong)), E_SIGNATURE);
	}
	for (uint64_t number = 1000000; number < 1000050; number++) {
		struct digest key = key_of(number);
		assert_false(state_tree_prove(tree, &key, &value, &path));
		assert_int_equal(state_path_verify_absent(&path, root, &key), OK);
		assert_int_equal(state_path_verify_present(&path, root, &key, (struct span){0}), E_SIGNATURE);
		path.has_other = false;
		assert_int_equal(state_path_verify_present(&path, root, &key, (struct span){0}), E_SIGNATURE);
	}
}

/* -- tests ------------------------------------------------------------------------------------------- */

static void random_changes_equal_a_rebuild(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct random random = random_of(seed);
		struct pair pairs[KEYS];
		struct state_tree tree = {0}, kept = {0};
		struct digest kept_root = {0};
		size_t count = 0, kept_count = 0;
		struct pair kept_pairs[KEYS];
		for (int step = 0; step < 600; step++) {
			size_t at = random_below(&random, KEYS);
			if (at >= count) {
				if (count == KEYS)
					continue;
				at = count++;
				pairs[at].key = key_of(seed * 1000 + at);
			}
			pairs[at].value = random_next(&random);
			put(&tree, &pairs[at]);
			if (random_chance(&random, 0.1)) {
				struct digest root = state_tree_root(&tree), expected = defined(pairs, count);
				assert_roots(&root, &expected);
			}
			if (random_chance(&random, 0.02)) {
				state_tree_free(&kept);
				kept = state_tree_copy(&tree);
				kept_root = state_tree_root(&tree);
				kept_count = count;
				memcpy(kept_pairs, pairs, sizeof pairs);
			}
		}
		struct digest root = state_tree_root(&tree);
		proofs_hold(&tree, pairs, count, &root);
		/* The copy did not move. */
		proofs_hold(&kept, kept_pairs, kept_count, &kept_root);
		state_tree_free(&tree);
		proofs_hold(&kept, kept_pairs, kept_count, &kept_root);
		state_tree_free(&kept);
	}
}

static void the_order_of_changes_does_not_matter(void **state)
{
	(void)state;
	struct random random = random_of(7);
	struct digest first = {0};
	struct pair pairs[KEYS];
	for (size_t i = 0; i < KEYS; i++)
		pairs[i] = (struct pair){.key = key_of(i), .value = i};
	for (int round = 0; round < 20; round++) {
		struct state_tree tree = {0};
		for (size_t i = KEYS; i > 1; i--) {
			size_t j = random_below(&random, i);
			struct pair other = pairs[i - 1];
			pairs[i - 1] = pairs[j];
			pairs[j] = other;
		}
		for (size_t i = 0; i < KEYS; i++) {
			struct pair earlier = {.key = pairs[i].key, .value = 99};
			if (random_chance(&random, 0.3))
				put(&tree, &earlier);
			if (random_chance(&random, 0.1))
				(void)state_tree_root(&tree);
			put(&tree, &pairs[i]);
		}
		struct digest root = state_tree_root(&tree);
		if (round == 0)
			first = root;
		assert_roots(&root, &first);
		state_tree_free(&tree);
	}
}

static void small_trees(void **state)
{
	(void)state;
	struct state_tree tree = {0};
	struct state_path path;
	struct span value;
	struct pair one = {.key = key_of(1), .value = 5};
	struct digest root = state_tree_root(&tree);
	assert_true(digest_is_zero(&root));
	assert_false(state_tree_prove(&tree, &one.key, &value, &path));
	assert_int_equal(state_path_verify_absent(&path, &root, &one.key), OK);
	/* Keys that differ in their last bit only: the deepest tree there is. */
	struct pair near[2] = {{.key = {{0}}, .value = 1}, {.key = {{0}}, .value = 2}};
	near[1].key.bytes[DIGEST_SIZE - 1] = 1;
	put(&tree, &near[0]);
	put(&tree, &near[1]);
	root = state_tree_root(&tree);
	struct digest expected = defined(near, 2);
	assert_roots(&root, &expected);
	proofs_hold(&tree, near, 2, &root);
	assert_true(state_tree_prove(&tree, &near[1].key, &value, &path));
	assert_int_equal(path.count, STATE_PATH_MAX);
	path.count++;
	assert_int_equal(state_path_verify_present(&path, &root, &near[1].key, value), E_SIGNATURE);
	assert_int_equal(state_path_verify_absent(&path, &root, &one.key), E_SIGNATURE);
	state_tree_free(&tree);
}

/* Any other bit in a proof, and any other length, proves nothing. */
static void a_changed_proof_fails(void **state)
{
	(void)state;
	struct state_tree tree = {0};
	struct pair pairs[KEYS];
	for (size_t i = 0; i < KEYS; i++) {
		pairs[i] = (struct pair){.key = key_of(i), .value = i};
		put(&tree, &pairs[i]);
	}
	struct digest root = state_tree_root(&tree);
	struct state_path path;
	struct span value = {0};
	for (uint64_t number = KEYS - 3; number < KEYS + 12; number++) {
		struct digest key = key_of(number);
		bool present = state_tree_prove(&tree, &key, &value, &path);
		assert_int_equal(present, number < KEYS);
#define VERDICT() (present ? state_path_verify_present(&path, &root, &key, value) : state_path_verify_absent(&path, &root, &key))
		assert_int_equal(VERDICT(), OK);
		for (size_t i = 0; i < path.count * DIGEST_SIZE; i++) {
			path.siblings[i / DIGEST_SIZE].bytes[i % DIGEST_SIZE] ^= (uint8_t)(1 << i % 8);
			assert_int_equal(VERDICT(), E_SIGNATURE);
			path.siblings[i / DIGEST_SIZE].bytes[i % DIGEST_SIZE] ^= (uint8_t)(1 << i % 8);
		}
		for (size_t i = 0; i < DIGEST_SIZE && path.has_other; i++) {
			path.other_key.bytes[i] ^= 1;
			assert_int_equal(VERDICT(), E_SIGNATURE);
			path.other_key.bytes[i] ^= 1;
			path.other_value.bytes[i] ^= 1;
			assert_int_equal(VERDICT(), E_SIGNATURE);
			path.other_value.bytes[i] ^= 1;
		}
		for (size_t i = 0; i < DIGEST_SIZE; i++) {
			root.bytes[i] ^= 1;
			assert_int_equal(VERDICT(), E_SIGNATURE);
			root.bytes[i] ^= 1;
			/* One path proves the absence of all keys that end at its place, so only of values is the key another claim. */
			key.bytes[i] ^= 1;
			assert_int_equal(VERDICT(), present ? E_SIGNATURE : i < path.count / 8 ? E_SIGNATURE : OK);
			key.bytes[i] ^= 1;
		}
		path.has_other = !path.has_other;
		assert_int_equal(VERDICT(), E_SIGNATURE);
		path.has_other = !path.has_other;
		path.count--;
		assert_int_equal(VERDICT(), E_SIGNATURE);
		path.count += 2;
		assert_int_equal(VERDICT(), E_SIGNATURE);
	}
	state_tree_free(&tree);
}

/* Somebody else's leaf, rightly proven in its own place, says nothing about a key that does not belong there. */
static void another_place_proves_no_absence(void **state)
{
	(void)state;
	struct state_tree tree = {0};
	struct pair pairs[KEYS];
	for (size_t i = 0; i < KEYS; i++) {
		pairs[i] = (struct pair){.key = key_of(i), .value = i};
		put(&tree, &pairs[i]);
	}
	struct digest root = state_tree_root(&tree);
	struct state_path path;
	struct span value;
	for (size_t i = 0; i + 1 < KEYS; i++) {
		/* The path of pairs[i], with pairs[i]'s leaf as "the other", claimed for every other key. */
		assert_true(state_tree_prove(&tree, &pairs[i].key, &value, &path));
		path.has_other = true;
		path.other_key = pairs[i].key;
		path.other_value = sha256(value);
		for (size_t j = 0; j < KEYS; j++)
			assert_int_equal(state_path_verify_absent(&path, &root, &pairs[j].key), E_SIGNATURE);
	}
	state_tree_free(&tree);
	/* Nor in a tree that nobody makes rightly: its two leaves stand in each other's place. */
	struct digest values = sha256((struct span){0}), keys[2] = {{{0x00}}, {{0x80}}}, leaves[2];
	for (size_t i = 0; i < 2; i++)
		leaves[i] = hash_parts("\x02", &keys[i], &values);
	root = hash_parts("\x03", &leaves[1], &leaves[0]);
	path = (struct state_path){.siblings = {leaves[0]}, .count = 1, .has_other = true, .other_key = keys[1], .other_value = values};
	assert_int_equal(state_path_verify_absent(&path, &root, &keys[0]), E_SIGNATURE);
	root = hash_parts("\x03", &leaves[0], &leaves[1]);
	struct digest near = {{0xc0}};
	assert_int_equal(state_path_verify_absent(&path, &root, &near), OK); /* the same path, rightly */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_changes_equal_a_rebuild),
		cmocka_unit_test(the_order_of_changes_does_not_matter),
		cmocka_unit_test(small_trees),
		cmocka_unit_test(a_changed_proof_fails),
		cmocka_unit_test(another_place_proves_no_absence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
