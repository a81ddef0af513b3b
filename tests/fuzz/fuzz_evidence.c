/* Any bytes as the body of an EVIDENCE statement: they convict nobody, and never break anything. (Nobody in this
 * consortium has signed two blocks of one slot, or any root.) The corpus holds true proofs with one byte changed. */
#include "ledger/evidence.h"

#include "../unit/consortium.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct consortium consortium; /* made once: keys take long */
	if (!consortium.members)
		consortium_found(&consortium, 4);
	struct body_evidence body;
	struct evidence_proves proves;
	struct fault fault = {{0}};
	if (body_evidence_decode(span_of(data, size), &body, &fault) != OK)
		return 0;
	CHECK(evidence_proof(&consortium.genesis, &body, &proves, &fault) != OK && fault.text[0]);
	/* The same parts as the other lie. */
	body.lie = body.lie == LIE_FORK ? LIE_EQUIVOCATION : LIE_FORK;
	CHECK(evidence_proof(&consortium.genesis, &body, &proves, &fault) != OK);
	return 0;
}
