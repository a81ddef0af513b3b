#include "gateway/proofs.h"

#include "host/disk.h"
#include "host/note.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

void gateway_proofs_free(struct gateway_proofs *proofs)
{
	for (size_t i = 0; i < proofs->count; i++) {
		free(proofs->items[i].name);
		buffer_free(&proofs->items[i].file);
	}
	free(proofs->items);
	*proofs = (struct gateway_proofs){0};
}

static struct gateway_proof *proof_find(struct gateway_proofs *proofs, struct span name)
{
	for (size_t i = 0; i < proofs->count; i++)
		if (span_is_text(name, proofs->items[i].name))
			return &proofs->items[i];
	return NULL;
}

/* A verified one. Takes the file's bytes. */
static void proof_keep(struct gateway_proofs *proofs, struct span name, struct buffer *file, const struct state_finding *found)
{
	struct gateway_proof *proof = proof_find(proofs, name);
	if (proof && proof->found.size >= found->size) {
		buffer_free(file);
		return;
	}
	if (!proof) {
		ARRAY_GROW(proofs->items, proofs->count, proofs->capacity);
		proof = &proofs->items[proofs->count++];
		*proof = (struct gateway_proof){.name = memory_text(name)};
	}
	buffer_free(&proof->file);
	proof->file = *file; /* the spans of *found point to the same memory */
	proof->found = *found;
	*file = (struct buffer){0};
}

static enum status file_take(const char *path, const struct gateway_proofs_rule *rule, struct gateway_proofs *out, struct fault *fault)
{
	struct buffer file = {0};
	struct state_finding found;
	struct state_proof *proof = memory_new(sizeof *proof);
	enum status status = disk_read(path, STATE_PROOF_SIZE_MAX, &file, fault);
	if (status == OK)
		status = state_proof_decode(buffer_span(&file), proof, fault);
	if (status == OK)
		status = state_proof_verify(proof, &rule->trust, &found, NULL, fault);
	if (status == OK)
		proof_keep(out, proof->name, &file, &found);
	buffer_free(&file);
	free(proof);
	return status;
}

/* The regular files, in order of their names; *count of them. NULL: there is no such folder. */
static struct dirent **list(const char *folder, int *count)
{
	struct dirent **names = NULL;
	*count = scandir(folder, &names, NULL, alphasort);
	return *count < 0 ? NULL : names;
}

static void name_take(const char *folder, const char *name, const struct gateway_proofs_rule *rule, struct gateway_proofs *out)
{
	char path[1400];
	struct stat about;
	struct fault fault = {{0}};
	snprintf(path, sizeof path, "%.1000s/%.300s", folder, name);
	if (name[0] == '.' || stat(path, &about) != 0 || !S_ISREG(about.st_mode))
		return;
	if (file_take(path, rule, out, &fault) == OK)
		return;
	out->refused++;
	note(NOTE_WARNING, "proof_refused", "file=%s reason=\"%s\"", path, fault.text);
}

/* What proves absence was needed only to outdo an older proof of presence. */
static void drop_absent(struct gateway_proofs *proofs)
{
	size_t left = 0;
	proofs->fresh_s = UINT64_MAX;
	for (size_t i = 0; i < proofs->count; i++) {
		struct gateway_proof *proof = &proofs->items[i];
		if (!proof->found.present) {
			free(proof->name);
			buffer_free(&proof->file);
			continue;
		}
		if (proof->found.fresh_s < proofs->fresh_s)
			proofs->fresh_s = proof->found.fresh_s;
		proofs->items[left++] = *proof;
	}
	proofs->count = left;
}

enum status gateway_proofs_read(const char *folder, const struct gateway_proofs_rule *rule, struct gateway_proofs *out, struct fault *fault)
{
	int count;
	*out = (struct gateway_proofs){0};
	struct dirent **names = list(folder, &count);
	if (!names)
		return fault_set(fault, E_NOT_FOUND, "the folder of state proofs %s cannot be read", folder);
	for (int i = 0; i < count; i++) {
		if (i < GATEWAY_PROOFS_MAX)
			name_take(folder, names[i]->d_name, rule, out);
		free(names[i]);
	}
	free(names);
	drop_absent(out);
	const struct gateway_proof *own = proof_find(out, span_of_text(rule->gateway));
	if (!own)
		return fault_set(fault, E_NOT_FOUND, "there is no valid state proof of %s in %s; make one with `tally export --state %s --out FILE`", rule->gateway,
			folder, rule->gateway);
	if (own->found.entry.state != DEVICE_ACTIVE)
		return fault_set(fault, E_REVOKED, "%s is %s: it must not work for anybody", rule->gateway, device_state_word(own->found.entry.state));
	return OK;
}
