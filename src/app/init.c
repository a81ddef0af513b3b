/* tally init: the keys and founding documents of an organisation, a consortium, a gateway, a person. */
#include "command/command.h"

#include "base/map.h"
#include "crypto/hash.h"
#include "host/address.h"
#include "host/base64.h"
#include "host/config.h"
#include "host/disk.h"
#include "host/keys.h"
#include "host/root.h"
#include "host/loop.h"
#include "record/genesis.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { HTTP_PORT_OFFSET = 1000, SECRET_SIZE = 32 };

static int wrong(const char *sentence)
{
	struct fault fault;
	fault_set(&fault, E_CONFIG, "%s", sentence);
	app_fail(&fault);
	return 2;
}

/* Printable ASCII without what would need quoting in JSON, INI or shell. */
static bool text_is_plain(const char *text, const char *refused)
{
	for (const char *at = text; *at; at++)
		if (*at < ' ' || *at > '~' || strchr(refused, *at))
			return false;
	return *text && strlen(text) <= 100;
}

/* "PREFIX:rest", as the ledger wants it; parts: how many words between slashes. */
static bool name_is_good(const char *name, const char *prefix, int parts)
{
	size_t size = strlen(prefix);
	if (strncmp(name, prefix, size) != 0 || !text_is_plain(name + size, " \"\\'+=;:$`"))
		return false;
	int slashes = 0;
	for (const char *at = name + size; *at; at++)
		slashes += *at == '/';
	return slashes == parts - 1 && name[size] != '/' && name[strlen(name) - 1] != '/';
}

static void path_in(const char *folder, const char *name, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/%s", folder, name);
}

static enum status key_in(const char *folder, const char *name, struct signing_key **out, struct fault *fault)
{
	char path[PATH_MAX];
	path_in(folder, name, path);
	return keys_load(path, true, out, fault);
}

/* Nothing that exists is overwritten: keys and documents that others hold already would no longer fit. */
static enum status file_new(const char *folder, const char *name, struct span bytes, unsigned mode, struct fault *fault)
{
	char path[PATH_MAX];
	path_in(folder, name, path);
	if (access(path, F_OK) == 0)
		return fault_set(fault, E_DUPLICATE, "%s exists already; choose another --folder, or move it away if it is no longer needed", path);
	return disk_write(path, bytes, mode, fault);
}

static enum status folder_new(const char *folder, const char *witness, struct fault *fault)
{
	char path[PATH_MAX];
	if (strlen(folder) > PATH_MAX - 100)
		return fault_set(fault, E_CONFIG, "the folder name is too long");
	path_in(folder, witness, path);
	if (access(path, F_OK) == 0)
		return fault_set(fault, E_DUPLICATE, "%s exists already; choose another --folder, or move it away if it is no longer needed", path);
	path_in(folder, "keys", path);
	return disk_folder(path, fault);
}

/* ---- org ---- */

struct org_options {
	const char *folder, *id, *name, *role, *address, *http, *root;
};

struct org_keys {
	struct signing_key *record, *node, *checkpoint, *tls;
	struct digest root;           /* zero: none */
};

static void org_keys_free(struct org_keys *keys)
{
	signing_key_free(keys->record);
	signing_key_free(keys->node);
	signing_key_free(keys->checkpoint);
	signing_key_free(keys->tls);
}

static enum status org_keys_make(const char *folder, struct org_keys *keys, struct fault *fault)
{
	TRY(key_in(folder, "keys/record.key", &keys->record, fault));
	TRY(key_in(folder, "keys/node.key", &keys->node, fault));
	TRY(key_in(folder, "keys/checkpoint.key", &keys->checkpoint, fault));
	return key_in(folder, "keys/tls.key", &keys->tls, fault);
}

