#include "trace/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct json json_of(struct buffer *out)
{
	return (struct json){.out = out};
}

/* Bytes of the UTF-8 character at the start (RFC 3629), or 0 when it is none. */
static size_t utf8_character(struct span text)
{
	uint8_t first = text.data[0];
	if (first < 0x80)
		return 1;
	size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
	if (first < 0xc2 || first > 0xf4 || size > text.size)
		return 0;
	for (size_t i = 1; i < size; i++)
		if ((text.data[i] & 0xc0) != 0x80)
			return 0;
	uint8_t second = text.data[1];
	/* Longer than needed, a surrogate, or above U+10FFFF. */
	if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) || (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
		return 0;
	return size;
}

static void quote_ascii(struct buffer *out, uint8_t c)
{
	if (c == '"' || c == '\\') {
		buffer_append_byte(out, '\\');
		buffer_append_byte(out, c);
	} else if (c == '\n') {
		buffer_append_text(out, "\\n");
	} else if (c == '\t') {
		buffer_append_text(out, "\\t");
	} else if (c == '\r') {
		buffer_append_text(out, "\\r");
	} else if (c < 0x20 || c == 0x7f) {
		buffer_printf(out, "\\u%04x", c);
	} else {
		buffer_append_byte(out, c);
	}
}

void json_quote(struct buffer *out, struct span text)
{
	buffer_append_byte(out, '"');
	while (text.size > 0) {
		size_t size = utf8_character(text);
		if (size == 0)
			buffer_append_text(out, "\\ufffd");
		else if (size == 1)
			quote_ascii(out, text.data[0]);
		else
			buffer_append(out, text.data, size);
		size = size ? size : 1;
		text = span_of(text.data + size, text.size - size);
	}
	buffer_append_byte(out, '"');
}

static void begin(struct json *json, const char *name)
{
	if (json->follows)
		buffer_append_byte(json->out, ',');
	json->follows = true;
	if (name) {
		json_quote(json->out, span_of_text(name));
		buffer_append_byte(json->out, ':');
	}
}

void json_object(struct json *json, const char *name)
{
	begin(json, name);
	buffer_append_byte(json->out, '{');
	json->follows = false;
}

void json_object_end(struct json *json)
{
	buffer_append_byte(json->out, '}');
	json->follows = true;
}

void json_array(struct json *json, const char *name)
{
	begin(json, name);
	buffer_append_byte(json->out, '[');
	json->follows = false;
}

void json_array_end(struct json *json)
{
	buffer_append_byte(json->out, ']');
	json->follows = true;
}

void json_text(struct json *json, const char *name, struct span text)
{
	begin(json, name);
	json_quote(json->out, text);
}

void json_word(struct json *json, const char *name, const char *word)
{
	if (word)
		json_text(json, name, span_of_text(word));
	else
		json_null(json, name);
}

void json_uint(struct json *json, const char *name, uint64_t value)
{
	begin(json, name);
	buffer_printf(json->out, "%llu", (unsigned long long)value);
}

void json_int(struct json *json, const char *name, int64_t value)
{
	begin(json, name);
	buffer_printf(json->out, "%lld", (long long)value);
}

void json_bool(struct json *json, const char *name, bool value)
{
	begin(json, name);
	buffer_append_text(json->out, value ? "true" : "false");
}

void json_null(struct json *json, const char *name)
{
	begin(json, name);
	buffer_append_text(json->out, "null");
}

void json_number(struct json *json, const char *name, double value)
{
	if (!isfinite(value)) {
		json_null(json, name);
		return;
	}
	char text[40];
	snprintf(text, sizeof text, "%.15g", value);
	if (strtod(text, NULL) != value)
		snprintf(text, sizeof text, "%.17g", value);
	begin(json, name);
	buffer_append_text(json->out, text);
}

void json_decimal(struct json *json, const char *name, struct decimal value)
{
	begin(json, name);
	bool negative = value.mantissa < 0;
	char digits[24];
	snprintf(digits, sizeof digits, "%llu", (unsigned long long)(negative ? -(uint64_t)value.mantissa : (uint64_t)value.mantissa));
	if (negative)
		buffer_append_byte(json->out, '-');
	if (value.exponent >= 0) {
		buffer_append_text(json->out, digits);
		for (int32_t i = 0; i < value.exponent; i++)
			buffer_append_byte(json->out, '0');
		return;
	}
	size_t count = strlen(digits);
	size_t decimals = (size_t)-value.exponent;
	if (count > decimals)
		buffer_append(json->out, digits, count - decimals);
	else
		buffer_append_byte(json->out, '0');
	buffer_append_byte(json->out, '.');
	for (size_t i = count; i < decimals; i++)
		buffer_append_byte(json->out, '0');
	size_t fraction = count > decimals ? decimals : count;
	buffer_append(json->out, digits + count - fraction, fraction);
}

void json_hex(struct json *json, const char *name, struct span bytes)
{
	static const char digits[] = "0123456789abcdef";
	begin(json, name);
	buffer_append_byte(json->out, '"');
	for (size_t i = 0; i < bytes.size; i++) {
		buffer_append_byte(json->out, (uint8_t)digits[bytes.data[i] >> 4]);
		buffer_append_byte(json->out, (uint8_t)digits[bytes.data[i] & 15]);
	}
	buffer_append_byte(json->out, '"');
}

void json_digest(struct json *json, const char *name, const struct digest *digest)
{
	if (digest_is_zero(digest))
		json_null(json, name);
	else
		json_hex(json, name, span_of(digest->bytes, DIGEST_SIZE));
}

void json_value(struct json *json, const char *name, struct span value)
{
	begin(json, name);
	buffer_append_span(json->out, value);
}
