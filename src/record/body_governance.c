/* Who the members are to be. */
#include "record/schema.h"

const char *member_change_name(unsigned change)
{
	static const char *const names[MEMBER_CHANGE_END] = {[MEMBER_ADD] = "add", [MEMBER_REMOVE] = "remove", [MEMBER_ROTATE] = "rotate"};
	return change < MEMBER_CHANGE_END && names[change] ? names[change] : "unknown";
}

static void member_fields(struct schema *s, struct body_member *body)
{
	schema_map_begin(s);
	schema_uint32(s, 1, "change", &body->change, MEMBER_ADD, MEMBER_CHANGE_END - 1);
	schema_bytes(s, 2, "organisation", &body->organisation, BODY_ORG_STATEMENT_MAX, SCHEMA_OPTIONAL);
	schema_text(s, 3, "reason", &body->reason, SCHEMA_OPTIONAL);
	schema_map_end(s);
	if ((body->change == MEMBER_REMOVE) != (body->organisation.size == 0))
		schema_refuse(s, "organisation", "it holds the organisation's statement, except for a removal");
}

static void vote_fields(struct schema *s, struct body_vote *body)
{
	schema_map_begin(s);
	schema_digest(s, 1, "proposal", &body->proposal, SCHEMA_REQUIRED);
	schema_bool(s, 2, "yes", &body->yes);
	schema_map_end(s);
}

SCHEMA_CODEC(member)
SCHEMA_CODEC(vote)
