#include "record/schema.h"

enum { SMALL_MAP_MAX = 23, SMALL_MAP = 0xa0, EXPONENT_MAX = 18 };

struct schema schema_writing(struct buffer *out)
{
	return (struct schema){.out = out, .field = ""};
}

struct schema schema_reading(struct span bytes)
{
	return (struct schema){.in = cbor_reader_of(bytes), .field = ""};
}

enum status schema_end(const struct schema *s, const char *name, struct fault *fault)
{
	enum status status = s->in.status == E_LIMIT ? E_LIMIT : E_MALFORMED;
	if (s->in.failed)
		return fault_set(fault, status, "The %s body is not valid at field '%s': %s. Its sender must correct it.", name,
			s->field, s->in.why);
	if (cbor_end(&s->in) != OK)
		return fault_set(fault, E_MALFORMED, "Bytes follow the %s body. Its sender must leave them out.", name);
	return OK;
}

/* `field` stays at the first failure. */
static void at_field(struct schema *s, const char *field)
{
	if (!s->in.failed)
		s->field = field;
}

static void fail(struct schema *s, enum status status, const char *why)
{
	cbor_fail_as(&s->in, status, why);
}

void schema_refuse(struct schema *s, const char *field, const char *why)
{
	if (s->out)
		return;
	at_field(s, field);
	fail(s, E_MALFORMED, why);
}

void schema_map_begin(struct schema *s)
{
	if (!s->out) {
		cbor_enter_map(&s->in, SMALL_MAP_MAX);
		return;
	}
	CHECK(s->depth < SCHEMA_DEPTH_MAX);
	s->maps[s->depth++] = (struct schema_map){.head = s->out->size};
	buffer_append_byte(s->out, SMALL_MAP);
}

void schema_map_end(struct schema *s)
{
	if (!s->out) {
		cbor_leave(&s->in);
		return;
	}
	struct schema_map *map = &s->maps[--s->depth];
	CHECK(map->pairs <= SMALL_MAP_MAX);
	s->out->data[map->head] = (uint8_t)(SMALL_MAP + map->pairs);
}

bool schema_key(struct schema *s, int key, const char *field, bool present)
{
	at_field(s, field);
	if (!s->out)
		return cbor_key_is(&s->in, key);
	if (present) {
		cbor_write_int(s->out, key);
		s->maps[s->depth - 1].pairs++;
	}
	return present;
}

static bool required(struct schema *s, int key, const char *field)
{
	bool there = schema_key(s, key, field, true);
	if (!there)
		fail(s, E_MALFORMED, "it is missing, or a key stands before it that is unknown or out of order");
	return there;
}

void schema_uint32(struct schema *s, int key, const char *field, uint32_t *value, uint32_t min, uint32_t max)
{
	if (!required(s, key, field))
		return;
	if (s->out) {
		cbor_write_uint(s->out, *value);
		return;
	}
	uint64_t read = cbor_read_uint(&s->in);
	if (read < min || read > max)
		fail(s, E_MALFORMED, "its value is not one of those defined");
	*value = s->in.failed ? 0 : (uint32_t)read;
}

void schema_item_uint64(struct schema *s, uint64_t *value)
{
	if (s->out)
		cbor_write_uint(s->out, *value);
	else
		*value = cbor_read_uint(&s->in);
}

void schema_uint64(struct schema *s, int key, const char *field, uint64_t *value)
{
	if (required(s, key, field))
		schema_item_uint64(s, value);
}

void schema_int64(struct schema *s, int key, const char *field, int64_t *value)
{
	if (!required(s, key, field))
		return;
	if (s->out)
		cbor_write_int(s->out, *value);
	else
		*value = cbor_read_int(&s->in);
}

void schema_bool(struct schema *s, int key, const char *field, bool *value)
{
	if (!required(s, key, field))
		return;
	if (s->out)
		cbor_write_bool(s->out, *value);
	else
		*value = cbor_read_bool(&s->in);
}

void schema_item_text(struct schema *s, struct span *text)
{
	if (s->out) {
		cbor_write_text(s->out, *text);
		return;
	}
	*text = cbor_read_text(&s->in);
	if (text->size > BODY_TEXT_MAX)
		fail(s, E_LIMIT, "the text is longer than 400 bytes");
	if (text->size == 0)
		fail(s, E_MALFORMED, "the text is empty");
}

void schema_text(struct schema *s, int key, const char *field, struct span *text, enum schema_presence presence)
{
	if (presence == SCHEMA_REQUIRED ? required(s, key, field) : schema_key(s, key, field, text->size != 0))
		schema_item_text(s, text);
}

