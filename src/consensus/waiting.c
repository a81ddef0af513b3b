#include "consensus/waiting.h"

#include <stdlib.h>

#define NOBODY UINT16_MAX

void waiting_init(struct waiting *waiting, uint16_t members, uint32_t blocks_max)
{
	*waiting = (struct waiting){.members = members, .blocks_max = blocks_max, .next_due_ms = INT64_MAX};
}

void waiting_free(struct waiting *waiting)
{
	for (uint32_t i = 0; i < waiting->block_count; i++)
		buffer_free(&waiting->blocks[i].bytes);
	for (uint32_t i = 0; i < waiting->want_count; i++)
		free(waiting->wants[i].dependants);
	free(waiting->blocks);
	free(waiting->wants);
	free(waiting->free_blocks);
	free(waiting->free_wants);
	free(waiting->ready);
	map_free(&waiting->by_ref);
	map_free(&waiting->by_slot);
	map_free(&waiting->wanted);
	*waiting = (struct waiting){0};
}

struct slot_key {
	uint8_t bytes[6];
};

static struct slot_key slot_key(uint32_t round, uint16_t author)
{
	struct slot_key key;
	memcpy(key.bytes, &round, 4);
	memcpy(key.bytes + 4, &author, 2);
	return key;
}

/* Blocks and wants go by the whole reference: a liar may name a block's digest with another
 * round or author, and that must stay a different want, which nothing ever satisfies. */
struct ref_key {
	uint8_t bytes[6 + DIGEST_SIZE];
};

static struct ref_key ref_key(const struct block_ref *ref)
{
	struct ref_key key;
	struct slot_key slot = slot_key(ref->round, ref->author);
	memcpy(key.bytes, slot.bytes, sizeof slot.bytes);
	memcpy(key.bytes + sizeof slot.bytes, ref->digest.bytes, DIGEST_SIZE);
	return key;
}

#define KEY_SPAN(key) span_of((key).bytes, sizeof (key).bytes)

struct waiting_block *waiting_find(struct waiting *waiting, const struct block_ref *ref)
{
	struct ref_key key = ref_key(ref);
	uint64_t index;
	return map_get(&waiting->by_ref, KEY_SPAN(key), &index) ? &waiting->blocks[index] : NULL;
}

struct waiting_block *waiting_in_slot(struct waiting *waiting, uint32_t round, uint16_t author)
{
	struct slot_key key = slot_key(round, author);
	uint64_t index;
	return map_get(&waiting->by_slot, KEY_SPAN(key), &index) ? &waiting->blocks[index] : NULL;
}

const struct waiting_block *waiting_highest(const struct waiting *waiting, uint16_t author)
{
	const struct waiting_block *highest = NULL;
	for (uint32_t i = 0; i < waiting->block_count; i++) {
		const struct waiting_block *block = &waiting->blocks[i];
		if (block->used && block->ref.author == author && (!highest || block->ref.round > highest->ref.round))
			highest = block;
	}
	return highest;
}

uint64_t waiting_held_until(const struct waiting *waiting)
{
	uint64_t earliest = UINT64_MAX;
	for (uint32_t i = 0; waiting->held > 0 && i < waiting->block_count; i++)
		if (waiting->blocks[i].held && waiting->blocks[i].timestamp_ms < earliest)
			earliest = waiting->blocks[i].timestamp_ms;
	return earliest;
}

/* Wants. */

static struct waiting_want *want_find(const struct waiting *waiting, const struct block_ref *ref)
{
	struct ref_key key = ref_key(ref);
	uint64_t index;
	return map_get(&waiting->wanted, KEY_SPAN(key), &index) ? &waiting->wants[index] : NULL;
}

bool waiting_is_wanted(const struct waiting *waiting, const struct block_ref *ref)
{
	const struct waiting_want *want = want_find(waiting, ref);
	return want && !want->present;
}

static void want_due(struct waiting *waiting, struct waiting_want *want, int64_t due_ms)
{
	want->due_ms = due_ms;
	if (due_ms < waiting->next_due_ms)
		waiting->next_due_ms = due_ms;
}

