#include "crypto/verifier.h"

#include <stdlib.h>

/* Checking changes them, and a key that is only borrowed stays what it is. */
struct verifiers {
	struct botan_verifier *plain;
	struct openssl_verifier *contextual; /* made when first needed: few keys check under a context */
};

struct verifying_key {
	struct public_key public;
	struct verifiers *verifiers;
};

struct verifying_key *verifying_key_new(const struct public_key *key)
{
	struct verifying_key *out = memory_new(sizeof *out);
	out->public = *key;
	out->verifiers = memory_new(sizeof *out->verifiers);
	out->verifiers->plain = botan_verifier_new(key);
	if (!out->verifiers->plain) {
		verifying_key_free(out);
		return NULL;
	}
	return out;
}

void verifying_key_free(struct verifying_key *key)
{
	if (!key)
		return;
	botan_verifier_free(key->verifiers->plain);
	openssl_verifier_free(key->verifiers->contextual);
	free(key->verifiers);
	free(key);
}

const struct public_key *verifying_key_public(const struct verifying_key *key)
{
	return &key->public;
}

enum status verifying_key_verify(const struct verifying_key *key, struct span message, struct span context, struct span signature)
{
	struct verifiers *verifiers = key->verifiers;
	if (context.size == 0)
		return botan_verifier_check(verifiers->plain, message, signature);
	if (!verifiers->contextual)
		verifiers->contextual = openssl_verifier_new(&key->public);
	return verifiers->contextual ? openssl_verifier_check(verifiers->contextual, message, context, signature) : E_SIGNATURE;
}
