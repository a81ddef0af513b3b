/* A bundle has one form, and its report only lines of our own making. It is checked against
 * the genesis of the sample consortium, of which the saved inputs are. */
#include "../unit/sample_log.h"
#include "report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sample_consortium *consortium;
	if (!consortium)
		consortium = sample_consortium_new();
	struct bundle bundle;
	struct fault fault = {0};
	struct buffer again = {0}, report = {0};
	if (bundle_decode(span_of(data, size), &bundle, &fault) != OK) {
		CHECK(bundle.entries == NULL && fault.text[0]);
		return 0;
	}
	bundle_encode(&bundle, &again);
	CHECK(span_equal(buffer_span(&again), span_of(data, size)));
	enum status status = bundle_verify(&bundle, &consortium->trust, NULL, &report, &fault);
	CHECK((status == OK) == (fault.text[0] == 0));
	report_check(buffer_span(&report));
	buffer_free(&again);
	buffer_free(&report);
	bundle_free(&bundle);
	return 0;
}
