#include "host/keys.h"

#include "crypto/hash.h"
#include "host/base64.h"
#include "host/certificate.h"
#include "host/disk.h"
#include "host/key_file.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509.h>

static const char key_prefix[] = "tally-key-v1 ";

struct digest keys_tls_digest(const struct public_key *key)
{
	/* SubjectPublicKeyInfo (RFC 5280; RFC 9881): SEQUENCE { SEQUENCE { id-ml-dsa-44 }, BIT STRING }. */
	static const uint8_t head[] = {0x30, 0x82, 0x05, 0x32, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
		0x03, 0x11, 0x03, 0x82, 0x05, 0x21, 0x00};
	const struct span parts[] = {span_of(head, sizeof head), span_of(key->bytes, sizeof key->bytes)};
	return sha256_parts(parts, 2);
}

/* ---- plain ---- */

static enum status plain_parse(struct span text, struct buffer *seed)
{
	size_t prefix = sizeof key_prefix - 1;
	while (text.size && (text.data[text.size - 1] == '\n' || text.data[text.size - 1] == '\r'))
		text.size--;
	if (text.size <= prefix || memcmp(text.data, key_prefix, prefix) != 0)
		return E_MALFORMED;
	return base64_decode(span_of(text.data + prefix, text.size - prefix), seed);
}

static void plain_write(const struct signing_key *key, struct buffer *text)
{
	buffer_append_text(text, key_prefix);
	base64_encode(span_of(signing_key_seed(key), ML_DSA_44_SEED), text);
	buffer_append_text(text, "\n");
}

/* ---- PKCS#8 ---- */

static enum status pkcs8_parse(struct span der, struct buffer *seed)
{
	EVP_PKEY *pair = certificate_private_key_read(der);
	size_t size = 0;
	buffer_reserve(seed, ML_DSA_44_SEED);
	bool good = pair && EVP_PKEY_is_a(pair, "ML-DSA-44")
		&& EVP_PKEY_get_octet_string_param(pair, OSSL_PKEY_PARAM_ML_DSA_SEED, seed->data, ML_DSA_44_SEED, &size) == 1;
	seed->size = good ? size : 0;
	EVP_PKEY_free(pair);
	ERR_clear_error();
	return good ? OK : E_MALFORMED;
}

static enum status pkcs8_write(const struct signing_key *key, struct buffer *out)
{
	EVP_PKEY *pair = certificate_key_pair(key);
	bool good = pair && certificate_private_key(pair, out);
	EVP_PKEY_free(pair);
	ERR_clear_error();
	return good ? OK : E_ENTROPY;
}

/* ---- encrypted files ---- */

static enum status decrypt(const char *path, struct span text, const char *label, struct passphrase *passphrase, struct buffer *plain, struct fault *fault)
{
	struct passphrase *terminal = passphrase ? NULL : passphrase_new(NULL, NULL);
	struct span word;
	enum status status = passphrase_get(passphrase ? passphrase : terminal, path, &word, fault);
	if (status == OK && (status = key_file_decrypt(text, label, word, plain)) == E_SIGNATURE)
		fault_set(fault, status, "%s cannot be decrypted: the passphrase is another one, or the file is damaged", path);
	else if (status == E_MALFORMED)
		fault_set(fault, status, "%s is damaged: it begins as an encrypted key file and is none. Restore it from a copy", path);
	passphrase_free(terminal);
	return status;
}

static enum status encrypt(const char *path, struct span plain, const char *label, struct passphrase *passphrase, struct buffer *out, struct fault *fault)
{
	struct span word;
	TRY(passphrase_choose(passphrase, path, &word, fault));
	if (key_file_encrypt(plain, label, word, out) != OK)
		return fault_set(fault, E_ENTROPY, "%s could not be encrypted: the crypto library or its entropy failed", path);
	return OK;
}

/* ---- key pairs ---- */

static enum status seed_read(const char *path, struct span text, struct passphrase *passphrase, struct buffer *seed, struct fault *fault)
{
	struct buffer der = {0};
	enum status status;
	if (key_file_is(text, KEY_FILE_PRIVATE)) {
		status = decrypt(path, text, KEY_FILE_PRIVATE, passphrase, &der, fault);
		if (status != OK) {
			key_file_wipe(&der);
			return status;
		}
		status = pkcs8_parse(buffer_span(&der), seed);
	} else
		status = plain_parse(text, seed);
	key_file_wipe(&der);
	if (status != OK || seed->size != ML_DSA_44_SEED)
		return fault_set(fault, E_MALFORMED,
			"%s is not a key file: it must be one line, \"tally-key-v1 \" and the seed in base64, or an encrypted ML-DSA-44 key. Restore it from a copy", path);
	return OK;
}

