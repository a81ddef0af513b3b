/* Arbitrary bytes as a sample: what decodes is the one encoding of it. */
#include "signal/sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sample sample;
	struct channel channel;
	enum status status = sample_decode(span_of(data, size), &sample, &channel);
	CHECK(status == OK || status == E_MALFORMED || status == E_NOT_CANONICAL);
	if (status != OK)
		return 0;
	struct buffer again = {0};
	sample_encode(&sample, &again);
	CHECK(span_equal(buffer_span(&again), span_of(data, size)));
	sample_describe(&sample, &again);
	buffer_free(&again);
	return 0;
}
