/* A path that names a tile has one form, and a log that has it has every hash of it. */
#include "record/tile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tile tile;
	struct buffer again = {0};
	static struct merkle_tree tree;
	enum { LEAVES = 600 };
	while (merkle_tree_size(&tree) < LEAVES)
		merkle_tree_append(&tree, &(struct digest){{1}});
	if (!tile_path_decode(span_of(data, size), &tile))
		return 0;
	CHECK(tile.width >= 1 && tile.width <= TILE_WIDTH && tile.level <= TILE_LEVEL_MAX);
	tile_path_encode(&tile, &again);
	CHECK(span_equal(buffer_span(&again), span_of(data, size)));
	buffer_clear(&again);
	if (!tile.entries && tile_is_within(&tile, LEAVES)) {
		tile_hashes(&tile, &tree, &again);
		CHECK(again.size == tile.width * DIGEST_SIZE);
	}
	buffer_free(&again);
	return 0;
}
