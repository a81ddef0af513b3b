/* JSON, written member by member: puts the commas, quotes and escapes where they belong.
 * Bytes that are not UTF-8 become U+FFFD, numbers that JSON cannot hold become null.
 * Reading JSON is yyjson's work, elsewhere. */
#ifndef TALLY_TRACE_JSON_H
#define TALLY_TRACE_JSON_H

#include "record/body.h"

struct json {
	struct buffer *out;
	bool follows;                 /* something stands before in the open container */
};

struct json json_of(struct buffer *out);
/* `name` is the member's name; NULL in arrays and at the top. */
void json_object(struct json *json, const char *name);
void json_object_end(struct json *json);
void json_array(struct json *json, const char *name);
void json_array_end(struct json *json);
void json_text(struct json *json, const char *name, struct span text);
void json_word(struct json *json, const char *name, const char *word);       /* NULL: null */
void json_uint(struct json *json, const char *name, uint64_t value);
void json_int(struct json *json, const char *name, int64_t value);
void json_bool(struct json *json, const char *name, bool value);
void json_null(struct json *json, const char *name);
void json_number(struct json *json, const char *name, double value);         /* NaN, infinity: null */
void json_decimal(struct json *json, const char *name, struct decimal value); /* exact */
void json_hex(struct json *json, const char *name, struct span bytes);
void json_digest(struct json *json, const char *name, const struct digest *digest); /* zero: null */
/* A value that is JSON already. */
void json_value(struct json *json, const char *name, struct span value);

/* The text in quotes, escaped. */
void json_quote(struct buffer *out, struct span text);

#endif
