#include "record/witness.h"

#include "crypto/hash.h"
#include "record/base64.h"
#include "record/note.h"

#include <inttypes.h>
#include <stdlib.h>

enum { ML_DSA_44_BYTE = 0x06, KEY_BYTES = 1 + ML_DSA_44_PUBLIC };

/* -- keys as text ---------------------------------------------------------------------------- */

bool witness_name_is_good(struct span name)
{
	if (name.size == 0 || name.size > CHECKPOINT_NAME_MAX || checkpoint_name_is_member(name))
		return false;
	for (size_t i = 0; i < name.size; i++)
		if (name.data[i] <= ' ' || name.data[i] > '~' || name.data[i] == '+')
			return false;
	return true;
}

void verification_key_encode(struct span name, const struct public_key *key, struct buffer *out)
{
	uint8_t id[4], bytes[KEY_BYTES] = {ML_DSA_44_BYTE};
	char hex[9];
	checkpoint_key_id(name, key, id);
	span_hex(span_of(id, sizeof id), hex);
	memcpy(bytes + 1, key->bytes, sizeof key->bytes);
	buffer_append_span(out, name);
	buffer_printf(out, "+%s+", hex);
	base64_write(out, span_of(bytes, sizeof bytes));
}

enum status verification_key_decode(struct span text, struct span *name, struct public_key *key, struct fault *fault)
{
	uint8_t id[4], expected[4], bytes[KEY_BYTES];
	const uint8_t *plus = text.size ? memchr(text.data, '+', text.size) : NULL;
	*name = span_of(text.data, plus ? (size_t)(plus - text.data) : 0);
	struct span rest = span_after(text, plus ? name->size + 1 : 0);
	if (!plus || name->size == 0 || name->size > CHECKPOINT_NAME_MAX || rest.size < 9 || rest.data[8] != '+' || !span_from_hex(span_of(rest.data, 8), id, sizeof id)
		|| !base64_read(span_after(rest, 9), bytes, sizeof bytes) || bytes[0] != ML_DSA_44_BYTE)
		return fault_set(fault, E_MALFORMED, "this is no verification key of the form name+id+key for ML-DSA-44; `tally witness --vkey` prints one");
	memcpy(key->bytes, bytes + 1, sizeof key->bytes);
	checkpoint_key_id(*name, key, expected);
	if (memcmp(id, expected, sizeof id) != 0)
		return fault_set(fault, E_MALFORMED, "the verification key's id is not that of its name and key; it was copied wrongly");
	return OK;
}

/* -- requests -------------------------------------------------------------------------------- */

void witness_request_encode(const struct witness_request *request, struct buffer *out)
{
	buffer_printf(out, "old %" PRIu64 "\n", request->old);
	for (size_t i = 0; i < request->path.count; i++) {
		base64_write(out, span_of(request->path.nodes[i].bytes, DIGEST_SIZE));
		buffer_append_byte(out, '\n');
	}
	buffer_append_byte(out, '\n');
	buffer_append_span(out, request->note);
}

static bool take_line(struct span *rest, struct span *line)
{
	const uint8_t *end = rest->size ? memchr(rest->data, '\n', rest->size) : NULL;
	if (!end)
		return false;
	*line = span_of(rest->data, (size_t)(end - rest->data));
	*rest = span_after(*rest, line->size + 1);
	return true;
}

enum status witness_request_decode(struct span body, struct witness_request *out, struct fault *fault)
{
	struct span rest = body, line;
	out->path.count = 0;
	if (body.size > WITNESS_REQUEST_MAX)
		return fault_set(fault, E_LIMIT, "the request is larger than %d bytes", WITNESS_REQUEST_MAX);
	if (!take_line(&rest, &line) || line.size < 4 || memcmp(line.data, "old ", 4) != 0 || !checkpoint_size_read(span_after(line, 4), &out->old))
		return fault_set(fault, E_MALFORMED, "the first line is not \"old\" and a size in plain decimal");
	while (take_line(&rest, &line)) {
		if (line.size == 0) {
			out->note = rest;
			return OK;
		}
		if (out->path.count == WITNESS_PROOF_MAX)
			return fault_set(fault, E_LIMIT, "the consistency proof has more than %d nodes", WITNESS_PROOF_MAX);
		if (!base64_read(line, out->path.nodes[out->path.count++].bytes, DIGEST_SIZE))
			return fault_set(fault, E_MALFORMED, "a line of the consistency proof is not a hash in base64");
	}
	return fault_set(fault, E_MALFORMED, "there is no empty line before the checkpoint");
}

