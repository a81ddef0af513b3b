#include "app/reading.h"

#include "command/answer.h"

#include <stdlib.h>
#include <yyjson.h>

enum status reading_name_parse(struct span text, struct reading_name *out, struct fault *fault)
{
	const uint8_t *hash = text.size ? memchr(text.data, '#', text.size) : NULL;
	size_t at = text.size;
	while (at > 0 && text.data[at - 1] != '@')
		at--;
	uint64_t seq = 0;
	bool good = hash && at > (size_t)(hash - text.data) + 2 && at < text.size && hash > text.data;
	for (size_t i = at; good && i < text.size; i++)
		good = text.data[i] >= '0' && text.data[i] <= '9' && !__builtin_mul_overflow(seq, 10u, &seq) && !__builtin_add_overflow(seq, (uint64_t)(text.data[i] - '0'), &seq);
	if (!good)
		return fault_set(fault, E_MALFORMED, "a reading is named DEVICE#SIGNAL@NUMBER, such as dev:manufacturer/spindle-1#vibration@1700");
	out->device = span_of(text.data, (size_t)(hash - text.data));
	out->signal = span_of(hash + 1, (size_t)(text.data + at - 1 - (hash + 1)));
	out->seq = seq;
	return OK;
}

void reading_proof_free(struct reading_proof *proof)
{
	buffer_free(&proof->leaf);
}

/* -- Who has it --------------------------------------------------------------------------------- */

static yyjson_val *find(yyjson_val *array, const char *member, struct span value)
{
	size_t i, max;
	yyjson_val *object;
	yyjson_arr_foreach(array, i, max, object) {
		yyjson_val *text = yyjson_obj_get(object, member);
		if (yyjson_is_str(text) && span_equal(span_of(yyjson_get_str(text), yyjson_get_len(text)), value))
			return object;
	}
	return NULL;
}

static enum status gateway_of(const char *node, const struct reading_name *name, struct buffer *gateway, struct fault *fault)
{
	yyjson_doc *document;
	TRY(answer_json(node, "/api/v1/entities?kind=device", &document, fault));
	yyjson_val *device = find(yyjson_obj_get(yyjson_doc_get_root(document), "entities"), "name", name->device);
	const char *text = yyjson_get_str(yyjson_obj_get(device, "gateway"));
	enum status status = OK;
	if (!device)
		status = fault_set(fault, E_NOT_FOUND, "no device %.*s is registered", (int)name->device.size, (const char *)name->device.data);
	else if (!text)
		status = fault_set(fault, E_NOT_FOUND, "no gateway speaks for %.*s", (int)name->device.size, (const char *)name->device.data);
	else
		buffer_append_text(gateway, text);
	yyjson_doc_free(document);
	return status;
}

enum status reading_floor_of(const char *node, const struct reading_name *name, struct buffer *url, struct fault *fault)
{
	struct buffer gateway = {0};
	yyjson_doc *document = NULL;
	enum status status = gateway_of(node, name, &gateway, fault);
	if (status == OK)
		status = answer_json(node, "/api/v1/node", &document, fault);
	if (status == OK) {
		yyjson_val *floor = find(yyjson_obj_get(yyjson_doc_get_root(document), "floors"), "gateway", buffer_span(&gateway));
		const char *text = yyjson_get_str(yyjson_obj_get(floor, "url"));
		if (text)
			buffer_append(url, text, strlen(text) + 1);
		else
			status = fault_set(fault, E_NOT_FOUND, "the node does not know the address of gateway %.*s; give it with --floor URL", (int)gateway.size, (const char *)gateway.data);
	}
	yyjson_doc_free(document);
	buffer_free(&gateway);
	return status;
}

/* -- The proof ------------------------------------------------------------------------------------ */

static struct span text_of(yyjson_val *value)
{
	return yyjson_is_str(value) ? span_of(yyjson_get_str(value), yyjson_get_len(value)) : span_of(NULL, 0);
}

static bool read_path(yyjson_val *array, struct merkle_path *path)
{
	if (!yyjson_is_arr(array) || yyjson_arr_size(array) > MERKLE_PATH_MAX)
		return false;
	size_t i, max;
	yyjson_val *value;
	yyjson_arr_foreach(array, i, max, value)
		if (!span_from_hex(text_of(value), path->nodes[path->count++].bytes, DIGEST_SIZE))
			return false;
	return true;
}

