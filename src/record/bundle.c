#include "record/bundle.h"

#include "record/cbor.h"

#include <stdlib.h>

static const char FORM[] = "tally/bundle/v1";

static void path_encode(const struct merkle_path *path, struct buffer *out)
{
	cbor_write_array(out, path->count);
	for (size_t i = 0; i < path->count; i++)
		cbor_write_digest(out, &path->nodes[i]);
}

static void path_decode(struct cbor_reader *in, struct merkle_path *out)
{
	out->count = (size_t)cbor_enter_array(in, MERKLE_PATH_MAX);
	for (size_t i = 0; i < out->count; i++)
		out->nodes[i] = cbor_read_digest(in);
	cbor_leave(in);
}

static void entry_encode(const struct bundle_entry *entry, struct buffer *out)
{
	cbor_write_array(out, 3);
	cbor_write_bytes(out, entry->statement);
	cbor_write_uint(out, entry->index);
	path_encode(&entry->path, out);
}

static void entry_decode(struct cbor_reader *in, struct bundle_entry *out)
{
	if (cbor_enter_array(in, 3) != 3)
		cbor_fail(in, "an entry is not [statement, index, path]");
	out->statement = cbor_read_bytes(in);
	out->index = cbor_read_uint(in);
	path_decode(in, &out->path);
	cbor_leave(in);
}

static void reading_encode(const struct bundle *bundle, struct buffer *out)
{
	cbor_write_array(out, 4);
	cbor_write_bytes(out, bundle->leaf);
	cbor_write_uint(out, bundle->leaf_index);
	cbor_write_uint(out, bundle->leaf_count);
	path_encode(&bundle->leaf_path, out);
}

static void reading_decode(struct cbor_reader *in, struct bundle *out)
{
	if (cbor_enter_array(in, 4) != 4)
		cbor_fail(in, "the reading is not [leaf, index, count, path]");
	out->leaf = cbor_read_bytes(in);
	if (out->leaf.size > SAMPLE_LEAF_MAX)
		cbor_fail_as(in, E_LIMIT, "the reading's leaf is longer than 1024 bytes");
	out->leaf_index = cbor_read_uint(in);
	out->leaf_count = cbor_read_uint(in);
	path_decode(in, &out->leaf_path);
	cbor_leave(in);
}

void bundle_encode(const struct bundle *bundle, struct buffer *out)
{
	cbor_write_array(out, bundle->has_reading ? 5 : 4);
	cbor_write_cstring(out, FORM);
	cbor_write_text(out, bundle->kind);
	cbor_write_array(out, bundle->entry_count);
	for (size_t i = 0; i < bundle->entry_count; i++)
		entry_encode(&bundle->entries[i], out);
	cbor_write_text(out, bundle->note);
	if (bundle->has_reading)
		reading_encode(bundle, out);
}

enum status bundle_decode(struct span bytes, struct bundle *out, struct fault *fault)
{
	*out = (struct bundle){0};
	if (bytes.size > BUNDLE_SIZE_MAX)
		return fault_set(fault, E_LIMIT, "The bundle is larger than %d bytes; ask for fewer ancestors.", BUNDLE_SIZE_MAX);
	struct cbor_reader in = cbor_reader_of(bytes);
	uint64_t parts = cbor_enter_array(&in, 5);
	if (parts < 4 || !span_is_text(cbor_read_text(&in), FORM))
		return fault_set(fault, E_MALFORMED, "This is no bundle of form %s.", FORM);
	out->kind = cbor_read_text(&in);
	out->entry_count = (size_t)cbor_enter_array(&in, BUNDLE_ENTRIES_MAX);
	if (out->entry_count == 0)
		cbor_fail(&in, "it has no entries");
	out->entries = memory_new_array(out->entry_count, sizeof *out->entries);
	for (size_t i = 0; i < out->entry_count && !in.failed; i++)
		entry_decode(&in, &out->entries[i]);
	cbor_leave(&in);
	out->note = cbor_read_text(&in);
	out->has_reading = parts == 5;
	if (out->has_reading)
		reading_decode(&in, out);
	cbor_leave(&in);
	if (in.failed || cbor_end(&in) != OK) {
		bundle_free(out);
		return fault_set(fault, in.failed ? in.status : E_MALFORMED, "The bundle's form is broken: %s.", in.failed ? in.why : "bytes follow it");
	}
	return OK;
}

void bundle_free(struct bundle *bundle)
{
	free(bundle->entries);
	*bundle = (struct bundle){0};
}
