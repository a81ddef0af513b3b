#include "signal/json.h"

#include <yyjson.h>

/* Brackets outside strings, counted before anything is built. */
static bool depth_is_within(struct span text, unsigned max)
{
	const uint8_t *at = text.data;
	const uint8_t *end = span_end(text);
	unsigned depth = 0;
	for (; at < end; at++) {
		if (*at == '"') {
			for (at++; at < end && *at != '"'; at++)
				if (*at == '\\')
					at++;
			if (at >= end)
				break;
		} else if (*at == '{' || *at == '[') {
			if (++depth > max)
				return false;
		} else if ((*at == '}' || *at == ']') && depth) {
			depth--;
		}
	}
	return true;
}

enum status json_document_open(struct span text, unsigned depth_max, struct buffer *pool,
	struct yyjson_doc **out, struct fault *fault)
{
	if (text.size == 0)
		return fault_set(fault, E_MALFORMED, "the message is empty; send a JSON document");
	if (!depth_is_within(text, depth_max))
		return fault_set(fault, E_LIMIT, "the JSON is nested deeper than %u; flatten it", depth_max);
	const yyjson_read_flag flags = YYJSON_READ_BIGNUM_AS_RAW;
	size_t need = yyjson_read_max_memory_usage(text.size, flags) + 256;
	buffer_clear(pool);
	buffer_reserve(pool, need);
	yyjson_alc allocator;
	CHECK(yyjson_alc_pool_init(&allocator, pool->data, pool->capacity));
	yyjson_read_err error;
	/* Without YYJSON_READ_INSITU the text is only read. */
	*out = yyjson_read_opts((char *)(uintptr_t)text.data, text.size, flags, &allocator, &error);
	if (!*out)
		return fault_set(fault, E_MALFORMED, "not JSON at byte %zu: %s", error.pos, error.msg);
	return OK;
}
