/* What a file is, by its first bytes: the kinds that `tally verify` takes, alone or in pairs. */
#include "app/verify.h"

#include "record/cose.h"
#include "record/receipt_check.h"
#include "record/state_proof.h"
#include "record/transparent_check.h"

#include <stdlib.h>

enum kind { KIND_OTHER, KIND_NOTE, KIND_RECEIPT, KIND_STATEMENT, KIND_TRANSPARENT };

static enum kind kind_of(struct span file)
{
	static const char ORIGIN[] = "tally/";
	struct cose_sign1 sign1;
	if (file.size >= sizeof ORIGIN - 1 && memcmp(file.data, ORIGIN, sizeof ORIGIN - 1) == 0)
		return KIND_NOTE;
	if (cose_sign1_decode(file, &sign1, NULL) != OK)
		return KIND_OTHER;
	if (sign1.detached)
		return KIND_RECEIPT;
	return transparent_is(file) ? KIND_TRANSPARENT : KIND_STATEMENT;
}

static enum status failed(struct buffer *report, struct fault *fault, enum status status, const char *why)
{
	buffer_printf(report, "FAILED: %s\n", why);
	return fault_set(fault, status, "%s", why);
}

enum status verify_state(const struct trust *trust, struct span file, struct buffer *report, struct fault *fault)
{
	struct state_finding found;
	struct state_proof *proof = memory_new(sizeof *proof);
	enum status status = state_proof_decode(file, proof, fault);
	if (status == OK)
		status = state_proof_verify(proof, trust, &found, report, fault);
	else
		buffer_printf(report, "FAILED: form: %s\n", fault->text);
	free(proof);
	return status;
}

static enum status verify_note(const struct trust *trust, struct span note, struct buffer *report, struct fault *fault)
{
	struct note_judgement *judgement = memory_new(sizeof *judgement);
	struct fault inner = {0};
	char origin[CHECKPOINT_ORIGIN_SIZE];
	checkpoint_origin(trust->epochs->items[0].members->network, origin);
	enum status status = note_judge(note, origin, trust, judgement, &inner);
	if (status == OK) {
		note_report(judgement, trust->policy, report);
		note_report_final(judgement, "all of the log up to this size", report);
	} else {
		failed(report, fault, status, inner.text);
	}
	free(judgement);
	return status;
}

static enum status verify_one(const struct trust *trust, struct span file, struct buffer *report, struct fault *fault)
{
	if (state_proof_is(file))
		return verify_state(trust, file, report, fault);
	if (epochs_is(file))
		return verify_epochs(trust->epochs->items[0].members, file, report, fault);
	if (kind_of(file) == KIND_NOTE)
		return verify_note(trust, file, report, fault);
	if (kind_of(file) == KIND_OTHER)
		return verify_bundle(trust, file, report, fault);
	if (kind_of(file) == KIND_TRANSPARENT)
		return transparent_check(file, trust, report, fault);
	return failed(report, fault, E_MALFORMED, "form: a receipt or a statement proves nothing alone: give both, or a receipt and a checkpoint");
}

static enum status verify_pair(const struct trust *trust, struct span receipt, struct span other, struct buffer *report, struct fault *fault)
{
	enum kind kind = kind_of(other);
	if (kind == KIND_STATEMENT)
		return receipt_check(receipt, other, trust, report, fault);
	if (kind == KIND_NOTE)
		return receipt_check_consistency(receipt, other, trust, report, fault);
	return failed(report, fault, E_MALFORMED, "form: beside the receipt there is neither a statement nor a checkpoint");
}

enum status verify_files(const struct trust *trust, const struct span *files, size_t count, struct buffer *report, struct fault *fault)
{
	CHECK(count >= 1 && count <= VERIFY_FILES_MAX);
	if (count == 1)
		return verify_one(trust, files[0], report, fault);
	if (kind_of(files[0]) == KIND_TRANSPARENT || kind_of(files[1]) == KIND_TRANSPARENT)
		return failed(report, fault, E_MALFORMED, "form: a transparent statement is verified alone, it has its receipts inside");
	if (kind_of(files[0]) == KIND_RECEIPT)
		return verify_pair(trust, files[0], files[1], report, fault);
	if (kind_of(files[1]) == KIND_RECEIPT)
		return verify_pair(trust, files[1], files[0], report, fault);
	return failed(report, fault, E_MALFORMED, "form: neither file is a receipt");
}
