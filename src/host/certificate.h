/* Certificates: the TLS context of a daemon, and who a peer's certificate says it is. TLS 1.3 only, key exchange
 * X25519MLKEM768 only, ML-DSA-44 signatures only; both sides show a certificate that is self-signed, or issued by the root
 * of their organisation (host/root.h), which they show with it. OpenSSL. */
#ifndef TALLY_HOST_CERTIFICATE_H
#define TALLY_HOST_CERTIFICATE_H

#include "crypto/sign.h"

#include <openssl/ssl.h>

/* The key as OpenSSL's own kind; NULL when OpenSSL has no ML-DSA-44. Owned by the caller (EVP_PKEY_free). */
EVP_PKEY *certificate_key_pair(const struct signing_key *key);
/* The private key as PKCS#8, DER; appended, and secret: the caller wipes it. False: the crypto library failed. */
MUST_USE bool certificate_private_key(const EVP_PKEY *pair, struct buffer *out);
/* Read back, of any kind; NULL: no PKCS#8 that OpenSSL understands. Owned by the caller (EVP_PKEY_free). */
EVP_PKEY *certificate_private_key_read(struct span der);
/* One context for both roles, with a certificate made for `key`. Owned by the caller (SSL_CTX_free). */
MUST_USE enum status certificate_context(const struct signing_key *key, SSL_CTX **out, struct fault *fault);
/* Show this certificate, issued by that root, instead of the self-signed one. PEM. E_CONFIG: they do not fit each other, the
 * context's key or the root's digest; the sentence begins with "it". */
MUST_USE enum status certificate_context_issued(SSL_CTX *context, struct span leaf, struct span root, const struct digest *root_digest,
	struct fault *fault);
/* SHA-256 of the SubjectPublicKeyInfo. E_SIGNATURE: no ML-DSA-44 key. Nothing else is checked. */
MUST_USE enum status certificate_key(X509 *certificate, struct digest *out);
/* Who may show this key in this way? root_digest: only whom that root certified; NULL: whoever signed it itself, or shows
 * the root that did. chain: what the other end showed. E_SIGNATURE with a sentence that begins with "it". */
MUST_USE enum status certificate_check(X509 *leaf, STACK_OF(X509) *chain, const struct digest *root_digest, struct fault *fault);
/* SHA-256 of the SubjectPublicKeyInfo. E_SIGNATURE: not a self-signed ML-DSA-44 certificate. */
MUST_USE enum status certificate_identify(X509 *certificate, struct digest *out);
/* What OpenSSL's error means between two of our ends, as a sentence; NULL: nothing better than its own text. */
const char *certificate_reason(unsigned long code);

#endif
