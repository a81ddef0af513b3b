/* Deterministic CBOR (RFC 8949, 4.2.1), over tinycbor: the one encoding of everything signed.
 * The writer appends to a buffer. The reader accepts only the canonical form: shortest
 * integers, definite lengths, sorted and unique map keys, no floats, valid UTF-8,
 * at most CBOR_DEPTH_MAX levels. Like `struct reader` it fails once and for all. */
#ifndef TALLY_RECORD_CBOR_H
#define TALLY_RECORD_CBOR_H

#include "base/buffer.h"

enum { CBOR_DEPTH_MAX = 16 };

void cbor_write_uint(struct buffer *out, uint64_t value);
void cbor_write_int(struct buffer *out, int64_t value);
void cbor_write_bytes(struct buffer *out, struct span bytes);
void cbor_write_text(struct buffer *out, struct span text);
void cbor_write_cstring(struct buffer *out, const char *text);
void cbor_write_digest(struct buffer *out, const struct digest *digest);
void cbor_write_array(struct buffer *out, uint64_t count);
/* The caller writes `pairs` keys and values, keys in bytewise order of their encoding. */
void cbor_write_map(struct buffer *out, uint64_t pairs);
void cbor_write_tag(struct buffer *out, uint64_t tag);
void cbor_write_bool(struct buffer *out, bool value);
void cbor_write_null(struct buffer *out);

struct cbor_reader {
	struct span rest;
	int depth; /* open arrays and maps */
	uint64_t left[CBOR_DEPTH_MAX]; /* items still to be read in each */
	struct span last_key[CBOR_DEPTH_MAX];
	bool in_map[CBOR_DEPTH_MAX];
	bool failed;
	enum status status; /* of the first failure: E_MALFORMED, E_NOT_CANONICAL or E_LIMIT */
	const char *why; /* its short reason, a literal */
};

enum cbor_kind { CBOR_UINT, CBOR_NEGATIVE, CBOR_BYTES, CBOR_TEXT, CBOR_ARRAY, CBOR_MAP, CBOR_TAG, CBOR_BOOL, CBOR_NULL, CBOR_END };

struct cbor_reader cbor_reader_of(struct span bytes);
/* What comes next; CBOR_END at the end of the open container, of the input, or after a failure. */
enum cbor_kind cbor_peek(const struct cbor_reader *in);
uint64_t cbor_read_uint(struct cbor_reader *in);
int64_t cbor_read_int(struct cbor_reader *in);
struct span cbor_read_bytes(struct cbor_reader *in);   /* borrowed from the input */
struct span cbor_read_text(struct cbor_reader *in);    /* borrowed from the input */
struct digest cbor_read_digest(struct cbor_reader *in); /* a byte string of 32 */
/* Enter a container; its count is at most `max`, else failed. Leave it with cbor_leave,
 * which fails unless everything in it was read. */
uint64_t cbor_enter_array(struct cbor_reader *in, uint64_t max);
uint64_t cbor_enter_map(struct cbor_reader *in, uint64_t max); /* number of pairs */
void cbor_leave(struct cbor_reader *in);
/* The next map key, an integer. Keys must ascend. */
int64_t cbor_read_key(struct cbor_reader *in);
/* True, and the key is consumed, when the next key of the open map is `key`. */
bool cbor_key_is(struct cbor_reader *in, int64_t key);
bool cbor_key_is_text(struct cbor_reader *in, const char *key);
uint64_t cbor_read_tag(struct cbor_reader *in);
bool cbor_read_bool(struct cbor_reader *in);
bool cbor_read_null_if_present(struct cbor_reader *in);
/* The whole next item, checked to be canonical, as borrowed bytes. */
struct span cbor_read_item(struct cbor_reader *in);
/* E_MALFORMED, or the given status. The first failure stays. */
void cbor_fail(struct cbor_reader *in, const char *why);
void cbor_fail_as(struct cbor_reader *in, enum status status, const char *why);
/* OK at a clean end of input, else E_MALFORMED. */
MUST_USE enum status cbor_end(const struct cbor_reader *in);

#endif
