#include "crypto/hash.h"
#include "crypto/merkle.h"

#include "shared_vectors.h"

#include <dirent.h>

enum { LEAVES = 70 };

static struct digest leaf_of(uint64_t number)
{
	char text[32];
	snprintf(text, sizeof text, "leaf-%llu", (unsigned long long)number);
	return merkle_leaf(span_of_text(text));
}

static struct merkle_tree tree_of(uint64_t size)
{
	struct merkle_tree tree = {0};
	for (uint64_t i = 0; i < size; i++) {
		struct digest leaf = leaf_of(i);
		merkle_tree_append(&tree, &leaf);
	}
	return tree;
}

/* MTH as RFC 9162, 2.1.1 defines it, recursively: the other implementation. */
static struct digest defined_root(uint64_t start, uint64_t size)
{
	if (size == 0)
		return sha256((struct span){0});
	if (size == 1)
		return leaf_of(start);
	uint64_t left = 1;
	while (2 * left < size)
		left *= 2;
	struct digest a = defined_root(start, left), b = defined_root(start + left, size - left);
	return merkle_node(&a, &b);
}

static void assert_digest(struct digest digest, const char *expected)
{
	char text[DIGEST_HEX_SIZE];
	span_hex(span_of(digest.bytes, DIGEST_SIZE), text);
	assert_string_equal(text, expected);
}

static void fixed_leaves_and_root(void **state)
{
	(void)state;
	struct merkle_tree tree = tree_of(3);
	assert_digest(leaf_of(0), "305df59f9590c3c9ac63d2b2743c388e3792449078cebf7fb3dbe6471643b2b7");
	assert_digest(leaf_of(1), "3145c409f259b7c53e32036090ff76751025a2498ba9823ef718cac50b4e616f");
	assert_digest(leaf_of(2), "fca89f57c9f8c8eb4047a7ff9d333acf9e0f3384b20b255bceab0f216dcca267");
	assert_digest(merkle_tree_root(&tree, 3), "cf763a041c81ceef1578a6083f75c61bef2e0014f2a3e683a97fcfca5be7f19a");
	struct merkle_path path;
	assert_int_equal(merkle_tree_inclusion(&tree, 2, 3, &path), OK);
	assert_int_equal(path.count, 1);
	assert_digest(path.nodes[0], "60a53eed0de87a90c8e59427c59c46253c33a76a09502a51801300927b7e6bdc");
	merkle_tree_free(&tree);
}

static void every_root_is_the_defined_one(void **state)
{
	(void)state;
	struct merkle_tree tree = tree_of(LEAVES);
	assert_int_equal(merkle_tree_size(&tree), LEAVES);
	for (uint64_t size = 0; size <= LEAVES; size++) {
		struct digest root = merkle_tree_root(&tree, size), expected = defined_root(0, size);
		assert_true(digest_equal(&root, &expected));
	}
	merkle_tree_free(&tree);
}

/* Any change to an inclusion proof must be refused. */
static void damage_inclusion(const struct digest *leaf, uint64_t index, uint64_t size, struct merkle_path path, const struct digest *root)
{
	for (size_t i = 0; i < path.count; i++) {
		path.nodes[i].bytes[index % DIGEST_SIZE] ^= 1;
		assert_int_equal(merkle_inclusion_verify(leaf, index, size, &path, root), E_SIGNATURE);
		path.nodes[i].bytes[index % DIGEST_SIZE] ^= 1;
	}
	for (uint64_t other = 0; other < size; other++)
		if (other != index)
			assert_int_equal(merkle_inclusion_verify(leaf, other, size, &path, root), E_SIGNATURE);
	struct digest wrong = *leaf;
	wrong.bytes[0] ^= 1;
	assert_int_equal(merkle_inclusion_verify(&wrong, index, size, &path, root), E_SIGNATURE);
	assert_int_equal(merkle_inclusion_verify(leaf, size, size, &path, root), E_MALFORMED);
	path.nodes[path.count++] = *leaf;
	assert_int_equal(merkle_inclusion_verify(leaf, index, size, &path, root), E_SIGNATURE);
	if (path.count < 2)
		return;
	path.count -= 2;
	assert_int_equal(merkle_inclusion_verify(leaf, index, size, &path, root), E_SIGNATURE);
}

