/* What organisations and gateways say: every kind of statement that the ledger knows, and some that it must refuse. */
#include "sim/statements.h"

#include "crypto/hash.h"

#include <stdio.h>
#include <stdlib.h>

/* Of events in calm runs: the body comes to about 256 bytes. */
enum { CALM_PADDING = 150 };

const struct sim_organisation *organisation_of(const struct sim *sim, const struct client *client)
{
	return &sim->consortium->organisation[client->organisation];
}

static int64_t now_ns(const struct sim *sim)
{
	return (SIM_EPOCH_US + sim->now_us) * 1000;
}

void draft_begin(struct sim *sim, const struct client *client, struct draft *draft)
{
	const struct sim_organisation *organisation = organisation_of(sim, client);
	const char *const names[] = {organisation->name, organisation->gateway, organisation->person};
	const struct signing_key *const issuer_keys[] = {organisation->record, organisation->gateway_key, organisation->person_key};
	*draft = (struct draft){.body = memory_new_array(1, sizeof *draft->body), .key = issuer_keys[client->kind]};
	draft->statement = (struct statement){.seq = client->seq + 1, .prev = client->last, .iss = text(names[client->kind]), .sub = text(organisation->machine),
		.iat = (SIM_EPOCH_US + sim->now_us) / SIM_S, .class = CLASS_CONSORTIUM};
	memcpy(draft->statement.network, sim->genesis.network, NETWORK_ID_SIZE);
}

/* -- bodies ------------------------------------------------------------------------------------------------------ */

static void gateway_draft(struct sim *sim, const struct client *client, struct draft *draft)
{
	const struct sim_organisation *organisation = organisation_of(sim, client);
	draft->statement.type = STATEMENT_DEVICE;
	draft->statement.sub = text(organisation->gateway);
	draft->body->device = (struct body_device){.kind = DEVICE_GATEWAY, .model = text("box"), .firmware = {{9}}, .has_key = true,
		.key = *signing_key_public(organisation->gateway_key), .tls_key = {{0x80, (uint8_t)client->organisation}}, .site = text("plant")};
	body_device_encode(&draft->body->device, &draft->bytes);
}

struct span device_name(struct draft *draft, const struct sim_organisation *organisation, const char *device)
{
	snprintf(draft->name, sizeof draft->name, "dev:%s/%s", organisation->name + 4, device);
	return text(draft->name);
}

static void machine_draft(struct sim *sim, const struct client *client, struct draft *draft)
{
	draft->statement.type = STATEMENT_DEVICE;
	draft->body->device = (struct body_device){.kind = DEVICE_MACHINE, .model = text("S-1"), .gateway = text(organisation_of(sim, client)->gateway),
		.firmware = {{8}}, .format = FORMAT_JSON,
		.signals = {{.id = text("temperature"), .field = text("t"), .raw_unit = text("Cel"), .unit = text("Cel"), .period_ms = 1000}},
		.signal_count = 1, .site = text("plant")};
	body_device_encode(&draft->body->device, &draft->bytes);
}

static void person_draft(struct sim *sim, const struct client *client, struct draft *draft)
{
	draft->statement.type = STATEMENT_PERSON;
	draft->statement.sub = text(organisation_of(sim, client)->person);
	draft->body->person = (struct body_person){.role = text("engineer"), .key = *signing_key_public(organisation_of(sim, client)->person_key)};
	body_person_encode(&draft->body->person, &draft->bytes);
}

static void bounds_draft(struct client *client, struct draft *draft)
{
	draft->statement.type = STATEMENT_BOUNDS;
	draft->body->bounds = (struct body_bounds){.version = ++client->bounds_version,
		.bounds = {{.signal = text("temperature"), .unit = text("Cel"), .low = {5, 0}, .high = {80, 0}, .deadline_ms = 5000}}, .bound_count = 1,
		.source = text("data sheet")};
	body_bounds_encode(&draft->body->bounds, &draft->bytes);
}

static void state_draft(struct draft *draft, const char *subject, enum device_state state)
{
	draft->statement.type = STATEMENT_DEVICE_STATE;
	draft->statement.sub = text(subject);
	draft->body->device_state = (struct body_device_state){.state = state, .reason = text("inspection")};
	body_device_state_encode(&draft->body->device_state, &draft->bytes);
}

void event_draft(struct sim *sim, struct draft *draft)
{
	char item[32], padding[BODY_TEXT_MAX];
	size_t size = sim_is_calm(sim) ? CALM_PADDING : (size_t)sim_below(sim, sizeof padding);
	memset(padding, 'x', sizeof padding);
	snprintf(item, sizeof item, "urn:item:%u", (unsigned)sim_below(sim, 1000));
	draft->statement.type = STATEMENT_EVENT;
	draft->statement.sub = text("order:1");
	draft->body->event = (struct body_event){.kind = text("order"), .type = text("TransactionEvent"), .step = text("accepting"),
		.time_ms = now_ns(sim) / 1000000, .place = text("here"), .items = {text(item)}, .item_count = 1,
		.details = {{text("note"), span_of(padding, size)}}, .detail_count = size ? 1 : 0};
	body_event_encode(&draft->body->event, &draft->bytes);
}

