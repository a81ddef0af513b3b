/* The frames of a greeting: what is taken is written back the same, and a twin's address is fit for a log line. */
#include "host/instance.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = span_of(data, size);
	struct buffer again = {0};
	struct instance instance;
	uint64_t number;
	char address[ADDRESS_TEXT_MAX];
	if (instance_hello_decode(bytes, &instance) == OK) {
		instance_hello_encode(&instance, &again);
		CHECK(span_equal(buffer_span(&again), bytes));
	}
	buffer_clear(&again);
	if (instance_probe_decode(bytes, &number) == OK) {
		instance_probe_encode(number, &again);
		CHECK(span_equal(buffer_span(&again), bytes));
	}
	if (instance_twin_decode(bytes, address) == OK)
		CHECK(strlen(address) == size && !strpbrk(address, "\"\\\n\r \t"));
	buffer_free(&again);
	return 0;
}
