/* Machine documents: anything is either refused with a sentence or gives bodies that the ledger can read. */
#include "command/document.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct document *document = memory_new(sizeof *document);
	struct fault fault = {{0}};
	if (document_read(span_of(data, size), span_of_text("org:maker"), span_of_text("hall-1"), document, &fault) == OK) {
		CHECK(document->subject.size > 0 && document->subject.size <= STATEMENT_NAME_MAX);
		struct buffer body = {0};
		if (document->kind == DOCUMENT_DEVICE) {
			body_device_encode(&document->device, &body);
			CHECK(body_check(STATEMENT_DEVICE, buffer_span(&body), &fault) == OK);
		}
		buffer_free(&body);
		document_free(document);
	} else {
		CHECK(fault.text[0] != 0);
	}
	free(document);
	return 0;
}
