/* Clients: organisations' tools and gateways. Each numbers and chains its statements, keeps them until it is told that
 * they are final, tries another member when one does not answer, and slows down when it is told to. */
#include "sim/statements.h"

#include "crypto/hash.h"

#include <stdlib.h>

enum { ANSWER_TIMEOUT_MS = 1500, GATEWAYS_MAX = 2, SPOIL_PERMILLE = 150, SPOILED_ATTEMPTS = 2, NO_PAYLOAD = -1 };

uint32_t payload_add(struct sim *sim, uint16_t client, struct buffer *bytes, bool valid)
{
	uint32_t number = sim->payload_count;
	ARRAY_GROW(sim->payloads, sim->payload_count, sim->payload_capacity);
	struct payload *payload = &sim->payloads[sim->payload_count++];
	*payload = (struct payload){.bytes = *bytes, .id = sha256(buffer_span(bytes)), .client = client, .valid = valid};
	map_put(&sim->payload_ids, digest_span(&payload->id), number);
	*bytes = (struct buffer){0};
	return number;
}

void clients_found(struct sim *sim)
{
	if (sim_is_calm(sim)) {
		calm_clients_found(sim);
		return;
	}
	size_t gateways = sim->founders < GATEWAYS_MAX ? sim->founders : GATEWAYS_MAX;
	sim->clients = memory_new_array(sim->founders + 2 * gateways, sizeof *sim->clients);
	for (uint16_t i = 0; i < sim->founders + 2 * gateways; i++) {
		struct client *client = &sim->clients[sim->client_count++];
		uint16_t organisation = i < sim->founders ? i : (uint16_t)((i - sim->founders) % gateways);
		enum client_kind kind = i < sim->founders ? CLIENT_ORGANISATION : i < sim->founders + gateways ? CLIENT_GATEWAY : CLIENT_PERSON;
		*client = (struct client){.kind = kind, .organisation = organisation,
			.member = organisation, .wanted = sim->knobs.statements, .window = sim->knobs.window, .pause_us = sim->knobs.pause_us};
		if (client->kind == CLIENT_ORGANISATION) {
			client->seq = 1;
			client->last = sim->consortium->organisation[i].org_id;
			client->wanted = organisation < gateways && client->wanted < 4 ? 4 : client->wanted;
		}
		client->next_us = sim_between(sim, 0, 500 * SIM_MS);
		client->wakes = true;
		happen(sim, client->next_us, (struct happening){.kind = HAPPEN_CLIENT, .to = i});
	}
}

void clients_free(struct sim *sim)
{
	for (size_t i = 0; i < sim->client_count; i++)
		free(sim->clients[i].payloads);
	for (uint32_t i = 0; i < sim->payload_count; i++)
		buffer_free(&sim->payloads[i].bytes);
	free(sim->clients);
	free(sim->payloads);
	map_free(&sim->payload_ids);
	buffer_free(&sim->bad);
}

uint32_t clients_open(const struct sim *sim)
{
	for (size_t i = 0; i < sim->client_count; i++)
		if (sim->clients[i].suspended && sim->clients[i].count)
			return sim->clients[i].payloads[sim->clients[i].count - 1];
	for (size_t i = 0; i < sim->client_count; i++)
		if (sim->clients[i].done < sim->clients[i].count)
			return sim->clients[i].payloads[sim->clients[i].done];
	return UINT32_MAX;
}

/* -- asking ------------------------------------------------------------------------------------------------------- */

static void submit(struct sim *sim, uint32_t number)
{
	struct payload *payload = &sim->payloads[number];
	const struct client *client = &sim->clients[payload->client];
	uint16_t member = (uint16_t)((client->member + payload->attempts) % sim->members);
	sim->counters[SIM_RETRIES] += payload->attempts > 0;
	payload->attempts++;
	payload->retry_us = sim->now_us + ANSWER_TIMEOUT_MS * SIM_MS;
	if (!sim_permille(sim, sim->network.loss))
		happen(sim, sim_between(sim, 200, 20 * SIM_MS), (struct happening){.kind = HAPPEN_SUBMIT, .to = member, .number = number});
}

void client_submit_arrives(struct sim *sim, struct happening *submitted)
{
	const struct member *member = &sim->member[submitted->to];
	if (!member->replica || (!is_honest(member) && sim_permille(sim, 500)))
		return;
	member_step(sim, submitted->to,
		(struct replica_event){.kind = REPLICA_SUBMIT, .bytes = buffer_span(&sim->payloads[submitted->number].bytes)});
}

/* A gateway can say nothing before its organisation has registered it and its machine, and that is final; and a person nothing before
 * there is an alarm. */
