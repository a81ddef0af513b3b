#include "run/ask.h"

#include "command/answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

yyjson_doc *ask(const char *base, const char *path)
{
	yyjson_doc *doc = NULL;
	struct fault fault;
	return answer_json(base, path, &doc, &fault) == OK ? doc : NULL;
}

yyjson_val *ask_member(yyjson_val *object, const char *name)
{
	return yyjson_obj_get(object, name);
}

const char *ask_text(yyjson_val *object, const char *name)
{
	const char *text = yyjson_get_str(yyjson_obj_get(object, name));
	return text ? text : "";
}

double ask_number(yyjson_val *object, const char *name)
{
	return yyjson_get_num(yyjson_obj_get(object, name));
}

bool ask_bool(yyjson_val *object, const char *name)
{
	return yyjson_get_bool(yyjson_obj_get(object, name));
}

bool ask_statements(const char *base, const char *type, const char *sub, ask_callback *callback, void *context)
{
	struct buffer path = {0};
	bool more = true;
	uint64_t after = UINT64_MAX;
	while (more) {
		buffer_clear(&path);
		buffer_printf(&path, "/api/v1/statements?limit=500&type=%s", type);
		if (sub) {
			buffer_append_text(&path, "&sub=");
			answer_quote(&path, span_of_text(sub));
		}
		if (after != UINT64_MAX)
			buffer_printf(&path, "&after=%" PRIu64, after);
		buffer_append_byte(&path, 0);
		yyjson_doc *doc = ask(base, (const char *)path.data);
		if (!doc)
			break;
		size_t at, max;
		yyjson_val *statement;
		yyjson_arr_foreach(ask_member(yyjson_doc_get_root(doc), "statements"), at, max, statement)
			callback(context, statement, ask_member(statement, "body"));
		yyjson_val *next = ask_member(yyjson_doc_get_root(doc), "next");
		more = yyjson_is_uint(next);
		after = yyjson_get_uint(next);
		yyjson_doc_free(doc);
		if (!more) {
			buffer_free(&path);
			return true;
		}
	}
	buffer_free(&path);
	return false;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

double ask_quantile(double *values, size_t count, double quantile)
{
	if (count == 0)
		return 0;
	qsort(values, count, sizeof *values, ascending);
	return values[(size_t)(quantile * (double)(count - 1) + 0.5)];
}
