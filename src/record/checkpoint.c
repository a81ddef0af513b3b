#include "record/checkpoint.h"

#include "crypto/hash.h"
#include "record/base64.h"

#include <inttypes.h>

/* C2SP tlog-cosignature: the algorithm byte of ML-DSA-44, and what the signed bytes begin with. */
enum { COSIGNATURE_ML_DSA_44 = 0x06 };
enum { LINE_BYTES = 4 + 8 + ML_DSA_44_SIGNATURE };
static const uint8_t SUBTREE[12] = "subtree/v1\n"; /* and its zero byte */
static const char DASH[] = "\xe2\x80\x94 ";         /* U+2014, space */

void checkpoint_origin(const uint8_t network[NETWORK_ID_SIZE], char out[CHECKPOINT_ORIGIN_SIZE])
{
	memcpy(out, "tally/", 6);
	span_hex(span_of(network, NETWORK_ID_SIZE), out + 6);
}

void checkpoint_key_id(struct span name, const struct public_key *key, uint8_t out[4])
{
	static const uint8_t separator[] = {'\n', COSIGNATURE_ML_DSA_44};
	struct span parts[] = {name, span_of(separator, sizeof separator), span_of(key->bytes, sizeof key->bytes)};
	struct digest digest = sha256_parts(parts, 3);
	memcpy(out, digest.bytes, 4);
}

bool checkpoint_name_is_member(struct span name)
{
	return name.size >= 4 && memcmp(name.data, "org:", 4) == 0;
}

bool checkpoint_line_is_disguised(const struct checkpoint_line *line, const struct genesis *genesis)
{
	uint8_t key_id[4];
	for (size_t i = 0; i < genesis->member_count; i++) {
		checkpoint_key_id(genesis->members[i].header.iss, &genesis->members[i].org.checkpoint_key, key_id);
		if (memcmp(key_id, line->key_id, sizeof key_id) == 0 && !span_equal(line->name, genesis->members[i].header.iss))
			return true;
	}
	return false;
}

static void append_big_endian(struct buffer *out, uint64_t value)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		buffer_append_byte(out, (uint8_t)(value >> shift));
}

static uint64_t big_endian(const uint8_t *bytes)
{
	uint64_t value = 0;
	for (int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

/* The signed bytes of a cosignature over a whole tree: a subtree that starts at 0. */
static void message_encode(struct span name, struct span origin, uint64_t size, const struct digest *root, uint64_t timestamp_s,
	struct buffer *out)
{
	buffer_append(out, SUBTREE, sizeof SUBTREE);
	buffer_append_byte(out, (uint8_t)name.size);
	buffer_append_span(out, name);
	append_big_endian(out, timestamp_s);
	buffer_append_byte(out, (uint8_t)origin.size);
	buffer_append_span(out, origin);
	append_big_endian(out, 0);
	append_big_endian(out, size);
	buffer_append(out, root->bytes, DIGEST_SIZE);
}

static bool names_fit(struct span name, struct span origin)
{
	return name.size > 0 && name.size <= CHECKPOINT_NAME_MAX && origin.size > 0 && origin.size <= CHECKPOINT_NAME_MAX;
}

enum status cosignature_sign(const struct signing_key *key, struct span name, struct span origin, uint64_t size,
	const struct digest *root, uint64_t timestamp_s, const uint8_t *randomness, struct cosignature *out)
{
	CHECK(timestamp_s != 0 && names_fit(name, origin));
	struct buffer message = {0};
	message_encode(name, origin, size, root, timestamp_s, &message);
	out->timestamp_s = timestamp_s;
	enum status status = signing_key_sign(key, buffer_span(&message), (struct span){0}, randomness, &out->signature);
	buffer_free(&message);
	return status;
}

enum status cosignature_verify(const struct verifying_key *key, struct span name, struct span origin, uint64_t size,
	const struct digest *root, const struct cosignature *cosignature)
{
	if (cosignature->timestamp_s == 0 || !names_fit(name, origin))
		return E_SIGNATURE;
	struct buffer message = {0};
	message_encode(name, origin, size, root, cosignature->timestamp_s, &message);
	struct span signature = span_of(cosignature->signature.bytes, sizeof cosignature->signature.bytes);
	enum status status = verifying_key_verify(key, buffer_span(&message), (struct span){0}, signature);
	buffer_free(&message);
	return status;
}

void checkpoint_line_encode(const struct checkpoint_line *line, struct buffer *out)
{
	struct buffer bytes = {0};
	buffer_append(&bytes, line->key_id, sizeof line->key_id);
	append_big_endian(&bytes, line->cosignature.timestamp_s);
	buffer_append(&bytes, line->cosignature.signature.bytes, sizeof line->cosignature.signature.bytes);
	buffer_append_text(out, DASH);
	buffer_append_span(out, line->name);
	buffer_append_byte(out, ' ');
	base64_write(out, buffer_span(&bytes));
	buffer_append_byte(out, '\n');
	buffer_free(&bytes);
}

void checkpoint_encode(const struct checkpoint *checkpoint, struct buffer *out)
{
	buffer_append_span(out, checkpoint->origin);
	buffer_printf(out, "\n%" PRIu64 "\n", checkpoint->size);
	base64_write(out, span_of(checkpoint->root.bytes, DIGEST_SIZE));
	buffer_append_text(out, "\n\n");
	for (size_t i = 0; i < checkpoint->line_count; i++)
		checkpoint_line_encode(&checkpoint->lines[i], out);
}

/* The text up to the next line feed, which is consumed. False: there is none. */
static bool take_line(struct span *rest, struct span *line)
{
	const uint8_t *end = rest->size ? memchr(rest->data, '\n', rest->size) : NULL;
	if (!end)
		return false;
	*line = span_of(rest->data, (size_t)(end - rest->data));
	*rest = span_of(end + 1, rest->size - line->size - 1);
	return true;
}

/* Decimal without leading zeros that fits 64 bits. */
bool checkpoint_size_read(struct span text, uint64_t *out)
{
	uint64_t value = 0;
	if (text.size == 0 || (text.size > 1 && text.data[0] == '0'))
		return false;
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, text.data[i] - '0', &value))
			return false;
	}
	*out = value;
	return true;
}

