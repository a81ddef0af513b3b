/* Replica: where consensus, ledger and store meet. replica_step(event) -> actions. Pure: `host` and
 * the simulator carry out the actions in the order given: everything APPENDed before a later action
 * of the same step is on disk (fdatasync) before that action is carried out. A failed append or
 * flush stops the node; it is never retried.
 *
 * There are two logs. The log of blocks is what a member's word rests on. The log of entries holds the final statements and the
 * records of the epochs, which is all that is left of an epoch once its blocks are pruned (docs/decisions/0008-epochs.md).
 * It is written without flushes; PRUNE and REBASE flush it first.
 *
 * Organisations are known by their seat (ledger_seat): a number that stays the same over all epochs. Consensus counts the
 * members of one epoch; in cosignatures a member is its place in the epoch of that size (epochs_of_size).
 *
 * Frames of the log of entries: kind 5 (index u64, commit index u64, commit ms i64, statement), kind 6 the record of the next
 * epoch, kind 7 a line under such a record, in the form of kind 2 with the epoch's number for the size and its digest for the root.
 *
 * Frames of the log of blocks: kind 1 block, kind 2 cosignature (member u16, size u64, root, timestamp u64, signature),
 * kind 3 ids of statements in the blocks that follow whose signatures did not verify, kind 4 a cosignature of the
 * state's root (docs/decisions/0005-state-tree.md) in the form of kind 2. Recovery does not
 * verify signatures again: it takes every statement of the log's blocks for verified except these. Kind LOG_FRAME_HOLE: damaged
 * frames stood here; behind it everything is verified again (docs/decisions/0007-damaged-log.md). Kind 8, only where three members bear
 * a crash: from here on, in this epoch (u64), the log has all own blocks (docs/decisions/0010-crash-mode.md).
 * Messages: u8 kind, then for 1 u64 epoch and a message of consensus, for 2 and 3 u8 "send me yours", then a cosignature, of the log's
 * root or of the state's. 4 to 13: members that are in different epochs, see state.h.
 *
 * Before START only RECOVERED events are given, and nothing but FINAL and CHECKPOINT comes back.
 * The genesis' own statements are log entries 0..n-1 and have no FINAL.
 *
 * Checkpoints are made at the same commits everywhere, see REPLICA_CHECKPOINT_MS, and besides when the
 * log has not grown for that long by the own clock: then all have the same log, and its last entries need
 * not wait for the next commit. They are kept in memory: the newest 64, and of the older ones every k-th, where k doubles
 * with age, so that there are never more than 4096 / n, or 128 if that is more. A later checkpoint
 * proves the same entries. */
#ifndef TALLY_REPLICA_REPLICA_H
#define TALLY_REPLICA_REPLICA_H

#include "consensus/consensus.h"
#include "ledger/ledger.h"
#include "record/checkpoint.h"
#include "store/log.h"

enum {
	REPLICA_FRAME_BLOCK = 1,
	REPLICA_FRAME_COSIGNATURE = 2,
	REPLICA_FRAME_FORGED = 3,
	REPLICA_FRAME_STATE_COSIGNATURE = 4,
	REPLICA_FRAME_ENTRY = 5,
	REPLICA_FRAME_EPOCH = 6,
	REPLICA_FRAME_EPOCH_LINE = 7,
	REPLICA_FRAME_SETTLED = 8,
	REPLICA_SUBMITTED_MAX = 8192, /* submissions that wait for their outcome */
	REPLICA_CHECKPOINT_MS = 2000, /* a checkpoint when a commit's timestamp enters a new interval and the log grew */
	REPLICA_ENTRIES_MAX = 1024,   /* sent in one answer ... */
	REPLICA_ENTRIES_BYTES_MAX = 4 << 20, /* ... unless these are reached before; one always goes */
	REPLICA_BLOCK_COST = 4096,    /* what a block counts for, besides its statements, towards the end of an epoch */
};

