/* Consensus: an uncertified DAG with the Mysticeti-C commit rule (skip rule c), the Starfish
 * pacemaker (own block in every round, no jumping), quiescence, fetch of missing ancestors,
 * recovery of the own tip after a restart, and linearisation.
 *
 * A pure machine: consensus_step(machine, event, actions). No socket, clock, disk, thread or
 * entropy. The same events give the same actions on every machine. It does not know what a
 * transaction means. Source: docs/ledger.md; study `ledger`, sections 1.2 to 1.12. */
#ifndef TALLY_CONSENSUS_CONSENSUS_H
#define TALLY_CONSENSUS_CONSENSUS_H

#include "base/faults.h"
#include "consensus/block.h"

#define CONSENSUS_NOBODY UINT16_MAX

struct consensus_config {
	uint16_t members;             /* n, 1..BLOCK_MEMBERS_MAX */
	uint16_t own;                 /* or CONSENSUS_NOBODY: it takes in HISTORY, and never starts */
	bool continued;               /* this process was in the epoch before until it ended, so no own block can have been lost */
	enum faults faults;           /* what the members bear. The same at all members */
	uint8_t network[BLOCK_NETWORK_SIZE];
	uint64_t epoch;
	struct digest genesis;        /* digest that the genesis blocks derive from */
	int64_t begun_ms;             /* time of the last commit before; no commit is earlier */
	uint32_t round_delay_ms;      /* least time between two own blocks, default 20 */
	uint32_t leader_timeout_ms;   /* default 300; doubles to 10 s while nothing commits */
	uint32_t heartbeat_ms;        /* a block when idle, default 15000 */
	uint32_t clock_drift_ms;      /* timestamps ahead of us by more are delayed, default 2000 */
	uint32_t rounds_ahead_max;    /* refuse blocks further ahead, default 500 */
	uint32_t suspended_max;       /* blocks waiting for ancestors, per author, default 128 */
	uint32_t pending_bytes_max;   /* transactions waiting to be proposed, default 16 MiB */
	uint32_t gc_depth;            /* rounds below a committed leader that may still be committed, default 60; 0: all.
	                                 The same at all members: commits depend on it */
	uint16_t leaders;             /* members who lead in one round, in order; default all. The same at all members */
};

struct consensus_config consensus_config_default(void);

enum consensus_event_kind {
	/* Once, after all RECOVERED events: begin to talk. */
	CONSENSUS_START,
	/* A block read back from the own disk, in the order in which it was persisted. Its
	 * signature and body are not verified again. Commits come out again, from index 1, as
	 * COMMIT actions of these steps; besides EVIDENCE there are no others. */
	CONSENSUS_RECOVERED,
	/* Time passed: fires timers that are due. */
	CONSENSUS_TICK,
	CONSENSUS_PEER_UP,
	CONSENSUS_PEER_DOWN,
	/* A message from an authenticated member. */
	CONSENSUS_MESSAGE,
	/* A transaction to propose. */
	CONSENSUS_SUBMIT,
	/* A block that was asked for outside of this machine (the epoch is over for whoever sent it). Verified as any other; also
	 * before START. Its ancestors come before it, or it waits. */
	CONSENSUS_HISTORY,
};

struct consensus_event {
	enum consensus_event_kind kind;
	int64_t now_ms;               /* every event carries the time; it may jump */
	uint16_t peer;                /* PEER_UP, PEER_DOWN, MESSAGE */
	struct span bytes;            /* MESSAGE, SUBMIT, RECOVERED, HISTORY */
	uint64_t position;            /* RECOVERED: where the block lies on disk */
};

