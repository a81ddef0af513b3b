#include "consensus/committer.h"
#include "consensus/linearizer.h"

#include "base/random.h"
#include "crypto/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* A drawn DAG: blocks by number, ancestors before descendants. Numbers 0..members-1 are genesis. */

enum { BLOCKS_MAX = 1024, WORDS = BLOCKS_MAX / 64, ROUNDS_MAX = 40, DRAWN_MEMBERS_MAX = 10, PLACES_MAX = ROUNDS_MAX * DRAWN_MEMBERS_MAX };

struct drawn_block {
	uint32_t round;
	uint16_t author;
	uint16_t ancestors[BLOCK_MEMBERS_MAX]; /* own first, then by author */
	uint16_t ancestor_count;
};

struct history {
	uint64_t words[WORDS];
};

struct drawing {
	uint16_t members, quorum;
	uint16_t leaders;             /* places a round */
	uint32_t schedule_rounds;     /* after so many rounds others lead; 0: never */
	struct drawn_block blocks[BLOCKS_MAX];
	struct history histories[BLOCKS_MAX]; /* each with itself */
	uint32_t count;
	struct validity validity;
};

static bool holds(const struct history *history, uint32_t id)
{
	return history->words[id / 64] >> (id % 64) & 1;
}

static void join(struct history *into, const struct history *other)
{
	for (int i = 0; i < WORDS; i++)
		into->words[i] |= other->words[i];
}

static void drawing_init(struct drawing *drawing, uint16_t members)
{
	static const uint8_t network[BLOCK_NETWORK_SIZE] = "committer";
	struct digest genesis = {{1}};
	memset(drawing, 0, sizeof *drawing);
	drawing->members = members;
	drawing->quorum = validity_quorum(members);
	drawing->leaders = 1;
	drawing->validity = validity_of(members, network, 1, &genesis, 0);
	for (uint16_t author = 0; author < members; author++) {
		drawing->blocks[author].author = author;
		drawing->histories[author].words[0] = UINT64_C(1) << author;
	}
	drawing->count = members;
}

static uint32_t drawing_add(struct drawing *drawing, const struct drawn_block *block)
{
	uint32_t id = drawing->count++;
	assert_true(id < BLOCKS_MAX);
	drawing->blocks[id] = *block;
	struct drawn_block *added = &drawing->blocks[id];
	for (int i = 2; i < added->ancestor_count; i++)
		for (int k = i; k > 1; k--) {
			uint16_t a = added->ancestors[k - 1], b = added->ancestors[k];
			if (drawing->blocks[a].author < drawing->blocks[b].author)
				break;
			added->ancestors[k - 1] = b;
			added->ancestors[k] = a;
		}
	drawing->histories[id].words[id / 64] |= UINT64_C(1) << (id % 64);
	for (int i = 0; i < added->ancestor_count; i++)
		join(&drawing->histories[id], &drawing->histories[added->ancestors[i]]);
	return id;
}

/* Twins differ in nothing but their number, so it is what digests are made of. */
static struct digest digest_of(const struct drawing *drawing, uint32_t id)
{
	if (id < drawing->members)
		return drawing->validity.genesis[id];
	struct span parts[] = {span_of_text("drawn"), span_of(&id, sizeof id)};
	return sha256_parts(parts, 2);
}

static struct block_ref ref_of(const struct drawing *drawing, uint32_t id)
{
	return (struct block_ref){drawing->blocks[id].round, drawing->blocks[id].author, digest_of(drawing, id)};
}

static uint32_t dag_add_drawn(struct dag *dag, const struct drawing *drawing, uint32_t id)
{
	const struct drawn_block *drawn = &drawing->blocks[id];
	struct block block = {.round = drawn->round, .author = drawn->author, .digest = digest_of(drawing, id),
		.timestamp_ms = 1000 * drawn->round + drawn->author * 7, .ancestor_count = drawn->ancestor_count};
	for (int i = 0; i < drawn->ancestor_count; i++)
		block.ancestors[i] = ref_of(drawing, drawn->ancestors[i]);
	return dag_add(dag, &block, 100, id);
}

/* Decided places in order: what committer_take gives, or the oracle below. */
struct sequence {
	uint32_t count;
	bool commit[PLACES_MAX];
	struct digest leader[PLACES_MAX];
};

/* Who leads after `round`: in turn, one member less each time until two are left; then all again. */
static struct schedule schedule_after_round(const struct drawing *drawing, uint32_t round)
{
	struct schedule schedule = schedule_round_robin(drawing->members);
	uint32_t change = drawing->schedule_rounds ? round / drawing->schedule_rounds : 0;
	for (uint16_t i = 0; i < schedule.count; i++)
		schedule.members[i] = (uint16_t)((i + change) % drawing->members);
	schedule.count -= (uint16_t)(change % (drawing->members - 1u));
	return schedule;
}

static void sequence_take(const struct drawing *drawing, struct sequence *sequence, struct committer *committer, const struct dag *dag)
{
	uint32_t round, leader;
	committer_decide(committer, dag);
	while (committer_take(committer, &round, &leader)) {
		assert_int_equal(round, committer->taken == 0 ? committer->decided : committer->decided + 1);
		sequence->commit[sequence->count] = leader != DAG_NONE;
		if (leader != DAG_NONE)
			sequence->leader[sequence->count] = dag->blocks[leader].digest;
		sequence->count++;
		if (drawing->schedule_rounds && committer->taken == 0 && round % drawing->schedule_rounds == 0) {
			struct schedule schedule = schedule_after_round(drawing, round);
			committer_schedule_set(committer, &schedule);
			committer_decide(committer, dag);
		}
	}
}