/* -- judgement ------------------------------------------------------------------------------------- */

struct witness_log witness_log_new(void)
{
	return (struct witness_log){.root = sha256((struct span){0})};
}

static bool line_is_of(const struct checkpoint_line *line, const struct genesis_member *member)
{
	uint8_t id[4];
	if (!span_equal(line->name, member->header.iss))
		return false;
	checkpoint_key_id(line->name, &member->org.checkpoint_key, id);
	return memcmp(id, line->key_id, sizeof id) == 0;
}

/* How many organisations signed; lines of unknown names and keys are passed over. False: a known one's does not verify. */
static bool signers_count(const struct checkpoint *checkpoint, const struct genesis *genesis, size_t *count)
{
	bool signed_by[GENESIS_MEMBERS_MAX] = {false};
	*count = 0;
	for (size_t i = 0; i < checkpoint->line_count; i++) {
		const struct checkpoint_line *line = &checkpoint->lines[i];
		size_t member = 0;
		while (member < genesis->member_count && !line_is_of(line, &genesis->members[member]))
			member++;
		if (member == genesis->member_count)
			continue;
		struct verifying_key *key = verifying_key_new(&genesis->members[member].org.checkpoint_key);
		bool good = key && cosignature_verify(key, line->name, checkpoint->origin, checkpoint->size, &checkpoint->root, &line->cosignature) == OK;
		verifying_key_free(key);
		if (!good)
			return false;
		*count += !signed_by[member];
		signed_by[member] = true;
	}
	return true;
}

static enum witness_verdict refuse(enum witness_verdict verdict, struct fault *fault, const char *why)
{
	fault_set(fault, E_FORBIDDEN, "%s", why);
	return verdict;
}

static enum witness_verdict judge_growth(const struct witness_log *log, const struct witness_request *request, const struct checkpoint *checkpoint,
	struct fault *fault)
{
	if (request->old > checkpoint->size)
		return refuse(WITNESS_MALFORMED, fault, "the old size is above the checkpoint's");
	if (request->old != log->size)
		return refuse(WITNESS_CONFLICT, fault, "the old size is not the one that was cosigned last");
	bool proven;
	if (request->old == checkpoint->size)
		proven = request->path.count == 0 && digest_equal(&checkpoint->root, &log->root);
	else if (request->old == 0)
		proven = request->path.count == 0;
	else
		proven = merkle_consistency_verify(request->old, checkpoint->size, &log->root, &checkpoint->root, &request->path) == OK;
	return proven ? WITNESS_COSIGN : refuse(WITNESS_UNPROVEN, fault, "the checkpoint does not continue the one that was cosigned last");
}

static size_t signers_needed(const struct genesis *members, size_t quorum)
{
	size_t least = note_least(members);
	return quorum > least ? quorum : least;
}

static enum witness_verdict judge(const struct witness_log *log, const struct epochs *epochs, size_t quorum, struct span body,
	struct checkpoint *checkpoint, struct fault *fault)
{
	struct witness_request request;
	char origin[CHECKPOINT_ORIGIN_SIZE];
	size_t signers;
	if (witness_request_decode(body, &request, fault) != OK || checkpoint_decode(request.note, checkpoint, fault) != OK)
		return WITNESS_MALFORMED;
	const struct genesis *members = epochs_of_size(epochs, checkpoint->size)->members;
	checkpoint_origin(members->network, origin);
	if (!span_is_text(checkpoint->origin, origin))
		return refuse(WITNESS_UNKNOWN, fault, "this witness does not know that log");
	if (!signers_count(checkpoint, members, &signers))
		return refuse(WITNESS_UNTRUSTED, fault, "an organisation's signature does not verify");
	if (signers < signers_needed(members, quorum))
		return refuse(WITNESS_UNTRUSTED, fault, "too few organisations signed the checkpoint");
	return judge_growth(log, &request, checkpoint, fault);
}

enum witness_verdict witness_judge(const struct witness_log *log, const struct epochs *epochs, size_t quorum, struct span body,
	struct witness_log *out, struct fault *fault)
{
	struct checkpoint *checkpoint = memory_new(sizeof *checkpoint);
	enum witness_verdict verdict = judge(log, epochs, quorum, body, checkpoint, fault);
	if (verdict == WITNESS_COSIGN)
		*out = (struct witness_log){.size = checkpoint->size, .root = checkpoint->root};
	free(checkpoint);
	return verdict;
}
