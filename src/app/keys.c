/* tally keys: the key files of a folder, encrypted, decrypted, shown. */
#include "command/command.h"
#include "app/keys_next.h"

#include "crypto/hash.h"
#include "host/disk.h"
#include "host/key_file.h"
#include "host/keys.h"
#include "host/root.h"
#include "record/body.h"
#include "record/statement.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { FILES_MAX = 64, FORM_MAX = 120 };

enum kind { KIND_PAIR, KIND_ROOT, KIND_SECRET, KIND_OTHER };

struct file {
	char path[PATH_MAX];
	const char *name;             /* in path */
	enum kind kind;
	bool encrypted;
	unsigned mode;
	char form[FORM_MAX];
};

struct files {
	struct file items[FILES_MAX];
	size_t count;
};

struct request {
	const char *folder, *passphrase_file, *key_command, *address;
	struct passphrase *passphrase;
};

/* ---- what is there ---- */

static bool ends_with(const char *name, const char *end)
{
	size_t size = strlen(name), tail = strlen(end);
	return size > tail && strcmp(name + size - tail, end) == 0;
}

static void form_find(struct file *file, struct span text)
{
	struct span plain = span_of_text("tally-key-v1 ");
	enum kind pair = strcmp(file->name, "root.key") == 0 ? KIND_ROOT : KIND_PAIR;
	file->encrypted = key_file_is(text, KEY_FILE_PRIVATE) || key_file_is(text, KEY_FILE_SECRET);
	if (file->encrypted && key_file_describe(text, file->form, sizeof file->form) == OK)
		file->kind = key_file_is(text, KEY_FILE_PRIVATE) ? pair : KIND_SECRET;
	else if (pair == KIND_ROOT && key_file_is(text, KEY_FILE_PLAIN))
		file->kind = KIND_ROOT;
	else if (text.size >= plain.size && memcmp(text.data, plain.data, plain.size) == 0)
		file->kind = KIND_PAIR;
	else if (ends_with(file->name, ".secret") && text.size == KEYS_SECRET_SIZE)
		file->kind = KIND_SECRET;
	else
		file->kind = KIND_OTHER;
	if (!file->encrypted)
		snprintf(file->form, sizeof file->form, "%s", file->kind == KIND_OTHER ? "no key file of this program" : "not encrypted");
}

static enum status file_look(struct files *files, const char *folder, const char *name, struct fault *fault)
{
	struct file *file = &files->items[files->count];
	struct stat facts;
	struct buffer text = {0};
	int size = snprintf(file->path, sizeof file->path, "%s/keys/%s", folder, name);
	if (size < 0 || (size_t)size >= sizeof file->path)
		return fault_set(fault, E_CONFIG, "the folder name is too long");
	if (stat(file->path, &facts) != 0 || !S_ISREG(facts.st_mode))
		return OK;
	file->name = file->path + size - strlen(name);
	file->mode = (unsigned)facts.st_mode & 0777;
	TRY(key_file_read(file->path, &text, fault));
	form_find(file, buffer_span(&text));
	key_file_wipe(&text);
	files->count++;
	return OK;
}

static int by_name(const void *a, const void *b)
{
	const struct file *x = a, *y = b;
	return strcmp(strrchr(x->path, '/'), strrchr(y->path, '/'));
}

/* Every *.key and *.secret of FOLDER/keys, by name. Modes are as strict as the daemons want them. */
static enum status files_find(const char *folder, struct files *out, struct fault *fault)
{
	char path[PATH_MAX];
	struct dirent *entry;
	enum status status = OK;
	*out = (struct files){.count = 0};
	snprintf(path, sizeof path, "%s/keys", folder);
	DIR *directory = strlen(folder) < PATH_MAX - 300 ? opendir(path) : NULL;
	if (!directory)
		return fault_set(fault, E_NOT_FOUND, "%.300s/keys cannot be opened: %s; give the folder that `tally init` made", folder, strerror(errno));
	while (status == OK && out->count < FILES_MAX && (entry = readdir(directory)))
		if (ends_with(entry->d_name, ".key") || ends_with(entry->d_name, ".secret"))
			status = file_look(out, folder, entry->d_name, fault);
	closedir(directory);
	if (status == OK && out->count == 0)
		status = fault_set(fault, E_NOT_FOUND, "there are no key files in %s", path);
	if (status == OK)
		status = key_file_folder(out->items[0].path, fault);
	qsort(out->items, out->count, sizeof *out->items, by_name);
	for (size_t i = 0; i < out->count; i++)
		out->items[i].name = strrchr(out->items[i].path, '/') + 1;
	return status;
}

/* ---- encrypt, decrypt ---- */

/* Written anew with `to`, and read back. */
static enum status pair_rewrite(const struct file *file, struct passphrase *from, struct passphrase *to, struct fault *fault)
{
	struct signing_key *key, *again;
	TRY(keys_open(file->path, from, &key, fault));
	enum status status = keys_save(file->path, key, to, fault);
	if (status == OK)
		status = keys_open(file->path, to ? to : from, &again, fault);
	if (status == OK)
		signing_key_free(again);
	signing_key_free(key);
	return status;
}