/* Feed the blocks of a view in a random causal order; decide after each (or each few). */
static struct sequence decide_view(const struct drawing *drawing, const struct history *view, struct random *random)
{
	struct dag dag;
	struct committer committer;
	struct sequence sequence = {0};
	bool fed[BLOCKS_MAX] = {0};
	uint32_t left = 0;
	dag_init(&dag, &drawing->validity);
	committer_init(&committer, drawing->members, drawing->leaders);
	for (uint32_t id = 0; id < drawing->members; id++)
		fed[id] = true;
	for (uint32_t id = drawing->members; id < drawing->count; id++)
		left += holds(view, id);
	uint32_t spread = 1 + (uint32_t)random_below(random, 40);
	double often = random_unit(random);
	while (left > 0) {
		/* The spread-th of the blocks whose ancestors are there. */
		uint32_t chosen = 0, skip = (uint32_t)random_below(random, spread);
		for (uint32_t id = drawing->members; id < drawing->count; id++) {
			bool ready = holds(view, id) && !fed[id];
			for (int i = 0; ready && i < drawing->blocks[id].ancestor_count; i++)
				ready = fed[drawing->blocks[id].ancestors[i]];
			if (!ready)
				continue;
			chosen = id;
			if (skip-- == 0)
				break;
		}
		fed[chosen] = true;
		left--;
		committer_note(&committer, &dag, dag_add_drawn(&dag, drawing, chosen));
		if (random_chance(random, often))
			sequence_take(drawing, &sequence, &committer, &dag);
	}
	sequence_take(drawing, &sequence, &committer, &dag);
	sequence_take(drawing, &sequence, &committer, &dag);
	assert_false(committer.conflict);
	committer_free(&committer);
	dag_free(&dag);
	return sequence;
}

/* The oracle: the rules written down again, slowly, over sets. */

static bool oracle_votes(const struct drawing *drawing, uint32_t voter, uint32_t leader)
{
	const struct drawn_block *block = &drawing->blocks[voter];
	for (int i = 0; i < block->ancestor_count; i++)
		if (block->ancestors[i] == leader && block->round == drawing->blocks[leader].round + 1)
			return true;
	return false;
}

static bool oracle_certifies(const struct drawing *drawing, uint32_t id, uint32_t leader)
{
	const struct drawn_block *block = &drawing->blocks[id];
	bool author[BLOCK_MEMBERS_MAX] = {0};
	int count = 0;
	for (int i = 0; i < block->ancestor_count; i++)
		if (oracle_votes(drawing, block->ancestors[i], leader))
			author[drawing->blocks[block->ancestors[i]].author] = true;
	for (int i = 0; i < drawing->members; i++)
		count += author[i];
	return count >= drawing->quorum;
}

enum question { PRESENT, BLAMES, CERTIFIES };

/* Authors with a block of `round` in the view for which the answer is yes. */
static int authors_count(const struct drawing *drawing, const struct history *view, uint32_t round, enum question question,
	uint32_t leader)
{
	bool author[BLOCK_MEMBERS_MAX] = {0};
	int count = 0;
	for (uint32_t id = 0; id < drawing->count; id++) {
		if (!holds(view, id) || drawing->blocks[id].round != round)
			continue;
		bool yes = question == PRESENT || (question == BLAMES && !oracle_votes(drawing, id, leader)) ||
			(question == CERTIFIES && oracle_certifies(drawing, id, leader));
		author[drawing->blocks[id].author] |= yes;
	}
	for (int i = 0; i < drawing->members; i++)
		count += author[i];
	return count;
}

enum { OPEN, COMMIT, SKIP };

struct oracle_slot {
	int state;
	uint32_t leader;
};

static struct oracle_slot oracle_direct(const struct drawing *drawing, const struct history *view, uint32_t round, uint16_t leader)
{
	struct oracle_slot slot = {OPEN, 0};
	bool skip = authors_count(drawing, view, round + 1, PRESENT, 0) >= drawing->quorum;
	for (uint32_t id = 0; id < drawing->count; id++) {
		if (!holds(view, id) || drawing->blocks[id].round != round || drawing->blocks[id].author != leader)
			continue;
		if (authors_count(drawing, view, round + 1, BLAMES, id) < drawing->quorum)
			skip = false;
		if (authors_count(drawing, view, round + 2, CERTIFIES, id) >= drawing->quorum) {
			assert_int_equal(slot.state, OPEN);
			slot = (struct oracle_slot){COMMIT, id};
		}
	}
	if (skip) {
		assert_int_equal(slot.state, OPEN);
		slot.state = SKIP;
	}
	return slot;
}

static struct oracle_slot oracle_indirect(const struct drawing *drawing, uint32_t round, uint16_t leader, uint32_t anchor)
{
	struct oracle_slot slot = {SKIP, 0};
	for (uint32_t id = 0; id < drawing->count; id++) {
		if (drawing->blocks[id].round != round || drawing->blocks[id].author != leader)
			continue;
		for (uint32_t other = 0; other < drawing->count; other++)
			if (holds(&drawing->histories[anchor], other) && drawing->blocks[other].round == round + 2 &&
				oracle_certifies(drawing, other, id))
				slot = (struct oracle_slot){COMMIT, id};
	}
	return slot;
}

