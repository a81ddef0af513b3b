/* What a process on loopback answers to GET, as JSON. */
#ifndef TEST_E2E_ASK_H
#define TEST_E2E_ASK_H

#include "host/http.h"

#include <stdio.h>
#include <yyjson.h>

/* The caller's to free. NULL: no answer, or not 200. */
static inline yyjson_doc *ask(unsigned port, const char *path)
{
	char url[120];
	struct buffer out = {0};
	struct fault fault;
	long code = 0;
	yyjson_doc *document = NULL;
	snprintf(url, sizeof url, "http://127.0.0.1:%u%s", port, path);
	if (http_get(url, 16 << 20, &out, &code, &fault) == OK && code == 200)
		document = yyjson_read((const char *)out.data, out.size, 0);
	buffer_free(&out);
	return document;
}

#endif
