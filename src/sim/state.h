/* The simulated world, for the files of this room. */
#ifndef TALLY_SIM_STATE_H
#define TALLY_SIM_STATE_H

#include "base/random.h"
#include "consensus/validity.h"
#include "sim/sim.h"

#define SIM_EPOCH_US INT64_C(1700000000000000)
#define SIM_MS INT64_C(1000)
#define SIM_S INT64_C(1000000)

enum { SIM_RESERVES = 2, NOBODY = 0xffff, CLIENTS_A_MEMBER = 2, NO_CRASH = -1 };

/* -- keys.c ------------------------------------------------------------------------------------------ */

struct sim_organisation {
	char name[24], gateway[32], person[32], machine[32];
	struct signing_key *record, *gateway_key, *person_key;
	struct signing_key *machine_keys[2]; /* of nobody: for whoever must not become a member */
	struct signing_key *nodes[2], *checkpoints[2]; /* the second after a rotation */
	struct signing_key *node, *checkpoint; /* the first of these */
	struct verifying_key *node_publics[2], *checkpoint_publics[2];
	struct buffer statements[2];
	struct digest org_id;
};

struct sim_consortium {
	uint16_t members;             /* of the genesis */
	struct sim_organisation organisation[SIM_MEMBERS_MAX + SIM_RESERVES]; /* those after them stand by */
	struct buffer bytes;
	struct genesis genesis;
};

const struct sim_consortium *sim_keys_of(struct sim_keys *keys, uint16_t members);

/* -- what is to happen ---------------------------------------------------------------------------------- */

enum happening_kind {
	HAPPEN_PACKET,        /* from member to member */
	HAPPEN_TIMER,         /* a replica's wish; number: generation */
	HAPPEN_FLUSH,         /* a disk is done; number: session */
	HAPPEN_AHEAD,         /* a member has nothing else to do; number: session */
	HAPPEN_BOOT,          /* a member that is down */
	HAPPEN_CLIENT,        /* a client looks at what it waits for */
	HAPPEN_SUBMIT,        /* client to member; number: payload */
	HAPPEN_ANSWER,        /* member to client; number: payload */
	HAPPEN_FAULT,         /* the next one is chosen */
	HAPPEN_LINK_END,      /* a partition ends; number: generation */
	HAPPEN_LIAR,          /* a flooder's turn */
	HAPPEN_GOVERN,        /* are the members to change? */
	HAPPEN_PHASE,         /* does the run go on? */
};

struct happening {
	int64_t at_us;
	uint64_t order;
	enum happening_kind kind;
	uint16_t from, to;
	uint32_t from_session, to_session;
	uint64_t number;
	uint64_t index;       /* ANSWER */
	enum status status;   /* ANSWER */
	struct buffer bytes;
};

/* -- disks ------------------------------------------------------------------------------------------------- */

struct sim_disk {
	struct buffer bytes;  /* the log of blocks, as the operating system shows it */
	size_t start;         /* what lies before is pruned */
	size_t *segments;     /* where each begins; the first at or before `start` */
	size_t segment_count, segment_capacity;
	size_t segment_size;  /* the next one begins when one is so large */
	size_t holes_from, holes_to; /* what stood there when the log was repaired is behind its first hole; equal: none */
	uint64_t start_epoch; /* when it was; what is left of earlier epochs is of no use */
	struct buffer entries; /* the log of entries */
	size_t entries_safe;  /* of these, from a power cut */
	bool entries_cut;     /* at the last start its end was no good */
	struct buffer stage;
	struct buffer backup_entries;
	size_t backup_start;
	size_t flushed;       /* safe from a power cut */
	size_t safe;          /* really: less when the disk lies about flushing */
	size_t noted;         /* frames before were seen by the observer */
	size_t space;         /* bytes that fit; SIZE_MAX: enough */
	size_t entries_space; /* the same of the log of entries */
	struct buffer backup; /* an older copy */
	bool lies;            /* flushes do nothing */
	bool decayed;         /* bits flipped, or sectors in the wrong place, in either log */
	bool scattered;       /* of what was not flushed a part is missing */
	bool backup_decayed;  /* it was when it was copied */
	int64_t flush_us;     /* how long a flush takes, at least */
	struct map stored;    /* digest of a block to the end of its frame */
};

