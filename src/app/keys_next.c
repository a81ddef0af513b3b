#include "app/keys_next.h"

#include "crypto/hash.h"
#include "host/address.h"
#include "host/disk.h"
#include "host/keys.h"
#include "host/loop.h"
#include "host/root.h"
#include "record/genesis.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CERTIFICATE_FILE_MAX = 32 << 10 };

struct next {
	const char *folder;
	struct passphrase *passphrase;
	struct buffer stated;         /* org.cose as it is now */
	struct genesis_member before;
	struct signing_key *keys[ROOT_PURPOSES];
};

static void path_in(const struct next *next, const char *name, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%.*s/%s", PATH_MAX - 100, next->folder, name);
}

static enum status before_read(struct next *next, struct fault *fault)
{
	char path[PATH_MAX];
	path_in(next, "keys/next", path);
	if (access(path, F_OK) == 0)
		return fault_set(fault, E_DUPLICATE, "%s exists already: bring that set into use, or move it away", path);
	path_in(next, "org.cose", path);
	TRY(disk_read(path, STATEMENT_SIZE_MAX, &next->stated, fault));
	return genesis_member_decode(buffer_span(&next->stated), &next->before, fault);
}

/* The node's key first: a node that finds keys/next/ without it takes the rest for what is left of a move. */
static enum status keys_make(struct next *next, struct fault *fault)
{
	static const enum root_purpose order[ROOT_PURPOSES] = {ROOT_NODE, ROOT_CHECKPOINT, ROOT_TLS, ROOT_RECORD};
	char path[PATH_MAX], name[60];
	path_in(next, "keys/next", path);
	TRY(disk_folder(path, fault));
	for (int i = 0; i < ROOT_PURPOSES; i++) {
		snprintf(name, sizeof name, "keys/next/%s.key", root_purpose_name(order[i]));
		path_in(next, name, path);
		if (signing_key_generate(&next->keys[order[i]]) != OK)
			return fault_set(fault, E_ENTROPY, "the operating system gives no randomness");
		TRY(keys_save(path, next->keys[order[i]], next->passphrase, fault));
	}
	return OK;
}

static enum status certificates_issue(const struct next *next, const struct root *root, struct fault *fault)
{
	char path[PATH_MAX], name[60];
	struct buffer pem = {0};
	enum status status = OK;
	for (int i = 0; i < ROOT_PURPOSES && status == OK; i++) {
		buffer_clear(&pem);
		snprintf(name, sizeof name, "keys/next/%s.pem", root_purpose_name((enum root_purpose)i));
		path_in(next, name, path);
		status = root_issue(root, (enum root_purpose)i, signing_key_public(next->keys[i]), &pem, fault);
		if (status == OK)
			status = disk_write(path, buffer_span(&pem), 0644, fault);
	}
	buffer_free(&pem);
	return status;
}

static enum status root_use(struct next *next, struct root **out, struct fault *fault)
{
	char path[PATH_MAX];
	struct buffer pem = {0};
	path_in(next, "certificates/root.pem", path);
	enum status status = disk_read(path, CERTIFICATE_FILE_MAX, &pem, fault);
	path_in(next, "keys/root.key", path);
	if (status == OK)
		status = root_load(path, next->passphrase, buffer_span(&pem), out, fault);
	if (status == E_NOT_FOUND)
		fault_set(fault, E_NOT_FOUND, "the organisation has a root, which must certify its new keys: bring %s back to its place for this step", path);
	buffer_free(&pem);
	return status;
}

static enum status statement_make(const struct next *next, const char *address, struct fault *fault)
{
	char path[PATH_MAX];
	struct buffer body = {0}, bytes = {0};
	uint8_t randomness[32];
	struct digest id;
	struct body_org org = next->before.org;
	org.record_key = *signing_key_public(next->keys[ROOT_RECORD]);
	org.node_key = *signing_key_public(next->keys[ROOT_NODE]);
	org.checkpoint_key = *signing_key_public(next->keys[ROOT_CHECKPOINT]);
	org.tls_key = keys_tls_digest(signing_key_public(next->keys[ROOT_TLS]));
	org.address = address ? span_of_text(address) : org.address;
	body_org_encode(&org, &body);
	struct statement statement = {.type = STATEMENT_ORG, .seq = 1, .class = CLASS_PUBLIC, .iss = next->before.header.iss,
		.sub = next->before.header.iss, .iat = clock_now_ns() / NS_PER_S, .body = buffer_span(&body)};
	enum status status = entropy_fill(randomness, sizeof randomness);
	if (status == OK)
		status = statement_sign(&statement, next->keys[ROOT_RECORD], randomness, &bytes, &id);
	path_in(next, "keys/next/org.cose", path);
	if (status == OK)
		status = disk_write(path, buffer_span(&bytes), 0644, fault);
	else
		fault_set(fault, status, "the organisation's statement could not be signed (%s)", status_name(status));
	buffer_free(&body);
	buffer_free(&bytes);
	return status;
}

enum status keys_next_make(const char *folder, const char *address, struct passphrase *passphrase, struct fault *fault)
{
	struct next next = {.folder = folder, .passphrase = passphrase};
	struct root *root = NULL;
	char host[ADDRESS_HOST_MAX];
	unsigned port;
	if (address && (!address_split(address, host, &port) || port == 0))
		return fault_set(fault, E_CONFIG, "--address must be host:port, such as 127.0.0.1:7101");
	enum status status = before_read(&next, fault);
	if (status == OK && !digest_is_zero(&next.before.org.root_key))
		status = root_use(&next, &root, fault);
	if (status == OK)
		status = keys_make(&next, fault);
	if (status == OK && root)
		status = certificates_issue(&next, root, fault);
	if (status == OK)
		status = statement_make(&next, address, fault);
	root_free(root);
	for (int i = 0; i < ROOT_PURPOSES; i++)
		signing_key_free(next.keys[i]);
	buffer_free(&next.stated);
	return status;
}
