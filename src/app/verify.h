/* Verifying what an auditor was handed: a bundle with its reading explained, a state proof, a checkpoint, a receipt, a
 * transparent statement, a chain of epochs. Pure. Lines for people are appended to `report`, also when the result is not OK. */
#ifndef TALLY_APP_VERIFY_H
#define TALLY_APP_VERIFY_H

#include "record/bundle.h"
#include "record/note.h"

MUST_USE enum status verify_bundle(const struct trust *trust, struct span bundle, struct buffer *report, struct fault *fault);

/* After the bundle itself: do the proofs in its EVIDENCE statements convict? One line each. E_MALFORMED, E_NETWORK,
 * E_SIGNATURE, E_FORBIDDEN. */
MUST_USE enum status verify_evidence(const struct epochs *epochs, const struct bundle *bundle, struct buffer *report, struct fault *fault);

MUST_USE enum status verify_state(const struct trust *trust, struct span file, struct buffer *report, struct fault *fault);

/* The chain itself, from its genesis: of each epoch since when, who joined, left and changed keys, and who signed it. */
MUST_USE enum status verify_epochs(const struct genesis *genesis, struct span file, struct buffer *report, struct fault *fault);

/* One or two files, told apart by their bytes: a bundle; a state proof; a chain of epochs; a checkpoint's note; a transparent
 * statement; a receipt and its statement; a receipt with a consistency proof and the note of the older checkpoint. Two in either order. A receipt of a
 * statement, one organisation's word, satisfies no policy. */
enum { VERIFY_FILES_MAX = 2 };
MUST_USE enum status verify_files(const struct trust *trust, const struct span *files, size_t count, struct buffer *report,
	struct fault *fault);

#endif
