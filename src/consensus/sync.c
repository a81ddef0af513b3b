#include "consensus/sync.h"

#include "consensus/rank.h"

#include <stdlib.h>

void sync_init(struct sync *sync, uint16_t members, uint16_t own)
{
	*sync = (struct sync){.members = members, .own = own, .from = SYNC_NOBODY, .last = own};
	sync->peers = memory_new_array(members, sizeof *sync->peers);
}

void sync_free(struct sync *sync)
{
	free(sync->peers);
	*sync = (struct sync){0};
}

void sync_peer_up(struct sync *sync, uint16_t peer, int64_t now_ms)
{
	sync_peer_down(sync, peer);
	sync->peers[peer].up = true;
	sync->peers[peer].allowance = allowance_full(SYNC_SERVE_BURST, now_ms);
	sync->connected++;
}

void sync_peer_down(struct sync *sync, uint16_t peer)
{
	sync->connected -= sync->peers[peer].up;
	sync->peers[peer] = (struct sync_peer){0};
	if (sync->from == peer)
		sync->from = SYNC_NOBODY;
}

void sync_learn(struct sync *sync, uint16_t peer, const uint32_t *rounds)
{
	struct sync_peer *known = &sync->peers[peer];
	known->top = 0;
	for (uint16_t author = 0; author < sync->members; author++) {
		known->rounds[author] = rounds[author];
		if (rounds[author] > known->top)
			known->top = rounds[author];
	}
}

void sync_learn_push(struct sync *sync, uint16_t peer, uint32_t round)
{
	struct sync_peer *known = &sync->peers[peer];
	if (round > known->rounds[peer])
		known->rounds[peer] = round;
	if (round > known->top)
		known->top = round;
}

bool sync_lacks(const struct sync *sync, const struct dag *dag, uint16_t peer)
{
	for (uint16_t author = 0; author < sync->members; author++)
		if (sync->peers[peer].rounds[author] > dag->newest[author])
			return true;
	return false;
}

bool sync_exceeds(const struct sync *sync, const struct dag *dag, uint16_t peer)
{
	for (uint16_t author = 0; author < sync->members; author++)
		if (sync->peers[peer].rounds[author] < dag->newest[author])
			return true;
	return false;
}

uint32_t sync_network_round(const struct sync *sync)
{
	uint64_t claims[BLOCK_MEMBERS_MAX];
	uint32_t count = 0;
	for (uint16_t peer = 0; peer < sync->members; peer++)
		if (sync->peers[peer].up)
			claims[count++] = sync->peers[peer].top;
	return (uint32_t)rank_highest(claims, count, (uint32_t)validity_faulty_max(sync->members) + 1);
}

void sync_begin(struct sync *sync, const struct dag *dag, uint16_t peer, int64_t now_ms)
{
	/* A turn that goes on: whoever gives a little each time must not keep it. */
	if (peer != sync->last || now_ms >= sync->latest_ms)
		sync->latest_ms = now_ms + SYNC_TURN_MS;
	sync->from = sync->last = peer;
	sync->number++;
	sync->blocks_before = dag->accepted;
	sync->deadline_ms = now_ms + SYNC_TIMEOUT_MS;
	sync->peers[peer].credit = SYNC_BLOCKS_MAX;
}

void sync_progress(struct sync *sync, uint16_t peer, uint16_t author, int64_t now_ms)
{
	if (sync->from == SYNC_NOBODY && sync->last == peer && author != peer && sync->fruitless > 0) {
		sync->fruitless = 0;
		sync->pause_ms = now_ms;
	}
	if (sync->from != peer)
		return;
	sync->deadline_ms = now_ms + SYNC_TIMEOUT_MS;
	if (sync->deadline_ms > sync->latest_ms)
		sync->deadline_ms = sync->latest_ms;
}

bool sync_end(struct sync *sync, const struct dag *dag, int64_t now_ms)
{
	bool brought = dag->accepted > sync->blocks_before;
	sync->from = SYNC_NOBODY;
	sync->pause_ms = brought ? now_ms : now_ms + ((int64_t)SYNC_PAUSE_MS << sync->fruitless);
	if (brought)
		sync->fruitless = 0;
	else if (sync->fruitless < SYNC_FRUITLESS_MAX)
		sync->fruitless++;
	return brought;
}

bool sync_turn_lasts(const struct sync *sync, int64_t now_ms)
{
	return now_ms < sync->latest_ms;
}

static bool is_ahead(const struct sync *sync, const struct dag *dag, uint16_t peer)
{
	return sync->peers[peer].up && sync->peers[peer].top > dag_highest_round(dag) + SYNC_SLACK;
}

static bool anybody_is_ahead(const struct sync *sync, const struct dag *dag)
{
	for (uint16_t peer = 0; peer < sync->members; peer++)
		if (is_ahead(sync, dag, peer))
			return true;
	return false;
}

bool sync_may_begin(const struct sync *sync, const struct dag *dag, uint16_t peer)
{
	return sync->from == SYNC_NOBODY && !anybody_is_ahead(sync, dag) && sync_lacks(sync, dag, peer);
}

uint16_t sync_choose(struct sync *sync, const struct dag *dag, int64_t now_ms)
{
	if (sync->from != SYNC_NOBODY && now_ms >= sync->deadline_ms)
		sync_end(sync, dag, now_ms);
	if (sync->from != SYNC_NOBODY || now_ms < sync->pause_ms)
		return SYNC_NOBODY;
	for (uint16_t i = 1; i <= sync->members; i++) {
		uint16_t peer = (uint16_t)((sync->last + i) % sync->members);
		if (is_ahead(sync, dag, peer))
			return peer;
	}
	return SYNC_NOBODY;
}

int64_t sync_wake(const struct sync *sync, const struct dag *dag)
{
	if (sync->from != SYNC_NOBODY)
		return sync->deadline_ms;
	return anybody_is_ahead(sync, dag) ? sync->pause_ms : INT64_MAX;
}

uint32_t sync_lowest(const struct dag *dag, const uint32_t *rounds)
{
	uint32_t lowest = UINT32_MAX;
	for (uint16_t author = 0; author < dag->members; author++)
		if (dag->newest[author] > rounds[author] && rounds[author] + 1 < lowest)
			lowest = rounds[author] + 1;
	return lowest;
}

uint32_t sync_serve(const struct dag *dag, const uint32_t *rounds, uint32_t *ids, bool *more)
{
	uint32_t round = sync_lowest(dag, rounds), count = 0;
	uint64_t bytes = 0;
	*more = false;
	/* By rounds, so every block follows its ancestors. */
	for (; round <= dag_highest_round(dag); round++)
		for (uint16_t author = 0; author < dag->members; author++) {
			if (round <= rounds[author])
				continue;
			for (uint32_t id = dag_slot(dag, round, author); id != DAG_NONE; id = dag->blocks[id].twin) {
				bytes += dag->blocks[id].size;
				*more = count == SYNC_BLOCKS_MAX || (count > 0 && bytes > SYNC_BYTES_MAX);
				if (*more)
					return count;
				ids[count++] = id;
			}
		}
	return count;
}

bool sync_allow(struct sync *sync, uint16_t peer, uint64_t bytes, int64_t now_ms)
{
	return allowance_take(&sync->peers[peer].allowance, (int64_t)bytes, SYNC_SERVE_BURST, SYNC_SERVE_RATE, now_ms);
}
