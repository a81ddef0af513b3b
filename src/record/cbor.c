#include "record/cbor.h"

#include <tinycbor/cbor.h>

enum { HEAD_MAX = 9 };

enum major { MAJOR_UINT = 0, MAJOR_NEGATIVE = 1, MAJOR_BYTES = 2, MAJOR_TEXT = 3, MAJOR_ARRAY = 4, MAJOR_MAP = 5, MAJOR_TAG = 6 };

/* Additional information in the first byte: the argument itself below 24, or how many bytes follow with it: 1 << (info - 24). */
enum { INFO_FOLLOWS = 24 };

static unsigned shortest_info(uint64_t argument)
{
	if (argument < INFO_FOLLOWS)
		return (unsigned)argument;
	return INFO_FOLLOWS + (argument > UINT8_MAX) + (argument > UINT16_MAX) + (argument > UINT32_MAX);
}

static size_t head_size(unsigned info)
{
	return info < INFO_FOLLOWS ? 1 : 1 + ((size_t)1 << (info - INFO_FOLLOWS));
}

/* The shortest head: all major types carry their argument in the same way (RFC 8949, section 3). */
static size_t head_encode(enum major major, uint64_t argument, uint8_t out[HEAD_MAX])
{
	unsigned info = shortest_info(argument);
	size_t size = head_size(info);
	out[0] = (uint8_t)(major << 5 | info);
	for (size_t i = size; i-- > 1; argument >>= 8)
		out[i] = (uint8_t)argument;
	return size;
}

static void write_head(struct buffer *out, enum major major, uint64_t argument)
{
	uint8_t head[HEAD_MAX];
	buffer_append(out, head, head_encode(major, argument, head));
}

void cbor_write_uint(struct buffer *out, uint64_t value)
{
	write_head(out, MAJOR_UINT, value);
}

static size_t int_encode(int64_t value, uint8_t out[HEAD_MAX])
{
	return value < 0 ? head_encode(MAJOR_NEGATIVE, (uint64_t)(-1 - value), out) : head_encode(MAJOR_UINT, (uint64_t)value, out);
}

void cbor_write_int(struct buffer *out, int64_t value)
{
	uint8_t head[HEAD_MAX];
	buffer_append(out, head, int_encode(value, head));
}

void cbor_write_bytes(struct buffer *out, struct span bytes)
{
	write_head(out, MAJOR_BYTES, bytes.size);
	buffer_append_span(out, bytes);
}

void cbor_write_text(struct buffer *out, struct span text)
{
	write_head(out, MAJOR_TEXT, text.size);
	buffer_append_span(out, text);
}

void cbor_write_cstring(struct buffer *out, const char *text)
{
	cbor_write_text(out, span_of_text(text));
}

void cbor_write_digest(struct buffer *out, const struct digest *digest)
{
	cbor_write_bytes(out, span_of(digest->bytes, DIGEST_SIZE));
}

void cbor_write_array(struct buffer *out, uint64_t count)
{
	write_head(out, MAJOR_ARRAY, count);
}

void cbor_write_map(struct buffer *out, uint64_t pairs)
{
	write_head(out, MAJOR_MAP, pairs);
}

void cbor_write_tag(struct buffer *out, uint64_t tag)
{
	write_head(out, MAJOR_TAG, tag);
}

void cbor_write_bool(struct buffer *out, bool value)
{
	buffer_append_byte(out, value ? CborBooleanType : CborBooleanType - 1);
}

void cbor_write_null(struct buffer *out)
{
	buffer_append_byte(out, CborNullType);
}

struct cbor_reader cbor_reader_of(struct span bytes)
{
	return (struct cbor_reader){.rest = bytes, .why = ""};
}

void cbor_fail_as(struct cbor_reader *in, enum status status, const char *why)
{
	if (in->failed)
		return;
	in->failed = true;
	in->status = status;
	in->why = why;
	in->rest = (struct span){0};
}

void cbor_fail(struct cbor_reader *in, const char *why)
{
	cbor_fail_as(in, E_MALFORMED, why);
}