enum consensus_action_kind {
	/* Append these block bytes to the log. PERSIST actions come before all others of a step, so one
	 * flush a step is enough, and none when nothing else follows. Everything persisted in a step must be flushed before
	 * any later SEND or COMMIT action of that step is carried out. The shell answers nothing:
	 * a failed flush stops the node. The position is told with consensus_block_stored. */
	CONSENSUS_PERSIST,
	/* Send a message to one peer. */
	CONSENSUS_SEND,
	/* Send the blocks stored at `positions` to `peer`, in this order, each as a message of its own:
	 * the shell reads them from its disk and frames them with consensus_message_of_block. */
	CONSENSUS_SEND_STORED,
	/* Catching up a peer that lacks blocks which are no longer in memory: `range` says what to read. The shell
	 * goes through the stored blocks in the order of the log, from range.position on, and sends `peer` each one
	 * for which consensus_range_takes says so, until range.done or the log's end. */
	CONSENSUS_SEND_RANGE,
	/* Blocks final, in this order, as one commit. */
	CONSENSUS_COMMIT,
	/* These blocks were accepted and will never be committed: too old. Whoever kept their bodies may drop them. The
	 * transactions of own ones (peer == own: their author) are to be submitted again. One action an author. */
	CONSENSUS_COLLECTED,
	/* Call CONSENSUS_TICK at or soon after `at_ms`; replaces the earlier wish. */
	CONSENSUS_TIMER,
	/* Two signed headers of one slot: proof that the member `peer` equivocated. evidence[1] is the
	 * later one (block_signed_header). evidence[0] is the first, or empty when that block is
	 * accepted: then it lies on disk at positions[0] (resolve them first). At least once a slot;
	 * may come again after a restart. */
	CONSENSUS_EVIDENCE,
};

struct consensus_commit {
	uint64_t index;               /* from 1 */
	struct digest digest;         /* chains the commits: H(index, previous digest, leader, timestamp, block digests) */
	struct block_ref leader;
	int64_t timestamp_ms;         /* median rule, never smaller than the previous one */
	const struct block_ref *blocks; /* in total order (round, author, digest); borrowed. Never genesis blocks */
	const uint64_t *positions;    /* where each lies on disk */
	uint32_t block_count;
	/* Blocks of this history that do not count, because another block of their slot was listed
	 * here or earlier. In the same order; whoever kept their bodies may drop them. */
	const struct block_ref *left_out;
	uint32_t left_out_count;
};

enum { CONSENSUS_RANGE_REFS_MAX = 32 };

struct consensus_range {
	uint64_t position;
	uint64_t epoch;               /* blocks of others are passed over */
	uint16_t members;
	uint32_t rounds[BLOCK_MEMBERS_MAX]; /* of each author, blocks above are wanted; unless there are ... */
	struct block_ref refs[CONSENSUS_RANGE_REFS_MAX]; /* ... then these, and nothing else */
	uint16_t ref_count;
	uint32_t blocks_left;
	uint32_t looks_left;          /* blocks that may be read */
	uint64_t bytes_left;
	bool done;
};

struct consensus_action {
	enum consensus_action_kind kind;
	uint16_t peer;
	struct span bytes;            /* borrowed until the next step */
	struct digest digest;         /* PERSIST: of the block. EVIDENCE: of the first block */
	bool own;                     /* PERSIST: an own block */
	int64_t at_ms;
	const uint64_t *positions;    /* SEND_STORED, EVIDENCE */
	uint32_t position_count;
	struct consensus_commit commit;
	struct span evidence[2];
	const struct block_ref *blocks; /* COLLECTED: position_count of them */
	struct consensus_range range; /* SEND_RANGE */
};

struct consensus_actions {
	struct consensus_action *items; /* owned by the machine, reused by the next step */
	uint32_t count;
};

struct consensus;

struct consensus *consensus_new(const struct consensus_config *config, const struct block_signer *signer);
void consensus_free(struct consensus *consensus);

/* Never fails: bad input is counted and dropped. Actions are valid until the next call, also after
 * the event's bytes are gone. *refused (may be NULL) is OK, or why a SUBMIT was not taken: E_BUSY,
 * E_LIMIT (too large for a block), E_MALFORMED (empty). */
void consensus_step(struct consensus *consensus, const struct consensus_event *event, struct consensus_actions *actions, enum status *refused);

/* Put a transaction into the queue without a step; the next one looks at it. E_BUSY, E_LIMIT, E_MALFORMED as in SUBMIT. */
MUST_USE enum status consensus_queue(struct consensus *consensus, struct span transaction);

/* Between RECOVERED events: own blocks may have been lost from the disk at this place. Unless a later one is recovered, the
 * own tip is looked for with the patience of an empty disk. */
void consensus_own_blocks_lost(struct consensus *consensus);

