/* Tiles: the log's tree and its entries, cut into files that never change (C2SP tlog-tiles).
 *   /tile/<L>/<N>[.p/<W>]         256 hashes of the tree's level 8 * L, from number 256 * N on; only W with .p
 *   /tile/entries/<N>[.p/<W>]     the entries from 256 * N on, each a big-endian u16 length and its bytes
 * N in groups of three digits, all but the last after an "x": 1234067 is x001/x234/067. A hash of level 0 is
 * SHA-256(0x00 || entry); an entry of this log is a statement's id, and what an entry tile holds is the statement. */
#ifndef TALLY_RECORD_TILE_H
#define TALLY_RECORD_TILE_H

#include "crypto/merkle.h"

enum { TILE_WIDTH = 256, TILE_LEVEL_MAX = 63, TILE_PATH_MAX = 64 };

struct tile {
	bool entries;
	unsigned level;               /* 0 for entries */
	uint64_t number;
	unsigned width;               /* 1 to 256 */
};

/* A path has one form: no signs, no leading zeros but those that fill a group, no group that could be left out. False: none. */
bool tile_path_decode(struct span path, struct tile *out);
void tile_path_encode(const struct tile *tile, struct buffer *out);
/* Does a log of `size` entries have it whole? */
bool tile_is_within(const struct tile *tile, uint64_t size);
/* The hashes of a tile that lies within the tree; not for entries. Appends width * 32 bytes. */
void tile_hashes(const struct tile *tile, const struct merkle_tree *tree, struct buffer *out);
/* One entry of an entry tile. statement.size < 65536. */
void tile_entry(struct span statement, struct buffer *out);

#endif
