#include "command/command.h"

#include "edge/session.h"
#include "host/disk.h"
#include "host/http.h"
#include "host/keys.h"

#include <stdio.h>
#include <stdlib.h>

#include <yyjson.h>

enum { ENTITIES_MAX = 16 << 20 };

static enum status registration_find(yyjson_val *entities, const char *device, struct digest *out, struct fault *fault)
{
	size_t at, max;
	yyjson_val *entity;
	yyjson_arr_foreach(entities, at, max, entity) {
		const char *name = yyjson_get_str(yyjson_obj_get(entity, "name"));
		const char *id = yyjson_get_str(yyjson_obj_get(entity, "registration"));
		if (name && id && strcmp(name, device) == 0 && span_from_hex(span_of_text(id), out->bytes, DIGEST_SIZE))
			return OK;
	}
	return fault_set(fault, E_UNKNOWN, "%s is not registered on the ledger; register it first with tally register", device);
}

static enum status key_write(const uint8_t secret[SESSION_SECRET_SIZE], const struct digest *registration, const char *device, const char *folder, struct fault *fault)
{
	char path[1024];
	struct buffer text = {0};
	for (int direction = SESSION_UP; direction <= SESSION_DOWN; direction++) {
		uint8_t key[SESSION_KEY_SIZE];
		char hex[2 * SESSION_KEY_SIZE + 1];
		session_key_derive(secret, registration, span_of_text(device), (enum session_direction)direction, key);
		span_hex(span_of(key, sizeof key), hex);
		buffer_printf(&text, "%s\n", hex);
		wipe(key, sizeof key);
		wipe(hex, sizeof hex);
	}
	const char *name = strrchr(device, '/');
	snprintf(path, sizeof path, "%s/%s.key", folder, name ? name + 1 : device);
	enum status status = disk_write(path, buffer_span(&text), 0600, fault);
	wipe(text.data, text.size);
	buffer_free(&text);
	return status;
}

static enum status provision(const char *gateway, struct passphrase *passphrase, const char *node, const char *out, char **devices, int count, struct fault *fault)
{
	char path[1024];
	uint8_t secret[SESSION_SECRET_SIZE];
	struct buffer answer = {0};
	long http = 0;
	snprintf(path, sizeof path, "%s/keys/provisioning.secret", gateway);
	TRY(keys_secret_open(path, passphrase, secret, fault));
	snprintf(path, sizeof path, "%s/api/v1/entities?kind=device", node);
	TRY(http_get(path, ENTITIES_MAX, &answer, &http, fault));
	yyjson_doc *doc = http == 200 ? yyjson_read((const char *)answer.data, answer.size, 0) : NULL;
	if (!doc)
		return fault_set(fault, E_MALFORMED, "%s answered %ld without a list of devices; is it a node?", path, http);
	enum status status = disk_folder(out, fault);
	for (int i = 0; i < count && status == OK; i++) {
		struct digest registration;
		status = registration_find(yyjson_obj_get(yyjson_doc_get_root(doc), "entities"), devices[i], &registration, fault);
		if (status == OK)
			status = key_write(secret, &registration, devices[i], out, fault);
	}
	yyjson_doc_free(doc);
	wipe(secret, sizeof secret);
	buffer_free(&answer);
	return status;
}

int command_provision(int count, char **arguments)
{
	const char *gateway = NULL, *node = NULL, *out = NULL, *passphrase_file = NULL, *key_command = NULL;
	const struct option_spec options[] = {
		{"gateway", "FOLDER", "the gateway's folder, which holds the provisioning secret", &gateway},
		{"node", "URL", "a node that knows the registrations", &node},
		{"out", "FOLDER", "where the key files go: NAME.key, to be put into the device", &out},
		{"passphrase-file", "FILE", "its first line opens an encrypted secret (default: the terminal is asked)", &passphrase_file},
		{"key-command", "COMMAND", "or the first line that this program prints", &key_command},
		{0}};
	char **words;
	int word_count, code;
	struct fault fault = {0};
	if (!options_parse(count, arguments, "Derive the message keys of registered devices.", "DEVICE...", options, &words, &word_count, &code))
		return code;
	if (!gateway || !node || !out || word_count == 0) {
		fault_set(&fault, E_CONFIG, "give --gateway, --node, --out and at least one device such as dev:manufacturer/spindle-1");
		app_fail(&fault);
		return 2;
	}
	struct passphrase *passphrase = passphrase_new(passphrase_file, key_command);
	enum status status = provision(gateway, passphrase, node, out, words, word_count, &fault);
	passphrase_free(passphrase);
	return status == OK ? 0 : app_fail(&fault);
}
