#include "host/key_file.h"

#include "crypto/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SALT_SIZE = 16 };

enum status key_file_folder(const char *path, struct fault *fault)
{
	char folder[PATH_MAX];
	struct stat facts;
	const char *slash = strrchr(path, '/');
	snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
	if (stat(*folder ? folder : "/", &facts) != 0)
		return fault_set(fault, E_IO, "the folder %s cannot be looked at: %s", folder, strerror(errno));
	if (facts.st_mode & 077)
		return fault_set(fault, E_CONFIG, "the folder %s of key files is open to others; run: chmod 700 %s", folder, folder);
	return OK;
}

static enum status file_take(const char *path, int fd, struct buffer *text, struct fault *fault)
{
	struct stat facts;
	if (fstat(fd, &facts) != 0)
		return fault_set(fault, E_IO, "the key file %s cannot be read: %s", path, strerror(errno));
	if (!S_ISREG(facts.st_mode))
		return fault_set(fault, E_CONFIG, "%s is no file", path);
	if (facts.st_mode & 077)
		return fault_set(fault, E_CONFIG, "the key file %s can be read by others; run: chmod 600 %s", path, path);
	if (facts.st_size > KEY_FILE_MAX)
		return fault_set(fault, E_LIMIT, "%s is not a key file: it has more than %d bytes", path, KEY_FILE_MAX);
	buffer_reserve(text, KEY_FILE_MAX); /* so that no copy is left behind by growing */
	for (ssize_t got = 1; got > 0 && text->size < KEY_FILE_MAX; text->size += got > 0 ? (size_t)got : 0)
		if ((got = read(fd, text->data + text->size, KEY_FILE_MAX - text->size)) < 0)
			return fault_set(fault, E_IO, "the key file %s cannot be read: %s", path, strerror(errno));
	return OK;
}

enum status key_file_read(const char *path, struct buffer *text, struct fault *fault)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fault_set(fault, errno == ENOENT ? E_NOT_FOUND : E_IO, "the key file %s cannot be read: %s", path, strerror(errno));
	enum status status = file_take(path, fd, text, fault);
	close(fd);
	if (status != OK)
		key_file_wipe(text);
	return status;
}

void key_file_wipe(struct buffer *text)
{
	if (text->data)
		wipe(text->data, text->capacity);
	buffer_free(text);
}

bool key_file_is(struct span text, const char *label)
{
	char head[64];
	int size = snprintf(head, sizeof head, "-----BEGIN %s-----", label);
	return text.size > (size_t)size && memcmp(text.data, head, (size_t)size) == 0;
}

static bool sealed_write(const X509_ALGOR *algorithm, unsigned char *data, int size, const char *label, struct buffer *out)
{
	X509_SIG *sealed = X509_SIG_new();
	BIO *bio = BIO_new(BIO_s_mem());
	X509_ALGOR *to = NULL;
	ASN1_OCTET_STRING *bytes = NULL;
	unsigned char *der = NULL;
	char *text = NULL;
	int der_size = -1;
	if (sealed && bio) {
		X509_SIG_getm(sealed, &to, &bytes);
		if (X509_ALGOR_copy(to, algorithm) == 1 && ASN1_OCTET_STRING_set(bytes, data, size) == 1)
			der_size = i2d_X509_SIG(sealed, &der);
	}
	bool done = der_size > 0 && PEM_write_bio(bio, label, "", der, der_size) > 0;
	long text_size = done ? BIO_get_mem_data(bio, &text) : 0;
	if (text_size > 0)
		buffer_append(out, text, (size_t)text_size);
	OPENSSL_free(der);
	BIO_free(bio);
	X509_SIG_free(sealed);
	return text_size > 0;
}

enum status key_file_encrypt(struct span plain, const char *label, struct span passphrase, struct buffer *out)
{
	unsigned char salt[SALT_SIZE], *data = NULL;
	int size = 0;
	TRY(entropy_fill(salt, sizeof salt));
	X509_ALGOR *algorithm = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), salt, sizeof salt, NULL, KEY_FILE_SCRYPT_N, KEY_FILE_SCRYPT_R, KEY_FILE_SCRYPT_P);
	bool done = algorithm && PKCS12_pbe_crypt(algorithm, (const char *)passphrase.data, (int)passphrase.size, plain.data, (int)plain.size, &data, &size, 1)
		&& sealed_write(algorithm, data, size, label, out);
	OPENSSL_free(data);
	X509_ALGOR_free(algorithm);
	ERR_clear_error();
	return done ? OK : E_ENTROPY;
}

