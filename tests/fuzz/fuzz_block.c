/* Blocks, signed headers and messages: what decodes, encodes to the same bytes. */
#include "consensus/message.h"
#include "consensus/validity.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum status same_signature(void *context, const struct digest *digest, struct buffer *signature)
{
	(void)digest;
	buffer_append_span(signature, *(const struct span *)context);
	return OK;
}

static void expect_same(struct span bytes, const struct buffer *again)
{
	if (!span_equal(bytes, buffer_span(again)))
		abort();
}

static void try_block(struct span bytes)
{
	static const uint8_t network[BLOCK_NETWORK_SIZE];
	struct digest genesis = {{0}};
	struct block block, half;
	struct fault fault;
	if (block_decode(bytes, &block, &fault) != OK)
		return;
	struct block_signer signer = {&block.signature, same_signature, NULL};
	struct buffer again = {0};
	if (block_seal(&block, &signer, &again) != OK)
		abort();
	expect_same(bytes, &again);
	buffer_free(&again);
	if (block_signed_header_parse(block_signed_header(&block), &half, &fault) != OK)
		abort();
	struct validity validity = validity_of(4, FAULTS_BYZANTINE, network, 0, &genesis, 0);
	if (validity_check(&validity, &block, &fault) != OK && !fault.text[0])
		abort();
}

static void try_message(struct span bytes)
{
	struct message message;
	for (uint16_t members = 1; members <= BLOCK_MEMBERS_MAX; members += 21) {
		struct buffer again = {0};
		if (message_decode(bytes, members, &message) != OK)
			continue;
		message_encode(&message, members, &again);
		expect_same(bytes, &again);
		buffer_free(&again);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct block half;
	struct span bytes = span_of(data, size);
	try_block(bytes);
	try_message(bytes);
	if (block_signed_header_parse(bytes, &half, NULL) == OK && half.body.size != 0)
		abort();
	return 0;
}
