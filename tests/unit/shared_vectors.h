/* Public test vectors: JSON files in the folder that TALLY_SHARED names. */
#ifndef TALLY_TEST_SHARED_VECTORS_H
#define TALLY_TEST_SHARED_VECTORS_H

#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <yyjson.h>

static inline const char *shared_folder(void)
{
	const char *folder = getenv("TALLY_SHARED");
	char path[1200];
	snprintf(path, sizeof path, "%s/vectors/README.md", folder ? folder : "");
	FILE *file = folder ? fopen(path, "rb") : NULL;
	if (!file) {
		print_message("skipped: no test vectors; set TALLY_SHARED to the folder that holds vectors/\n");
		skip();
	}
	fclose(file);
	return folder;
}

/* Free with yyjson_doc_free. */
static inline yyjson_doc *shared_json(const char *name)
{
	char path[1200];
	snprintf(path, sizeof path, "%s/vectors/%s", shared_folder(), name);
	yyjson_read_err error;
	yyjson_doc *document = yyjson_read_file(path, 0, NULL, &error);
	if (!document)
		fail_msg("%s: %s", path, error.msg);
	return document;
}

static inline const char *json_text(yyjson_val *object, const char *name)
{
	const char *text = yyjson_get_str(yyjson_obj_get(object, name));
	return text ? text : "";
}

/* A hexadecimal member as bytes; an absent one is empty. The caller frees the buffer. */
static inline struct span json_hex(yyjson_val *object, const char *name, struct buffer *out)
{
	struct span text = span_of_text(json_text(object, name));
	buffer_clear(out);
	buffer_reserve(out, text.size / 2 + 1);
	if (!span_from_hex(text, out->data, text.size / 2))
		fail_msg("member '%s' is not hexadecimal", name);
	out->size = text.size / 2;
	return buffer_span(out);
}

#endif
