/* What a replica keeps of state checkpoints: cosigned roots of the ledger's state tree at the sizes of the ordinary
 * checkpoints, under the origin of record/state_proof.h (docs/decisions/0005-state-tree.md). */
#ifndef TALLY_REPLICA_STATE_CHECKPOINTS_H
#define TALLY_REPLICA_STATE_CHECKPOINTS_H

#include "consensus/block.h"
#include "ledger/ledger.h"
#include "crypto/state_tree.h"
#include "record/state_proof.h"
#include "replica/cosigned.h"

enum {
	STATE_VERSIONS_MAX = 9,       /* trees kept: the newest with f+1 lines, and the newest of the others */
	STATE_ROOTS_MAX = 64,         /* roots kept, for lines that come late */
	STATE_HELD_PER_MEMBER = 8,    /* lines of sizes that we have not reached */
	STATE_LATE_S = 300,           /* a state signed later than this after its commit is signed with the commit's time */
};

struct state_version {
	uint64_t size;
	uint64_t timestamp_s;         /* of the commit */
	struct digest root;
	struct state_tree tree;
	struct cosignature **lines;   /* one a member; NULL: not received */
	uint16_t line_count;
};

struct state_checkpoints {
	struct state_version versions[STATE_VERSIONS_MAX]; /* sizes ascending */
	size_t count;
	struct state_root {
		uint64_t size;
		struct digest root;
	} roots[STATE_ROOTS_MAX];     /* a ring: number i at i % STATE_ROOTS_MAX */
	uint64_t root_count;
	struct held_state_line {
		struct cosigned cosigned;
		bool used;
		bool trusted;         /* from our own log */
	} *held;                      /* LEDGER_SEATS_MAX * STATE_HELD_PER_MEMBER */
	uint8_t held_next[LEDGER_SEATS_MAX];
	uint64_t asked_interval;      /* when missing lines were last asked for */
	char origin[CHECKPOINT_STATE_ORIGIN_SIZE];
};

struct replica;
void state_checkpoints_init(struct replica *replica);
void state_checkpoints_free(struct replica *replica);
/* A checkpoint of this size was made: remember the state if the ledger is there now. Appends nothing to the log. */
void state_checkpoints_made(struct replica *replica, uint64_t size, uint64_t timestamp_s);
/* At the end of a step: cosign the newest, take in the lines that waited. */
void state_checkpoints_settle(struct replica *replica, int64_t now_ms);
/* A peer is back: it may have missed our newest line. */
void state_checkpoints_peer(struct replica *replica, uint16_t peer);
void state_checkpoints_message(struct replica *replica, uint16_t peer, struct span bytes);
MUST_USE enum status state_checkpoints_recovered(struct replica *replica, struct span bytes);
/* The newest with enough lines; NULL when there is none. */
const struct state_version *state_checkpoints_newest(const struct replica *replica);

#endif
