#include "record/statement.h"

#include "crypto/hash.h"
#include "record/cose.h"

enum { HEADER_VERSION = 1 };
static const char HEADER_LABEL[] = "tally";

const char *statement_type_name(unsigned type)
{
	static const char *const names[STATEMENT_TYPE_END] = {
		[STATEMENT_ORG] = "org",
		[STATEMENT_PERSON] = "person",
		[STATEMENT_DEVICE] = "device",
		[STATEMENT_EVENT] = "event",
		[STATEMENT_ANCHOR] = "anchor",
		[STATEMENT_MODEL] = "model",
		[STATEMENT_BOUNDS] = "bounds",
		[STATEMENT_DEVICE_STATE] = "device_state",
		[STATEMENT_DISTURBANCE] = "disturbance",
		[STATEMENT_SERVICE] = "service",
		[STATEMENT_COMMAND] = "command",
		[STATEMENT_RESULT] = "result",
		[STATEMENT_CRITICAL] = "critical",
		[STATEMENT_ACK] = "ack",
		[STATEMENT_EVIDENCE] = "evidence",
		[STATEMENT_MEMBER] = "member",
		[STATEMENT_VOTE] = "vote",
	};
	return type < STATEMENT_TYPE_END && names[type] ? names[type] : "unknown";
}

/* RFC 9679: SHA-256 of the key with its required parameters only, in deterministic CBOR. */
struct digest key_thumbprint(const struct public_key *key)
{
	struct buffer bytes = {0};
	cbor_write_map(&bytes, 3);
	cbor_write_int(&bytes, 1); /* kty */
	cbor_write_int(&bytes, COSE_KEY_TYPE_AKP);
	cbor_write_int(&bytes, 3); /* alg */
	cbor_write_int(&bytes, COSE_ALG_ML_DSA_44);
	cbor_write_int(&bytes, -1); /* pub */
	cbor_write_bytes(&bytes, span_of(key->bytes, sizeof key->bytes));
	struct digest digest = sha256(buffer_span(&bytes));
	buffer_free(&bytes);
	return digest;
}

static void header_encode(const struct statement *statement, struct buffer *out)
{
	cbor_write_array(out, 7);
	cbor_write_uint(out, HEADER_VERSION);
	cbor_write_uint(out, statement->type);
	cbor_write_uint(out, statement->seq);
	if (digest_is_zero(&statement->prev))
		cbor_write_null(out);
	else
		cbor_write_digest(out, &statement->prev);
	cbor_write_array(out, statement->parent_count);
	for (size_t i = 0; i < statement->parent_count; i++)
		cbor_write_digest(out, &statement->parents[i]);
	cbor_write_bytes(out, span_of(statement->network, NETWORK_ID_SIZE));
	cbor_write_uint(out, statement->class);
}

static void protected_encode(const struct statement *statement, struct buffer *out)
{
	cose_header_begin(&statement->kid, 3, statement->iss, statement->sub, out);
	cbor_write_int(out, COSE_CLAIM_IAT);
	cbor_write_int(out, statement->iat);
	cbor_write_cstring(out, HEADER_LABEL);
	header_encode(statement, out);
}

static uint32_t read_u32_up_to(struct cbor_reader *in, uint32_t max, const char *why)
{
	uint64_t value = cbor_read_uint(in);
	if (value > max)
		cbor_fail(in, why);
	return in->failed ? 0 : (uint32_t)value;
}

static void header_decode(struct cbor_reader *in, struct statement *out)
{
	if (cbor_enter_array(in, 7) != 7)
		cbor_fail(in, "the tally header is not an array of seven");
	if (cbor_read_uint(in) != HEADER_VERSION)
		cbor_fail(in, "the version of the tally header is not 1");
	out->type = read_u32_up_to(in, UINT32_MAX, "the type does not fit 32 bits");
	out->seq = cbor_read_uint(in);
	if (out->seq == 0)
		cbor_fail(in, "the sequence number is 0, it begins at 1");
	if (!cbor_read_null_if_present(in))
		out->prev = cbor_read_digest(in);
	if (digest_is_zero(&out->prev) != (out->seq == 1))
		cbor_fail(in, "the previous id must be null in the issuer's first statement and only there");
	out->parent_count = (size_t)cbor_enter_array(in, STATEMENT_PARENTS_MAX);
	for (size_t i = 0; i < out->parent_count; i++)
		out->parents[i] = cbor_read_digest(in);
	cbor_leave(in);
	struct span network = cbor_read_bytes(in);
	if (network.size == NETWORK_ID_SIZE)
		memcpy(out->network, network.data, NETWORK_ID_SIZE);
	else
		cbor_fail(in, "the network id is not 16 bytes long");
	out->class = read_u32_up_to(in, CLASS_PERSONAL, "the class is not one of 0 to 3");
	cbor_leave(in);
}

/* Names go into logs, reports and notes: no control characters. */
static struct span read_name(struct cbor_reader *in)
{
	struct span name = cbor_read_text(in);
	if (name.size > STATEMENT_NAME_MAX)
		cbor_fail_as(in, E_LIMIT, "iss or sub is longer than 200 bytes");
	for (size_t i = 0; i < name.size; i++)
		if (name.data[i] < 0x20 || name.data[i] == 0x7f)
			cbor_fail(in, "iss or sub contains a control character");
	return name;
}

