#include "record/genesis.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct genesis genesis;
	struct fault fault;
	if (genesis_decode(span_of(data, size), &genesis, &fault) != OK) {
		CHECK(genesis.members == NULL);
		return 0;
	}
	CHECK(genesis.member_count > 0);
	struct span *statements = memory_new_array(genesis.member_count, sizeof *statements);
	for (size_t i = 0; i < genesis.member_count; i++)
		statements[i] = genesis.members[i].statement;
	struct buffer again = {0};
	genesis_encode(genesis.name, genesis.created_ms, &genesis.settings, statements, genesis.member_count, &again);
	CHECK(span_equal(buffer_span(&again), span_of(data, size)));
	free(statements);
	buffer_free(&again);
	genesis_free(&genesis);
	return 0;
}
