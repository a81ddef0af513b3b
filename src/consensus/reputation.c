#include "consensus/reputation.h"

#include <stdlib.h>

void reputation_init(struct reputation *reputation, uint16_t members, uint16_t away)
{
	*reputation = (struct reputation){.members = members, .away = away, .schedule = schedule_round_robin(members)};
}

/* Whose block of the round before a leader stands on was there in time for it. */
static void punctual_count(struct reputation *reputation, const struct dag *dag, uint32_t leader)
{
	const struct dag_block *block = &dag->blocks[leader];
	for (int i = 0; i < block->ancestor_count; i++) {
		uint32_t ancestor = dag_ancestors(dag, leader)[i];
		if (ancestor != DAG_NONE && dag->blocks[ancestor].round + 1 == block->round)
			reputation->punctual[dag->blocks[ancestor].author]++;
	}
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

static void schedule_remove(struct schedule *schedule, uint16_t member)
{
	uint16_t left = 0;
	for (uint16_t i = 0; i < schedule->count; i++)
		if (schedule->members[i] != member)
			schedule->members[left++] = schedule->members[i];
	if (left > 0) /* somebody leads, be they all liars */
		schedule->count = left;
}

/* Everybody in turn, without at most f members who have been in time less than half as often as the best.
 * More could not be absent, and more must not decide who leads. */
static struct schedule schedule_of(const struct reputation *reputation)
{
	struct schedule schedule = schedule_round_robin(reputation->members);
	struct standing standings[BLOCK_MEMBERS_MAX];
	uint16_t members = reputation->members;
	for (uint16_t i = 0; i < members; i++)
		standings[i] = (struct standing){.member = i, .merit = reputation->lied[i] ? 0 : 1 + (uint64_t)reputation->punctual[i]};
	qsort(standings, members, sizeof *standings, standing_compare);
	uint64_t best = standings[members - 1].merit;
	for (uint16_t i = 0; i < reputation->away && standings[i].merit * 2 < best; i++)
		schedule_remove(&schedule, standings[i].member);
	for (uint16_t i = 0; i < members; i++) /* also where nobody may be away */
		if (reputation->lied[i])
			schedule_remove(&schedule, i);
	return schedule;
}

void reputation_commit(struct reputation *reputation, const struct dag *dag, uint32_t leader, const struct linearizer *linearizer)
{
	punctual_count(reputation, dag, leader);
	for (uint32_t i = 0; i < linearizer->count; i++) {
		const struct linearizer_item *item = &linearizer->items[i];
		uint16_t author = item->ref.author;
		if (item->left_out && !reputation->lied[author]) {
			reputation->lied[author] = reputation->changed = true;
			schedule_remove(&reputation->schedule, author);
		}
	}
	if (linearizer->index % REPUTATION_COMMITS != 0)
		return;
	reputation->schedule = schedule_of(reputation);
	reputation->changed = true;
	memset(reputation->punctual, 0, sizeof reputation->punctual);
}
