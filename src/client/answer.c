#include "client/answer.h"

#include <stdio.h>
#include <string.h>
#include <yyjson.h>

static bool id_is(yyjson_val *result, const struct digest *id)
{
	yyjson_val *text = yyjson_obj_get(result, "id");
	struct digest given;
	return yyjson_is_str(text) && span_from_hex(span_of(yyjson_get_str(text), yyjson_get_len(text)), given.bytes, DIGEST_SIZE) && digest_equal(&given, id);
}

static bool one_read(yyjson_val *result, const struct digest *id, struct client_answer *out)
{
	const char *word = yyjson_get_str(yyjson_obj_get(result, "status"));
	const char *reason = yyjson_get_str(yyjson_obj_get(result, "reason"));
	yyjson_val *index = yyjson_obj_get(result, "index");
	*out = (struct client_answer){0};
	if (!word || !id_is(result, id))
		return false;
	if (strcmp(word, status_name(OK)) == 0 || strcmp(word, status_name(E_DUPLICATE)) == 0) {
		out->index = yyjson_get_uint(index);
		return yyjson_is_uint(index);
	}
	if (strcmp(word, "pending") == 0) {
		out->word = CLIENT_WORD_PENDING;
		return true;
	}
	out->word = CLIENT_WORD_REFUSED;
	snprintf(out->reason, sizeof out->reason, "%s", reason ? reason : "no reason given");
	for (int status = OK + 1; status < STATUS_COUNT && out->status == OK; status++)
		if (strcmp(word, status_name((enum status)status)) == 0)
			out->status = (enum status)status;
	return out->status != OK;
}

enum status client_answer_read(struct span json, const struct digest *ids, size_t count, struct client_answer *out)
{
	yyjson_doc *doc = yyjson_read((const char *)json.data, json.size, 0);
	yyjson_val *results = yyjson_obj_get(yyjson_doc_get_root(doc), "results"), *result;
	bool good = yyjson_is_arr(results) && yyjson_arr_size(results) == count;
	size_t at, max;
	if (good)
		yyjson_arr_foreach(results, at, max, result)
			good = good && one_read(result, &ids[at], &out[at]);
	yyjson_doc_free(doc);
	return good ? OK : E_MALFORMED;
}
