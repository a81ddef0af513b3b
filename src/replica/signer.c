#include "replica/state.h"

/* The clock is a system call, which a check is too short for: one of so many is timed, and counts for all. */
enum { TIMED_EVERY = 16 };

uint64_t signer_clock(const struct replica *replica)
{
	return replica->clock_ns && replica->signature_checks % TIMED_EVERY == 0 ? replica->clock_ns() : 0;
}

void signer_count(struct replica *replica, uint64_t start)
{
	if (start)
		replica->signature_ns += TIMED_EVERY * (replica->clock_ns() - start);
	replica->signature_checks++;
}

static enum status real_block_sign(const struct signing_key *key, const struct digest *digest, const uint8_t *randomness,
	struct buffer *signature)
{
	struct signature made;
	TRY(signing_key_sign(key, digest_span(digest), span_of_text(BLOCK_SIGNATURE_CONTEXT), randomness, &made));
	buffer_append(signature, made.bytes, sizeof made.bytes);
	return OK;
}

static enum status real_block_verify(const struct verifying_key *key, const struct digest *digest, struct span signature)
{
	return verifying_key_verify(key, digest_span(digest), span_of_text(BLOCK_SIGNATURE_CONTEXT), signature);
}

const struct replica_signatures *replica_signatures_real(void)
{
	static const struct replica_signatures real = {real_block_sign, real_block_verify, cosignature_sign, cosignature_verify, ledger_verify};
	return &real;
}

static enum status block_sign(void *context, const struct digest *digest, struct buffer *signature)
{
	struct replica_signer *signer = context;
	return signer->replica->signatures->block_sign(epoch_now(signer->replica)->keys->node, digest, signer->randomness, signature);
}

static enum status block_verify(void *context, uint16_t author, const struct digest *digest, struct span signature)
{
	struct replica *replica = ((struct replica_signer *)context)->replica;
	if (author >= epoch_now(replica)->members)
		return E_SIGNATURE;
	uint64_t start = signer_clock(replica);
	enum status status = replica->signatures->block_verify(epoch_now(replica)->node_keys[author], digest, signature);
	signer_count(replica, start);
	return status;
}

struct block_signer signer_of(struct replica *replica)
{
	return (struct block_signer){.context = &replica->signer, .sign = block_sign, .verify = block_verify};
}
