/* The replica's state and the parts it is made of, for the files of this room. */
#ifndef TALLY_REPLICA_STATE_H
#define TALLY_REPLICA_STATE_H

#include "base/allowance.h"
#include "ledger/evidence.h"
#include "replica/bodies.h"
#include "replica/cosigned.h"
#include "replica/replica.h"
#include "replica/state_checkpoints.h"

/* Bodies of 1 to 3: replica.h. The others, between members of different epochs (catchup.c, epochs.c):
 *  4 EPOCH_LINE      a cosignature of an epoch's record, whoever sends it
 *  5 EPOCH_LINES     u64 epoch: send me those of its record
 *  6 WHERE           u64 epoch: I am in it
 *  7 HISTORY         u64 number, u64 epoch, then u32 a member: send me its blocks above these rounds;
 *                   then up to 32 references (round u32, author u16, digest) of others that I lack
 *  8 HISTORY_END     u64 number, u8 enum history_end; after the blocks
 *  9 CHAIN           u64 number, u64 epoch: send me its record
 * 10 CHAIN_IS        u64 number, u32 size, record, cosignatures; size 0: there is none, or it is not signed yet
 * 11 ENTRIES         u64 number, u64 first, u64 end: send me these entries of the log
 * 12 ENTRY           the content of a frame ENTRY
 * 13 ENTRIES_END     u64 number */
enum message_kind {
	MESSAGE_CONSENSUS = 1, MESSAGE_COSIGNATURE, MESSAGE_STATE_COSIGNATURE, MESSAGE_EPOCH_LINE, MESSAGE_EPOCH_LINES, MESSAGE_WHERE,
	MESSAGE_HISTORY, MESSAGE_HISTORY_END, MESSAGE_CHAIN, MESSAGE_CHAIN_IS, MESSAGE_ENTRIES, MESSAGE_ENTRY, MESSAGE_ENTRIES_END
};

enum {
	CHECKPOINTS_NEWEST = 64,      /* never thinned out */
	CHECKPOINTS_LEAST = 128,      /* room for at least so many ... */
	CHECKPOINT_LINES_MAX = 4096,  /* ... and for so many lines (10 MB) */
	HELD_PER_MEMBER = 8,          /* cosignatures of sizes that we have not reached */
	FORKS_LOGGED_MAX = 16,        /* per member */
	TWINS_TOLD_MAX = 256,         /* slots that one member filled twice: proofs given out since the start */
};

struct kept_checkpoint {
	uint64_t size;
	uint64_t timestamp_s;
	struct cosignature **lines;   /* one a member of the epoch of that size; NULL: not received */
	uint16_t line_count;
};

struct held_cosignature {
	struct cosigned cosigned;
	bool used;
	bool trusted;                 /* from our own log */
};

/* What this replica knows of an epoch, by its number. */
struct replica_epoch {
	uint16_t members;
	enum faults faults;           /* what they bear */
	bool settled;                 /* a frame SETTLED stands in its part of the log */
	uint16_t own;                 /* consensus index, or REPLICA_NOBODY: no member, or none of our keys */
	const struct replica_keys *keys; /* ours in it; NULL */
	uint16_t seats[BLOCK_MEMBERS_MAX]; /* by consensus index */
	const struct verifying_key *node_keys[BLOCK_MEMBERS_MAX];
	const struct verifying_key *checkpoint_keys[BLOCK_MEMBERS_MAX];
	uint64_t position;            /* none of its blocks lies before this in our log ... */
	bool placed;                  /* ... as far as is known yet */
	struct consensus_history history; /* once it is over; without an index: its blocks are not here */
	struct cosignature *lines[BLOCK_MEMBERS_MAX]; /* by its members, under the record of the next epoch */
	uint16_t line_count;
};

/* Keys that some epoch names, each once. */
struct pooled_key {
	struct public_key public;
	struct verifying_key *key;
};

enum { RETIRED_MAX = 8 };             /* epochs that end in one step: more than one is not expected */
enum { CATCHUP_IDLE, CATCHUP_HISTORY, CATCHUP_CHAIN, CATCHUP_ENTRIES };