/* -- members ------------------------------------------------------------------------------------------------- */

enum nature {
	HONEST, TIMEOUT_LEADER, EQUIVOCATING_CHAINS, EQUIVOCATING_TWO_CHAINS, RANDOM_DROP, LEADER_WITHHOLDING, CHAIN_BOMB,
	CHAIN_BOMB_QUORUM, EQUIVOCATING_CHAINS_BOMB, RAMP_UP_WITHHOLDING, LYING_SYNC, FLOODER, SILENT, FALSE_ROOTS, NATURES
};

/* An action that waits for the flush. */
struct deed {
	struct replica_action action; /* a copy */
	size_t disk_end;      /* when it was asked for */
};

struct withheld {
	struct buffer bytes;
	uint16_t peer;
};

struct liar_signer {
	const struct replica_signatures *signatures;
	const struct signing_key *key;
};

struct liar {
	struct liar_signer signer;
	uint64_t epoch;
	struct block_ref twins[SIM_MEMBERS_MAX]; /* last block of the chain for each peer */
	struct digest made_of[SIM_MEMBERS_MAX];  /* of which own block it was the twin */
	struct buffer twin_bytes[SIM_MEMBERS_MAX];
	struct withheld *withheld;
	size_t withheld_count, withheld_capacity;
	uint32_t withheld_max;
	uint32_t ramp;
	uint32_t ramp_round;
};

/* The newest own block of who lost its disk, and who had it on its own disk then. */
struct lost_word {
	uint64_t epoch;
	uint32_t round;               /* 0: nothing is lost */
	uint64_t holders;             /* bits: places in sim->member */
};

struct member {
	struct replica *replica;      /* NULL: down */
	enum nature nature;
	bool absent;                  /* never comes back */
	bool amnesiac;                /* lost what it had flushed, its newest own block perhaps: counted among the faulty */
	bool struck;                  /* its disk decayed once: counted, too, but what it said it still knows */
	bool ahead;                   /* its clock was far ahead: its blocks are held */
	bool rotated;                 /* its second set of keys was proposed */
	bool stopped;                 /* down until somebody repairs its disk */
	bool recovering;
	uint32_t session;
	uint64_t timer;               /* generation */
	int64_t boundary;             /* appends and deeds until it crashes, or NO_CRASH */
	bool power;                   /* that crash is a power cut */
	bool flushing;
	bool looks_ahead;             /* HAPPEN_AHEAD is to come */
	int64_t clock_us;             /* offset */
	int64_t drift_ppm;
	int64_t slow_us;              /* added to each of its packets */
	struct sim_disk disk;
	struct deed *deeds;
	size_t deed_count, deed_capacity;
	struct liar liar;
	/* what the checks remember */
	uint64_t finals;              /* of this life */
	uint64_t commits;
	uint64_t commits_told;        /* by finals; of this life */
	uint64_t epoch;               /* of these commits */
	uint64_t own_epoch;
	uint32_t own_round;           /* newest own block that was flushed, in that epoch */
	struct digest own_digest;
	struct lost_word lost;
	uint64_t checkpoint_size;
	uint64_t cosigned_size[2];    /* of the log and of the state: the newest whose signature was verified */
	uint32_t idle_round;          /* when the silence began */
	uint32_t measured_round;      /* calm.c: newest own block that was counted */
};

/* -- network ----------------------------------------------------------------------------------------------------- */

struct link {
	bool blocked;
	bool up;                      /* both ends think so */
	int64_t last_us;              /* arrival of the last packet */
	uint64_t newest;              /* of those that arrived: when it was sent */
};

struct network {
	struct link link[SIM_MEMBERS_MAX][SIM_MEMBERS_MAX];
	uint32_t loss, duplicate;     /* permille */
	bool ordered;
	int64_t delay_us, jitter_us;
	uint64_t partition;           /* generation */
	bool told;                    /* the partition broke connections */
};

/* -- clients ----------------------------------------------------------------------------------------------------- */

enum payload_state { PAYLOAD_OPEN, PAYLOAD_FINAL, PAYLOAD_REFUSED };

