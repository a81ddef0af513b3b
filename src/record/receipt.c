#include "record/receipt.h"

#include "record/cose.h"
#include "record/statement.h"

/* RFC 9942, 8. */
enum { LABEL_VDS = 395, LABEL_VDP = 396, VDS_RFC9162_SHA256 = 1 };

/* -- the protected header ------------------------------------------------------------------- */

static void header_encode(const struct receipt *receipt, struct buffer *out)
{
	cose_header_begin(&receipt->kid, 2, receipt->iss, receipt->sub, out);
	cbor_write_int(out, LABEL_VDS);
	cbor_write_int(out, VDS_RFC9162_SHA256);
}

static struct span name_decode(struct cbor_reader *in, int64_t claim)
{
	struct span name = {0};
	if (cbor_key_is(in, claim))
		name = cbor_read_text(in);
	if (name.size == 0)
		cbor_fail(in, claim == COSE_CLAIM_ISS ? "the issuer (iss) is missing" : "the subject (sub) is missing");
	if (name.size > RECEIPT_NAME_MAX)
		cbor_fail_as(in, E_LIMIT, "iss or sub is longer than 200 bytes");
	return name;
}

static enum status header_decode(struct span bytes, struct receipt *out, struct fault *fault)
{
	struct cbor_reader in = cbor_reader_of(bytes);
	cose_header_enter(&in, &out->kid);
	cbor_enter_map(&in, 2);
	out->iss = name_decode(&in, COSE_CLAIM_ISS);
	out->sub = name_decode(&in, COSE_CLAIM_SUB);
	cbor_leave(&in);
	if (!cbor_key_is(&in, LABEL_VDS) || cbor_read_int(&in) != VDS_RFC9162_SHA256)
		cbor_fail(&in, "the verifiable data structure (395) is not RFC9162_SHA256 (1)");
	cbor_leave(&in);
	if (in.failed)
		return fault_set(fault, in.status, "The receipt's protected header is not valid: %s.", in.why);
	return cbor_end(&in) == OK ? OK : fault_set(fault, E_MALFORMED, "Bytes follow the map of the receipt's protected header.");
}

/* -- the proofs ----------------------------------------------------------------------------- */

static void proof_encode(const struct receipt *receipt, const struct receipt_proof *proof, struct buffer *out)
{
	struct buffer bytes = {0};
	bool inclusion = receipt->kind == RECEIPT_INCLUSION;
	cbor_write_array(&bytes, 3);
	cbor_write_uint(&bytes, inclusion ? proof->size : proof->first);
	cbor_write_uint(&bytes, inclusion ? proof->first : proof->size);
	cbor_write_array(&bytes, proof->path.count);
	for (size_t i = 0; i < proof->path.count; i++)
		cbor_write_digest(&bytes, &proof->path.nodes[i]);
	cbor_write_bytes(out, buffer_span(&bytes));
	buffer_free(&bytes);
}

static void proofs_encode(const struct receipt *receipt, struct buffer *out)
{
	cbor_write_map(out, 1);
	cbor_write_int(out, LABEL_VDP);
	cbor_write_map(out, 1);
	cbor_write_int(out, receipt->kind);
	cbor_write_array(out, receipt->proof_count);
	for (size_t i = 0; i < receipt->proof_count; i++)
		proof_encode(receipt, &receipt->proofs[i], out);
}

static void proof_decode(struct cbor_reader *outer, enum receipt_kind kind, struct receipt_proof *out)
{
	struct span bytes = cbor_read_bytes(outer);
	if (outer->failed)
		return;
	struct cbor_reader in = cbor_reader_of(bytes);
	if (cbor_enter_array(&in, 3) != 3)
		cbor_fail(&in, "a proof is not an array of three");
	uint64_t a = cbor_read_uint(&in), b = cbor_read_uint(&in);
	out->size = kind == RECEIPT_INCLUSION ? a : b;
	out->first = kind == RECEIPT_INCLUSION ? b : a;
	out->path.count = (size_t)cbor_enter_array(&in, MERKLE_PATH_MAX);
	for (size_t i = 0; i < out->path.count; i++)
		out->path.nodes[i] = cbor_read_digest(&in);
	cbor_leave(&in);
	cbor_leave(&in);
	if (!in.failed && cbor_end(&in) != OK)
		cbor_fail(&in, "bytes follow a proof");
	if (kind == RECEIPT_INCLUSION ? out->first >= out->size : out->first == 0 || out->first > out->size)
		cbor_fail(&in, "a proof is for sizes that cannot be");
	if (in.failed)
		cbor_fail_as(outer, in.status, in.why);
}

static enum status proofs_decode(struct span bytes, struct receipt *out, struct fault *fault)
{
	struct cbor_reader in = cbor_reader_of(bytes);
	if (cbor_enter_map(&in, 1) != 1 || !cbor_key_is(&in, LABEL_VDP))
		cbor_fail(&in, "the unprotected header is not the proofs (396) alone");
	cbor_enter_map(&in, 1);
	if (cbor_key_is(&in, RECEIPT_INCLUSION))
		out->kind = RECEIPT_INCLUSION;
	else if (cbor_key_is(&in, RECEIPT_CONSISTENCY))
		out->kind = RECEIPT_CONSISTENCY;
	else
		cbor_fail(&in, "there are neither inclusion (-1) nor consistency proofs (-2)");
	out->proof_count = (size_t)cbor_enter_array(&in, RECEIPT_PROOFS_MAX);
	if (out->proof_count == 0)
		cbor_fail(&in, "there is no proof");
	for (size_t i = 0; i < out->proof_count && !in.failed; i++)
		proof_decode(&in, out->kind, &out->proofs[i]);
	cbor_leave(&in);
	cbor_leave(&in);
	cbor_leave(&in);
	return in.failed ? fault_set(fault, in.status, "The receipt's proofs are not valid: %s.", in.why) : OK;
}