#define REPLICA_NOBODY UINT16_MAX

/* How signatures are made and verified. Each has the shape of what the product does there. A simulation may put
 * something quicker in its place; keys are the real ones. */
struct replica_signatures {
	/* Of a block's digest; appends to `signature`, at most BLOCK_SIGNATURE_MAX bytes. */
	enum status (*block_sign)(const struct signing_key *key, const struct digest *digest, const uint8_t *randomness,
		struct buffer *signature);
	enum status (*block_verify)(const struct verifying_key *key, const struct digest *digest, struct span signature);
	/* cosignature_sign and cosignature_verify. */
	enum status (*cosign)(const struct signing_key *key, struct span name, struct span origin, uint64_t size,
		const struct digest *root, uint64_t timestamp_s, const uint8_t *randomness, struct cosignature *out);
	enum status (*cosignature_verify)(const struct verifying_key *key, struct span name, struct span origin, uint64_t size,
		const struct digest *root, const struct cosignature *cosignature);
	/* ledger_verify */
	enum status (*statement_verify)(const struct statement *statement, const struct verifying_key *key, struct fault *fault);
};

/* ML-DSA-44: the product's. */
const struct replica_signatures *replica_signatures_real(void);

/* One set of an organisation's keys. While it changes them there are two; in each epoch it signs with those that the epoch names. */
struct replica_keys {
	const struct signing_key *node;       /* signs blocks */
	const struct signing_key *checkpoint; /* cosigns checkpoints */
};

enum { REPLICA_KEYS_MAX = 4 };

struct replica_config {
	const struct genesis *genesis; /* outlives the replica */
	struct span name;             /* whose replica this is: "org:...". Outlives it. Need not be a member (yet) */
	struct replica_keys keys[REPLICA_KEYS_MAX];
	size_t key_count;
	struct consensus_config consensus; /* members, own, network, epoch, genesis are filled in */
	const struct replica_signatures *signatures; /* NULL: the real ones; outlives the replica */
};

enum replica_event_kind {
	REPLICA_RECOVERED,            /* a frame read back from a log, in order: kind, bytes, position; first the log of entries, then
	                                 the log of blocks */
	REPLICA_START,
	REPLICA_TICK,
	REPLICA_PEER_UP,
	REPLICA_PEER_DOWN,
	REPLICA_MESSAGE,              /* from an authenticated member */
	REPLICA_SUBMIT,               /* a statement's bytes; answered by one OUTCOME sooner or later */
	REPLICA_AHEAD,                /* nothing else is to be done now: do some of what a commit would have to do, see replica_has_ahead */
};

struct replica_event {
	enum replica_event_kind kind;
	int64_t now_ms;
	uint16_t peer;                /* seat */
	uint8_t frame_kind;           /* RECOVERED */
	bool sealed;                  /* RECOVERED from the log of entries: a frame EPOCH follows further on */
	uint64_t position;            /* RECOVERED from the log of blocks; START: that log's end, also when nothing is left in it */
	struct span bytes;
	uint8_t randomness[32];       /* for hedged signatures made in this step */
};

