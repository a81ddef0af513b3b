/* The parts around the commit rule, each alone: waiting blocks, sync, pacemaker, own tip, queue. */
#include "consensus/pacemaker.h"
#include "consensus/queue.h"
#include "consensus/sync.h"
#include "consensus/tip.h"
#include "consensus/waiting.h"

#include "base/random.h"
#include "consensus_cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* A workshop of blocks with real bytes. */

struct shop {
	struct validity validity;
	struct dag dag;
	struct waiting waiting;
	struct buffer *bytes;
	struct block *blocks;
	uint32_t count, capacity, block_capacity;
};

static void shop_init(struct shop *shop, uint16_t members, uint32_t suspended_max)
{
	static const uint8_t network[BLOCK_NETWORK_SIZE] = "shop";
	struct digest genesis = {{3}};
	*shop = (struct shop){.validity = validity_of(members, FAULTS_BYZANTINE, network, 1, &genesis, 0)};
	dag_init(&shop->dag, &shop->validity);
	waiting_init(&shop->waiting, members, suspended_max);
}

static void shop_free(struct shop *shop)
{
	for (uint32_t i = 0; i < shop->count; i++)
		buffer_free(&shop->bytes[i]);
	free(shop->bytes);
	free(shop->blocks);
	waiting_free(&shop->waiting);
	dag_free(&shop->dag);
}

static struct block_ref shop_genesis(const struct shop *shop, uint16_t author)
{
	return (struct block_ref){.author = author, .digest = shop->validity.genesis[author]};
}

/* A block with these ancestors, own first; returns its number in the shop. */
static uint32_t shop_make(struct shop *shop, uint32_t round, uint16_t author, uint64_t time, const struct block_ref *ancestors,
	uint16_t count)
{
	struct block block = {.epoch = 1, .round = round, .author = author, .timestamp_ms = time, .ancestor_count = count};
	struct block_signer signer = {&author, fake_sign, fake_verify};
	uint32_t blocks = shop->count;
	memcpy(block.network, shop->validity.network, BLOCK_NETWORK_SIZE);
	memcpy(block.ancestors, ancestors, count * sizeof *ancestors);
	ARRAY_GROW(shop->bytes, shop->count, shop->capacity);
	ARRAY_GROW(shop->blocks, blocks, shop->block_capacity);
	shop->bytes[blocks] = (struct buffer){0};
	assert_int_equal(block_seal(&block, &signer, &shop->bytes[blocks]), OK);
	assert_int_equal(block_parse(buffer_span(&shop->bytes[blocks]), &shop->blocks[blocks], NULL), OK);
	return shop->count++;
}

static struct block_ref shop_ref(const struct shop *shop, uint32_t number)
{
	return block_reference(&shop->blocks[number]);
}

static void shop_accept(struct shop *shop, const struct block *block, size_t size)
{
	struct block_ref ref = block_reference(block);
	dag_add(&shop->dag, block, (uint32_t)size, 0);
	waiting_resolve(&shop->waiting, &ref);
}

static bool shop_wait(struct shop *shop, uint32_t number, uint16_t peer, bool hold)
{
	struct waiting_arrival arrival = {.block = &shop->blocks[number], .bytes = buffer_span(&shop->bytes[number]),
		.position = DAG_NOWHERE, .peer = peer, .hold = hold};
	return waiting_add(&shop->waiting, &shop->dag, &arrival);
}

/* Accept what is ready; returns how many. */
static uint32_t shop_settle(struct shop *shop)
{
	struct waiting_block ready;
	uint32_t count = 0;
	for (; waiting_take(&shop->waiting, &ready); count++) {
		struct block block;
		assert_int_equal(block_parse(buffer_span(&ready.bytes), &block, NULL), OK);
		shop_accept(shop, &block, ready.bytes.size);
		buffer_free(&ready.bytes);
	}
	return count;
}

/* Full rounds of all members, made but not accepted. */
static void shop_rounds(struct shop *shop, uint32_t rounds)
{
	uint16_t members = shop->validity.members;
	for (uint32_t round = 1; round <= rounds; round++)
		for (uint16_t author = 0; author < members; author++) {
			struct block_ref refs[BLOCK_MEMBERS_MAX];
			for (uint16_t i = 0; i < members; i++) {
				uint16_t other = i == 0 ? author : i <= author ? i - 1 : i;
				refs[i] = round == 1 ? shop_genesis(shop, other) : shop_ref(shop, (round - 2) * members + other);
			}
			shop_make(shop, round, author, round, refs, members);
		}
}

