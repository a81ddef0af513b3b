/* Transparent statements (RFC 9943): a statement and the receipts of several organisations in one file. A COSE_Sign1, tag 18:
 *   protected   as in the statement
 *   unprotected { 394: [+ bstr .cbor receipt] }     RFC 9942; record/receipt.h; deterministic CBOR
 *   payload     as in the statement
 *   signature   as in the statement
 * A statement has an empty unprotected header (record/statement.h), and its id is that of its bytes with that: so it comes back
 * byte for byte when the receipts are taken out, and nothing else may stand beside them. */
#ifndef TALLY_RECORD_TRANSPARENT_H
#define TALLY_RECORD_TRANSPARENT_H

#include "record/genesis.h"

enum { TRANSPARENT_RECEIPTS_MAX = GENESIS_MEMBERS_MAX, TRANSPARENT_SIZE_MAX = 1 << 20 };

struct transparent {
	struct buffer statement;      /* the bytes that the issuer signed and that the log has; owned */
	struct span receipts[TRANSPARENT_RECEIPTS_MAX]; /* borrowed, in the file's order; not looked into */
	size_t receipt_count;         /* at least one */
};

/* Append the file: the receipts in this order. E_LIMIT: too many or too long. What statement_decode says of the statement. Nothing
 * is appended then. */
MUST_USE enum status transparent_encode(struct span statement, const struct span *receipts, size_t count, struct buffer *out,
	struct fault *fault);

/* True: a COSE_Sign1 with its payload inside and receipts in its unprotected header. */
bool transparent_is(struct span bytes);

/* Take it apart. Each receipt is a byte string that is not empty and not longer than RECEIPT_SIZE_MAX; whether it is one is for who
 * judges it, and so is the statement's form. On OK the caller frees *out. E_MALFORMED, E_NOT_CANONICAL, E_LIMIT. */
MUST_USE enum status transparent_decode(struct span bytes, struct transparent *out, struct fault *fault);
void transparent_free(struct transparent *transparent);

#endif
