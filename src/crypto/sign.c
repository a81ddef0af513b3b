#include "crypto/sign.h"

#include "crypto/hash.h"
#include "crypto/verifier.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>

enum { CONTEXT_MAX = 255, RANDOMNESS_SIZE = 32 };

/* The algorithm is fetched once per key: a fetch takes a lock and costs microseconds. */
struct signing_key {
	EVP_PKEY *pair;
	EVP_SIGNATURE *algorithm;
	struct public_key public;
	uint8_t seed[ML_DSA_44_SEED];
};

struct openssl_verifier {
	EVP_PKEY *prepared;
	EVP_SIGNATURE *algorithm;
};

/* OpenSSL's parameters are not const, though it only reads these. */
static OSSL_PARAM octets(const char *name, const void *data, size_t size)
{
	return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)data, size);
}

static EVP_PKEY *key_import(int selection, const char *name, const void *data, size_t size)
{
	OSSL_PARAM parameters[] = {octets(name, data, size), OSSL_PARAM_construct_end()};
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "ML-DSA-44", NULL);
	EVP_PKEY *key = NULL;
	if (!context || EVP_PKEY_fromdata_init(context) != 1 || EVP_PKEY_fromdata(context, &key, selection, parameters) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	return key;
}

enum status signing_key_from_seed(const uint8_t seed[ML_DSA_44_SEED], struct signing_key **out)
{
	struct signing_key *key = memory_new(sizeof *key);
	memcpy(key->seed, seed, ML_DSA_44_SEED);
	key->pair = key_import(EVP_PKEY_KEYPAIR, OSSL_PKEY_PARAM_ML_DSA_SEED, seed, ML_DSA_44_SEED);
	key->algorithm = EVP_SIGNATURE_fetch(NULL, "ML-DSA-44", NULL);
	size_t size = 0;
	if (!key->pair || !key->algorithm
		|| EVP_PKEY_get_octet_string_param(key->pair, OSSL_PKEY_PARAM_PUB_KEY, key->public.bytes, ML_DSA_44_PUBLIC, &size) != 1
		|| size != ML_DSA_44_PUBLIC) {
		signing_key_free(key);
		return E_ENTROPY;
	}
	*out = key;
	return OK;
}

enum status signing_key_generate(struct signing_key **out)
{
	uint8_t seed[ML_DSA_44_SEED];
	TRY(entropy_fill(seed, sizeof seed));
	enum status status = signing_key_from_seed(seed, out);
	wipe(seed, sizeof seed);
	return status;
}

void signing_key_free(struct signing_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pair);
	EVP_SIGNATURE_free(key->algorithm);
	wipe(key, sizeof *key);
	free(key);
}

const struct public_key *signing_key_public(const struct signing_key *key)
{
	return &key->public;
}

const uint8_t *signing_key_seed(const struct signing_key *key)
{
	return key->seed;
}

enum status signing_key_sign(const struct signing_key *key, struct span message, struct span context,
	const uint8_t *randomness, struct signature *out)
{
	if (context.size > CONTEXT_MAX)
		return E_LIMIT;
	int deterministic = 1;
	OSSL_PARAM parameters[] = {
		randomness ? octets(OSSL_SIGNATURE_PARAM_TEST_ENTROPY, randomness, RANDOMNESS_SIZE)
			   : OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_DETERMINISTIC, &deterministic),
		octets(OSSL_SIGNATURE_PARAM_CONTEXT_STRING, context.size ? context.data : (const uint8_t *)"", context.size),
		OSSL_PARAM_construct_end(),
	};
	const uint8_t *data = message.size ? message.data : (const uint8_t *)"";
	size_t size = ML_DSA_44_SIGNATURE;
	EVP_PKEY_CTX *operation = EVP_PKEY_CTX_new_from_pkey(NULL, key->pair, NULL);
	bool done = operation && EVP_PKEY_sign_message_init(operation, key->algorithm, parameters) == 1
		&& EVP_PKEY_sign(operation, out->bytes, &size, data, message.size) == 1 && size == ML_DSA_44_SIGNATURE;
	EVP_PKEY_CTX_free(operation);
	return done ? OK : E_ENTROPY;
}

struct openssl_verifier *openssl_verifier_new(const struct public_key *key)
{
	struct openssl_verifier *out = memory_new(sizeof *out);
	out->prepared = key_import(EVP_PKEY_PUBLIC_KEY, OSSL_PKEY_PARAM_PUB_KEY, key->bytes, ML_DSA_44_PUBLIC);
	out->algorithm = EVP_SIGNATURE_fetch(NULL, "ML-DSA-44", NULL);
	if (!out->prepared || !out->algorithm) {
		openssl_verifier_free(out);
		return NULL;
	}
	return out;
}

void openssl_verifier_free(struct openssl_verifier *verifier)
{
	if (!verifier)
		return;
	EVP_PKEY_free(verifier->prepared);
	EVP_SIGNATURE_free(verifier->algorithm);
	free(verifier);
}

enum status openssl_verifier_check(const struct openssl_verifier *verifier, struct span message, struct span context, struct span signature)
{
	if (signature.size != ML_DSA_44_SIGNATURE || context.size > CONTEXT_MAX)
		return E_SIGNATURE;
	OSSL_PARAM parameters[] = {
		octets(OSSL_SIGNATURE_PARAM_CONTEXT_STRING, context.size ? context.data : (const uint8_t *)"", context.size),
		OSSL_PARAM_construct_end(),
	};
	const uint8_t *data = message.size ? message.data : (const uint8_t *)"";
	EVP_PKEY_CTX *operation = EVP_PKEY_CTX_new_from_pkey(NULL, verifier->prepared, NULL);
	bool valid = operation && EVP_PKEY_verify_message_init(operation, verifier->algorithm, parameters) == 1
		&& EVP_PKEY_verify(operation, signature.data, signature.size, data, message.size) == 1;
	EVP_PKEY_CTX_free(operation);
	return valid ? OK : E_SIGNATURE;
}