static void blocks_in_any_order_are_all_accepted(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		struct random random = random_of(seed);
		struct shop shop;
		shop_init(&shop, 4, 128);
		shop_rounds(&shop, 30);
		uint32_t order[120];
		for (uint32_t i = 0; i < 120; i++)
			order[i] = i;
		for (uint32_t i = 119; i > 0; i--) {
			uint32_t k = (uint32_t)random_below(&random, i + 1), other = order[i];
			order[i] = order[k];
			order[k] = other;
		}
		for (uint32_t i = 0; i < 120; i++) {
			const struct block *block = &shop.blocks[order[i]];
			bool there = true;
			for (int k = 0; k < block->ancestor_count; k++)
				there = there && dag_find(&shop.dag, &block->ancestors[k]) != DAG_NONE;
			if (there)
				shop_accept(&shop, block, 1);
			else
				assert_true(shop_wait(&shop, order[i], 0, false));
			shop_settle(&shop);
		}
		assert_int_equal(shop.dag.count, 124);
		assert_int_equal(shop.waiting.suspended, 0);
		assert_int_equal(shop.waiting.missing, 0);
		assert_int_equal(shop.waiting.wanted.count, 0);
		assert_int_equal(shop.waiting.by_ref.count, 0);
		assert_int_equal(shop.waiting.by_slot.count, 0);
		shop_free(&shop);
	}
}

/* A chain in which each waits for the one before comes free without recursion. */
static void a_long_chain_comes_free_at_once(void **state)
{
	(void)state;
	struct shop shop;
	shop_init(&shop, 1, 100000);
	shop_rounds(&shop, 20000);
	for (uint32_t i = 19999; i > 0; i--)
		assert_true(shop_wait(&shop, i, 0, false));
	assert_int_equal(shop.waiting.missing, 1);
	shop_accept(&shop, &shop.blocks[0], 1);
	assert_int_equal(shop_settle(&shop), 19999);
	assert_int_equal(shop.waiting.suspended, 0);
	shop_free(&shop);
}

/* Each author has a share; low rounds push out high ones, nobody pushes out another's. */
static void shares_are_kept(void **state)
{
	(void)state;
	struct shop shop;
	shop_init(&shop, 4, 5);
	shop_rounds(&shop, 20);
	/* Every second round, so that none wants another. */
	for (uint32_t round = 20; round >= 2; round -= 2)
		for (uint16_t author = 0; author < 2; author++)
			assert_true(shop_wait(&shop, (round - 1) * 4 + author, 3, false));
	assert_int_equal(shop.waiting.suspended, 10);
	/* The lowest five of each are left. */
	for (uint32_t round = 2; round <= 10; round += 2)
		for (uint16_t author = 0; author < 2; author++) {
			struct block_ref ref = shop_ref(&shop, (round - 1) * 4 + author);
			assert_non_null(waiting_find(&shop.waiting, &ref));
		}
	assert_false(shop_wait(&shop, 11 * 4, 3, false));
	assert_true(shop.waiting.missing <= 10 * 4);
	/* Whom a waiting block names and who was pushed out is wanted again. */
	struct block_ref gone = shop_ref(&shop, 2 * 4 + 2);
	assert_true(waiting_is_wanted(&shop.waiting, &gone));
	/* Bytes count, too. */
	shop.waiting.bytes_of[2] = WAITING_BYTES_MAX - 10;
	assert_false(shop_wait(&shop, 11 * 4 + 2, 3, false));
	shop.waiting.bytes_of[2] = 0;
	for (uint32_t i = 0; i < 40; i++) {
		struct block_ref ref = shop_ref(&shop, i);
		if (dag_find(&shop.dag, &ref) == DAG_NONE)
			shop_accept(&shop, &shop.blocks[i], 1);
		shop_settle(&shop);
	}
	assert_int_equal(shop.waiting.suspended, 0);
	assert_int_equal(shop.waiting.missing, 0);
	assert_int_equal(shop.waiting.blocks_of[0], 0);
	assert_int_equal(shop.waiting.bytes_of[0], 0);
	shop_free(&shop);
}

/* A liar has filled its own share with low rounds. What others built on finds room in theirs; what nobody wants does not,
 * and neither does more than their share. */
