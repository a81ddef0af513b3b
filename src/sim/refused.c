/* Statements that must be refused, each for a reason of its own. */
#include "sim/statements.h"

enum spoil { SPOIL_SIGNATURE, SPOIL_NETWORK, SPOIL_ISSUER, SPOIL_KEY, SPOIL_BYTES, SPOIL_NUMBER, SPOIL_TYPE, SPOIL_BODY, SPOIL_PREVIOUS, SPOIL_RULE, SPOIL_EVIDENCE,
	SPOIL_MEMBERS, SPOILS };

static void state_of(struct draft *draft, const char *subject)
{
	draft->statement.type = STATEMENT_DEVICE_STATE;
	draft->statement.sub = text(subject);
	buffer_clear(&draft->bytes);
	body_device_state_encode(&(struct body_device_state){.state = DEVICE_SUSPENDED, .reason = text("spite")}, &draft->bytes);
}

static void person_of(struct sim *sim, const struct client *client, struct draft *draft, const char *subject)
{
	draft->statement.type = STATEMENT_PERSON;
	draft->statement.sub = text(subject);
	draft->body->person = (struct body_person){.role = text("engineer"), .key = *signing_key_public(organisation_of(sim, client)->person_key)};
	buffer_clear(&draft->bytes);
	body_person_encode(&draft->body->person, &draft->bytes);
}

/* A registration with a fault: of a gateway without a key, of one that has a gateway, of one with another's TLS key; of a
 * machine with a key, or at an unknown gateway. */
static void device_of(struct sim *sim, const struct client *client, struct draft *draft, uint64_t which)
{
	const struct sim_organisation *organisation = organisation_of(sim, client);
	bool gateway = which < 3;
	struct body_device *device = &draft->body->device;
	*device = (struct body_device){.kind = gateway ? DEVICE_GATEWAY : DEVICE_MACHINE, .model = text("box"), .firmware = {{9}}, .site = text("plant"),
		.has_key = which != 0 && which != 4, .key = *signing_key_public(organisation->gateway_key), .tls_key = {{7, 7}}};
	if (which == 1 || which == 3)
		device->gateway = text(organisation->gateway);
	if (which == 2)
		device->tls_key = (struct digest){{client->organisation == 0 ? 2 : 1}}; /* another organisation's node */
	if (which == 4) {
		device->gateway = text("gw:nobody/hall");
		device->tls_key = (struct digest){0};
	}
	draft->statement.type = STATEMENT_DEVICE;
	draft->statement.sub = text(gateway ? organisation->gateway : organisation->machine);
	buffer_clear(&draft->bytes);
	body_device_encode(device, &draft->bytes);
}

/* Another organisation, or the same when there is only one. */
static const struct client *another_organisation(struct sim *sim, const struct client *client)
{
	return &sim->clients[(client->organisation + 1) % sim->founders];
}

static void bounds_of(struct sim *sim, const struct client *client, struct draft *draft)
{
	draft->statement.type = STATEMENT_BOUNDS;
	draft->statement.sub = text(organisation_of(sim, client)->machine);
	draft->body->bounds = (struct body_bounds){.version = 1000000, .bounds = {{.signal = text("temperature"), .unit = text("Cel"), .low = {5, 0},
		.high = {80, 0}, .deadline_ms = 5000}}, .bound_count = 1, .source = text("nowhere")};
	buffer_clear(&draft->bytes);
	body_bounds_encode(&draft->body->bounds, &draft->bytes);
}

/* What concerns another's device, or one that is revoked, is a regulator's business alone. */
static bool state_breaks(struct sim *sim, const struct client *client, struct draft *draft)
{
	const struct client *other = another_organisation(sim, client);
	if (is_regulator(client))
		return false;
	if (other != client && sim_permille(sim, 500)) {
		state_of(draft, organisation_of(sim, other)->machine);
		return true;
	}
	if (!is_final(sim, &client->revocation))
		return false;
	state_of(draft, "");
	draft->statement.sub = device_name(draft, organisation_of(sim, client), "scrap");
	return true;
}

static void organisation_breaks(struct sim *sim, const struct client *client, struct draft *draft)
{
	static const struct digest unknown = {{77}};
	uint64_t which = sim_below(sim, 16);
	if (which == 2 && sim->founders == 1)
		which = 0; /* there is nobody else's key */
	if (which > 12 && state_breaks(sim, client, draft))
		return;
	switch (which) {
	case 5: person_of(sim, client, draft, "person:nobody/engineer"); break;
	case 6: person_of(sim, client, draft, "person:"); break;
	case 7: state_of(draft, "dev:nobody/machine"); break;
	case 8: state_of(draft, organisation_of(sim, client)->name); break;
	case 9: draft->statement.parents[draft->statement.parent_count++] = unknown; break;
	case 10: bounds_of(sim, client, draft); break;
	case 11:
		device_of(sim, client, draft, 4);
		draft->statement.sub = device_name(draft, organisation_of(sim, client), "no machine");
		break;
	case 12: person_of(sim, client, draft, organisation_of(sim, another_organisation(sim, client))->machine); break;
	default: device_of(sim, client, draft, which % 5); break;
	}
}

