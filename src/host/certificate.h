/* Certificates: the TLS context of a daemon, and who a peer's certificate says it is. TLS 1.3 only, key exchange
 * X25519MLKEM768 only, ML-DSA-44 signatures only, both sides show a self-signed certificate. OpenSSL. */
#ifndef TALLY_HOST_CERTIFICATE_H
#define TALLY_HOST_CERTIFICATE_H

#include "crypto/sign.h"

#include <openssl/ssl.h>

/* The key as OpenSSL's own kind; NULL when OpenSSL has no ML-DSA-44. Owned by the caller (EVP_PKEY_free). */
EVP_PKEY *certificate_key_pair(const struct signing_key *key);
/* One context for both roles, with a certificate made for `key`. Owned by the caller (SSL_CTX_free). */
MUST_USE enum status certificate_context(const struct signing_key *key, SSL_CTX **out, struct fault *fault);
/* SHA-256 of the SubjectPublicKeyInfo. E_SIGNATURE: not a self-signed ML-DSA-44 certificate. */
MUST_USE enum status certificate_identify(X509 *certificate, struct digest *out);
/* What OpenSSL's error means between two of our ends, as a sentence; NULL: nothing better than its own text. */
const char *certificate_reason(unsigned long code);

#endif
