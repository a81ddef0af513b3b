/* Verifying what an auditor was handed: a bundle with its reading explained, a checkpoint, a receipt. Pure. */
#ifndef TALLY_APP_VERIFY_H
#define TALLY_APP_VERIFY_H

#include "record/bundle.h"
#include "record/note.h"
#include "record/genesis.h"

/* Lines for people are appended to `report`, also when the result is not OK. */
MUST_USE enum status verify_bundle(struct span genesis, struct span bundle, struct buffer *report, struct fault *fault);

/* After the bundle itself: do the proofs in its EVIDENCE statements convict? One line each. E_MALFORMED, E_NETWORK,
 * E_SIGNATURE, E_FORBIDDEN. */
MUST_USE enum status verify_evidence(const struct genesis *genesis, const struct bundle *bundle, struct buffer *report, struct fault *fault);

/* The same for one or two files, told apart by their bytes: a bundle; a checkpoint's note; a receipt and its statement; a
 * receipt with a consistency proof and the note of the older checkpoint; a state proof. Two in either order. policy: NULL for
 * f+1; a receipt of a statement, one organisation's word, satisfies none. */
enum { VERIFY_FILES_MAX = 2 };
MUST_USE enum status verify_files(struct span genesis, const struct span *files, size_t count, const struct policy *policy, int64_t now_s,
	struct buffer *report, struct fault *fault);

#endif