/* The root, and its certificates of the four keys. */
static enum status org_root_make(const struct org_options *options, struct org_keys *keys, struct fault *fault)
{
	const struct signing_key *certified[ROOT_PURPOSES] = {[ROOT_RECORD] = keys->record, [ROOT_NODE] = keys->node,
		[ROOT_CHECKPOINT] = keys->checkpoint, [ROOT_TLS] = keys->tls};
	char path[PATH_MAX], name[60];
	struct buffer pem = {0};
	struct root *root;
	TRY(root_generate(options->id, &root, fault));
	path_in(options->folder, "certificates", path);
	enum status status = disk_folder(path, fault);
	for (int i = 0; i < ROOT_PURPOSES && status == OK; i++) {
		buffer_clear(&pem);
		snprintf(name, sizeof name, "certificates/%s.pem", root_purpose_name((enum root_purpose)i));
		status = root_issue(root, (enum root_purpose)i, signing_key_public(certified[i]), &pem, fault);
		if (status == OK)
			status = file_new(options->folder, name, buffer_span(&pem), 0644, fault);
	}
	buffer_clear(&pem);
	root_certificate(root, &pem);
	if (status == OK)
		status = file_new(options->folder, "certificates/root.pem", buffer_span(&pem), 0644, fault);
	path_in(options->folder, "keys/root.key", path);
	if (status == OK)
		status = root_save(path, root, fault);
	keys->root = root_digest(root);
	root_free(root);
	buffer_free(&pem);
	return status;
}

static enum status org_statement_make(const struct org_options *options, const struct org_keys *keys, struct buffer *out, struct fault *fault)
{
	struct body_org org = {
		.name = span_of_text(options->name),
		.role = span_of_text(options->role),
		.record_key = *signing_key_public(keys->record),
		.node_key = *signing_key_public(keys->node),
		.checkpoint_key = *signing_key_public(keys->checkpoint),
		.tls_key = keys_tls_digest(signing_key_public(keys->tls)),
		.address = span_of_text(options->address),
		.root_key = keys->root,
	};
	struct buffer body = {0};
	body_org_encode(&org, &body);
	struct statement statement = {.type = STATEMENT_ORG, .seq = 1, .class = CLASS_PUBLIC, .iss = span_of_text(options->id),
		.sub = span_of_text(options->id), .iat = clock_now_ns() / NS_PER_S, .body = buffer_span(&body)};
	uint8_t randomness[32];
	struct digest id;
	enum status status = entropy_fill(randomness, sizeof randomness);
	if (status == OK)
		status = statement_sign(&statement, keys->record, randomness, out, &id);
	if (status != OK)
		fault_set(fault, status, "the organisation's statement could not be signed (%s)", status_name(status));
	buffer_free(&body);
	return status;
}

static void org_ini_write(const struct org_options *options, struct buffer *out)
{
	buffer_printf(out, "; The node of %s. `tally node --help` lists every key.\n\n[node]\n; keys/, data/ and the genesis are here\nfolder = .\n", options->id);
	buffer_printf(out, "genesis = genesis.cbor\n\n[wire]\n; other members and gateways call here\nlisten = %s\n\n", options->address);
	buffer_printf(out, "[http]\n; interface and dashboard; it has no passwords, so keep it on loopback or behind a proxy\nlisten = %s\n\n", options->http);
	buffer_printf(out, "[dashboard]\n; gateways whose shop floor the dashboard shows\n; floor = gw:NAME/HALL http://127.0.0.1:8180\n");
}

static enum status org_make(const struct org_options *options, struct fault *fault)
{
	struct org_keys keys = {0};
	struct buffer statement = {0}, ini = {0};
	enum status status = folder_new(options->folder, "org.cose", fault);
	if (status == OK)
		status = org_keys_make(options->folder, &keys, fault);
	if (status == OK && options->root)
		status = org_root_make(options, &keys, fault);
	if (status == OK)
		status = org_statement_make(options, &keys, &statement, fault);
	org_ini_write(options, &ini);
	if (status == OK)
		status = file_new(options->folder, "node.ini", buffer_span(&ini), 0644, fault);
	if (status == OK)
		status = file_new(options->folder, "org.cose", buffer_span(&statement), 0644, fault);
	org_keys_free(&keys);
	buffer_free(&statement);
	buffer_free(&ini);
	return status;
}

