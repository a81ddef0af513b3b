/* Sim: a whole consortium in one thread, from one seed. The members are the product's replicas (replica_step); the
 * network, the disks, the clocks and the people around them are simulated, and some members lie. Everything that is
 * decided comes from one seeded generator and from simulated time, so equal seeds give equal traces with every compiler.
 *
 * A run has two parts. The storm: faults of all kinds, while clients submit; safety is checked after every step. Then the
 * faults stop, and within a bound of simulated time everything that honest clients submitted must be final at every honest
 * member, and only heartbeats may remain.
 *
 * Pure. docs/simulation.md tells what is simulated and which invariants are checked. */
#ifndef TALLY_SIM_SIM_H
#define TALLY_SIM_SIM_H

#include "replica/replica.h"

enum { SIM_MEMBERS_MAX = 50, SIM_TEXT_MAX = 400, SIM_LIAR_KINDS = 13 };

/* The consortia of all sizes, with real keys, made when first asked for. Equal in every run. */
struct sim_keys;
struct sim_keys *sim_keys_new(void);
void sim_keys_free(struct sim_keys *keys);

/* A calm run has no storm: no faults, no liars, right clocks, the product's limits, and block signatures of the real length.
 * `speakers` organisations submit events to their own members for `load_us`, and what is sent meanwhile is measured. */
struct sim_calm {
	uint16_t speakers;            /* 0: not a calm run; at most `members` of the options, which must be given */
	int64_t pause_us;             /* between two statements of a speaker, on average */
	int64_t load_us;
	int64_t delay_us, jitter_us;  /* of a message: delay_us and up to jitter_us more */
};

struct sim_options {
	uint64_t seed;
	uint16_t members;             /* 0: by seed; at most SIM_MEMBERS_MAX */
	bool crash;                   /* three members that bear a crash and no lie; otherwise by seed. Without `members` */
	uint64_t until;               /* stop after this step; 0: at the end */
	bool real_signatures;         /* ML-DSA-44 rather than a keyed hash */
	bool traced;                  /* keep the text for sim_trace_take */
	struct sim_calm calm;
};

enum sim_verdict {
	SIM_RUNNING,
	SIM_STOPPED,                  /* at `until` */
	SIM_PASS,
	SIM_NO_PROGRESS,              /* invariant 14 */
	SIM_DIVERGED,                 /* invariants 1, 11 */
	SIM_BROKEN,                   /* another invariant */
};
/* "Pass", "NoProgress", "Diverged", "Broken", ... */
const char *sim_verdict_name(enum sim_verdict verdict);

/* What happened, for people and to see that rare things do happen. */
enum sim_counter {
	SIM_STEPS_OF_REPLICAS, SIM_BLOCKS, SIM_COMMITS, SIM_FINAL, SIM_REFUSED, SIM_RETRIES, SIM_BUSY, SIM_DELIVERED, SIM_LOST, SIM_DUPLICATED,
	SIM_CRASHES, SIM_CRASHES_IN_STEP, SIM_POWER_CUTS, SIM_TORN, SIM_CUT_TAILS, SIM_UNREADABLE, SIM_WIPED, SIM_RESTORED, SIM_DISK_FULL,
	SIM_LYING_FLUSHES, SIM_PARTITIONS, SIM_SLOWED, SIM_CLOCK_STEPS, SIM_TWINS, SIM_WITHHELD, SIM_LIES, SIM_FLOODED, SIM_EVIDENCE,
	SIM_FORKS_TOLD, SIM_CHECKPOINTS, SIM_RANGE_BLOCKS, SIM_AMNESIA_TWINS, SIM_EPOCHS, SIM_PRUNED, SIM_ENTRIES_SENT, SIM_REBASED, SIM_CHANGED,
	SIM_CONVICTED, SIM_MENDED, SIM_MENDED_WHOLE, SIM_REPLACED, SIM_REORDERED, SIM_DEAF_WAYS, SIM_POWER_CUTS_OF_ALL, SIM_FORGOTTEN, SIM_SCATTERED, SIM_FLIPPED,
	SIM_MISDIRECTED, SIM_SLOW_DISKS, SIM_CLOCKS_BACK, SIM_CLOCKS_AHEAD, SIM_DRIFTS, SIM_ABSENT, SIM_SILENCES,
	SIM_LIARS, /* the first of SIM_LIAR_KINDS, one for each kind of liar */
	SIM_COUNTERS = SIM_LIARS + SIM_LIAR_KINDS
};
const char *sim_counter_name(enum sim_counter counter);

struct sim_report {
	enum sim_verdict verdict;
	unsigned invariant;           /* 1 to 16, of the broken one */
	char text[SIM_TEXT_MAX];      /* what was broken */
	char setting[SIM_TEXT_MAX];   /* what this seed is about */
	uint64_t seed;
	uint64_t step;
	uint16_t members;
	int64_t simulated_us;
	int64_t drained_us;           /* from the end of the faults until everything was final */
	struct digest trace;          /* rolling SHA-256 */
	uint64_t counters[SIM_COUNTERS];
};

struct sim;
/* keys outlive it. */
struct sim *sim_new(const struct sim_options *options, struct sim_keys *keys);
void sim_free(struct sim *sim);
/* The next thing that happens. False: over, see the report. */
bool sim_step(struct sim *sim);
uint64_t sim_steps(const struct sim *sim);
/* The trace since the last call: one line an event. Borrowed until the next sim_step. Empty unless `traced`. */
struct span sim_trace_take(struct sim *sim);
void sim_report(struct sim *sim, struct sim_report *out);

/* -- a calm run ------------------------------------------------------------------------------------------------ */

struct sim_sent {
	uint64_t messages;
	uint64_t bytes;               /* as the wire gets them: without its frames, TLS and TCP */
	uint64_t references, votes;   /* in the blocks */
};

/* From submission at a member until it says that the statement is final, flushed. */
struct sim_finality {
	uint32_t rounds;              /* which that member went on meanwhile */
	int64_t us;
};

struct sim_measured {
	uint64_t blocks;              /* made, each counted once */
	struct sim_sent empty, full;  /* blocks sent by their authors: without a body; with one, which `bytes` leaves out */
	uint64_t body_bytes;          /* of those */
	struct sim_sent other;        /* all else: checkpoints, what somebody asked for */
	uint64_t commits;
	uint64_t statements, statement_bytes;
	struct sim_finality *finality; /* of each statement */
	size_t finality_count, finality_capacity;
};

/* Borrowed until the next step; zeros unless the run is calm. */
const struct sim_measured *sim_measured(const struct sim *sim);

#endif