static void every_leaf_of_every_size_is_provable(void **state)
{
	(void)state;
	struct merkle_tree tree = tree_of(LEAVES);
	struct merkle_path path;
	for (uint64_t size = 1; size <= LEAVES; size++) {
		struct digest root = merkle_tree_root(&tree, size);
		for (uint64_t index = 0; index < size; index++) {
			struct digest leaf = leaf_of(index);
			assert_int_equal(merkle_tree_inclusion(&tree, index, size, &path), OK);
			assert_int_equal(merkle_inclusion_verify(&leaf, index, size, &path, &root), OK);
			damage_inclusion(&leaf, index, size, path, &root);
		}
	}
	assert_int_equal(merkle_tree_inclusion(&tree, 3, 3, &path), E_LIMIT);
	assert_int_equal(merkle_tree_inclusion(&tree, 0, LEAVES + 1, &path), E_LIMIT);
	assert_int_equal(merkle_tree_inclusion(&tree, 0, 0, &path), E_LIMIT);
	merkle_tree_free(&tree);
}

static void damage_consistency(uint64_t first, uint64_t second, const struct digest *older, const struct digest *newer,
	struct merkle_path path)
{
	struct digest wrong = *older;
	wrong.bytes[31] ^= 0x80;
	assert_int_equal(merkle_consistency_verify(first, second, &wrong, newer, &path), E_SIGNATURE);
	assert_int_equal(merkle_consistency_verify(first, second, older, &wrong, &path), E_SIGNATURE);
	for (size_t i = 0; i < path.count; i++) {
		path.nodes[i].bytes[0] ^= 1;
		assert_int_equal(merkle_consistency_verify(first, second, older, newer, &path), E_SIGNATURE);
		path.nodes[i].bytes[0] ^= 1;
	}
	path.nodes[path.count++] = *older;
	assert_int_equal(merkle_consistency_verify(first, second, older, newer, &path), E_SIGNATURE);
	if (path.count < 2)
		return;
	path.count -= 2;
	assert_int_equal(merkle_consistency_verify(first, second, older, newer, &path), E_SIGNATURE);
}

static void every_pair_of_sizes_is_consistent(void **state)
{
	(void)state;
	struct merkle_tree tree = tree_of(LEAVES);
	struct merkle_path path;
	for (uint64_t second = 1; second <= LEAVES; second++) {
		struct digest newer = merkle_tree_root(&tree, second);
		for (uint64_t first = 1; first <= second; first++) {
			struct digest older = merkle_tree_root(&tree, first);
			assert_int_equal(merkle_tree_consistency(&tree, first, second, &path), OK);
			assert_int_equal(merkle_consistency_verify(first, second, &older, &newer, &path), OK);
			damage_consistency(first, second, &older, &newer, path);
		}
	}
	assert_int_equal(merkle_tree_consistency(&tree, 0, 5, &path), E_LIMIT);
	assert_int_equal(merkle_tree_consistency(&tree, 6, 5, &path), E_LIMIT);
	assert_int_equal(merkle_tree_consistency(&tree, 5, LEAVES + 1, &path), E_LIMIT);
	struct digest root = merkle_tree_root(&tree, 5);
	path.count = 0;
	assert_int_equal(merkle_consistency_verify(0, 5, &root, &root, &path), E_MALFORMED);
	assert_int_equal(merkle_consistency_verify(6, 5, &root, &root, &path), E_MALFORMED);
	merkle_tree_free(&tree);
}

/* Some vectors hold text where a hash belongs; what is shorter is padded with zeros, what
 * is absent or longer does not fit the type and counts as refused. */