enum replica_action_kind {
	REPLICA_APPEND,               /* framed bytes for the log at `position` */
	REPLICA_SEND,                 /* to `peer` */
	REPLICA_SEND_STORED,          /* read the block frames at `positions`, send each as replica_message_of_block to `peer` */
	REPLICA_SEND_RANGE,           /* read block frames from range->position on; send `peer` those that consensus_range_takes
	                                 (see consensus.h) as replica_message_of_block, until range.done or the log's end */
	REPLICA_TIMER,                /* at_ms; replaces the earlier one */
	REPLICA_FINAL,                /* a statement entered the log */
	REPLICA_OUTCOME,              /* of a submission at this node: final or refused */
	REPLICA_CHECKPOINT,           /* a checkpoint gathered enough cosignatures (f+1 or more; again when more come) */
	REPLICA_EVIDENCE,             /* `peer` broke its word: see below */
	REPLICA_KEEP,                 /* append to the log of entries: a frame of kind frame_kind that holds `bytes` */
	REPLICA_EPOCH,                /* a new epoch began, also during recovery: ledger_epochs(replica_ledger()) says who its members are */
	REPLICA_PRUNE,                /* the log of blocks is not needed before `position`, once the log of entries is flushed */
	REPLICA_SEND_ENTRIES,         /* send `peer` the frames ENTRY of the log of entries from number `index` on, each as
	                                 replica_message_of_entry, `entry_count` of them or REPLICA_ENTRIES_BYTES_MAX */
	REPLICA_STAGE,                /* append a frame as with KEEP, but to a third log that is empty at each start */
	REPLICA_STAGE_CLEAR,          /* and empty it now */
	REPLICA_REBASE,               /* move the frames of the third log to the end of the log of entries, flush that, remove the log of
	                                 blocks, unless blocks_stay, and start a new replica from the disk: it is far ahead of this one. */
};

struct replica_action {
	enum replica_action_kind kind;
	uint16_t peer;
	uint64_t position;            /* APPEND, PRUNE */
	struct span bytes;            /* APPEND, SEND, KEEP, STAGE; FINAL: the statement's bytes. Borrowed until the next step */
	int64_t at_ms;
	const uint64_t *positions;
	uint32_t position_count;
	const struct statement *statement; /* FINAL: as decoded from `bytes`; borrowed like them */
	/* FINAL, OUTCOME */
	struct digest id;
	uint64_t index;               /* in the log */
	uint64_t commit_index;
	int64_t commit_ms;            /* commit timestamp */
	enum status status;           /* OUTCOME: OK final, E_DUPLICATE final before, else refused */
	const char *reason;           /* OUTCOME: the sentence, borrowed */
	bool recovered;               /* FINAL, EPOCH during recovery */
	uint8_t frame_kind;           /* KEEP, STAGE */
	uint32_t entry_count;         /* SEND_ENTRIES */
	uint64_t size;                /* CHECKPOINT */
	const struct consensus_range *range; /* SEND_RANGE; borrowed until the next step */
	/* EVIDENCE: two signed headers of one slot (block_signed_header); the first is empty when that block lies in the log
	 * at positions[0]. Or, with size > 0: a cosignature by `peer` whose root differs from ours at that size, then our own
	 * (empty if we made none of that size), in the form of the log's frames. */
	struct span evidence[2];
	bool of_state;                /* that root is the state's */
	bool blocks_stay;             /* REBASE: own blocks of the epoch that is reached are in the log of blocks, and perhaps nowhere else */
};

struct replica_actions {
	struct replica_action *items;
	uint32_t count;
};

/* -- action.c: for shells that carry actions out later than in the step that asked for them -- */
/* Everything that the action points at is copied, but for the bytes of a FINAL: its statement has its own. Free with replica_action_free. */
struct replica_action replica_action_copy(const struct replica_action *action);
void replica_action_free(struct replica_action *copy);
/* Must this APPEND come before all else of its step? Blocks, and what was found out about them, must, until the step tells of a new
 * EPOCH; cosignatures and SETTLED need not. For those that check the order. */
bool replica_append_leads(const struct replica_action *action);

struct replica;
MUST_USE enum status replica_new(const struct replica_config *config, struct replica **out, struct fault *fault);
void replica_free(struct replica *replica);
void replica_step(struct replica *replica, const struct replica_event *event, struct replica_actions *actions);

/* Statements wait for their commit whose signatures can be verified before it; each event AHEAD does two.
 * A shell that never gives the event has longer commits, and nothing else is different. */
bool replica_has_ahead(const struct replica *replica);

/* After the RECOVERED events, before START: OK, or E_CORRUPT with a sentence: this log cannot be used, stop. */
MUST_USE enum status replica_recovery(const struct replica *replica, struct fault *fault);

