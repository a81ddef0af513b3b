/* COSE_Sign1 (RFC 9052, 4.2 and 4.4), tag 18, with the payload inside or detached: its parts as bytes.
 * What the headers mean is the caller's business, but for how the protected header of statements and receipts begins. */
#ifndef TALLY_RECORD_COSE_H
#define TALLY_RECORD_COSE_H

#include "record/cbor.h"

enum { COSE_ALG_ML_DSA_44 = -48, COSE_KEY_TYPE_AKP = 7 };
/* CWT claims (RFC 8392, 4). */
enum { COSE_CLAIM_ISS = 1, COSE_CLAIM_SUB = 2, COSE_CLAIM_IAT = 6 };

struct cose_sign1 {
	struct span protected;   /* content of the byte string: bytes of the map, exactly as signed */
	struct span unprotected; /* the whole item, a map; "\xa0" when empty */
	bool detached;           /* the payload is nil: whoever checks the signature has it from elsewhere */
	struct span payload;     /* empty when detached */
	struct span signature;
};

/* Sig_structure of a Sign1 without external data: the bytes that are signed. */
void cose_sign1_input(struct span protected, struct span payload, struct buffer *out);
void cose_sign1_encode(const struct cose_sign1 *sign1, struct buffer *out);
/* Spans are borrowed. E_MALFORMED, E_NOT_CANONICAL, E_LIMIT. */
MUST_USE enum status cose_sign1_decode(struct span bytes, struct cose_sign1 *out, struct fault *fault);

/* How a protected header of four items begins: alg (ML-DSA-44), kid, and the label of the claims (RFC 9597), a map of `claims` items of
 * which iss and sub are the first. The other claims and the fourth item are the caller's. */
void cose_header_begin(const struct digest *kid, size_t claims, struct span iss, struct span sub, struct buffer *out);
/* The same up to the label of the claims: the map of the claims is to be read next. `in` has failed when they are not there. */
void cose_header_enter(struct cbor_reader *in, struct digest *kid);

#endif
