/* State entries: what the state tree (crypto/state_tree.h) holds about one entity, under the SHA-256 of its name.
 * A deterministic CBOR map with small integer keys; the number beside each field is its key. Optional fields are left
 * out when they are empty or zero. */
#ifndef TALLY_RECORD_STATE_ENTRY_H
#define TALLY_RECORD_STATE_ENTRY_H

#include "record/body.h"

enum entity_kind { ENTITY_ORG = 1, ENTITY_PERSON = 2, ENTITY_GATEWAY = 3, ENTITY_DEVICE = 4 };
const char *entity_kind_name(unsigned kind);

enum { STATE_ENTRY_MAX = 2048 }; /* bytes: more than the longest names can make */

struct state_entry {
	uint32_t kind;                /* 1 enum entity_kind */
	uint32_t state;               /* 2 enum device_state */
	struct digest registration;   /* 3 the ORG, PERSON or DEVICE statement in force */
	struct span owner;            /* 4 name of the organisation; empty for organisations */
	struct span gateway;          /* 5 name of a device's gateway, else empty */
	struct span role;             /* 6 of organisations and people */
	struct digest kid;            /* 7 thumbprint of its statement key; zero: it cannot sign */
	struct digest tls_key;        /* 8 SHA-256 of its TLS SubjectPublicKeyInfo; zero: none */
	struct digest bounds;         /* 9 the BOUNDS statement in force; zero: none */
	uint64_t bounds_version;      /* 10 0: none */
	struct digest model;          /* 11 the MODEL statement in force; zero: none */
	uint64_t model_version;       /* 12 0: none */
	uint64_t last_seq;            /* 13 of its last statement; 0: it made none */
	struct digest last_id;        /* 14 zero: none */
};

/* The tree's key for a name. */
struct digest state_entry_key(struct span name);
void state_entry_encode(const struct state_entry *entry, struct buffer *out);
/* Spans are borrowed. E_MALFORMED, E_LIMIT with a sentence. */
MUST_USE enum status state_entry_decode(struct span bytes, struct state_entry *out, struct fault *fault);
/* "active", "suspended", "revoked" */
const char *device_state_word(unsigned state);

#endif