static X509_SIG *sealed_read(struct span text, const char *label)
{
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	long size = 0;
	X509_SIG *sealed = NULL;
	BIO *bio = text.size <= KEY_FILE_MAX ? BIO_new_mem_buf(text.data, (int)text.size) : NULL;
	if (bio && PEM_read_bio(bio, &name, &header, &der, &size) == 1 && (!label || strcmp(name, label) == 0)) {
		const unsigned char *at = der;
		sealed = d2i_X509_SIG(NULL, &at, size);
		if (sealed && at != der + size) {
			X509_SIG_free(sealed);
			sealed = NULL;
		}
	}
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(der);
	BIO_free(bio);
	ERR_clear_error();
	return sealed;
}

enum status key_file_decrypt(struct span text, const char *label, struct span passphrase, struct buffer *plain)
{
	X509_SIG *sealed = sealed_read(text, label);
	if (!sealed)
		return E_MALFORMED;
	const X509_ALGOR *algorithm;
	const ASN1_OCTET_STRING *bytes;
	unsigned char *data = NULL;
	int size = 0;
	X509_SIG_get0(sealed, &algorithm, &bytes);
	bool done = PKCS12_pbe_crypt(algorithm, (const char *)passphrase.data, (int)passphrase.size, ASN1_STRING_get0_data(bytes), ASN1_STRING_length(bytes),
		&data, &size, 0);
	if (done) {
		buffer_reserve(plain, (size_t)size);
		buffer_append(plain, data, (size_t)size);
	}
	OPENSSL_clear_free(data, (size_t)size);
	X509_SIG_free(sealed);
	ERR_clear_error();
	return done ? OK : E_SIGNATURE;
}

void key_file_plain(struct span plain, const char *label, struct buffer *out)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *text = NULL;
	long size = bio && PEM_write_bio(bio, label, "", plain.data, (long)plain.size) > 0 ? BIO_get_mem_data(bio, &text) : 0;
	CHECK(size > 0);
	buffer_append(out, text, (size_t)size);
	BIO_free(bio);
}

enum status key_file_plain_read(struct span text, const char *label, struct buffer *plain)
{
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	long size = 0;
	BIO *bio = text.size <= KEY_FILE_MAX ? BIO_new_mem_buf(text.data, (int)text.size) : NULL;
	bool done = bio && PEM_read_bio(bio, &name, &header, &der, &size) == 1 && strcmp(name, label) == 0;
	if (done) {
		buffer_reserve(plain, (size_t)size);
		buffer_append(plain, der, (size_t)size);
	}
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_clear_free(der, (size_t)size);
	BIO_free(bio);
	ERR_clear_error();
	return done ? OK : E_MALFORMED;
}

static void scrypt_describe(const ASN1_TYPE *parameter, char *out, size_t size)
{
	SCRYPT_PARAMS *parameters = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), parameter);
	if (parameters)
		snprintf(out, size, "scrypt N=%ld r=%ld p=%ld", ASN1_INTEGER_get(parameters->costParameter), ASN1_INTEGER_get(parameters->blockSize),
			ASN1_INTEGER_get(parameters->parallelizationParameter));
	SCRYPT_PARAMS_free(parameters);
}

enum status key_file_describe(struct span text, char *out, size_t size)
{
	X509_SIG *sealed = sealed_read(text, NULL);
	if (!sealed)
		return E_MALFORMED;
	const X509_ALGOR *algorithm;
	const ASN1_OBJECT *kind;
	const void *value;
	int type;
	char derivation[80] = "", cipher[80] = "";
	X509_SIG_get0(sealed, &algorithm, NULL);
	X509_ALGOR_get0(&kind, &type, &value, algorithm);
	PBE2PARAM *scheme = type == V_ASN1_SEQUENCE && OBJ_obj2nid(kind) == NID_pbes2
		? ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), algorithm->parameter) : NULL;
	if (scheme) {
		OBJ_obj2txt(cipher, sizeof cipher, scheme->encryption->algorithm, 0);
		OBJ_obj2txt(derivation, sizeof derivation, scheme->keyfunc->algorithm, 0);
		if (OBJ_obj2nid(scheme->keyfunc->algorithm) == NID_id_scrypt)
			scrypt_describe(scheme->keyfunc->parameter, derivation, sizeof derivation);
	}
	snprintf(out, size, "%s, %s", *derivation ? derivation : "another scheme", *cipher ? cipher : "another cipher");
	PBE2PARAM_free(scheme);
	X509_SIG_free(sealed);
	return OK;
}