static uint32_t places_of(const struct drawing *drawing, const struct schedule *schedule)
{
	return drawing->leaders < schedule->count ? drawing->leaders : schedule->count;
}

/* All places of rounds `from` and up, with one schedule. */
static void oracle_slots(const struct drawing *drawing, const struct history *view, const struct schedule *schedule, uint32_t from,
	uint32_t highest, struct oracle_slot *slots)
{
	uint32_t places = places_of(drawing, schedule), end = highest * places; /* no place of the highest round is decided */
	for (uint32_t place = end; place-- > from * places;) {
		uint32_t round = place / places;
		uint16_t leader = schedule_leader(schedule, round, (uint16_t)(place % places));
		slots[place] = oracle_direct(drawing, view, round, leader);
		if (slots[place].state != OPEN)
			continue;
		uint32_t anchor = (round + 3) * places;
		while (anchor < end && slots[anchor].state == SKIP)
			anchor++;
		if (anchor < end && slots[anchor].state == COMMIT)
			slots[place] = oracle_indirect(drawing, round, leader, slots[anchor].leader);
	}
}

static struct sequence oracle_decide(const struct drawing *drawing, const struct history *view)
{
	static struct oracle_slot slots[PLACES_MAX];
	struct sequence sequence = {0};
	uint32_t highest = 0, places = 0;
	for (uint32_t id = 0; id < drawing->count; id++)
		if (holds(view, id) && drawing->blocks[id].round > highest)
			highest = drawing->blocks[id].round;
	for (uint32_t round = 1; round < highest; round++) {
		if (round == 1 || (drawing->schedule_rounds && (round - 1) % drawing->schedule_rounds == 0)) {
			struct schedule schedule = schedule_after_round(drawing, round - 1);
			oracle_slots(drawing, view, &schedule, round, highest, slots);
			places = places_of(drawing, &schedule);
		}
		for (uint32_t place = round * places; place < (round + 1) * places; place++) {
			if (slots[place].state == OPEN)
				return sequence;
			sequence.commit[sequence.count] = slots[place].state == COMMIT;
			if (slots[place].state == COMMIT)
				sequence.leader[sequence.count] = digest_of(drawing, slots[place].leader);
			sequence.count++;
		}
	}
	return sequence;
}

/* Random DAGs with up to f members that equivocate, stay silent and link old blocks. */

static uint32_t slot_pick(const struct drawing *drawing, struct random *random, uint32_t round, uint16_t author)
{
	uint32_t found[BLOCKS_MAX], count = 0;
	for (uint32_t id = 0; id < drawing->count; id++)
		if (drawing->blocks[id].round == round && drawing->blocks[id].author == author)
			found[count++] = id;
	return count ? found[random_below(random, count)] : DAG_NONE;
}

/* One of the last `most` blocks of the author in rounds [low, high). */
static uint32_t recent_pick(const struct drawing *drawing, struct random *random, uint16_t author, uint32_t low,
	uint32_t high, uint32_t most)
{
	uint32_t found[BLOCKS_MAX], count = 0;
	for (uint32_t id = 0; id < drawing->count; id++)
		if (drawing->blocks[id].author == author && drawing->blocks[id].round >= low && drawing->blocks[id].round < high)
			found[count++] = id;
	if (count == 0)
		return DAG_NONE;
	uint32_t from = count > most ? count - most : 0;
	return found[from + random_below(random, count - from)];
}

static void shuffle(uint16_t *items, uint32_t count, struct random *random)
{
	for (uint32_t i = count; i > 1; i--) {
		uint32_t k = (uint32_t)random_below(random, i);
		uint16_t other = items[i - 1];
		items[i - 1] = items[k];
		items[k] = other;
	}
}

/* Put the leader of the round before first or last among the candidates. */
static void leader_place(uint16_t *candidates, uint32_t count, uint16_t leader, bool first)
{
	for (uint32_t i = 0; i < count; i++)
		if (candidates[i] == leader) {
			uint32_t to = first ? 0 : count - 1;
			candidates[i] = candidates[to];
			candidates[to] = leader;
			return;
		}
}

static bool block_draw(const struct drawing *drawing, struct random *random, uint32_t round, uint16_t author, uint32_t own,
	double leader_chance, struct drawn_block *out)
{
	uint16_t candidates[BLOCK_MEMBERS_MAX];
	bool picked[BLOCK_MEMBERS_MAX] = {0};
	uint32_t count = 0;
	for (uint16_t other = 0; other < drawing->members; other++)
		if (other != author && slot_pick(drawing, random, round - 1, other) != DAG_NONE)
			candidates[count++] = other;
	shuffle(candidates, count, random);
	leader_place(candidates, count, (uint16_t)((round - 1) % drawing->members), random_chance(random, leader_chance));
	uint32_t need = drawing->quorum - (drawing->blocks[own].round == round - 1u);
	if (count < need)
		return false;
	*out = (struct drawn_block){.round = round, .author = author};
	out->ancestors[out->ancestor_count++] = (uint16_t)own;
	uint32_t most = need + (uint32_t)random_below(random, count - need + 1);
	for (uint32_t i = 0; i < most; i++) {
		picked[candidates[i]] = true;
		out->ancestors[out->ancestor_count++] = (uint16_t)slot_pick(drawing, random, round - 1, candidates[i]);
	}
	/* Weak links. */
	for (uint16_t other = 0; other < drawing->members; other++) {
		uint32_t id = other == author || picked[other] || round < 2 ? DAG_NONE :
			recent_pick(drawing, random, other, 1, round - 1, 5);
		if (id != DAG_NONE && random_chance(random, 0.4))
			out->ancestors[out->ancestor_count++] = (uint16_t)id;
	}
	return true;
}

