#include "api/node_query.h"

enum status node_query_number(const char *name, const char *text, uint64_t max, uint64_t *out, struct fault *fault)
{
	if (!text)
		return OK;
	uint64_t value = 0;
	bool good = *text != 0;
	for (const char *c = text; *c && good; c++)
		good = *c >= '0' && *c <= '9' && !__builtin_mul_overflow(value, 10u, &value) &&
			!__builtin_add_overflow(value, (uint64_t)(*c - '0'), &value);
	if (!good || value > max)
		return fault_set(fault, E_MALFORMED, "%s must be a whole number of at most %llu", name, (unsigned long long)max);
	*out = value;
	return OK;
}

static enum status type_of(const char *word, uint32_t *out, struct fault *fault)
{
	for (uint32_t type = 1; type < STATEMENT_TYPE_END; type++) {
		if (strcmp(statement_type_name(type), word) == 0 && strcmp(word, statement_type_name(0)) != 0) {
			*out = type;
			return OK;
		}
	}
	return fault_set(fault, E_MALFORMED, "there is no statement type of this name; the types are org, person, device, event, anchor, "
		"model, bounds, device_state, disturbance, service, command, result, critical, ack");
}

static enum status name_of(const char *parameter, const char *text, struct span *out, struct fault *fault)
{
	*out = text ? span_of_text(text) : span_of(NULL, 0);
	if (out->size > STATEMENT_NAME_MAX)
		return fault_set(fault, E_MALFORMED, "%s has at most %d bytes", parameter, STATEMENT_NAME_MAX);
	return OK;
}

enum status node_query_parse(const struct node_query_texts *texts, struct view_query *out, struct fault *fault)
{
	*out = (struct view_query){.after = UINT64_MAX};
	if (texts->type && *texts->type)
		TRY(type_of(texts->type, &out->type, fault));
	TRY(name_of("iss", texts->iss, &out->iss, fault));
	TRY(name_of("sub", texts->sub, &out->sub, fault));
	if (texts->order && *texts->order) {
		out->descending = strcmp(texts->order, "desc") == 0;
		if (!out->descending && strcmp(texts->order, "asc") != 0)
			return fault_set(fault, E_MALFORMED, "order is asc or desc");
	}
	uint64_t limit = NODE_QUERY_LIMIT;
	TRY(node_query_number("after", texts->after, INT64_MAX, &out->after, fault));
	TRY(node_query_number("limit", texts->limit, NODE_QUERY_LIMIT_MAX, &limit, fault));
	if (limit == 0)
		return fault_set(fault, E_MALFORMED, "limit is at least 1");
	out->limit = (uint32_t)limit;
	return OK;
}
