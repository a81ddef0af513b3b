/* Committer: decides, from the DAG alone, which leader blocks of each round are final and which
 * places are skipped. No time, no counters of arrivals: equal DAGs give equal decisions, and more
 * blocks never change one. Mysticeti-C with the skip rule that looks at each block of the slot.
 * docs/ledger.md, "Commit rule". */
#ifndef TALLY_CONSENSUS_COMMITTER_H
#define TALLY_CONSENSUS_COMMITTER_H

#include "consensus/dag.h"
#include "consensus/schedule.h"

enum decision {
	DECISION_OPEN,
	DECISION_COMMIT,
	DECISION_SKIP,
};

struct committer_slot {
	uint8_t decision;
	bool stale;           /* a block came that may decide it directly */
	uint32_t leader;      /* COMMIT: the block */
};

struct committer {
	struct schedule schedule;
	uint16_t leaders;     /* places a round, as long as there are members for them */
	uint32_t decided;     /* last round that committer_take gave out whole, ... */
	uint16_t taken;       /* ... and so many places of the next one */
	struct committer_slot *slots; /* rounds decided+1 and up, `leaders` for each, from slots[head] */
	uint32_t head;
	uint32_t count;       /* in use, the head part included */
	uint32_t capacity;
	/* The part of one anchor's history that has been walked: marks[id] == stamp. */
	uint32_t *marks;
	uint32_t mark_count;
	uint32_t stamp;
	uint32_t anchor;
	uint32_t swept;       /* complete for rounds >= swept */
	/* Two leaders certified in one slot, or one certified and skipped: more members lie than
	 * the protocol bears. Nothing is decided any more. */
	bool conflict;
};

/* 1 <= leaders <= members. */
void committer_init(struct committer *committer, uint16_t members, uint16_t leaders);
void committer_free(struct committer *committer);

/* Places a round, now. */
uint16_t committer_places(const struct committer *committer);

/* A block was accepted: its round and the two before look again. */
void committer_note(struct committer *committer, const struct dag *dag, uint32_t id);

/* Decide whatever the DAG permits. Idempotent. */
void committer_decide(struct committer *committer, const struct dag *dag);

/* The next decided place in order; false when it is still open. *leader is DAG_NONE for a skip. */
bool committer_take(struct committer *committer, uint32_t *round, uint32_t *leader);

/* Blocks were renumbered: moved[number] is the new number or DAG_NONE. */
void committer_moved(struct committer *committer, const uint32_t *moved);

/* Another schedule from the round after the last one taken; that one must have been taken whole
 * (`taken` is 0), because its open places follow anchors of the schedule it began with. */
void committer_schedule_set(struct committer *committer, const struct schedule *schedule);

/* Does block `voter` of round r+1 vote for `leader` of round r: is it an ancestor? */
bool committer_votes(const struct dag *dag, uint32_t voter, uint32_t leader);

/* Does block `id` of round r+2 hold votes of a quorum for `leader` of round r among its ancestors? */
bool committer_certifies(const struct dag *dag, uint32_t id, uint32_t leader);

#endif
