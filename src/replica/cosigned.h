/* A cosignature as members exchange and store it: member u16, size u64, root, timestamp u64 (s),
 * signature. One length, one form. */
#ifndef TALLY_REPLICA_COSIGNED_H
#define TALLY_REPLICA_COSIGNED_H

#include "base/cursor.h"
#include "record/checkpoint.h"

enum { COSIGNED_SIZE = 2 + 8 + DIGEST_SIZE + 8 + ML_DSA_44_SIGNATURE };

struct cosigned {
	uint16_t member;
	uint64_t size;
	struct digest root;
	struct cosignature cosignature;
};

void cosigned_encode(const struct cosigned *cosigned, struct buffer *out);
/* E_MALFORMED. */
MUST_USE enum status cosigned_decode(struct span bytes, struct cosigned *out);

#endif
