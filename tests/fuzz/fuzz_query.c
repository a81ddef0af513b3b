/* Query parameters of the node's lists: "type=..&after=..": refused with a sentence, or within the limits. */
#include "api/node_query.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct node_query_texts *texts)
{
	struct view_query query;
	struct fault fault = {{0}};
	if (node_query_parse(texts, &query, &fault) != OK) {
		CHECK(fault.text[0] != 0);
		return;
	}
	CHECK(query.limit >= 1 && query.limit <= NODE_QUERY_LIMIT_MAX);
	CHECK(query.type < STATEMENT_TYPE_END && query.iss.size <= STATEMENT_NAME_MAX && query.sub.size <= STATEMENT_NAME_MAX);
	CHECK(query.after == UINT64_MAX || query.after <= INT64_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = memory_text(span_of(data, size));
	struct node_query_texts texts = {0};
	const struct { const char *name; const char **target; } names[] = {
		{"type=", &texts.type}, {"iss=", &texts.iss}, {"sub=", &texts.sub}, {"after=", &texts.after}, {"limit=", &texts.limit}, {"order=", &texts.order},
	};
	char *rest = text;
	for (char *part; (part = strsep(&rest, "&"));)
		for (size_t i = 0; i < sizeof names / sizeof *names; i++)
			if (strncmp(part, names[i].name, strlen(names[i].name)) == 0)
				*names[i].target = part + strlen(names[i].name);
	check(&texts);
	free(text);
	return 0;
}
