/* Arbitrary bytes as a device's CSV message. */
#include "wrangle_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_message(WRANGLE_CSV, data, size);
	return 0;
}
