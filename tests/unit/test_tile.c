#include "record/tile.h"

#include "crypto/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void paths_have_one_form(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		struct tile tile;
	} good[] = {
		{"/tile/0/000", {.width = 256}},
		{"/tile/0/000.p/1", {.width = 1}},
		{"/tile/1/273.p/112", {.level = 1, .number = 273, .width = 112}},
		{"/tile/63/x001/x234/067", {.level = 63, .number = 1234067, .width = 256}},
		{"/tile/entries/x001/000.p/255", {.entries = true, .number = 1000, .width = 255}},
		{"/tile/2/x018/x446/x744/x073/x709/x551/615", {.level = 2, .number = UINT64_MAX, .width = 256}},
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct tile tile;
		struct buffer again = {0};
		assert_true(tile_path_decode(span_of_text(good[i].path), &tile));
		assert_int_equal(tile.entries, good[i].tile.entries);
		assert_int_equal(tile.level, good[i].tile.level);
		assert_true(tile.number == good[i].tile.number);
		assert_int_equal(tile.width, good[i].tile.width);
		tile_path_encode(&tile, &again);
		assert_true(span_is_text(buffer_span(&again), good[i].path));
		buffer_free(&again);
	}
	static const char *const wrong[] = {"", "/", "/tile", "/tile/", "/tile/0", "/tile/0/", "/tile/0/0", "/tile/0/00", "/tile/0/0000", "/tile/0/000/", "/tile/0/000.p",
		"/tile/0/000.p/", "/tile/0/000.p/0", "/tile/0/000.p/01", "/tile/0/000.p/256", "/tile/0/000.p/1x", "/tile/0/000.q/1", "/tile/00/000", "/tile/64/000",
		"/tile/-1/000", "/tile/0/x000/001", "/tile/0/x001", "/tile/0/001/002", "/tile/0/x01/002", "/tile/0/x001/x002", "/tile/entry/000", "/tile/entries000",
		"/tile/0/x018/x446/x744/x073/x709/x551/616", "/tile/0/x001/x000/x000/x000/x000/x000/x000/000", "/tile/0/+01", "tile/0/000", "/tile/0/000 "};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct tile tile;
		if (tile_path_decode(span_of_text(wrong[i]), &tile))
			fail_msg("%s is taken for a tile", wrong[i]);
	}
}

static void a_log_has_the_tiles_of_its_size(void **state)
{
	(void)state;
	/* 70,000 entries: 273 whole tiles and one of 112; of level 1 one whole and one of 17; of level 2 one of 1. */
	static const struct {
		unsigned level;
		uint64_t number;
		unsigned width;
		bool within;
	} cases[] = {
		{0, 0, 256, true}, {0, 272, 256, true}, {0, 273, 256, false}, {0, 273, 112, true}, {0, 273, 113, false}, {0, 274, 1, false}, {0, 272, 1, true},
		{1, 0, 256, true}, {1, 1, 17, true}, {1, 1, 18, false}, {1, 1, 256, false}, {2, 0, 1, true}, {2, 0, 2, false}, {3, 0, 1, false},
		{8, 0, 1, false}, {63, 0, 1, false}, {0, UINT64_MAX, 1, false}, {0, UINT64_MAX / 256 + 1, 1, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tile tile = {.level = cases[i].level, .number = cases[i].number, .width = cases[i].width};
		if (tile_is_within(&tile, 70000) != cases[i].within)
			fail_msg("case %zu", i);
	}
	assert_true(tile_is_within(&(struct tile){.level = 7, .number = 0, .width = 255}, UINT64_MAX));
	assert_false(tile_is_within(&(struct tile){.level = 7, .number = 0, .width = 256}, UINT64_MAX));
}

/* The root of 70,000 leaves from three tiles on the right edge, as a client computes it. */
static void tiles_hold_the_tree(void **state)
{
	(void)state;
	enum { SIZE = 70000 };
	struct merkle_tree tree = {0}, small;
	for (uint64_t i = 0; i < SIZE; i++) {
		char text[16];
		struct digest leaf = merkle_leaf(span_of(text, (size_t)snprintf(text, sizeof text, "%llu", (unsigned long long)i)));
		merkle_tree_append(&tree, &leaf);
	}
	struct digest root = {{0}}, expected = merkle_tree_root(&tree, SIZE);
	bool begun = false;
	for (unsigned level = 0; level < 3; level++) {
		uint64_t count = (uint64_t)SIZE >> (8 * level);
		struct tile tile = {.level = level, .number = count / 256, .width = (unsigned)(count % 256)};
		struct buffer bytes = {0};
		assert_true(tile_is_within(&tile, SIZE));
		tile_hashes(&tile, &tree, &bytes);
		assert_int_equal(bytes.size, tile.width * 32);
		/* Complete nodes of the tile, from the right to the left, as bits of its width. */
		memset(&small, 0, sizeof small);
		for (unsigned i = 0; i < tile.width; i++) {
			struct digest node;
			memcpy(node.bytes, bytes.data + i * DIGEST_SIZE, DIGEST_SIZE);
			merkle_tree_append(&small, &node);
		}
		for (unsigned bit = 0; bit < 8; bit++) {
			if (!(tile.width >> bit & 1))
				continue;
			const struct digest *node = merkle_tree_node(&small, bit, (tile.width >> bit) - 1);
			assert_non_null(node);
			root = begun ? merkle_node(node, &root) : *node;
			begun = true;
		}
		merkle_tree_free(&small);
		buffer_free(&bytes);
	}
	assert_true(digest_equal(&root, &expected));
	assert_null(merkle_tree_node(&tree, 0, SIZE));
	assert_null(merkle_tree_node(&tree, 16, 1));
	assert_null(merkle_tree_node(&tree, 64, 0));
	merkle_tree_free(&tree);
	struct buffer entry = {0};
	static uint8_t long_one[0x1234];
	tile_entry(span_of(long_one, sizeof long_one), &entry);
	assert_int_equal(entry.size, 2 + 0x1234);
	assert_int_equal(entry.data[0], 0x12);
	assert_int_equal(entry.data[1], 0x34);
	buffer_free(&entry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_have_one_form),
		cmocka_unit_test(a_log_has_the_tiles_of_its_size),
		cmocka_unit_test(tiles_hold_the_tree),
	};
	return cmocka_run_group_tests_name("tile", tests, NULL, NULL);
}
