/* Examination: all checks of one statement against the ledger's state, except its signature,
 * from the cheap to the dear. Apply and admission share it, so that they cannot disagree. */
#ifndef TALLY_LEDGER_EXAMINATION_H
#define TALLY_LEDGER_EXAMINATION_H

#include "ledger/evidence.h"
#include "ledger/state.h"

/* The bodies that change the state or are looked into. */
union examined_body {
	struct body_person person;
	struct body_device device;
	struct body_bounds bounds;
	struct body_anchor anchor;
	struct body_model model;
	struct body_device_state device_state;
	struct body_disturbance disturbance;
	struct body_result result;
	struct body_ack ack;
	struct body_evidence evidence;
	struct body_member member;
	struct body_vote vote;
};

struct examination {
	const struct ledger *ledger;
	const struct statement *statement;
	struct fault *fault;
	bool lenient;
	uint64_t duplicate;           /* E_DUPLICATE: the log position */
	struct entity *issuer;
	struct entity *subject;       /* NULL when not registered */
	struct verifying_key *new_key; /* of a registration; owned, may be NULL */
	union examined_body body;
	struct evidence_proves proves; /* of EVIDENCE */
	size_t proposal;              /* of VOTE: its position + 1; 0: not there yet */
};

/* What one lie is known by: which, in which epoch, whose, and the round or size. */
struct lie_key {
	uint8_t bytes[1 + 8 + 2 + 8];
};
struct lie_key lie_key(const struct examination *examination);

/* Fill in ledger, statement, fault and lenient; the rest is set here. new_key must be freed or taken in any case. */
MUST_USE enum status examination_run(struct examination *examination);

/* rules.c: may this issuer issue this type, decode the body, then: about this subject, saying this?
 * The second part also decides everything that a later statement could change. */
MUST_USE enum status rules_issuer(struct examination *examination);
MUST_USE enum status rules_body(struct examination *examination);
MUST_USE enum status rules_subject(struct examination *examination);

/* governance.c: the particular rules of MEMBER and VOTE, and what they do. */
MUST_USE enum status rule_member(struct examination *examination);
MUST_USE enum status rule_vote(struct examination *examination);
void governance_propose(struct ledger *ledger, struct examination *examination);
void governance_vote(struct ledger *ledger, struct examination *examination);
/* Is it one of the statement's parents? */
bool examination_parent(const struct statement *statement, const struct digest *id);

/* An outsider's text fit for a sentence: short, without control characters. */
struct printable {
	char text[81];
};
struct printable printable(struct span text);

#endif
