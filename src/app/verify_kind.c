/* What a file is, by its first bytes: the kinds that `tally verify` takes, alone or in pairs. */
#include "app/verify.h"

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

bool verify_is_note(struct span file)
{
	return kind_of(file) == KIND_NOTE;
}

bool verify_is_bundle(struct span file)
{
	return kind_of(file) == KIND_OTHER;
}

static enum status verify_note(struct span note, const struct genesis *genesis, struct buffer *report, struct fault *fault)
{
	struct checkpoint *checkpoint = memory_new(sizeof *checkpoint);
	struct fault inner = {0};
	enum status status = checkpoint_verify(note, genesis, checkpoint, report, &inner);
	if (status != OK) {
		buffer_printf(report, "FAILED: %s\n", inner.text);
		fault_set(fault, status, "%s", inner.text);
	}
	free(checkpoint);
	return status;
}

static enum status verify_pair(struct span receipt, struct span other, const struct genesis *genesis, struct buffer *report, struct fault *fault)
{
	enum kind kind = kind_of(other);
	if (kind == KIND_STATEMENT)
		return receipt_check(receipt, other, genesis, report, fault);
	if (kind == KIND_NOTE)
		return receipt_check_consistency(receipt, other, genesis, report, fault);
	buffer_append_text(report, "FAILED: form: beside the receipt there is neither a statement nor a checkpoint\n");
	return fault_set(fault, E_MALFORMED, "form: beside the receipt there is neither a statement nor a checkpoint");
}

static enum status verify_kinds(const struct span *files, size_t count, const struct genesis *genesis, struct buffer *report, struct fault *fault)
{
	if (count == 1 && kind_of(files[0]) == KIND_NOTE)
		return verify_note(files[0], genesis, report, fault);
	if (count == 2 && kind_of(files[0]) == KIND_RECEIPT)
		return verify_pair(files[0], files[1], genesis, report, fault);
	if (count == 2 && kind_of(files[1]) == KIND_RECEIPT)
		return verify_pair(files[1], files[0], genesis, report, fault);
	const char *why = count == 2 ? "neither file is a receipt" : "a receipt or a statement proves nothing alone: give both, or a receipt and a checkpoint";
	buffer_printf(report, "FAILED: form: %s\n", why);
	return fault_set(fault, E_MALFORMED, "form: %s", why);
}

enum status verify_files(struct span genesis_bytes, const struct span *files, size_t count, struct buffer *report, struct fault *fault)
{
	CHECK(count >= 1 && count <= VERIFY_FILES_MAX);
	if (count == 1 && verify_is_bundle(files[0]))
		return verify_bundle(genesis_bytes, files[0], report, fault);
	struct genesis genesis;
	struct fault inner;
	enum status status = genesis_decode(genesis_bytes, &genesis, &inner);
	if (status != OK)
		return fault_set(fault, status, "the genesis is not valid: %.400s", inner.text);
	status = verify_kinds(files, count, &genesis, report, fault);
	genesis_free(&genesis);
	return status;
}