static struct waiting_want *want_new(struct waiting *waiting, const struct block_ref *ref, uint16_t named_by, int64_t now_ms)
{
	uint32_t index;
	if (waiting->free_want_count > 0) {
		index = waiting->free_wants[--waiting->free_want_count];
	} else {
		ARRAY_GROW(waiting->wants, waiting->want_count, waiting->want_capacity);
		index = waiting->want_count++;
	}
	struct waiting_want *want = &waiting->wants[index];
	*want = (struct waiting_want){.ref = *ref, .named_by = named_by, .asked = NOBODY, .used = true};
	want->present = waiting_find(waiting, ref) != NULL;
	waiting->missing += !want->present;
	want_due(waiting, want, now_ms + WAITING_GRACE_MS);
	struct ref_key key = ref_key(ref);
	map_put(&waiting->wanted, KEY_SPAN(key), index);
	return want;
}

static void want_free(struct waiting *waiting, struct waiting_want *want)
{
	waiting->missing -= !want->present;
	struct ref_key key = ref_key(&want->ref);
	map_remove(&waiting->wanted, KEY_SPAN(key));
	free(want->dependants);
	*want = (struct waiting_want){0};
	ARRAY_GROW(waiting->free_wants, waiting->free_want_count, waiting->free_want_capacity);
	waiting->free_wants[waiting->free_want_count++] = (uint32_t)(want - waiting->wants);
}

static void want_present(struct waiting *waiting, struct waiting_want *want, bool present)
{
	if (want->present == present)
		return;
	want->present = present;
	if (present)
		waiting->missing--;
	else
		waiting->missing++;
}

static void want_forget(struct waiting *waiting, const struct block_ref *ref, uint32_t dependant)
{
	struct waiting_want *want = want_find(waiting, ref);
	if (!want)
		return;
	for (uint32_t i = 0; i < want->count; i++)
		if (want->dependants[i] == dependant) {
			want->dependants[i] = want->dependants[--want->count];
			break;
		}
	if (want->count == 0)
		want_free(waiting, want);
}

/* Blocks. */

/* Those read from the own disk do not count: they cannot be fetched back from nobody. */
static bool counts(const struct waiting_block *block)
{
	return block->position == DAG_NOWHERE;
}

static uint32_t block_new(struct waiting *waiting, const struct waiting_arrival *arrival, uint16_t payer)
{
	uint32_t index;
	if (waiting->free_block_count > 0) {
		index = waiting->free_blocks[--waiting->free_block_count];
	} else {
		ARRAY_GROW(waiting->blocks, waiting->block_count, waiting->block_capacity);
		index = waiting->block_count++;
	}
	struct waiting_block *block = &waiting->blocks[index];
	*block = (struct waiting_block){
		.ref = block_reference(arrival->block),
		.position = arrival->position,
		.timestamp_ms = arrival->block->timestamp_ms,
		.used = true,
		.held = arrival->hold,
		.reported = arrival->reported,
		.unresolved = arrival->hold,
		.payer = payer,
	};
	buffer_append_span(&block->bytes, arrival->bytes);
	waiting->suspended++;
	waiting->held += block->held;
	if (counts(block)) {
		waiting->blocks_of[payer]++;
		waiting->bytes_of[payer] += block->bytes.size;
	}
	struct ref_key ref = ref_key(&block->ref);
	map_put(&waiting->by_ref, KEY_SPAN(ref), index);
	struct slot_key key = slot_key(block->ref.round, block->ref.author);
	if (!map_get(&waiting->by_slot, KEY_SPAN(key), NULL))
		map_put(&waiting->by_slot, KEY_SPAN(key), index);
	return index;
}

/* Forget a block, except for its bytes, which the caller has taken or freed. */
static void block_free(struct waiting *waiting, uint32_t index)
{
	struct waiting_block *block = &waiting->blocks[index];
	struct slot_key key = slot_key(block->ref.round, block->ref.author);
	uint64_t first;
	if (map_get(&waiting->by_slot, KEY_SPAN(key), &first) && first == index)
		map_remove(&waiting->by_slot, KEY_SPAN(key));
	struct ref_key ref = ref_key(&block->ref);
	map_remove(&waiting->by_ref, KEY_SPAN(ref));
	waiting->suspended--;
	waiting->held -= block->held;
	if (counts(block)) {
		waiting->blocks_of[block->payer]--;
		waiting->bytes_of[block->payer] -= block->bytes.size;
	}
	*block = (struct waiting_block){0};
	ARRAY_GROW(waiting->free_blocks, waiting->free_block_count, waiting->free_block_capacity);
	waiting->free_blocks[waiting->free_block_count++] = index;
}

