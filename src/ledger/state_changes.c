/* The state tree follows the entities: which of them changed is noted when a statement is applied, and their entries are
 * made again when the tree is asked for. An issuer that speaks a thousand times between two checkpoints costs one entry. */
#include "ledger/state.h"

#include <stdlib.h>

void state_changes_add(struct state_changes *changes, const struct entity *entity)
{
	if (entity->position >= changes->room) {
		size_t room = changes->room ? changes->room : 64;
		while (room <= entity->position)
			room *= 2;
		changes->is_in = memory_resize(changes->is_in, room, sizeof *changes->is_in);
		memset(changes->is_in + changes->room, 0, (room - changes->room) * sizeof *changes->is_in);
		changes->room = room;
	}
	if (changes->is_in[entity->position])
		return;
	changes->is_in[entity->position] = true;
	ARRAY_GROW(changes->positions, changes->count, changes->capacity);
	changes->positions[changes->count++] = entity->position;
}

void state_changes_free(struct state_changes *changes)
{
	free(changes->positions);
	free(changes->is_in);
	*changes = (struct state_changes){0};
}

static struct span name_or_none(const struct entity *entity)
{
	return entity ? span_of_text(entity->name) : (struct span){0};
}

static struct state_entry entry_of(const struct entity *entity)
{
	return (struct state_entry){
		.kind = entity->kind,
		.state = entity->state,
		.registration = entity->registration,
		.owner = name_or_none(entity->owner),
		.gateway = name_or_none(entity->gateway),
		.role = entity->role ? span_of_text(entity->role) : (struct span){0},
		.kid = entity->kid,
		.tls_key = entity->tls_key,
		.bounds = entity->bounds,
		.bounds_version = entity->bounds_version,
		.model = entity->model,
		.model_version = entity->model_version,
		.last_seq = entity->last_seq,
		.last_id = entity->last_id,
	};
}

struct state_tree *ledger_state(struct ledger *ledger)
{
	struct state_changes *changes = &ledger->changes;
	struct buffer value = {0};
	for (size_t i = 0; i < changes->count; i++) {
		const struct entity *entity = ledger->entities[changes->positions[i]];
		struct state_entry entry = entry_of(entity);
		struct digest key = state_entry_key(span_of_text(entity->name));
		buffer_clear(&value);
		state_entry_encode(&entry, &value);
		CHECK(value.size <= STATE_ENTRY_MAX);
		state_tree_put(&ledger->state, &key, buffer_span(&value));
		changes->is_in[changes->positions[i]] = false;
	}
	changes->count = 0;
	buffer_free(&value);
	return &ledger->state;
}
