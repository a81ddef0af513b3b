#include "record/state_entry.h"

#include "crypto/hash.h"
#include "record/schema.h"

const char *entity_kind_name(unsigned kind)
{
	static const char *const names[] = {"unknown", "organisation", "person", "gateway", "device"};
	return kind <= ENTITY_DEVICE ? names[kind] : names[0];
}

const char *device_state_word(unsigned state)
{
	static const char *const words[] = {"unknown", "active", "suspended", "revoked"};
	return state <= DEVICE_REVOKED ? words[state] : words[0];
}

struct digest state_entry_key(struct span name)
{
	return sha256(name);
}

/* Numbers and the statements that they number come and go together. */
static void entry_consistent(struct schema *s, const struct state_entry *entry)
{
	if ((entry->bounds_version == 0) != digest_is_zero(&entry->bounds))
		schema_refuse(s, "bounds_version", "a version without a statement, or the reverse");
	if ((entry->model_version == 0) != digest_is_zero(&entry->model))
		schema_refuse(s, "model_version", "a version without a statement, or the reverse");
	if ((entry->last_seq == 0) != digest_is_zero(&entry->last_id))
		schema_refuse(s, "last_seq", "a number without a statement, or the reverse");
}

static void entry_fields(struct schema *s, struct state_entry *entry)
{
	schema_map_begin(s);
	schema_uint32(s, 1, "kind", &entry->kind, ENTITY_ORG, ENTITY_DEVICE);
	schema_uint32(s, 2, "state", &entry->state, DEVICE_ACTIVE, DEVICE_REVOKED);
	schema_digest(s, 3, "registration", &entry->registration, SCHEMA_REQUIRED);
	schema_text(s, 4, "owner", &entry->owner, SCHEMA_OPTIONAL);
	schema_text(s, 5, "gateway", &entry->gateway, SCHEMA_OPTIONAL);
	schema_text(s, 6, "role", &entry->role, SCHEMA_OPTIONAL);
	schema_digest(s, 7, "kid", &entry->kid, SCHEMA_OPTIONAL);
	schema_digest(s, 8, "tls_key", &entry->tls_key, SCHEMA_OPTIONAL);
	schema_digest(s, 9, "bounds", &entry->bounds, SCHEMA_OPTIONAL);
	schema_uint64(s, 10, "bounds_version", &entry->bounds_version);
	schema_digest(s, 11, "model", &entry->model, SCHEMA_OPTIONAL);
	schema_uint64(s, 12, "model_version", &entry->model_version);
	schema_uint64(s, 13, "last_seq", &entry->last_seq);
	schema_digest(s, 14, "last_id", &entry->last_id, SCHEMA_OPTIONAL);
	entry_consistent(s, entry);
	schema_map_end(s);
}

void state_entry_encode(const struct state_entry *entry, struct buffer *out)
{
	struct schema schema = schema_writing(out);
	/* Writing does not change it. */
	entry_fields(&schema, (struct state_entry *)(uintptr_t)entry);
}

enum status state_entry_decode(struct span bytes, struct state_entry *out, struct fault *fault)
{
	struct schema schema = schema_reading(bytes);
	*out = (struct state_entry){0};
	entry_fields(&schema, out);
	return schema_end(&schema, "state entry", fault);
}
