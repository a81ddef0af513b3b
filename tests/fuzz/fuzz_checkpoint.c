/* A note that decodes encodes to one that decodes to the same. */
#include "record/checkpoint.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct checkpoint first, second;
	struct fault fault;
	struct buffer once = {0}, twice = {0};
	if (checkpoint_decode(span_of(data, size), &first, &fault) != OK)
		return 0;
	checkpoint_encode(&first, &once);
	CHECK(checkpoint_decode(buffer_span(&once), &second, NULL) == OK);
	CHECK(first.line_count == second.line_count && first.size == second.size && digest_equal(&first.root, &second.root));
	checkpoint_encode(&second, &twice);
	CHECK(span_equal(buffer_span(&once), buffer_span(&twice)));
	buffer_free(&once);
	buffer_free(&twice);
	return 0;
}