/* "— name base64(key id, timestamp, signature)". False: another kind of line. */
bool checkpoint_line_decode(struct span text, struct checkpoint_line *out)
{
	size_t dash = sizeof DASH - 1;
	if (text.size < dash || memcmp(text.data, DASH, dash) != 0)
		return false;
	text = span_of(text.data + dash, text.size - dash);
	const uint8_t *space = text.size ? memchr(text.data, ' ', text.size) : NULL;
	if (!space || space == text.data)
		return false;
	out->name = span_of(text.data, (size_t)(space - text.data));
	uint8_t bytes[LINE_BYTES];
	if (!base64_read(span_of(space + 1, text.size - out->name.size - 1), bytes, sizeof bytes))
		return false;
	memcpy(out->key_id, bytes, 4);
	out->cosignature.timestamp_s = big_endian(bytes + 4);
	memcpy(out->cosignature.signature.bytes, bytes + 12, ML_DSA_44_SIGNATURE);
	return true;
}

enum status checkpoint_decode(struct span note, struct checkpoint *out, struct fault *fault)
{
	struct span rest = note, size, root, line;
	out->line_count = 0;
	if (!take_line(&rest, &out->origin) || out->origin.size == 0 || out->origin.size > CHECKPOINT_NAME_MAX)
		return fault_set(fault, E_MALFORMED, "The checkpoint does not begin with the name of a log.");
	if (!take_line(&rest, &size) || !checkpoint_size_read(size, &out->size))
		return fault_set(fault, E_MALFORMED, "The checkpoint's second line is not a size of the log in plain decimal.");
	if (!take_line(&rest, &root) || !base64_read(root, out->root.bytes, DIGEST_SIZE))
		return fault_set(fault, E_MALFORMED, "The checkpoint's third line is not a root hash in base64.");
	if (!take_line(&rest, &line) || line.size)
		return fault_set(fault, E_MALFORMED,
			"The checkpoint has extension lines, or no empty line after its root; cosignatures do not cover extensions.");
	while (rest.size) {
		if (!take_line(&rest, &line))
			return fault_set(fault, E_MALFORMED, "The checkpoint's last line does not end with a line feed.");
		if (out->line_count < CHECKPOINT_NOTE_LINES && checkpoint_line_decode(line, &out->lines[out->line_count]))
			out->line_count++;
	}
	return OK;
}
