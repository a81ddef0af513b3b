#include "command/policy.h"

#include "record/witness.h"
#include "signal/json.h"

#include <stdlib.h>
#include <yyjson.h>

enum { DEPTH_MAX = 2, NAME_SIZE_MAX = 255 };

static enum status read_count(yyjson_val *value, const char *name, uint64_t max, uint64_t *out, struct fault *fault)
{
	if (!yyjson_is_uint(value) || yyjson_get_uint(value) == 0 || yyjson_get_uint(value) > max)
		return fault_set(fault, E_MALFORMED, "the policy's %s must be a whole number from 1 to %llu", name, (unsigned long long)max);
	*out = yyjson_get_uint(value);
	return OK;
}

/* A text without control characters, which goes into sentences. */
static bool is_name(yyjson_val *value)
{
	size_t size = yyjson_get_len(value);
	if (!yyjson_is_str(value) || size == 0 || size > NAME_SIZE_MAX)
		return false;
	for (size_t i = 0; i < size; i++)
		if ((uint8_t)yyjson_get_str(value)[i] < ' ' || yyjson_get_str(value)[i] == 0x7f)
			return false;
	return true;
}

static enum status read_required(yyjson_val *list, struct policy *out, struct fault *fault)
{
	if (!yyjson_is_arr(list) || yyjson_arr_size(list) > GENESIS_MEMBERS_MAX)
		return fault_set(fault, E_MALFORMED, "the policy's required must be a list of at most %d names of organisations", GENESIS_MEMBERS_MAX);
	size_t i, count;
	yyjson_val *value;
	yyjson_arr_foreach(list, i, count, value) {
		if (!is_name(value))
			return fault_set(fault, E_MALFORMED, "the policy's required must hold names such as \"org:regulator\"");
		for (size_t k = 0; k < out->required_count; k++)
			if (strcmp(out->required[k], yyjson_get_str(value)) == 0)
				return fault_set(fault, E_MALFORMED, "the policy requires one organisation twice");
		out->required[out->required_count++] = memory_text(span_of(yyjson_get_str(value), yyjson_get_len(value)));
	}
	return OK;
}

static enum status read_witness(yyjson_val *value, struct policy_witness *out, struct fault *fault)
{
	struct span name, text = yyjson_is_str(value) ? span_of(yyjson_get_str(value), yyjson_get_len(value)) : (struct span){0};
	struct fault inner;
	if (verification_key_decode(text, &name, &out->key, &inner) != OK)
		return fault_set(fault, E_MALFORMED, "a witness of the policy must be a C2SP verifier key, as the witness publishes it: %.200s", inner.text);
	if (!witness_name_is_good(name))
		return fault_set(fault, E_MALFORMED, "the name of a witness of the policy must be printable ASCII without blanks, and no organisation's");
	out->name = memory_text(name);
	return OK;
}

static enum status read_witnesses(yyjson_val *list, struct policy *out, struct fault *fault)
{
	if (!yyjson_is_arr(list) || yyjson_arr_size(list) > POLICY_WITNESSES_MAX)
		return fault_set(fault, E_MALFORMED, "the policy's witnesses must be a list of at most %d verifier keys", POLICY_WITNESSES_MAX);
	out->witnesses = memory_new_array(POLICY_WITNESSES_MAX, sizeof *out->witnesses);
	size_t i, count;
	yyjson_val *value;
	yyjson_arr_foreach(list, i, count, value) {
		TRY(read_witness(value, &out->witnesses[out->witness_count], fault));
		out->witness_count++;
		for (size_t k = 0; k + 1 < out->witness_count; k++)
			if (strcmp(out->witnesses[k].name, out->witnesses[out->witness_count - 1].name) == 0)
				return fault_set(fault, E_MALFORMED, "the policy names one witness twice");
	}
	return OK;
}

static enum status read_member(yyjson_val *key, yyjson_val *value, struct policy *out, struct fault *fault)
{
	uint64_t count = 0;
	if (yyjson_equals_str(key, "organisations")) {
		TRY(read_count(value, "organisations", GENESIS_MEMBERS_MAX, &count, fault));
		out->organisations = (size_t)count;
		return OK;
	}
	if (yyjson_equals_str(key, "required"))
		return read_required(value, out, fault);
	if (yyjson_equals_str(key, "witnesses"))
		return read_witnesses(value, out, fault);
	if (yyjson_equals_str(key, "witnesses_needed")) {
		TRY(read_count(value, "witnesses_needed", POLICY_WITNESSES_MAX, &count, fault));
		out->witnesses_needed = (size_t)count;
		return OK;
	}
	if (yyjson_equals_str(key, "max_age_s"))
		return read_count(value, "max_age_s", UINT32_MAX, &out->age_max_s, fault);
	return fault_set(fault, E_MALFORMED, "the policy has a member that is not known; there are organisations, required, witnesses, witnesses_needed and max_age_s");
}

static enum status read_object(yyjson_val *root, struct policy *out, struct fault *fault)
{
	if (!yyjson_is_obj(root))
		return fault_set(fault, E_MALFORMED, "the policy must be one JSON object");
	size_t i, count;
	yyjson_val *key, *value;
	yyjson_obj_foreach(root, i, count, key, value) {
		if (yyjson_obj_getn(root, yyjson_get_str(key), yyjson_get_len(key)) != value)
			return fault_set(fault, E_MALFORMED, "the policy has a member twice");
		TRY(read_member(key, value, out, fault));
	}
	if (out->witnesses_needed > out->witness_count)
		return fault_set(fault, E_MALFORMED, "the policy asks for %zu witnesses, but names %zu", out->witnesses_needed, out->witness_count);
	if (out->witnesses_needed == 0)
		out->witnesses_needed = out->witness_count;
	return OK;
}

enum status policy_read(struct span json, struct policy *out, struct fault *fault)
{
	*out = (struct policy){0};
	if (json.size > POLICY_SIZE_MAX)
		return fault_set(fault, E_LIMIT, "the policy is larger than %d bytes", POLICY_SIZE_MAX);
	struct buffer pool = {0};
	struct yyjson_doc *document;
	struct fault inner = {{0}};
	enum status status = json_document_open(json, DEPTH_MAX, &pool, &document, &inner);
	if (status != OK)
		fault_set(fault, status, "the policy is not valid JSON: %.400s", inner.text);
	else
		status = read_object(yyjson_doc_get_root(document), out, fault);
	buffer_free(&pool);
	if (status != OK)
		policy_free(out);
	return status;
}