/* Nothing more to read here: failed, at the end of the container, or of the input. */
static bool at_end(const struct cbor_reader *in)
{
	return in->failed || in->rest.size == 0 || (in->depth > 0 && in->left[in->depth - 1] == 0);
}

static bool at_key(const struct cbor_reader *in)
{
	return in->depth > 0 && in->in_map[in->depth - 1] && in->left[in->depth - 1] % 2 == 0;
}

enum cbor_kind cbor_peek(const struct cbor_reader *in)
{
	static const enum cbor_kind kinds[] = {CBOR_UINT, CBOR_NEGATIVE, CBOR_BYTES, CBOR_TEXT, CBOR_ARRAY, CBOR_MAP, CBOR_TAG};
	if (at_end(in))
		return CBOR_END;
	uint8_t first = in->rest.data[0];
	if (first >> 5 < 7)
		return kinds[first >> 5];
	if (first == CborNullType)
		return CBOR_NULL;
	return first == CborBooleanType || first == CborBooleanType - 1 ? CBOR_BOOL : CBOR_END;
}

static const char *const expected[] = {
	[CBOR_UINT] = "an unsigned integer is expected",
	[CBOR_NEGATIVE] = "an integer is expected",
	[CBOR_BYTES] = "a byte string is expected",
	[CBOR_TEXT] = "a text string is expected",
	[CBOR_ARRAY] = "an array is expected",
	[CBOR_MAP] = "a map is expected",
	[CBOR_TAG] = "a tag is expected",
	[CBOR_BOOL] = "true or false is expected",
	[CBOR_NULL] = "null is expected",
};

/* The argument of the next item's head. False: no definite length. */
static bool argument_of(const CborValue *value, enum cbor_kind kind, uint64_t *argument)
{
	size_t size = 0;
	bool boolean = false;
	CborError error = CborNoError;
	switch (kind) {
	case CBOR_UINT:
	case CBOR_NEGATIVE:
		error = cbor_value_get_raw_integer(value, argument);
		return error == CborNoError;
	case CBOR_TAG:
		error = cbor_value_get_tag(value, argument);
		return error == CborNoError;
	case CBOR_BOOL:
		error = cbor_value_get_boolean(value, &boolean);
		size = boolean;
		break;
	case CBOR_ARRAY:
		error = cbor_value_get_array_length(value, &size);
		break;
	case CBOR_MAP:
		error = cbor_value_get_map_length(value, &size);
		break;
	case CBOR_BYTES:
	case CBOR_TEXT:
		error = cbor_value_get_string_length(value, &size);
		break;
	case CBOR_NULL:
	case CBOR_END:
		break;
	}
	*argument = size;
	return error == CborNoError;
}

/* The size of the head, 0 unless it is the shortest one for this argument. */
static size_t shortest_head(struct span bytes, enum cbor_kind kind, uint64_t argument)
{
	if (kind == CBOR_BOOL || kind == CBOR_NULL)
		return 1;
	unsigned info = bytes.data[0] & 31;
	return info == shortest_info(argument) && bytes.size >= head_size(info) ? head_size(info) : 0;
}

static bool is_ascii(struct span text)
{
	uint64_t high = 0, word;
	size_t i = 0;
	for (; text.size - i >= sizeof word; i += sizeof word) {
		memcpy(&word, text.data + i, sizeof word);
		high |= word;
	}
	for (; i < text.size; i++)
		high |= (uint64_t)text.data[i] << 56;
	return !(high & UINT64_C(0x8080808080808080));
}

/* Bytewise order of the encodings; no encoding is the beginning of another. */
static void check_order(struct cbor_reader *in, struct span key)
{
	struct span *last = &in->last_key[in->depth - 1];
	size_t shared = last->size < key.size ? last->size : key.size;
	int order = shared ? memcmp(last->data, key.data, shared) : -1;
	if (order == 0)
		cbor_fail(in, "a map key appears twice");
	else if (order > 0)
		cbor_fail_as(in, E_NOT_CANONICAL, "map keys are not in order");
	*last = key;
}

/* Consume the head of a `kind`, and for strings the content as well. Counts it as one item
 * of the open container, unless it is a tag, which belongs to the item that follows. */