static void drawing_random(struct drawing *drawing, struct random *random)
{
	static const uint16_t sizes[] = {4, 4, 5, 7, 10};
	static const double chances[] = {0.1, 0.5, 0.9};
	uint16_t members = sizes[random_below(random, 5)], order[BLOCK_MEMBERS_MAX];
	bool liar[BLOCK_MEMBERS_MAX] = {0};
	double leader_chance = chances[random_below(random, 3)];
	uint32_t last[BLOCK_MEMBERS_MAX];
	drawing_init(drawing, members);
	drawing->leaders = random_chance(random, 0.3) ? 1 : (uint16_t)(1 + random_below(random, members));
	drawing->schedule_rounds = random_chance(random, 0.5) ? 0 : (uint32_t)(1 + random_below(random, 6));
	for (uint16_t i = 0; i < members; i++)
		last[i] = order[i] = i;
	shuffle(order, members, random);
	for (uint16_t i = 0; i < validity_faulty_max(members); i++)
		liar[order[i]] = true;
	for (uint32_t round = 1; round <= 24; round++) {
		struct drawn_block fresh[3 * BLOCK_MEMBERS_MAX];
		uint32_t count = 0;
		for (uint16_t author = 0; author < members; author++) {
			uint64_t copies = liar[author] ? 1 + random_below(random, 3) : 1;
			if (random_chance(random, liar[author] ? 0.2 : 0.05))
				copies = 0;
			for (; copies > 0; copies--) {
				uint32_t own = liar[author] ? recent_pick(drawing, random, author, 0, round, 4) : last[author];
				count += block_draw(drawing, random, round, author, own, leader_chance, &fresh[count]);
			}
		}
		for (uint32_t i = 0; i < count; i++) {
			uint32_t id = drawing_add(drawing, &fresh[i]);
			if (!liar[fresh[i].author])
				last[fresh[i].author] = id;
		}
	}
}

static void view_random(const struct drawing *drawing, struct random *random, struct history *view)
{
	static const uint32_t parts[] = {2, 3, 6};
	uint32_t tips = drawing->count / parts[random_below(random, 3)];
	memset(view, 0, sizeof *view);
	if (random_chance(random, 0.3))
		tips = 10 * drawing->count;
	for (uint32_t i = 0; i < tips; i++)
		join(view, &drawing->histories[random_below(random, drawing->count)]);
	for (uint32_t author = 0; author < drawing->members; author++)
		join(view, &drawing->histories[author]);
}

static void same_as_far_as_both_go(const struct sequence *a, const struct sequence *b)
{
	for (uint32_t i = 0; i < a->count && i < b->count; i++) {
		assert_int_equal(a->commit[i], b->commit[i]);
		if (a->commit[i])
			assert_true(digest_equal(&a->leader[i], &b->leader[i]));
	}
}

/* The recursive definition of support: the first block of the slot on a walk along the ancestors. */
static uint32_t support_walk(const struct drawing *drawing, uint32_t id, uint32_t round, uint16_t author)
{
	const struct drawn_block *block = &drawing->blocks[id];
	for (int i = 0; i < block->ancestor_count; i++) {
		const struct drawn_block *ancestor = &drawing->blocks[block->ancestors[i]];
		if (ancestor->round == round && ancestor->author == author)
			return block->ancestors[i];
		if (ancestor->round <= round)
			continue;
		uint32_t found = support_walk(drawing, block->ancestors[i], round, author);
		if (found != DAG_NONE)
			return found;
	}
	return DAG_NONE;
}

static void votes_are_supports(const struct drawing *drawing)
{
	struct dag dag;
	uint32_t in_dag[BLOCKS_MAX];
	dag_init(&dag, &drawing->validity);
	for (uint32_t id = 0; id < drawing->count; id++)
		in_dag[id] = id < drawing->members ? id : dag_add_drawn(&dag, drawing, id);
	for (uint32_t id = drawing->members; id < drawing->count; id++) {
		uint32_t round = drawing->blocks[id].round - 1;
		if (round == 0)
			continue;
		uint32_t supported = support_walk(drawing, id, round, (uint16_t)(round % drawing->members));
		for (uint32_t other = 0; other < drawing->count; other++)
			if (drawing->blocks[other].round == round && drawing->blocks[other].author == round % drawing->members)
				assert_int_equal(committer_votes(&dag, in_dag[id], in_dag[other]), other == supported);
	}
	dag_free(&dag);
}

static void all_views_of_random_dags_agree(void **state)
{
	(void)state;
	static struct drawing drawing;
	uint64_t commits = 0, skips = 0;
	for (uint64_t seed = 0; seed < 400; seed++) {
		struct random random = random_of(seed);
		struct sequence sequences[7];
		drawing_random(&drawing, &random);
		votes_are_supports(&drawing);
		for (int i = 0; i < 7; i++) {
			struct history view;
			view_random(&drawing, &random, &view);
			for (uint32_t id = 0; i == 6 && id < drawing.count; id++)
				view.words[id / 64] |= UINT64_C(1) << (id % 64);
			sequences[i] = decide_view(&drawing, &view, &random);
			struct sequence oracle = oracle_decide(&drawing, &view);
			assert_int_equal(sequences[i].count, oracle.count);
			same_as_far_as_both_go(&sequences[i], &oracle);
			for (int k = 0; k < i; k++)
				same_as_far_as_both_go(&sequences[i], &sequences[k]);
		}
		for (uint32_t i = 0; i < sequences[6].count; i++)
			*(sequences[6].commit[i] ? &commits : &skips) += 1;
	}
	print_message("         %llu commits, %llu skips\n", (unsigned long long)commits, (unsigned long long)skips);
	assert_true(commits > 2000 && skips > 500);
}

