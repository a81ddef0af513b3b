/* JSON documents (RFC 8259) of bounded depth, over yyjson. Pure. */
#ifndef TALLY_SIGNAL_JSON_H
#define TALLY_SIGNAL_JSON_H

#include "base/buffer.h"

struct yyjson_doc;

/* Parse a whole document. Its memory is `pool`, which is grown to the need: the document lives
 * until the next call. Numbers that no double or 64-bit integer holds stay raw text.
 * E_MALFORMED; E_LIMIT when arrays and objects are nested deeper than depth_max. */
MUST_USE enum status json_document_open(struct span text, unsigned depth_max, struct buffer *pool,
	struct yyjson_doc **out, struct fault *fault);

#endif
