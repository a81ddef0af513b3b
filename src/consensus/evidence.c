#include "consensus/evidence.h"

static enum status half_check(struct span bytes, const struct validity *validity, const struct block_signer *verifier,
	struct block *out, struct fault *fault)
{
	TRY(block_signed_header_parse(bytes, out, fault));
	TRY(validity_check(validity, out, fault));
	if (verifier->verify(verifier->context, out->author, &out->digest, out->signature) != OK)
		return fault_set(fault, E_SIGNATURE, "a header is not signed by member %u", out->author);
	return OK;
}

enum status evidence_check(struct span first, struct span second, const struct validity *validity,
	const struct block_signer *verifier, uint16_t *author, struct fault *fault)
{
	struct block a, b;
	TRY(half_check(first, validity, verifier, &a, fault));
	TRY(half_check(second, validity, verifier, &b, fault));
	if (a.round != b.round || a.author != b.author || digest_equal(&a.digest, &b.digest))
		return fault_set(fault, E_MALFORMED, "these are not two different headers of one member and round");
	*author = a.author;
	return OK;
}
