/* Keys: files that hold an ML-DSA-44 seed, mode 0600 in a folder of mode 0700: one line "tally-key-v1 <base64>", or an
 * encrypted PKCS#8 (host/key_file.h). Identity is the key, pinned by the genesis or by a registration on the ledger; a
 * certificate is only its wrapping. */
#ifndef TALLY_HOST_KEYS_H
#define TALLY_HOST_KEYS_H

#include "crypto/sign.h"
#include "host/passphrase.h"

enum { KEYS_SECRET_SIZE = 32 };

/* Read, or make when it does not exist and `create`. The terminal is asked for the passphrase of an encrypted one. Refuses
 * files that others may read. E_NOT_FOUND, E_MALFORMED, E_CONFIG, E_SIGNATURE (another passphrase), E_IO. */
MUST_USE enum status keys_load(const char *path, bool create, struct signing_key **out, struct fault *fault);
/* Read with the passphrase from there, if one is needed. NULL: from the terminal. */
MUST_USE enum status keys_open(const char *path, struct passphrase *passphrase, struct signing_key **out, struct fault *fault);
/* Write, replacing; encrypted with the passphrase from there, or plain with NULL. */
MUST_USE enum status keys_save(const char *path, const struct signing_key *key, struct passphrase *passphrase, struct fault *fault);

/* The same for a file of KEYS_SECRET_SIZE secret bytes: as they are, or encrypted. */
MUST_USE enum status keys_secret_open(const char *path, struct passphrase *passphrase, uint8_t out[KEYS_SECRET_SIZE], struct fault *fault);
MUST_USE enum status keys_secret_save(const char *path, const uint8_t secret[KEYS_SECRET_SIZE], struct passphrase *passphrase, struct fault *fault);

/* SHA-256 of the SubjectPublicKeyInfo of an ML-DSA-44 key. */
struct digest keys_tls_digest(const struct public_key *key);

#endif