/* An anchor of what is not registered, or not so; or with bounds that are none. */
static void anchor_breaks(struct sim *sim, const struct client *client, struct draft *draft)
{
	static const struct digest unknown = {{78}};
	const struct sim_organisation *organisation = organisation_of(sim, client), *foreign = organisation_of(sim, another_organisation(sim, client));
	struct body_anchor *anchor = &draft->body->anchor;
	*anchor = (struct body_anchor){.chunk = {{1}}, .root = {{2}}, .samples = 10, .size = 100, .first_ns = 1, .last_ns = 2, .range_count = 1,
		.wrangling = {{3}}, .firmware = {{4}}, .evidence = EVIDENCE_GATEWAY, .site = text("plant"), .purpose = text("monitoring")};
	struct body_range *range = &anchor->ranges[0];
	*range = (struct body_range){.device = text(organisation->machine), .registration = client->registration, .first_seq = 1, .last_seq = 10, .samples = 10};
	switch (sim_below(sim, 7)) {
	case 0: range->device = text("dev:nobody/machine"); break;
	case 1: range->registration = unknown; break;
	case 2: range->registration = client->model; break;
	case 3: range->device = text(organisation->gateway); break;
	case 4: range->bounds = client->registration; break;
	case 5: range->model = unknown; break;
	default:
		range->device = text(foreign->machine);
		if (sim->founders > 1)
			range->registration = another_organisation(sim, client)->registration;
		else
			range->registration = unknown;
		break;
	}
	draft->statement.type = STATEMENT_ANCHOR;
	body_anchor_encode(anchor, &draft->bytes);
}

/* Answers to what was not asked, or not of this one. */
static void answer_breaks(struct sim *sim, const struct client *client, struct draft *draft)
{
	struct statement *statement = &draft->statement;
	const struct client *owner = &sim->clients[client->organisation];
	struct digest command = client->model;
	statement->type = STATEMENT_RESULT;
	switch (sim_below(sim, 4)) {
	case 0: break; /* it is no parent */
	case 1: statement->parents[statement->parent_count++] = command; break;
	default:
		if (!is_final(sim, &owner->lathe) || !is_final(sim, &client->command))
			break;
		command = client->command; /* which was the other machine's */
		statement->parents[statement->parent_count++] = command;
		statement->sub = device_name(draft, organisation_of(sim, client), "lathe");
		break;
	}
	body_result_encode(&(struct body_result){.command = command, .done = true, .detail = text("done"), .time_ns = 1}, &draft->bytes);
}

/* Of an alarm that another organisation's gateway raised, or in the name of nobody. */
static void ack_breaks(struct sim *sim, const struct client *client, struct draft *draft)
{
	const struct client *other = &sim->clients[sim->founders + (client->organisation == 0 && sim->founders > 1)];
	bool foreign = sim->founders > 1 && is_final(sim, &other->alarm) && sim_permille(sim, 500);
	struct digest target = foreign ? other->alarm : client->alarm;
	draft->statement.type = STATEMENT_ACK;
	draft->statement.parents[draft->statement.parent_count++] = target;
	if (foreign)
		draft->statement.sub = text(organisation_of(sim, other)->machine);
	body_ack_encode(&(struct body_ack){.target = target, .person = text(foreign ? organisation_of(sim, client)->person : "person:nobody/engineer"),
		.comment = text("seen"), .time_ns = 1}, &draft->bytes);
}

static void disturbance_of(struct sim *sim, const struct client *client, struct draft *draft)
{
	const char *subjects[] = {"dev:nobody/machine", organisation_of(sim, client)->gateway,
		sim->founders > 1 ? organisation_of(sim, another_organisation(sim, client))->machine : "dev:nobody/machine"};
	draft->statement.type = STATEMENT_DISTURBANCE;
	draft->statement.sub = text(subjects[sim_below(sim, 3)]);
	draft->body->disturbance = (struct body_disturbance){.kind = DISTURBANCE_BOUNDS, .diagnosis = DIAGNOSIS_SENSOR, .signal = text("temperature"),
		.time_ns = 1, .detected_ns = 1, .explanation = text("too hot"), .count = 1};
	body_disturbance_encode(&draft->body->disturbance, &draft->bytes);
}

