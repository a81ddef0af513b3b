/* Receipts judged, for people: what is proven, by whom, and what is not. Lines as in record/bundle.h. */
#ifndef TALLY_RECORD_RECEIPT_CHECK_H
#define TALLY_RECORD_RECEIPT_CHECK_H

#include "record/note.h"
#include "record/receipt.h"

/* That the organisation which issued `receipt` has `statement` on its log, at which place. Organisations are those of the epoch
 * of the receipt's size, and for the statement those of the epoch in which its place was filled. Checks, in order: the
 * statement's form, body and network; the receipt's form; the statement's signature, when its issuer is an organisation (other
 * issuers' keys are registered on the log); the receipt's log, issuer and key; its proof; its signature.
 * A receipt is one organisation's word, which satisfies no policy: E_SIGNATURE with one.
 * E_MALFORMED, E_NOT_CANONICAL, E_LIMIT, E_NETWORK, E_UNKNOWN, E_SIGNATURE. */
MUST_USE enum status receipt_check(struct span receipt, struct span statement, const struct trust *trust, struct buffer *report,
	struct fault *fault);

/* That the issuer's log, when it was larger, still began with all that the checkpoint `note` covers. The note is judged as
 * note_judge does. */
MUST_USE enum status receipt_check_consistency(struct span receipt, struct span note, const struct trust *trust,
	struct buffer *report, struct fault *fault);

#endif
