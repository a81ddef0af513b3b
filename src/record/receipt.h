/* Receipts (RFC 9942, 4 to 6): one organisation's signature over the root of the log, with a proof that leads there.
 * A COSE_Sign1 (RFC 9052, 4.2), tag 18:
 *   protected   { 1: -48, 4: kid, 15: { 1: iss, 2: sub }, 395: 1 }   vds 1: RFC9162_SHA256
 *   unprotected { 396: { -1: [+ bstr .cbor inclusion proof] } }  or  { 396: { -2: [+ bstr .cbor consistency proof] } }
 *   payload     nil: the root, which the verifier computes from the proof
 *   signature   ML-DSA-44, empty context, over ["Signature1", protected, h'', root]: not a C2SP cosignature
 *   inclusion proof   = [ tree size, leaf index, [* node] ]          RFC 9942, 5.2
 *   consistency proof = [ first size, second size, [* node] ]        RFC 9942, 5.3
 * iss is the organisation, sub the log (checkpoint_origin), kid names the organisation's checkpoint key. The entry of a
 * statement is its id: SHA-256 of its bytes, with an empty unprotected header. Trees: RFC 9162, 2.1. */
#ifndef TALLY_RECORD_RECEIPT_H
#define TALLY_RECORD_RECEIPT_H

#include "crypto/merkle.h"
#include "crypto/sign.h"

enum { RECEIPT_PROOFS_MAX = 4, RECEIPT_SIZE_MAX = 32 * 1024, RECEIPT_NAME_MAX = 200 };

enum receipt_kind { RECEIPT_INCLUSION = -1, RECEIPT_CONSISTENCY = -2 };

struct receipt_proof {
	uint64_t first;               /* leaf index, or the older size */
	uint64_t size;                /* of the tree whose root is signed */
	struct merkle_path path;
};

/* The spans of a decoded receipt are borrowed from its bytes. Large: not for the stack of deep calls. */
struct receipt {
	enum receipt_kind kind;
	struct span iss, sub;
	struct digest kid;
	struct receipt_proof proofs[RECEIPT_PROOFS_MAX];
	size_t proof_count;           /* ours have one; several must all lead from one entry to one root */
	/* Set by decoding only. */
	struct span signed_protected;
	struct span signature;
};

/* Sign `root` and append the receipt's bytes. Inputs: kind, iss, sub, the proofs; kid is set from the key. randomness as in
 * signing_key_sign. E_ENTROPY: the library failed; nothing is appended. */
MUST_USE enum status receipt_sign(struct receipt *receipt, const struct digest *root, const struct signing_key *key,
	const uint8_t *randomness, struct buffer *out);

/* Decode and check the form. A tree size 0, an index beyond the size and sizes in wrong order are E_MALFORMED, too.
 * E_MALFORMED, E_NOT_CANONICAL, E_LIMIT. */
MUST_USE enum status receipt_decode(struct span bytes, struct receipt *out, struct fault *fault);

/* Does every proof lead from the entry `id` to one root, and does the key's signature cover that? OK or E_SIGNATURE, also
 * when the kid is that of another key or the receipt is of the other kind. *root receives the root when OK. */
MUST_USE enum status receipt_verify_inclusion(const struct receipt *receipt, const struct verifying_key *key, const struct digest *id,
	struct digest *root);
/* Does every proof lead from the root of the first `size` entries? As above. */
MUST_USE enum status receipt_verify_consistency(const struct receipt *receipt, const struct verifying_key *key, uint64_t size,
	const struct digest *older, struct digest *root);

/* The parts of a receipt under any algorithm, header unread: proofs and signature. For receipts of other services (tests). */
MUST_USE enum status receipt_decode_proofs(struct span bytes, struct receipt *out, struct fault *fault);
/* The root to which all inclusion proofs lead. OK, E_SIGNATURE. */
MUST_USE enum status receipt_inclusion_root(const struct receipt *receipt, const struct digest *id, struct digest *root);

#endif
