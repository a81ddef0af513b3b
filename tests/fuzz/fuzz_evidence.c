/* Any bytes as the body of an EVIDENCE statement: nothing breaks, and what convicts one member convicts no other and of no
 * other lie. (The corpus holds true proofs with one byte changed; the fuzzer finds the way back.) */
#include "ledger/evidence.h"

#include "../unit/consortium.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct consortium consortium; /* made once: keys take long */
	static struct epochs epochs;
	if (!consortium.members) {
		consortium_found(&consortium, 4);
		epochs_begin(&epochs, &consortium.genesis);
	}
	struct body_evidence body;
	struct evidence_proves proves;
	struct fault fault = {{0}};
	if (body_evidence_decode(span_of(data, size), &body, &fault) != OK)
		return 0;
	if (evidence_proof(&epochs, &body, &proves, &fault) != OK) {
		CHECK(fault.text[0]);
		return 0;
	}
	struct span accused = body.accused;
	for (size_t i = 0; i < consortium.genesis.member_count; i++) {
		body.accused = consortium.genesis.members[i].header.iss;
		CHECK(span_equal(body.accused, accused) || evidence_proof(&epochs, &body, &proves, &fault) != OK);
	}
	body.accused = accused;
	body.lie = body.lie == LIE_FORK ? LIE_EQUIVOCATION : LIE_FORK;
	CHECK(evidence_proof(&epochs, &body, &proves, &fault) != OK);
	return 0;
}
