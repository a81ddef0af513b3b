#include "record/cose.h"

/* RFC 9052, table 3; RFC 9597. */
enum { TAG_SIGN1 = 18, LABEL_ALG = 1, LABEL_KID = 4, LABEL_CLAIMS = 15 };

void cose_sign1_input(struct span protected, struct span payload, struct buffer *out)
{
	cbor_write_array(out, 4);
	cbor_write_cstring(out, "Signature1");
	cbor_write_bytes(out, protected);
	cbor_write_bytes(out, (struct span){0});
	cbor_write_bytes(out, payload);
}

void cose_sign1_encode(const struct cose_sign1 *sign1, struct buffer *out)
{
	cbor_write_tag(out, TAG_SIGN1);
	cbor_write_array(out, 4);
	cbor_write_bytes(out, sign1->protected);
	buffer_append_span(out, sign1->unprotected);
	if (sign1->detached)
		cbor_write_null(out);
	else
		cbor_write_bytes(out, sign1->payload);
	cbor_write_bytes(out, sign1->signature);
}

enum status cose_sign1_decode(struct span bytes, struct cose_sign1 *out, struct fault *fault)
{
	struct cbor_reader in = cbor_reader_of(bytes);
	if (cbor_read_tag(&in) != TAG_SIGN1)
		cbor_fail(&in, "the tag is not 18");
	if (cbor_enter_array(&in, 4) != 4)
		cbor_fail(&in, "it is not an array of four");
	out->protected = cbor_read_bytes(&in);
	if (span_is_text(out->protected, "\xa0"))
		cbor_fail_as(&in, E_NOT_CANONICAL, "an empty protected header is not the empty string");
	if (cbor_peek(&in) != CBOR_MAP)
		cbor_fail(&in, "the unprotected header is not a map");
	out->unprotected = cbor_read_item(&in);
	out->detached = cbor_read_null_if_present(&in);
	out->payload = out->detached ? (struct span){0} : cbor_read_bytes(&in);
	out->signature = cbor_read_bytes(&in);
	cbor_leave(&in);
	if (in.failed)
		return fault_set(fault, in.status, "This is no COSE_Sign1: %s.", in.why);
	if (in.rest.size)
		return fault_set(fault, E_MALFORMED, "%zu bytes follow the COSE_Sign1; send one statement at a time.", in.rest.size);
	return OK;
}

void cose_header_begin(const struct digest *kid, size_t claims, struct span iss, struct span sub, struct buffer *out)
{
	cbor_write_map(out, 4);
	cbor_write_int(out, LABEL_ALG);
	cbor_write_int(out, COSE_ALG_ML_DSA_44);
	cbor_write_int(out, LABEL_KID);
	cbor_write_digest(out, kid);
	cbor_write_int(out, LABEL_CLAIMS);
	cbor_write_map(out, claims);
	cbor_write_int(out, COSE_CLAIM_ISS);
	cbor_write_text(out, iss);
	cbor_write_int(out, COSE_CLAIM_SUB);
	cbor_write_text(out, sub);
}

void cose_header_enter(struct cbor_reader *in, struct digest *kid)
{
	cbor_enter_map(in, 4);
	if (!cbor_key_is(in, LABEL_ALG) || cbor_read_int(in) != COSE_ALG_ML_DSA_44)
		cbor_fail(in, "the algorithm is not ML-DSA-44 (-48)");
	if (cbor_key_is(in, LABEL_KID))
		*kid = cbor_read_digest(in);
	else
		cbor_fail(in, "the key id (kid) is missing");
	if (!cbor_key_is(in, LABEL_CLAIMS))
		cbor_fail(in, "the claims (15) are missing");
}
