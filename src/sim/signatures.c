/* A keyed hash in place of ML-DSA: another key, message or context gives another signature, but whoever knows the public
 * key can make it. So liars here never forge, and what only real signatures show is left to --real-signatures. The
 * digests of blocks and statements are the product's, so twins stay apart. */
#include "sim/state.h"

#include "crypto/hash.h"
#include "record/cose.h"

enum { KEY_PART = 32 };

static struct digest mark(const struct public_key *key, const char *use, struct span message)
{
	struct span parts[] = {span_of_text(use), span_of(key->bytes, KEY_PART), message};
	return sha256_parts(parts, 3);
}

static enum status block_sign(const struct signing_key *key, const struct digest *digest, const uint8_t *randomness, struct buffer *signature)
{
	(void)randomness;
	struct digest made = mark(signing_key_public(key), "block", digest_span(digest));
	buffer_append(signature, made.bytes, DIGEST_SIZE);
	return OK;
}

static enum status block_verify(const struct verifying_key *key, const struct digest *digest, struct span signature)
{
	struct digest made = mark(verifying_key_public(key), "block", digest_span(digest));
	return span_equal(signature, digest_span(&made)) ? OK : E_SIGNATURE;
}

/* A signature of the full length: the hash, then zeros. */
static void full_signature(const struct public_key *key, struct span message, struct signature *out)
{
	struct digest made = mark(key, "full", message);
	memset(out->bytes, 0, sizeof out->bytes);
	memcpy(out->bytes, made.bytes, DIGEST_SIZE);
}

static struct digest cosigned_message(struct span name, struct span origin, uint64_t size, const struct digest *root, uint64_t timestamp_s)
{
	uint8_t numbers[16];
	for (int i = 0; i < 8; i++) {
		numbers[i] = (uint8_t)(size >> 8 * i);
		numbers[8 + i] = (uint8_t)(timestamp_s >> 8 * i);
	}
	struct span parts[] = {name, origin, span_of(numbers, sizeof numbers), digest_span(root)};
	return sha256_parts(parts, 4);
}

static enum status cosign(const struct signing_key *key, struct span name, struct span origin, uint64_t size, const struct digest *root,
	uint64_t timestamp_s, const uint8_t *randomness, struct cosignature *out)
{
	(void)randomness;
	struct digest message = cosigned_message(name, origin, size, root, timestamp_s);
	out->timestamp_s = timestamp_s;
	full_signature(signing_key_public(key), digest_span(&message), &out->signature);
	return OK;
}

static enum status cosignature_check(const struct verifying_key *key, struct span name, struct span origin, uint64_t size,
	const struct digest *root, const struct cosignature *cosignature)
{
	struct signature made;
	struct digest message = cosigned_message(name, origin, size, root, cosignature->timestamp_s);
	full_signature(verifying_key_public(key), digest_span(&message), &made);
	return memcmp(made.bytes, cosignature->signature.bytes, sizeof made.bytes) == 0 ? OK : E_SIGNATURE;
}

static enum status statement_signer_quick(const struct signing_key *key, struct span message, struct span context,
	const uint8_t *randomness, struct signature *out)
{
	(void)context, (void)randomness;
	full_signature(signing_key_public(key), message, out);
	return OK;
}

static enum status statement_check(const struct statement *statement, const struct verifying_key *key, struct fault *fault)
{
	struct buffer input = {0};
	struct signature made;
	cose_sign1_input(statement->signed_protected, statement->body, &input);
	full_signature(verifying_key_public(key), buffer_span(&input), &made);
	buffer_free(&input);
	return span_equal(statement->signature, span_of(made.bytes, sizeof made.bytes))
		       ? OK
		       : fault_set(fault, E_SIGNATURE, "The signature does not verify; sign again with the registered key.");
}

/* As long as the real one, so that blocks have the size that the product sends. */
static enum status block_sign_long(const struct signing_key *key, const struct digest *digest, const uint8_t *randomness, struct buffer *signature)
{
	struct signature made;
	(void)randomness;
	full_signature(signing_key_public(key), digest_span(digest), &made);
	buffer_append(signature, made.bytes, sizeof made.bytes);
	return OK;
}

static enum status block_verify_long(const struct verifying_key *key, const struct digest *digest, struct span signature)
{
	struct signature made;
	full_signature(verifying_key_public(key), digest_span(digest), &made);
	return span_equal(signature, span_of(made.bytes, sizeof made.bytes)) ? OK : E_SIGNATURE;
}

const struct replica_signatures *sim_signatures(const struct sim_options *options)
{
	static const struct replica_signatures quick = {block_sign, block_verify, cosign, cosignature_check, statement_check};
	static const struct replica_signatures full = {block_sign_long, block_verify_long, cosign, cosignature_check, statement_check};
	if (options->real_signatures)
		return replica_signatures_real();
	return options->calm.speakers ? &full : &quick;
}

statement_signer *sim_statement_signer(const struct sim *sim)
{
	return sim->options.real_signatures ? signing_key_sign : statement_signer_quick;
}

/* -- blocks of liars -------------------------------------------------------------------------------------- */

static enum status liar_block_sign(void *context, const struct digest *digest, struct buffer *signature)
{
	const struct liar_signer *signer = context;
	return signer->signatures->block_sign(signer->key, digest, NULL, signature);
}

struct block_signer sim_block_signer(struct liar_signer *context)
{
	return (struct block_signer){.context = context, .sign = liar_block_sign};
}