static enum status secret_rewrite(const struct file *file, struct passphrase *from, struct passphrase *to, struct fault *fault)
{
	uint8_t secret[KEYS_SECRET_SIZE];
	enum status status = keys_secret_open(file->path, from, secret, fault);
	if (status == OK)
		status = keys_secret_save(file->path, secret, to, fault);
	wipe(secret, sizeof secret);
	return status;
}

static enum status files_rewrite(const struct request *request, bool encrypt, struct fault *fault)
{
	struct files *files = memory_new(sizeof *files);
	enum status status = files_find(request->folder, files, fault);
	for (size_t i = 0; i < files->count && status == OK; i++) {
		const struct file *file = &files->items[i];
		if (file->kind == KIND_OTHER || file->encrypted == encrypt) {
			printf("%-20s left as it is: %s\n", file->name, file->form);
			continue;
		}
		struct passphrase *to = encrypt ? request->passphrase : NULL;
		if (file->kind == KIND_ROOT)
			status = root_rewrite(file->path, request->passphrase, to, fault);
		else
			status = file->kind == KIND_PAIR ? pair_rewrite(file, request->passphrase, to, fault) : secret_rewrite(file, request->passphrase, to, fault);
		if (status == OK)
			printf("%-20s %s\n", file->name, encrypt ? "encrypted" : "decrypted");
	}
	free(files);
	return status;
}

static enum status action_encrypt(const struct request *request, struct fault *fault)
{
	TRY(files_rewrite(request, true, fault));
	printf("keep the passphrase apart from the folder and its backups: without it the keys are lost. What stood on the disk before may "
	       "still be found there; destroy old copies.\n");
	return OK;
}

static enum status action_decrypt(const struct request *request, struct fault *fault)
{
	return files_rewrite(request, false, fault);
}

/* ---- show ---- */

/* The public half, when no passphrase is needed or one is given. */
static enum status file_show(const struct file *file, struct passphrase *passphrase, struct fault *fault)
{
	char hex[DIGEST_HEX_SIZE] = "";
	struct signing_key *key;
	if (file->kind == KIND_PAIR && (!file->encrypted || passphrase)) {
		TRY(keys_open(file->path, passphrase, &key, fault));
		struct digest digest = keys_tls_digest(signing_key_public(key));
		span_hex(span_of(digest.bytes, DIGEST_SIZE), hex);
		signing_key_free(key);
	}
	static const char *const kinds[] = {[KIND_PAIR] = "ML-DSA-44", [KIND_ROOT] = "SLH-DSA", [KIND_SECRET] = "secret", [KIND_OTHER] = "other"};
	printf("%-20s %04o  %-10s %s%s%s\n", file->name, file->mode, kinds[file->kind], file->form, *hex ? "  " : "", hex);
	return OK;
}

static enum status action_show(const struct request *request, struct fault *fault)
{
	struct files *files = memory_new(sizeof *files);
	enum status status = files_find(request->folder, files, fault);
	/* Nobody is asked for a passphrase just to look. */
	struct passphrase *given = request->passphrase_file || request->key_command ? request->passphrase : NULL;
	for (size_t i = 0; i < files->count && status == OK; i++)
		status = file_show(&files->items[i], given, fault);
	free(files);
	return status;
}

/* ---- check ---- */

enum { CERTIFICATE_FILE_MAX = 32 << 10 };

static struct digest certified_key(const struct body_org *org, enum root_purpose purpose)
{
	switch (purpose) {
	case ROOT_RECORD:
		return keys_tls_digest(&org->record_key);
	case ROOT_NODE:
		return keys_tls_digest(&org->node_key);
	case ROOT_CHECKPOINT:
		return keys_tls_digest(&org->checkpoint_key);
	default:
		return org->tls_key;
	}
}

static enum status certificate_file(const char *folder, const char *name, struct buffer *out, struct fault *fault)
{
	char path[PATH_MAX];
	if ((size_t)snprintf(path, sizeof path, "%s/certificates/%s.pem", folder, name) >= sizeof path)
		return fault_set(fault, E_CONFIG, "the folder name is too long");
	buffer_clear(out);
	return disk_read(path, CERTIFICATE_FILE_MAX, out, fault);
}

static enum status certificates_check(const char *folder, const char *name, const struct body_org *org, struct buffer *root, struct buffer *leaf,
	struct fault *fault)
{
	struct fault inner;
	TRY(certificate_file(folder, "root", root, fault));
	for (int i = 0; i < ROOT_PURPOSES; i++) {
		enum root_purpose purpose = (enum root_purpose)i;
		struct digest key, wanted = certified_key(org, purpose);
		TRY(certificate_file(folder, root_purpose_name(purpose), leaf, fault));
		enum status status = root_check(buffer_span(root), buffer_span(leaf), &org->root_key, name, purpose, &key, &inner);
		if (status == OK && !digest_equal(&key, &wanted))
			status = fault_set(&inner, E_SIGNATURE, "it is for another key than org.cose states");
		if (status != OK)
			return fault_set(fault, status, "certificates/%s.pem: %.300s", root_purpose_name(purpose), inner.text);
		printf("ok: certificates/%s.pem was issued by the root for the key that org.cose states\n", root_purpose_name(purpose));
	}
	return OK;
}

