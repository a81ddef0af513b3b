/* Whose node it is, and with which keys. An organisation that changes its keys puts the new set into keys/next/. When an epoch names
 * keys that the node does not hold, it begins anew with those, too; it signs with them, and the files move to keys/. */
#include "node/node.h"

#include "crypto/hash.h"
#include "host/keys.h"
#include "host/note.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GENESIS_MAX = 4 << 20, PATH_SIZE = 1300, CERTIFICATE_FILE_MAX = 32 << 10 };

static void path_in(const struct node_self *self, const char *name, char out[PATH_SIZE])
{
	snprintf(out, PATH_SIZE, "%.1000s/%s", self->settings.folder, name);
}

/* ---- from keys/next/ to keys/ ---- */

/* The node key goes first: a keys/next/ without it was being moved when the process ended. */
static const char *const moved[][2] = {
	{"keys/next/node.key", "keys/node.key"},
	{"keys/next/checkpoint.key", "keys/checkpoint.key"},
	{"keys/next/tls.key", "keys/tls.key"},
	{"keys/next/record.key", "keys/record.key"},
	{"keys/next/node.pem", "certificates/node.pem"},
	{"keys/next/checkpoint.pem", "certificates/checkpoint.pem"},
	{"keys/next/tls.pem", "certificates/tls.pem"},
	{"keys/next/record.pem", "certificates/record.pem"},
	{"keys/next/org.cose", "org.cose"},
};

enum { MOVED = sizeof moved / sizeof *moved };

/* Second names for what is going to be replaced. */
static enum status old_keep(const struct node_self *self, uint64_t epoch, struct fault *fault)
{
	char folder[PATH_SIZE], from[PATH_SIZE], next[PATH_SIZE], old[PATH_SIZE + 60];
	snprintf(folder, sizeof folder, "%.1000s/keys/old-%" PRIu64, self->settings.folder, epoch);
	TRY(disk_folder(folder, fault));
	for (size_t i = 0; i < MOVED; i++) {
		path_in(self, moved[i][0], next);
		path_in(self, moved[i][1], from);
		const char *name = strrchr(from, '/');
		snprintf(old, sizeof old, "%s%.50s", folder, name);
		if (access(next, F_OK) == 0 && access(from, F_OK) == 0 && link(from, old) != 0 && errno != EEXIST)
			return fault_set(fault, E_IO, "%.300s cannot be kept as %.300s: %s", from, old, strerror(errno));
	}
	return OK;
}

static enum status next_move(const struct node_self *self, struct fault *fault)
{
	char from[PATH_SIZE], to[PATH_SIZE], folder[PATH_SIZE];
	for (size_t i = 0; i < MOVED; i++) {
		path_in(self, moved[i][0], from);
		path_in(self, moved[i][1], to);
		if (rename(from, to) != 0 && errno != ENOENT)
			return fault_set(fault, E_IO, "%.300s cannot become %.300s: %s", from, to, strerror(errno));
	}
	path_in(self, "keys/next", folder);
	if (rmdir(folder) != 0 && errno != ENOENT && errno != ENOTEMPTY && errno != EEXIST)
		return fault_set(fault, E_IO, "%.300s cannot be deleted: %s", folder, strerror(errno));
	return OK;
}

/* ---- at the start ---- */

static bool file_is_there(const struct node_self *self, const char *name)
{
	char path[PATH_SIZE];
	path_in(self, name, path);
	return access(path, F_OK) == 0;
}

static enum status set_take(struct node_self *self, const char *folder, struct passphrase *passphrase, struct fault *fault)
{
	char path[PATH_SIZE];
	struct node_keys *set = &self->keys[self->key_count++];
	snprintf(path, sizeof path, "%.1000s/%s/node.key", self->settings.folder, folder);
	TRY(keys_open(path, passphrase, &set->node, fault));
	snprintf(path, sizeof path, "%.1000s/%s/checkpoint.key", self->settings.folder, folder);
	TRY(keys_open(path, passphrase, &set->checkpoint, fault));
	snprintf(path, sizeof path, "%.1000s/%s/tls.key", self->settings.folder, folder);
	return keys_open(path, passphrase, &set->tls, fault);
}

