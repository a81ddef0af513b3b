/* Schema: one description of a body that serves both directions, so that writer and reader
 * cannot differ. A function names the fields in the order of their keys; writing, it copies
 * them out of the struct; reading, into it. Reading fails once and for all, as the CBOR
 * reader does. Only the record/body_*.c files and state_entry.c include this. */
#ifndef TALLY_RECORD_SCHEMA_H
#define TALLY_RECORD_SCHEMA_H

#include "record/body.h"
#include "record/cbor.h"

enum { SCHEMA_DEPTH_MAX = 4 };
enum schema_presence { SCHEMA_REQUIRED, SCHEMA_OPTIONAL };

struct schema {
	struct buffer *out; /* NULL: reading */
	struct cbor_reader in;
	const char *field;  /* the one being read, or where reading failed */
	struct schema_map {
		size_t head; /* where in `out` its head stands */
		uint8_t pairs;
	} maps[SCHEMA_DEPTH_MAX];
	int depth;
};

struct schema schema_writing(struct buffer *out);
struct schema schema_reading(struct span bytes);
/* The sentence for what failed, or OK. `name` is the body's. */
MUST_USE enum status schema_end(const struct schema *s, const char *name, struct fault *fault);
/* The value read so far breaks a rule of its own. */
void schema_refuse(struct schema *s, const char *field, const char *why);

void schema_map_begin(struct schema *s);
void schema_map_end(struct schema *s);
/* The key of a field that may be absent: writing, when `present`; reading, when it is next. */
bool schema_key(struct schema *s, int key, const char *field, bool present);

void schema_uint32(struct schema *s, int key, const char *field, uint32_t *value, uint32_t min, uint32_t max);
void schema_uint64(struct schema *s, int key, const char *field, uint64_t *value);
void schema_int64(struct schema *s, int key, const char *field, int64_t *value);
void schema_bool(struct schema *s, int key, const char *field, bool *value);
/* Optional: left out when empty, all zero. */
void schema_text(struct schema *s, int key, const char *field, struct span *text, enum schema_presence presence);
void schema_digest(struct schema *s, int key, const char *field, struct digest *digest, enum schema_presence presence);
void schema_decimal(struct schema *s, int key, const char *field, struct decimal *decimal);
void schema_public_key(struct schema *s, int key, const char *field, struct public_key *value);
/* Optional: left out when empty. Never empty when there. */
void schema_bytes(struct schema *s, int key, const char *field, struct span *bytes, size_t max, enum schema_presence presence);
/* A key that is there when *has. */
void schema_optional_key(struct schema *s, int key, const char *field, bool *has, struct public_key *value);

/* A list of at most `max`: true when it is there; then write or read *count items and end it. */
bool schema_list_begin(struct schema *s, int key, const char *field, size_t *count, size_t max);
void schema_list_end(struct schema *s);
/* Items without a key: of a list, or of an array of fixed size in it. */
void schema_tuple_begin(struct schema *s, size_t size);
void schema_tuple_end(struct schema *s);
void schema_item_text(struct schema *s, struct span *text);
void schema_item_uint64(struct schema *s, uint64_t *value);
void schema_item_decimal(struct schema *s, struct decimal *decimal);
/* Reading: fail unless `before` sorts before `after`. */
void schema_ascending(struct schema *s, struct span before, struct span after);

/* Both directions of `struct body_NAME` from `static void NAME_fields(schema, body)`.
 * Writing does not change the body, so its constness may be cast away there. */
#define SCHEMA_CODEC(name)                                                                                   \
	void body_##name##_encode(const struct body_##name *body, struct buffer *out)                        \
	{                                                                                                    \
		struct schema schema = schema_writing(out);                                                  \
		name##_fields(&schema, (struct body_##name *)(uintptr_t)body);                               \
	}                                                                                                    \
	enum status body_##name##_decode(struct span bytes, struct body_##name *out, struct fault *fault)    \
	{                                                                                                    \
		struct schema schema = schema_reading(bytes);                                                \
		*out = (struct body_##name){0};                                                              \
		name##_fields(&schema, out);                                                                 \
		return schema_end(&schema, #name, fault);                                                    \
	}

#endif
