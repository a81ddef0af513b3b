/* One reading with its proof: asked for at a gateway, joined to the bundle of the anchor that covers it. */
#ifndef TALLY_APP_READING_H
#define TALLY_APP_READING_H

#include "record/bundle.h"

/* "dev:manufacturer/spindle-1#vibration@1700": device, signal, the device's message number. Borrowed. */
struct reading_name {
	struct span device, signal;
	uint64_t seq;
};
MUST_USE enum status reading_name_parse(struct span text, struct reading_name *out, struct fault *fault);

struct reading_proof {
	struct digest anchor;
	struct buffer leaf;           /* owned */
	uint64_t leaf_index, leaf_count;
	struct merkle_path path;
};
void reading_proof_free(struct reading_proof *proof);

/* The address of the gateway that speaks for the device, as its organisation's node names it; appends a C string. */
MUST_USE enum status reading_floor_of(const char *node, const struct reading_name *name, struct buffer *url, struct fault *fault);
/* Ask the gateway. E_BUSY: not anchored yet. */
MUST_USE enum status reading_fetch(const char *floor, const struct reading_name *name, struct reading_proof *out, struct fault *fault);
/* The answer of GET /api/v1/floor/reading. E_MALFORMED. */
MUST_USE enum status reading_proof_parse(struct span json, struct reading_proof *out, struct fault *fault);
/* Append the bundle of the anchor with the reading in it. E_SIGNATURE: the proof is not of this anchor. */
MUST_USE enum status reading_join(struct span anchor_bundle, const struct reading_proof *proof, struct buffer *out, struct fault *fault);

#endif
