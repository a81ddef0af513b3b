/* A state proof has one form, and its report only lines of our own making; a value has one form. It is checked against the
 * genesis of the sample consortium, of which the saved inputs are. */
#include "../unit/sample_state.h"
#include "report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entry(struct span bytes)
{
	struct state_entry entry;
	struct buffer again = {0};
	if (state_entry_decode(bytes, &entry, NULL) != OK)
		return;
	state_entry_encode(&entry, &again);
	CHECK(span_equal(buffer_span(&again), bytes));
	buffer_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sample_consortium *consortium;
	static struct state_proof proof;
	if (!consortium)
		consortium = sample_consortium_new();
	struct state_finding found;
	struct fault fault = {0};
	struct buffer again = {0}, report = {0};
	check_entry(span_of(data, size));
	if (state_proof_decode(span_of(data, size), &proof, &fault) != OK) {
		CHECK(fault.text[0]);
		return 0;
	}
	CHECK(state_proof_is(span_of(data, size)));
	state_proof_encode(&proof, &again);
	CHECK(span_equal(buffer_span(&again), span_of(data, size)));
	check_entry(proof.value);
	enum status status = state_proof_verify(&proof, &consortium->trust, &found, &report, &fault);
	CHECK((status == OK) == (fault.text[0] == 0));
	report_check(buffer_span(&report));
	buffer_free(&again);
	buffer_free(&report);
	return 0;
}