/* Between RECOVERED events: no own block was lost from the disk up to here. */
void consensus_own_blocks_kept(struct consensus *consensus);
/* Is the own highest block known, so that blocks may be made? */
bool consensus_tip_known(const struct consensus *consensus);

/* Tell where a persisted block lies. (A step without PERSIST actions needs no call.) Must be called for each PERSIST action, in order, before
 * the next step. COMMIT actions of the same step carry positions filled in only through
 * consensus_positions_resolve, which the shell calls after storing; so do SEND_STORED and EVIDENCE. */
void consensus_block_stored(struct consensus *consensus, const struct digest *digest, uint64_t position);
void consensus_positions_resolve(struct consensus *consensus, struct consensus_action *commit_or_send_stored);

/* Is this stored block part of the range? Counts it. */
bool consensus_range_takes(struct consensus_range *range, struct span block_bytes);

/* What is left of a machine whose epoch is over: where its blocks lie. */
struct consensus_history {
	uint16_t members;
	uint64_t epoch;
	uint32_t newest[BLOCK_MEMBERS_MAX];
	uint64_t *index;              /* owned by whoever took it */
	uint32_t count, capacity;
};
struct consensus_history consensus_history_take(struct consensus *consensus);
/* Made again from the log: a block of that epoch lies there. members and epoch are set, all else begins with zeros. */
void consensus_history_note(struct consensus_history *history, const struct block *block, uint64_t position);
/* Catching up somebody whose newest blocks are those of `rounds`[members]: what to read, as for SEND_RANGE. Its position is
 * DAG_NOWHERE when there is nothing above. */
struct consensus_range consensus_history_above(const struct consensus_history *history, const uint32_t *rounds);
/* Blocks by reference: twins below these rounds, for which others wait. At most CONSENSUS_RANGE_REFS_MAX. */
struct consensus_range consensus_history_named(const struct consensus_history *history, const struct block_ref *refs, uint16_t count);
/* What blocks here wait for, at most CONSENSUS_RANGE_REFS_MAX. */
uint16_t consensus_missing(const struct consensus *consensus, struct block_ref *out);

/* The transactions that wait to be proposed, each u32 size and bytes; they are gone from here. Appends. */
void consensus_drain(struct consensus *consensus, struct buffer *out);

/* Frame a stored block as the message that pushes it. Appends. */
void consensus_message_of_block(struct span block_bytes, struct buffer *out);
/* The block in such a message. False: it is another message. */
bool consensus_block_of_message(struct span message, struct span *block_bytes);

/* For people and metrics. */
struct consensus_numbers {
	uint32_t round;               /* own last block */
	uint32_t highest_round;       /* seen */
	uint32_t decided_round;       /* last decided leader round */
	uint64_t commits;
	struct digest commit_digest;  /* of the last one: stands for all */
	int64_t commit_ms;            /* its timestamp */
	uint64_t committed_leaders;
	uint64_t skipped_leaders;
	uint64_t blocks;              /* in memory */
	uint64_t accepted;            /* blocks ever */
	uint32_t gc_round;            /* rounds up to it are collected, or will be with the next ones */
	uint64_t collected;           /* blocks that were never committed */
	uint64_t suspended;
	uint64_t missing;
	uint64_t pending_bytes;
	uint64_t refused;             /* invalid blocks and messages */
	uint64_t equivocations;
	uint64_t leader_timeouts;
	uint64_t dropped;             /* valid blocks for which there was no room or that came too early */
	bool tip_known;               /* recovery of the own tip is over */
	bool catching_up;             /* an honest member is known to be far ahead; nothing is proposed */
	bool conflict;                /* more members lie than the protocol bears; nothing is decided any more */
};
void consensus_numbers(const struct consensus *consensus, struct consensus_numbers *out);

/* Rounds after which each author's newest accepted block lies; out[members]. */
void consensus_rounds(const struct consensus *consensus, uint32_t *out);

/* Has a member a place in the schedule by which the next round is decided, and why not? docs/ledger.md, "Leaders". */
enum consensus_standing {
	CONSENSUS_LEADS,
	CONSENSUS_LATE,               /* it was in time less than half as often as the best, when that was last counted */
	CONSENSUS_LIED,               /* two blocks of one slot were committed: it does not lead again in this epoch */
};
enum consensus_standing consensus_standing(const struct consensus *consensus, uint16_t member);

#endif
