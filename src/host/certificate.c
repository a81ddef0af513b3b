#include "host/certificate.h"

#include "host/keys.h"
#include "host/root.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/x509.h>

enum { CERTIFICATE_CHAIN_MAX = 32768 };

EVP_PKEY *certificate_key_pair(const struct signing_key *key)
{
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_ML_DSA_SEED, (void *)(uintptr_t)signing_key_seed(key), ML_DSA_44_SEED),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "ML-DSA-44", NULL);
	EVP_PKEY *pair = NULL;
	if (!context || EVP_PKEY_fromdata_init(context) != 1 || EVP_PKEY_fromdata(context, &pair, EVP_PKEY_KEYPAIR, parameters) != 1)
		pair = NULL;
	EVP_PKEY_CTX_free(context);
	return pair;
}

bool certificate_private_key(const EVP_PKEY *pair, struct buffer *out)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pair);
	unsigned char *der = NULL;
	int size = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
	if (size > 0) {
		buffer_reserve(out, (size_t)size);
		buffer_append(out, der, (size_t)size);
		OPENSSL_clear_free(der, (size_t)size);
	}
	PKCS8_PRIV_KEY_INFO_free(info);
	return size > 0;
}

EVP_PKEY *certificate_private_key_read(struct span der)
{
	const unsigned char *at = der.data;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.size);
	EVP_PKEY *pair = info ? EVP_PKCS82PKEY(info) : NULL;
	PKCS8_PRIV_KEY_INFO_free(info);
	ERR_clear_error();
	return pair;
}

/* The certificate only wraps the key: its name is the key's digest, and it does not expire (RFC 5280, 4.1.2.5). */
static X509 *certificate_make(EVP_PKEY *pair, const struct signing_key *key)
{
	struct digest digest = keys_tls_digest(signing_key_public(key));
	char name[DIGEST_HEX_SIZE];
	span_hex(span_of(digest.bytes, DIGEST_SIZE), name);
	X509 *certificate = X509_new();
	X509_NAME *subject = X509_NAME_new();
	bool made = certificate && subject && X509_set_version(certificate, X509_VERSION_3) == 1
		&& ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1
		&& X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) == 1
		&& X509_set_subject_name(certificate, subject) == 1 && X509_set_issuer_name(certificate, subject) == 1
		&& ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), "20000101000000Z") == 1
		&& ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), "99991231235959Z") == 1
		&& X509_set_pubkey(certificate, pair) == 1 && X509_sign(certificate, pair, NULL) > 0;
	X509_NAME_free(subject);
	if (made)
		return certificate;
	X509_free(certificate);
	return NULL;
}

static bool context_restrict(SSL_CTX *context)
{
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_max_cert_list(context, CERTIFICATE_CHAIN_MAX);
	return SSL_CTX_set_num_tickets(context, 0) == 1 && SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1
		&& SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1
		&& SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") == 1
		&& SSL_CTX_set1_groups_list(context, "X25519MLKEM768") == 1 && SSL_CTX_set1_sigalgs_list(context, "mldsa44") == 1
		&& SSL_CTX_set1_client_sigalgs_list(context, "mldsa44") == 1;
}

enum status certificate_context(const struct signing_key *key, SSL_CTX **out, struct fault *fault)
{
	EVP_PKEY *pair = certificate_key_pair(key);
	X509 *certificate = pair ? certificate_make(pair, key) : NULL;
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	bool made = certificate && context && context_restrict(context) && SSL_CTX_use_certificate(context, certificate) == 1
		&& SSL_CTX_use_PrivateKey(context, pair) == 1;
	X509_free(certificate);
	EVP_PKEY_free(pair);
	if (made) {
		*out = context;
		return OK;
	}
	SSL_CTX_free(context);
	char reason[160];
	ERR_error_string_n(ERR_peek_last_error(), reason, sizeof reason);
	return fault_set(fault, E_ENTROPY, "TLS could not be set up (%s); OpenSSL 3.5 or later with ML-DSA and ML-KEM is needed", reason);
}

