/* Keys: files that hold an ML-DSA-44 seed (mode 0600, one line "tally-key-v1 <base64>"), and the
 * self-signed ML-DSA-44 certificates that TLS shows. Identity is the key, pinned by the genesis or
 * by a registration on the ledger; the certificate is only its wrapping. */
#ifndef TALLY_HOST_KEYS_H
#define TALLY_HOST_KEYS_H

#include "crypto/sign.h"

/* Read, or make when it does not exist and `create`. Refuses files that others may read. E_NOT_FOUND, E_MALFORMED, E_CONFIG, E_IO. */
MUST_USE enum status keys_load(const char *path, bool create, struct signing_key **out, struct fault *fault);
/* SHA-256 of the SubjectPublicKeyInfo of an ML-DSA-44 key. */
struct digest keys_tls_digest(const struct public_key *key);

#endif