struct payload {
	struct buffer bytes;
	struct digest id;
	uint16_t client;
	bool valid;                   /* must become final, once; else never */
	enum payload_state state;
	uint32_t attempts;
	int64_t retry_us;             /* not before */
	uint64_t index;               /* in the log */
	size_t accusation;            /* its place + 1; 0: it accuses nobody */
	int64_t spoken_us;            /* calm.c: when it was submitted, */
	uint32_t spoken_round;        /* and the member's round then */
};

enum client_kind { CLIENT_ORGANISATION, CLIENT_GATEWAY, CLIENT_PERSON };

struct client {
	enum client_kind kind;
	uint16_t organisation;
	uint16_t member;              /* where it submits first */
	uint64_t seq;
	struct digest last;
	uint32_t *payloads;
	size_t count, capacity;
	size_t done;                  /* the first so many are final */
	size_t wanted;                /* how many it will make */
	uint32_t window;              /* under way at once */
	int64_t pause_us;             /* between two new ones */
	int64_t next_us;
	/* what its statements refer to */
	struct digest registration, bounds, model, command, alarm;
	uint64_t bounds_version, model_version;
	uint32_t idle;                /* proposals of its own that nobody agrees to */
	struct digest idle_proposal;  /* the newest of them */
	uint16_t idle_target;
	uint32_t devices;             /* how far the story of its other devices is told */
	struct digest revocation, lathe; /* of the one that stays revoked; registration of the other */
	bool suspended;               /* its gateway; it will lift that */
	bool wakes;
};

/* -- checks ------------------------------------------------------------------------------------------------------- */

struct seen_block {
	struct block_ref ref;
	uint32_t ancestors[SIM_MEMBERS_MAX];
	uint16_t ancestor_count;
	struct buffer bytes;
};

struct seen_final {
	struct digest id;
	uint64_t commit_index;
	int64_t commit_ms;
};

struct seen_commit {
	struct digest digest;         /* zero: the observer has not come there */
	struct digest root;           /* of the log; zero: nobody was seen there */
	uint64_t size;
	struct digest marks;          /* of who lied, in the ledger there */
	bool rooted;
};

/* An epoch, as the first honest member that came there told it. */
struct sim_epoch {
	int64_t begun_ms;
	struct digest digest;
	uint16_t members;
	enum faults faults;
	uint16_t who[SIM_MEMBERS_MAX]; /* by consensus index: the place in sim->member */
	bool second[SIM_MEMBERS_MAX]; /* by consensus index: with its second set of keys */
};

/* A change of the members that is under way. */
struct governance {
	bool under_way, proposed;
	uint32_t change;
	uint16_t target, proposer;    /* places in sim->member */
	bool votes_due[SIM_MEMBERS_MAX];
	struct digest proposal;
	size_t epoch;                 /* epoch_count when it began */
};

/* One for each epoch. */
struct observer {
	uint64_t epoch;
	uint16_t members, quorum;
	struct consensus *machine;    /* sees every accepted block, takes part in nothing */
	struct seen_block *blocks;
	uint32_t count, capacity;
	struct map by_digest;
	struct map certified;         /* round, author to the block that has a certificate */
	struct seen_commit *commits;  /* [index] */
	size_t commit_count, commit_capacity;
	struct map committed;         /* digests of blocks */
	uint32_t gc_round;            /* of the last commit: nothing of this round or below is committed any more */
	int64_t commit_ms;
};

/* What an honest member found out about another one, to be said by its organisation. */
struct accusation {
	struct buffer body;
	uint16_t accused;             /* place in sim->member */
	uint16_t client;
	enum lie lie;
	bool said, final;
};

struct accusations {
	struct accusation *items;
	size_t count, capacity;
	struct map lies;              /* each is accused of once: lie, epoch, accused, round or size */
	uint32_t lies_of[SIM_MEMBERS_MAX]; /* final ones against each */
	struct digest lied_first[SIM_MEMBERS_MAX];
	struct buffer honest_line;    /* a cosignature of the log's root by `honest` */
	uint16_t honest;
};

struct checks {
	struct map slots;             /* honest author and round to the block */
	struct digest *slot_digests;
	size_t slot_count, slot_capacity;
	struct map amnesia_twins;     /* digests of second blocks of whoever forgot the first */
	struct seen_final *finals;
	size_t final_count, final_capacity;
	struct map ids;               /* of finals to index + 1 */
	struct map roots;             /* cosigned size to root */
	struct digest *root_digests;
	size_t root_count, root_capacity;
};

