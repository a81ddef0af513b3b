/* Witnesses (C2SP tlog-witness): somebody outside of the consortium who remembers the largest checkpoint of a log that he saw
 * and cosigns only what continues it. A log that shows two histories needs him to lie, too. He does not judge entries.
 *
 * POST /add-checkpoint, body:   old <size>\n, then at most 63 nodes of the consistency proof, each base64 and \n, then \n,
 *                               then the checkpoint's note
 * A verification key as text:   name "+" hex(key id) "+" base64(0x06 || public key)   (C2SP signed-note, ML-DSA-44)
 */
#ifndef TALLY_RECORD_WITNESS_H
#define TALLY_RECORD_WITNESS_H

#include "crypto/merkle.h"
#include "record/epoch.h"

enum { WITNESS_PROOF_MAX = 63, WITNESS_REQUEST_MAX = 512 * 1024, VERIFICATION_KEY_TEXT_MAX = 2200 };

/* -- keys as text ---------------------------------------------------------------------------- */
void verification_key_encode(struct span name, const struct public_key *key, struct buffer *out);
/* *name is borrowed from the text. E_MALFORMED: another form or algorithm, or the id is not the key's. */
MUST_USE enum status verification_key_decode(struct span text, struct span *name, struct public_key *key, struct fault *fault);
/* 1 to 255 printable ASCII characters, no space, no plus sign, and not a member's. */
bool witness_name_is_good(struct span name);

/* -- requests -------------------------------------------------------------------------------- */
struct witness_request {
	uint64_t old;
	struct merkle_path path;
	struct span note;             /* borrowed when decoded */
};

void witness_request_encode(const struct witness_request *request, struct buffer *out);
MUST_USE enum status witness_request_decode(struct span body, struct witness_request *out, struct fault *fault);

/* -- the witness's judgement ----------------------------------------------------------------------- */
/* The largest tree that was cosigned. */
struct witness_log {
	uint64_t size;
	struct digest root;
};

/* Before anything was: size 0 and the root of the empty tree. */
struct witness_log witness_log_new(void);

/* HTTP statuses of the protocol. */
enum witness_verdict {
	WITNESS_COSIGN = 200,         /* persist, then sign */
	WITNESS_MALFORMED = 400,      /* also: an old size above the new one */
	WITNESS_UNTRUSTED = 403,      /* not signed by enough organisations, or badly by one */
	WITNESS_UNKNOWN = 404,        /* another log */
	WITNESS_CONFLICT = 409,       /* the old size is not that of `log`: answer with that */
	WITNESS_UNPROVEN = 422,       /* it does not continue what was cosigned */
};

/* Judge a request; *out is what to cosign and remember when the verdict is WITNESS_COSIGN. quorum: how many organisations of
 * the epoch of the checkpoint's size must have signed; f+1 when that is more. The sentence of a refusal is in `fault`. Source: C2SP tlog-witness, checks in its order. */
enum witness_verdict witness_judge(const struct witness_log *log, const struct epochs *epochs, size_t quorum, struct span body,
	struct witness_log *out, struct fault *fault);

#endif
