/* Key files and certificates in PEM: whatever they hold, they are read or refused, and what is read can be written again.
 * Nothing is decrypted: scrypt would take the time. */
#include "host/key_file.h"
#include "host/root.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size);
	struct buffer plain = {0}, again = {0}, twice = {0};
	char form[100];
	if (key_file_describe(text, form, sizeof form) == OK)
		CHECK(strlen(form) < sizeof form);
	if (key_file_plain_read(text, KEY_FILE_PLAIN, &plain) == OK && plain.size) {
		key_file_plain(buffer_span(&plain), KEY_FILE_PLAIN, &again);
		CHECK(key_file_plain_read(buffer_span(&again), KEY_FILE_PLAIN, &twice) == OK && span_equal(buffer_span(&plain), buffer_span(&twice)));
	}
	X509 *certificate = root_pem_read(text);
	if (certificate) {
		struct digest digest = root_certificate_digest(certificate);
		struct fault fault;
		CHECK(root_verify(certificate, certificate, &digest, &fault) != OK);
	}
	X509_free(certificate);
	key_file_wipe(&plain);
	key_file_wipe(&again);
	key_file_wipe(&twice);
	return 0;
}