/* -- the whole -------------------------------------------------------------------------------- */

enum status receipt_sign(struct receipt *receipt, const struct digest *root, const struct signing_key *key,
	const uint8_t *randomness, struct buffer *out)
{
	CHECK(receipt->proof_count > 0 && receipt->proof_count <= RECEIPT_PROOFS_MAX);
	struct buffer protected = {0}, unprotected = {0}, input = {0};
	struct signature signature;
	receipt->kid = key_thumbprint(signing_key_public(key));
	header_encode(receipt, &protected);
	cose_sign1_input(buffer_span(&protected), span_of(root->bytes, DIGEST_SIZE), &input);
	enum status status = signing_key_sign(key, buffer_span(&input), (struct span){0}, randomness, &signature);
	if (status == OK) {
		proofs_encode(receipt, &unprotected);
		const struct cose_sign1 sign1 = {.protected = buffer_span(&protected), .unprotected = buffer_span(&unprotected), .detached = true,
			.signature = span_of(signature.bytes, sizeof signature.bytes)};
		cose_sign1_encode(&sign1, out);
	}
	buffer_free(&protected);
	buffer_free(&unprotected);
	buffer_free(&input);
	return status;
}

enum status receipt_decode_proofs(struct span bytes, struct receipt *out, struct fault *fault)
{
	memset(out, 0, sizeof *out);
	struct cose_sign1 sign1;
	if (bytes.size > RECEIPT_SIZE_MAX)
		return fault_set(fault, E_LIMIT, "The receipt has %zu bytes, at most %d are permitted.", bytes.size, RECEIPT_SIZE_MAX);
	TRY(cose_sign1_decode(bytes, &sign1, fault));
	if (!sign1.detached)
		return fault_set(fault, E_MALFORMED, "The receipt has a payload; the root must be computed from the proof, so it must be nil.");
	out->signed_protected = sign1.protected;
	out->signature = sign1.signature;
	return proofs_decode(sign1.unprotected, out, fault);
}

enum status receipt_decode(struct span bytes, struct receipt *out, struct fault *fault)
{
	TRY(receipt_decode_proofs(bytes, out, fault));
	TRY(header_decode(out->signed_protected, out, fault));
	if (out->signature.size != ML_DSA_44_SIGNATURE)
		return fault_set(fault, E_MALFORMED, "The receipt's signature has %zu bytes instead of %d.", out->signature.size, ML_DSA_44_SIGNATURE);
	return OK;
}

/* First the proofs, then the signature over the root that they lead to (RFC 9942, 5.2.1 and 5.3.1). */
static enum status signature_check(const struct receipt *receipt, const struct verifying_key *key, const struct digest *root)
{
	struct digest kid = key_thumbprint(verifying_key_public(key));
	if (!digest_equal(&kid, &receipt->kid))
		return E_SIGNATURE;
	struct buffer input = {0};
	cose_sign1_input(receipt->signed_protected, span_of(root->bytes, DIGEST_SIZE), &input);
	enum status status = verifying_key_verify(key, buffer_span(&input), (struct span){0}, receipt->signature);
	buffer_free(&input);
	return status;
}

enum status receipt_inclusion_root(const struct receipt *receipt, const struct digest *id, struct digest *root)
{
	if (receipt->kind != RECEIPT_INCLUSION || receipt->proof_count == 0)
		return E_SIGNATURE;
	struct digest leaf = merkle_leaf(span_of(id->bytes, DIGEST_SIZE));
	for (size_t i = 0; i < receipt->proof_count; i++) {
		const struct receipt_proof *proof = &receipt->proofs[i];
		struct digest computed;
		if (merkle_inclusion_root(&leaf, proof->first, proof->size, &proof->path, &computed) != OK)
			return E_SIGNATURE;
		if (i > 0 && !digest_equal(&computed, root))
			return E_SIGNATURE;
		*root = computed;
	}
	return OK;
}

enum status receipt_verify_inclusion(const struct receipt *receipt, const struct verifying_key *key, const struct digest *id,
	struct digest *root)
{
	TRY(receipt_inclusion_root(receipt, id, root));
	return signature_check(receipt, key, root);
}

enum status receipt_verify_consistency(const struct receipt *receipt, const struct verifying_key *key, uint64_t size,
	const struct digest *older, struct digest *root)
{
	if (receipt->kind != RECEIPT_CONSISTENCY || receipt->proof_count == 0)
		return E_SIGNATURE;
	for (size_t i = 0; i < receipt->proof_count; i++) {
		const struct receipt_proof *proof = &receipt->proofs[i];
		struct digest computed;
		if (proof->first != size || merkle_consistency_root(proof->first, proof->size, older, &proof->path, &computed) != OK)
			return E_SIGNATURE;
		if (i > 0 && !digest_equal(&computed, root))
			return E_SIGNATURE;
		*root = computed;
	}
	return signature_check(receipt, key, root);
}
