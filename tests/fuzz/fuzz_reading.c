/* What a gateway answers about a reading, and how people name one. */
#include "app/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading_proof proof;
	struct reading_name name;
	struct fault fault = {{0}};
	if (reading_proof_parse(span_of(data, size), &proof, &fault) == OK) {
		CHECK(proof.leaf.size > 0 && proof.leaf.size <= SAMPLE_LEAF_MAX && proof.path.count <= MERKLE_PATH_MAX);
		reading_proof_free(&proof);
	} else {
		CHECK(fault.text[0] != 0);
	}
	if (reading_name_parse(span_of(data, size), &name, &fault) == OK)
		CHECK(name.device.size > 0 && name.signal.size > 0 && name.device.size + name.signal.size < size);
	return 0;
}
