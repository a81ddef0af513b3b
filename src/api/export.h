/* Export: the bundle (record/bundle.h) of a statement: itself, its ancestry, their places in the log and a
 * checkpoint that covers them all. An auditor needs it and the genesis, nothing else. */
#ifndef TALLY_API_EXPORT_H
#define TALLY_API_EXPORT_H

#include "record/bundle.h"
#include "view/view.h"

struct export_source {
	struct view *view;
	const struct merkle_tree *tree; /* of the log */
	void *context;
	/* The earliest checkpoint whose size is greater than `index`, as a note; appends. E_NOT_FOUND: none yet. */
	enum status (*checkpoint)(void *context, uint64_t index, struct buffer *note, uint64_t *size);
};

/* Append the bundle to `out`. depth 0: the whole ancestry. E_NOT_FOUND: no such statement; E_BUSY: no checkpoint
 * covers it yet; E_LIMIT: more ancestors than a bundle holds: ask for a depth. */
MUST_USE enum status export_bundle(const struct export_source *source, const struct digest *id, uint32_t depth,
	struct buffer *out, struct fault *fault);

#endif
