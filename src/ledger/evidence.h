/* Evidence: does the proof in an EVIDENCE statement convict the member? With the chain of epochs alone, so that an outsider can ask
 * as well. Source: docs/ledger.md, "Equivocation". */
#ifndef TALLY_LEDGER_EVIDENCE_H
#define TALLY_LEDGER_EVIDENCE_H

#include "record/body.h"
#include "record/epoch.h"

/* How the signatures in a proof are verified: a block's, under the member's node key; and cosignature_verify. */
struct evidence_signatures {
	enum status (*block_verify)(const struct verifying_key *key, const struct digest *digest, struct span signature);
	enum status (*cosignature_verify)(const struct verifying_key *key, struct span name, struct span origin, uint64_t size,
		const struct digest *root, const struct cosignature *cosignature);
};

struct evidence_proves {
	uint64_t epoch;
	uint16_t member;              /* who signed both: consensus index in that epoch */
	uint64_t at;                  /* the round of both blocks; or the size of the log whose root was signed */
	struct digest first, second;  /* digests of the blocks; or the root that was signed, and nothing */
};

/* OK: an equivocation is proven. A fork is when, besides, the log had another root at size `at`; that a member signed
 * first for it is proven. E_MALFORMED: no proof; E_NETWORK: of another network; E_SEQUENCE: of an epoch that `epochs`
 * does not reach; E_SIGNATURE: not signed by that member; E_FORBIDDEN: signed by another member than the accused. */
MUST_USE enum status evidence_proof(const struct epochs *epochs, const struct body_evidence *body, struct evidence_proves *out,
	struct fault *fault);
/* The same where signatures are not the product's, as in a simulation. */
MUST_USE enum status evidence_proof_by(const struct evidence_signatures *signatures, const struct epochs *epochs,
	const struct body_evidence *body, struct evidence_proves *out, struct fault *fault);

#endif