static uint64_t take(struct cbor_reader *in, enum cbor_kind kind, struct span *content)
{
	CborParser parser;
	CborValue value;
	uint64_t argument = 0;
	if (in->failed)
		return 0;
	if (cbor_peek(in) != kind) {
		cbor_fail(in, at_end(in) ? "it ends too early" : expected[kind]);
		return 0;
	}
	if (cbor_parser_init(in->rest.data, in->rest.size, 0, &parser, &value) != CborNoError) {
		cbor_fail(in, "it ends too early or is no CBOR");
		return 0;
	}
	if (!argument_of(&value, kind, &argument)) {
		cbor_fail_as(in, E_NOT_CANONICAL, "a length is indefinite");
		return 0;
	}
	size_t head = shortest_head(in->rest, kind, argument);
	if (head == 0) {
		cbor_fail_as(in, E_NOT_CANONICAL, "an integer or length is not in its shortest form");
		return 0;
	}
	bool is_string = kind == CBOR_BYTES || kind == CBOR_TEXT;
	if (is_string && argument > in->rest.size - head) {
		cbor_fail(in, "it ends too early");
		return 0;
	}
	if (kind == CBOR_TEXT && !is_ascii(span_of(in->rest.data + head, (size_t)argument)) && cbor_value_validate(&value, CborValidateUtf8) != CborNoError) {
		cbor_fail(in, "a text is not valid UTF-8");
		return 0;
	}
	bool is_key = at_key(in);
	if (is_key && kind != CBOR_UINT && kind != CBOR_NEGATIVE && !is_string) {
		cbor_fail(in, "a map key is neither an integer nor a string");
		return 0;
	}
	size_t size = head + (is_string ? (size_t)argument : 0);
	struct span item = span_of(in->rest.data, size);
	in->rest = span_of(in->rest.data + size, in->rest.size - size);
	if (is_key)
		check_order(in, item);
	if (in->depth > 0 && kind != CBOR_TAG)
		in->left[in->depth - 1]--;
	if (content && !in->failed)
		*content = span_of(item.data + head, item.size - head);
	return in->failed ? 0 : argument;
}

uint64_t cbor_read_uint(struct cbor_reader *in)
{
	return take(in, CBOR_UINT, NULL);
}

int64_t cbor_read_int(struct cbor_reader *in)
{
	bool negative = cbor_peek(in) == CBOR_NEGATIVE;
	if (!negative && cbor_peek(in) != CBOR_UINT)
		cbor_fail(in, at_end(in) ? "it ends too early" : expected[CBOR_NEGATIVE]);
	uint64_t argument = take(in, negative ? CBOR_NEGATIVE : CBOR_UINT, NULL);
	if (argument > INT64_MAX) {
		cbor_fail_as(in, E_LIMIT, "an integer does not fit 64 bits");
		return 0;
	}
	if (in->failed)
		return 0;
	return negative ? -1 - (int64_t)argument : (int64_t)argument;
}

struct span cbor_read_bytes(struct cbor_reader *in)
{
	struct span content = {0};
	take(in, CBOR_BYTES, &content);
	return content;
}

struct span cbor_read_text(struct cbor_reader *in)
{
	struct span content = {0};
	take(in, CBOR_TEXT, &content);
	return content;
}

struct digest cbor_read_digest(struct cbor_reader *in)
{
	struct digest digest = {0};
	struct span bytes = cbor_read_bytes(in);
	if (bytes.size == DIGEST_SIZE)
		memcpy(digest.bytes, bytes.data, DIGEST_SIZE);
	else
		cbor_fail(in, "a hash is not 32 bytes long");
	return digest;
}

/* `items` are what the container holds: for a map, keys and values. */
static void enter(struct cbor_reader *in, uint64_t items, bool is_map)
{
	if (in->depth == CBOR_DEPTH_MAX) {
		cbor_fail_as(in, E_LIMIT, "it is nested too deeply");
		return;
	}
	in->left[in->depth] = items;
	in->in_map[in->depth] = is_map;
	in->last_key[in->depth] = (struct span){0};
	in->depth++;
}

