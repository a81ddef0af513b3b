#include "base/map.h"

#include "base/buffer.h"

#include <stdlib.h>

struct map_slot {
	uint8_t *key; /* NULL: free */
	uint32_t key_size;
	uint32_t hash;
	uint64_t value;
};

/* FNV-1a with a final mix. Keys that outsiders choose are digests or short registered
 * names whose number is bounded, so a keyed hash is not needed here. */
static uint32_t hash_of(struct span key)
{
	uint64_t h = 0xcbf29ce484222325u;
	for (size_t i = 0; i < key.size; i++)
		h = (h ^ key.data[i]) * 0x100000001b3u;
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15u;
	return (uint32_t)(h >> 32);
}

static bool slot_is(const struct map_slot *slot, struct span key, uint32_t hash)
{
	return slot->hash == hash && span_equal(span_of(slot->key, slot->key_size), key);
}

static size_t find(const struct map *map, struct span key, uint32_t hash)
{
	size_t i = hash & (map->capacity - 1);
	while (map->slots[i].key && !slot_is(&map->slots[i], key, hash))
		i = (i + 1) & (map->capacity - 1);
	return i;
}

static void grow(struct map *map)
{
	struct map old = *map;
	map->capacity = old.capacity ? 2 * old.capacity : 16;
	map->slots = memory_new_array(map->capacity, sizeof *map->slots);
	for (size_t i = 0; i < old.capacity; i++) {
		struct map_slot *slot = &old.slots[i];
		if (slot->key)
			map->slots[find(map, span_of(slot->key, slot->key_size), slot->hash)] = *slot;
	}
	free(old.slots);
}

void map_free(struct map *map)
{
	for (size_t i = 0; i < map->capacity; i++)
		free(map->slots[i].key);
	free(map->slots);
	*map = (struct map){0};
}

void map_put(struct map *map, struct span key, uint64_t value)
{
	if (4 * (map->count + 1) > 3 * map->capacity)
		grow(map);
	uint32_t hash = hash_of(key);
	struct map_slot *slot = &map->slots[find(map, key, hash)];
	if (!slot->key) {
		slot->key = (uint8_t *)memory_text(key);
		slot->key_size = (uint32_t)key.size;
		slot->hash = hash;
		map->count++;
	}
	slot->value = value;
}

bool map_get(const struct map *map, struct span key, uint64_t *value)
{
	if (map->count == 0)
		return false;
	const struct map_slot *slot = &map->slots[find(map, key, hash_of(key))];
	if (!slot->key)
		return false;
	if (value)
		*value = slot->value;
	return true;
}

bool map_remove(struct map *map, struct span key)
{
	if (map->count == 0)
		return false;
	size_t hole = find(map, key, hash_of(key));
	if (!map->slots[hole].key)
		return false;
	free(map->slots[hole].key);
	map->slots[hole].key = NULL;
	map->count--;
	/* Linear probing without tombstones: move back what the hole would hide. */
	size_t mask = map->capacity - 1;
	for (size_t i = (hole + 1) & mask; map->slots[i].key; i = (i + 1) & mask) {
		size_t home = map->slots[i].hash & mask;
		if (((i - home) & mask) >= ((i - hole) & mask)) {
			map->slots[hole] = map->slots[i];
			map->slots[i].key = NULL;
			hole = i;
		}
	}
	return true;
}