static int init_org(int count, char **arguments)
{
	struct org_options options = {.role = "manufacturer", .address = "127.0.0.1:7101"};
	const struct option_spec specs[] = {
		{"folder", "FOLDER", "where its keys, statement and node.ini go", &options.folder},
		{"id", "NAME", "its name on the ledger, such as org:manufacturer", &options.id},
		{"name", "TEXT", "its name for people", &options.name},
		{"role", "ROLE", "manufacturer, supplier, repair or regulator", &options.role},
		{"address", "HOST:PORT", "where its node is reached by others", &options.address},
		{"root", "KIND", "slh-dsa: also make a root of another family of signatures, which certifies its keys", &options.root},
		{"http", "HOST:PORT", "where its node serves the interface and the dashboard (default 127.0.0.1, port + 1000)", &options.http},
		{NULL, NULL, NULL, NULL},
	};
	char **words, host[ADDRESS_HOST_MAX], http[ADDRESS_TEXT_MAX];
	int word_count, code;
	unsigned port;
	struct fault fault = {0};
	if (!options_parse(count, arguments, "Make an organisation: its keys, its self-signed statement org.cose, and its node's node.ini.", "", specs,
		&words, &word_count, &code))
		return code;
	if (!options.folder || !options.id)
		return wrong("--folder and --id are needed, such as --folder manufacturer --id org:manufacturer");
	if (!name_is_good(options.id, "org:", 1))
		return wrong("--id must be org: and a word of letters, digits, dots and dashes, such as org:manufacturer");
	const char *roles[] = {"manufacturer", "supplier", "repair", "regulator"};
	bool known = false;
	for (int i = 0; i < 4; i++)
		known = known || strcmp(roles[i], options.role) == 0;
	if (!known)
		return wrong("--role must be manufacturer, supplier, repair or regulator");
	if (options.root && strcmp(options.root, "slh-dsa") != 0)
		return wrong("--root must be slh-dsa");
	if (options.root && strlen(options.id) > 64)
		return wrong("with a root, --id has at most 64 bytes");
	if (!options.name)
		options.name = options.id + strlen("org:");
	if (strlen(options.name) > BODY_TEXT_MAX)
		return wrong("--name is too long");
	if (!address_split(options.address, host, &port) || port == 0)
		return wrong("--address must be host:port, such as 127.0.0.1:7101");
	snprintf(http, sizeof http, "127.0.0.1:%u", port + HTTP_PORT_OFFSET <= 65535 ? port + HTTP_PORT_OFFSET : port - HTTP_PORT_OFFSET);
	if (!options.http)
		options.http = http;
	if (!address_split(options.http, host, &port))
		return wrong("--http must be host:port, such as 127.0.0.1:8101");
	if (org_make(&options, &fault) != OK)
		return app_fail(&fault);
	printf("%s: give %s/org.cose to whoever makes the genesis (`tally init genesis`); keep %s/keys to yourself\n", options.id, options.folder,
		options.folder);
	printf("the keys are not encrypted; `tally keys encrypt %s` does that\n", options.folder);
	if (options.root)
		printf("move %s/keys/root.key to where no network reaches it: no daemon needs it; `tally keys check %s` checks its certificates\n",
			options.folder, options.folder);
	return 0;
}

/* ---- genesis ---- */

