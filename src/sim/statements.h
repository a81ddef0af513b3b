/* Statements on their way to be signed, for the files that make good ones and bad ones. */
#ifndef TALLY_SIM_STATEMENTS_H
#define TALLY_SIM_STATEMENTS_H

#include "sim/state.h"

/* Large bodies, one at a time. */
union body {
	struct body_person person;
	struct body_device device;
	struct body_event event;
	struct body_bounds bounds;
	struct body_anchor anchor;
	struct body_model model;
	struct body_member member;
	struct body_vote vote;
	struct body_device_state device_state;
	struct body_disturbance disturbance;
	struct body_service service;
	struct body_command command;
	struct body_result result;
	struct body_critical critical;
	struct body_ack ack;
};

struct draft {
	struct statement statement;
	union body *body;
	struct buffer bytes;          /* of the body */
	const struct signing_key *key;
	bool idle;                    /* a proposal that nobody wants */
	char name[40];                /* of the subject, where it has no other place */
	size_t accusation;            /* of EVIDENCE that must become final: its place + 1 */
};

static inline struct span text(const char *characters)
{
	return span_of_text(characters);
}

const struct sim_organisation *organisation_of(const struct sim *sim, const struct client *client);
bool is_regulator(const struct client *client);
/* Is the statement final at an honest member? Zero: no. */
bool is_final(const struct sim *sim, const struct digest *id);
/* The client's next number, its name and key; type, subject and body are to be filled in. */
void draft_begin(struct sim *sim, const struct client *client, struct draft *draft);
/* The name of another device of an organisation; kept in the draft. */
struct span device_name(struct draft *draft, const struct sim_organisation *organisation, const char *device);
void event_draft(struct sim *sim, struct draft *draft);
struct buffer draft_sign(struct sim *sim, struct draft *draft, struct digest *id);
void draft_free(struct draft *draft);

#endif
