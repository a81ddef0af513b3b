/* A receipt that decodes has one form, and what is said about it are lines of our own making. It is checked for a statement
 * and an older checkpoint of the sample consortium, of which the saved inputs are. */
#include "../unit/sample_log.h"
#include "report.h"

#include "record/cose.h"
#include "record/receipt_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sample_consortium *consortium;
	static struct sample_log *log;
	static struct buffer older;
	static struct receipt receipt;
	if (!consortium) {
		consortium = sample_consortium_new();
		log = sample_log_new(consortium);
		struct digest root = merkle_tree_root(&log->tree, 5);
		sample_note(consortium, 5, &root, 0x3, &older);
	}
	struct span bytes = span_of(data, size);
	struct buffer again = {0}, report = {0};
	struct fault fault = {0};
	struct cose_sign1 sign1;
	if (receipt_decode_proofs(bytes, &receipt, &fault) != OK) {
		CHECK(fault.text[0]);
		return 0;
	}
	CHECK(cose_sign1_decode(bytes, &sign1, NULL) == OK && sign1.detached);
	cose_sign1_encode(&sign1, &again);
	CHECK(span_equal(buffer_span(&again), bytes));
	CHECK(receipt.proof_count >= 1 && receipt.proof_count <= RECEIPT_PROOFS_MAX);
	for (size_t i = 0; i < receipt.proof_count; i++)
		CHECK(receipt.proofs[i].path.count <= MERKLE_PATH_MAX);
	/* Checks of signatures are slow: only for what gets that far. */
	for (int kind = 0; kind < 2 && receipt_decode(bytes, &receipt, &fault) == OK; kind++) {
		fault.text[0] = 0;
		buffer_clear(&report);
		enum status status = kind == 0 ? receipt_check(bytes, buffer_span(&log->entries[LOG_DEVICE]), &consortium->trust, &report, &fault)
					       : receipt_check_consistency(bytes, buffer_span(&older), &consortium->trust, &report, &fault);
		CHECK((status == OK) == (fault.text[0] == 0));
		report_check(buffer_span(&report));
	}
	buffer_free(&again);
	buffer_free(&report);
	return 0;
}
