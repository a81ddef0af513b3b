#include "host/root.h"

#include "crypto/hash.h"
#include "host/certificate.h"
#include "host/disk.h"
#include "host/key_file.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#define ROOT_ALGORITHM "SLH-DSA-SHA2-128s"

enum { SERIAL_SIZE = 16 };

struct root {
	EVP_PKEY *pair;
	X509 *certificate;
};

const char *root_purpose_name(enum root_purpose purpose)
{
	static const char *const names[ROOT_PURPOSES] = {"record", "node", "checkpoint", "tls"};
	return names[purpose];
}

/* ---- making ---- */

static bool serial_draw(X509 *certificate)
{
	uint8_t bytes[SERIAL_SIZE];
	if (entropy_fill(bytes, sizeof bytes) != OK)
		return false;
	bytes[0] = (bytes[0] & 0x3f) | 0x40; /* positive, of full length (RFC 5280, 4.1.2.2) */
	BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
	bool done = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
	BN_free(number);
	return done;
}

static bool name_add(X509_NAME *name, const char *field, const char *text)
{
	return X509_NAME_add_entry_by_txt(name, field, MBSTRING_ASC, (const unsigned char *)text, -1, -1, 0) == 1;
}

static bool extension_add(X509 *certificate, X509 *issuer, int kind, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
	bool done = extension && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return done;
}

/* All but key, extensions and signature. */
static X509 *certificate_begin(const char *name, const char *unit)
{
	X509 *certificate = X509_new();
	X509_NAME *subject = certificate ? X509_get_subject_name(certificate) : NULL;
	if (certificate && X509_set_version(certificate, X509_VERSION_3) == 1 && serial_draw(certificate) && name_add(subject, "CN", name)
		&& (!unit || name_add(subject, "OU", unit)) && ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), "20000101000000Z") == 1
		&& ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), "99991231235959Z") == 1)
		return certificate;
	X509_free(certificate);
	return NULL;
}

static bool pem_append(X509 *certificate, struct buffer *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long size = bio && PEM_write_bio_X509(bio, certificate) == 1 ? BIO_get_mem_data(bio, &text) : 0;
	if (size > 0)
		buffer_append(out, text, (size_t)size);
	BIO_free(bio);
	return size > 0;
}

