#include "consensus/reputation.h"

#include <stdlib.h>

void reputation_init(struct reputation *reputation, uint16_t members, uint16_t away)
{
	*reputation = (struct reputation){.members = members, .away = away, .schedule = schedule_round_robin(members)};
}

/* Leaders are committed in the order of their rounds, so by now it is known which of the round before is one. */
static bool votes_for_a_leader(const struct dag *dag, uint32_t id)
{
	const struct dag_block *block = &dag->blocks[id];
	for (int i = 0; i < block->ancestor_count; i++) {
		uint32_t ancestor = dag_ancestors(dag, id)[i];
		if (ancestor != DAG_NONE && (dag->blocks[ancestor].flags & DAG_LED) && dag->blocks[ancestor].round + 1 == block->round)
			return true;
	}
	return false;
}

struct standing {
	uint16_t member;
	uint64_t merit;
};

/* Worst first; of equals the lower number, so that the order is total. */
static int standing_compare(const void *a, const void *b)
{
	const struct standing *x = a, *y = b;
	if (x->merit != y->merit)
		return x->merit < y->merit ? -1 : 1;
	return (x->member > y->member) - (x->member < y->member);
}

/* Everybody in turn, but at most f members with less than half of the best one's votes are
 * replaced, the worst by the best. More could not be absent, and more must not decide who leads. */
static struct schedule schedule_of(const struct reputation *reputation)
{
	struct schedule schedule = schedule_round_robin(reputation->members);
	struct standing standings[BLOCK_MEMBERS_MAX];
	uint16_t members = reputation->members;
	for (uint16_t i = 0; i < members; i++)
		standings[i] = (struct standing){.member = i, .merit = reputation->lied[i] ? 0 : 1 + (uint64_t)reputation->votes[i]};
	qsort(standings, members, sizeof *standings, standing_compare);
	uint64_t best = standings[members - 1].merit;
	for (uint16_t i = 0; i < reputation->away && standings[i].merit * 2 < best; i++)
		schedule.members[standings[i].member] = standings[members - 1 - i].member;
	return schedule;
}

/* The rounds of a liar go to the next member that is none. */
static void liar_replace(struct reputation *reputation, uint16_t liar)
{
	uint16_t heir = liar;
	for (uint16_t i = 1; i < reputation->members && reputation->lied[heir]; i++)
		heir = (uint16_t)((liar + i) % reputation->members);
	for (uint16_t i = 0; i < reputation->schedule.count; i++)
		if (reputation->schedule.members[i] == liar)
			reputation->schedule.members[i] = heir;
}

bool reputation_commit(struct reputation *reputation, const struct dag *dag, const struct linearizer *linearizer)
{
	bool news = false;
	for (uint32_t i = 0; i < linearizer->count; i++) {
		const struct linearizer_item *item = &linearizer->items[i];
		uint16_t author = item->ref.author;
		if (!item->left_out) {
			reputation->votes[author] += votes_for_a_leader(dag, item->id);
		} else if (!reputation->lied[author]) {
			reputation->lied[author] = news = true;
			liar_replace(reputation, author);
		}
	}
	if (linearizer->index % REPUTATION_COMMITS != 0)
		return news;
	reputation->schedule = schedule_of(reputation);
	memset(reputation->votes, 0, sizeof reputation->votes);
	return true;
}
