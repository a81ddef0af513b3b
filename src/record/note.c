#include "record/note.h"

#include "record/bundle_report.h"

#include <inttypes.h>
#include <stdlib.h>

void policy_free(struct policy *policy)
{
	for (size_t i = 0; i < policy->required_count; i++)
		free(policy->required[i]);
	for (size_t i = 0; i < policy->witness_count; i++)
		free(policy->witnesses[i].name);
	free(policy->witnesses);
	*policy = (struct policy){0};
}

static size_t tolerated(const struct genesis *genesis)
{
	return (genesis->member_count - 1) / 3;
}

static size_t member_of(const struct genesis *genesis, struct span name)
{
	size_t i = 0;
	while (i < genesis->member_count && !span_equal(genesis->members[i].header.iss, name))
		i++;
	return i;
}

/* -- the policy and this consortium ------------------------------------------------------------------ */

static enum status policy_fits(const struct policy *policy, const struct genesis *genesis, size_t *needed, struct fault *fault)
{
	size_t least = tolerated(genesis) + 1;
	*needed = policy->organisations ? policy->organisations : least;
	if (*needed < least)
		return fault_set(fault, E_CONFIG, "The policy asks for %zu of %zu organisations, but %zu may lie: it must ask for %zu or more.", *needed,
			genesis->member_count, least - 1, least);
	if (*needed > genesis->member_count)
		return fault_set(fault, E_CONFIG, "The policy asks for %zu organisations, but the genesis has %zu.", *needed, genesis->member_count);
	for (size_t i = 0; i < policy->required_count; i++)
		if (member_of(genesis, span_of_text(policy->required[i])) == genesis->member_count)
			return fault_set(fault, E_CONFIG, "The policy requires %s, which is no organisation of the genesis.",
				report_shown(span_of_text(policy->required[i])).text);
	if (policy->witnesses_needed > policy->witness_count)
		return fault_set(fault, E_CONFIG, "The policy asks for %zu witnesses, but names %zu.", policy->witnesses_needed, policy->witness_count);
	return OK;
}

/* -- lines ------------------------------------------------------------------------------------------- */

struct known_signer {
	const struct public_key *key;
	bool *seen;
	size_t member;                /* member_count: a witness */
};

static bool signer_find(const struct checkpoint_line *line, const struct genesis *genesis, const struct policy *policy,
	struct note_judgement *out, struct known_signer *signer)
{
	signer->member = member_of(genesis, line->name);
	if (signer->member < genesis->member_count) {
		signer->key = &genesis->members[signer->member].org.checkpoint_key;
		signer->seen = &out->signed_by[signer->member];
		return true;
	}
	for (size_t i = 0; i < policy->witness_count; i++)
		if (span_is_text(line->name, policy->witnesses[i].name)) {
			signer->key = &policy->witnesses[i].key;
			signer->seen = &out->witnessed[i];
			return true;
		}
	return false;
}

/* Witnesses cosign the log; the state is cosigned by members only. */
static bool may_be_witness(const struct checkpoint_line *line, const struct checkpoint *checkpoint, const struct genesis *genesis)
{
	char log[CHECKPOINT_ORIGIN_SIZE];
	checkpoint_origin(genesis->network, log);
	return span_is_text(checkpoint->origin, log) && !checkpoint_name_is_member(line->name) && !checkpoint_line_is_disguised(line, genesis);
}

static enum status line_judge(const struct checkpoint_line *line, const struct genesis *genesis, const struct policy *policy,
	struct note_judgement *out, struct fault *fault)
{
	const struct checkpoint *checkpoint = &out->checkpoint;
	struct known_signer signer;
	uint8_t key_id[4];
	if (!signer_find(line, genesis, policy, out, &signer) && may_be_witness(line, checkpoint, genesis))
		return OK; /* one that this verifier does not know */
	if (!signer_find(line, genesis, policy, out, &signer))
		return fault_set(fault, E_UNKNOWN, "The checkpoint has a line of %s, which is neither an organisation of the genesis nor a witness of the policy.",
			report_shown(line->name).text);
	checkpoint_key_id(line->name, signer.key, key_id);
	if (memcmp(key_id, line->key_id, sizeof key_id) != 0)
		return fault_set(fault, E_SIGNATURE, "The checkpoint's line of %s names another key than the one that is known.", report_shown(line->name).text);
	if (*signer.seen)
		return fault_set(fault, E_DUPLICATE, "The checkpoint has two lines of %s.", report_shown(line->name).text);
	struct verifying_key *key = verifying_key_new(signer.key);
	enum status status = key ? cosignature_verify(key, line->name, checkpoint->origin, checkpoint->size, &checkpoint->root, &line->cosignature)
				 : E_SIGNATURE;
	verifying_key_free(key);
	if (status != OK)
		return fault_set(fault, status, "The signature of %s over the checkpoint does not verify.", report_shown(line->name).text);
	*signer.seen = true;
	if (signer.member < genesis->member_count) {
		out->signed_s[signer.member] = line->cosignature.timestamp_s;
		out->organisations++;
	} else {
		out->witnesses++;
	}
	return OK;
}

/* The times of the organisations' lines: the f+1-th from below and from above. */
static void times_judge(const struct genesis *genesis, struct note_judgement *out)
{
	uint64_t times[GENESIS_MEMBERS_MAX];
	size_t count = 0, position = tolerated(genesis);
	for (size_t i = 0; i < genesis->member_count; i++) {
		if (!out->signed_by[i])
			continue;
		size_t at = count++;
		for (; at > 0 && times[at - 1] > out->signed_s[i]; at--)
			times[at] = times[at - 1];
		times[at] = out->signed_s[i];
	}
	out->final_s = times[position];
	out->fresh_s = times[count - 1 - position];
}

