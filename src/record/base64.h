/* Base64 (RFC 4648, section 4) with padding, in its one strict form. */
#ifndef TALLY_RECORD_BASE64_H
#define TALLY_RECORD_BASE64_H

#include "base/buffer.h"

void base64_write(struct buffer *out, struct span bytes);
/* Exactly `size` bytes; false for anything but their one encoding. */
bool base64_read(struct span text, uint8_t *out, size_t size);

#endif