/* -- the world ------------------------------------------------------------------------------------------------------ */

struct knobs {
	int64_t storm_us;
	int64_t fault_pause_us;
	int64_t drain_us;             /* bound of the second part */
	uint32_t enabled;             /* mask of kinds of faults */
	uint16_t byzantine;
	bool liars_stop;              /* when the storm ends */
	uint32_t statements;
	uint32_t window;
	int64_t pause_us;
};

enum phase { PHASE_STORM, PHASE_DRAIN, PHASE_REST, PHASE_SILENCE, PHASE_OVER };

struct trace {
	struct buffer lines;          /* not yet hashed */
	struct buffer text;           /* for whoever reads it */
	struct digest digest;
	bool kept;
	uint32_t checksum;            /* of the actions of the step */
};

struct sim {
	struct sim_options options;
	const struct sim_consortium *consortium;
	struct genesis_settings settings;
	struct genesis genesis;       /* the consortium's, with these settings; its members are the consortium's */
	const struct replica_signatures *signatures;
	struct random random;
	struct consensus_config consensus;
	struct knobs knobs;
	uint16_t members, faulty_max; /* members: all places, those that only stand by included */
	uint16_t founders;            /* in the genesis */
	struct governance governance;
	struct digest lapsed;         /* a proposal of an epoch that is over */
	uint16_t lapsed_target;
	int64_t now_us;               /* since the beginning */
	uint64_t steps, orders;
	enum phase phase;
	int64_t phase_us;             /* when it began */
	uint64_t crashes_before;      /* the silence */
	uint64_t delivered_before, steps_before; /* the silence */
	int64_t drained_us;           /* how long it took until all was final */
	struct happening *heap;
	size_t heap_count, heap_capacity;
	struct member *member;
	struct network network;
	struct client *clients;
	size_t client_count;
	struct payload *payloads;
	uint32_t payload_count, payload_capacity;
	struct map payload_ids;
	struct buffer bad;            /* the last statement that must be refused: liars propose it all the same */
	struct sim_epoch *epochs;
	struct observer **observers;  /* of the epochs */
	size_t epoch_count, epoch_capacity, observer_capacity;
	struct checks checks;
	struct accusations accusations;
	struct trace trace;
	struct sim_measured measured; /* calm.c */
	enum sim_verdict verdict;
	unsigned invariant;
	char text[SIM_TEXT_MAX];
	uint64_t counters[SIM_COUNTERS];
};

static inline uint64_t sim_below(struct sim *sim, uint64_t bound)
{
	return random_below(&sim->random, bound);
}

static inline int64_t sim_between(struct sim *sim, int64_t low, int64_t high)
{
	return low + (int64_t)random_below(&sim->random, (uint64_t)(high - low + 1));
}

/* In so many of a thousand cases. */
static inline bool sim_permille(struct sim *sim, uint32_t permille)
{
	return random_below(&sim->random, 1000) < permille;
}

static inline bool sim_over(const struct sim *sim)
{
	return sim->verdict != SIM_RUNNING;
}

static inline bool is_honest(const struct member *member)
{
	return member->nature == HONEST;
}

/* Never lied, never lost its word. */
static inline bool is_reliable(const struct member *member)
{
	return member->nature == HONEST && !member->amnesiac;
}

static inline bool sim_is_calm(const struct sim *sim)
{
	return sim->options.calm.speakers > 0;
}

/* An invariant is broken; the first one is kept. */
void sim_broken(struct sim *sim, unsigned invariant, const char *format, ...) PRINTF_LIKE(3, 4);
/* Members that lie, forgot or are far ahead in time. */
uint16_t sim_faulty(const struct sim *sim);

/* happening.c */
void happen(struct sim *sim, int64_t delay_us, struct happening happening); /* takes over its bytes */
bool happening_next(struct sim *sim, struct happening *out);

/* knobs.c */
void knobs_turn(struct sim *sim);
void knobs_tell(const struct sim *sim, char out[SIM_TEXT_MAX]);
const char *nature_name(enum nature nature);

/* signatures.c */
const struct replica_signatures *sim_signatures(const struct sim_options *options);
statement_signer *sim_statement_signer(const struct sim *sim);
struct block_signer sim_block_signer(struct liar_signer *context);