/* keys/ unless it is held already, and keys/next/ if it is there. */
static enum status sets_take(struct node_self *self, struct fault *fault)
{
	enum status status = OK;
	if (file_is_there(self, "keys/next") && !file_is_there(self, "keys/next/node.key"))
		TRY(next_move(self, fault));
	struct passphrase *passphrase = passphrase_new(self->settings.passphrase_file, self->settings.key_command);
	if (self->key_count == 0)
		status = set_take(self, "keys", passphrase, fault);
	self->next_waits = status == OK && file_is_there(self, "keys/next/node.key");
	if (self->next_waits)
		status = set_take(self, "keys/next", passphrase, fault);
	passphrase_free(passphrase);
	return status;
}

static void set_free(struct node_keys *set)
{
	signing_key_free(set->node);
	signing_key_free(set->checkpoint);
	signing_key_free(set->tls);
	*set = (struct node_keys){0};
}

/* All but the current one. */
static void others_free(struct node_self *self)
{
	struct node_keys current = self->keys[self->current];
	self->keys[self->current] = (struct node_keys){0};
	while (self->key_count)
		set_free(&self->keys[--self->key_count]);
	self->keys[self->key_count++] = current;
	self->current = 0;
	self->next_waits = false;
}

void node_keys_again(struct node_self *self)
{
	struct fault fault;
	others_free(self);
	if (sets_take(self, &fault) == OK)
		return;
	others_free(self);
	note(NOTE_WARNING, "next_keys_unreadable", "reason=\"%s\" advice=\"restart this node when that is mended\"", fault.text);
}

/* The statement that `tally init org` put beside the keys; *bytes hold it. */
static enum status statement_read(const struct node_self *self, struct buffer *bytes, struct genesis_member *out, struct fault *fault)
{
	char path[PATH_SIZE];
	path_in(self, "org.cose", path);
	TRY(disk_read(path, STATEMENT_SIZE_MAX, bytes, fault));
	return genesis_member_decode(buffer_span(bytes), out, fault);
}

static enum status name_find(struct node_self *self, struct fault *fault)
{
	const struct public_key *key = signing_key_public(self->keys[0].node);
	struct genesis_member stated;
	struct buffer bytes = {0};
	if (self->settings.organisation)
		self->name = memory_text(span_of_text(self->settings.organisation));
	for (size_t i = 0; i < self->genesis.member_count && !self->name; i++)
		if (memcmp(self->genesis.members[i].org.node_key.bytes, key->bytes, sizeof key->bytes) == 0)
			self->name = memory_text(self->genesis.members[i].header.iss);
	if (!self->name && statement_read(self, &bytes, &stated, NULL) == OK
		&& memcmp(stated.org.node_key.bytes, key->bytes, sizeof key->bytes) == 0)
		self->name = memory_text(stated.header.iss);
	buffer_free(&bytes);
	if (!self->name)
		return fault_set(fault, E_CONFIG, "no member of %.200s has the node key of %.200s/keys; is it another consortium's genesis? An organisation "
			"that is to become a member has its org.cose in that folder, or [node] organisation names it",
			self->settings.genesis, self->settings.folder);
	if (strncmp(self->name, "org:", 4) != 0)
		return fault_set(fault, E_CONFIG, "[node] organisation = %.100s: expected a name such as org:manufacturer", self->name);
	return OK;
}

enum status node_keys_open(struct node_self *self, struct fault *fault)
{
	TRY(disk_read(self->settings.genesis, GENESIS_MAX, &self->genesis_bytes, fault));
	TRY(genesis_decode(buffer_span(&self->genesis_bytes), &self->genesis, fault));
	TRY(sets_take(self, fault));
	return name_find(self, fault);
}

void node_keys_close(struct node_self *self)
{
	for (size_t i = 0; i < self->key_count; i++)
		set_free(&self->keys[i]);
	genesis_free(&self->genesis);
	buffer_free(&self->genesis_bytes);
	free(self->name);
}

/* ---- in an epoch ---- */

/* As the newest epoch states it; NULL: no member. */
static const struct genesis_member *own_member(const struct node *node)
{
	const struct genesis *members = node_members(node);
	for (size_t i = 0; i < members->member_count; i++)
		if (span_is_text(members->members[i].header.iss, node->self.name))
			return &members->members[i];
	return NULL;
}

