#include "command/members.h"

#include "base/time.h"
#include "host/disk.h"
#include "host/note.h"

#include <inttypes.h>
#include <sys/stat.h>

static enum status genesis_take(struct members *members, struct fault *fault)
{
	struct fault inner;
	enum status status = genesis_decode(buffer_span(&members->genesis_bytes), &members->genesis, &inner);
	if (status != OK)
		return fault_set(fault, status, "the genesis is not valid: %.400s", inner.text);
	epochs_begin(&members->epochs, &members->genesis);
	return OK;
}

static enum status chain_take(struct members *members, struct span chain, struct fault *fault)
{
	struct fault inner;
	enum status status = epochs_decode(chain, &members->epochs, &inner);
	return status == OK ? OK : fault_set(fault, status, "the chain of epochs is not valid: %.400s", inner.text);
}

enum status members_read(struct span genesis, struct span chain, struct members *out, struct fault *fault)
{
	*out = (struct members){0};
	buffer_append_span(&out->genesis_bytes, genesis);
	TRY(genesis_take(out, fault));
	return chain.size ? chain_take(out, chain, fault) : OK;
}

/* All zero when it is not there. */
static struct members_file file_look(const char *path)
{
	struct stat facts;
	if (stat(path, &facts) != 0)
		return (struct members_file){0};
	return (struct members_file){.changed_ns = facts.st_mtim.tv_sec * NS_PER_S + facts.st_mtim.tv_nsec, .size = (uint64_t)facts.st_size,
		.number = (uint64_t)facts.st_ino};
}

static enum status file_take(struct members *members, const char *path, struct fault *fault)
{
	struct buffer chain = {0};
	members->file = file_look(path); /* before it is read: what comes while it is shows as a change */
	enum status status = disk_read(path, MEMBERS_EPOCHS_MAX, &chain, fault);
	if (status == OK)
		status = chain_take(members, buffer_span(&chain), fault);
	buffer_free(&chain);
	return status;
}

enum status members_open(const char *genesis, const char *epochs, struct members *out, struct fault *fault)
{
	*out = (struct members){0};
	TRY(disk_read(genesis, MEMBERS_GENESIS_MAX, &out->genesis_bytes, fault));
	TRY(genesis_take(out, fault));
	return epochs ? file_take(out, epochs, fault) : OK;
}

bool members_follow(struct members *members, const char *epochs)
{
	struct members_file now = epochs ? file_look(epochs) : (struct members_file){0};
	struct fault fault;
	size_t before = members->epochs.count;
	if (!now.number || (now.changed_ns == members->file.changed_ns && now.size == members->file.size && now.number == members->file.number))
		return false;
	if (file_take(members, epochs, &fault) != OK)
		note(NOTE_WARNING, "epochs_refused", "file=%.300s reason=\"%s\"", epochs, fault.text);
	if (members->epochs.count == before)
		return false;
	const struct epoch *newest = epochs_newest(&members->epochs);
	note(NOTE_INFO, "epochs_followed", "number=%" PRIu64 " members=%zu", newest->number, newest->members->member_count);
	return true;
}

void members_close(struct members *members)
{
	epochs_free(&members->epochs);
	genesis_free(&members->genesis);
	buffer_free(&members->genesis_bytes);
	*members = (struct members){0};
}