/* -- all of it ----------------------------------------------------------------------------------------- */

static enum status form_judge(struct span note, const char *origin, struct note_judgement *out, struct fault *fault)
{
	struct buffer again = {0};
	TRY(checkpoint_decode(note, &out->checkpoint, fault));
	checkpoint_encode(&out->checkpoint, &again);
	bool is_one_form = span_equal(buffer_span(&again), note);
	buffer_free(&again);
	if (!is_one_form)
		return fault_set(fault, E_NOT_CANONICAL, "The checkpoint has lines that are no cosignatures, or more than %d.", CHECKPOINT_NOTE_LINES);
	if (!span_is_text(out->checkpoint.origin, origin))
		return fault_set(fault, E_NETWORK, "The checkpoint is of %s, but %s is expected: take the genesis that belongs to it.",
			report_shown(out->checkpoint.origin).text, origin);
	return OK;
}

static enum status too_few(const struct genesis *genesis, const struct note_judgement *judgement, struct fault *fault)
{
	struct buffer absent = {0};
	for (size_t i = 0; i < genesis->member_count; i++)
		if (!judgement->signed_by[i])
			buffer_printf(&absent, "%s%s", absent.size ? ", " : "", report_shown(genesis->members[i].header.iss).text);
	buffer_append_byte(&absent, 0);
	fault_set(fault, E_SIGNATURE, "%zu of %zu organisations signed the checkpoint, at least %zu must; without a line: %.300s.",
		judgement->organisations, genesis->member_count, judgement->needed, (const char *)absent.data);
	buffer_free(&absent);
	return E_SIGNATURE;
}

static enum status enough(const struct genesis *genesis, const struct policy *policy, int64_t now_s, struct note_judgement *out, struct fault *fault)
{
	if (out->organisations < out->needed)
		return too_few(genesis, out, fault);
	for (size_t i = 0; i < policy->required_count; i++)
		if (!out->signed_by[member_of(genesis, span_of_text(policy->required[i]))])
			return fault_set(fault, E_SIGNATURE, "The policy requires the signature of %s, and the checkpoint has none.", policy->required[i]);
	if (out->witnesses < policy->witnesses_needed) {
		size_t missing = 0;
		while (missing < policy->witness_count && out->witnessed[missing])
			missing++;
		return fault_set(fault, E_SIGNATURE, "%zu of the policy's witnesses signed the checkpoint, at least %zu must; %s did not, for one.",
			out->witnesses, policy->witnesses_needed, report_shown(span_of_text(policy->witnesses[missing].name)).text);
	}
	times_judge(genesis, out);
	uint64_t now = now_s > 0 ? (uint64_t)now_s : 0;
	uint64_t age = now > out->fresh_s ? now - out->fresh_s : 0;
	if (policy->age_max_s && age > policy->age_max_s)
		return fault_set(fault, E_LIMIT, "The checkpoint is %" PRIu64 " s old, and the policy permits %" PRIu64 " s: ask for a newer one.", age,
			policy->age_max_s);
	return OK;
}

enum status note_judge(struct span note, const char *origin, const struct genesis *genesis, const struct policy *policy, int64_t now_s,
	struct note_judgement *out, struct fault *fault)
{
	static const struct policy none;
	policy = policy ? policy : &none;
	CHECK(policy->witness_count <= POLICY_WITNESSES_MAX && genesis->member_count > 0);
	memset(out, 0, sizeof *out);
	TRY(policy_fits(policy, genesis, &out->needed, fault));
	TRY(form_judge(note, origin, out, fault));
	for (size_t i = 0; i < out->checkpoint.line_count; i++)
		TRY(line_judge(&out->checkpoint.lines[i], genesis, policy, out, fault));
	return enough(genesis, policy, now_s, out, fault);
}

static bool is_witness(const struct policy *policy, struct span name)
{
	for (size_t i = 0; policy && i < policy->witness_count; i++)
		if (span_is_text(name, policy->witnesses[i].name))
			return true;
	return false;
}

void note_report(const struct note_judgement *judgement, const struct genesis *genesis, const struct policy *policy, struct buffer *report)
{
	const struct checkpoint *checkpoint = &judgement->checkpoint;
	char root[DIGEST_HEX_SIZE];
	span_hex(span_of(checkpoint->root.bytes, DIGEST_SIZE), root);
	buffer_append_text(report, "ok: checkpoint: ");
	report_text(report, checkpoint->origin);
	buffer_printf(report, " at log size %" PRIu64 ", root %s, signed by %zu of %zu organisations (%zu are needed)\n", checkpoint->size, root,
		judgement->organisations, genesis->member_count, judgement->needed);
	for (size_t i = 0; i < checkpoint->line_count; i++) {
		bool member = member_of(genesis, checkpoint->lines[i].name) < genesis->member_count;
		bool witness = !member && is_witness(policy, checkpoint->lines[i].name);
		buffer_append_text(report, witness ? "ok: checkpoint: the witness " : "ok: checkpoint: ");
		report_text(report, checkpoint->lines[i].name);
		if (!member && !witness) {
			buffer_append_text(report, " is named by a line as a witness; it was not checked and does not count\n");
			continue;
		}
		buffer_append_text(report, " signed it at ");
		report_seconds(report, checkpoint->lines[i].cosignature.timestamp_s);
		buffer_append_byte(report, '\n');
	}
	for (size_t i = 0; policy && i < policy->required_count; i++)
		buffer_printf(report, "ok: policy: %s, whose signature it requires, signed\n", policy->required[i]);
	if (policy && policy->age_max_s)
		buffer_printf(report, "ok: policy: the checkpoint is not older than %" PRIu64 " s\n", policy->age_max_s);
}
