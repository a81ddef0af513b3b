#include "ledger/evidence.h"

#include "base/map.h"
#include "consensus/evidence.h"
#include "record/checkpoint.h"

static enum status real_block_verify(const struct verifying_key *key, const struct digest *digest, struct span signature)
{
	return verifying_key_verify(key, digest_span(digest), span_of_text(BLOCK_SIGNATURE_CONTEXT), signature);
}

/* Verifies blocks under the node keys of an epoch. */
struct header_verifier {
	const struct evidence_signatures *signatures;
	const struct genesis *members;
};

static enum status header_verify(void *context, uint16_t author, const struct digest *digest, struct span signature)
{
	const struct header_verifier *verifier = context;
	if (author >= verifier->members->member_count)
		return E_SIGNATURE;
	struct verifying_key *key = verifying_key_new(&verifier->members->members[author].org.node_key);
	enum status status = key ? verifier->signatures->block_verify(key, digest, signature) : E_SIGNATURE;
	verifying_key_free(key);
	return status;
}

static enum status equivocation_proof(const struct evidence_signatures *signatures, const struct epochs *epochs,
	const struct body_evidence *body, struct evidence_proves *out, struct fault *fault)
{
	struct block first, second;
	struct fault inner = {{0}};
	if (block_signed_header_parse(body->first, &first, &inner) != OK)
		return fault_set(fault, E_MALFORMED, "The proof of an equivocation is two signed headers of one slot: %s.", inner.text);
	if (memcmp(first.network, epochs->items[0].members->network, BLOCK_NETWORK_SIZE) != 0)
		return fault_set(fault, E_NETWORK, "The headers are of another network.");
	if (first.epoch >= epochs->count)
		return fault_set(fault, E_SEQUENCE, "The headers are of epoch %llu, which is not reached here; wait until it is, or take the newest chain of epochs.",
			(unsigned long long)first.epoch);
	const struct epoch *epoch = &epochs->items[first.epoch];
	const struct validity validity =
		validity_of((uint16_t)epoch->members->member_count, genesis_faults(epoch->members), epoch->members->network, epoch->number, &epoch->digest, 0);
	struct header_verifier context = {signatures, epoch->members};
	const struct block_signer verifier = {.context = &context, .verify = header_verify};
	enum status status = evidence_check(body->first, body->second, &validity, &verifier, &out->member, &inner);
	if (status != OK)
		return fault_set(fault, status, "The proof of an equivocation is two signed headers of one slot: %s.", inner.text);
	TRY(block_signed_header_parse(body->second, &second, fault));
	out->epoch = epoch->number;
	out->at = first.round;
	out->first = first.digest;
	out->second = second.digest;
	return OK;
}

/* In the form in which members exchange them: member u16, size u64, root, timestamp u64, signature. */
static enum status fork_proof(const struct evidence_signatures *signatures, const struct epochs *epochs, const struct body_evidence *body,
	struct evidence_proves *out, struct fault *fault)
{
	struct reader in = reader_of(body->first);
	struct cosignature cosignature = {0};
	char origin[CHECKPOINT_ORIGIN_SIZE];
	out->member = read_u16(&in);
	out->at = read_u64(&in);
	out->first = read_digest(&in);
	out->second = (struct digest){0};
	cosignature.timestamp_s = read_u64(&in);
	struct span signature = read_bytes(&in, sizeof cosignature.signature.bytes);
	const struct epoch *epoch = epochs_of_size(epochs, out->at);
	const struct genesis *genesis = epoch->members;
	out->epoch = epoch->number;
	if (reader_end(&in) != OK || body->second.size || out->member >= genesis->member_count || out->at == 0
		|| cosignature.timestamp_s == 0)
		return fault_set(fault, E_MALFORMED, "The proof of a fork is one cosignature of a member, and nothing else.");
	memcpy(cosignature.signature.bytes, signature.data, signature.size);
	const struct genesis_member *member = &genesis->members[out->member];
	checkpoint_origin(genesis->network, origin);
	struct verifying_key *key = verifying_key_new(&member->org.checkpoint_key);
	enum status status =
		key ? signatures->cosignature_verify(key, member->header.iss, span_of_text(origin), out->at, &out->first, &cosignature) : E_SIGNATURE;
	verifying_key_free(key);
	return status == OK ? OK : fault_set(fault, E_SIGNATURE, "The cosignature is not the member's.");
}

enum status evidence_proof_by(const struct evidence_signatures *signatures, const struct epochs *epochs, const struct body_evidence *body,
	struct evidence_proves *out, struct fault *fault)
{
	*out = (struct evidence_proves){0};
	TRY(body->lie == LIE_FORK ? fork_proof(signatures, epochs, body, out, fault) : equivocation_proof(signatures, epochs, body, out, fault));
	if (!span_equal(epochs->items[out->epoch].members->members[out->member].header.iss, body->accused))
		return fault_set(fault, E_FORBIDDEN, "The proof convicts another member than the accused; name the one who signed.");
	return OK;
}

enum status evidence_proof(const struct epochs *epochs, const struct body_evidence *body, struct evidence_proves *out,
	struct fault *fault)
{
	static const struct evidence_signatures real = {real_block_verify, cosignature_verify};
	return evidence_proof_by(&real, epochs, body, out, fault);
}