static void gateway_breaks(struct sim *sim, const struct client *client, struct draft *draft)
{
	struct statement *statement = &draft->statement;
	buffer_clear(&draft->bytes);
	statement->sub = text(organisation_of(sim, client)->machine);
	switch (sim_below(sim, 9)) {
	case 0:
	case 1:
	case 2: anchor_breaks(sim, client, draft); break;
	case 3:
	case 4: answer_breaks(sim, client, draft); break;
	case 5: ack_breaks(sim, client, draft); break;
	case 6:
		statement->type = STATEMENT_MODEL;
		draft->body->model = (struct body_model){.version = 1000000, .kind = text("first-order"), .reason = text("calibration")};
		body_model_encode(&draft->body->model, &draft->bytes);
		break;
	case 7: disturbance_of(sim, client, draft); break;
	default:
		statement->type = STATEMENT_COMMAND;
		statement->sub = text("dev:nobody/machine");
		body_command_encode(&(struct body_command){.action = text("stop"), .time_ns = 1}, &draft->bytes);
		break;
	}
}

/* In another's name. */
static void person_breaks(struct sim *sim, const struct client *client, struct draft *draft)
{
	const struct sim_organisation *other = organisation_of(sim, another_organisation(sim, client));
	buffer_clear(&draft->bytes);
	draft->statement.type = STATEMENT_ACK;
	draft->statement.sub = text(organisation_of(sim, client)->machine);
	draft->statement.parents[draft->statement.parent_count++] = client->alarm;
	body_ack_encode(&(struct body_ack){.target = client->alarm, .person = text(sim->founders > 1 ? other->person : "person:nobody/engineer"),
		.comment = text("seen"), .time_ns = 1}, &draft->bytes);
}

static void spoil_fields(struct sim *sim, const struct client *client, struct draft *draft, enum spoil spoil)
{
	switch (spoil) {
	case SPOIL_NETWORK: draft->statement.network[0] ^= 1; break;
	case SPOIL_ISSUER: draft->statement.iss = text("org:nobody"); break;
	case SPOIL_KEY: draft->key = organisation_of(sim, client)->node; break;
	case SPOIL_NUMBER:
		draft->statement.seq = 1;
		draft->statement.prev = (struct digest){0};
		break;
	case SPOIL_TYPE: draft->statement.type = sim_permille(sim, 500) ? STATEMENT_ORG : STATEMENT_TYPE_END + 1; break;
	case SPOIL_BODY: draft->bytes.size -= 1; break;
	case SPOIL_PREVIOUS:
		if (draft->statement.seq > 1)
			draft->statement.prev = (struct digest){{79}};
		else
			draft->statement.network[0] ^= 1;
		break;
	case SPOIL_RULE:
		if (client->kind == CLIENT_GATEWAY)
			gateway_breaks(sim, client, draft);
		else if (client->kind == CLIENT_PERSON)
			person_breaks(sim, client, draft);
		else
			organisation_breaks(sim, client, draft);
		break;
	case SPOIL_EVIDENCE:
		if (!accuse_falsely(sim, client, draft))
			draft->statement.network[0] ^= 1;
		break;
	case SPOIL_MEMBERS:
		if (!misgovern_breaks(sim, client, draft))
			draft->statement.network[0] ^= 1;
		break;
	default: break;
	}
}

uint32_t statement_spoil(struct sim *sim, uint16_t index)
{
	const struct client *client = &sim->clients[index];
	struct draft draft;
	struct digest id;
	draft_begin(sim, client, &draft);
	event_draft(sim, &draft);
	enum spoil spoil = sim_permille(sim, 600) ? SPOIL_RULE : (enum spoil)sim_below(sim, SPOILS);
	if (client->kind == CLIENT_ORGANISATION && spoil == SPOIL_RULE && sim_permille(sim, 660))
		spoil = sim_permille(sim, 500) ? SPOIL_MEMBERS : SPOIL_EVIDENCE;
	if (client->kind != CLIENT_ORGANISATION && spoil >= SPOIL_PREVIOUS)
		spoil = SPOIL_RULE; /* what a gateway may not say at all is refused for that */
	spoil_fields(sim, client, &draft, spoil);
	struct buffer bytes = draft_sign(sim, &draft, &id);
	if (spoil == SPOIL_BYTES)
		bytes.size = 1 + (size_t)sim_below(sim, bytes.size - 1);
	if (spoil == SPOIL_SIGNATURE)
		bytes.data[bytes.size - 1] ^= 1;
	buffer_clear(&sim->bad);
	buffer_append_span(&sim->bad, buffer_span(&bytes));
	draft_free(&draft);
	return payload_add(sim, index, &bytes, false);
}

void statement_forge(struct sim *sim, uint16_t liar, struct buffer *out)
{
	const struct client *client = &sim->clients[sim_below(sim, sim->founders)];
	const struct entity *victim = ledger_entity(replica_ledger(sim->member[liar].replica), text(organisation_of(sim, client)->name));
	struct draft draft;
	struct digest id;
	draft_begin(sim, client, &draft);
	event_draft(sim, &draft);
	draft.statement.seq = victim->last_seq + 1;
	draft.statement.prev = victim->last_id;
	struct buffer bytes = draft_sign(sim, &draft, &id);
	bytes.data[bytes.size - 1] ^= 1;
	buffer_append_span(out, buffer_span(&bytes));
	buffer_free(&bytes);
	draft_free(&draft);
}