static void model_draft(struct client *client, struct draft *draft)
{
	draft->statement.type = STATEMENT_MODEL;
	draft->body->model = (struct body_model){.version = ++client->model_version, .kind = text("first-order"), .reason = text("calibration")};
	body_model_encode(&draft->body->model, &draft->bytes);
}

static void anchor_draft(struct sim *sim, const struct client *client, struct draft *draft)
{
	struct body_anchor *anchor = &draft->body->anchor;
	draft->statement.type = STATEMENT_ANCHOR;
	draft->statement.sub = text("plant");
	*anchor = (struct body_anchor){.chunk = {{1}}, .root = {{2}}, .samples = 10, .size = 100, .first_ns = now_ns(sim) - 1, .last_ns = now_ns(sim),
		.range_count = 1, .wrangling = {{3}}, .firmware = {{4}}, .evidence = EVIDENCE_GATEWAY, .site = text("plant"), .purpose = text("monitoring")};
	anchor->ranges[0] = (struct body_range){.device = text(organisation_of(sim, client)->machine), .registration = client->registration,
		.bounds = client->bounds, .model = client->model, .first_seq = 1, .last_seq = 10, .samples = 10};
	body_anchor_encode(anchor, &draft->bytes);
}

static void disturbance_draft(struct sim *sim, struct draft *draft)
{
	draft->statement.type = STATEMENT_DISTURBANCE;
	draft->body->disturbance = (struct body_disturbance){.kind = (uint32_t)sim_between(sim, DISTURBANCE_BOUNDS, DISTURBANCE_KIND_END - 1),
		.diagnosis = DIAGNOSIS_SENSOR, .signal = text("temperature"), .time_ns = now_ns(sim), .detected_ns = now_ns(sim),
		.explanation = text("too hot"), .count = 1};
	body_disturbance_encode(&draft->body->disturbance, &draft->bytes);
}

static void service_draft(struct draft *draft)
{
	draft->statement.type = STATEMENT_SERVICE;
	draft->body->service = (struct body_service){.kind = SERVICE_CALIBRATION, .accepted = true, .explanation = text("drift")};
	body_service_encode(&draft->body->service, &draft->bytes);
}

static void command_draft(struct sim *sim, struct draft *draft)
{
	draft->statement.type = STATEMENT_COMMAND;
	draft->body->command = (struct body_command){.action = text("stop"), .time_ns = now_ns(sim)};
	body_command_encode(&draft->body->command, &draft->bytes);
}

static void parent_add(struct draft *draft, const struct digest *parent)
{
	draft->statement.parents[draft->statement.parent_count++] = *parent;
}

static void result_draft(struct sim *sim, const struct client *client, struct draft *draft)
{
	draft->statement.type = STATEMENT_RESULT;
	parent_add(draft, &client->command);
	draft->body->result = (struct body_result){.command = client->command, .done = true, .detail = text("done"), .time_ns = now_ns(sim)};
	body_result_encode(&draft->body->result, &draft->bytes);
}

static void critical_draft(struct sim *sim, struct draft *draft)
{
	draft->statement.type = STATEMENT_CRITICAL;
	draft->body->critical = (struct body_critical){.kind = text("fire"), .time_ns = now_ns(sim), .received_ns = now_ns(sim),
		.acted_ns = now_ns(sim), .action = text("stop"), .detail = text("line 1")};
	body_critical_encode(&draft->body->critical, &draft->bytes);
}

static void ack_draft(struct sim *sim, const struct client *client, struct draft *draft)
{
	draft->statement.type = STATEMENT_ACK;
	parent_add(draft, &client->alarm);
	draft->body->ack = (struct body_ack){.target = client->alarm, .person = text(organisation_of(sim, client)->person), .comment = text("seen"),
		.time_ns = now_ns(sim)};
	body_ack_encode(&draft->body->ack, &draft->bytes);
}

/* -- other devices: one is revoked by its owner and stays so, one is a regulator's concern ------------------------- */

bool is_regulator(const struct client *client)
{
	enum { ROLES = 4, REGULATOR = 2 }; /* keys.c */
	return client->organisation % ROLES == REGULATOR;
}

bool is_final(const struct sim *sim, const struct digest *id)
{
	uint64_t known;
	return map_get(&sim->checks.ids, digest_span(id), &known);
}

static bool regulator_says(struct sim *sim, const struct client *client, struct draft *draft)
{
	const struct client *other = &sim->clients[sim_below(sim, sim->founders)];
	if (!is_regulator(client) || other == client || !is_final(sim, &other->lathe))
		return false;
	state_draft(draft, "", (enum device_state)sim_between(sim, DEVICE_ACTIVE, DEVICE_REVOKED));
	draft->statement.sub = device_name(draft, organisation_of(sim, other), "lathe");
	return true;
}

