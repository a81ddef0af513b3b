/* What a witness is sent, and its key as text: each has one form, and nothing unsigned is ever cosigned. Signatures cost too
 * much to be tried for every input, so a genesis without members judges. */
#include "record/witness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_request(struct span body)
{
	static struct witness_request request;
	static const struct genesis nobody;
	static struct epochs epochs;
	if (!epochs.count)
		epochs_begin(&epochs, &nobody);
	struct buffer again = {0};
	struct fault fault = {0};
	struct witness_log log = witness_log_new(), next;
	if (witness_request_decode(body, &request, &fault) == OK) {
		CHECK(request.path.count <= WITNESS_PROOF_MAX);
		witness_request_encode(&request, &again);
		CHECK(span_equal(buffer_span(&again), body));
	} else {
		CHECK(fault.text[0]);
	}
	fault.text[0] = 0;
	CHECK(witness_judge(&log, &epochs, 1, body, &next, &fault) != WITNESS_COSIGN && fault.text[0]);
	/* With a quorum of nobody only sizes and proofs decide. */
	enum witness_verdict verdict = witness_judge(&log, &epochs, 0, body, &next, &fault);
	CHECK(verdict != WITNESS_COSIGN || (request.old == 0 && request.path.count == 0));
	buffer_free(&again);
}

static void check_key(struct span text)
{
	struct public_key key;
	struct span name;
	struct buffer again = {0};
	if (verification_key_decode(text, &name, &key, NULL) != OK)
		return;
	verification_key_encode(name, &key, &again);
	CHECK(again.size == text.size);
	buffer_free(&again);
}

static void check_line(struct span text)
{
	static struct checkpoint_line line;
	struct buffer again = {0};
	if (!checkpoint_line_decode(text, &line))
		return;
	checkpoint_line_encode(&line, &again);
	CHECK(again.size == text.size + 1 && memcmp(again.data, text.data, text.size) == 0);
	buffer_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_request(span_of(data, size));
	check_key(span_of(data, size));
	check_line(span_of(data, size));
	return 0;
}