/* Linearizer. */

struct order {
	struct digest chain[PLACES_MAX];
	uint32_t count;
};

static void commit_check(const struct drawing *drawing, const struct dag *dag, const struct linearizer *linearizer,
	uint8_t *seen, bool *slot_listed)
{
	for (uint32_t i = 0; i < linearizer->count; i++) {
		const struct linearizer_item *item = &linearizer->items[i];
		uint32_t slot = item->ref.round * drawing->members + item->ref.author;
		uint64_t drawn = dag->blocks[item->id].position;
		assert_int_equal(seen[drawn]++, 0);
		/* Its history was committed before or with it. */
		assert_true(dag->blocks[item->id].flags & DAG_COMMITTED);
		for (int k = 0; k < dag->blocks[item->id].ancestor_count; k++)
			assert_true(dag->blocks[dag_ancestors(dag, item->id)[k]].flags & DAG_COMMITTED);
		assert_int_equal(item->left_out, i >= linearizer->listed);
		assert_int_equal(item->left_out, slot_listed[slot]);
		slot_listed[slot] |= !item->left_out;
		if (i > 0 && i != linearizer->listed)
			assert_true(block_ref_compare(&linearizer->items[i - 1].ref, &item->ref) < 0);
	}
}

static struct order linearize(const struct drawing *drawing, struct random *random)
{
	struct dag dag;
	struct committer committer;
	struct linearizer linearizer;
	struct order order = {.count = 0};
	uint8_t seen[BLOCKS_MAX] = {0};
	bool slot_listed[ROUNDS_MAX * BLOCK_MEMBERS_MAX] = {0};
	uint64_t time = 0;
	dag_init(&dag, &drawing->validity);
	committer_init(&committer, drawing->members, drawing->leaders);
	linearizer_init(&linearizer, 0);
	uint32_t batch = 1 + (uint32_t)random_below(random, 60);
	for (uint32_t id = drawing->members; id < drawing->count; id++) {
		committer_note(&committer, &dag, dag_add_drawn(&dag, drawing, id));
		if (id % batch != 0 && id + 1 < drawing->count)
			continue;
		uint32_t round, leader;
		committer_decide(&committer, &dag);
		while (committer_take(&committer, &round, &leader)) {
			if (leader == DAG_NONE)
				continue;
			linearizer_commit(&linearizer, &dag, leader);
			commit_check(drawing, &dag, &linearizer, seen, slot_listed);
			assert_true(linearizer.timestamp_ms >= time);
			assert_in_range(linearizer.timestamp_ms, 1000u * (round > 1 ? round - 1 : 1), 1000u * (round > 1 ? round - 1 : 1) + 70);
			time = linearizer.timestamp_ms;
			order.chain[order.count++] = linearizer.digest;
			assert_int_equal(linearizer.index, order.count);
		}
	}
	linearizer_free(&linearizer);
	committer_free(&committer);
	dag_free(&dag);
	return order;
}

static void each_block_is_committed_once_and_after_its_ancestors(void **state)
{
	(void)state;
	static struct drawing drawing;
	for (uint64_t seed = 1000; seed < 1100; seed++) {
		struct random random = random_of(seed);
		drawing_random(&drawing, &random);
		struct order a = linearize(&drawing, &random), b = linearize(&drawing, &random);
		assert_int_equal(a.count, b.count);
		for (uint32_t i = 0; i < a.count; i++)
			assert_true(digest_equal(&a.chain[i], &b.chain[i]));
	}
}

/* Scenes: four members A..D, Q = 3. Leaders by round: 1 B, 2 C, 3 D, 4 A, 5 B, 6 C, 7 D.
 *
 * A token is a block: author, round, ' for its twin, and in brackets what it does differently.
 * It names its author's newest earlier block and the first block of each other author in the
 * round before, except: -X leaves X out, X' takes the twin, X2 takes X's block of round 2.
 * "*3" stands for A3 B3 C3 D3. */

struct scene {
	struct dag dag;
	uint32_t ids[16][4][2]; /* round, author, twin */
};

static struct digest scene_digest(uint32_t round, uint32_t author, uint32_t twin)
{
	uint32_t name[] = {round, author, twin};
	return sha256(span_of(name, sizeof name));
}

static uint32_t scene_previous(const struct scene *scene, uint32_t round, uint32_t author)
{
	while (scene->ids[--round][author][0] == DAG_NONE)
		;
	return scene->ids[round][author][0];
}

static const char *scene_changes(const struct scene *scene, const char *text, uint32_t round, uint32_t *chosen)
{
	for (text++; *text != ']'; text++) {
		if (*text == ',')
			continue;
		if (*text == '-') {
			chosen[*++text - 'A'] = DAG_NONE;
			continue;
		}
		uint32_t author = (uint32_t)(*text - 'A');
		if (text[1] == '\'')
			chosen[author] = scene->ids[round - 1][author][1];
		else
			chosen[author] = scene->ids[text[1] - '0'][author][0];
		text++;
	}
	return text + 1;
}

