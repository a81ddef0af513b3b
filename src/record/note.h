/* Notes judged: who signed a checkpoint, whether that is enough for a verifier, and what its times say.
 * A verifier without a policy of its own asks for f+1 of the n organisations (n >= 3f + 1): one of them is honest. */
#ifndef TALLY_RECORD_NOTE_H
#define TALLY_RECORD_NOTE_H

#include "record/checkpoint.h"

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

struct note_judgement {
	struct checkpoint checkpoint;
	bool signed_by[GENESIS_MEMBERS_MAX]; /* by member */
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

/* Is `note` a checkpoint of `origin` that satisfies the policy? Every line is by an organisation of the genesis or a witness
 * of the policy, once, with the key that is known, and verifies (on the log's own checkpoints, lines of witnesses that are not
 * known are passed over); the note's bytes are the one form of what it says.
 * policy: NULL for f+1. now_s: for its greatest age; lines of the future have age 0. *out is large: not for the stack.
 * The sentence says which signature is missing. E_MALFORMED, E_NOT_CANONICAL, E_NETWORK (another origin), E_UNKNOWN,
 * E_DUPLICATE, E_SIGNATURE (wrong or too few), E_LIMIT (too old), E_CONFIG (a policy that this consortium cannot satisfy,
 * or that f liars could). */
MUST_USE enum status note_judge(struct span note, const char *origin, const struct genesis *genesis, const struct policy *policy,
	int64_t now_s, struct note_judgement *out, struct fault *fault);

/* Lines "ok: checkpoint: ..." for people. */
void note_report(const struct note_judgement *judgement, const struct genesis *genesis, const struct policy *policy, struct buffer *report);

#endif
