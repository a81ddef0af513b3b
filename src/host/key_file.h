/* Key files: read with strict modes, and encrypted at rest. An encrypted one is PEM of an EncryptedPrivateKeyInfo (RFC 5958)
 * with PBES2 (RFC 8018): scrypt (RFC 7914) with the parameters below and AES-256-CBC; all parameters stand in the file, and
 * `openssl pkey` reads it. OpenSSL. */
#ifndef TALLY_HOST_KEY_FILE_H
#define TALLY_HOST_KEY_FILE_H

#include "base/buffer.h"

enum { KEY_FILE_MAX = 32 << 10 };
/* 128 N r = 16 MiB of memory, the most that OpenSSL's PBES2 permits below its limit; p makes it dearer. */
enum { KEY_FILE_SCRYPT_N = 16384, KEY_FILE_SCRYPT_R = 8, KEY_FILE_SCRYPT_P = 5 };

/* The label of an encrypted private key (PKCS#8), and of 32 secret bytes that are no key pair. */
#define KEY_FILE_PRIVATE "ENCRYPTED PRIVATE KEY"
#define KEY_FILE_PLAIN "PRIVATE KEY"
#define KEY_FILE_SECRET "ENCRYPTED TALLY SECRET"

/* E_CONFIG: the folder of this file is open to others; the sentence has the command to run. E_IO. */
MUST_USE enum status key_file_folder(const char *path, struct fault *fault);
/* The whole file; free it with key_file_wipe. E_NOT_FOUND. E_CONFIG: others may read it; the sentence has the command to
 * run. E_IO, E_LIMIT. */
MUST_USE enum status key_file_read(const char *path, struct buffer *text, struct fault *fault);
void key_file_wipe(struct buffer *text);
/* Is it PEM with this label? */
bool key_file_is(struct span text, const char *label);
/* E_ENTROPY: the crypto library failed. */
MUST_USE enum status key_file_encrypt(struct span plain, const char *label, struct span passphrase, struct buffer *out);
/* `plain` is for key_file_wipe. E_MALFORMED; E_SIGNATURE: the passphrase is another one, or the file is damaged. */
MUST_USE enum status key_file_decrypt(struct span text, const char *label, struct span passphrase, struct buffer *plain);
/* PEM without encryption. E_MALFORMED. */
void key_file_plain(struct span plain, const char *label, struct buffer *out);
MUST_USE enum status key_file_plain_read(struct span text, const char *label, struct buffer *plain);
/* How it is encrypted, such as "scrypt N=16384 r=8 p=5, AES-256-CBC"; only that of the first block. E_MALFORMED. */
MUST_USE enum status key_file_describe(struct span text, char *out, size_t size);

#endif