static enum status key_read(const char *path, struct passphrase *passphrase, struct signing_key **out, struct fault *fault)
{
	struct buffer text = {0}, seed = {0};
	enum status status = key_file_read(path, &text, fault);
	if (status == OK)
		status = key_file_folder(path, fault);
	if (status == OK)
		status = seed_read(path, buffer_span(&text), passphrase, &seed, fault);
	if (status == OK && signing_key_from_seed(seed.data, out) != OK)
		status = fault_set(fault, E_ENTROPY, "%s: the crypto library could not make the key; OpenSSL 3.5 or later with ML-DSA is needed", path);
	key_file_wipe(&text);
	key_file_wipe(&seed);
	return status;
}

enum status keys_open(const char *path, struct passphrase *passphrase, struct signing_key **out, struct fault *fault)
{
	enum status status = key_read(path, passphrase, out, fault);
	if (status == E_NOT_FOUND)
		return fault_set(fault, E_NOT_FOUND, "there is no key file %s; `tally init` makes keys", path);
	return status;
}

enum status keys_save(const char *path, const struct signing_key *key, struct passphrase *passphrase, struct fault *fault)
{
	struct buffer plain = {0}, text = {0};
	enum status status = OK;
	buffer_reserve(&text, KEY_FILE_MAX); /* so that no copy is left behind by growing */
	if (!passphrase)
		plain_write(key, &text);
	else if ((status = pkcs8_write(key, &plain)) != OK)
		fault_set(fault, status, "%s could not be encrypted: the crypto library failed", path);
	else
		status = encrypt(path, buffer_span(&plain), KEY_FILE_PRIVATE, passphrase, &text, fault);
	if (status == OK)
		status = disk_write(path, buffer_span(&text), 0600, fault);
	key_file_wipe(&plain);
	key_file_wipe(&text);
	return status;
}

enum status keys_load(const char *path, bool create, struct signing_key **out, struct fault *fault)
{
	enum status status = key_read(path, NULL, out, fault);
	if (status != E_NOT_FOUND || !create)
		return status == E_NOT_FOUND ? fault_set(fault, status, "there is no key file %s; `tally init` makes keys", path) : status;
	struct signing_key *key;
	if (signing_key_generate(&key) != OK)
		return fault_set(fault, E_ENTROPY, "no key could be made for %s: the crypto library or its entropy failed", path);
	status = keys_save(path, key, NULL, fault);
	if (status == OK)
		*out = key;
	else
		signing_key_free(key);
	return status;
}

/* ---- secrets that are no key pairs ---- */

enum status keys_secret_open(const char *path, struct passphrase *passphrase, uint8_t out[KEYS_SECRET_SIZE], struct fault *fault)
{
	struct buffer text = {0}, plain = {0};
	enum status status = key_file_read(path, &text, fault);
	if (status == OK)
		status = key_file_folder(path, fault);
	bool sealed = key_file_is(buffer_span(&text), KEY_FILE_SECRET);
	if (status == OK && sealed)
		status = decrypt(path, buffer_span(&text), KEY_FILE_SECRET, passphrase, &plain, fault);
	struct span secret = buffer_span(sealed ? &plain : &text);
	if (status == OK && secret.size != KEYS_SECRET_SIZE)
		status = fault_set(fault, E_MALFORMED, "%s must hold %d bytes, or them encrypted; make the gateway's keys again with tally init gateway", path,
			KEYS_SECRET_SIZE);
	if (status == OK)
		memcpy(out, secret.data, KEYS_SECRET_SIZE);
	key_file_wipe(&text);
	key_file_wipe(&plain);
	return status;
}

enum status keys_secret_save(const char *path, const uint8_t secret[KEYS_SECRET_SIZE], struct passphrase *passphrase, struct fault *fault)
{
	struct buffer text = {0};
	struct span plain = span_of(secret, KEYS_SECRET_SIZE);
	enum status status = passphrase ? encrypt(path, plain, KEY_FILE_SECRET, passphrase, &text, fault) : OK;
	if (status == OK)
		status = disk_write(path, passphrase ? buffer_span(&text) : plain, 0600, fault);
	buffer_free(&text);
	return status;
}