static void block_evict(struct waiting *waiting, uint32_t index, int64_t now_ms)
{
	struct waiting_block *block = &waiting->blocks[index];
	struct block parsed;
	CHECK(block_parse(buffer_span(&block->bytes), &parsed, NULL) == OK); /* it was, when it came */
	for (int i = 0; i < parsed.ancestor_count; i++)
		want_forget(waiting, &parsed.ancestors[i], index);
	struct waiting_want *want = want_find(waiting, &block->ref);
	if (want) {
		want_present(waiting, want, false);
		want_due(waiting, want, now_ms + WAITING_RETRY_MS);
	}
	struct buffer bytes = block->bytes;
	block_free(waiting, index);
	buffer_free(&bytes);
}

static bool share_is_full(const struct waiting *waiting, uint16_t payer, size_t size)
{
	return waiting->blocks_of[payer] >= waiting->blocks_max || waiting->bytes_of[payer] + size > WAITING_BYTES_MAX;
}

/* Low rounds first: they are what everything else waits for. Only blocks of the same share go. */
static bool room_make(struct waiting *waiting, const struct waiting_arrival *arrival, uint16_t payer)
{
	while (share_is_full(waiting, payer, arrival->bytes.size)) {
		uint32_t highest = DAG_NONE;
		for (uint32_t i = 0; i < waiting->block_count; i++) {
			const struct waiting_block *block = &waiting->blocks[i];
			if (block->used && block->payer == payer && counts(block) &&
				(highest == DAG_NONE || block->ref.round > waiting->blocks[highest].ref.round))
				highest = i;
		}
		if (highest == DAG_NONE || waiting->blocks[highest].ref.round <= arrival->block->round)
			return false;
		block_evict(waiting, highest, arrival->now_ms);
	}
	return true;
}

/* Whose share a block takes. One that others wait for takes theirs: else its author could fill its own share with blocks
 * that never find their ancestors, and what honest members built on would have no room. False: there is no room. */
static bool share_find(struct waiting *waiting, const struct waiting_arrival *arrival, uint16_t *payer)
{
	struct block_ref ref = block_reference(arrival->block);
	const struct waiting_want *want = want_find(waiting, &ref);
	bool shares[BLOCK_MEMBERS_MAX] = {false};
	for (uint32_t i = 0; want && i < want->count; i++)
		shares[waiting->blocks[want->dependants[i]].payer] = true;
	shares[arrival->block->author] |= !want;
	for (*payer = 0; *payer < waiting->members; ++*payer)
		if (shares[*payer] && !share_is_full(waiting, *payer, arrival->bytes.size))
			return true;
	for (*payer = 0; *payer < waiting->members; ++*payer)
		if (shares[*payer] && room_make(waiting, arrival, *payer))
			return true;
	return false;
}

bool waiting_add(struct waiting *waiting, const struct dag *dag, const struct waiting_arrival *arrival)
{
	uint16_t payer = arrival->block->author;
	if (arrival->position == DAG_NOWHERE && !share_find(waiting, arrival, &payer))
		return false;
	uint32_t index = block_new(waiting, arrival, payer);
	struct waiting_want *want = want_find(waiting, &waiting->blocks[index].ref);
	if (want)
		want_present(waiting, want, true);
	for (int i = 0; i < arrival->block->ancestor_count; i++) {
		const struct block_ref *ancestor = &arrival->block->ancestors[i];
		if (dag_has(dag, ancestor))
			continue;
		want = want_find(waiting, ancestor);
		if (!want)
			want = want_new(waiting, ancestor, arrival->peer, arrival->now_ms);
		ARRAY_GROW(want->dependants, want->count, want->capacity);
		want->dependants[want->count++] = index;
		waiting->blocks[index].unresolved++;
	}
	CHECK(waiting->blocks[index].unresolved > 0);
	return true;
}

static void unresolved_less(struct waiting *waiting, uint32_t index)
{
	if (--waiting->blocks[index].unresolved > 0)
		return;
	ARRAY_GROW(waiting->ready, waiting->ready_count, waiting->ready_capacity);
	waiting->ready[waiting->ready_count++] = index;
}

void waiting_resolve(struct waiting *waiting, const struct block_ref *ref)
{
	struct waiting_want *want = want_find(waiting, ref);
	if (!want)
		return;
	for (uint32_t i = 0; i < want->count; i++)
		unresolved_less(waiting, want->dependants[i]);
	want_free(waiting, want);
}

