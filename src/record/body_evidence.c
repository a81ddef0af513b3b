/* That a member lied. */
#include "record/schema.h"

const char *lie_name(unsigned lie)
{
	static const char *const names[LIE_END] = {[LIE_EQUIVOCATION] = "equivocation", [LIE_FORK] = "fork"};
	return lie < LIE_END && names[lie] ? names[lie] : "unknown";
}

static void evidence_fields(struct schema *s, struct body_evidence *body)
{
	schema_map_begin(s);
	schema_text(s, 1, "accused", &body->accused, SCHEMA_REQUIRED);
	schema_uint32(s, 2, "lie", &body->lie, LIE_EQUIVOCATION, LIE_END - 1);
	schema_bytes(s, 3, "first", &body->first, BODY_PROOF_MAX, SCHEMA_REQUIRED);
	schema_bytes(s, 4, "second", &body->second, BODY_PROOF_MAX, SCHEMA_OPTIONAL);
	schema_map_end(s);
}

SCHEMA_CODEC(evidence)
