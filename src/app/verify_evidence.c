/* What convicts, said for people: the proofs in the EVIDENCE statements of a bundle, checked with the chain of epochs alone. */
#include "app/verify.h"

#include "base/map.h"
#include "ledger/evidence.h"

#include <inttypes.h>

static void say_proof(const struct body_evidence *body, const struct evidence_proves *proves, struct buffer *report)
{
	char first[DIGEST_HEX_SIZE], second[DIGEST_HEX_SIZE];
	span_hex(digest_span(&proves->first), first);
	span_hex(digest_span(&proves->second), second);
	buffer_printf(report, "ok: %.*s ", (int)body->accused.size, (const char *)body->accused.data);
	if (body->lie == LIE_FORK)
		buffer_printf(report, "signed that the log has the root %s at %" PRIu64 " entries; that it has another there is what the members, who "
			"accepted this statement, found in it\n", first, proves->at);
	else
		buffer_printf(report, "lied: it signed two blocks of round %" PRIu64 ", %s and %s\n", proves->at, first, second);
}

enum status verify_evidence(const struct epochs *epochs, const struct bundle *bundle, struct buffer *report, struct fault *fault)
{
	for (size_t i = 0; i < bundle->entry_count; i++) {
		struct statement statement;
		struct body_evidence body;
		struct evidence_proves proves;
		struct fault inner;
		TRY(statement_decode(bundle->entries[i].statement, &statement, fault));
		if (statement.type != STATEMENT_EVIDENCE)
			continue;
		enum status status = body_evidence_decode(statement.body, &body, &inner);
		if (status == OK)
			status = evidence_proof(epochs, &body, &proves, &inner);
		if (status != OK) {
			buffer_printf(report, "FAILED: evidence: %s\n", inner.text);
			return fault_set(fault, status, "evidence: %.400s", inner.text);
		}
		say_proof(&body, &proves, report);
	}
	return OK;
}
