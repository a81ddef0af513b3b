/* The two libraries that check ML-DSA-44 signatures (FIPS 204, ML-DSA.Verify). verifying_key (sign.h) chooses between them;
 * nobody else uses them, but the tests that compare them: they must judge every signature alike. */
#ifndef TALLY_CRYPTO_VERIFIER_H
#define TALLY_CRYPTO_VERIFIER_H

#include "crypto/sign.h"

/* Botan: three times as fast for a key that is used again, as it keeps the key's matrix. Its C interface has no contexts. */
struct botan_verifier;
/* NULL when the bytes are no key. Owned. */
struct botan_verifier *botan_verifier_new(const struct public_key *key);
void botan_verifier_free(struct botan_verifier *verifier);
/* Under the empty context. OK or E_SIGNATURE, the latter also for another length. It keeps state in the verifier. */
MUST_USE enum status botan_verifier_check(struct botan_verifier *verifier, struct span message, struct span signature);

/* OpenSSL: under any context of at most 255 bytes; a longer one is E_SIGNATURE. Otherwise as above. */
struct openssl_verifier;
struct openssl_verifier *openssl_verifier_new(const struct public_key *key);
void openssl_verifier_free(struct openssl_verifier *verifier);
MUST_USE enum status openssl_verifier_check(const struct openssl_verifier *verifier, struct span message, struct span context,
	struct span signature);

#endif
