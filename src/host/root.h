/* Roots: an organisation may have a root key of another family than its daily keys, SLH-DSA-SHA2-128s (FIPS 205, hash-based),
 * which certifies them. X.509 (RFC 5280) with the algorithm identifiers of RFC 9909 and RFC 9881; the statement of the
 * organisation in the genesis names the SHA-256 of the root's SubjectPublicKeyInfo. The root certifies four keys, once, and
 * is then kept offline. Certificates do not expire: what is in force says the genesis. OpenSSL. */
#ifndef TALLY_HOST_ROOT_H
#define TALLY_HOST_ROOT_H

#include "crypto/sign.h"
#include "host/passphrase.h"

#include <openssl/x509.h>

/* What a certified key is for; the OU of its certificate's subject is the purpose's name. */
enum root_purpose { ROOT_RECORD, ROOT_NODE, ROOT_CHECKPOINT, ROOT_TLS, ROOT_PURPOSES };
const char *root_purpose_name(enum root_purpose purpose);

/* The key pair and its self-signed certificate, subject CN = name. Owned. */
struct root;
/* name: of the organisation on the ledger, at most 64 bytes. E_ENTROPY, E_CONFIG. */
MUST_USE enum status root_generate(const char *name, struct root **out, struct fault *fault);
void root_free(struct root *root);
struct digest root_digest(const struct root *root);
/* PEM of its certificate. */
void root_certificate(const struct root *root, struct buffer *pem);
/* PEM of a certificate for one key of the organisation. E_ENTROPY. */
MUST_USE enum status root_issue(const struct root *root, enum root_purpose purpose, const struct public_key *key, struct buffer *pem, struct fault *fault);
/* Write the private key as PKCS#8, mode 0600. */
MUST_USE enum status root_save(const char *path, const struct root *root, struct fault *fault);
/* The root whose private key is in this file, and whose certificate this is. E_NOT_FOUND, E_MALFORMED, E_SIGNATURE (another
 * passphrase, or another root's certificate). */
MUST_USE enum status root_load(const char *path, struct passphrase *passphrase, struct span certificate_pem, struct root **out, struct fault *fault);
/* Rewrite such a file encrypted with the passphrase `to`, or plain when `to` is NULL; `from` opens it when it is encrypted.
 * E_MALFORMED, E_SIGNATURE, E_CONFIG, E_IO. */
MUST_USE enum status root_rewrite(const char *path, struct passphrase *from, struct passphrase *to, struct fault *fault);

/* The first certificate of a PEM text; NULL when it is none. Owned by the caller (X509_free). */
X509 *root_pem_read(struct span pem);
/* Does `root` have this digest, is it an SLH-DSA-SHA2-128s authority, and did it issue `leaf` (an ML-DSA-44 key)? As
 * `openssl verify -CAfile root leaf`, and stricter. E_SIGNATURE with a sentence; the sentence begins with "it". */
MUST_USE enum status root_verify(X509 *root, X509 *leaf, const struct digest *digest, struct fault *fault);
/* The same for two PEM texts, and whether the subject is CN = name, OU = purpose; *key receives the digest of the leaf's key.
 * E_MALFORMED, E_SIGNATURE. */
MUST_USE enum status root_check(struct span root_pem, struct span leaf_pem, const struct digest *digest, const char *name, enum root_purpose purpose,
	struct digest *key, struct fault *fault);
/* SHA-256 of a certificate's SubjectPublicKeyInfo. */
struct digest root_certificate_digest(X509 *certificate);

#endif