void schema_digest(struct schema *s, int key, const char *field, struct digest *digest, enum schema_presence presence)
{
	bool optional = presence == SCHEMA_OPTIONAL;
	if (!(optional ? schema_key(s, key, field, !digest_is_zero(digest)) : required(s, key, field)))
		return;
	if (s->out) {
		cbor_write_digest(s->out, digest);
		return;
	}
	*digest = cbor_read_digest(&s->in);
	if (optional && digest_is_zero(digest))
		fail(s, E_MALFORMED, "a hash of zeros must be left out");
}

void schema_bytes(struct schema *s, int key, const char *field, struct span *bytes, size_t max, enum schema_presence presence)
{
	if (!(presence == SCHEMA_REQUIRED ? required(s, key, field) : schema_key(s, key, field, bytes->size != 0)))
		return;
	if (s->out) {
		cbor_write_bytes(s->out, *bytes);
		return;
	}
	*bytes = cbor_read_bytes(&s->in);
	if (bytes->size > max)
		fail(s, E_LIMIT, "there are too many bytes");
	if (bytes->size == 0)
		fail(s, E_MALFORMED, "there are no bytes");
}

struct decimal decimal_normal(struct decimal decimal)
{
	if (decimal.mantissa == 0)
		return (struct decimal){0};
	while (decimal.mantissa % 10 == 0 && decimal.exponent < EXPONENT_MAX) {
		decimal.mantissa /= 10;
		decimal.exponent++;
	}
	return decimal;
}

void schema_item_decimal(struct schema *s, struct decimal *decimal)
{
	if (s->out) {
		struct decimal normal = decimal_normal(*decimal);
		cbor_write_array(s->out, 2);
		cbor_write_int(s->out, normal.mantissa);
		cbor_write_int(s->out, normal.exponent);
		return;
	}
	if (cbor_enter_array(&s->in, 2) != 2)
		fail(s, E_MALFORMED, "a decimal is not [mantissa, exponent]");
	int64_t mantissa = cbor_read_int(&s->in);
	int64_t exponent = cbor_read_int(&s->in);
	cbor_leave(&s->in);
	if (exponent < -EXPONENT_MAX || exponent > EXPONENT_MAX)
		fail(s, E_MALFORMED, "the exponent of a decimal is not in -18 to 18");
	if (s->in.failed)
		return;
	struct decimal read = {.mantissa = mantissa, .exponent = (int32_t)exponent};
	struct decimal normal = decimal_normal(read);
	if (normal.mantissa != read.mantissa || normal.exponent != read.exponent)
		fail(s, E_MALFORMED, "a decimal has trailing zeros in its mantissa, or its zero an exponent");
	*decimal = read;
}

void schema_decimal(struct schema *s, int key, const char *field, struct decimal *decimal)
{
	if (required(s, key, field))
		schema_item_decimal(s, decimal);
}

static void item_public_key(struct schema *s, struct public_key *value)
{
	if (s->out) {
		cbor_write_bytes(s->out, span_of(value->bytes, sizeof value->bytes));
		return;
	}
	struct span bytes = cbor_read_bytes(&s->in);
	if (bytes.size == sizeof value->bytes)
		memcpy(value->bytes, bytes.data, bytes.size);
	else
		fail(s, E_MALFORMED, "an ML-DSA-44 public key has 1312 bytes");
}

void schema_public_key(struct schema *s, int key, const char *field, struct public_key *value)
{
	if (required(s, key, field))
		item_public_key(s, value);
}

void schema_optional_key(struct schema *s, int key, const char *field, bool *has, struct public_key *value)
{
	bool there = schema_key(s, key, field, *has);
	if (there)
		item_public_key(s, value);
	if (!s->out)
		*has = there;
}

bool schema_list_begin(struct schema *s, int key, const char *field, size_t *count, size_t max)
{
	if (!schema_key(s, key, field, *count != 0))
		return false;
	if (s->out) {
		CHECK(*count <= max);
		cbor_write_array(s->out, *count);
		return true;
	}
	*count = (size_t)cbor_enter_array(&s->in, max);
	if (*count == 0)
		fail(s, E_MALFORMED, "an empty list must be left out");
	return *count != 0;
}

void schema_list_end(struct schema *s)
{
	if (!s->out)
		cbor_leave(&s->in);
}

void schema_tuple_begin(struct schema *s, size_t size)
{
	if (s->out)
		cbor_write_array(s->out, size);
	else if (cbor_enter_array(&s->in, size) != size)
		fail(s, E_MALFORMED, "an entry has too few parts");
}

void schema_tuple_end(struct schema *s)
{
	if (!s->out)
		cbor_leave(&s->in);
}

void schema_ascending(struct schema *s, struct span before, struct span after)
{
	if (s->out || s->in.failed)
		return;
	size_t shared = before.size < after.size ? before.size : after.size;
	int order = memcmp(before.data, after.data, shared);
	if (order > 0 || (order == 0 && before.size >= after.size))
		fail(s, E_MALFORMED, "the names are not in ascending order");
}
