/* What a file is, by its first bytes: the kinds that `tally verify` takes, alone or in pairs. */
#include "app/verify.h"
#include "app/verify_state.h"

#include "record/cose.h"
#include "record/receipt_check.h"

#include <stdlib.h>

enum kind { KIND_OTHER, KIND_NOTE, KIND_RECEIPT, KIND_STATEMENT };

static enum kind kind_of(struct span file)
{
	static const char ORIGIN[] = "tally/";
	struct cose_sign1 sign1;
	if (file.size >= sizeof ORIGIN - 1 && memcmp(file.data, ORIGIN, sizeof ORIGIN - 1) == 0)
		return KIND_NOTE;
	if (cose_sign1_decode(file, &sign1, NULL) != OK)
		return KIND_OTHER;
	return sign1.detached ? KIND_RECEIPT : KIND_STATEMENT;
}

/* What all checks of a call share. */
struct verifying {
	const struct genesis *genesis;
	const struct policy *policy;  /* NULL: f+1 */
	int64_t now_s;
	struct buffer *report;
	struct fault *fault;
};

static enum status failed(const struct verifying *v, enum status status, const char *why)
{
	buffer_printf(v->report, "FAILED: %s\n", why);
	return fault_set(v->fault, status, "%s", why);
}

static enum status verify_plain_note(const struct verifying *v, struct span note)
{
	struct checkpoint *checkpoint = memory_new(sizeof *checkpoint);
	struct fault inner = {0};
	enum status status = checkpoint_verify(note, v->genesis, checkpoint, v->report, &inner);
	free(checkpoint);
	return status == OK ? OK : failed(v, status, inner.text);
}

static enum status verify_policy(const struct verifying *v, struct span note)
{
	struct note_judgement *judgement = memory_new(sizeof *judgement);
	struct fault inner = {0};
	char origin[CHECKPOINT_ORIGIN_SIZE];
	checkpoint_origin(v->genesis->network, origin);
	enum status status = note_judge(note, origin, v->genesis, v->policy, v->now_s, judgement, &inner);
	if (status == OK)
		note_report(judgement, v->genesis, v->policy, v->report);
	free(judgement);
	return status == OK ? OK : failed(v, status, inner.text);
}

static enum status verify_pair(const struct verifying *v, struct span receipt, struct span other)
{
	enum kind kind = kind_of(other);
	if (kind == KIND_STATEMENT && v->policy)
		return failed(v, E_SIGNATURE, "policy: a receipt is the word of one organisation, and a policy asks for several: verify it without, or export a bundle");
	if (kind == KIND_STATEMENT)
		return receipt_check(receipt, other, v->genesis, v->report, v->fault);
	if (kind != KIND_NOTE)
		return failed(v, E_MALFORMED, "form: beside the receipt there is neither a statement nor a checkpoint");
	TRY(receipt_check_consistency(receipt, other, v->genesis, v->report, v->fault));
	return v->policy ? verify_policy(v, other) : OK;
}

static enum status verify_kinds(const struct verifying *v, const struct span *files, size_t count)
{
	if (count == 1 && kind_of(files[0]) == KIND_NOTE)
		return v->policy ? verify_policy(v, files[0]) : verify_plain_note(v, files[0]);
	if (count == 2 && kind_of(files[0]) == KIND_RECEIPT)
		return verify_pair(v, files[0], files[1]);
	if (count == 2 && kind_of(files[1]) == KIND_RECEIPT)
		return verify_pair(v, files[1], files[0]);
	return failed(v, E_MALFORMED, count == 2 ? "form: neither file is a receipt"
		: "form: a receipt or a statement proves nothing alone: give both, or a receipt and a checkpoint");
}

enum status verify_files(struct span genesis_bytes, const struct span *files, size_t count, const struct policy *policy, int64_t now_s,
	struct buffer *report, struct fault *fault)
{
	CHECK(count >= 1 && count <= VERIFY_FILES_MAX);
	if (count == 1 && state_proof_is(files[0]))
		return verify_state(genesis_bytes, files[0], policy, now_s, report, fault);
	if (count == 1 && kind_of(files[0]) == KIND_OTHER) {
		TRY(verify_bundle(genesis_bytes, files[0], report, fault));
		return policy ? verify_bundle_policy(genesis_bytes, files[0], policy, now_s, report, fault) : OK;
	}
	struct genesis genesis;
	struct fault inner;
	enum status status = genesis_decode(genesis_bytes, &genesis, &inner);
	if (status != OK)
		return fault_set(fault, status, "the genesis is not valid: %.400s", inner.text);
	const struct verifying verifying = {.genesis = &genesis, .policy = policy, .now_s = now_s, .report = report, .fault = fault};
	status = verify_kinds(&verifying, files, count);
	genesis_free(&genesis);
	return status;
}
