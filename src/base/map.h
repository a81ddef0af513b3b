/* Map: keys of bytes to 64-bit values (an index, or a pointer cast). Keys are copied.
 * There is no iteration on purpose: nothing may depend on hash order. Keep an array
 * beside the map where order matters. Zero is a valid empty map. */
#ifndef TALLY_BASE_MAP_H
#define TALLY_BASE_MAP_H

#include "base/span.h"

struct map_slot;

struct map {
	struct map_slot *slots;
	size_t capacity;
	size_t count;
};

void map_free(struct map *map);
/* Set or replace. */
void map_put(struct map *map, struct span key, uint64_t value);
/* True and *value when the key is there. value may be NULL. */
bool map_get(const struct map *map, struct span key, uint64_t *value);
bool map_remove(struct map *map, struct span key);

static inline struct span digest_span(const struct digest *digest)
{
	return span_of(digest->bytes, DIGEST_SIZE);
}

#endif