/* No private key is needed: anybody who has org.cose and the certificates can do it. */
static enum status action_check(const struct request *request, struct fault *fault)
{
	char path[PATH_MAX], name[STATEMENT_NAME_MAX + 1], hex[DIGEST_HEX_SIZE];
	struct buffer bytes = {0}, root = {0}, leaf = {0};
	struct statement statement;
	struct body_org *org = memory_new(sizeof *org);
	snprintf(path, sizeof path, "%.*s/org.cose", PATH_MAX - 20, request->folder);
	enum status status = disk_read(path, STATEMENT_SIZE_MAX, &bytes, fault);
	if (status == OK)
		status = statement_decode(buffer_span(&bytes), &statement, fault);
	if (status == OK && statement.type != STATEMENT_ORG)
		status = fault_set(fault, E_CONFIG, "%s is not the statement of an organisation", path);
	if (status == OK)
		status = body_org_decode(statement.body, org, fault);
	if (status == OK && digest_is_zero(&org->root_key))
		status = fault_set(fault, E_NOT_FOUND, "%s names no root; `tally init org --root slh-dsa` makes an organisation with one", path);
	if (status == OK) {
		snprintf(name, sizeof name, "%.*s", (int)statement.iss.size, (const char *)statement.iss.data);
		status = certificates_check(request->folder, name, org, &root, &leaf, fault);
	}
	if (status == OK) {
		span_hex(span_of(org->root_key.bytes, DIGEST_SIZE), hex);
		printf("%s has the root %s\n", name, hex);
	}
	free(org);
	buffer_free(&bytes);
	buffer_free(&root);
	buffer_free(&leaf);
	return status;
}

/* ---- next ---- */

static enum status action_next(const struct request *request, struct fault *fault)
{
	struct passphrase *given = request->passphrase_file || request->key_command ? request->passphrase : NULL;
	TRY(keys_next_make(request->folder, request->address, given, fault));
	printf("%s/keys/next holds new keys%s\n1. tally member rotate-key %s/keys/next/org.cose --as %s "
	       "--node URL --reason TEXT\n2. the other members vote; then the node reads the new set, moves it to keys and uses it\n", request->folder,
		given ? ", encrypted" : "; they are not encrypted: with --passphrase-file or --key-command they are", request->folder, request->folder);
	return OK;
}

/* ---- the command ---- */

static const struct action {
	const char *name;
	enum status (*run)(const struct request *request, struct fault *fault);
} actions[] = {
	{"show", action_show},
	{"encrypt", action_encrypt},
	{"decrypt", action_decrypt},
	{"check", action_check},
	{"next", action_next},
};

int command_keys(int count, char **arguments)
{
	struct request request = {0};
	const struct option_spec specs[] = {
		{"passphrase-file", "FILE", "the passphrase is its first line (default: the terminal is asked)", &request.passphrase_file},
		{"key-command", "COMMAND", "the passphrase is the first line that this program prints; no shell", &request.key_command},
		{"address", "HOST:PORT", "with next: where its node is reached from then on (default: as before)", &request.address},
		{NULL, NULL, NULL, NULL},
	};
	char **words;
	int word_count, code;
	struct fault fault = {0};
	if (!options_parse(count, arguments,
		"Look after the key files in FOLDER/keys.\n\n  show     form, mode and, where it can be read, the digest of the public key\n"
		"  encrypt  with a passphrase: PKCS#8, scrypt, AES-256\n  decrypt  back to plain files\n"
		"  check    FOLDER/certificates against FOLDER/org.cose and the root that it names; without private keys\n"
		"  next     a new set of the organisation's keys in FOLDER/keys/next, for `tally member rotate-key`", "show|encrypt|decrypt|check|next FOLDER", specs, &words,
		&word_count, &code))
		return code;
	const struct action *action = NULL;
	for (size_t i = 0; word_count == 2 && i < sizeof actions / sizeof *actions; i++)
		if (strcmp(actions[i].name, words[0]) == 0)
			action = &actions[i];
	if (!action) {
		fault_set(&fault, E_CONFIG, "an action and a folder are needed, such as `tally keys show maker`; see `tally keys --help`");
		app_fail(&fault);
		return 2;
	}
	request.folder = words[1];
	request.passphrase = passphrase_new(request.passphrase_file, request.key_command);
	enum status status = action->run(&request, &fault);
	passphrase_free(request.passphrase);
	return status == OK ? 0 : app_fail(&fault);
}