static bool is_named(const struct node_keys *set, const struct body_org *org)
{
	struct digest tls = keys_tls_digest(signing_key_public(set->tls));
	return memcmp(signing_key_public(set->node)->bytes, org->node_key.bytes, sizeof org->node_key.bytes) == 0
		&& memcmp(signing_key_public(set->checkpoint)->bytes, org->checkpoint_key.bytes, sizeof org->checkpoint_key.bytes) == 0
		&& digest_equal(&tls, &org->tls_key);
}

bool node_keys_changed(const struct node *node)
{
	const struct genesis_member *own = own_member(node);
	if (!own || is_named(&node->self.keys[node->self.current], &own->org))
		return false;
	for (size_t i = 0; i < node->self.key_count; i++)
		if (is_named(&node->self.keys[i], &own->org))
			return true;
	return file_is_there(&node->self, "keys/next/node.key");
}

static void standing_note(const struct node *node, const struct genesis_member *own)
{
	uint64_t epoch = epochs_newest(ledger_epochs(replica_ledger(node->replica)))->number;
	if (!own)
		note(NOTE_WARNING, "no_member", "name=%.100s epoch=%" PRIu64 " reason=\"it follows, as far as the members let it, until they have made it a member\"",
			node->self.name, epoch);
	else if (!replica_is_member(node->replica))
		note(NOTE_WARNING, "other_keys", "name=%.100s epoch=%" PRIu64 " reason=\"the members know other keys of this organisation in that epoch; it follows "
			"until an epoch names those of %.300s/keys\"", node->self.name, epoch, node->self.settings.folder);
}

enum status node_keys_settle(struct node *node, struct fault *fault)
{
	struct node_self *self = &node->self;
	const struct genesis_member *own = own_member(node);
	uint64_t epoch = epochs_newest(ledger_epochs(replica_ledger(node->replica)))->number;
	for (size_t i = 0; own && i < self->key_count; i++)
		if (is_named(&self->keys[i], &own->org))
			self->current = i;
	if (self->next_waits && self->current == self->key_count - 1) {
		TRY(old_keep(self, epoch, fault));
		TRY(next_move(self, fault));
		self->next_waits = false;
		note(NOTE_INFO, "keys_changed", "epoch=%" PRIu64 " old=%.300s/keys/old-%" PRIu64 " reason=\"the members know the keys of keys/next from now on, which are in keys now\"",
			epoch, self->settings.folder, epoch);
	}
	struct digest tls = keys_tls_digest(signing_key_public(self->keys[self->current].tls));
	if (own && replica_is_member(node->replica) && !digest_equal(&tls, &own->org.tls_key))
		return fault_set(fault, E_CONFIG, "%.300s/keys/tls.key is not the key that the members know of %.100s; put the right one there",
			self->settings.folder, self->name);
	standing_note(node, own);
	return OK;
}

/* ---- the root ---- */

static enum status root_find(const struct node *node, struct digest *root_key)
{
	const struct genesis_member *own = own_member(node);
	struct genesis_member stated = {0};
	struct buffer bytes = {0};
	enum status status = own ? OK : statement_read(&node->self, &bytes, &stated, NULL);
	if (status == OK)
		*root_key = own ? own->org.root_key : stated.org.root_key;
	buffer_free(&bytes);
	return status == OK && !digest_is_zero(root_key) ? OK : E_NOT_FOUND;
}

enum status node_keys_certify(struct node *node, struct fault *fault)
{
	char path[PATH_SIZE];
	struct buffer leaf = {0}, root = {0};
	struct digest root_key;
	struct fault inner = {{0}};
	if (root_find(node, &root_key) != OK)
		return OK;
	path_in(&node->self, "certificates/root.pem", path);
	enum status status = disk_read(path, CERTIFICATE_FILE_MAX, &root, &inner);
	path_in(&node->self, "certificates/tls.pem", path);
	if (status == OK)
		status = disk_read(path, CERTIFICATE_FILE_MAX, &leaf, &inner);
	if (status == OK)
		status = wire_certify(node->wire, buffer_span(&leaf), buffer_span(&root), &root_key, &inner);
	if (status != OK)
		fault_set(fault, E_CONFIG, "the genesis names a root, and %.180s cannot be used: %.200s. `tally keys check` tells more", path, inner.text);
	buffer_free(&leaf);
	buffer_free(&root);
	return status == OK ? OK : E_CONFIG;
}