/* Going after members that are in a later epoch, one at a time. */
struct catchup {
	uint64_t ahead[LEDGER_SEATS_MAX]; /* the epoch that a connected member is in, as it says */
	int64_t told_ms[LEDGER_SEATS_MAX]; /* when it was last told ours */
	struct allowance allowance[LEDGER_SEATS_MAX]; /* bytes still read from disk for it */
	int phase;
	uint16_t from;                /* seat asked */
	uint64_t number;              /* of the request: other answers do not count */
	int64_t turn_ms;              /* no longer is this one asked, and waited for */
	int64_t deadline_ms;          /* of the answer */
	int64_t pause_ms;             /* nobody is asked before */
	uint32_t fruitless;           /* answers in a row that brought nothing */
	uint64_t accepted_before;     /* blocks */
	uint64_t history_bytes;       /* of blocks of this epoch that came as answers, and weigh as towards its end */
	bool ended;                   /* the answer's end is here; what belongs to it may still come */
	int64_t lines_ms;             /* when to ask for lines under records */
	uint32_t lines_asked;
	uint16_t lines_from;
	/* Entries fetched beyond our log, until the records over them are proven. */
	struct epochs chain;          /* count 0: nothing is staged */
	struct merkle_tree tree;
	uint64_t next, next_before;   /* index wanted next; and when it was asked for */
	uint64_t staged_bytes;        /* statements of the newest record's epoch */
	size_t sealed;                /* epochs whose entries are all there: chain.count or one less */
	struct early_entry {
		uint64_t index;
		struct buffer bytes;
	} *early;                     /* came before others that they follow; no more than one answer holds */
	size_t early_count, early_capacity;
	uint64_t early_bytes;
	struct buffer chain_lines;    /* under the newest record, as they came */
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
	struct held_cosignature *held; /* LEDGER_SEATS_MAX * HELD_PER_MEMBER */
	uint8_t held_next[LEDGER_SEATS_MAX];
	uint16_t forks_logged[LEDGER_SEATS_MAX];
	char origin[CHECKPOINT_ORIGIN_SIZE];
};

/* Who signs blocks, and with which entropy at this step. */
struct replica_signer {
	struct replica *replica;
	const uint8_t *randomness;
};