static void wanted_blocks_take_the_share_of_who_wants_them(void **state)
{
	(void)state;
	struct shop shop;
	shop_init(&shop, 4, 5);
	shop_rounds(&shop, 30);
	for (uint32_t round = 2; round <= 10; round += 2)
		assert_true(shop_wait(&shop, (round - 1) * 4 + 3, 3, false));
	assert_false(shop_wait(&shop, 18 * 4 + 3, 3, false));
	/* Member 0's block of round 20 wants it, and the one below that, and so on. */
	assert_true(shop_wait(&shop, 19 * 4, 0, false));
	for (uint32_t round = 19; round > 15; round--)
		assert_true(shop_wait(&shop, (round - 1) * 4 + 3, 0, false));
	assert_int_equal(shop.waiting.blocks_of[0], 5);
	assert_int_equal(shop.waiting.blocks_of[3], 5);
	/* The next pushes out the highest of member 0's share, which is its own block. */
	assert_true(shop_wait(&shop, 14 * 4 + 3, 0, false));
	assert_int_equal(shop.waiting.blocks_of[0], 5);
	struct block_ref own = shop_ref(&shop, 19 * 4);
	assert_null(waiting_find(&shop.waiting, &own));
	for (uint32_t i = 0; i < 18 * 4; i++) {
		struct block_ref ref = shop_ref(&shop, i);
		if (dag_find(&shop.dag, &ref) == DAG_NONE && !waiting_find(&shop.waiting, &ref))
			shop_accept(&shop, &shop.blocks[i], 1);
		shop_settle(&shop);
	}
	shop_accept(&shop, &shop.blocks[18 * 4], 1);
	shop_settle(&shop);
	assert_int_equal(shop.waiting.blocks_of[0], 0);
	assert_int_equal(shop.waiting.blocks_of[3], 0);
	shop_free(&shop);
}

static void what_an_evicted_block_wanted_is_forgotten(void **state)
{
	(void)state;
	struct shop shop;
	shop_init(&shop, 4, 1);
	shop_rounds(&shop, 10);
	assert_true(shop_wait(&shop, 9 * 4, 3, false));
	assert_int_equal(shop.waiting.missing, 4);
	assert_true(shop_wait(&shop, 4 * 4, 3, false));
	assert_int_equal(shop.waiting.suspended, 1);
	assert_int_equal(shop.waiting.missing, 4);
	struct block_ref old = shop_ref(&shop, 8 * 4 + 1), fresh = shop_ref(&shop, 3 * 4 + 1);
	assert_false(waiting_is_wanted(&shop.waiting, &old));
	assert_true(waiting_is_wanted(&shop.waiting, &fresh));
	shop_free(&shop);
}

/* A liar names a true digest with a false round: its own block waits for ever, the others do not. */
static void a_false_reference_hurts_only_the_liar(void **state)
{
	(void)state;
	struct shop shop;
	shop_init(&shop, 4, 10);
	shop_rounds(&shop, 4);
	struct block_ref refs[4];
	for (uint16_t i = 0; i < 4; i++)
		refs[i] = shop_ref(&shop, 4 + (i + 3u) % 4);
	refs[1].round = 1; /* member 0's block of round 2 */
	uint32_t lie = shop_make(&shop, 3, 3, 3, refs, 4);
	assert_true(shop_wait(&shop, lie, 3, false));
	assert_true(shop_wait(&shop, 2 * 4, 1, false));
	for (uint32_t i = 0; i < 8; i++)
		shop_accept(&shop, &shop.blocks[i], 1);
	assert_int_equal(shop_settle(&shop), 1);
	assert_int_equal(shop.waiting.suspended, 1);
	assert_int_equal(shop.waiting.missing, 1);
	shop_free(&shop);
}

static void held_blocks_wait_for_their_time(void **state)
{
	(void)state;
	struct shop shop;
	shop_init(&shop, 4, 10);
	shop_rounds(&shop, 1);
	assert_true(shop_wait(&shop, 0, 0, true));
	assert_true(shop_wait(&shop, 1, 1, true));
	assert_int_equal(waiting_held_until(&shop.waiting), 1);
	waiting_release(&shop.waiting, 0);
	assert_int_equal(shop_settle(&shop), 0);
	waiting_release(&shop.waiting, 1);
	assert_int_equal(shop_settle(&shop), 2);
	assert_true(waiting_held_until(&shop.waiting) == UINT64_MAX);
	shop_free(&shop);
}

