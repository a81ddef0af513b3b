/* State proofs as files that a gateway starts on when its node is away. */
#ifndef TALLY_GATEWAY_PROOFS_H
#define TALLY_GATEWAY_PROOFS_H

#include "record/state_proof.h"

enum { GATEWAY_PROOFS_MAX = 4096 }; /* files looked at */

struct gateway_proof {
	char *name;                   /* whom it is about */
	struct buffer file;           /* what `found` points into */
	struct state_finding found;
};

struct gateway_proofs {
	struct gateway_proof *items;  /* one a name, the newest; in order of file names */
	size_t count, capacity;
	size_t refused;               /* files that were none, or proved nothing */
	uint64_t fresh_s;             /* of the oldest that is used: record/note.h */
};

struct gateway_proofs_rule {
	struct trust trust;           /* its policy's age_max_s holds */
	const char *gateway;          /* whose proof must be there and say active */
};

/* Read the regular files of a folder and verify each; what fails is noted and left out. Of one name the proof of the largest log
 * counts; what proves that there is no such name is left out as well. E_NOT_FOUND: no folder, or nothing about the gateway
 * itself; E_REVOKED: it is not active. The caller frees *out in any case. */
MUST_USE enum status gateway_proofs_read(const char *folder, const struct gateway_proofs_rule *rule, struct gateway_proofs *out, struct fault *fault);
void gateway_proofs_free(struct gateway_proofs *proofs);

#endif
