/* A transparent statement that decodes has one form, gives one statement, and what is said about it are lines of our own making.
 * It is judged under the sample consortium, of which the saved inputs are. */
#include "../unit/sample_consortium.h"
#include "report.h"

#include "record/cose.h"
#include "record/receipt.h"
#include "record/transparent_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sample_consortium *consortium;
	static struct transparent read;
	if (!consortium)
		consortium = sample_consortium_new();
	struct span bytes = span_of(data, size);
	struct buffer again = {0}, report = {0};
	struct statement statement;
	struct cose_sign1 sign1;
	struct fault fault = {0};
	struct policy two = {.organisations = 2};
	bool is = transparent_is(bytes);
	if (transparent_decode(bytes, &read, &fault) != OK) {
		CHECK(fault.text[0]);
		return 0;
	}
	CHECK(is && read.receipt_count >= 1 && read.receipt_count <= TRANSPARENT_RECEIPTS_MAX);
	CHECK(cose_sign1_decode(buffer_span(&read.statement), &sign1, NULL) == OK && sign1.unprotected.size == 1 && !sign1.detached);
	size_t sum = read.statement.size;
	for (size_t i = 0; i < read.receipt_count; i++) {
		CHECK(read.receipts[i].size >= 1 && read.receipts[i].size <= RECEIPT_SIZE_MAX);
		CHECK(read.receipts[i].data > data && span_end(read.receipts[i]) < data + size);
		sum += read.receipts[i].size;
	}
	CHECK(sum <= size);
	/* Of a statement of ours there is one file with these receipts. */
	if (statement_decode(buffer_span(&read.statement), &statement, NULL) == OK) {
		CHECK(transparent_encode(buffer_span(&read.statement), read.receipts, read.receipt_count, &again, &fault) == OK);
		CHECK(span_equal(buffer_span(&again), bytes));
	}
	transparent_free(&read);
	for (int round = 0; round < 2; round++) {
		const struct trust trust = {.epochs = &consortium->epochs, .policy = round ? &two : NULL};
		fault.text[0] = 0;
		buffer_clear(&report);
		enum status status = transparent_check(bytes, &trust, &report, &fault);
		CHECK((status == OK) == (fault.text[0] == 0));
		report_check(buffer_span(&report));
	}
	buffer_free(&again);
	buffer_free(&report);
	return 0;
}