/* First who named it, after a moment; then the others in turn, for ever, ever more slowly. */
static void missing_blocks_are_asked_for_in_turn(void **state)
{
	(void)state;
	struct shop shop;
	struct block_ref refs[WAITING_ASK_MAX];
	bool up[4] = {true, true, true, true};
	uint16_t asked[40];
	uint32_t count = 0;
	shop_init(&shop, 4, 10);
	shop_rounds(&shop, 2);
	for (uint32_t i = 1; i < 4; i++)
		shop_accept(&shop, &shop.blocks[i], 1);
	assert_true(shop_wait(&shop, 4 + 2, 2, false));
	struct waiting_round round = {.up = up, .own = 1, .newest = shop.dag.newest};
	for (; round.now_ms < 60000; round.now_ms++) {
		waiting_assign(&shop.waiting, &round);
		for (uint16_t peer = 0; peer < 4; peer++)
			if (waiting_asked(&shop.waiting, peer, refs) > 0) {
				assert_true(count > 0 || (round.now_ms >= WAITING_GRACE_MS && peer == 2));
				assert_int_equal(block_ref_compare(&refs[0], &shop.blocks[4].ancestors[0]), 0);
				assert_in_range(count, 0, 39);
				asked[count++] = peer;
				up[3] = count < 3;
			}
	}
	assert_in_range(count, 20, 26);
	bool seen[4] = {0};
	for (uint32_t i = 0; i < count; i++)
		seen[asked[i]] = true;
	assert_true(seen[0] && !seen[1] && seen[2]);
	/* A new connection may help at once. */
	waiting_hasten(&shop.waiting, round.now_ms);
	round.now_ms += WAITING_GRACE_MS;
	waiting_assign(&shop.waiting, &round);
	assert_int_equal(waiting_asked(&shop.waiting, 0, refs) + waiting_asked(&shop.waiting, 2, refs), 1);
	/* While syncing, only what lies below the sync's reach. */
	round.now_ms += 10000;
	round.syncing = true;
	waiting_assign(&shop.waiting, &round);
	for (uint16_t peer = 0; peer < 4; peer++)
		assert_int_equal(waiting_asked(&shop.waiting, peer, refs), 0);
	shop_free(&shop);
}

/* Sync. */

static void the_network_is_where_an_honest_member_is(void **state)
{
	(void)state;
	struct sync sync;
	uint32_t rounds[7] = {0};
	sync_init(&sync, 7, 0);
	for (uint16_t peer = 1; peer < 5; peer++) {
		sync_peer_up(&sync, peer, 0);
		rounds[3] = 100u * peer;
		sync_learn(&sync, peer, rounds);
	}
	/* f is 2: of the claims 400, 300, 200, 100 two may be lies. */
	assert_int_equal(sync_network_round(&sync), 200);
	sync_learn_push(&sync, 1, UINT32_MAX);
	assert_int_equal(sync_network_round(&sync), 300);
	sync_peer_down(&sync, 1);
	assert_int_equal(sync_network_round(&sync), 200);
	sync_peer_down(&sync, 2);
	assert_int_equal(sync_network_round(&sync), 0);
	assert_int_equal(sync.connected, 2);
	sync_free(&sync);
}

static void what_is_served_is_causal_and_bounded(void **state)
{
	(void)state;
	struct shop shop;
	uint32_t ids[SYNC_BLOCKS_MAX], rounds[4] = {0}, total = 0;
	bool more = true;
	shop_init(&shop, 4, 10);
	shop_rounds(&shop, 600);
	for (uint32_t i = 0; i < shop.count; i++)
		shop_accept(&shop, &shop.blocks[i], i % 7 == 0 ? 100000 : 3000);
	uint32_t answers = 0;
	while (more) {
		uint32_t count = sync_serve(&shop.dag, rounds, ids, &more);
		uint64_t bytes = 0;
		assert_in_range(count, 1, SYNC_BLOCKS_MAX);
		for (uint32_t i = 0; i < count; i++) {
			const struct dag_block *block = &shop.dag.blocks[ids[i]];
			assert_int_equal(block->round, rounds[block->author] + 1);
			for (int k = 0; k < 4; k++) {
				const struct dag_block *ancestor = &shop.dag.blocks[dag_ancestors(&shop.dag, ids[i])[k]];
				assert_true(ancestor->round <= rounds[ancestor->author]);
			}
			rounds[block->author]++;
			bytes += block->size;
		}
		assert_true(bytes <= SYNC_BYTES_MAX);
		total += count;
		answers++;
	}
	assert_int_equal(total, 2400);
	assert_true(answers > 5);
	assert_int_equal(sync_serve(&shop.dag, rounds, ids, &more), 0);
	assert_false(more);
	rounds[2] = UINT32_MAX;
	rounds[1] = 599;
	assert_int_equal(sync_serve(&shop.dag, rounds, ids, &more), 1);
	shop_free(&shop);
}

static void nobody_reads_the_disk_without_end(void **state)
{
	(void)state;
	struct sync sync;
	uint64_t read = 0;
	sync_init(&sync, 4, 0);
	sync_peer_up(&sync, 1, 0);
	for (int64_t now = 0; now < 10000; now++)
		for (int i = 0; i < 10; i++)
			if (sync_allow(&sync, 1, 1 << 20, now))
				read += 1 << 20;
	assert_in_range(read, 150u << 20, (32u + 160u + 2u) << 20);
	sync_free(&sync);
}

