/* Base64 (RFC 4648, section 4), padded, strict: one text for each byte string. */
#ifndef TALLY_HOST_BASE64_H
#define TALLY_HOST_BASE64_H

#include "base/buffer.h"

void base64_encode(struct span bytes, struct buffer *out);
/* Append what `text` stands for. E_MALFORMED: not base64, or not its one form. */
MUST_USE enum status base64_decode(struct span text, struct buffer *out);

#endif
