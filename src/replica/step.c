#include "replica/state.h"

#include <stdlib.h>

void step_begin(struct replica *replica)
{
	for (size_t i = 0; i < replica->scratch_count; i++)
		free(replica->scratch[i]);
	replica->scratch_count = 0;
	replica->action_count = 0;
	replica->wrapped_from = (struct span){0};
}

void step_free(struct replica *replica)
{
	step_begin(replica);
	free(replica->scratch);
	free(replica->actions);
}

struct replica_action *step_action(struct replica *replica, enum replica_action_kind kind)
{
	ARRAY_GROW(replica->actions, replica->action_count, replica->action_capacity);
	struct replica_action *action = &replica->actions[replica->action_count++];
	*action = (struct replica_action){.kind = kind};
	return action;
}

void step_rotate(struct replica *replica, uint32_t first, uint32_t from)
{
	uint32_t tail = replica->action_count - from, told = from - first;
	if (told == 0 || tail == 0)
		return;
	struct replica_action *actions = replica->actions + first;
	struct replica_action *kept = memory_new_array(told, sizeof *kept);
	memcpy(kept, actions, told * sizeof *kept);
	memmove(actions, actions + told, tail * sizeof *kept);
	memcpy(actions + tail, kept, told * sizeof *kept);
	free(kept);
}

void step_keep_memory(struct replica *replica, void *owned)
{
	if (!owned)
		return;
	ARRAY_GROW(replica->scratch, replica->scratch_count, replica->scratch_capacity);
	replica->scratch[replica->scratch_count++] = owned;
}

struct span step_keep(struct replica *replica, struct buffer *owned)
{
	struct span span = buffer_span(owned);
	step_keep_memory(replica, owned->data);
	*owned = (struct buffer){0};
	return span;
}

uint64_t step_append(struct replica *replica, uint8_t kind, struct span bytes)
{
	struct buffer frame = {0};
	uint64_t position = replica->log_end;
	log_frame_write(&frame, position, kind, bytes);
	replica->log_end += frame.size;
	struct replica_action *action = step_action(replica, REPLICA_APPEND);
	action->position = position;
	action->bytes = step_keep(replica, &frame);
	return position;
}

void step_send(struct replica *replica, uint16_t peer, enum message_kind kind, struct span bytes)
{
	if (replica->wrapped_from.data != bytes.data || replica->wrapped_from.size != bytes.size) {
		struct buffer message = {0};
		buffer_reserve(&message, bytes.size + 9);
		write_u8(&message, (uint8_t)kind);
		if (kind == MESSAGE_CONSENSUS)
			write_u64(&message, replica->speaking);
		buffer_append_span(&message, bytes);
		replica->wrapped_from = bytes;
		replica->wrapped = step_keep(replica, &message);
	}
	struct replica_action *action = step_action(replica, REPLICA_SEND);
	action->peer = peer;
	action->bytes = replica->wrapped;
}

void step_send_range(struct replica *replica, uint16_t peer, const struct consensus_range *range)
{
	struct consensus_range *copy = memory_new(sizeof *copy);
	*copy = *range;
	step_keep_memory(replica, copy);
	struct replica_action *action = step_action(replica, REPLICA_SEND_RANGE);
	action->peer = peer;
	action->range = copy;
}

void step_send_all(struct replica *replica, enum message_kind kind, struct span bytes)
{
	for (uint16_t seat = 0; seat < ledger_seat_count(replica->ledger); seat++)
		if (seat != replica_seat(replica) && replica->up[seat])
			step_send(replica, seat, kind, bytes);
}

void step_keep_entry(struct replica *replica, enum replica_action_kind where, uint8_t kind, struct span bytes)
{
	struct replica_action *action = step_action(replica, where);
	action->frame_kind = kind;
	action->bytes = bytes;
}

struct replica_action *step_final(struct replica *replica, const struct statement *statement, struct span bytes)
{
	struct statement *copy = memory_new(sizeof *copy);
	*copy = *statement;
	step_keep_memory(replica, copy);
	struct replica_action *action = step_action(replica, REPLICA_FINAL);
	action->statement = copy;
	action->bytes = bytes;
	action->id = statement->id;
	return action;
}

void step_outcome(struct replica *replica, const struct digest *id, enum status status, const char *reason)
{
	char *sentence = memory_text(span_of_text(reason));
	step_keep_memory(replica, sentence);
	struct replica_action *action = step_action(replica, REPLICA_OUTCOME);
	action->id = *id;
	action->status = status;
	action->reason = sentence;
}