static void a_silent_helper_is_replaced(void **state)
{
	(void)state;
	struct shop shop;
	struct sync sync;
	uint32_t rounds[4] = {90, 90, 90, 90};
	shop_init(&shop, 4, 10);
	sync_init(&sync, 4, 0);
	for (uint16_t peer = 1; peer < 4; peer++) {
		sync_peer_up(&sync, peer, 0);
		sync_learn(&sync, peer, rounds);
	}
	uint16_t first = sync_choose(&sync, &shop.dag, 0);
	assert_int_equal(first, 1);
	sync_begin(&sync, &shop.dag, first, 0);
	assert_int_equal(sync_choose(&sync, &shop.dag, SYNC_TIMEOUT_MS - 1), SYNC_NOBODY);
	assert_int_equal(sync_choose(&sync, &shop.dag, SYNC_TIMEOUT_MS), SYNC_NOBODY);
	assert_int_equal(sync_choose(&sync, &shop.dag, SYNC_TIMEOUT_MS + SYNC_PAUSE_MS), 2);
	/* Sessions that bring nothing become rare. */
	sync_begin(&sync, &shop.dag, 2, 2000);
	assert_false(sync_end(&sync, &shop.dag, 2000));
	assert_int_equal(sync_choose(&sync, &shop.dag, 2000 + 2 * SYNC_PAUSE_MS - 1), SYNC_NOBODY);
	assert_int_equal(sync_choose(&sync, &shop.dag, 2000 + 2 * SYNC_PAUSE_MS), 3);
	/* A lively one is kept for a while, but not for ever. */
	sync_begin(&sync, &shop.dag, 3, 5000);
	int64_t now = 5000;
	while (now < 60000 && sync.from == 3) {
		sync_progress(&sync, 3, 3, now);
		now += 100;
		sync_choose(&sync, &shop.dag, now);
	}
	assert_in_range(now, 5000 + SYNC_TURN_MS, 5000 + SYNC_TURN_MS + 200);
	sync_free(&sync);
	shop_free(&shop);
}

/* Pacemaker: four members, we are A, leaders by round: 1 B, 2 C, 3 D, 4 A. */

struct track {
	struct shop shop;
	struct schedule schedule;
	struct pacemaker pacemaker;
	bool up[4];
	struct pacemaker_view view;
};

static void track_init(struct track *track)
{
	shop_init(&track->shop, 4, 10);
	shop_rounds(&track->shop, 200);
	track->schedule = schedule_round_robin(4);
	pacemaker_init(&track->pacemaker, 20, 300, 5000, 0);
	for (int i = 1; i < 4; i++)
		track->up[i] = true;
	track->up[0] = false;
	track->view = (struct pacemaker_view){.dag = &track->shop.dag, .schedule = &track->schedule, .up = track->up, .work = true,
		.now_ms = 1000};
}

/* Accept the blocks of a round by these authors. */
static void track_round(struct track *track, uint32_t round, const char *authors)
{
	for (; *authors; authors++)
		shop_accept(&track->shop, &track->shop.blocks[(round - 1) * 4 + (uint32_t)(*authors - 'A')], 1);
	track->view.own_round = track->shop.dag.newest[0];
}

static struct pacemaker_verdict look(struct track *track)
{
	return pacemaker_check(&track->pacemaker, &track->view);
}

static void the_own_block_waits_for_a_quorum_and_the_leader(void **state)
{
	(void)state;
	struct track track;
	track_init(&track);
	assert_true(look(&track).propose);
	assert_int_equal(look(&track).round, 1);
	track_round(&track, 1, "AB");
	assert_false(look(&track).propose); /* A1: two are no quorum */
	track_round(&track, 1, "D");
	assert_true(look(&track).propose); /* with the leader, B */
	track_round(&track, 1, "C");
	track_round(&track, 2, "ABD");
	struct pacemaker_verdict verdict = look(&track);
	assert_false(verdict.propose); /* L1: the leader of round 2, C, is missing */
	assert_int_equal(verdict.wake_ms, 1000 + 300);
	track.up[2] = false;
	assert_true(look(&track).propose); /* it is not connected */
	track.up[2] = true;
	track.view.now_ms = 1299;
	assert_false(look(&track).propose);
	track.view.now_ms = 1300;
	assert_true(look(&track).propose); /* C2 */
	assert_int_equal(track.pacemaker.timeouts, 1);
	shop_free(&track.shop);
}

