#include "host/keys.h"

#include "crypto/hash.h"
#include "host/base64.h"
#include "host/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_FILE_MAX = 256 };

static const char key_prefix[] = "tally-key-v1 ";

struct digest keys_tls_digest(const struct public_key *key)
{
	/* SubjectPublicKeyInfo (RFC 5280; RFC 9881): SEQUENCE { SEQUENCE { id-ml-dsa-44 }, BIT STRING }. */
	static const uint8_t head[] = {0x30, 0x82, 0x05, 0x32, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
		0x03, 0x11, 0x03, 0x82, 0x05, 0x21, 0x00};
	const struct span parts[] = {span_of(head, sizeof head), span_of(key->bytes, sizeof key->bytes)};
	return sha256_parts(parts, 2);
}

static enum status key_parse(const char *path, struct span text, struct signing_key **out, struct fault *fault)
{
	size_t prefix = sizeof key_prefix - 1;
	while (text.size && (text.data[text.size - 1] == '\n' || text.data[text.size - 1] == '\r'))
		text.size--;
	struct buffer seed = {0};
	enum status status = E_MALFORMED;
	if (text.size > prefix && memcmp(text.data, key_prefix, prefix) == 0)
		status = base64_decode(span_of(text.data + prefix, text.size - prefix), &seed);
	if (status == OK && seed.size != ML_DSA_44_SEED)
		status = E_MALFORMED;
	if (status != OK)
		fault_set(fault, status, "%s is not a key file: it must be one line, \"tally-key-v1 \" and the seed in base64. Restore it from a copy", path);
	else if ((status = signing_key_from_seed(seed.data, out)) != OK)
		fault_set(fault, status, "%s: the crypto library could not make the key; OpenSSL 3.5 or later with ML-DSA is needed", path);
	if (seed.data)
		wipe(seed.data, seed.capacity);
	buffer_free(&seed);
	return status;
}

static enum status key_make(const char *path, struct signing_key **out, struct fault *fault)
{
	struct signing_key *key;
	if (signing_key_generate(&key) != OK)
		return fault_set(fault, E_ENTROPY, "no key could be made for %s: the crypto library or its entropy failed", path);
	struct buffer text = {0};
	buffer_reserve(&text, KEY_FILE_MAX); /* so that no copy is left behind by growing */
	buffer_append_text(&text, key_prefix);
	base64_encode(span_of(signing_key_seed(key), ML_DSA_44_SEED), &text);
	buffer_append_text(&text, "\n");
	enum status status = disk_write(path, buffer_span(&text), 0600, fault);
	wipe(text.data, text.capacity);
	buffer_free(&text);
	if (status == OK)
		*out = key;
	else
		signing_key_free(key);
	return status;
}

enum status keys_load(const char *path, bool create, struct signing_key **out, struct fault *fault)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return create ? key_make(path, out, fault)
			      : fault_set(fault, E_NOT_FOUND, "there is no key file %s; `tally init` makes keys", path);
	if (fd < 0)
		return fault_set(fault, E_IO, "the key file %s cannot be read: %s", path, strerror(errno));
	struct stat facts;
	char text[KEY_FILE_MAX];
	ssize_t size = -1;
	enum status status = OK;
	if (fstat(fd, &facts) != 0)
		status = fault_set(fault, E_IO, "the key file %s cannot be read: %s", path, strerror(errno));
	else if (facts.st_mode & 077)
		status = fault_set(fault, E_CONFIG, "the key file %s can be read by others; run: chmod 600 %s", path, path);
	else if ((size = read(fd, text, sizeof text)) < 0)
		status = fault_set(fault, E_IO, "the key file %s cannot be read: %s", path, strerror(errno));
	close(fd);
	if (status == OK)
		status = key_parse(path, span_of(text, (size_t)size), out, fault);
	wipe(text, sizeof text);
	return status;
}
