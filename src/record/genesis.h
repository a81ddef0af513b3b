/* Genesis: the founding document of a consortium, the trust root that a verifier pins.
 * CBOR: [ "tally/genesis/v1", name, created_ms, [+ bstr ORG statement] ]. Each ORG statement
 * is self-signed (network all zero, seq 1). network id = first 16 bytes of SHA-256(genesis).
 * The members' order is their consensus index. */
#ifndef TALLY_RECORD_GENESIS_H
#define TALLY_RECORD_GENESIS_H

#include "record/body.h"

enum { GENESIS_MEMBERS_MAX = 64 };

struct genesis_member {
	struct span statement;        /* bytes of the ORG statement, borrowed from the genesis bytes */
	struct statement header;
	struct body_org org;
};

struct genesis {
	struct span name;
	int64_t created_ms;
	struct genesis_member *members; /* owned */
	size_t member_count;
	uint8_t network[NETWORK_ID_SIZE];
	struct digest digest;
};

void genesis_encode(struct span name, int64_t created_ms, const struct span *org_statements, size_t count, struct buffer *out);
/* Checks form and every self-signature. `bytes` must outlive the result. E_MALFORMED, E_LIMIT,
 * E_SIGNATURE, E_DUPLICATE (two members with one name or key). */
MUST_USE enum status genesis_decode(struct span bytes, struct genesis *out, struct fault *fault);
void genesis_free(struct genesis *genesis);

#endif