/* C is no first leader of round 1; its block is waited for as long as a round lasts at least, from when the own one could be made. */
static void the_other_leaders_are_waited_for_but_not_long(void **state)
{
	(void)state;
	struct track track;
	track_init(&track);
	track.view.leaders = 4;
	track_round(&track, 1, "ABD");
	struct pacemaker_verdict verdict = look(&track);
	assert_false(verdict.propose);
	assert_int_equal(verdict.wake_ms, 1020);
	track.up[2] = false;
	assert_true(look(&track).propose); /* it is not connected */
	track.up[2] = true;
	track.view.leaders = 1;
	assert_true(look(&track).propose); /* it does not lead */
	track.view.leaders = 4;
	track.view.now_ms = 1020;
	assert_true(look(&track).propose);
	assert_int_equal(track.pacemaker.timeouts, 0);
	pacemaker_proposed(&track.pacemaker, 1010);
	assert_int_equal(look(&track).wake_ms, 1030); /* the own pace */
	track.view.now_ms = 1030;
	assert_int_equal(look(&track).wake_ms, 1050);
	track_round(&track, 1, "C");
	assert_true(look(&track).propose);
	/* The first leader is waited for all the same. */
	track_round(&track, 2, "ABD");
	assert_false(look(&track).propose);
	track.view.now_ms = 1200;
	assert_false(look(&track).propose);
	assert_int_equal(track.pacemaker.timeouts, 0);
	shop_free(&track.shop);
}

/* One that is early may lie; of two one has waited. */
static void members_keep_in_step(void **state)
{
	(void)state;
	struct track track;
	track_init(&track);
	track.view.leaders = 4;
	track_round(&track, 1, "ABCD");
	pacemaker_proposed(&track.pacemaker, 995);
	assert_int_equal(look(&track).wake_ms, 1015);
	track_round(&track, 2, "D");
	assert_false(look(&track).propose);
	assert_int_equal(look(&track).wake_ms, 1015); /* the own pace */
	track_round(&track, 2, "C");
	assert_true(look(&track).propose);
	assert_int_equal(look(&track).round, 2);
	shop_free(&track.shop);
	/* What the round waits for besides is waited for. */
	track_init(&track);
	track.view.leaders = 4;
	track_round(&track, 1, "ABD");
	pacemaker_proposed(&track.pacemaker, 995);
	struct block_ref a = shop_ref(&track.shop, 0), b = shop_ref(&track.shop, 1), d = shop_ref(&track.shop, 3);
	shop_accept(&track.shop, &track.shop.blocks[shop_make(&track.shop, 2, 1, 2, (struct block_ref[]){b, a, d}, 3)], 1);
	shop_accept(&track.shop, &track.shop.blocks[shop_make(&track.shop, 2, 3, 2, (struct block_ref[]){d, a, b}, 3)], 1);
	assert_false(look(&track).propose); /* for C */
	track_round(&track, 1, "C");
	assert_true(look(&track).propose);
	assert_int_equal(look(&track).round, 2);
	shop_free(&track.shop);
}

static void the_leader_timeout_backs_off_until_a_commit(void **state)
{
	(void)state;
	struct track track;
	track_init(&track);
	track_round(&track, 1, "ABCD");
	track_round(&track, 2, "ABD");
	int64_t waits[] = {300, 600, 1200, 2400, 4800, 9600, 10000, 10000};
	for (int i = 0; i < 8; i++) {
		track.pacemaker.entered_round = 0;
		int64_t begin = track.view.now_ms;
		assert_int_equal(look(&track).wake_ms - begin, waits[i]);
		track.view.now_ms = begin + waits[i];
		assert_true(look(&track).propose);
	}
	pacemaker_committed(&track.pacemaker);
	track.pacemaker.entered_round = 0;
	assert_int_equal(look(&track).wake_ms - track.view.now_ms, 300);
	shop_free(&track.shop);
}

/* L2: blocks of round 2 that neither decide for nor against round 1's leader are waited for. */
static void a_decision_on_the_leader_before_is_waited_for(void **state)
{
	(void)state;
	struct track track;
	struct shop *shop = &track.shop;
	track_init(&track);
	track_round(&track, 1, "ABCD");
	/* Of A, C (the leader) and D in round 2, D passes B1 over: two votes, one against. */
	struct block_ref refs[3] = {shop_ref(shop, 3), shop_ref(shop, 0), shop_ref(shop, 2)};
	uint32_t against = shop_make(shop, 2, 3, 2, refs, 3);
	track_round(&track, 2, "AC");
	shop_accept(shop, &shop->blocks[against], 1);
	assert_false(look(&track).propose);
	track_round(&track, 2, "B");
	assert_true(look(&track).propose); /* three votes */
	shop_free(shop);
}

static void without_work_there_is_only_the_heartbeat(void **state)
{
	(void)state;
	struct track track;
	track_init(&track);
	track.view.work = false;
	track_round(&track, 1, "ABCD");
	pacemaker_proposed(&track.pacemaker, 1000);
	struct pacemaker_verdict verdict = look(&track);
	assert_false(verdict.propose || verdict.wanted);
	assert_int_equal(verdict.wake_ms, 6000);
	track.view.now_ms = 6000;
	assert_true(look(&track).propose);
	/* Somebody else went on: follow. */
	track.view.now_ms = 2000;
	track_round(&track, 2, "C");
	assert_true(look(&track).propose);
	/* The leader's time ran while there was nothing to do: work finds it over. */
	struct track idle;
	track_init(&idle);
	idle.view.work = false;
	track_round(&idle, 1, "ABCD");
	track_round(&idle, 2, "ABD");
	pacemaker_proposed(&idle.pacemaker, 1000);
	assert_false(look(&idle).propose);
	idle.view.now_ms = 1400;
	idle.view.work = true;
	assert_true(look(&idle).propose);
	shop_free(&track.shop);
	shop_free(&idle.shop);
}