static void scene_add(struct scene *scene, uint32_t round, uint32_t author, uint32_t twin, const uint32_t *chosen)
{
	struct block block = {.round = round, .author = (uint16_t)author, .digest = scene_digest(round, author, twin),
		.timestamp_ms = 1000 * round};
	block.ancestors[block.ancestor_count++] = dag_reference(&scene->dag, chosen[author]);
	for (uint32_t other = 0; other < 4; other++)
		if (other != author && chosen[other] != DAG_NONE)
			block.ancestors[block.ancestor_count++] = dag_reference(&scene->dag, chosen[other]);
	scene->ids[round][author][twin] = dag_add(&scene->dag, &block, 100, 0);
}

static const char *scene_token(struct scene *scene, const char *text, uint32_t author)
{
	uint32_t round = (uint32_t)(text[1] - '0'), twin = text[2] == '\'', chosen[4];
	text += 2 + twin;
	for (uint32_t other = 0; other < 4; other++)
		chosen[other] = scene->ids[round - 1][other][0];
	chosen[author] = scene_previous(scene, round, author);
	if (*text == '[')
		text = scene_changes(scene, text, round, chosen);
	scene_add(scene, round, author, twin, chosen);
	return text;
}

static void scene_init(struct scene *scene, const char *text)
{
	static const uint8_t network[BLOCK_NETWORK_SIZE] = "scene";
	struct digest genesis = {{2}};
	struct validity validity = validity_of(4, network, 1, &genesis, 0);
	dag_init(&scene->dag, &validity);
	memset(scene->ids, 0xff, sizeof scene->ids);
	for (uint32_t author = 0; author < 4; author++)
		scene->ids[0][author][0] = author;
	while (*text) {
		if (*text == ' ') {
			text++;
		} else if (*text == '*') {
			for (uint32_t author = 0; author < 4; author++)
				scene_token(scene, (char[]){(char)('A' + author), text[1], 0}, author);
			text += 2;
		} else {
			text = scene_token(scene, text, (uint32_t)(*text - 'A'));
		}
	}
}

/* Decisions as text: "B1 -2 D3" is commit, skip, commit; a twin has its mark. */
static void scene_decisions(struct scene *scene, uint16_t leaders, char *out, size_t size)
{
	struct committer committer;
	uint32_t round, leader;
	committer_init(&committer, 4, leaders);
	committer_decide(&committer, &scene->dag);
	*out = 0;
	while (committer_take(&committer, &round, &leader)) {
		size_t used = strlen(out);
		const char *space = used ? " " : "";
		if (leader == DAG_NONE)
			snprintf(out + used, size - used, "%s-%u", space, round);
		else
			snprintf(out + used, size - used, "%s%c%u%s", space, 'A' + scene->dag.blocks[leader].author, round,
				scene->ids[round][scene->dag.blocks[leader].author][1] == leader ? "'" : "");
	}
	if (committer.conflict)
		snprintf(out, size, "conflict");
	committer_free(&committer);
}

static void expect_of(uint16_t leaders, const char *text, const char *decisions)
{
	struct scene scene;
	char found[256];
	scene_init(&scene, text);
	scene_decisions(&scene, leaders, found, sizeof found);
	if (strcmp(found, decisions) != 0)
		fail_msg("%s\n  gives '%s', not '%s'", text, found, decisions);
	dag_free(&scene.dag);
}

static void expect(const char *text, const char *decisions)
{
	expect_of(1, text, decisions);
}

static void a_leader_is_committed_directly(void **state)
{
	(void)state;
	expect("", "");
	expect("*1 *2", "");
	expect("*1 *2 A3 B3", "");
	expect("*1 *2 A3 B3 C3", "B1");
	expect("*1 *2 *3 *4 *5", "B1 C2 D3");
	/* Three of four votes are enough, two are not. */
	expect("*1 A2 B2 C2 D2[-B] *3", "B1");
	expect("*1 A2 B2 C2[-B] D2[-B] *3", "");
	/* Three certificates are needed: these three hold two votes each, or hold a vote short. */
	expect("*1 A2 B2 C2 D2[-B] A3[-B] B3[-A] C3[-A] D3[-A]", "");
	expect("*1 A2 B2 C2 D2[-B] A3 B3 C3[-A] D3[-A]", "");
	expect("*1 A2 B2 C2 D2[-B] A3 B3 C3 D3[-A]", "B1");
}

static void a_leader_is_skipped_directly(void **state)
{
	(void)state;
	/* It is absent: a quorum in the next round suffices, one round later. */
	expect("A1 C1 D1 A2 C2", "");
	expect("A1 C1 D1 A2 C2 D2", "-1");
	/* It is there, and a quorum passes it over. */
	expect("*1 A2[-B] B2 C2[-B] D2[-B]", "-1");
	expect("*1 A2[-B] B2 C2[-B] D2", "");
	/* A weak link to an older block of the leader is no vote. */
	expect("*1 *2 A3 B3[-D] C3 D3 *4 A5 C5 D5 A6[-B,B4] C6[-B,B4] D6[-B,B4]", "B1 C2 D3 A4 -5");
	expect("*1 *2 *3 *4 *5 *6 A7[-C,C5] B7[-C,C5] D7[-C,C5]", "B1 C2 D3 A4 B5 -6");
}