static bool digest_of_base64(const char *text, struct digest *out)
{
	uint8_t bytes[64] = {0};
	size_t size = 0;
	uint32_t bits = 0;
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; text[i] && text[i] != '='; i++) {
		const char *digit = strchr(alphabet, text[i]);
		assert_non_null(digit);
		bits = bits << 6 | (uint32_t)(digit - alphabet);
		if (i % 4 && size < sizeof bytes)
			bytes[size++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	memcpy(out->bytes, bytes, DIGEST_SIZE);
	return size > 0 && size <= DIGEST_SIZE;
}

static bool path_of_json(yyjson_val *test, struct merkle_path *path)
{
	size_t i, count;
	yyjson_val *node;
	bool fits = true;
	path->count = 0;
	yyjson_arr_foreach(yyjson_obj_get(test, "proof"), i, count, node)
		fits = digest_of_base64(yyjson_get_str(node), &path->nodes[path->count++]) && fits;
	return fits;
}

static enum status run_inclusion(yyjson_val *test)
{
	struct merkle_path path;
	struct digest leaf, root;
	bool fits = path_of_json(test, &path);
	fits = digest_of_base64(json_text(test, "leafHash"), &leaf) && fits;
	fits = digest_of_base64(json_text(test, "root"), &root) && fits;
	if (!fits)
		return E_MALFORMED;
	return merkle_inclusion_verify(&leaf, yyjson_get_uint(yyjson_obj_get(test, "leafIdx")),
		yyjson_get_uint(yyjson_obj_get(test, "treeSize")), &path, &root);
}

static enum status run_consistency(yyjson_val *test)
{
	struct merkle_path path;
	struct digest older, newer;
	bool fits = path_of_json(test, &path);
	fits = digest_of_base64(json_text(test, "root1"), &older) && fits;
	fits = digest_of_base64(json_text(test, "root2"), &newer) && fits;
	if (!fits)
		return E_MALFORMED;
	return merkle_consistency_verify(yyjson_get_uint(yyjson_obj_get(test, "size1")),
		yyjson_get_uint(yyjson_obj_get(test, "size2")), &older, &newer, &path);
}

static size_t run_folder(const char *name, enum status (*run)(yyjson_val *))
{
	char path[600];
	snprintf(path, sizeof path, "%s/vectors/%s", shared_folder(), name);
	DIR *folder = opendir(path);
	if (!folder)
		fail_msg("cannot open %s", path);
	size_t done = 0;
	for (struct dirent *entry; (entry = readdir(folder));) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", name, entry->d_name);
		if (!strstr(entry->d_name, ".json")) {
			done += run_folder(path, run);
			continue;
		}
		yyjson_doc *document = shared_json(path);
		yyjson_val *test = yyjson_doc_get_root(document);
		bool refused = yyjson_get_bool(yyjson_obj_get(test, "wantErr"));
		if ((run(test) != OK) != refused)
			fail_msg("%s: %s", path, json_text(test, "desc"));
		yyjson_doc_free(document);
		done++;
	}
	closedir(folder);
	return done;
}

static void proofs_agree_with_the_public_vectors(void **state)
{
	(void)state;
	size_t inclusion = run_folder("merkle/inclusion", run_inclusion);
	size_t consistency = run_folder("merkle/consistency", run_consistency);
	print_message("%zu inclusion and %zu consistency vectors\n", inclusion, consistency);
	assert_int_equal(inclusion + consistency, 196);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed_leaves_and_root),
		cmocka_unit_test(every_root_is_the_defined_one),
		cmocka_unit_test(every_leaf_of_every_size_is_provable),
		cmocka_unit_test(every_pair_of_sizes_is_consistent),
		cmocka_unit_test(proofs_agree_with_the_public_vectors),
	};
	return cmocka_run_group_tests_name("merkle", tests, NULL, NULL);
}