enum status certificate_key(X509 *certificate, struct digest *out)
{
	EVP_PKEY *key = certificate ? X509_get0_pubkey(certificate) : NULL;
	struct public_key public;
	size_t size = 0;
	if (!key || !EVP_PKEY_is_a(key, "ML-DSA-44")
		|| EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, public.bytes, sizeof public.bytes, &size) != 1
		|| size != sizeof public.bytes) {
		ERR_clear_error();
		return E_SIGNATURE;
	}
	*out = keys_tls_digest(&public);
	return OK;
}

enum status certificate_identify(X509 *certificate, struct digest *out)
{
	TRY(certificate_key(certificate, out));
	bool signs_itself = X509_verify(certificate, X509_get0_pubkey(certificate)) == 1;
	ERR_clear_error();
	return signs_itself ? OK : E_SIGNATURE;
}

enum status certificate_check(X509 *leaf, STACK_OF(X509) *chain, const struct digest *root_digest, struct fault *fault)
{
	struct digest digest;
	if (!root_digest && certificate_identify(leaf, &digest) == OK)
		return OK;
	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *root = sk_X509_value(chain, i);
		if (X509_NAME_cmp(X509_get_subject_name(root), X509_get_issuer_name(leaf)) != 0 || X509_cmp(root, leaf) == 0)
			continue;
		digest = root_certificate_digest(root);
		return root_verify(root, leaf, root_digest ? root_digest : &digest, fault);
	}
	return fault_set(fault, E_SIGNATURE, root_digest ? "its certificate comes without the root that the genesis names"
							  : "its certificate is neither self-signed nor comes with its root");
}

enum status certificate_context_issued(SSL_CTX *context, struct span leaf_pem, struct span root_pem, const struct digest *root_digest,
	struct fault *fault)
{
	X509 *leaf = root_pem_read(leaf_pem), *root = root_pem_read(root_pem);
	enum status status = E_CONFIG;
	if (!leaf || !root)
		fault_set(fault, status, "it is no certificate in PEM, or its root is none");
	else if (root_verify(root, leaf, root_digest, fault) == OK) {
		/* Asked first: with a certificate of another key OpenSSL would drop the private key. */
		if (X509_check_private_key(leaf, SSL_CTX_get0_privatekey(context)) != 1)
			fault_set(fault, status, "it is not for the key keys/tls.key");
		else if (SSL_CTX_use_certificate(context, leaf) != 1 || SSL_CTX_add1_chain_cert(context, root) != 1)
			fault_set(fault, status, "it could not be used: the TLS library refused it");
		else
			status = OK;
	}
	X509_free(leaf);
	X509_free(root);
	ERR_clear_error();
	return status;
}

const char *certificate_reason(unsigned long code)
{
	if (ERR_GET_LIB(code) != ERR_LIB_SSL)
		return NULL;
	switch (ERR_GET_REASON(code)) {
	case SSL_R_NO_SUITABLE_GROUPS:
	case SSL_R_NO_SUITABLE_KEY_SHARE:
	case SSL_R_BAD_KEY_SHARE:
	case SSL_R_WRONG_CURVE:
		return "it does not offer the post-quantum key exchange X25519MLKEM768; no other is accepted";
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_WRONG_SSL_VERSION:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
		return "it does not speak TLS 1.3; no older version is accepted";
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
	case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
	case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
	case SSL_R_WRONG_SIGNATURE_TYPE:
		return "it has no ML-DSA-44 certificate; no other kind is accepted";
	case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
		return "the other end has nothing in common with us: TLS 1.3, X25519MLKEM768 and an ML-DSA-44 certificate are required";
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
		return "the other end does not accept our TLS key: it is not registered there, was revoked, or is not certified as the genesis demands";
	default:
		return NULL;
	}
}