/* A block of `round` that names these blocks, the first one its author's; accepted. */
static uint32_t track_block(struct track *track, uint32_t round, char author, const uint32_t numbers[3])
{
	struct shop *shop = &track->shop;
	struct block_ref refs[3] = {shop_ref(shop, numbers[0]), shop_ref(shop, numbers[1]), shop_ref(shop, numbers[2])};
	uint32_t number = shop_make(shop, round, (uint16_t)(author - 'A'), round, refs, 3);
	shop_accept(shop, &shop->blocks[number], 1);
	return number;
}

static void rounds_have_a_least_length_unless_a_quorum_is_ahead(void **state)
{
	(void)state;
	struct track track;
	track_init(&track);
	track_round(&track, 1, "ABCD");
	pacemaker_proposed(&track.pacemaker, 1000);
	track.view.now_ms = 1019;
	struct pacemaker_verdict verdict = look(&track);
	assert_false(verdict.propose);
	assert_int_equal(verdict.wake_ms, 1020);
	/* Two of four pass B, the leader of round 1, over: nothing is decided. Whatever is waited for, a quorum ahead ends it. */
	uint32_t a = track_block(&track, 2, 'A', (const uint32_t[]){0, 2, 3}), b = track_block(&track, 2, 'B', (const uint32_t[]){1, 0, 2});
	uint32_t c = track_block(&track, 2, 'C', (const uint32_t[]){2, 0, 1}), d = track_block(&track, 2, 'D', (const uint32_t[]){3, 0, 2});
	track.view.own_round = 2;
	track_block(&track, 3, 'B', (const uint32_t[]){b, a, c});
	track_block(&track, 3, 'C', (const uint32_t[]){c, a, b});
	assert_int_equal(look(&track).round, 3);
	assert_false(look(&track).propose);
	track_block(&track, 3, 'D', (const uint32_t[]){d, a, b});
	assert_true(look(&track).propose); /* C3 */
	shop_free(&track.shop);
}

/* However far a quorum is ahead, the next own block is that of the next round; beyond the limit,
 * one jump to where the quorum is. */
static void no_round_is_jumped_within_the_limit(void **state)
{
	(void)state;
	struct track track;
	track_init(&track);
	track_round(&track, 1, "ABCD");
	/* The others' blocks name A's, which are in the shop; so give the DAG all, and look back. */
	for (uint32_t round = 2; round <= 200; round++)
		track_round(&track, round, "ABCD");
	for (uint32_t own = 0; own < 199; own++) {
		track.view.own_round = own;
		struct pacemaker_verdict verdict = look(&track);
		assert_true(verdict.propose);
		assert_int_equal(verdict.round, 200 > own + PACEMAKER_JUMP ? 200 : own + 1);
	}
	shop_free(&track.shop);
}

static void a_stuck_member_repeats_itself_ever_more_slowly(void **state)
{
	(void)state;
	struct pacemaker pacemaker;
	int64_t times[8], now = 0;
	pacemaker_init(&pacemaker, 20, 300, 5000, 0);
	assert_false(pacemaker_nudge(&pacemaker, false, 100000));
	for (int count = 0; count < 8; now++)
		if (pacemaker_nudge(&pacemaker, true, now))
			times[count++] = now;
	assert_int_equal(times[0], 400);
	assert_int_equal(times[1], 400 + 800);
	assert_int_equal(times[7] - times[6], 5000);
	pacemaker_proposed(&pacemaker, now);
	assert_false(pacemaker_nudge(&pacemaker, true, now));
	assert_true(pacemaker_nudge(&pacemaker, true, now + 400));
}

/* Own tip. */

