/* Arbitrary bytes as a device's SenML message. */
#include "wrangle_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_message(WRANGLE_SENML, data, size);
	return 0;
}
