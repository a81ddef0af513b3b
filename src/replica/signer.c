#include "replica/state.h"

/* FIPS 204 context: a block's signature is nothing else's. */

uint64_t signer_clock(const struct replica *replica)
{
	return replica->clock_ns ? replica->clock_ns() : 0;
}

void signer_count(struct replica *replica, uint64_t start)
{
	replica->signature_checks++;
	replica->signature_ns += signer_clock(replica) - start;
}

static enum status block_sign(void *context, const struct digest *digest, struct buffer *signature)
{
	struct replica_signer *signer = context;
	struct signature made;
	TRY(signing_key_sign(signer->replica->node_key, digest_span(digest), span_of_text(BLOCK_SIGNATURE_CONTEXT), signer->randomness, &made));
	buffer_append(signature, made.bytes, sizeof made.bytes);
	return OK;
}

static enum status block_verify(void *context, uint16_t author, const struct digest *digest, struct span signature)
{
	struct replica *replica = ((struct replica_signer *)context)->replica;
	if (author >= replica->members)
		return E_SIGNATURE;
	uint64_t start = signer_clock(replica);
	enum status status =
		verifying_key_verify(replica->node_keys[author], digest_span(digest), span_of_text(BLOCK_SIGNATURE_CONTEXT), signature);
	signer_count(replica, start);
	return status;
}

struct block_signer signer_of(struct replica *replica)
{
	return (struct block_signer){.context = &replica->signer, .sign = block_sign, .verify = block_verify};
}