static bool may_speak(struct sim *sim, struct client *client)
{
	enum { REGISTRATIONS = 4 };
	if (client->kind == CLIENT_ORGANISATION)
		return true;
	const struct client *organisation = &sim->clients[client->organisation];
	if (organisation->done < REGISTRATIONS)
		return false;
	client->registration = organisation->registration;
	client->bounds = organisation->bounds;
	/* Only what is final may be referred to by another issuer. */
	if (!is_final(sim, &client->bounds))
		client->bounds = (struct digest){0};
	if (client->kind == CLIENT_GATEWAY)
		return true;
	client->alarm = sim->clients[sim->founders + client->organisation].alarm;
	return is_final(sim, &client->alarm);
}

/* In the second part only what lifts a suspension is still said. */
static bool wants_to_speak(const struct sim *sim, const struct client *client)
{
	return client->suspended || (sim->phase == PHASE_STORM && client->count < client->wanted);
}

static void speak(struct sim *sim, uint16_t index)
{
	struct client *client = &sim->clients[index];
	if (!wants_to_speak(sim, client) || sim->now_us < client->next_us || client->count - client->done >= client->window
		|| !may_speak(sim, client))
		return;
	if (sim->phase == PHASE_STORM && sim_permille(sim, SPOIL_PERMILLE)) {
		submit(sim, statement_spoil(sim, index));
		/* Its number is the next good one's as well. Mostly it is judged first, and so for what is wrong with it. */
		client->next_us = sim_permille(sim, 750) ? sim->now_us + sim_between(sim, 100 * SIM_MS, 700 * SIM_MS) : 0;
		if (client->next_us)
			return;
	}
	statement_make(sim, index);
	client->next_us = sim->now_us + sim_between(sim, 0, 2 * client->pause_us);
}

void client_wake(struct sim *sim, uint16_t index)
{
	enum { LOOK_MS = 60 };
	struct client *client = &sim->clients[index];
	if (sim_is_calm(sim)) {
		calm_client_wake(sim, index);
		return;
	}
	speak(sim, index);
	while (client->done < client->count && sim->payloads[client->payloads[client->done]].state == PAYLOAD_FINAL)
		client->done++;
	for (size_t i = client->done; i < client->count; i++) {
		const struct payload *payload = &sim->payloads[client->payloads[i]];
		if (payload->state == PAYLOAD_OPEN && sim->now_us >= payload->retry_us)
			submit(sim, client->payloads[i]);
	}
	bool more = client->done < client->count || wants_to_speak(sim, client);
	client->wakes = more;
	if (more)
		happen(sim, sim_between(sim, LOOK_MS / 2 * SIM_MS, LOOK_MS * SIM_MS), (struct happening){.kind = HAPPEN_CLIENT, .to = index});
}

/* -- being told ------------------------------------------------------------------------------------------------------ */

void client_told(struct sim *sim, uint16_t member, const struct replica_action *outcome)
{
	uint64_t number;
	if (!is_honest(&sim->member[member]) || !map_get(&sim->payload_ids, digest_span(&outcome->id), &number))
		return; /* the word of a liar is worth nothing; nor does anybody wait for what a liar proposed */
	calm_told(sim, member, &sim->payloads[number]);
	happen(sim, sim_between(sim, 200, 10 * SIM_MS),
		(struct happening){.kind = HAPPEN_ANSWER, .from = member, .number = number, .status = outcome->status, .index = outcome->index});
}

static void final_told(struct sim *sim, struct payload *payload, const struct happening *answer)
{
	const struct checks *checks = &sim->checks;
	uint64_t at = answer->index - sim->founders;
	if (!payload->valid)
		sim_broken(sim, 11, "member %u accepted a statement that must be refused", (unsigned)answer->from);
	else if (answer->index < sim->founders || at >= checks->final_count || !digest_equal(&checks->finals[at].id, &payload->id))
		sim_broken(sim, 11, "member %u tells a client that its statement is entry %llu, and it is not", (unsigned)answer->from,
			(unsigned long long)answer->index);
	payload->state = PAYLOAD_FINAL;
	payload->index = answer->index;
}

/* Reasons that can go away by themselves. */
static bool is_passing(enum status status)
{
	return status == E_BUSY || status == E_SEQUENCE || status == E_PARENT || status == E_UNKNOWN || status == E_REVOKED;
}

void client_answer(struct sim *sim, const struct happening *answer)
{
	struct payload *payload = &sim->payloads[answer->number];
	trace_line(sim, "client %u told by %u payload=%llu status=%s", (unsigned)payload->client, (unsigned)answer->from,
		(unsigned long long)answer->number, status_name(answer->status));
	if (answer->status == OK || answer->status == E_DUPLICATE) {
		final_told(sim, payload, answer);
		return;
	}
	sim->counters[answer->status == E_BUSY ? SIM_BUSY : SIM_REFUSED]++;
	if (!payload->valid && payload->attempts >= SPOILED_ATTEMPTS)
		payload->state = PAYLOAD_REFUSED;
	if (payload->valid && !is_passing(answer->status))
		sim_broken(sim, 14, "member %u refuses a good statement: %s", (unsigned)answer->from, status_name(answer->status));
	payload->retry_us = sim->now_us + sim_between(sim, 30 * SIM_MS, 400 * SIM_MS);
}