static enum status genesis_make(const char *name, const struct genesis_settings *settings, const char *out, char **files, size_t count, struct fault *fault)
{
	struct buffer statements[GENESIS_MEMBERS_MAX] = {0}, bytes = {0};
	struct span spans[GENESIS_MEMBERS_MAX];
	struct genesis genesis = {0};
	enum status status = OK;
	for (size_t i = 0; i < count && status == OK; i++) {
		status = disk_read(files[i], STATEMENT_SIZE_MAX, &statements[i], fault);
		spans[i] = buffer_span(&statements[i]);
	}
	if (status == OK) {
		genesis_encode(span_of_text(name), clock_now_ns() / NS_PER_MS, settings, spans, count, &bytes);
		status = genesis_decode(buffer_span(&bytes), &genesis, fault);
	}
	if (status == OK && access(out, F_OK) == 0)
		status = fault_set(fault, E_DUPLICATE, "%s exists already; a new genesis is a new consortium: choose another --out", out);
	if (status == OK)
		status = disk_write(out, buffer_span(&bytes), 0644, fault);
	if (status == OK) {
		char hex[DIGEST_HEX_SIZE];
		span_hex(digest_span(&genesis.digest), hex);
		printf("genesis %s, %zu members\n", hex, genesis.member_count);
		if (genesis.settings.crash)
			printf("crash-tolerant, not Byzantine fault tolerant: one of the three may be away, none may lie\n");
		for (size_t i = 0; i < genesis.member_count; i++) {
			const struct genesis_member *member = &genesis.members[i];
			printf("  %zu %.*s, %.*s, %.*s\n", i, (int)member->header.iss.size, (const char *)member->header.iss.data,
				(int)member->org.role.size, (const char *)member->org.role.data, (int)member->org.address.size,
				(const char *)member->org.address.data);
		}
	}
	genesis_free(&genesis);
	for (size_t i = 0; i < count; i++)
		buffer_free(&statements[i]);
	buffer_free(&bytes);
	return status;
}

static int init_genesis(int count, char **arguments)
{
	const char *name = NULL, *out = "genesis.cbor", *epoch_bytes = "1 GiB", *faults = NULL;
	const struct option_spec specs[] = {
		{"name", "TEXT", "the consortium's name", &name},
		{"out", "FILE", "the file to write; every node and every verifier gets a copy", &out},
		{"faults", "WHAT", "what the members bear: byzantine (four or more), strict (up to three), crash (three)", &faults},
		{"epoch-bytes", "SIZE", "blocks after which an epoch ends, for good; 64 KiB to 1048576 GiB", &epoch_bytes},
		{NULL, NULL, NULL, NULL},
	};
	char **words;
	int word_count, code;
	struct fault fault = {0};
	if (!options_parse(count, arguments, "Make the founding document of a consortium from its members' statements, in the order of the members.",
		"ORG.cose...", specs, &words, &word_count, &code))
		return code;
	if (!name || word_count == 0)
		return wrong("--name and at least one org.cose are needed");
	if (word_count > GENESIS_MEMBERS_MAX)
		return wrong("a consortium has at most 64 members");
	struct genesis_settings settings = genesis_settings_usual();
	int64_t bytes;
	if (!config_size(epoch_bytes, &bytes) || (uint64_t)bytes < GENESIS_EPOCH_BYTES_MIN || (uint64_t)bytes > GENESIS_EPOCH_BYTES_MAX)
		return wrong("--epoch-bytes must be a size from 64 KiB to 1048576 GiB, such as 256MiB");
	settings.epoch_bytes = (uint64_t)bytes;
	settings.crash = faults && strcmp(faults, faults_name(FAULTS_CRASH)) == 0;
	if (faults && strcmp(faults, faults_name(faults_of((size_t)word_count, settings.crash))) != 0)
		return wrong("--faults is byzantine with four members or more, strict with up to three, or, with just three, crash: then one may be away");
	return genesis_make(name, &settings, out, words, (size_t)word_count, &fault) == OK ? 0 : app_fail(&fault);
}

/* ---- gateway ---- */

struct gateway_options {
	const char *folder, *id, *site, *model, *firmware, *genesis, *node, *broker, *http;
};

static void gateway_document_write(const struct gateway_options *options, const struct signing_key *statement_key,
	const struct signing_key *tls_key, struct buffer *out)
{
	struct digest tls = keys_tls_digest(signing_key_public(tls_key));
	char hex[DIGEST_HEX_SIZE];
	span_hex(digest_span(&tls), hex);
	buffer_printf(out, "{\n\t\"id\": \"%s\",\n\t\"kind\": \"gateway\",\n\t\"model\": \"%s\",\n\t\"site\": \"%s\",\n\t\"firmware\": \"%s\",\n\t\"key\": \"",
		options->id, options->model, options->site, options->firmware);
	base64_encode(span_of(signing_key_public(statement_key)->bytes, ML_DSA_44_PUBLIC), out);
	buffer_printf(out, "\",\n\t\"tls_key\": \"%s\"\n}\n", hex);
}