enum status root_generate(const char *name, struct root **out, struct fault *fault)
{
	struct root *root = memory_new(sizeof *root);
	root->pair = EVP_PKEY_Q_keygen(NULL, NULL, ROOT_ALGORITHM);
	root->certificate = root->pair ? certificate_begin(name, NULL) : NULL;
	X509 *made = root->certificate;
	if (made && X509_set_issuer_name(made, X509_get_subject_name(made)) == 1 && X509_set_pubkey(made, root->pair) == 1
		&& extension_add(made, made, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") && extension_add(made, made, NID_key_usage, "critical,keyCertSign")
		&& extension_add(made, made, NID_subject_key_identifier, "hash") && X509_sign(made, root->pair, NULL) > 0) {
		*out = root;
		return OK;
	}
	root_free(root);
	ERR_clear_error();
	return fault_set(fault, E_ENTROPY, "no root could be made for %.64s: its name is longer than 64 bytes, or OpenSSL (3.5 or later is needed) failed", name);
}

void root_free(struct root *root)
{
	if (!root)
		return;
	EVP_PKEY_free(root->pair);
	X509_free(root->certificate);
	free(root);
}

struct digest root_digest(const struct root *root)
{
	return root_certificate_digest(root->certificate);
}

void root_certificate(const struct root *root, struct buffer *pem)
{
	CHECK(pem_append(root->certificate, pem));
}

static EVP_PKEY *public_pair(const struct public_key *key)
{
	return EVP_PKEY_new_raw_public_key_ex(NULL, "ML-DSA-44", NULL, key->bytes, sizeof key->bytes);
}

enum status root_issue(const struct root *root, enum root_purpose purpose, const struct public_key *key, struct buffer *pem, struct fault *fault)
{
	char name[65] = "";
	X509_NAME *issuer = X509_get_subject_name(root->certificate);
	X509_NAME_get_text_by_NID(issuer, NID_commonName, name, sizeof name);
	EVP_PKEY *pair = public_pair(key);
	X509 *made = pair ? certificate_begin(name, root_purpose_name(purpose)) : NULL;
	bool done = made && X509_set_issuer_name(made, issuer) == 1 && X509_set_pubkey(made, pair) == 1
		&& extension_add(made, root->certificate, NID_basic_constraints, "critical,CA:FALSE")
		&& extension_add(made, root->certificate, NID_key_usage, "critical,digitalSignature")
		&& extension_add(made, root->certificate, NID_subject_key_identifier, "hash")
		&& extension_add(made, root->certificate, NID_authority_key_identifier, "keyid:always")
		&& (purpose != ROOT_TLS || extension_add(made, root->certificate, NID_ext_key_usage, "serverAuth,clientAuth"))
		&& X509_sign(made, root->pair, NULL) > 0 && pem_append(made, pem);
	X509_free(made);
	EVP_PKEY_free(pair);
	ERR_clear_error();
	return done ? OK : fault_set(fault, E_ENTROPY, "the root could not certify the %s key: the crypto library failed", root_purpose_name(purpose));
}

/* ---- the private key's file ---- */

/* A root's PKCS#8 and nothing else. */
static bool der_is_root(struct span der)
{
	EVP_PKEY *pair = certificate_private_key_read(der);
	bool good = pair && EVP_PKEY_is_a(pair, ROOT_ALGORITHM);
	EVP_PKEY_free(pair);
	return good;
}

static enum status der_save(const char *path, struct span der, struct passphrase *to, struct fault *fault)
{
	struct buffer text = {0};
	struct span word;
	enum status status = OK;
	buffer_reserve(&text, KEY_FILE_MAX); /* so that no copy is left behind by growing */
	if (to && (status = passphrase_choose(to, path, &word, fault)) == OK && key_file_encrypt(der, KEY_FILE_PRIVATE, word, &text) != OK)
		status = fault_set(fault, E_ENTROPY, "%s could not be encrypted: the crypto library or its entropy failed", path);
	if (!to)
		key_file_plain(der, KEY_FILE_PLAIN, &text);
	if (status == OK)
		status = disk_write(path, buffer_span(&text), 0600, fault);
	key_file_wipe(&text);
	return status;
}

enum status root_save(const char *path, const struct root *root, struct fault *fault)
{
	struct buffer der = {0};
	enum status status = certificate_private_key(root->pair, &der) ? der_save(path, buffer_span(&der), NULL, fault)
							  : fault_set(fault, E_ENTROPY, "%s could not be written: the crypto library failed", path);
	key_file_wipe(&der);
	return status;
}

static enum status der_load(const char *path, struct passphrase *from, struct buffer *der, struct fault *fault)
{
	struct buffer text = {0};
	struct span word = {0};
	TRY(key_file_read(path, &text, fault));
	bool sealed = key_file_is(buffer_span(&text), KEY_FILE_PRIVATE);
	enum status status = sealed ? passphrase_get(from, path, &word, fault) : OK;
	if (status == OK && sealed)
		status = key_file_decrypt(buffer_span(&text), KEY_FILE_PRIVATE, word, der);
	else if (status == OK)
		status = key_file_plain_read(buffer_span(&text), KEY_FILE_PLAIN, der);
	key_file_wipe(&text);
	if (status == E_SIGNATURE)
		return fault_set(fault, status, "%s cannot be decrypted: the passphrase is another one, or the file is damaged", path);
	if (status == E_MALFORMED || (status == OK && !der_is_root(buffer_span(der))))
		return fault_set(fault, E_MALFORMED, "%s is not the key of a root (PKCS#8, " ROOT_ALGORITHM "); restore it from a copy", path);
	return status;
}

enum status root_load(const char *path, struct passphrase *passphrase, struct span certificate_pem, struct root **out, struct fault *fault)
{
	struct buffer der = {0};
	enum status status = der_load(path, passphrase, &der, fault);
	struct root *root = memory_new(sizeof *root);
	root->pair = status == OK ? certificate_private_key_read(buffer_span(&der)) : NULL;
	root->certificate = root_pem_read(certificate_pem);
	if (status == OK && (!root->pair || !root->certificate || X509_check_private_key(root->certificate, root->pair) != 1))
		status = fault_set(fault, E_SIGNATURE, "%s is not the key of the root's certificate beside it", path);
	key_file_wipe(&der);
	ERR_clear_error();
	if (status == OK)
		*out = root;
	else
		root_free(root);
	return status;
}

enum status root_rewrite(const char *path, struct passphrase *from, struct passphrase *to, struct fault *fault)
{
	struct buffer der = {0};
	enum status status = der_load(path, from, &der, fault);
	if (status == OK)
		status = der_save(path, buffer_span(&der), to, fault);
	key_file_wipe(&der);
	return status;
}

/* ---- checking ---- */

X509 *root_pem_read(struct span pem)
{
	BIO *bio = pem.size && pem.size <= KEY_FILE_MAX ? BIO_new_mem_buf(pem.data, (int)pem.size) : NULL;
	X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	ERR_clear_error();
	return certificate;
}

struct digest root_certificate_digest(X509 *certificate)
{
	unsigned char *der = NULL;
	int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
	struct digest digest = sha256(span_of(der, size > 0 ? (size_t)size : 0));
	OPENSSL_free(der);
	return digest;
}

/* X.509 path validation with the root as the only anchor. */
static int path_error(X509 *root, X509 *leaf)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	int error = X509_V_ERR_OUT_OF_MEM;
	if (store && context && X509_STORE_add_cert(store, root) == 1 && X509_STORE_CTX_init(context, store, leaf, NULL) == 1) {
		X509_STORE_CTX_set_flags(context, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
		error = X509_verify_cert(context) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(context);
	}
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	ERR_clear_error();
	return error;
}

enum status root_verify(X509 *root, X509 *leaf, const struct digest *digest, struct fault *fault)
{
	struct digest own = root_certificate_digest(root);
	EVP_PKEY *root_key = X509_get0_pubkey(root), *leaf_key = X509_get0_pubkey(leaf);
	if (!digest_equal(&own, digest))
		return fault_set(fault, E_SIGNATURE, "it shows another root than the one that the genesis names");
	if (!root_key || !EVP_PKEY_is_a(root_key, ROOT_ALGORITHM) || X509_check_ca(root) != 1)
		return fault_set(fault, E_SIGNATURE, "its root is no certificate authority with an " ROOT_ALGORITHM " key");
	if (!leaf_key || !EVP_PKEY_is_a(leaf_key, "ML-DSA-44") || X509_check_ca(leaf) != 0)
		return fault_set(fault, E_SIGNATURE, "its certificate is not for an ML-DSA-44 key");
	int error = path_error(root, leaf);
	if (error != X509_V_OK)
		return fault_set(fault, E_SIGNATURE, "its certificate was not issued by its root (%s)", X509_verify_cert_error_string(error));
	return OK;
}

static enum status subject_verify(X509 *leaf, const char *name, enum root_purpose purpose, struct fault *fault)
{
	char common[65] = "", unit[65] = "";
	X509_NAME *subject = X509_get_subject_name(leaf);
	X509_NAME_get_text_by_NID(subject, NID_commonName, common, sizeof common);
	X509_NAME_get_text_by_NID(subject, NID_organizationalUnitName, unit, sizeof unit);
	if (strcmp(common, name) != 0 || strcmp(unit, root_purpose_name(purpose)) != 0)
		return fault_set(fault, E_SIGNATURE, "it was issued for CN = %s, OU = %s and not for CN = %.64s, OU = %s", common, unit, name, root_purpose_name(purpose));
	return OK;
}

enum status root_check(struct span root_pem, struct span leaf_pem, const struct digest *digest, const char *name, enum root_purpose purpose,
	struct digest *key, struct fault *fault)
{
	X509 *root = root_pem_read(root_pem), *leaf = root_pem_read(leaf_pem);
	enum status status = root && leaf ? root_verify(root, leaf, digest, fault) : fault_set(fault, E_MALFORMED, "it is no certificate in PEM");
	if (status == OK)
		status = subject_verify(leaf, name, purpose, fault);
	if (status == OK)
		*key = root_certificate_digest(leaf);
	X509_free(root);
	X509_free(leaf);
	return status;
}
