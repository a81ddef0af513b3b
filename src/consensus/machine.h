/* Machine: the state behind `struct consensus`, shared by the files of this room only.
 * consensus.c receives events, intake.c takes blocks in and commits, propose.c makes own blocks,
 * talk.c answers and asks peers. */
#ifndef TALLY_CONSENSUS_MACHINE_H
#define TALLY_CONSENSUS_MACHINE_H

#include "consensus/committer.h"
#include "consensus/consensus.h"
#include "consensus/linearizer.h"
#include "consensus/message.h"
#include "consensus/output.h"
#include "consensus/pacemaker.h"
#include "consensus/queue.h"
#include "consensus/reputation.h"
#include "consensus/sync.h"
#include "consensus/tip.h"
#include "consensus/waiting.h"

enum {
	MACHINE_ORPHAN_ROUNDS = 32,   /* nobody stays awake for another's block that is older */
	MACHINE_PROPOSALS_MAX = 64,   /* own blocks in one step */
	MACHINE_SIGN_RETRY_MS = 100,
	MACHINE_WAKE_MAX_MS = 60000,  /* the longest sleep */
	MACHINE_EXTRAS_MAX = 10,      /* ancestors added to the answer of a fetch */
	MACHINE_FETCH_LOOKS = 4096,   /* blocks read from disk in search of one that was asked for */
	MACHINE_COLLECT_ROUNDS = 64,  /* so many at once, because each collection renumbers all blocks */
};

struct consensus {
	struct consensus_config config;
	struct block_signer signer;
	struct validity validity;
	struct dag dag;
	struct committer committer;
	struct linearizer linearizer;
	struct reputation reputation;
	struct waiting waiting;
	struct pacemaker pacemaker;
	struct sync sync;
	struct tip tip;
	struct queue queue;
	struct output output;
	bool up[BLOCK_MEMBERS_MAX];
	bool started;
	/* The shell's clock may jump; `steady_ms` only goes forward, by the steps it makes. */
	int64_t now_ms;
	int64_t steady_ms;
	bool clock_set;
	/* Latest time that each author wrote, for clocks that differ. */
	uint64_t heard_ms[BLOCK_MEMBERS_MAX];
	/* Highest round of each author in the history of the own last block. */
	uint32_t included[BLOCK_MEMBERS_MAX];
	uint64_t voted_index;         /* the newest commit that an own block has voted for */
	/* Accepted blocks with transactions that may not be committed yet, in order. */
	uint32_t *open, open_head, open_count, open_capacity;
	uint32_t *stack, stack_capacity;
	uint32_t *moved, moved_capacity; /* of a collection */
	uint64_t skipped_leaders;
	uint64_t refused;
	uint64_t dropped;
	uint64_t equivocations;
	uint64_t collected;
};

/* intake.c */
void intake_message(struct consensus *machine, uint16_t peer, struct span bytes);
void intake_recovered(struct consensus *machine, struct span bytes, uint64_t position);
/* Accept an own block that was just made; `bytes` are kept until the step ends. */
void intake_own(struct consensus *machine, const struct block *block, struct span bytes);
/* A block that was asked for outside of this machine. */
void intake_history(struct consensus *machine, struct span bytes);
/* Let go of blocks that were held for their time, if it has come. */
void intake_release(struct consensus *machine);
/* How far the network's clock is, as far as we can know. */
uint64_t intake_time(const struct consensus *machine);

/* propose.c: make own blocks as long as one is due; returns when to look again. *wanted: there is
 * a reason to make one. */
int64_t propose(struct consensus *machine, bool *wanted);
bool propose_has_work(struct consensus *machine);
/* An own block was accepted: its history needs no reference any more. */
void propose_included(struct consensus *machine, uint32_t id);

/* talk.c */
void talk_peer_up(struct consensus *machine, uint16_t peer);
void talk_message(struct consensus *machine, uint16_t peer, struct span bytes);
/* Send what is due; returns when the next thing is. */
int64_t talk_periodic(struct consensus *machine, bool wanted);
/* All above `rounds`, within the bounds of one answer; its position is still to be set. */
struct consensus_range talk_range(uint16_t members, uint64_t epoch, const uint32_t *rounds);
void talk_send(struct consensus *machine, uint16_t peer, const struct message *message);

#endif
