/* Signatures: ML-DSA-44 (FIPS 204). OpenSSL 3.5 makes them and checks those under a context; Botan 3 checks the others
 * (docs/decisions/0012-signatures-checked-by-botan.md). */
#ifndef TALLY_CRYPTO_SIGN_H
#define TALLY_CRYPTO_SIGN_H

#include "base/buffer.h"

enum { ML_DSA_44_SEED = 32, ML_DSA_44_PUBLIC = 1312, ML_DSA_44_SIGNATURE = 2420 };

struct public_key {
	uint8_t bytes[ML_DSA_44_PUBLIC];
};

struct signature {
	uint8_t bytes[ML_DSA_44_SIGNATURE];
};

/* The private half. Owned; free wipes it. */
struct signing_key;

/* A fresh key from the operating system's entropy. E_ENTROPY. */
MUST_USE enum status signing_key_generate(struct signing_key **out);
/* The key of a 32-byte seed (FIPS 204, ML-DSA.KeyGen_internal). E_ENTROPY if the library fails. */
MUST_USE enum status signing_key_from_seed(const uint8_t seed[ML_DSA_44_SEED], struct signing_key **out);
void signing_key_free(struct signing_key *key);
const struct public_key *signing_key_public(const struct signing_key *key);
/* The seed, borrowed: it is what a key file holds. */
const uint8_t *signing_key_seed(const struct signing_key *key);

/* Sign `message` under the FIPS 204 context string `context` (at most 255 bytes, may be empty).
 * randomness: 32 bytes for hedged signing, or NULL for the deterministic variant. */
MUST_USE enum status signing_key_sign(const struct signing_key *key, struct span message, struct span context,
	const uint8_t *randomness, struct signature *out);

/* A public key prepared for many verifications. NULL when the bytes are no key. Owned. For one thread at a time: the first
 * verification prepares it further (28 kB in all then), and each keeps state in it. */
struct verifying_key;
struct verifying_key *verifying_key_new(const struct public_key *key);
void verifying_key_free(struct verifying_key *key);
const struct public_key *verifying_key_public(const struct verifying_key *key);
/* OK or E_SIGNATURE. Signatures of another length are E_SIGNATURE. */
MUST_USE enum status verifying_key_verify(const struct verifying_key *key, struct span message, struct span context,
	struct span signature);

#endif