static bool devices_say(struct sim *sim, struct client *client, struct draft *draft)
{
	enum { STORY = 4 };
	if (client->devices >= STORY)
		return regulator_says(sim, client, draft);
	switch (client->devices++) {
	case 1: state_draft(draft, "", DEVICE_REVOKED); break;
	default: machine_draft(sim, client, draft); break; /* which brings no revoked one back */
	}
	draft->statement.sub = device_name(draft, organisation_of(sim, client), client->devices == 3 ? "lathe" : "scrap");
	return true;
}

/* -- who says what, in which order --------------------------------------------------------------------------------- */

static void organisation_says(struct sim *sim, struct client *client, struct draft *draft)
{
	if (sim_is_calm(sim)) {
		event_draft(sim, draft);
		return;
	}
	switch (client->count) {
	case 0: gateway_draft(sim, client, draft); return;
	case 1: machine_draft(sim, client, draft); return;
	case 2: person_draft(sim, client, draft); return;
	default: break;
	}
	if (!client->suspended && (govern_says(sim, client, draft) || accuse_says(sim, client, draft)))
		return;
	if (client->suspended) { /* before anything else: its gateway waits for it */
		state_draft(draft, organisation_of(sim, client)->gateway, DEVICE_ACTIVE);
		client->suspended = false;
		return;
	}
	switch (client->count % 7) {
	case 3: bounds_draft(client, draft); return;
	case 4: state_draft(draft, organisation_of(sim, client)->machine, client->count % 2 ? DEVICE_SUSPENDED : DEVICE_ACTIVE); return;
	case 5:
		state_draft(draft, organisation_of(sim, client)->gateway, DEVICE_SUSPENDED);
		client->suspended = true;
		return;
	case 6: gateway_draft(sim, client, draft); return; /* registered again */
	default: break;
	}
	if (misgovern_says(sim, client, draft) || (sim_permille(sim, 600) && devices_say(sim, client, draft)))
		return;
	event_draft(sim, draft);
}

static void gateway_says(struct sim *sim, struct client *client, struct draft *draft)
{
	switch (client->count % 8) {
	case 0: model_draft(client, draft); return;
	case 1: anchor_draft(sim, client, draft); return;
	case 2: disturbance_draft(sim, draft); return;
	case 3: service_draft(draft); return;
	case 4: command_draft(sim, draft); return;
	case 5: result_draft(sim, client, draft); return;
	case 6: critical_draft(sim, draft); return;
	default: ack_draft(sim, client, draft); return;
	}
}

static void remember(struct client *client, const struct draft *draft, const struct digest *id)
{
	bool other = draft->name[0] != 0; /* none of its own machine */
	switch (draft->statement.type) {
	case STATEMENT_DEVICE:
		if (client->count == 1)
			client->registration = *id;
		if (other && client->devices == 3)
			client->lathe = *id;
		break;
	case STATEMENT_DEVICE_STATE:
		if (other && client->devices == 2 && digest_is_zero(&client->revocation))
			client->revocation = *id;
		break;
	case STATEMENT_MEMBER:
		if (draft->idle)
			client->idle_proposal = *id;
		break;
	case STATEMENT_MODEL: client->model = *id; break;
	case STATEMENT_BOUNDS: client->bounds = *id; break;
	case STATEMENT_COMMAND: client->command = *id; break;
	case STATEMENT_CRITICAL: client->alarm = *id; break;
	default: break;
	}
}

struct buffer draft_sign(struct sim *sim, struct draft *draft, struct digest *id)
{
	struct buffer bytes = {0};
	draft->statement.body = buffer_span(&draft->bytes);
	CHECK(statement_sign_by(&draft->statement, draft->key, sim_statement_signer(sim), NULL, &bytes, id) == OK);
	return bytes;
}

void draft_free(struct draft *draft)
{
	free(draft->body);
	buffer_free(&draft->bytes);
}

void statement_make(struct sim *sim, uint16_t index)
{
	struct client *client = &sim->clients[index];
	struct draft draft;
	struct digest id;
	draft_begin(sim, client, &draft);
	if (client->kind == CLIENT_ORGANISATION)
		organisation_says(sim, client, &draft);
	else if (client->kind == CLIENT_GATEWAY)
		gateway_says(sim, client, &draft);
	else
		ack_draft(sim, client, &draft); /* of an alarm of its organisation's gateway */
	struct buffer bytes = draft_sign(sim, &draft, &id);
	remember(client, &draft, &id);
	govern_said(sim, &draft, &id);
	client->seq++;
	client->last = id;
	uint32_t number = payload_add(sim, index, &bytes, true);
	sim->payloads[number].accusation = draft.accusation;
	ARRAY_GROW(client->payloads, client->count, client->capacity);
	client->payloads[client->count++] = number;
	draft_free(&draft);
}