static void gateway_ini_write(const struct gateway_options *options, struct buffer *out)
{
	buffer_printf(out, "; The gateway %s. `tally gateway --help` lists every key.\n\n[gateway]\nid = %s\n", options->id, options->id);
	buffer_printf(out, "; keys/, chunks/ and the local log are here\nfolder = .\nsite = %s\ngenesis = %s\n", options->site, options->genesis);
	if (options->node)
		buffer_printf(out, "node = %s\n", options->node);
	buffer_printf(out, "\n[mqtt]\nbroker = %s\n\n[http]\nlisten = %s\n", options->broker, options->http);
}

static enum status secret_make(const char *folder, struct fault *fault)
{
	uint8_t secret[SECRET_SIZE];
	if (entropy_fill(secret, sizeof secret) != OK)
		return fault_set(fault, E_ENTROPY, "the operating system gives no randomness");
	enum status status = file_new(folder, "keys/provisioning.secret", span_of(secret, sizeof secret), 0600, fault);
	wipe(secret, sizeof secret);
	return status;
}

static enum status gateway_make(const struct gateway_options *options, struct fault *fault)
{
	struct signing_key *statement_key = NULL, *tls_key = NULL;
	struct buffer document = {0}, ini = {0};
	enum status status = folder_new(options->folder, "gateway.json", fault);
	if (status == OK)
		status = key_in(options->folder, "keys/statement.key", &statement_key, fault);
	if (status == OK)
		status = key_in(options->folder, "keys/tls.key", &tls_key, fault);
	if (status == OK)
		status = secret_make(options->folder, fault);
	if (status == OK) {
		gateway_document_write(options, statement_key, tls_key, &document);
		gateway_ini_write(options, &ini);
		status = file_new(options->folder, "gateway.ini", buffer_span(&ini), 0644, fault);
	}
	if (status == OK)
		status = file_new(options->folder, "gateway.json", buffer_span(&document), 0644, fault);
	signing_key_free(statement_key);
	signing_key_free(tls_key);
	buffer_free(&document);
	buffer_free(&ini);
	return status;
}

static int init_gateway(int count, char **arguments)
{
	struct gateway_options options = {.model = "tally-gateway", .firmware = "tally 0.1.0", .genesis = "genesis.cbor", .broker = "127.0.0.1:1883",
		.http = "127.0.0.1:8180"};
	const struct option_spec specs[] = {
		{"folder", "FOLDER", "where its keys, gateway.json and gateway.ini go", &options.folder},
		{"id", "NAME", "its name on the ledger, such as gw:manufacturer/hall-1", &options.id},
		{"site", "PATH", "what it stands beside, as enterprise/site/area/line", &options.site},
		{"model", "TEXT", "maker's type designation", &options.model},
		{"firmware", "TEXT", "what its firmware digest is made from", &options.firmware},
		{"genesis", "FILE", "the consortium's genesis, as written into gateway.ini", &options.genesis},
		{"node", "HOST:PORT", "wire address of its node (default: as in the genesis)", &options.node},
		{"broker", "HOST:PORT", "MQTT broker", &options.broker},
		{"http", "HOST:PORT", "where it serves its interface", &options.http},
		{NULL, NULL, NULL, NULL},
	};
	char **words, host[ADDRESS_HOST_MAX];
	int word_count, code;
	unsigned port;
	struct fault fault = {0};
	if (!options_parse(count, arguments,
		"Make a gateway: its keys, the provisioning secret of its devices, the document that its owner registers, and gateway.ini.", "", specs, &words,
		&word_count, &code))
		return code;
	if (!options.folder || !options.id || !options.site)
		return wrong("--folder, --id and --site are needed, such as --folder hall-1 --id gw:manufacturer/hall-1 --site airframe/plant-1/hall-1");
	if (!name_is_good(options.id, "gw:", 2))
		return wrong("--id must be gw:ORGANISATION/NAME, such as gw:manufacturer/hall-1");
	if (!text_is_plain(options.site, "\"\\;") || !text_is_plain(options.model, "\"\\") || !text_is_plain(options.firmware, "\"\\"))
		return wrong("--site, --model and --firmware must be plain text of at most 100 characters, without quotes and backslashes");
	if (!address_split(options.broker, host, &port) || !address_split(options.http, host, &port)
		|| (options.node && !address_split(options.node, host, &port)))
		return wrong("--node, --broker and --http must be host:port, such as 127.0.0.1:1883");
	if (gateway_make(&options, &fault) != OK)
		return app_fail(&fault);
	printf("%s: its owner registers it with `tally register ... %s/gateway.json`\n", options.id, options.folder);
	return 0;
}