static void claims_decode(struct cbor_reader *in, struct statement *out)
{
	cbor_enter_map(in, 3);
	if (cbor_key_is(in, COSE_CLAIM_ISS))
		out->iss = read_name(in);
	if (out->iss.size == 0)
		cbor_fail(in, "the issuer (iss) is missing");
	if (cbor_key_is(in, COSE_CLAIM_SUB))
		out->sub = read_name(in);
	else
		cbor_fail(in, "the subject (sub) is missing");
	if (cbor_key_is(in, COSE_CLAIM_IAT))
		out->iat = cbor_read_int(in);
	else
		cbor_fail(in, "the time of issue (iat) is missing");
	if (out->iat < 0)
		cbor_fail(in, "the time of issue (iat) is before 1970");
	cbor_leave(in);
}

static void protected_decode(struct cbor_reader *in, struct statement *out)
{
	cose_header_enter(in, &out->kid);
	claims_decode(in, out);
	if (cbor_key_is_text(in, HEADER_LABEL))
		header_decode(in, out);
	else
		cbor_fail(in, "the tally header is missing");
	cbor_leave(in);
	if (!in->failed && in->rest.size)
		cbor_fail(in, "bytes follow the protected header's map");
}

enum status statement_decode(struct span bytes, struct statement *out, struct fault *fault)
{
	*out = (struct statement){0};
	if (bytes.size > STATEMENT_SIZE_MAX)
		return fault_set(fault, E_LIMIT, "The statement has %zu bytes, at most %d are permitted; put large content into a chunk.",
			bytes.size, STATEMENT_SIZE_MAX);
	struct cose_sign1 sign1;
	TRY(cose_sign1_decode(bytes, &sign1, fault));
	if (sign1.detached)
		return fault_set(fault, E_MALFORMED, "The statement has no payload; sign it with its body inside.");
	if (sign1.unprotected.size != 1)
		return fault_set(fault, E_MALFORMED, "The statement has unprotected headers; remove them, they are not signed.");
	if (sign1.signature.size != ML_DSA_44_SIGNATURE)
		return fault_set(fault, E_MALFORMED, "The signature has %zu bytes instead of %d; sign with ML-DSA-44.",
			sign1.signature.size, ML_DSA_44_SIGNATURE);
	struct cbor_reader in = cbor_reader_of(sign1.protected);
	protected_decode(&in, out);
	if (in.failed)
		return fault_set(fault, in.status, "The statement's protected header is not valid: %s.", in.why);
	out->signed_protected = sign1.protected;
	out->body = sign1.payload;
	out->signature = sign1.signature;
	out->id = sha256(bytes);
	return OK;
}

enum status statement_sign_by(struct statement *statement, const struct signing_key *key, statement_signer *signer,
	const uint8_t *randomness, struct buffer *out, struct digest *id)
{
	CHECK(statement->parent_count <= STATEMENT_PARENTS_MAX);
	struct buffer protected = {0};
	struct buffer input = {0};
	struct signature signature;
	statement->kid = key_thumbprint(signing_key_public(key));
	protected_encode(statement, &protected);
	cose_sign1_input(buffer_span(&protected), statement->body, &input);
	enum status status = signer(key, buffer_span(&input), (struct span){0}, randomness, &signature);

	size_t start = out->size;
	if (status == OK) {
		struct cose_sign1 sign1 = {.protected = buffer_span(&protected), .unprotected = span_of("\xa0", 1),
			.payload = statement->body, .signature = span_of(signature.bytes, sizeof signature.bytes)};
		cose_sign1_encode(&sign1, out);
		/* What others would refuse is not handed out. */
		struct statement checked;
		status = statement_decode(span_of(out->data + start, out->size - start), &checked, NULL);
		*id = checked.id;
	}
	if (status != OK)
		out->size = start;
	buffer_free(&protected);
	buffer_free(&input);
	return status;
}

enum status statement_sign(struct statement *statement, const struct signing_key *key,
	const uint8_t *randomness, struct buffer *out, struct digest *id)
{
	return statement_sign_by(statement, key, signing_key_sign, randomness, out, id);
}

enum status statement_signature_verify(const struct statement *statement, const struct verifying_key *key)
{
	struct buffer input = {0};
	cose_sign1_input(statement->signed_protected, statement->body, &input);
	enum status status = verifying_key_verify(key, buffer_span(&input), (struct span){0}, statement->signature);
	buffer_free(&input);
	return status;
}

enum status statement_verify(const struct statement *statement, const struct verifying_key *key)
{
	struct digest kid = key_thumbprint(verifying_key_public(key));
	return digest_equal(&kid, &statement->kid) ? statement_signature_verify(statement, key) : E_SIGNATURE;
}

static struct span moved(struct span span, const uint8_t *from, const uint8_t *to)
{
	return span.size ? span_of(to + (span.data - from), span.size) : (struct span){0};
}

struct statement *statement_copy(const struct statement *statement, struct span bytes)
{
	struct statement *copy = memory_resize(NULL, 1, sizeof *copy + bytes.size);
	uint8_t *to = (uint8_t *)(copy + 1);
	memcpy(to, bytes.data, bytes.size);
	*copy = *statement;
	struct span *spans[] = {&copy->iss, &copy->sub, &copy->body, &copy->signed_protected, &copy->signature};
	for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
		*spans[i] = moved(*spans[i], bytes.data, to);
	return copy;
}
