/* Transparent statements judged, for people. Lines as in record/bundle.h, and "not ok: " for a receipt that does not count. */
#ifndef TALLY_RECORD_TRANSPARENT_CHECK_H
#define TALLY_RECORD_TRANSPARENT_CHECK_H

#include "record/note.h"
#include "record/transparent.h"

/* That organisations have the statement on their log, at one place. Each receipt is judged alone, as in receipt_check, by the
 * members and keys of the epoch of its size; an organisation has one. Good receipts never contradict each other: not in the
 * position, nor in the root of one size (E_SIGNATURE, whatever the policy, since one of the two lied).
 *   Without a policy every receipt must be good; the report says whether more signed than may lie.
 *   With a policy it decides over the good ones, for the members of the epoch of the newest of them. Receipts name no time and are
 *   not made by witnesses: a policy that asks for either is E_CONFIG.
 * E_MALFORMED, E_NOT_CANONICAL, E_LIMIT, E_NETWORK, E_UNKNOWN, E_DUPLICATE, E_SIGNATURE, E_CONFIG. */
MUST_USE enum status transparent_check(struct span file, const struct trust *trust, struct buffer *report, struct fault *fault);

#endif
