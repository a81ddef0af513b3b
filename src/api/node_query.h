/* What a caller asks for, from the text of query parameters. Pure. */
#ifndef TALLY_API_NODE_QUERY_H
#define TALLY_API_NODE_QUERY_H

#include "view/view.h"

enum { NODE_QUERY_LIMIT = 100, NODE_QUERY_LIMIT_MAX = 1000 };

/* Each NULL when absent. */
struct node_query_texts {
	const char *type, *iss, *sub, *after, *limit, *order;
};

/* Spans of *out are borrowed from the texts. E_MALFORMED with the sentence for the caller. */
MUST_USE enum status node_query_parse(const struct node_query_texts *texts, struct view_query *out, struct fault *fault);

/* A whole number of at most `max`; *out is left alone when text is NULL. name: the parameter's, for the sentence. */
MUST_USE enum status node_query_number(const char *name, const char *text, uint64_t max, uint64_t *out, struct fault *fault);

#endif
