/* Verifying a bundle with its reading explained. Pure. */
#ifndef TALLY_APP_VERIFY_H
#define TALLY_APP_VERIFY_H

#include "record/bundle.h"
#include "record/genesis.h"

/* Lines for people are appended to `report`, also when the result is not OK. */
MUST_USE enum status verify_bundle(struct span genesis, struct span bundle, struct buffer *report, struct fault *fault);

/* After the bundle itself: do the proofs in its EVIDENCE statements convict? One line each. E_MALFORMED, E_NETWORK,
 * E_SIGNATURE, E_FORBIDDEN. */
MUST_USE enum status verify_evidence(const struct genesis *genesis, const struct bundle *bundle, struct buffer *report, struct fault *fault);

#endif