static void the_tip_needs_a_quorum_of_answers(void **state)
{
	(void)state;
	struct tip tip;
	tip_init(&tip, 1, FAULTS_STRICT);
	assert_true(tip.known);
	tip_init(&tip, 7, FAULTS_BYZANTINE);
	tip_seen(&tip, 12);
	tip_start(&tip, 99, 1000);
	for (uint16_t peer = 1; peer < 4; peer++) {
		tip_answered(&tip, peer, 1500);
		tip_answered(&tip, peer, 1500);
	}
	tip_check(&tip, 100000);
	assert_false(tip.known); /* with our own, four of five */
	tip_answered(&tip, 4, 2000);
	tip_check(&tip, 2000);
	assert_true(tip.known);
	/* An empty disk asks the rest, too, for a while. */
	tip_init(&tip, 7, FAULTS_BYZANTINE);
	tip_start(&tip, 99, 1000);
	for (uint16_t peer = 1; peer < 5; peer++)
		tip_answered(&tip, peer, 1500);
	assert_true(tip_check(&tip, 1500) <= 1500 + TIP_GRACE_MS);
	assert_false(tip.known);
	tip_check(&tip, 1500 + TIP_GRACE_MS);
	assert_true(tip.known);
	tip_init(&tip, 3, FAULTS_STRICT);
	tip_start(&tip, 99, 1000);
	tip_answered(&tip, 1, 1500);
	tip_check(&tip, 1 << 30);
	assert_false(tip.known); /* all of three */
	tip_answered(&tip, 2, 1500);
	tip_check(&tip, 1500);
	assert_true(tip.known);
}

/* Queue. */

static void bodies_are_prefixes_of_the_queue(void **state)
{
	(void)state;
	struct random random = random_of(4);
	struct queue queue = {.bytes_max = 4 << 20};
	static uint8_t bytes[BLOCK_TRANSACTION_MAX];
	uint32_t pushed = 0, taken = 0;
	for (int i = 0; i < 4000; i++) {
		size_t size = random_chance(&random, 0.1) ? 1 + random_below(&random, sizeof bytes - 4) : 4 + random_below(&random, 300);
		memcpy(bytes, &pushed, sizeof pushed);
		enum status status = queue_push(&queue, span_of(bytes, size < 4 ? 4 : size));
		assert_true(status == OK || status == E_BUSY);
		pushed += status == OK;
		if (random_chance(&random, 0.02) || status == E_BUSY) {
			uint32_t count, found = 0;
			struct span body = queue_body(&queue, &count), transaction;
			assert_true(body.size <= BLOCK_BODY_MAX && count <= BLOCK_TRANSACTIONS_MAX);
			struct reader in = reader_of(body);
			for (; block_transaction_next(&in, &transaction); found++) {
				uint32_t number;
				memcpy(&number, transaction.data, sizeof number);
				assert_int_equal(number, taken++);
			}
			assert_int_equal(found, count);
			queue_drop(&queue, body.size);
		}
	}
	assert_true(taken > 500);
	/* Many small ones: the count is the limit. */
	queue_free(&queue);
	queue.bytes_max = 4 << 20;
	for (int i = 0; i < 5000; i++)
		assert_int_equal(queue_push(&queue, span_of(bytes, 5)), OK);
	uint32_t count;
	queue_body(&queue, &count);
	assert_int_equal(count, BLOCK_TRANSACTIONS_MAX);
	queue_free(&queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_in_any_order_are_all_accepted),
		cmocka_unit_test(a_long_chain_comes_free_at_once),
		cmocka_unit_test(shares_are_kept),
		cmocka_unit_test(wanted_blocks_take_the_share_of_who_wants_them),
		cmocka_unit_test(what_an_evicted_block_wanted_is_forgotten),
		cmocka_unit_test(a_false_reference_hurts_only_the_liar),
		cmocka_unit_test(held_blocks_wait_for_their_time),
		cmocka_unit_test(missing_blocks_are_asked_for_in_turn),
		cmocka_unit_test(the_network_is_where_an_honest_member_is),
		cmocka_unit_test(what_is_served_is_causal_and_bounded),
		cmocka_unit_test(nobody_reads_the_disk_without_end),
		cmocka_unit_test(a_silent_helper_is_replaced),
		cmocka_unit_test(the_own_block_waits_for_a_quorum_and_the_leader),
		cmocka_unit_test(the_other_leaders_are_waited_for_but_not_long),
		cmocka_unit_test(members_keep_in_step),
		cmocka_unit_test(the_leader_timeout_backs_off_until_a_commit),
		cmocka_unit_test(a_decision_on_the_leader_before_is_waited_for),
		cmocka_unit_test(without_work_there_is_only_the_heartbeat),
		cmocka_unit_test(rounds_have_a_least_length_unless_a_quorum_is_ahead),
		cmocka_unit_test(no_round_is_jumped_within_the_limit),
		cmocka_unit_test(a_stuck_member_repeats_itself_ever_more_slowly),
		cmocka_unit_test(the_tip_needs_a_quorum_of_answers),
		cmocka_unit_test(bodies_are_prefixes_of_the_queue),
	};
	const char *filter = getenv("TALLY_TEST");
	if (filter)
		cmocka_set_test_filter(filter);
	return cmocka_run_group_tests_name("waiting", tests, NULL, NULL);
}
