#include "command/answer.h"

#include "host/http.h"

#include <yyjson.h>

void answer_url(const char *base, const char *path, struct buffer *out)
{
	size_t size = strlen(base);
	while (size > 0 && base[size - 1] == '/')
		size--;
	if (!strstr(base, "://"))
		buffer_append_text(out, "http://");
	buffer_append(out, base, size);
	buffer_append_text(out, path);
	buffer_append_byte(out, 0);
}

void answer_quote(struct buffer *out, struct span text)
{
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c != 0 && strchr("-._~", c));
		if (plain)
			buffer_append_byte(out, c);
		else
			buffer_printf(out, "%%%02X", c);
	}
}

static enum status status_of_word(const char *word)
{
	for (int status = 0; word && status < STATUS_COUNT; status++)
		if (strcmp(word, status_name((enum status)status)) == 0)
			return (enum status)status;
	return OK;
}

static enum status status_of_code(long code)
{
	return code == 404 ? E_NOT_FOUND : code == 403 ? E_FORBIDDEN : code == 409 || code == 503 || code == 504 ? E_BUSY : code >= 500 ? E_IO : E_MALFORMED;
}

/* The daemon's own sentence, where it gave one. */
static enum status refused(const char *url, long code, struct span body, struct fault *fault)
{
	yyjson_doc *document = yyjson_read((const char *)body.data, body.size, 0);
	yyjson_val *root = yyjson_doc_get_root(document);
	const char *word = yyjson_get_str(yyjson_obj_get(root, "error"));
	const char *reason = yyjson_get_str(yyjson_obj_get(root, "reason"));
	enum status status = status_of_word(word);
	status = status == OK ? status_of_code(code) : status;
	if (reason && *reason)
		fault_set(fault, status, "%.400s", reason);
	else
		fault_set(fault, status, "%.300s answered with HTTP status %ld; is it the address of the right daemon?", url, code);
	yyjson_doc_free(document);
	return status;
}

static enum status ask(const char *base, const char *path, const char *type, struct span body, struct buffer *out, struct fault *fault)
{
	struct buffer url = {0};
	answer_url(base, path, &url);
	size_t before = out->size;
	long code = 0;
	enum status status = type ? http_post((const char *)url.data, type, body, ANSWER_MAX, out, &code, fault)
				  : http_get((const char *)url.data, ANSWER_MAX, out, &code, fault);
	if (status == OK && (code < 200 || code > 299)) {
		status = refused((const char *)url.data, code, span_of(out->data + before, out->size - before), fault);
		out->size = before;
	}
	buffer_free(&url);
	return status;
}

enum status answer_get(const char *base, const char *path, struct buffer *out, struct fault *fault)
{
	return ask(base, path, NULL, (struct span){0}, out, fault);
}

enum status answer_post(const char *base, const char *path, const char *type, struct span body, struct buffer *out, struct fault *fault)
{
	return ask(base, path, type, body, out, fault);
}

enum status answer_json(const char *base, const char *path, struct yyjson_doc **out, struct fault *fault)
{
	struct buffer body = {0};
	enum status status = answer_get(base, path, &body, fault);
	if (status == OK) {
		*out = yyjson_read((const char *)body.data, body.size, 0);
		if (!*out)
			status = fault_set(fault, E_MALFORMED, "%s answered something that is not JSON; is it the address of a tally daemon?", base);
	}
	buffer_free(&body);
	return status;
}
