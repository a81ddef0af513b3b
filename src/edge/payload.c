#include "edge/payload.h"

#include <inttypes.h>
#include <math.h>

#include <yyjson.h>

/* Parse a small object, or NULL with the sentence set. */
static yyjson_doc *parse(struct span payload, struct fault *fault)
{
	if (payload.size == 0 || payload.size > PAYLOAD_JSON_MAX) {
		fault_set(fault, E_MALFORMED, "the message has %zu bytes; a JSON object of at most %d is expected", payload.size, PAYLOAD_JSON_MAX);
		return NULL;
	}
	yyjson_doc *doc = yyjson_read((const char *)payload.data, payload.size, 0);
	if (doc && yyjson_is_obj(yyjson_doc_get_root(doc)))
		return doc;
	yyjson_doc_free(doc);
	fault_set(fault, E_MALFORMED, "the message is not a JSON object");
	return NULL;
}

static bool copy_text(yyjson_val *object, const char *name, char *out, size_t size, bool required)
{
	yyjson_val *value = yyjson_obj_get(object, name);
	out[0] = '\0';
	if (!value)
		return !required;
	size_t length = yyjson_get_len(value);
	if (!yyjson_is_str(value) || length >= size || strlen(yyjson_get_str(value)) != length)
		return false;
	memcpy(out, yyjson_get_str(value), length + 1);
	return !required || length > 0;
}

static bool read_time(yyjson_val *object, int64_t *ns)
{
	yyjson_val *value = yyjson_obj_get(object, "t");
	if (!yyjson_is_num(value))
		return false;
	double ms = yyjson_get_num(value);
	if (!(ms >= 0 && ms < 9.0e12)) /* 1970 to 2255: nanoseconds fit, and so do differences of two of them */
		return false;
	/* In two parts: a double cannot hold today's nanoseconds. */
	double whole = floor(ms);
	*ns = (int64_t)whole * NS_PER_MS + llround((ms - whole) * 1e6);
	return true;
}

enum status payload_critical_read(struct span payload, struct payload_critical *out, struct fault *fault)
{
	*out = (struct payload_critical){0};
	yyjson_doc *doc = parse(payload, fault);
	if (!doc)
		return E_MALFORMED;
	yyjson_val *root = yyjson_doc_get_root(doc);
	bool good = copy_text(root, "event", out->event, sizeof out->event, true) &&
		copy_text(root, "detail", out->detail, sizeof out->detail, false) && read_time(root, &out->time_ns);
	yyjson_doc_free(doc);
	return good ? OK : fault_set(fault, E_MALFORMED, "a critical message needs \"event\" (a word) and \"t\" (milliseconds)");
}

enum status payload_result_read(struct span payload, struct payload_result *out, struct fault *fault)
{
	*out = (struct payload_result){0};
	yyjson_doc *doc = parse(payload, fault);
	if (!doc)
		return E_MALFORMED;
	yyjson_val *root = yyjson_doc_get_root(doc);
	char command[DIGEST_HEX_SIZE];
	bool good = copy_text(root, "command", command, sizeof command, true) &&
		span_from_hex(span_of_text(command), out->command.bytes, DIGEST_SIZE) &&
		yyjson_is_bool(yyjson_obj_get(root, "done")) &&
		copy_text(root, "detail", out->detail, sizeof out->detail, false) && read_time(root, &out->time_ns);
	out->done = yyjson_get_bool(yyjson_obj_get(root, "done"));
	yyjson_doc_free(doc);
	return good ? OK : fault_set(fault, E_MALFORMED, "a result needs \"command\" (64 hexadecimal digits), \"done\" and \"t\" (milliseconds)");
}

void payload_command_write(const struct digest *command, struct span action, double setting, int64_t time_ns, struct buffer *out)
{
	char hex[DIGEST_HEX_SIZE];
	span_hex(digest_span(command), hex);
	/* Actions are words of registrations; the ledger admits no other characters that JSON would escape. */
	buffer_printf(out, "{\"command\":\"%s\",\"action\":\"%.*s\",\"setting\":%.6g,\"t\":%" PRId64 "}", hex,
		(int)action.size, (const char *)action.data, setting, time_ns / NS_PER_MS);
}

enum status payload_command_read(struct span payload, struct payload_command *out, struct fault *fault)
{
	*out = (struct payload_command){0};
	yyjson_doc *doc = parse(payload, fault);
	if (!doc)
		return E_MALFORMED;
	yyjson_val *root = yyjson_doc_get_root(doc);
	yyjson_val *setting = yyjson_obj_get(root, "setting");
	bool good = copy_text(root, "command", out->command, sizeof out->command, true) &&
		copy_text(root, "action", out->action, sizeof out->action, true) && (!setting || yyjson_is_num(setting));
	out->setting = yyjson_get_num(setting);
	yyjson_doc_free(doc);
	return good ? OK : fault_set(fault, E_MALFORMED, "a command needs \"command\" and \"action\"");
}
