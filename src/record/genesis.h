/* Genesis: the founding document of a consortium, the trust root that a verifier pins.
 * CBOR: [ "tally/genesis/v1", name, created_ms, [+ bstr ORG statement] ], or, where a setting is not as usual,
 * [ "tally/genesis/v2", name, created_ms, settings, [+ bstr ORG statement] ]. Settings are what must be equal at all members
 * and never changes: a map of those that are not as usual, which is never empty: 1: epoch_bytes;
 * 2: "crash", with three members only. Each ORG statement
 * is self-signed (network all zero, seq 1). network id = first 16 bytes of SHA-256(genesis).
 * The members' order is their consensus index. */
#ifndef TALLY_RECORD_GENESIS_H
#define TALLY_RECORD_GENESIS_H

#include "base/faults.h"
#include "record/body.h"
#include "record/cbor.h"

enum { GENESIS_MEMBERS_MAX = 64 };

/* An epoch ends when its blocks weigh so much: usually, at least, at most. */
#define GENESIS_EPOCH_BYTES (UINT64_C(1) << 30)
#define GENESIS_EPOCH_BYTES_MIN (UINT64_C(1) << 16)
#define GENESIS_EPOCH_BYTES_MAX (UINT64_C(1) << 50)

struct genesis_settings {
	uint64_t epoch_bytes;
	bool crash;                   /* epochs of three members bear a crash (FAULTS_CRASH) */
};

struct genesis_member {
	struct span statement;        /* bytes of the ORG statement, borrowed from the genesis bytes */
	struct statement header;
	struct body_org org;
};

struct genesis {
	struct span name;
	int64_t created_ms;
	struct genesis_settings settings;
	struct genesis_member *members; /* owned */
	size_t member_count;
	uint8_t network[NETWORK_ID_SIZE];
	struct digest digest;
};

struct genesis_settings genesis_settings_usual(void);
/* settings: NULL for the usual ones. Nothing is checked: decode what was made. */
void genesis_encode(struct span name, int64_t created_ms, const struct genesis_settings *settings, const struct span *org_statements, size_t count,
	struct buffer *out);
/* Checks form and every self-signature. `bytes` must outlive the result. E_MALFORMED, E_LIMIT,
 * E_SIGNATURE, E_DUPLICATE (two members with one name or key). */
MUST_USE enum status genesis_decode(struct span bytes, struct genesis *out, struct fault *fault);
void genesis_free(struct genesis *genesis);
/* What these members bear: a function of the founding settings and their number. */
enum faults genesis_faults(const struct genesis *members);
/* The member of this name, "org:..."; NULL: none. */
const struct genesis_member *genesis_member_named(const struct genesis *genesis, struct span name);

/* A later set of members (record/epoch.h): reads a list of such ORG statements. *out is the caller's, to be freed with
 * genesis_free and free, and borrows from the reader's bytes; it has the name, network, digest, time and settings of `founding`. NULL
 * for an empty list, or when the reader failed. Errors as in genesis_decode. */
MUST_USE enum status genesis_members_decode(struct cbor_reader *in, const struct genesis *founding, struct genesis **out, struct fault *fault);
/* One member's ORG statement, with its signature. */
MUST_USE enum status genesis_member_decode(struct span statement, struct genesis_member *out, struct fault *fault);
/* One key serves one purpose of one member. With a == b: within the member. */
bool genesis_members_share_key(const struct genesis_member *a, const struct genesis_member *b);

#endif
