/* Hashes, message authentication and key derivation: SHA-256 (FIPS 180-4), HMAC (RFC 2104),
 * HKDF (RFC 5869), over OpenSSL. No I/O except the operating system's entropy. */
#ifndef TALLY_CRYPTO_HASH_H
#define TALLY_CRYPTO_HASH_H

#include "base/span.h"
#include "base/status.h"

struct digest sha256(struct span message);
/* The hash of the concatenation of `count` parts. */
struct digest sha256_parts(const struct span *parts, size_t count);

/* A keyed HMAC state that is set up once and used for many messages. */
struct mac_key;
struct mac_key *mac_key_new(struct span key);
void mac_key_free(struct mac_key *key); /* wipes it; NULL is permitted */
struct digest mac_key_tag(const struct mac_key *key, const struct span *parts, size_t count);

/* RFC 5869, extract and expand. size <= 255 * 32. */
void hkdf_sha256(struct span key_material, struct span salt, struct span info, uint8_t *out, size_t size);

/* Time does not depend on where the first difference is. */
bool equal_in_constant_time(struct span a, struct span b);
void wipe(void *memory, size_t size);

/* Entropy from the operating system. E_ENTROPY when there is none. */
MUST_USE enum status entropy_fill(uint8_t *out, size_t size);

#endif
