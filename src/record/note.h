/* Notes judged: who signed a checkpoint, whether that is enough for a verifier, and what its times say.
 * A verifier without a policy of its own asks for f+1 of the n organisations (n >= 3f + 1): one of them is honest. Of three that
 * bear a crash and no lie it asks for two (faults_belief); where f+1 is said below, that is meant.
 * The organisations are those of the epoch to which a note's size belongs (epochs_of_size). */
#ifndef TALLY_RECORD_NOTE_H
#define TALLY_RECORD_NOTE_H

#include "record/epoch.h"

enum { POLICY_WITNESSES_MAX = 16 };

struct policy_witness {
	char *name;
	struct public_key key;
};

/* Zero asks for f+1 organisations and nothing else. */
struct policy {
	size_t organisations;         /* at least so many; 0: f+1 */
	char *required[GENESIS_MEMBERS_MAX]; /* names of those that must be among them */
	size_t required_count;
	struct policy_witness *witnesses; /* lines of others that count, owned */
	size_t witness_count;
	size_t witnesses_needed;
	uint64_t age_max_s;           /* 0: of any age */
};

void policy_free(struct policy *policy);

/* Can the members of this epoch satisfy the policy, and could f liars not? *needed: how many organisations it asks for, never 0.
 * what: how the sentence calls what is judged, such as "the checkpoint"; advice: as of epochs_advice. E_CONFIG. */
MUST_USE enum status policy_fits(const struct policy *policy, const struct epoch *epoch, const char *what, const char *advice, size_t *needed,
	struct fault *fault);

/* Whom a verifier believes: what everything that judges in this room is given. */
struct trust {
	const struct epochs *epochs;  /* the members, from a pinned genesis on */
	const struct policy *policy;  /* NULL: f+1; its numbers hold for the members of each epoch */
	int64_t now_s;                /* for the policy's greatest age; lines of the future have age 0 */
};

struct note_judgement {
	struct checkpoint checkpoint;
	const struct epoch *epoch;    /* whose members were asked for */
	bool signed_by[GENESIS_MEMBERS_MAX]; /* by member of that epoch */
	uint64_t signed_s[GENESIS_MEMBERS_MAX];
	size_t organisations;
	size_t needed;                /* organisations that the policy asked for */
	bool witnessed[POLICY_WITNESSES_MAX];
	size_t witnesses;
	/* Seconds since 1970, true unless more than f organisations lie: what the checkpoint covers was final no later than
	 * `final_s` (of the f+1 earliest lines one is honest), and an honest organisation knew of nothing newer at `fresh_s` or
	 * later (of the f+1 latest lines one is honest; for notes of the state's root). */
	uint64_t final_s;
	uint64_t fresh_s;
};

/* How many of them may lie without harm: f of n >= 3f + 1. */
size_t note_tolerated(const struct genesis *members);
/* How many of them must have signed at least. */
size_t note_least(const struct genesis *members);

/* Is `note` a checkpoint of `origin`, of the log or of the state, that satisfies the policy? Every line is by an organisation of
 * the epoch or a witness of the policy, once, with the key that is known, and verifies (on the log's own checkpoints, lines of
 * witnesses that are not known are passed over); the note's bytes are the one form of what it says.
 * *out is large: not for the stack; it borrows from the note and the chain.
 * The sentence says which signature is missing. E_MALFORMED, E_NOT_CANONICAL, E_NETWORK (another origin), E_UNKNOWN,
 * E_DUPLICATE, E_SIGNATURE (wrong or too few), E_LIMIT (too old), E_CONFIG (a policy that this consortium cannot satisfy,
 * or that f liars could). */
MUST_USE enum status note_judge(struct span note, const char *origin, const struct trust *trust, struct note_judgement *out,
	struct fault *fault);
/* The same by the members of one epoch, whatever the note's size says: for what is no state of the log. No age. */
MUST_USE enum status note_judge_in(struct span note, const char *origin, const struct epoch *epoch, const struct policy *policy,
	struct note_judgement *out, struct fault *fault);

/* Lines "ok: checkpoint: ..." for people. policy: as it was judged under. */
void note_report(const struct note_judgement *judgement, const struct policy *policy, struct buffer *report);
/* One more line: `what`, such as "all that follows", was final at the latest when. */
void note_report_final(const struct note_judgement *judgement, const char *what, struct buffer *report);

#endif
