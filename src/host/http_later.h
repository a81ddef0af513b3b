/* An HTTP client that does not block: posts are made by the event loop (curl's multi interface), answers come by callback. */
#ifndef TALLY_HOST_HTTP_LATER_H
#define TALLY_HOST_HTTP_LATER_H

#include "base/buffer.h"
#include "host/loop.h"

enum { HTTP_LATER_TIMEOUT_S = 10 };

struct http_later;
struct http_later *http_later_new(struct loop *loop);
/* Posts under way are given up; their callbacks are not called. */
void http_later_free(struct http_later *later);

/* status OK: there is an answer, `code` its HTTP status, `body` borrowed until the callback returns. Else nobody answered in
 * HTTP_LATER_TIMEOUT_S, or with more than the maximum: `sentence` says so. May post again. */
typedef void http_later_answer(void *context, enum status status, long code, struct span body, const char *sentence);

/* `body` is copied. The callback is called once, never from within. */
void http_later_post(struct http_later *later, const char *url, const char *type, struct span body, size_t max, http_later_answer *answer,
	void *context);

#endif
