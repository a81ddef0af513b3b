#include "consensus/committer.h"

#include <stdlib.h>

void committer_init(struct committer *committer, uint16_t members, uint16_t leaders)
{
	CHECK(leaders >= 1 && leaders <= members);
	*committer = (struct committer){.schedule = schedule_round_robin(members), .leaders = leaders, .anchor = DAG_NONE};
}

void committer_free(struct committer *committer)
{
	free(committer->slots);
	free(committer->marks);
	*committer = (struct committer){0};
}

static struct committer_slot *slot_of(struct committer *committer, uint32_t round, uint16_t rank)
{
	return &committer->slots[committer->head + (round - committer->decided - 1) * committer->leaders + rank];
}

uint16_t committer_places(const struct committer *committer)
{
	return committer->leaders < committer->schedule.count ? committer->leaders : committer->schedule.count;
}

/* Highest round that has a slot. */
static uint32_t slots_end(const struct committer *committer)
{
	return committer->decided + (committer->count - committer->head) / committer->leaders;
}

static void slots_extend(struct committer *committer, uint32_t round)
{
	while (slots_end(committer) < round) {
		ARRAY_GROW(committer->slots, committer->count, committer->capacity);
		committer->slots[committer->count++] = (struct committer_slot){.stale = true, .leader = DAG_NONE};
	}
}

void committer_note(struct committer *committer, const struct dag *dag, uint32_t id)
{
	/* As a candidate for its own round, a vote for the one before, a certificate for the one before that. */
	uint32_t round = dag->blocks[id].round;
	for (uint32_t back = 0; back <= 2 && back < round; back++)
		if (round - back > committer->decided && round - back <= slots_end(committer))
			for (uint16_t rank = 0; rank < committer->leaders; rank++)
				slot_of(committer, round - back, rank)->stale = true;
}

bool committer_votes(const struct dag *dag, uint32_t voter, uint32_t leader)
{
	const struct dag_block *block = &dag->blocks[leader];
	return dag->blocks[voter].round == block->round + 1 && dag_ancestor_by(dag, voter, block->author) == leader;
}

bool committer_certifies(const struct dag *dag, uint32_t id, uint32_t leader)
{
	const uint32_t *ancestors = dag_ancestors(dag, id);
	uint16_t votes = 0; /* one ancestor an author, so authors are distinct */
	for (int i = 0; i < dag->blocks[id].ancestor_count; i++)
		votes += ancestors[i] != DAG_NONE && committer_votes(dag, ancestors[i], leader);
	return votes >= dag->quorum;
}

/* Authors with a block of the next round that votes for `leader`, and with one that does not:
 * who equivocates may count for both. */
static void votes_count(const struct dag *dag, uint32_t leader, uint16_t *votes, uint16_t *blames)
{
	uint32_t round = dag->blocks[leader].round + 1;
	*votes = *blames = 0;
	for (uint16_t author = 0; author < dag->members; author++) {
		bool vote = false, blame = false;
		for (uint32_t id = dag_slot(dag, round, author); id != DAG_NONE; id = dag->blocks[id].twin) {
			bool votes_for = committer_votes(dag, id, leader);
			vote |= votes_for;
			blame |= !votes_for;
		}
		*votes += vote;
		*blames += blame;
	}
}

static uint16_t certificates_count(const struct dag *dag, uint32_t leader)
{
	uint32_t round = dag->blocks[leader].round + 2;
	if (dag_authors(dag, round) < dag->quorum) /* the usual case, and cheap */
		return 0;
	uint16_t count = 0;
	for (uint16_t author = 0; author < dag->members; author++) {
		bool certifies = false;
		for (uint32_t id = dag_slot(dag, round, author); id != DAG_NONE; id = dag->blocks[id].twin)
			certifies |= committer_certifies(dag, id, leader);
		count += certifies;
	}
	return count;
}

/* The first block of a place; its twins follow. */
static uint32_t first_of(const struct committer *committer, const struct dag *dag, uint32_t round, uint16_t rank)
{
	return dag_slot(dag, round, schedule_leader(&committer->schedule, round, rank));
}

/* Commit: a quorum of authors certify one block of the slot. Skip: a quorum of authors have
 * reached the next round, and each known block of the slot is passed over by a quorum. */
static void decide_directly(struct committer *committer, const struct dag *dag, uint32_t round, uint16_t rank)
{
	struct committer_slot *slot = slot_of(committer, round, rank);
	bool skip = dag_authors(dag, round + 1) >= dag->quorum;
	uint32_t certified = DAG_NONE;
	for (uint32_t id = first_of(committer, dag, round, rank); id != DAG_NONE; id = dag->blocks[id].twin) {
		uint16_t votes, blames;
		votes_count(dag, id, &votes, &blames);
		if (blames < dag->quorum)
			skip = false;
		if (votes >= dag->quorum && certificates_count(dag, id) >= dag->quorum)
			certified = id;
	}
	slot->stale = false;
	if (certified != DAG_NONE) {
		committer->conflict |= skip; /* also when two are certified: each one's votes pass the other over */
		*slot = (struct committer_slot){.decision = DECISION_COMMIT, .leader = certified};
	} else if (skip) {
		*slot = (struct committer_slot){.decision = DECISION_SKIP, .leader = DAG_NONE};
	}
}

