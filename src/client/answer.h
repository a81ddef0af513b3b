/* Inside the client: a node's answer to POST /api/v1/statements/batch. */
#ifndef TALLY_CLIENT_ANSWER_H
#define TALLY_CLIENT_ANSWER_H

#include "base/span.h"
#include "base/status.h"

enum client_word { CLIENT_WORD_FINAL, CLIENT_WORD_PENDING, CLIENT_WORD_REFUSED };

struct client_answer {
	enum client_word word;
	enum status status;           /* REFUSED; never OK */
	uint64_t index;               /* FINAL */
	char reason[200];             /* REFUSED; cut */
};

/* One for each statement, in order; out[count]. E_MALFORMED: not such an answer, or about other statements. */
MUST_USE enum status client_answer_read(struct span json, const struct digest *ids, size_t count, struct client_answer *out);

#endif
