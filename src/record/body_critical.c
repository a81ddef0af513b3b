/* What could not wait: critical events and their acknowledgement. And the check of any body. */
#include "record/schema.h"

static void critical_fields(struct schema *s, struct body_critical *body)
{
	schema_map_begin(s);
	schema_text(s, 1, "kind", &body->kind, SCHEMA_REQUIRED);
	schema_int64(s, 2, "time_ns", &body->time_ns);
	schema_int64(s, 3, "received_ns", &body->received_ns);
	schema_int64(s, 4, "acted_ns", &body->acted_ns);
	schema_text(s, 5, "action", &body->action, SCHEMA_OPTIONAL);
	schema_text(s, 6, "detail", &body->detail, SCHEMA_OPTIONAL);
	schema_map_end(s);
}

SCHEMA_CODEC(critical)

static void ack_fields(struct schema *s, struct body_ack *body)
{
	schema_map_begin(s);
	schema_digest(s, 1, "target", &body->target, SCHEMA_REQUIRED);
	schema_text(s, 2, "person", &body->person, SCHEMA_REQUIRED);
	schema_text(s, 3, "comment", &body->comment, SCHEMA_OPTIONAL);
	schema_int64(s, 4, "time_ns", &body->time_ns);
	schema_map_end(s);
}

SCHEMA_CODEC(ack)

#define CHECKER(name)                                                              \
	static enum status check_##name(struct span bytes, struct fault *fault)    \
	{                                                                          \
		struct body_##name body;                                           \
		return body_##name##_decode(bytes, &body, fault);                  \
	}

CHECKER(org)
CHECKER(person)
CHECKER(device)
CHECKER(event)
CHECKER(bounds)
CHECKER(anchor)
CHECKER(model)
CHECKER(device_state)
CHECKER(disturbance)
CHECKER(service)
CHECKER(command)
CHECKER(result)
CHECKER(critical)
CHECKER(ack)
CHECKER(evidence)
CHECKER(member)
CHECKER(vote)

enum status body_check(unsigned type, struct span bytes, struct fault *fault)
{
	static enum status (*const checkers[STATEMENT_TYPE_END])(struct span, struct fault *) = {
		[STATEMENT_ORG] = check_org,
		[STATEMENT_PERSON] = check_person,
		[STATEMENT_DEVICE] = check_device,
		[STATEMENT_EVENT] = check_event,
		[STATEMENT_ANCHOR] = check_anchor,
		[STATEMENT_MODEL] = check_model,
		[STATEMENT_BOUNDS] = check_bounds,
		[STATEMENT_DEVICE_STATE] = check_device_state,
		[STATEMENT_DISTURBANCE] = check_disturbance,
		[STATEMENT_SERVICE] = check_service,
		[STATEMENT_COMMAND] = check_command,
		[STATEMENT_RESULT] = check_result,
		[STATEMENT_CRITICAL] = check_critical,
		[STATEMENT_ACK] = check_ack,
		[STATEMENT_EVIDENCE] = check_evidence,
		[STATEMENT_MEMBER] = check_member,
		[STATEMENT_VOTE] = check_vote,
	};
	if (type >= STATEMENT_TYPE_END || !checkers[type])
		return fault_set(fault, E_UNKNOWN, "There is no statement type %u; a newer version may know it.", type);
	return checkers[type](bytes, fault);
}
