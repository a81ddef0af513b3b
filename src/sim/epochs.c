/* Epochs as the world around the members sees them. */
#include "sim/state.h"

#include <stdio.h>
#include <stdlib.h>

static uint16_t organisation_find(const struct sim *sim, struct span name)
{
	for (uint16_t i = 0; i < sim->members; i++)
		if (span_is_text(name, sim->consortium->organisation[i].name))
			return i;
	return NOBODY;
}

static void epoch_add(struct sim *sim, const struct epoch *epoch)
{
	ARRAY_GROW(sim->epochs, sim->epoch_count, sim->epoch_capacity);
	struct sim_epoch *added = &sim->epochs[sim->epoch_count];
	*added = (struct sim_epoch){.begun_ms = epoch->number ? epoch->time_ms : 0, .digest = epoch->digest, .members = (uint16_t)epoch->members->member_count,
		.faults = genesis_faults(epoch->members)};
	for (uint16_t i = 0; i < added->members; i++) {
		const struct genesis_member *member = &epoch->members->members[i];
		added->who[i] = organisation_find(sim, member->header.iss);
		CHECK(added->who[i] != NOBODY);
		const struct public_key *second = signing_key_public(sim->consortium->organisation[added->who[i]].nodes[1]);
		added->second[i] = memcmp(member->org.node_key.bytes, second->bytes, sizeof second->bytes) == 0;
	}
	size_t number = sim->epoch_count++;
	if (sim->observer_capacity < sim->epoch_count) {
		sim->observer_capacity = 2 * sim->epoch_count;
		sim->observers = memory_resize(sim->observers, sim->observer_capacity, sizeof(struct observer *));
	}
	sim->observers[number] = observer_new(sim, number);
}

void epochs_init(struct sim *sim)
{
	struct epochs chain;
	epochs_begin(&chain, &sim->genesis);
	epoch_add(sim, epochs_newest(&chain));
	epochs_free(&chain);
}

void epochs_free_all(struct sim *sim)
{
	for (size_t i = 0; i < sim->epoch_count; i++)
		observer_free(sim->observers[i]);
	free(sim->observers);
	free(sim->epochs);
}

void check_epoch(struct sim *sim, uint16_t index)
{
	if (!is_honest(&sim->member[index]))
		return;
	const struct epochs *chain = ledger_epochs(replica_ledger(sim->member[index].replica));
	const struct epoch *newest = epochs_newest(chain);
	trace_line(sim, "%u epoch %zu members=%zu entries=%llu", (unsigned)index, chain->count - 1, newest->members->member_count,
		(unsigned long long)newest->log_size);
	if (chain->count == sim->epoch_count + 1) {
		sim->counters[SIM_EPOCHS]++;
		epoch_add(sim, newest);
	} else if (chain->count > sim->epoch_count) {
		sim_broken(sim, 1, "member %u is in epoch %zu, and nobody was in the one before", (unsigned)index, chain->count - 1);
	} else if (!digest_equal(&sim->epochs[chain->count - 1].digest, &newest->digest)) {
		sim_broken(sim, 1, "member %u begins another epoch %zu", (unsigned)index, chain->count - 1);
	}
}

uint16_t seat_owner(const struct sim *sim, uint16_t index, uint16_t seat)
{
	const struct ledger *ledger = replica_ledger(sim->member[index].replica);
	return seat < ledger_seat_count(ledger) ? organisation_find(sim, span_of_text(ledger_seat(ledger, seat)->name)) : NOBODY;
}

uint16_t seat_of(const struct sim *sim, uint16_t index, uint16_t other)
{
	const struct entity *entity = ledger_entity(replica_ledger(sim->member[index].replica), span_of_text(sim->consortium->organisation[other].name));
	return entity ? entity->seat : NOBODY;
}

uint16_t block_owner(const struct sim *sim, const struct block *block)
{
	if (block->epoch >= sim->epoch_count || block->author >= sim->epochs[block->epoch].members)
		return NOBODY;
	return sim->epochs[block->epoch].who[block->author];
}

uint64_t member_epoch(const struct sim *sim, uint16_t index)
{
	return epochs_newest(ledger_epochs(replica_ledger(sim->member[index].replica)))->number;
}

uint16_t member_author(const struct sim *sim, uint16_t index)
{
	const struct entity *entity =
		ledger_entity(replica_ledger(sim->member[index].replica), span_of_text(sim->consortium->organisation[index].name));
	return entity && entity->member != LEDGER_NO_MEMBER ? entity->member : NOBODY;
}
