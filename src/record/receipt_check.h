/* Receipts judged, for people: what is proven, by whom, and what is not. Lines as in record/bundle.h. */
#ifndef TALLY_RECORD_RECEIPT_CHECK_H
#define TALLY_RECORD_RECEIPT_CHECK_H

#include "record/genesis.h"
#include "record/receipt.h"

/* That the organisation of the genesis which issued `receipt` has `statement` on its log, at which place. Checks, in order: the
 * statement's form, body and network; its signature, when its issuer is an organisation (other issuers' keys are registered
 * on the log and not in the genesis); the receipt's form, log, issuer and key; its proof; its signature.
 * E_MALFORMED, E_NOT_CANONICAL, E_LIMIT, E_NETWORK, E_UNKNOWN, E_SIGNATURE. */
MUST_USE enum status receipt_check(struct span receipt, struct span statement, const struct genesis *genesis,
	struct buffer *report, struct fault *fault);

/* That the issuer's log, when it was larger, still began with all that the checkpoint `note` covers. The note is checked as
 * checkpoint_verify does. */
MUST_USE enum status receipt_check_consistency(struct span receipt, struct span note, const struct genesis *genesis,
	struct buffer *report, struct fault *fault);

#endif
