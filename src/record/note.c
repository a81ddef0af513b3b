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

size_t note_tolerated(const struct genesis *members)
{
	return faults_liars(members->member_count);
}

size_t note_least(const struct genesis *members)
{
	return faults_belief(members->member_count, genesis_faults(members));
}

/* One note under judgement. */
struct judging {
	const struct epoch *epoch;
	const struct policy *policy;
	int64_t now_s;
	const char *advice;           /* for lines that do not fit the epoch's members */
	struct note_judgement *out;
	struct fault *fault;
};

static const struct genesis *members_of(const struct judging *j)
{
	return j->epoch->members;
}

/* -- the policy and this consortium ------------------------------------------------------------------ */

enum status policy_fits(const struct policy *policy, const struct epoch *epoch, const char *what, const char *advice, size_t *needed,
	struct fault *fault)
{
	size_t least = note_least(epoch->members), count = epoch->members->member_count;
	*needed = policy->organisations ? policy->organisations : least;
	if (*needed < least && genesis_faults(epoch->members) == FAULTS_CRASH)
		return fault_set(fault, E_CONFIG, "The policy asks for %zu of %zu organisations that bear a crash and no lie: it must ask for %zu or more.",
			*needed, count, least);
	if (*needed < least)
		return fault_set(fault, E_CONFIG, "The policy asks for %zu of %zu organisations, but %zu may lie: it must ask for %zu or more.", *needed, count,
			least - 1, least);
	if (*needed > count)
		return fault_set(fault, E_CONFIG, "The policy asks for %zu organisations, but %s has %zu.", *needed, epoch_name(epoch).text, count);
	for (size_t i = 0; i < policy->required_count; i++)
		if (!genesis_member_named(epoch->members, span_of_text(policy->required[i])))
			return fault_set(fault, E_CONFIG, "The policy requires %s, which is no organisation of %s, to whose time %s belongs%s.",
				report_shown(span_of_text(policy->required[i])).text, epoch_name(epoch).text, what, advice);
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

static bool signer_find(const struct judging *j, const struct checkpoint_line *line, struct known_signer *signer)
{
	const struct genesis *members = members_of(j);
	const struct genesis_member *member = genesis_member_named(members, line->name);
	signer->member = member ? (size_t)(member - members->members) : members->member_count;
	if (member) {
		signer->key = &member->org.checkpoint_key;
		signer->seen = &j->out->signed_by[signer->member];
		return true;
	}
	for (size_t i = 0; i < j->policy->witness_count; i++)
		if (span_is_text(line->name, j->policy->witnesses[i].name)) {
			signer->key = &j->policy->witnesses[i].key;
			signer->seen = &j->out->witnessed[i];
			return true;
		}
	return false;
}

static bool is_of_log(const struct checkpoint *checkpoint, const struct genesis *members)
{
	char log[CHECKPOINT_ORIGIN_SIZE];
	checkpoint_origin(members->network, log);
	return span_is_text(checkpoint->origin, log);
}

/* Nobody that is known: on the log's checkpoints a witness's line, which this verifier need not know. The state, and epochs, are
 * signed by members only. */
static enum status stranger_judge(const struct judging *j, const struct checkpoint_line *line)
{
	const struct genesis *members = members_of(j);
	if (checkpoint_line_is_disguised(line, members))
		return fault_set(j->fault, E_SIGNATURE, "The checkpoint's line of %s is another one's, with the name changed.", report_shown(line->name).text);
	if (checkpoint_name_is_member(line->name))
		return fault_set(j->fault, E_UNKNOWN, "The checkpoint has a line of %s, which is no organisation of %s%s.", report_shown(line->name).text,
			epoch_name(j->epoch).text, j->advice);
	if (is_of_log(&j->out->checkpoint, members))
		return OK;
	return fault_set(j->fault, E_UNKNOWN, "The checkpoint has a line of %s, which is neither an organisation of %s nor a witness of the policy.",
		report_shown(line->name).text, epoch_name(j->epoch).text);
}

static enum status line_judge(const struct judging *j, const struct checkpoint_line *line)
{
	const struct checkpoint *checkpoint = &j->out->checkpoint;
	struct known_signer signer;
	uint8_t key_id[4];
	if (!signer_find(j, line, &signer))
		return stranger_judge(j, line);
	checkpoint_key_id(line->name, signer.key, key_id);
	if (memcmp(key_id, line->key_id, sizeof key_id) != 0)
		return fault_set(j->fault, E_SIGNATURE, "The checkpoint's line of %s names another key than %s%s.", report_shown(line->name).text,
			signer.member < members_of(j)->member_count ? epoch_name(j->epoch).text : "the policy",
			signer.member < members_of(j)->member_count ? j->advice : "");
	if (*signer.seen)
		return fault_set(j->fault, E_DUPLICATE, "The checkpoint has two lines of %s.", report_shown(line->name).text);
	struct verifying_key *key = verifying_key_new(signer.key);
	enum status status = key ? cosignature_verify(key, line->name, checkpoint->origin, checkpoint->size, &checkpoint->root, &line->cosignature)
				 : E_SIGNATURE;
	verifying_key_free(key);
	if (status != OK)
		return fault_set(j->fault, status, "The checkpoint's signature of %s over size and root does not verify.", report_shown(line->name).text);
	*signer.seen = true;
	if (signer.member < members_of(j)->member_count) {
		j->out->signed_s[signer.member] = line->cosignature.timestamp_s;
		j->out->organisations++;
	} else {
		j->out->witnesses++;
	}
	return OK;
}

/* The times of the organisations' lines: the f+1-th from below and from above. */
static void times_judge(const struct genesis *members, struct note_judgement *out)
{
	uint64_t times[GENESIS_MEMBERS_MAX];
	size_t count = 0, position = note_tolerated(members);
	for (size_t i = 0; i < members->member_count; i++) {
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
	memset(out, 0, sizeof *out);
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

static enum status too_few(const struct judging *j)
{
	const struct genesis *members = members_of(j);
	struct buffer absent = {0};
	for (size_t i = 0; i < members->member_count; i++)
		if (!j->out->signed_by[i])
			buffer_printf(&absent, "%s%s", absent.size ? ", " : "", report_shown(members->members[i].header.iss).text);
	buffer_append_byte(&absent, 0);
	fault_set(j->fault, E_SIGNATURE, "The checkpoint is signed by %zu of %zu organisations, and at least %zu must sign; without a line: %.300s.",
		j->out->organisations, members->member_count, j->out->needed, (const char *)absent.data);
	buffer_free(&absent);
	return E_SIGNATURE;
}

static enum status witnesses_enough(const struct judging *j)
{
	const struct policy *policy = j->policy;
	size_t missing = 0;
	if (j->out->witnesses >= policy->witnesses_needed)
		return OK;
	while (missing < policy->witness_count && j->out->witnessed[missing])
		missing++;
	return fault_set(j->fault, E_SIGNATURE, "The checkpoint is signed by %zu of the policy's witnesses, and at least %zu must sign; %s did not, for one.",
		j->out->witnesses, policy->witnesses_needed, report_shown(span_of_text(policy->witnesses[missing].name)).text);
}

static enum status enough(const struct judging *j)
{
	const struct genesis *members = members_of(j);
	if (j->out->organisations < j->out->needed)
		return too_few(j);
	for (size_t i = 0; i < j->policy->required_count; i++)
		if (!j->out->signed_by[genesis_member_named(members, span_of_text(j->policy->required[i])) - members->members])
			return fault_set(j->fault, E_SIGNATURE, "The policy requires the signature of %s, and the checkpoint has none.", j->policy->required[i]);
	TRY(witnesses_enough(j));
	times_judge(members, j->out);
	uint64_t now = j->now_s > 0 ? (uint64_t)j->now_s : 0;
	uint64_t age = now > j->out->fresh_s ? now - j->out->fresh_s : 0;
	if (j->policy->age_max_s && age > j->policy->age_max_s)
		return fault_set(j->fault, E_LIMIT, "The checkpoint is %" PRIu64 " s old, and the policy permits %" PRIu64 " s: ask for a newer one.", age,
			j->policy->age_max_s);
	return OK;
}

static enum status judge(struct judging *j)
{
	static const struct policy none;
	j->policy = j->policy ? j->policy : &none;
	j->out->epoch = j->epoch;
	CHECK(j->policy->witness_count <= POLICY_WITNESSES_MAX && members_of(j)->member_count > 0);
	TRY(policy_fits(j->policy, j->epoch, "the checkpoint", j->advice, &j->out->needed, j->fault));
	for (size_t i = 0; i < j->out->checkpoint.line_count; i++)
		TRY(line_judge(j, &j->out->checkpoint.lines[i]));
	return enough(j);
}

enum status note_judge(struct span note, const char *origin, const struct trust *trust, struct note_judgement *out, struct fault *fault)
{
	TRY(form_judge(note, origin, out, fault));
	const struct epoch *epoch = epochs_of_size(trust->epochs, out->checkpoint.size);
	struct judging j = {.epoch = epoch, .policy = trust->policy, .now_s = trust->now_s, .advice = epochs_advice(trust->epochs, epoch), .out = out,
		.fault = fault};
	return judge(&j);
}

enum status note_judge_in(struct span note, const char *origin, const struct epoch *epoch, const struct policy *policy,
	struct note_judgement *out, struct fault *fault)
{
	TRY(form_judge(note, origin, out, fault));
	struct judging j = {.epoch = epoch, .policy = policy, .advice = "", .out = out, .fault = fault};
	return judge(&j);
}

/* -- for people ------------------------------------------------------------------------------------------ */

static bool is_witness_of(const struct policy *policy, struct span name)
{
	for (size_t i = 0; policy && i < policy->witness_count; i++)
		if (span_is_text(name, policy->witnesses[i].name))
			return true;
	return false;
}

static void report_signers(const struct note_judgement *judgement, struct buffer *report)
{
	const struct checkpoint *checkpoint = &judgement->checkpoint;
	const struct epoch *epoch = judgement->epoch;
	char root[DIGEST_HEX_SIZE];
	span_hex(span_of(checkpoint->root.bytes, DIGEST_SIZE), root);
	bool is_log = is_of_log(checkpoint, epoch->members);
	buffer_append_text(report, is_log ? "ok: checkpoint: log " : "ok: checkpoint: ");
	report_text(report, checkpoint->origin);
	buffer_printf(report, " %s %" PRIu64 ", root %s, signed by %zu of %zu organisations", is_log ? "of size" : "at log size", checkpoint->size, root,
		judgement->organisations, epoch->members->member_count);
	if (epoch->number)
		buffer_printf(report, " of %s", epoch_name(epoch).text);
	buffer_printf(report, " (%zu are needed)\n", judgement->needed);
	if (genesis_faults(epoch->members) == FAULTS_CRASH)
		buffer_append_text(report, "ok: tolerance: crash-tolerant, not Byzantine fault tolerant: one of these three may be away, but one that lies could have "
			"two logs signed\n");
}

void note_report(const struct note_judgement *judgement, const struct policy *policy, struct buffer *report)
{
	const struct checkpoint *checkpoint = &judgement->checkpoint;
	report_signers(judgement, report);
	for (size_t i = 0; i < checkpoint->line_count; i++) {
		struct span name = checkpoint->lines[i].name;
		bool witness = !genesis_member_named(judgement->epoch->members, name);
		buffer_append_text(report, "ok: checkpoint: ");
		if (witness && !is_witness_of(policy, name)) {
			report_text(report, name);
			buffer_append_text(report, " is named by a line as a witness; it was not checked and does not count\n");
			continue;
		}
		if (witness)
			buffer_append_text(report, "the witness ");
		report_text(report, name);
		buffer_append_text(report, " signed it at ");
		report_seconds(report, checkpoint->lines[i].cosignature.timestamp_s);
		buffer_append_byte(report, '\n');
	}
	for (size_t i = 0; policy && i < policy->required_count; i++)
		buffer_printf(report, "ok: policy: %s, whose signature it requires, signed\n", policy->required[i]);
	if (policy && policy->age_max_s)
		buffer_printf(report, "ok: policy: the checkpoint is not older than %" PRIu64 " s\n", policy->age_max_s);
}

void note_report_final(const struct note_judgement *judgement, const char *what, struct buffer *report)
{
	const struct genesis *members = judgement->epoch->members;
	buffer_printf(report, "ok: %s was final no later than ", what);
	report_seconds(report, judgement->final_s);
	buffer_printf(report, ", unless more than %zu of the %zu organisations lie\n", note_tolerated(members), members->member_count);
}
