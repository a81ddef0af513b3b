#include "record/transparent.h"

#include "record/cose.h"
#include "record/receipt.h"
#include "record/statement.h"

enum { LABEL_RECEIPTS = 394, HEADERS_MAX = 64 };

enum status transparent_encode(struct span statement, const struct span *receipts, size_t count, struct buffer *out, struct fault *fault)
{
	struct statement checked;
	struct cose_sign1 sign1;
	TRY(statement_decode(statement, &checked, fault));
	TRY(cose_sign1_decode(statement, &sign1, fault));
	if (count == 0 || count > TRANSPARENT_RECEIPTS_MAX)
		return fault_set(fault, E_LIMIT, "A transparent statement has 1 to %d receipts, not %zu.", TRANSPARENT_RECEIPTS_MAX, count);
	size_t start = out->size;
	struct buffer unprotected = {0};
	cbor_write_map(&unprotected, 1);
	cbor_write_int(&unprotected, LABEL_RECEIPTS);
	cbor_write_array(&unprotected, count);
	enum status status = OK;
	for (size_t i = 0; i < count && status == OK; i++) {
		if (receipts[i].size == 0 || receipts[i].size > RECEIPT_SIZE_MAX)
			status = fault_set(fault, E_LIMIT, "Receipt %zu has %zu bytes; 1 to %d are permitted.", i + 1, receipts[i].size, RECEIPT_SIZE_MAX);
		cbor_write_bytes(&unprotected, receipts[i]);
	}
	if (status == OK) {
		sign1.unprotected = buffer_span(&unprotected);
		cose_sign1_encode(&sign1, out);
	}
	if (status == OK && out->size - start > TRANSPARENT_SIZE_MAX)
		status = fault_set(fault, E_LIMIT, "The transparent statement would have %zu bytes, at most %d are permitted; give it fewer receipts.",
			out->size - start, TRANSPARENT_SIZE_MAX);
	if (status != OK)
		out->size = start;
	buffer_free(&unprotected);
	return status;
}

static void receipts_decode(struct cbor_reader *in, struct transparent *out)
{
	if (cbor_enter_map(in, HEADERS_MAX) != 1 || !cbor_key_is(in, LABEL_RECEIPTS))
		cbor_fail(in, "the unprotected header is not the receipts (394) alone");
	out->receipt_count = (size_t)cbor_enter_array(in, TRANSPARENT_RECEIPTS_MAX);
	if (out->receipt_count == 0)
		cbor_fail(in, "there is no receipt");
	for (size_t i = 0; i < out->receipt_count && !in->failed; i++) {
		out->receipts[i] = cbor_read_bytes(in);
		if (out->receipts[i].size == 0)
			cbor_fail(in, "a receipt is empty");
		if (out->receipts[i].size > RECEIPT_SIZE_MAX)
			cbor_fail_as(in, E_LIMIT, "a receipt is longer than 32 KiB");
	}
	cbor_leave(in);
	cbor_leave(in);
}

enum status transparent_decode(struct span bytes, struct transparent *out, struct fault *fault)
{
	*out = (struct transparent){0};
	struct cose_sign1 sign1;
	if (bytes.size > TRANSPARENT_SIZE_MAX)
		return fault_set(fault, E_LIMIT, "The transparent statement has %zu bytes, at most %d are permitted.", bytes.size, TRANSPARENT_SIZE_MAX);
	TRY(cose_sign1_decode(bytes, &sign1, fault));
	if (sign1.detached)
		return fault_set(fault, E_MALFORMED, "The transparent statement has no payload; it holds the statement with its body.");
	struct cbor_reader in = cbor_reader_of(sign1.unprotected);
	receipts_decode(&in, out);
	if (in.failed)
		return fault_set(fault, in.status, "The transparent statement's receipts are not valid: %s.", in.why);
	sign1.unprotected = span_of("\xa0", 1);
	cose_sign1_encode(&sign1, &out->statement);
	return OK;
}

void transparent_free(struct transparent *transparent)
{
	buffer_free(&transparent->statement);
	transparent->receipt_count = 0;
}

bool transparent_is(struct span bytes)
{
	struct cose_sign1 sign1;
	if (cose_sign1_decode(bytes, &sign1, NULL) != OK || sign1.detached)
		return false;
	struct cbor_reader in = cbor_reader_of(sign1.unprotected);
	uint64_t pairs = cbor_enter_map(&in, HEADERS_MAX);
	for (uint64_t i = 0; i < pairs && !in.failed; i++) {
		if (cbor_key_is(&in, LABEL_RECEIPTS))
			return true;
		(void)cbor_read_item(&in);
		(void)cbor_read_item(&in);
	}
	return false;
}
