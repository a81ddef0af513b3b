#include "gateway/call.h"

#include <stdio.h>
#include <string.h>

/* "gw:manufacturer/hall-1" belongs to "org:manufacturer", whose node it follows. */
static const struct genesis_member *own_organisation(const char *id, const struct genesis *members)
{
	const char *slash = strchr(id, '/');
	for (size_t i = 0; i < members->member_count && slash; i++) {
		struct span name = members->members[i].header.iss;
		if (name.size == (size_t)(slash - id) + 1 && memcmp(name.data + 4, id + 3, name.size - 4) == 0)
			return &members->members[i];
	}
	return NULL;
}

enum status gateway_call_follow(struct gateway_call *call, struct wire *wire, const struct gateway_settings *settings, const struct epochs *epochs,
	struct fault *fault)
{
	const struct epoch *newest = epochs_newest(epochs);
	const struct genesis_member *member = own_organisation(settings->id, newest->members);
	if (!member)
		return fault_set(fault, E_CONFIG, "id = %s names no organisation of %s; it must be gw:ORGANISATION/NAME%s", settings->id, epoch_name(newest).text,
			epochs_advice(epochs, newest));
	struct gateway_call next = {.key = member->org.tls_key}, before = *call;
	if (settings->node)
		snprintf(next.address, sizeof next.address, "%s", settings->node);
	else
		snprintf(next.address, sizeof next.address, "%.*s", (int)member->org.address.size, (const char *)member->org.address.data);
	if (strcmp(before.address, next.address) == 0 && digest_equal(&before.key, &next.key))
		return OK;
	if (before.address[0])
		wire_undial(wire, before.address, &before.key);
	*call = next;
	return wire_dial(wire, call->address, &call->key, fault);
}
