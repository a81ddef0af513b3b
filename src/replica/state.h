/* The replica's state and the parts it is made of, for the files of this room. */
#ifndef TALLY_REPLICA_STATE_H
#define TALLY_REPLICA_STATE_H

#include "replica/bodies.h"
#include "replica/cosigned.h"
#include "replica/replica.h"
#include "replica/state_checkpoints.h"

enum message_kind { MESSAGE_CONSENSUS = 1, MESSAGE_COSIGNATURE = 2, MESSAGE_STATE_COSIGNATURE = 3 };

enum {
	CHECKPOINTS_NEWEST = 64,      /* never thinned out */
	CHECKPOINTS_LEAST = 128,      /* room for at least so many ... */
	CHECKPOINT_LINES_MAX = 4096,  /* ... and for so many lines (10 MB) */
	HELD_PER_MEMBER = 8,          /* cosignatures of sizes that we have not reached */
	FORKS_LOGGED_MAX = 16,        /* per member */
};

struct kept_checkpoint {
	uint64_t size;
	uint64_t timestamp_s;
	struct cosignature **lines;   /* one a member; NULL: not received */
	uint16_t line_count;
};

struct held_cosignature {
	struct cosigned cosigned;
	bool used;
	bool trusted;                 /* from our own log */
};

struct checkpoints {
	struct kept_checkpoint *kept; /* sizes ascending */
	size_t count;
	size_t count_max;
	uint64_t interval;            /* of the newest that a commit made; UINT64_MAX: none yet */
	uint64_t size;                /* log size at that */
	uint64_t commit_interval;     /* of the last commit */
	uint64_t commit_s;
	uint64_t grown_size;          /* log size when the log grew last ... */
	int64_t grown_ms;             /* ... by our clock */
	uint64_t asked_interval;      /* when missing lines were last asked for */
	struct held_cosignature *held; /* members * HELD_PER_MEMBER */
	uint8_t held_next[BLOCK_MEMBERS_MAX];
	uint16_t forks_logged[BLOCK_MEMBERS_MAX];
	char origin[CHECKPOINT_ORIGIN_SIZE];
};

/* Who signs blocks, and with which entropy at this step. */
struct replica_signer {
	struct replica *replica;
	const uint8_t *randomness;
};

struct replica {
	const struct genesis *genesis;
	uint16_t own;
	uint16_t members;
	uint16_t quorum_of_belief;    /* f + 1: at least one of so many is honest */
	const struct signing_key *node_key;
	const struct signing_key *checkpoint_key;
	const struct replica_signatures *signatures;
	struct verifying_key **node_keys;
	struct verifying_key **checkpoint_keys;
	struct replica_signer signer;
	struct consensus *consensus;
	struct ledger *ledger;
	struct bodies bodies;
	struct checkpoints checkpoints;
	struct state_checkpoints state;
	struct map submitted;         /* ids of statements submitted here: their signatures are verified */
	struct map forged;            /* recovery: ids whose signatures did not verify */
	struct buffer forged_now;     /* ids found in this step, for the log */
	struct buffer again;          /* transactions of own blocks that were collected: u32 size, bytes */
	bool started;
	struct fault recovery_fault;
	uint64_t log_end;
	uint64_t (*clock_ns)(void);
	/* of the step */
	struct replica_action *actions;
	uint32_t action_count;
	uint32_t action_capacity;
	void **scratch;               /* freed by the next step */
	size_t scratch_count;
	size_t scratch_capacity;
	struct span wrapped_from;     /* the last message sent, as consensus gave it and as it is sent */
	struct span wrapped;
	/* counters */
	uint64_t commits;
	uint64_t transactions;
	uint64_t refused;
	uint64_t signature_checks;
	uint64_t signature_ns;
	uint64_t forks;
	uint64_t messages_refused;
};

/* -- step.c: the actions of a step and the memory behind them ------------------------------------ */
void step_begin(struct replica *replica);
void step_free(struct replica *replica);
struct replica_action *step_action(struct replica *replica, enum replica_action_kind kind);
/* Move the actions from `from` on before the others. */
void step_rotate(struct replica *replica, uint32_t from);
/* Memory that lives until the next step. */
struct span step_keep(struct replica *replica, struct buffer *owned);
void step_keep_memory(struct replica *replica, void *owned);
/* Frame `bytes` at the log's end and ask for it to be appended; returns its position. */
uint64_t step_append(struct replica *replica, uint8_t kind, struct span bytes);
/* Send under an outer kind byte. The same bytes in a row are wrapped once. */
void step_send(struct replica *replica, uint16_t peer, enum message_kind kind, struct span bytes);
void step_outcome(struct replica *replica, const struct digest *id, enum status status, const char *reason);

/* -- signer.c --------------------------------------------------------------------------------------- */
struct block_signer signer_of(struct replica *replica);
uint64_t signer_clock(const struct replica *replica);
/* One verification is over that began at `start`. */
void signer_count(struct replica *replica, uint64_t start);

/* -- commit.c --------------------------------------------------------------------------------------- */
/* Apply the blocks of a commit: FINAL and OUTCOME actions. Appends nothing to the log. */
void commit_apply(struct replica *replica, const struct consensus_commit *commit);
/* Blocks that no commit will ever hold: what ours carried waits in replica->again. */
void commit_give_up(struct replica *replica, const struct consensus_action *collected);

/* -- checkpoints.c ------------------------------------------------------------------------------------ */
void checkpoints_init(struct replica *replica);
void checkpoints_free(struct replica *replica);
/* After a commit: is it time for a checkpoint? Appends nothing to the log. */
void checkpoints_commit(struct replica *replica, int64_t timestamp_ms);
/* At the end of a step: cosign the checkpoints that came up, take in the lines that waited for them. */
void checkpoints_settle(struct replica *replica, int64_t now_ms);
/* When a step is needed although nothing else happens; INT64_MAX: not at all. */
int64_t checkpoints_due(const struct replica *replica);
/* A peer is back: it may have missed our newest line. */
void checkpoints_peer(struct replica *replica, uint16_t peer);
void checkpoints_message(struct replica *replica, uint16_t peer, struct span bytes);
MUST_USE enum status checkpoints_recovered(struct replica *replica, struct span bytes);
/* The newest with enough lines; NULL when there is none. */
const struct kept_checkpoint *checkpoints_newest(const struct replica *replica);
/* Is it signed by its member, for this log? Counts a refused message when not. */
bool cosigned_verifies(struct replica *replica, const char *origin, const struct cosigned *cosigned);
struct lined_root {
	const char *origin;
	uint64_t size;
	struct digest root;
	struct cosignature *const *lines; /* one a member; NULL: none */
};
/* Appends the note. */
void checkpoint_note(const struct replica *replica, const struct lined_root *lined, struct buffer *note);

#endif
