/* HTTP load: keeps a number of POSTs under way for a time, for measurements. Also calls of gRPC, which are POSTs over HTTP/2
 * with a length in front of the body and a status behind the answer. Blocking. */
#ifndef TALLY_HOST_HTTP_LOAD_H
#define TALLY_HOST_HTTP_LOAD_H

#include "base/buffer.h"

enum { HTTP_LOAD_PARALLEL_MAX = 4096 };

struct http_load {
	const char *const *urls;      /* requests take turns */
	size_t url_count;
	const char *type;             /* such as "application/grpc" */
	bool grpc;                    /* HTTP/2 without TLS; good is "grpc-status: 0". Else: good is 2xx over HTTP/1.1 */
	unsigned parallel;
	double seconds;               /* nothing is begun after this */
	void (*body)(void *context, struct buffer *out); /* the next request's, appended */
	void *context;
};

struct http_load_result {
	uint64_t good, bad;
	double elapsed_s;             /* from the first request to the last answer */
	char first_bad[200];          /* why; "" */
};

/* E_LIMIT: parallel; E_IO: the client failed. Bad answers are counted, not faults. */
MUST_USE enum status http_load_run(const struct http_load *load, struct http_load_result *out, struct fault *fault);

#endif