void waiting_release(struct waiting *waiting, uint64_t timestamp_ms)
{
	for (uint32_t i = 0; waiting->held > 0 && i < waiting->block_count; i++) {
		struct waiting_block *block = &waiting->blocks[i];
		if (!block->held || block->timestamp_ms > timestamp_ms)
			continue;
		block->held = false;
		waiting->held--;
		unresolved_less(waiting, i);
	}
}

void waiting_collect(struct waiting *waiting, const struct dag *dag, int64_t now_ms)
{
	for (uint32_t i = 0; waiting->suspended > 0 && i < waiting->want_count; i++) {
		struct waiting_want *want = &waiting->wants[i];
		if (!want->used || want->ref.round > dag->gc_round)
			continue;
		for (uint32_t k = 0; k < want->count; k++)
			unresolved_less(waiting, want->dependants[k]);
		want_free(waiting, want);
	}
	/* What waits for nothing any more is taken out in its turn. */
	for (uint32_t i = 0; waiting->suspended > 0 && i < waiting->block_count; i++)
		if (waiting->blocks[i].used && waiting->blocks[i].unresolved > 0 && waiting->blocks[i].ref.round <= dag->gc_round)
			block_evict(waiting, i, now_ms);
}

bool waiting_take(struct waiting *waiting, struct waiting_block *out)
{
	if (waiting->ready_next == waiting->ready_count) {
		waiting->ready_next = waiting->ready_count = 0;
		return false;
	}
	uint32_t index = waiting->ready[waiting->ready_next++];
	*out = waiting->blocks[index];
	block_free(waiting, index);
	return true;
}

/* Asking. */

static uint16_t peer_choose(const struct waiting *waiting, const struct waiting_want *want, const struct waiting_round *round)
{
	for (uint32_t i = 0; i < waiting->members; i++) {
		uint16_t peer = (uint16_t)(((uint32_t)want->named_by + want->attempts + i) % waiting->members);
		if (peer != round->own && round->up[peer])
			return peer;
	}
	return NOBODY;
}

/* Slower each time that everybody has been asked. */
static int64_t retry_delay(const struct waiting *waiting, const struct waiting_want *want)
{
	int64_t delay = WAITING_RETRY_MAX_MS;
	uint32_t circles = want->attempts / waiting->members;
	if (circles < 8 && (WAITING_RETRY_MS << circles) < WAITING_RETRY_MAX_MS)
		delay = WAITING_RETRY_MS << circles;
	return delay + want->ref.digest.bytes[0] % 64; /* so that not all come at once */
}

void waiting_assign(struct waiting *waiting, const struct waiting_round *round)
{
	if (round->now_ms < waiting->next_due_ms)
		return;
	waiting->next_due_ms = INT64_MAX;
	for (uint32_t i = 0; i < waiting->want_count; i++) {
		struct waiting_want *want = &waiting->wants[i];
		if (!want->used || want->present)
			continue;
		if (want->due_ms <= round->now_ms) {
			if (!round->syncing || want->ref.round <= round->newest[want->ref.author]) {
				want->asked = peer_choose(waiting, want, round);
				want->due_ms = round->now_ms + retry_delay(waiting, want);
				want->attempts += want->attempts < UINT16_MAX;
			} else {
				want->due_ms = round->now_ms + WAITING_RETRY_MS;
			}
		}
		if (want->due_ms < waiting->next_due_ms)
			waiting->next_due_ms = want->due_ms;
	}
}

void waiting_hasten(struct waiting *waiting, int64_t now_ms)
{
	for (uint32_t i = 0; i < waiting->want_count; i++) {
		struct waiting_want *want = &waiting->wants[i];
		if (want->used && !want->present && want->due_ms > now_ms + WAITING_GRACE_MS)
			want_due(waiting, want, now_ms + WAITING_GRACE_MS);
	}
}

uint32_t waiting_asked(struct waiting *waiting, uint16_t peer, struct block_ref *out)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < waiting->want_count && count < WAITING_ASK_MAX; i++) {
		struct waiting_want *want = &waiting->wants[i];
		if (!want->used || want->asked != peer)
			continue;
		want->asked = NOBODY;
		out[count++] = want->ref;
	}
	return count;
}

uint16_t waiting_missing(const struct waiting *waiting, struct block_ref *out, uint16_t max)
{
	uint16_t count = 0;
	for (uint32_t i = 0; i < waiting->want_count && count < max; i++)
		if (waiting->wants[i].used && !waiting->wants[i].present)
			out[count++] = waiting->wants[i].ref;
	return count;
}