/* Mark the history of `anchor` down to `round`. Rounds only fall along ancestors, so one pass
 * from the top is complete; a walk that was made further up is continued. */
static void history_sweep(struct committer *committer, const struct dag *dag, uint32_t anchor, uint32_t round)
{
	if (committer->anchor != anchor) {
		if (committer->mark_count <= anchor) {
			committer->marks = memory_resize(committer->marks, dag->capacity, sizeof *committer->marks);
			memset(committer->marks + committer->mark_count, 0,
				(dag->capacity - committer->mark_count) * sizeof *committer->marks);
			committer->mark_count = dag->capacity;
		}
		committer->stamp++;
		committer->anchor = anchor;
		committer->swept = dag->blocks[anchor].round;
		committer->marks[anchor] = committer->stamp;
	}
	for (; committer->swept > round; committer->swept--)
		for (uint16_t author = 0; author < dag->members; author++)
			for (uint32_t id = dag_slot(dag, committer->swept, author); id != DAG_NONE; id = dag->blocks[id].twin)
				if (id <= anchor && committer->marks[id] == committer->stamp)
					for (int i = 0; i < dag->blocks[id].ancestor_count; i++)
						if (dag_ancestors(dag, id)[i] != DAG_NONE)
							committer->marks[dag_ancestors(dag, id)[i]] = committer->stamp;
}

static bool certified_in_history(const struct committer *committer, const struct dag *dag, uint32_t leader)
{
	uint32_t round = dag->blocks[leader].round + 2;
	for (uint16_t author = 0; author < dag->members; author++)
		for (uint32_t id = dag_slot(dag, round, author); id != DAG_NONE; id = dag->blocks[id].twin)
			if (id <= committer->anchor && committer->marks[id] == committer->stamp && committer_certifies(dag, id, leader))
				return true;
	return false;
}

/* Follow a committed leader of a later round: commit what its history holds a certificate for. */
static void decide_by_anchor(struct committer *committer, const struct dag *dag, uint32_t round, uint16_t rank, uint32_t anchor)
{
	struct committer_slot decided = {.decision = DECISION_SKIP, .leader = DAG_NONE};
	history_sweep(committer, dag, anchor, round + 2);
	for (uint32_t id = first_of(committer, dag, round, rank); id != DAG_NONE; id = dag->blocks[id].twin)
		if (certified_in_history(committer, dag, id)) {
			committer->conflict |= decided.decision == DECISION_COMMIT;
			decided = (struct committer_slot){.decision = DECISION_COMMIT, .leader = id};
		}
	*slot_of(committer, round, rank) = decided;
}

void committer_decide(struct committer *committer, const struct dag *dag)
{
	uint32_t highest = dag_highest_round(dag);
	if (highest < 2 || committer->conflict)
		return;
	slots_extend(committer, highest - 1);
	/* The anchor of all places of round r is the first place from round r+3 on that is not skipped. */
	const struct committer_slot *anchor = NULL;
	uint16_t places = committer_places(committer);
	for (uint32_t round = highest - 1; round > committer->decided; round--) {
		for (uint16_t rank = places; round + 3 < highest && rank-- > 0;)
			if (slot_of(committer, round + 3, rank)->decision != DECISION_SKIP)
				anchor = slot_of(committer, round + 3, rank);
		for (uint16_t rank = 0; rank < places; rank++) {
			const struct committer_slot *slot = slot_of(committer, round, rank);
			if (slot->decision == DECISION_OPEN && slot->stale)
				decide_directly(committer, dag, round, rank);
			if (slot->decision == DECISION_OPEN && anchor && anchor->decision == DECISION_COMMIT)
				decide_by_anchor(committer, dag, round, rank, anchor->leader);
		}
	}
}

bool committer_take(struct committer *committer, uint32_t *round, uint32_t *leader)
{
	if (committer->conflict || committer->head == committer->count)
		return false;
	const struct committer_slot *slot = &committer->slots[committer->head + committer->taken];
	if (slot->decision == DECISION_OPEN)
		return false;
	*leader = slot->leader;
	*round = committer->decided + 1;
	if (++committer->taken < committer_places(committer))
		return true;
	committer->taken = 0;
	committer->decided++;
	committer->head += committer->leaders;
	if (committer->head > committer->count / 2) {
		committer->count -= committer->head;
		memmove(committer->slots, committer->slots + committer->head, committer->count * sizeof *committer->slots);
		committer->head = 0;
	}
	return true;
}

void committer_moved(struct committer *committer, const uint32_t *moved)
{
	for (uint32_t i = committer->head; i < committer->count; i++) {
		struct committer_slot *slot = &committer->slots[i];
		slot->leader = slot->leader == DAG_NONE ? DAG_NONE : moved[slot->leader];
		CHECK((slot->leader != DAG_NONE) == (slot->decision == DECISION_COMMIT)); /* rounds after the last decided one stay */
	}
	if (committer->marks) /* none before the first anchor is followed */
		memset(committer->marks, 0, committer->mark_count * sizeof *committer->marks);
	committer->stamp = 0;
	committer->anchor = DAG_NONE;
}

void committer_schedule_set(struct committer *committer, const struct schedule *schedule)
{
	/* What was decided ahead of the last round taken was decided for other leaders. */
	CHECK(committer->taken == 0);
	committer->schedule = *schedule;
	committer->count = committer->head = 0;
}
