#include "app/members.h"

#include "host/disk.h"

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

enum status members_open(const char *genesis, const char *epochs, struct members *out, struct fault *fault)
{
	struct buffer chain = {0};
	*out = (struct members){0};
	TRY(disk_read(genesis, MEMBERS_GENESIS_MAX, &out->genesis_bytes, fault));
	TRY(genesis_take(out, fault));
	if (!epochs)
		return OK;
	enum status status = disk_read(epochs, MEMBERS_EPOCHS_MAX, &chain, fault);
	if (status == OK)
		status = chain_take(out, buffer_span(&chain), fault);
	buffer_free(&chain);
	return status;
}

void members_close(struct members *members)
{
	epochs_free(&members->epochs);
	genesis_free(&members->genesis);
	buffer_free(&members->genesis_bytes);
	*members = (struct members){0};
}
