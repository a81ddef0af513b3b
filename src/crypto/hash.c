#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/hash.h"

#include "base/buffer.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <sys/random.h>

/* The low-level SHA256_* calls, although OpenSSL 3 discourages them: trees hash 65 bytes at
 * a time, and a digest context for each would cost several times the hash itself. They
 * reach the same assembly, cannot fail on valid arguments, and need no shared state. */

struct digest sha256(struct span message)
{
	return sha256_parts(&message, 1);
}

static void absorb(SHA256_CTX *state, const struct span *parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (parts[i].size)
			SHA256_Update(state, parts[i].data, parts[i].size);
}

struct digest sha256_parts(const struct span *parts, size_t count)
{
	SHA256_CTX state;
	struct digest digest;
	SHA256_Init(&state);
	absorb(&state, parts, count);
	SHA256_Final(digest.bytes, &state);
	return digest;
}

/* The two states after the padded key (RFC 2104, section 4): a tag then costs no key set-up. */
struct mac_key {
	SHA256_CTX inner;
	SHA256_CTX outer;
};

static void absorb_pad(SHA256_CTX *state, struct span key, uint8_t filler)
{
	uint8_t block[SHA256_CBLOCK];
	memset(block, filler, sizeof block);
	for (size_t i = 0; i < key.size; i++)
		block[i] ^= key.data[i];
	SHA256_Init(state);
	SHA256_Update(state, block, sizeof block);
	wipe(block, sizeof block);
}

static void mac_key_set(struct mac_key *out, struct span key)
{
	struct digest shortened = {0};
	if (key.size > SHA256_CBLOCK) {
		shortened = sha256(key);
		key = span_of(shortened.bytes, DIGEST_SIZE);
	}
	absorb_pad(&out->inner, key, 0x36);
	absorb_pad(&out->outer, key, 0x5c);
	wipe(&shortened, sizeof shortened);
}

struct mac_key *mac_key_new(struct span key)
{
	struct mac_key *out = memory_new(sizeof *out);
	mac_key_set(out, key);
	return out;
}

void mac_key_free(struct mac_key *key)
{
	if (key)
		wipe(key, sizeof *key);
	free(key);
}

struct digest mac_key_tag(const struct mac_key *key, const struct span *parts, size_t count)
{
	struct digest tag;
	SHA256_CTX state = key->inner;
	absorb(&state, parts, count);
	SHA256_Final(tag.bytes, &state);
	state = key->outer;
	SHA256_Update(&state, tag.bytes, DIGEST_SIZE);
	SHA256_Final(tag.bytes, &state);
	wipe(&state, sizeof state);
	return tag;
}

void hkdf_sha256(struct span key_material, struct span salt, struct span info, uint8_t *out, size_t size)
{
	CHECK(size <= 255 * DIGEST_SIZE);
	struct mac_key key;
	mac_key_set(&key, salt); /* no salt and 32 zero bytes are the same HMAC key */
	struct digest block = mac_key_tag(&key, &key_material, 1);
	mac_key_set(&key, span_of(block.bytes, DIGEST_SIZE));

	struct span previous = {0};
	uint8_t counter = 1;
	for (size_t done = 0; done < size; counter++) {
		struct span parts[] = {previous, info, span_of(&counter, 1)};
		block = mac_key_tag(&key, parts, 3);
		previous = span_of(block.bytes, DIGEST_SIZE);
		size_t take = size - done < DIGEST_SIZE ? size - done : DIGEST_SIZE;
		memcpy(out + done, block.bytes, take);
		done += take;
	}
	wipe(&block, sizeof block);
	wipe(&key, sizeof key);
}

bool equal_in_constant_time(struct span a, struct span b)
{
	return a.size == b.size && (a.size == 0 || CRYPTO_memcmp(a.data, b.data, a.size) == 0);
}

void wipe(void *memory, size_t size)
{
	OPENSSL_cleanse(memory, size);
}

enum status entropy_fill(uint8_t *out, size_t size)
{
	while (size) {
		ssize_t got = getrandom(out, size, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return E_ENTROPY;
		out += got;
		size -= (size_t)got;
	}
	return OK;
}
