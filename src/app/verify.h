/* Verifying what an auditor was handed: a bundle with its reading explained, a checkpoint, a receipt. Pure. */
#ifndef TALLY_APP_VERIFY_H
#define TALLY_APP_VERIFY_H

#include "record/bundle.h"

/* Lines for people are appended to `report`, also when the result is not OK. */
MUST_USE enum status verify_bundle(struct span genesis, struct span bundle, struct buffer *report, struct fault *fault);

/* The same for one or two files, told apart by their bytes: a bundle; a checkpoint's note; a receipt and its statement; a
 * receipt with a consistency proof and the note of the older checkpoint. Two in either order. */
enum { VERIFY_FILES_MAX = 2 };
MUST_USE enum status verify_files(struct span genesis, const struct span *files, size_t count, struct buffer *report, struct fault *fault);

bool verify_is_note(struct span file);
/* Neither a checkpoint nor a receipt nor a statement: what verify_files takes for a bundle. */
bool verify_is_bundle(struct span file);

#endif
