/* State proofs: what the ledger knew of one name at a checkpoint, or that it knew none, in one file.
 * CBOR: [ "tally/state/v1", name tstr, value bstr / null, [* sibling], other, note tstr, [* statement bstr] ]
 *   value   = record/state_entry.h; null: there is no such entity
 *   sibling = 32 bytes, from the root down (crypto/state_tree.h)
 *   other   = null, or for an absence [key, SHA-256 of value] of the leaf at the name's place
 *   note    = a checkpoint whose origin ends in "/state" and whose root is that of the state tree
 * The statements are those that the value names: registration, bounds, model; each at most once, any may be missing.
 * Their ids in the value authenticate them. A verifier needs this, the genesis and, when members
 * changed, the chain of epochs; nothing else. */
#ifndef TALLY_RECORD_STATE_PROOF_H
#define TALLY_RECORD_STATE_PROOF_H

#include "crypto/state_tree.h"
#include "record/note.h"
#include "record/state_entry.h"

enum {
	CHECKPOINT_STATE_ORIGIN_SIZE = CHECKPOINT_ORIGIN_SIZE + 6,
	STATE_PROOF_SIZE_MAX = 1 << 20,
	STATE_STATEMENTS_MAX = 3,
};

/* "tally/" || hex(network id) || "/state" */
void checkpoint_state_origin(const uint8_t network[NETWORK_ID_SIZE], char out[CHECKPOINT_STATE_ORIGIN_SIZE]);

struct state_proof {
	struct span name;
	bool present;
	struct span value;            /* when present */
	struct state_path path;
	struct span note;
	struct span statements[STATE_STATEMENTS_MAX];
	size_t statement_count;
};

void state_proof_encode(const struct state_proof *proof, struct buffer *out);
/* True: `bytes` begin as a state proof does. */
bool state_proof_is(struct span bytes);
/* Spans are borrowed. *out is large: not for the stack. E_MALFORMED, E_NOT_CANONICAL, E_LIMIT with a sentence. */
MUST_USE enum status state_proof_decode(struct span bytes, struct state_proof *out, struct fault *fault);

/* What a verified proof says. */
struct state_finding {
	bool present;
	struct state_entry entry;     /* when present; spans borrowed from the proof's bytes */
	/* The statements of the proof by their place in the entry; empty when not in the file. */
	struct span registration, bounds, model;
	uint64_t size;                /* of the log */
	uint64_t fresh_s;             /* as in record/note.h */
};

/* Checks, in order: the note (note_judge); the path from the name to the note's root; the value's
 * form; each statement's form, that it is about this name, and that the value names its id. `report` (or NULL) receives lines
 * "ok: ..." and, when it fails, "FAILED: ...".
 * E_SIGNATURE, E_MALFORMED, E_NOT_CANONICAL, E_NETWORK, E_UNKNOWN, E_DUPLICATE, E_LIMIT, E_CONFIG with a sentence. */
MUST_USE enum status state_proof_verify(const struct state_proof *proof, const struct trust *trust, struct state_finding *out,
	struct buffer *report, struct fault *fault);

#endif
