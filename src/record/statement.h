/* Statements: what organisations, gateways and people put on the ledger.
 *
 * A statement is a COSE_Sign1 (RFC 9052) with ML-DSA-44 (RFC 9964), tag 18, as a SCITT signed
 * statement (RFC 9943):
 *   protected   { 1: -48, 4: kid, 15: { 1: iss, 2: sub, 6: iat }, "tally": header }
 *   header      [ 1, type, seq, prev / null, [* parent], network, class ]
 *   unprotected {}
 *   payload     body, deterministic CBOR, see record/body.h
 *   signature   over ["Signature1", protected, h'', payload], empty ML-DSA context
 * id = SHA-256 of all of its bytes = entry of the log. kid = RFC 9679 thumbprint of the key.
 * Source: ../shared study `trust`, sections 2.2, 2.3, 8.1; docs/ledger.md. */
#ifndef TALLY_RECORD_STATEMENT_H
#define TALLY_RECORD_STATEMENT_H

#include "base/buffer.h"
#include "crypto/sign.h"

enum statement_type {
	STATEMENT_ORG = 1,         /* an organisation and its keys; in the genesis */
	STATEMENT_PERSON = 2,      /* a person's key and role */
	STATEMENT_DEVICE = 4,      /* a gateway, machine or sensor */
	STATEMENT_EVENT = 9,       /* what happened to things: order, consignment, history */
	STATEMENT_ANCHOR = 10,     /* a chunk of samples and its provenance */
	STATEMENT_MODEL = 11,      /* a version of a twin's model */
	STATEMENT_BOUNDS = 12,     /* the static bounds of a device's signals */
	STATEMENT_DEVICE_STATE = 23, /* suspended, revoked, reinstated */
	STATEMENT_DISTURBANCE = 24,
	STATEMENT_SERVICE = 25,    /* calibration or scheduling, as tried on the twin */
	STATEMENT_COMMAND = 26,
	STATEMENT_RESULT = 27,     /* what a machine reported after a command */
	STATEMENT_CRITICAL = 28,   /* fire alarm, power, door: already acted upon */
	STATEMENT_ACK = 29,        /* a person acknowledged an alarm */
	STATEMENT_EVIDENCE = 30,   /* a member lied, with the proof */
	STATEMENT_MEMBER = 31,     /* a change of the members is proposed */
	STATEMENT_VOTE = 32,       /* a member's vote on that */
	STATEMENT_TYPE_END
};

/* "org", "device", ... or "unknown". */
const char *statement_type_name(unsigned type);

enum {
	STATEMENT_SIZE_MAX = 60 * 1024, /* also fits a u16 length, as entry bundles demand */
	STATEMENT_PARENTS_MAX = 8,
	STATEMENT_NAME_MAX = 200,       /* bytes of iss and of sub */
	NETWORK_ID_SIZE = 16,
};

enum statement_class { CLASS_PUBLIC = 0, CLASS_CONSORTIUM = 1, CLASS_CONFIDENTIAL = 2, CLASS_PERSONAL = 3 };

/* A decoded statement. Spans are borrowed from the bytes it was decoded from. */
struct statement {
	uint32_t type;
	uint64_t seq;          /* the issuer's own number, from 1 */
	struct digest prev;    /* id of the issuer's previous statement; zero when seq is 1 */
	struct digest parents[STATEMENT_PARENTS_MAX]; /* provenance edges */
	size_t parent_count;
	uint8_t network[NETWORK_ID_SIZE];
	uint32_t class;
	struct digest kid;
	struct span iss;       /* for example "org:manufacturer", "gw:manufacturer/hall-1" */
	struct span sub;       /* what it is about, for example "dev:manufacturer/spindle-1" */
	int64_t iat;           /* seconds since 1970; a claim, never a safety input */
	struct span body;
	/* Set by decoding only. */
	struct span signed_protected;
	struct span signature;
	struct digest id;
};

/* RFC 9679 thumbprint of an ML-DSA-44 COSE key. */
struct digest key_thumbprint(const struct public_key *key);

/* Sign and append the bytes to `out`; *id receives SHA-256 of them. The fields from `type`
 * to `body` are inputs; kid is set from the key. randomness as in signing_key_sign.
 * E_LIMIT: larger than STATEMENT_SIZE_MAX, or a name too long. E_MALFORMED: fields that
 * statement_decode would refuse. E_ENTROPY: the library failed. Nothing is appended then. */
MUST_USE enum status statement_sign(struct statement *statement, const struct signing_key *key,
	const uint8_t *randomness, struct buffer *out, struct digest *id);

/* What makes a signature from a key: signing_key_sign, unless a simulation injects something quicker. */
typedef enum status statement_signer(const struct signing_key *key, struct span message, struct span context,
	const uint8_t *randomness, struct signature *out);

/* statement_sign with another signer. */
MUST_USE enum status statement_sign_by(struct statement *statement, const struct signing_key *key, statement_signer *signer,
	const uint8_t *randomness, struct buffer *out, struct digest *id);

/* Decode and check the form, not the signature and not the body. seq begins at 1, and prev is
 * zero there and only there; iss is not empty; iat is not negative; names have no control
 * characters. E_MALFORMED, E_NOT_CANONICAL, E_LIMIT. */
MUST_USE enum status statement_decode(struct span bytes, struct statement *out, struct fault *fault);

/* OK or E_SIGNATURE, also when the kid is that of another key. */
MUST_USE enum status statement_verify(const struct statement *statement, const struct verifying_key *key);
/* The signature alone, by whom knows that the key is the one of the kid. OK or E_SIGNATURE. */
MUST_USE enum status statement_signature_verify(const struct statement *statement, const struct verifying_key *key);

/* A copy in one piece of memory with its `bytes`, from which it was decoded. The caller frees it. */
struct statement *statement_copy(const struct statement *statement, struct span bytes);

#endif
