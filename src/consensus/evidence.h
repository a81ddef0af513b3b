/* Evidence: two signed headers of one slot prove that their author equivocated. Whoever holds
 * the members' keys can check it without the DAG. docs/ledger.md, "Equivocation". */
#ifndef TALLY_CONSENSUS_EVIDENCE_H
#define TALLY_CONSENSUS_EVIDENCE_H

#include "consensus/validity.h"

/* first, second: as block_signed_header gives them. OK and *author; E_MALFORMED: not two different
 * headers of one slot; E_NETWORK: of another network or epoch; E_SIGNATURE: one is not the author's. */
MUST_USE enum status evidence_check(struct span first, struct span second, const struct validity *validity,
	const struct block_signer *verifier, uint16_t *author, struct fault *fault);

#endif
