/* A statement that decodes has one form: signed again, only key id and signature differ. */
#include "record/cose.h"
#include "record/statement.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KID_OFFSET = 7 }; /* a4 01 38 2f 04 58 20 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[ML_DSA_44_SEED];
	struct statement statement, copy, again;
	struct fault fault;
	if (statement_decode(span_of(data, size), &statement, &fault) != OK)
		return 0;
	struct cose_sign1 parts;
	struct buffer bytes = {0};
	CHECK(cose_sign1_decode(span_of(data, size), &parts, NULL) == OK);
	cose_sign1_encode(&parts, &bytes);
	CHECK(span_equal(buffer_span(&bytes), span_of(data, size)));

	struct signing_key *key = NULL;
	struct digest id;
	CHECK(signing_key_from_seed(seed, &key) == OK);
	copy = statement;
	buffer_clear(&bytes);
	CHECK(statement_sign(&copy, key, NULL, &bytes, &id) == OK);
	CHECK(statement_decode(buffer_span(&bytes), &again, NULL) == OK);
	CHECK(again.signed_protected.size == statement.signed_protected.size);
	uint8_t *kid = (uint8_t *)(uintptr_t)again.signed_protected.data + KID_OFFSET;
	memcpy(kid, statement.kid.bytes, DIGEST_SIZE);
	CHECK(span_equal(again.signed_protected, statement.signed_protected));
	CHECK(span_equal(again.body, statement.body));
	signing_key_free(key);
	buffer_free(&bytes);
	return 0;
}