uint64_t cbor_enter_array(struct cbor_reader *in, uint64_t max)
{
	uint64_t count = take(in, CBOR_ARRAY, NULL);
	if (count > max)
		cbor_fail_as(in, E_LIMIT, "an array has more items than permitted");
	if (count > in->rest.size)
		cbor_fail(in, "it ends too early"); /* an item is at least a byte */
	if (!in->failed)
		enter(in, count, false);
	return in->failed ? 0 : count;
}

uint64_t cbor_enter_map(struct cbor_reader *in, uint64_t max)
{
	uint64_t pairs = take(in, CBOR_MAP, NULL);
	if (pairs > max)
		cbor_fail_as(in, E_LIMIT, "a map has more entries than permitted");
	if (pairs > in->rest.size / 2)
		cbor_fail(in, "it ends too early");
	if (!in->failed)
		enter(in, 2 * pairs, true);
	return in->failed ? 0 : pairs;
}

void cbor_leave(struct cbor_reader *in)
{
	if (in->failed)
		return;
	CHECK(in->depth > 0);
	if (in->left[in->depth - 1] != 0)
		cbor_fail(in, in->in_map[in->depth - 1] ? "an unknown or misplaced map key" : "an array has more items than expected");
	in->depth--;
}

int64_t cbor_read_key(struct cbor_reader *in)
{
	if (!in->failed && !at_key(in))
		cbor_fail(in, "a map key is expected");
	return cbor_read_int(in);
}

static bool begins_with(struct span bytes, const uint8_t *prefix, size_t size)
{
	return bytes.size >= size && memcmp(bytes.data, prefix, size) == 0;
}

bool cbor_key_is(struct cbor_reader *in, int64_t key)
{
	uint8_t head[HEAD_MAX];
	size_t size = int_encode(key, head);
	if (at_end(in) || !at_key(in) || !begins_with(in->rest, head, size))
		return false;
	take(in, key < 0 ? CBOR_NEGATIVE : CBOR_UINT, NULL);
	return !in->failed;
}

bool cbor_key_is_text(struct cbor_reader *in, const char *key)
{
	uint8_t head[HEAD_MAX];
	size_t size = head_encode(MAJOR_TEXT, strlen(key), head);
	if (at_end(in) || !at_key(in) || !begins_with(in->rest, head, size))
		return false;
	struct span text = span_of(in->rest.data + size, in->rest.size - size);
	if (!begins_with(text, (const uint8_t *)key, strlen(key)))
		return false;
	take(in, CBOR_TEXT, NULL);
	return !in->failed;
}

uint64_t cbor_read_tag(struct cbor_reader *in)
{
	return take(in, CBOR_TAG, NULL);
}

bool cbor_read_bool(struct cbor_reader *in)
{
	return take(in, CBOR_BOOL, NULL) != 0;
}

bool cbor_read_null_if_present(struct cbor_reader *in)
{
	if (cbor_peek(in) != CBOR_NULL)
		return false;
	take(in, CBOR_NULL, NULL);
	return !in->failed;
}

/* Recursion ends at CBOR_DEPTH_MAX; every turn of a loop consumes input or fails. */
static void skip(struct cbor_reader *in)
{
	while (cbor_peek(in) == CBOR_TAG)
		cbor_read_tag(in);
	enum cbor_kind kind = cbor_peek(in);
	if (kind == CBOR_END) {
		cbor_fail(in, at_end(in) ? "it ends too early" : "a floating-point number or unknown simple value");
	} else if (kind == CBOR_ARRAY || kind == CBOR_MAP) {
		if (kind == CBOR_ARRAY)
			cbor_enter_array(in, UINT64_MAX);
		else
			cbor_enter_map(in, UINT64_MAX);
		while (!in->failed && in->left[in->depth - 1])
			skip(in);
		cbor_leave(in);
	} else {
		take(in, kind, NULL);
	}
}

struct span cbor_read_item(struct cbor_reader *in)
{
	const uint8_t *start = in->rest.data;
	skip(in);
	return in->failed ? (struct span){0} : span_of(start, (size_t)(in->rest.data - start));
}

enum status cbor_end(const struct cbor_reader *in)
{
	return in->failed || in->rest.size != 0 || in->depth != 0 ? E_MALFORMED : OK;
}