struct replica {
	const struct genesis *genesis;
	struct span name;
	struct replica_keys keys[REPLICA_KEYS_MAX];
	size_t key_count;
	struct consensus_config consensus_config;
	const struct replica_signatures *signatures;
	struct evidence_signatures evidence_signatures; /* of the same */
	struct pooled_key *pool;
	size_t pool_count;
	size_t pool_capacity;
	struct replica_epoch **epochs; /* [number]; as many as the ledger's chain has */
	size_t epoch_count;
	size_t epoch_capacity;
	struct replica_signer signer;
	struct consensus *consensus;  /* of the newest epoch */
	struct consensus *retired[RETIRED_MAX]; /* of those before, until the step is over */
	size_t retired_count;
	bool settled;                 /* FAULTS_CRASH: no own block can have been lost */
	bool closing;                 /* the commit that ends the epoch is applied; what consensus says after it does not count */
	bool rebased;                 /* the disk is ahead of us: nothing is done any more */
	uint64_t speaking;            /* the epoch whose consensus the messages are of */
	uint64_t epoch_cost;
	uint64_t pruned;              /* what lies before it in the log of blocks is not needed */
	uint64_t entries_kept;        /* entries in the log of entries, the genesis' own included */
	struct catchup catchup;
	bool up[LEDGER_SEATS_MAX];
	uint16_t twins_told[LEDGER_SEATS_MAX];
	int64_t now_ms;
	int64_t steady_ms;            /* the same clock, which only goes forward, by the steps it makes */
	bool clock_set;
	uint64_t position;            /* of the frame that is being recovered */
	int64_t wake_ms;              /* consensus wants a step */
	struct ledger *ledger;
	struct bodies bodies;
	struct checkpoints checkpoints;
	struct state_checkpoints state;
	struct map submitted;         /* ids of statements submitted here: their signatures are verified */
	struct map forged;            /* recovery: ids whose signatures did not verify */
	struct buffer forged_now;     /* ids found in this step, for the log */
	struct buffer again;          /* transactions of own blocks that were collected: u32 size, bytes */
	bool rescued;                 /* some of them just came from an epoch that is over */
	bool started;
	bool damaged;                 /* recovery: the log has a hole above; what follows it is verified, see damaged.c */
	struct later_block {
		uint64_t epoch, position;
		struct buffer bytes;
	} *later;                     /* own blocks behind a hole, of epochs that are not reached yet: nobody else may have them */
	size_t later_count, later_capacity;
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
/* Move the actions from `from` on before the others, up to `first`. */
void step_rotate(struct replica *replica, uint32_t first, uint32_t from);
/* Memory that lives until the next step. */
struct span step_keep(struct replica *replica, struct buffer *owned);
void step_keep_memory(struct replica *replica, void *owned);
/* Frame `bytes` at the log's end and ask for it to be appended; returns its position. */
uint64_t step_append(struct replica *replica, uint8_t kind, struct span bytes);
/* Send under an outer kind byte. The same bytes in a row are wrapped once. */
void step_send(struct replica *replica, uint16_t peer, enum message_kind kind, struct span bytes);
/* Send what this range takes; it is copied. */
void step_send_range(struct replica *replica, uint16_t peer, const struct consensus_range *range);
/* To everybody else who ever was a member. */
void step_send_all(struct replica *replica, enum message_kind kind, struct span bytes);
/* Ask for a frame in the log of entries; `bytes` live until the next step. */
void step_keep_entry(struct replica *replica, enum replica_action_kind where, uint8_t kind, struct span bytes);
/* The statement is copied; the bytes that it was decoded from are borrowed until the next step. */
struct replica_action *step_final(struct replica *replica, const struct statement *statement, struct span bytes);
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

/* -- ahead.c ---------------------------------------------------------------------------------------- */
void ahead_work(struct replica *replica);

/* -- epochs.c --------------------------------------------------------------------------------------- */
void epochs_open(struct replica *replica); /* epoch 0 */
void epochs_close(struct replica *replica);
/* A new step: the instances of epochs that ended in the last one go. */
void epochs_retire(struct replica *replica);
struct replica_epoch *epoch_now(const struct replica *replica);
uint64_t epoch_number(const struct replica *replica);
/* The epoch whose members sign a checkpoint of this size. */
struct replica_epoch *epoch_of_size(const struct replica *replica, uint64_t size);
const struct genesis *epoch_members(const struct replica *replica, const struct replica_epoch *epoch);
/* Consensus index of a seat, or REPLICA_NOBODY. */
uint16_t epoch_index(const struct replica_epoch *epoch, uint16_t seat);
uint16_t epoch_belief(const struct replica_epoch *epoch); /* signatures that make a checkpoint worth something: f + 1, see faults_belief */
/* A commit was applied: does the epoch end with it? */
void epoch_look(struct replica *replica, const struct consensus_commit *commit);
/* After the step in which it did: the next one begins. */
void epoch_switch(struct replica *replica);
/* Cosign records where our line is missing. */
void epoch_sign(struct replica *replica);
/* Have a quorum of its members signed the record of the next one? */
bool epoch_is_signed(const struct replica_epoch *epoch);
/* The newest epoch such that it and all before are signed: nobody needs blocks to believe in what was before it. */
uint64_t epoch_signed(const struct replica *replica);
/* Blocks of epochs that are over and signed need not stay. */
void epoch_prune(struct replica *replica);
void epoch_line_message(struct replica *replica, struct span bytes);
void epoch_lines_asked(struct replica *replica, uint16_t peer, struct span bytes);
/* Does this line of an epoch's member stand under the record? */
bool epoch_line_holds(struct replica *replica, const struct genesis *members, const struct cosigned *line, uint64_t number, const struct digest *digest);
const struct verifying_key *epoch_key(struct replica *replica, const struct public_key *public);
MUST_USE enum status epoch_recovered(struct replica *replica, struct span record);
MUST_USE enum status epoch_line_recovered(struct replica *replica, struct span bytes);
MUST_USE enum status entry_recovered(struct replica *replica, struct span bytes, bool sealed);
/* The content of a frame ENTRY. */
struct entry {
	uint64_t index, commit_index;
	int64_t commit_ms;
	struct span statement;
};
void entry_encode(const struct entry *entry, struct buffer *out);
MUST_USE enum status entry_decode(struct span bytes, struct entry *out);

/* -- catchup.c -------------------------------------------------------------------------------------- */
void catchup_free(struct replica *replica);
/* May something be read and sent for this peer now? Takes it off its allowance. */
bool catchup_may_serve(struct replica *replica, uint16_t peer);
void catchup_peer(struct replica *replica, uint16_t peer, bool up);
/* A message of consensus came, of another epoch than ours. */
void catchup_elsewhere(struct replica *replica, uint16_t peer, uint64_t epoch);
/* Is this block part of what we asked for? Then consensus has it now. */
bool catchup_block(struct replica *replica, uint16_t peer, struct span message);
void catchup_message(struct replica *replica, uint16_t peer, enum message_kind kind, struct span bytes);
/* Ask whoever is to be asked now. */
void catchup_look(struct replica *replica);
int64_t catchup_due(const struct replica *replica); /* in steady time */
/* A record is signed by a quorum: the next one may be asked for at once. */
void catchup_lines_came(struct replica *replica);
/* The epoch changed. */
void catchup_moved(struct replica *replica);

void consensus_start(struct replica *replica);
/* We are no member any more: whoever waits here is told to ask another one. */
void submissions_end(struct replica *replica);
/* Give consensus something, and do what it says. */
enum status replica_give(struct replica *replica, enum consensus_event_kind kind, uint16_t index, struct span bytes);

/* The first of its blocks that the log still has. */
void epoch_place(struct replica_epoch *epoch, uint64_t position);

/* -- settled.c -------------------------------------------------------------------------------------- */
/* Say in the log that it has all own blocks, once that is known. Before anything is said in this step. */
void settled_note(struct replica *replica);
MUST_USE enum status settled_recovered(struct replica *replica, struct span bytes, uint64_t position);

/* -- damaged.c -------------------------------------------------------------------------------------- */
/* A hole in the log: from here on nothing is taken from it unverified. */
void damaged_hole(struct replica *replica);
/* After a hole: may this block of the log be recovered? */
bool damaged_block_holds(struct replica *replica, const struct block *block);
/* After a hole, a block of an epoch that is not reached yet: an own one is kept for when it begins. */
void damaged_later_keep(struct replica *replica, const struct block *block, struct span bytes, uint64_t position);
/* An epoch has begun: its consensus gets our own blocks of it. It may end the epoch at once. */
void damaged_later_give(struct replica *replica);
/* Are own blocks kept that are of this epoch or a later one? */
bool damaged_later_of(const struct replica *replica, uint64_t epoch);
void damaged_free(struct replica *replica);

/* -- checkpoints.c ------------------------------------------------------------------------------------ */
void checkpoints_init(struct replica *replica);
void checkpoints_free(struct replica *replica);
/* After a commit: is it time for a checkpoint? Appends nothing to the log. */
void checkpoints_commit(struct replica *replica, int64_t timestamp_ms);
/* The last commit was made then; nothing else follows from it. */
void checkpoints_reached(struct replica *replica, int64_t timestamp_ms);
/* Now, whatever the time: an epoch ends. */
void checkpoints_force(struct replica *replica);
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
/* Whose line it is, in the epochs that we know; REPLICA_NOBODY. */
uint16_t cosigned_seat(const struct replica *replica, const struct cosigned *cosigned);
/* Is it signed by its member in this epoch, for this log? Counts a refused message when not. */
bool cosigned_verifies(struct replica *replica, const struct replica_epoch *epoch, const char *origin, const struct cosigned *cosigned);
struct lined_root {
	const char *origin;
	uint64_t size;
	struct digest root;
	struct cosignature *const *lines; /* one a member of `epoch`; NULL: none */
	const struct replica_epoch *epoch;
};
/* Appends the note. */
void checkpoint_note(const struct replica *replica, const struct lined_root *lined, struct buffer *note);

#endif