/* disk.c */
enum disk_state { DISK_GOOD, DISK_CUT, DISK_MENDED, DISK_LOST };
bool disk_append(struct sim_disk *disk, struct span frame); /* false: full */
void disk_power_cut(struct sim *sim, struct sim_disk *disk);
void disk_flip(struct sim *sim, struct sim_disk *disk);
void disk_misdirect(struct sim *sim, struct sim_disk *disk);
void disk_free(struct sim_disk *disk);
void disk_keep(struct buffer *log, uint8_t kind, struct span bytes);
/* Everything is gone. */
void disk_empty(struct sim_disk *disk);
/* What a node's shell does before it reads its logs: torn tails are cut, and damaged segments repaired (store/log_repair.h). Behind
 * a hole the log of entries is cut, as the blocks bring that again. LOST: what they would not bring is damaged as well. */
enum disk_state disk_check(struct sim_disk *disk);
/* The block at `position`; false: damaged. */
bool disk_block(const struct sim_disk *disk, uint64_t position, struct span *block);
/* Behind what cannot be read at `position`: the next good frame, or the end of its segment. */
uint64_t disk_skip(const struct sim_disk *disk, uint64_t position);
/* Was it repaired, and is what stood there then still part of it? */
bool disk_has_holes(const struct sim_disk *disk);
/* Has this frame the checksum that is computed without the processor's instruction? */
bool disk_frame_is_portable(struct span frame);

/* member.c */
int64_t member_clock_ms(const struct sim *sim, const struct member *member);
void member_boot(struct sim *sim, uint16_t index);
void member_crash(struct sim *sim, uint16_t index, bool power);
void member_step(struct sim *sim, uint16_t index, struct replica_event event);
void member_flush(struct sim *sim, uint16_t index);
void member_look_ahead(struct sim *sim, uint16_t index);
void member_free(struct sim *sim, struct member *member);

/* network.c */
void network_send(struct sim *sim, uint16_t from, uint16_t to, struct span bytes, int64_t extra_us);
void network_deliver(struct sim *sim, struct happening *packet);
void network_member_up(struct sim *sim, uint16_t index);
void network_member_down(struct sim *sim, uint16_t index);
void network_partition(struct sim *sim);
void network_heal(struct sim *sim);
/* Somebody may be known now who was not. */
void network_review(struct sim *sim);

/* byzantine.c */
void liar_send(struct sim *sim, uint16_t index, uint16_t peer, struct span bytes);
void liar_free(struct liar *liar);
/* A twin of a block by `index`: other time, or without its body, on the twin before it. Appends the push message. */
bool liar_twin(struct sim *sim, uint16_t index, struct span block, const struct block_ref *before, uint64_t salt, struct buffer *out,
	struct block_ref *ref);

/* flood.c */
void liar_turn(struct sim *sim, uint16_t index);
void liar_twist(struct sim *sim, uint16_t index, uint16_t peer, struct span bytes);

/* faults.c */
void fault_strike(struct sim *sim);
void faults_end(struct sim *sim);

/* client.c */
void clients_found(struct sim *sim);
void clients_free(struct sim *sim);
void client_wake(struct sim *sim, uint16_t index);
void client_answer(struct sim *sim, const struct happening *answer);
void client_told(struct sim *sim, uint16_t member, const struct replica_action *outcome);
void client_submit_arrives(struct sim *sim, struct happening *submit);
/* The first valid payload that is not final yet; UINT32_MAX: none. */
uint32_t clients_open(const struct sim *sim);

/* Takes over the bytes; returns its number. */
uint32_t payload_add(struct sim *sim, uint16_t client, struct buffer *bytes, bool valid);

/* statements.c: the next statement of a client, appended to its payloads. */
void statement_make(struct sim *sim, uint16_t client);
/* refused.c: one that must be refused; returns its number among the payloads. */
uint32_t statement_spoil(struct sim *sim, uint16_t client);
/* What only its signature betrays: an organisation's very next statement, as a member sees it. Appends. */
void statement_forge(struct sim *sim, uint16_t liar, struct buffer *out);

