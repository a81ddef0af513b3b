/* Statements that must be refused, each for a reason of its own. */
#include "sim/statements.h"

enum spoil { SPOIL_SIGNATURE, SPOIL_NETWORK, SPOIL_ISSUER, SPOIL_KEY, SPOIL_BYTES, SPOIL_NUMBER, SPOIL_TYPE, SPOIL_BODY, SPOIL_PREVIOUS, SPOIL_RULE, SPOIL_EVIDENCE, SPOILS };

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

static void organisation_breaks(struct sim *sim, const struct client *client, struct draft *draft)
{
	static const struct digest unknown = {{77}};
	uint64_t which = sim_below(sim, 10);
	if (which == 2 && sim->founders == 1)
		which = 0; /* there is nobody else's key */
	switch (which) {
	case 5: person_of(sim, client, draft, "person:nobody/engineer"); break;
	case 6: person_of(sim, client, draft, "person:"); break;
	case 7: state_of(draft, "dev:nobody/machine"); break;
	case 8: state_of(draft, organisation_of(sim, client)->name); break;
	case 9: draft->statement.parents[draft->statement.parent_count++] = unknown; break;
	default: device_of(sim, client, draft, which); break;
	}
}

static void gateway_breaks(struct sim *sim, const struct client *client, struct draft *draft)
{
	static const struct digest unknown = {{78}};
	const char *machine = organisation_of(sim, client)->machine;
	struct statement *statement = &draft->statement;
	uint64_t which = sim_below(sim, 8);
	buffer_clear(&draft->bytes);
	statement->sub = text(machine);
	switch (which) {
	case 0:
	case 1:
	case 2:
		statement->type = STATEMENT_ANCHOR;
		draft->body->anchor = (struct body_anchor){.chunk = {{1}}, .root = {{2}}, .samples = 10, .size = 100, .first_ns = 1, .last_ns = 2, .range_count = 1,
			.wrangling = {{3}}, .firmware = {{4}}, .evidence = EVIDENCE_GATEWAY, .site = text("plant"), .purpose = text("monitoring")};
		draft->body->anchor.ranges[0] = (struct body_range){.device = text(which ? machine : "dev:nobody/machine"),
			.registration = which == 1 ? unknown : which == 2 ? client->model : client->registration, .first_seq = 1, .last_seq = 10, .samples = 10};
		body_anchor_encode(&draft->body->anchor, &draft->bytes);
		break;
	case 3:
	case 4:
		statement->type = STATEMENT_RESULT;
		if (which == 4)
			statement->parents[statement->parent_count++] = client->model;
		body_result_encode(&(struct body_result){.command = client->model, .done = true, .detail = text("done"), .time_ns = 1}, &draft->bytes);
		break;
	case 5:
		statement->type = STATEMENT_ACK;
		statement->parents[statement->parent_count++] = client->alarm;
		body_ack_encode(&(struct body_ack){.target = client->alarm, .person = text("person:nobody/engineer"), .comment = text("seen"), .time_ns = 1},
			&draft->bytes);
		break;
	case 6:
		statement->type = STATEMENT_MODEL;
		draft->body->model = (struct body_model){.version = 1000000, .kind = text("first-order"), .reason = text("calibration")};
		body_model_encode(&draft->body->model, &draft->bytes);
		break;
	default:
		statement->type = STATEMENT_COMMAND;
		statement->sub = text("dev:nobody/machine");
		body_command_encode(&(struct body_command){.action = text("stop"), .time_ns = 1}, &draft->bytes);
		break;
	}
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
		else
			organisation_breaks(sim, client, draft);
		break;
	case SPOIL_EVIDENCE:
		if (client->kind == CLIENT_GATEWAY || !accuse_falsely(sim, client, draft))
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
	enum spoil spoil = sim_permille(sim, 400) ? SPOIL_RULE : (enum spoil)sim_below(sim, SPOILS);
	if (client->kind == CLIENT_GATEWAY && spoil == SPOIL_PREVIOUS)
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
