/* Asking a node or a gateway over HTTP, for the commands. */
#ifndef TALLY_COMMAND_ANSWER_H
#define TALLY_COMMAND_ANSWER_H

#include "base/buffer.h"

enum { ANSWER_MAX = 64 << 20 };

/* Append `path` to the address of a daemon, "http://" put before it where missing, as a C string. */
void answer_url(const char *base, const char *path, struct buffer *out);
/* Append text as part of a query (RFC 3986, 2.1), without an end. */
void answer_quote(struct buffer *out, struct span text);

/* GET; the answer's bytes are appended. Anything but 2xx is a fault with the daemon's own sentence, and its
 * status: E_NOT_FOUND, E_BUSY (503, 409 of exports), E_MALFORMED... E_CLOSED: nobody answers. */
MUST_USE enum status answer_get(const char *base, const char *path, struct buffer *out, struct fault *fault);
MUST_USE enum status answer_post(const char *base, const char *path, const char *type, struct span body, struct buffer *out, struct fault *fault);

/* The same as a JSON document, to be freed with yyjson_doc_free. */
struct yyjson_doc;
MUST_USE enum status answer_json(const char *base, const char *path, struct yyjson_doc **out, struct fault *fault);

#endif