/* ---- person ---- */

static enum status person_make(const char *folder, const char *id, const char *role, struct fault *fault)
{
	struct signing_key *key = NULL;
	struct buffer document = {0};
	enum status status = folder_new(folder, "person.json", fault);
	if (status == OK)
		status = key_in(folder, "keys/statement.key", &key, fault);
	if (status == OK) {
		buffer_printf(&document, "{\n\t\"id\": \"%s\",\n\t\"kind\": \"person\",\n\t\"role\": \"%s\",\n\t\"key\": \"", id, role);
		base64_encode(span_of(signing_key_public(key)->bytes, ML_DSA_44_PUBLIC), &document);
		buffer_append_text(&document, "\"\n}\n");
		status = file_new(folder, "person.json", buffer_span(&document), 0644, fault);
	}
	signing_key_free(key);
	buffer_free(&document);
	return status;
}

static int init_person(int count, char **arguments)
{
	const char *folder = NULL, *id = NULL, *role = "engineer";
	const struct option_spec specs[] = {
		{"folder", "FOLDER", "where the key and person.json go", &folder},
		{"id", "NAME", "the person's name on the ledger, such as person:manufacturer/engineer-1", &id},
		{"role", "ROLE", "engineer, inspector, ...", &role},
		{NULL, NULL, NULL, NULL},
	};
	char **words;
	int word_count, code;
	struct fault fault = {0};
	if (!options_parse(count, arguments, "Make a person: a key, and the document that the organisation registers.", "", specs, &words, &word_count, &code))
		return code;
	if (!folder || !id)
		return wrong("--folder and --id are needed, such as --folder engineer-1 --id person:manufacturer/engineer-1");
	if (!name_is_good(id, "person:", 2) || !text_is_plain(role, "\"\\"))
		return wrong("--id must be person:ORGANISATION/NAME, and --role a word");
	if (person_make(folder, id, role, &fault) != OK)
		return app_fail(&fault);
	printf("the key is not encrypted; `tally keys encrypt %s` does that\n", folder);
	printf("%s: the organisation registers it with `tally register ... %s/person.json`\n", id, folder);
	return 0;
}

/* ---- which ---- */

struct part {
	const char *name, *title;
	app_command *run;
};

int command_init(int count, char **arguments)
{
	static const struct part parts[] = {
		{"org", "init org", init_org},
		{"genesis", "init genesis", init_genesis},
		{"gateway", "init gateway", init_gateway},
		{"person", "init person", init_person},
	};
	const char *name = count > 1 ? arguments[1] : "";
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (strcmp(parts[i].name, name) != 0)
			continue;
		char title[32];
		snprintf(title, sizeof title, "%s", parts[i].title);
		arguments[1] = title;
		return parts[i].run(count - 1, arguments + 1);
	}
	bool help = strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0;
	fprintf(help ? stdout : stderr,
		"usage: tally init org|genesis|gateway|person [options]\n\n"
		"  org      keys, statement and node.ini of an organisation\n"
		"  genesis  the founding document of a consortium, from its members' statements\n"
		"  gateway  keys, registration document and gateway.ini of a gateway\n"
		"  person   key and registration document of a person\n\n"
		"`tally init org --help` and so on tell more.\n");
	return help ? 0 : 2;
}
