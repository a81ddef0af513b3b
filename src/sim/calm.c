/* A calm run: no faults, no liars, right clocks, the product's limits. Organisations speak at a steady pace to their own
 * members; what members send meanwhile is counted, and how soon a statement is final. */
#include "sim/state.h"

#include "consensus/message.h"

#include <stdlib.h>

/* An empty disk waits two seconds for what the others know of it: nobody speaks before. */
enum { WARM_UP_MS = 3000, DRAIN_S = 180, FLUSH_US = 500, LOOK_MS = 60 };
enum { OUTER_CONSENSUS = 1, OUTER_SIZE = 9, PUSH_SIZE = 10 };

void calm_turn(struct sim *sim)
{
	const struct sim_calm *calm = &sim->options.calm;
	CHECK(calm->speakers <= sim->options.members);
	sim->members = sim->founders = sim->options.members;
	sim->settings = genesis_settings_usual();
	sim->member = memory_new_array(sim->members, sizeof *sim->member);
	sim->consensus = consensus_config_default();
	sim->network.delay_us = calm->delay_us;
	sim->network.jitter_us = calm->jitter_us;
	sim->network.ordered = true;
	sim->knobs = (struct knobs){.storm_us = WARM_UP_MS * SIM_MS + calm->load_us, .drain_us = DRAIN_S * SIM_S, .pause_us = calm->pause_us};
	for (uint16_t i = 0; i < sim->members; i++) {
		sim->member[i].boundary = NO_CRASH;
		sim->member[i].disk.space = sim->member[i].disk.entries_space = sim->member[i].disk.segment_size = SIZE_MAX;
		sim->member[i].disk.flush_us = FLUSH_US;
	}
}

void calm_clients_found(struct sim *sim)
{
	uint16_t speakers = sim->options.calm.speakers;
	sim->clients = memory_new_array(speakers, sizeof *sim->clients);
	for (uint16_t i = 0; i < speakers; i++) {
		sim->clients[sim->client_count++] = (struct client){.kind = CLIENT_ORGANISATION, .organisation = i, .member = i, .seq = 1,
			.last = sim->consortium->organisation[i].org_id, .wakes = true};
		happen(sim, WARM_UP_MS * SIM_MS + sim_between(sim, 0, sim->knobs.pause_us), (struct happening){.kind = HAPPEN_CLIENT, .to = i});
	}
}

static uint32_t round_of(const struct member *member)
{
	struct consensus_numbers numbers;
	consensus_numbers(replica_consensus(member->replica), &numbers);
	return numbers.round;
}

static void speak(struct sim *sim, uint16_t index)
{
	struct client *client = &sim->clients[index];
	struct member *member = &sim->member[client->member];
	statement_make(sim, index);
	struct payload *payload = &sim->payloads[client->payloads[client->count - 1]];
	payload->attempts = 1;
	payload->spoken_us = sim->now_us;
	payload->spoken_round = round_of(member);
	sim->measured.statements++;
	sim->measured.statement_bytes += payload->bytes.size;
	member_step(sim, client->member, (struct replica_event){.kind = REPLICA_SUBMIT, .bytes = buffer_span(&payload->bytes)});
}

void calm_client_wake(struct sim *sim, uint16_t index)
{
	struct client *client = &sim->clients[index];
	bool speaks = sim->phase == PHASE_STORM;
	if (speaks)
		speak(sim, index);
	while (client->done < client->count && sim->payloads[client->payloads[client->done]].state == PAYLOAD_FINAL)
		client->done++;
	client->wakes = speaks || client->done < client->count;
	if (client->wakes)
		happen(sim, speaks ? sim_between(sim, sim->knobs.pause_us / 2, sim->knobs.pause_us * 3 / 2) : LOOK_MS * SIM_MS,
			(struct happening){.kind = HAPPEN_CLIENT, .to = index});
}

/* -- measuring --------------------------------------------------------------------------------------------------- */

static bool is_measured(const struct sim *sim)
{
	return sim_is_calm(sim) && sim->phase == PHASE_STORM && sim->now_us >= WARM_UP_MS * SIM_MS;
}

static void push_count(struct sim *sim, uint16_t from, const struct block *block, size_t size)
{
	struct sim_measured *measured = &sim->measured;
	struct sim_sent *sent = block->tx_count ? &measured->full : &measured->empty;
	sent->messages++;
	sent->bytes += size - block->body.size;
	sent->references += block->ancestor_count;
	sent->votes += block->vote_count;
	measured->body_bytes += block->body.size;
	if (block->round > sim->member[from].measured_round) {
		sim->member[from].measured_round = block->round;
		measured->blocks++;
	}
}

void calm_sent(struct sim *sim, uint16_t from, struct span message)
{
	struct block block;
	if (!is_measured(sim))
		return;
	if (message.size > PUSH_SIZE && message.data[0] == OUTER_CONSENSUS && message.data[OUTER_SIZE] == MESSAGE_BLOCK
		&& block_parse(span_after(message, PUSH_SIZE), &block, NULL) == OK && block.author == from) {
		push_count(sim, from, &block, message.size);
		return;
	}
	sim->measured.other.messages++;
	sim->measured.other.bytes += message.size;
}

void calm_committed(struct sim *sim)
{
	sim->measured.commits += is_measured(sim);
}

void calm_told(struct sim *sim, uint16_t member, const struct payload *payload)
{
	struct sim_measured *measured = &sim->measured;
	if (!sim_is_calm(sim))
		return;
	ARRAY_GROW(measured->finality, measured->finality_count, measured->finality_capacity);
	measured->finality[measured->finality_count++] =
		(struct sim_finality){.rounds = round_of(&sim->member[member]) - payload->spoken_round, .us = sim->now_us - payload->spoken_us};
}

const struct sim_measured *sim_measured(const struct sim *sim)
{
	return &sim->measured;
}
