/* HTTP: a small server over libevent's evhttp, and a blocking client over curl for the command line. */
#ifndef TALLY_HOST_HTTP_H
#define TALLY_HOST_HTTP_H

#include "base/buffer.h"
#include "host/loop.h"

enum { HTTP_BODY_MAX = 1 << 20, HTTP_STREAMS_MAX = 64, HTTP_STREAM_BEHIND_MAX = 1 << 20 };

struct http_server;
struct http_request;              /* borrowed: valid until answered */

enum http_method { HTTP_GET = 1, HTTP_POST = 2 };

/* Every request reaches the handler, which answers now or keeps it and answers later. */
typedef void http_handler(void *context, struct http_request *request);

/* address: numeric "host:port". E_CONFIG, E_IO: port taken. */
MUST_USE enum status http_server_new(struct loop *loop, const char *address, http_handler *handler, void *context,
	struct http_server **out, struct fault *fault);
/* Requests that were kept must not be answered after this. */
void http_server_free(struct http_server *server);
/* The port it got, for port 0. */
unsigned http_server_port(const struct http_server *server);

enum http_method http_request_method(const struct http_request *request);
const char *http_request_path(const struct http_request *request);   /* decoded, without query */
/* A query parameter, decoded; NULL when absent. */
const char *http_request_query(struct http_request *request, const char *name);
struct span http_request_body(const struct http_request *request);
/* A header of the request; NULL when absent. */
const char *http_request_header(const struct http_request *request, const char *name);
/* A header of the answer, set before answering. Answers that do not set Cache-Control say "no-cache". */
void http_answer_header(struct http_request *request, const char *name, const char *value);
/* Answer once. type such as "application/json". encoding: NULL or "gzip" for bytes that are compressed. */
void http_answer(struct http_request *request, int status, const char *type, const char *encoding, struct span body);
/* {"error": word, "reason": sentence} with the HTTP status that fits. */
void http_answer_error(struct http_request *request, enum status status, const char *reason);
/* The client went away before the answer: answering is then a no-op (and still due, it ends the request).
 * `gone` tells whoever kept the request. */
void http_request_on_gone(struct http_request *request, loop_callback *gone, void *context);

/* Turn a request into a stream of server-sent events of its server. topic: a caller's number. */
void http_stream_open(struct http_request *request, unsigned topic);
/* Send to every stream of the topic; streams whose client is too slow (over 1 MiB behind) are closed. */
void http_stream_send(struct http_server *server, unsigned topic, const char *event, struct span data);
size_t http_stream_count(const struct http_server *server, unsigned topic);

/* Client, blocking. *code: HTTP status. E_CLOSED: nobody answers. */
MUST_USE enum status http_get(const char *url, size_t max, struct buffer *out, long *code, struct fault *fault);
MUST_USE enum status http_post(const char *url, const char *type, struct span body, size_t max, struct buffer *out, long *code, struct fault *fault);
/* The same, waiting for the answer at most this long instead of a minute. */
MUST_USE enum status http_post_within(const char *url, const char *type, struct span body, size_t max, int64_t timeout_ms, struct buffer *out, long *code,
	struct fault *fault);

/* Post many bodies to one address, `parallel` at a time, begun in order. The callback hears each answer, in the order
 * in which they come; status as of http_post. Ends when all were answered or failed. */
typedef void http_post_answer(void *context, size_t index, enum status status, long code, struct span answer, const char *sentence);
MUST_USE enum status http_post_many(const char *url, const char *type, const struct span *bodies, size_t count, unsigned parallel,
	http_post_answer *answer, void *context, struct fault *fault);

#endif