/* The message that carries a stored block. Appends. */
void replica_message_of_block(struct span block_bytes, struct buffer *out);

/* The message that carries the content of a frame ENTRY. Appends. */
void replica_message_of_entry(struct span entry, struct buffer *out);
/* The log index in the content of a frame ENTRY. E_MALFORMED. */
MUST_USE enum status replica_entry_index(struct span entry, uint64_t *index);
/* And its statement, borrowed. E_MALFORMED. */
MUST_USE enum status replica_entry_statement(struct span entry, struct span *statement);

/* From now on measure the time spent in verifying signatures with this clock, in nanoseconds. */
void replica_profile(struct replica *replica, uint64_t (*clock_ns)(void));

/* For consensus_numbers and the like: nothing is stepped from outside. */
const struct consensus *replica_consensus(const struct replica *replica);
const struct ledger *replica_ledger(const struct replica *replica);
/* Where the next frame goes: the end of the log of blocks. */
uint64_t replica_log_end(const struct replica *replica);
/* Our organisation. Borrowed from the configuration. */
struct span replica_name(const struct replica *replica);
/* Our seat; REPLICA_NOBODY: not a member in any epoch so far. */
uint16_t replica_seat(const struct replica *replica);
/* Are we a member of this epoch, with a set of keys that it names? If not, we follow as far as the members let us. */
bool replica_is_member(const struct replica *replica);
/* The chain of epochs as a file (epochs_encode), up to the newest that a quorum of the epoch before has signed. Appends. */
void replica_epochs(const struct replica *replica, struct buffer *out);
/* The round of each member's newest accepted block, by consensus index in this epoch. */
void replica_rounds(const struct replica *replica, uint32_t *out);

/* The earliest kept checkpoint whose size is greater than `index`, with at least f+1 lines, as a note; or, when
 * `newest`, the newest. Appends. E_NOT_FOUND: none yet (wait a few seconds). */
MUST_USE enum status replica_checkpoint(const struct replica *replica, uint64_t index, bool newest, struct buffer *note, uint64_t *size);

/* What the newest state checkpoint with at least f+1 lines says of a name. */
struct replica_state {
	bool present;
	struct span value;            /* when present: record/state_entry.h, borrowed until the next step */
	struct state_path path;       /* under `root` */
	struct digest root;
	uint64_t size;                /* of the log at that checkpoint */
};

/* The note of that checkpoint is appended. E_NOT_FOUND: there is none yet (wait a few seconds). */
MUST_USE enum status replica_state(const struct replica *replica, struct span name, struct replica_state *out, struct buffer *note);

struct replica_numbers {
	struct consensus_numbers consensus; /* of this epoch */
	uint64_t epoch;
	uint64_t epoch_signed;        /* the newest whose record a quorum of the epoch before has signed */
	uint64_t epoch_cost;          /* what the blocks of this epoch weigh; it ends at the genesis' epoch_bytes */
	uint64_t epochs_ahead;        /* the highest epoch that a peer says it is in */
	uint64_t log_size;            /* final statements */
	struct digest log_root;
	uint64_t commits;             /* of all epochs */
	uint64_t transactions;        /* final or refused */
	uint64_t refused;             /* of these; a repetition of a final one counts as neither */
	uint64_t submitted_waiting;
	uint64_t signature_checks;    /* of statements, blocks and cosignatures */
	uint64_t signature_ns;        /* about: some are timed, by the shell's profiler hook; 0 when absent */
	uint64_t checkpoint_size;     /* of the newest checkpoint */
	uint32_t checkpoint_lines;
	uint64_t state_size;          /* log size of the newest state checkpoint with f+1 lines; 0: none */
	uint32_t state_lines;
	uint64_t forks;               /* cosignatures of members that signed another root than ours */
	uint64_t messages_refused;    /* of kinds and forms that do not exist, or badly signed */
};
void replica_numbers(const struct replica *replica, struct replica_numbers *out);

#endif