static void an_anchor_decides_what_is_open(void **state)
{
	(void)state;
	/* B1 has three votes and one certificate, A3. The anchor A4 has A3 in its history. */
	expect("*1 A2 B2 C2 D2[-B] A3 B3[-A] C3[-A] D3[-A] *4 *5 *6", "B1 C2 D3 A4");
	/* Here it is B3 that certifies, and A4 does not know B3. */
	expect("*1 A2 B2 C2 D2[-B] A3[-C] B3 C3[-A] D3[-A] A4[-B] B4 C4 D4 *5 *6", "-1 C2 D3 A4");
	/* Without an anchor both stay open. */
	expect("*1 A2 B2 C2 D2[-B] A3 B3[-A] C3[-A] D3[-A] *4 *5", "");
	/* A skipped round is no anchor: round 4 is skipped, round 5 decides, with A3 in its history or without. */
	expect("*1 A2 B2 C2 D2[-B] A3 B3[-A] C3[-A] D3[-A] B4 C4 D4 B5 C5 D5 B6 C6 D6 B7 C7 D7", "B1 C2 D3 -4 B5");
	expect("*1 A2 B2 C2 D2[-B] A3 B3[-A] C3[-A] D3[-A] B4[-A] C4[-A] D4[-A] B5 C5 D5 B6 C6 D6 B7 C7 D7", "-1 C2 D3 -4 B5");
}

/* In the order of their places, which begins one member later each round. */
static void several_lead_one_round(void **state)
{
	(void)state;
	expect_of(4, "*1 *2 *3", "B1 C1 D1 A1");
	expect_of(2, "*1 *2 *3", "B1 C1");
	expect_of(4, "*1 *2 *3 *4", "B1 C1 D1 A1 C2 D2 A2 B2");
	expect_of(4, "B1 C1 D1 *2 *3", "B1 C1 D1 -1"); /* A was away */
	/* Too few vote for C1 and too few pass it over: what comes after it waits, until the first place from round 4 on decides. */
	expect_of(4, "*1 A2[-C] B2[-C] C2 D2 *3 *4", "B1");
	expect_of(4, "*1 A2[-C] B2[-C] C2 D2 *3 *4 *5", "B1");
	expect_of(4, "*1 A2[-C] B2[-C] C2 D2 *3 *4 *5 *6", "B1 -1 D1 A1 C2 D2 A2 B2 D3 A3 B3 C3 A4 B4 C4 D4");
	/* A place that was skipped is no anchor; one that is open blocks those behind it. */
	expect_of(2, "*1 A2[-C] B2[-C] C2 D2 *3 B4 C4 D4 *5 *6", "B1 -1 C2 D2 D3 A3 -4 B4");
}

static void decided_rounds_wait_for_open_ones(void **state)
{
	(void)state;
	/* Round 2 and 3 are decided while round 1 is open: nothing may leave. */
	expect("*1 A2 B2 C2 D2[-B] A3 B3[-A] C3[-A] D3[-A] *4 *5", "");
	expect("*1 A2 B2 C2 D2[-B] A3 B3[-A] C3[-A] D3[-A] *4 *5 *6", "B1 C2 D3 A4");
}

static void an_equivocating_leader_gets_one_block_or_none(void **state)
{
	(void)state;
	/* Two votes each: open until an anchor comes, then skipped. */
	expect("*1 B1' A2 B2 C2[B'] D2[B'] *3 *4 *5", "");
	expect("*1 B1' A2 B2 C2[B'] D2[B'] *3 *4 *5 *6", "-1 C2 D3 A4");
	/* One vote each: both are passed over by a quorum. */
	expect("*1 B1' A2[B'] B2 C2[-B] D2[-B]", "-1");
	/* One vote against three. */
	expect("*1 B1' A2[B'] B2 C2[B'] D2[B'] A3 C3 D3", "B1'");
	/* Two votes are not passed over by a quorum. */
	expect("*1 B1' A2[B'] B2 C2[B'] D2[-B]", "");
}

static void twin_votes_count_once_an_author(void **state)
{
	(void)state;
	/* D votes both ways: three authors vote for B1, with D's first block only. */
	expect("*1 A2 B2 C2[-B] D2 D2'[-B] A3 B3 C3", "B1");
	expect("*1 A2 B2 C2[-B] D2 D2'[-B] A3[D'] B3 C3", "");
	/* D's two votes for B1 are one: A, D, D are no quorum. */
	expect("*1 A2 B2[-A] C2[-B] D2 D2' A3[-B] C3[-B,D'] D3[-B]", "");
	/* D's two blames are one: C, D, D neither. */
	expect("*1 A2 B2 C2[-B] D2[-B] D2'[-B]", "");
	/* D's two certificates are one. */
	expect("*1 A2 B2 C2 D2[-B] A3 B3[-A] C3[-A] D3 D3'", "");
}

/* More liars than the protocol bears: it stops instead of choosing. */
static void two_certified_leaders_stop_everything(void **state)
{
	(void)state;
	expect("*1 B1' *2 A2'[B'] B2' C2'[B'] D2'[B'] *3 A3'[B',C',D'] B3'[A',C',D'] C3'[A',B',D'] D3'[A',B',C']", "conflict");
}