/* epochs.c */
void epochs_init(struct sim *sim);
void epochs_free_all(struct sim *sim);
/* A member says that an epoch began: all must mean the same. */
void check_epoch(struct sim *sim, uint16_t index);
/* The place in sim->member of whoever has this seat for the member at `index`; NOBODY. And the other way round. */
uint16_t seat_owner(const struct sim *sim, uint16_t index, uint16_t seat);
uint16_t seat_of(const struct sim *sim, uint16_t index, uint16_t other);
/* Who wrote a block; NOBODY: of an epoch that nobody has reached. */
uint16_t block_owner(const struct sim *sim, const struct block *block);
/* The epoch that a replica is in, and its consensus index there; NOBODY. */
uint64_t member_epoch(const struct sim *sim, uint16_t index);
uint16_t member_author(const struct sim *sim, uint16_t index);

/* calm.c: its knobs, its clients, and what it measures; without effect in other runs. */
void calm_turn(struct sim *sim);
void calm_clients_found(struct sim *sim);
void calm_client_wake(struct sim *sim, uint16_t index);
void calm_sent(struct sim *sim, uint16_t from, struct span message);
void calm_committed(struct sim *sim);
void calm_told(struct sim *sim, uint16_t member, const struct payload *payload);

/* govern.c */
struct draft;
void govern_turn(struct sim *sim);
bool is_member_now(const struct sim *sim, uint16_t index);
/* The client's next statement is a proposal or a vote. */
bool govern_says(struct sim *sim, const struct client *client, struct draft *draft);
void govern_said(struct sim *sim, const struct draft *draft, const struct digest *id);

/* misgovern.c */
/* The client's next statement is a proposal that nobody wants, or a vote on one. */
bool misgovern_says(struct sim *sim, struct client *client, struct draft *draft);
/* Fill in a proposal or a vote that must be refused. False: there is nothing to make one of yet. */
bool misgovern_breaks(struct sim *sim, const struct client *client, struct draft *draft);

/* accuse.c */
struct accused_of {
	enum lie lie;
	uint64_t epoch, at;           /* of an equivocation: its round; of a fork: 0, and the log's size */
	struct span first, second;    /* body_evidence */
};
void accuse_free(struct sim *sim);
/* The member at `index` holds a proof against another one. */
void accuse_found(struct sim *sim, uint16_t index, uint16_t accused, const struct accused_of *lie);
/* The client's next statement accuses somebody. */
bool accuse_says(struct sim *sim, const struct client *client, struct draft *draft);
/* A statement is final that nobody saw final before. */
void accuse_final(struct sim *sim, const struct payload *payload);
/* Digest of whom a ledger marks as a liar, how often, and by which statement. */
struct digest accuse_marks(const struct sim *sim, const struct ledger *ledger);
/* The marks of the member at `index` are what the final statements say. */
void accuse_check_end(struct sim *sim, uint16_t index);
/* Fill in an accusation that must be refused. False: there is nothing to make one of yet. */
bool accuse_falsely(struct sim *sim, const struct client *client, struct draft *draft);

/* observer.c */
struct observer *observer_of(const struct sim *sim, uint64_t epoch);
struct observer *observer_new(const struct sim *sim, uint64_t epoch);
void observer_free(struct observer *observer);
void observer_block(struct sim *sim, uint16_t member, const struct block *block, struct span bytes);
/* Another order of arrival gives the same commits. */
void observer_repeat(struct sim *sim);

/* checks.c */
void checks_free(struct sim *sim);
void check_stored(struct sim *sim, uint16_t index);  /* what was flushed since the last time */
void check_step(struct sim *sim, uint16_t index);
void check_send(struct sim *sim, uint16_t index, const struct deed *deed, struct span message);
void check_final(struct sim *sim, uint16_t index, const struct replica_action *final);
void check_evidence(struct sim *sim, uint16_t index, const struct deed *deed);
void check_silence_begins(struct sim *sim);
void check_end(struct sim *sim);
/* A disk was lost, with the newest own block of its member perhaps: it is counted among the faulty. */
void check_word_lost(struct sim *sim, uint16_t index);
/* Are all honest members at the same place, with everything final? */
bool check_settled(struct sim *sim);

/* trace.c */
void trace_line(struct sim *sim, const char *format, ...) PRINTF_LIKE(2, 3);
void trace_action(struct sim *sim, const struct replica_action *action);
struct digest trace_digest(struct sim *sim);

#endif