static bool read_proof(yyjson_val *root, struct reading_proof *out)
{
	struct span leaf = text_of(yyjson_obj_get(root, "leaf"));
	yyjson_val *index = yyjson_obj_get(root, "leaf_index"), *count = yyjson_obj_get(root, "leaf_count");
	if (leaf.size == 0 || leaf.size % 2 || leaf.size / 2 > SAMPLE_LEAF_MAX || !yyjson_is_uint(index) || !yyjson_is_uint(count) ||
		!span_from_hex(text_of(yyjson_obj_get(root, "anchor")), out->anchor.bytes, DIGEST_SIZE))
		return false;
	uint8_t bytes[SAMPLE_LEAF_MAX];
	if (!span_from_hex(leaf, bytes, leaf.size / 2))
		return false;
	buffer_append(&out->leaf, bytes, leaf.size / 2);
	out->leaf_index = yyjson_get_uint(index);
	out->leaf_count = yyjson_get_uint(count);
	return read_path(yyjson_obj_get(root, "path"), &out->path);
}

enum status reading_proof_parse(struct span json, struct reading_proof *out, struct fault *fault)
{
	*out = (struct reading_proof){0};
	yyjson_doc *document = json.size ? yyjson_read((const char *)json.data, json.size, 0) : NULL;
	yyjson_val *root = yyjson_doc_get_root(document);
	enum status status = OK;
	if (yyjson_is_false(yyjson_obj_get(root, "anchored")))
		status = fault_set(fault, E_BUSY, "the reading is not anchored on the ledger yet; ask again in a few seconds");
	else if (!read_proof(root, out))
		status = fault_set(fault, E_MALFORMED, "the gateway's answer is not a reading with its proof; is it the address of a gateway?");
	yyjson_doc_free(document);
	if (status != OK)
		reading_proof_free(out);
	return status;
}

enum status reading_fetch(const char *floor, const struct reading_name *name, struct reading_proof *out, struct fault *fault)
{
	struct buffer path = {0}, body = {0};
	buffer_append_text(&path, "/api/v1/floor/reading?device=");
	answer_quote(&path, name->device);
	buffer_append_text(&path, "&signal=");
	answer_quote(&path, name->signal);
	buffer_printf(&path, "&seq=%llu", (unsigned long long)name->seq);
	buffer_append_byte(&path, 0);
	enum status status = answer_get(floor, (const char *)path.data, &body, fault);
	if (status == OK)
		status = reading_proof_parse(buffer_span(&body), out, fault);
	buffer_free(&path);
	buffer_free(&body);
	return status;
}

enum status reading_join(struct span anchor_bundle, const struct reading_proof *proof, struct buffer *out, struct fault *fault)
{
	struct bundle bundle;
	struct statement statement;
	TRY(bundle_decode(anchor_bundle, &bundle, fault));
	struct body_anchor *anchor = memory_new(sizeof *anchor);
	enum status status = statement_decode(bundle.entries[0].statement, &statement, fault);
	if (status == OK && statement.type != STATEMENT_ANCHOR)
		status = fault_set(fault, E_SIGNATURE, "what the gateway names as the anchor is a %s statement", statement_type_name(statement.type));
	if (status == OK)
		status = body_anchor_decode(statement.body, anchor, fault);
	struct digest leaf = merkle_leaf(buffer_span(&proof->leaf));
	if (status == OK && (anchor->samples != proof->leaf_count ||
		merkle_inclusion_verify(&leaf, proof->leaf_index, proof->leaf_count, &proof->path, &anchor->root) != OK))
		status = fault_set(fault, E_SIGNATURE, "the gateway's proof does not lead to the root that its anchor put on the ledger: the stored reading was changed");
	if (status == OK) {
		bundle.kind = span_of_text("reading");
		bundle.has_reading = true;
		bundle.leaf = buffer_span(&proof->leaf);
		bundle.leaf_index = proof->leaf_index;
		bundle.leaf_count = proof->leaf_count;
		bundle.leaf_path = proof->path;
		bundle_encode(&bundle, out);
	}
	free(anchor);
	bundle_free(&bundle);
	return status;
}