static void a_decision_is_given_once(void **state)
{
	(void)state;
	struct scene scene;
	struct committer committer;
	uint32_t round, leader;
	scene_init(&scene, "*1 *2 A3 B3 C3");
	committer_init(&committer, 4, 1);
	for (int i = 0; i < 3; i++)
		committer_decide(&committer, &scene.dag);
	assert_true(committer_take(&committer, &round, &leader));
	assert_int_equal(round, 1);
	committer_decide(&committer, &scene.dag);
	assert_false(committer_take(&committer, &round, &leader));
	/* A late block does not bring it back. */
	scene_token(&scene, "D3", 3);
	committer_note(&committer, &scene.dag, scene.dag.count - 1);
	committer_decide(&committer, &scene.dag);
	assert_false(committer_take(&committer, &round, &leader));
	committer_free(&committer);
	dag_free(&scene.dag);
}

/* Another schedule holds from the round after the last one taken, also for what was decided ahead. */
static void a_new_schedule_decides_again(void **state)
{
	(void)state;
	struct scene scene;
	struct committer committer;
	struct schedule schedule = {.members = {0, 0, 1, 1}, .count = 4};
	uint32_t round, leader;
	scene_init(&scene, "*1 *2 *3 *4 *5");
	committer_init(&committer, 4, 1);
	committer_decide(&committer, &scene.dag);
	assert_true(committer_take(&committer, &round, &leader));
	assert_int_equal(scene.dag.blocks[leader].author, 1);
	committer_schedule_set(&committer, &schedule);
	assert_false(committer_take(&committer, &round, &leader));
	committer_decide(&committer, &scene.dag);
	assert_true(committer_take(&committer, &round, &leader));
	assert_int_equal(round, 2);
	assert_int_equal(scene.dag.blocks[leader].author, 1);
	committer_free(&committer);
	dag_free(&scene.dag);
}

/* What is at or below the collected round is never committed; the bound is the previous commit's. */
static void collected_rounds_are_left_alone(void **state)
{
	(void)state;
	struct scene scene;
	struct linearizer linearizer;
	scene_init(&scene, "*1 *2 *3 A4 B4[-C] C4 D4 *5 *6 *7");
	linearizer_init(&linearizer, 2);
	linearizer_commit(&linearizer, &scene.dag, scene.ids[1][1][0]);
	assert_int_equal(scene.dag.gc_round, 0);
	linearizer_commit(&linearizer, &scene.dag, scene.ids[4][0][0]);
	assert_int_equal(linearizer.count, 3 + 4 + 4 + 1);
	assert_int_equal(scene.dag.gc_round, 2);
	linearizer_commit(&linearizer, &scene.dag, scene.ids[7][3][0]);
	assert_int_equal(linearizer.count, 3 + 4 + 4 + 1);
	assert_int_equal(scene.dag.gc_round, 5);
	linearizer_free(&linearizer);
	dag_free(&scene.dag);
}

/* The lower median of the round before the leader's: one liar of four moves it no further than to
 * another member's time, and it never falls. */
static void one_liar_does_not_move_the_time(void **state)
{
	(void)state;
	static const uint64_t times[][4] = {{10, 20, 30, 40}, {UINT64_MAX, 20, 30, 40}, {0, 20, 30, 40}, {10, 20, 30, 0}};
	static const uint64_t medians[] = {20, 30, 20, 10};
	for (int i = 0; i < 4; i++) {
		struct scene scene;
		struct linearizer linearizer;
		scene_init(&scene, "*1 *2 *3");
		for (int author = 0; author < 4; author++)
			scene.dag.blocks[scene.ids[1][author][0]].timestamp_ms = times[i][author];
		linearizer_init(&linearizer, 0);
		linearizer_commit(&linearizer, &scene.dag, scene.ids[2][2][0]);
		assert_int_equal(linearizer.timestamp_ms, medians[i]);
		for (int author = 0; author < 4; author++)
			scene.dag.blocks[scene.ids[2][author][0]].timestamp_ms = 1;
		linearizer_commit(&linearizer, &scene.dag, scene.ids[3][3][0]);
		assert_int_equal(linearizer.timestamp_ms, medians[i]);
		linearizer_free(&linearizer);
		dag_free(&scene.dag);
	}
}

/* Blocks move before any anchor's history was walked. */
static void collection_may_come_before_the_first_anchor(void **state)
{
	(void)state;
	struct committer committer;
	committer_init(&committer, 4, 1);
	committer_moved(&committer, NULL);
	assert_true(committer.anchor == DAG_NONE);
	committer_free(&committer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leader_is_committed_directly),
		cmocka_unit_test(a_leader_is_skipped_directly),
		cmocka_unit_test(an_anchor_decides_what_is_open),
		cmocka_unit_test(decided_rounds_wait_for_open_ones),
		cmocka_unit_test(several_lead_one_round),
		cmocka_unit_test(an_equivocating_leader_gets_one_block_or_none),
		cmocka_unit_test(twin_votes_count_once_an_author),
		cmocka_unit_test(two_certified_leaders_stop_everything),
		cmocka_unit_test(a_decision_is_given_once),
		cmocka_unit_test(a_new_schedule_decides_again),
		cmocka_unit_test(collected_rounds_are_left_alone),
		cmocka_unit_test(one_liar_does_not_move_the_time),
		cmocka_unit_test(all_views_of_random_dags_agree),
		cmocka_unit_test(each_block_is_committed_once_and_after_its_ancestors),
		cmocka_unit_test(collection_may_come_before_the_first_anchor),
	};
	const char *filter = getenv("TALLY_TEST");
	if (filter)
		cmocka_set_test_filter(filter);
	return cmocka_run_group_tests_name("committer", tests, NULL, NULL);
}
