/* What `tally export` fetches from nodes. */
#ifndef TALLY_APP_EXPORT_H
#define TALLY_APP_EXPORT_H

#include "base/buffer.h"

/* The bytes of the statement whose id begins with `id`; appended, with the id itself in `hex` [DIGEST_HEX_SIZE]. As answer_get, and E_CORRUPT:
 * the node gave something else. */
MUST_USE enum status export_statement(const char *node, const char *id, struct buffer *out, char *hex, struct fault *fault);
/* The receipt of the organisation of this node for the statement with this whole id; appended. E_NOT_FOUND: not final there. E_IO, E_CLOSED. */
MUST_USE enum status export_receipt(const char *node, const char *hex, struct buffer *out, struct fault *fault);

/* A transparent statement (record/transparent.h) with the receipts of the organisations of these nodes, in this order; appended. Each is
 * judged under the genesis in this file and the longest chain of epochs that the nodes have. A node that is away, or whose receipt is not
 * good, is named on standard error and left out. As above and transparent_check; E_CLOSED: there was no good receipt. */
MUST_USE enum status export_transparent(const char *genesis, const char *const *nodes, size_t node_count, const char *id, struct buffer *out,
	struct fault *fault);

#endif
