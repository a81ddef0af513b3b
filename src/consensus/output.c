#include "consensus/output.h"

#include <stdlib.h>

enum { OUTPUT_KEEP_MAX = 64 << 10 }; /* memory that a spare buffer may hold on to */

void output_free(struct output *output)
{
	output_reset(output);
	free(output->items);
	free(output->parts);
	free(output->kept);
	free(output->ids);
	free(output->refs);
	free(output->positions);
	free(output->stored);
	free(output->sorted);
	free(output->sorted_parts);
	*output = (struct output){0};
}

void output_reset(struct output *output)
{
	for (uint32_t i = 0; i < output->kept_count; i++)
		buffer_free(&output->kept[i]);
	output->kept_count = output->count = output->listed = 0;
	output->stored_count = output->stored_next = 0;
	if (output->id_capacity > OUTPUT_KEEP_MAX) { /* after a very large commit */
		free(output->ids);
		free(output->refs);
		free(output->positions);
		output->ids = NULL;
		output->refs = NULL;
		output->positions = NULL;
		output->id_capacity = output->ref_capacity = output->position_capacity = 0;
	}
}

struct span output_keep(struct output *output, struct buffer *bytes)
{
	ARRAY_GROW(output->kept, output->kept_count, output->kept_capacity);
	output->kept[output->kept_count++] = *bytes;
	struct span span = buffer_span(bytes);
	*bytes = (struct buffer){0};
	return span;
}

static struct consensus_action *action_add(struct output *output, enum consensus_action_kind kind)
{
	uint32_t parts = output->count;
	ARRAY_GROW(output->items, output->count, output->capacity);
	ARRAY_GROW(output->parts, parts, output->part_capacity);
	output->parts[output->count] = (struct output_part){.first = output->listed};
	struct consensus_action *action = &output->items[output->count++];
	*action = (struct consensus_action){.kind = kind};
	return action;
}

/* List a block for the action added last. */
static void list_put(struct output *output, uint32_t id, const struct block_ref *ref, uint64_t position)
{
	uint32_t count = output->listed;
	ARRAY_GROW(output->ids, count, output->id_capacity);
	ARRAY_GROW(output->refs, count, output->ref_capacity);
	ARRAY_GROW(output->positions, count, output->position_capacity);
	output->ids[count] = id;
	output->refs[count] = *ref;
	output->positions[count] = position;
	output->listed++;
	output->parts[output->count - 1].count++;
}

static void list_add(struct output *output, const struct dag *dag, uint32_t id)
{
	struct block_ref ref = dag_reference(dag, id);
	list_put(output, id, &ref, dag->blocks[id].position);
}

void output_persist(struct output *output, uint32_t id, const struct digest *digest, struct span bytes, bool own)
{
	struct consensus_action *action = action_add(output, CONSENSUS_PERSIST);
	action->digest = *digest;
	action->bytes = bytes;
	action->own = own;
	ARRAY_GROW(output->stored, output->stored_count, output->stored_capacity);
	output->stored[output->stored_count++] = id;
}

void output_send(struct output *output, uint16_t peer, struct span bytes)
{
	struct consensus_action *action = action_add(output, CONSENSUS_SEND);
	action->peer = peer;
	action->bytes = bytes;
}

void output_send_stored(struct output *output, const struct dag *dag, uint16_t peer, const uint32_t *ids, uint32_t count)
{
	if (count == 0)
		return;
	action_add(output, CONSENSUS_SEND_STORED)->peer = peer;
	for (uint32_t i = 0; i < count; i++)
		list_add(output, dag, ids[i]);
}

void output_send_tip(struct output *output, uint16_t peer, const struct dag_tip *tip)
{
	action_add(output, CONSENSUS_SEND_STORED)->peer = peer;
	list_put(output, DAG_NONE, &tip->ref, tip->position);
}

void output_send_range(struct output *output, uint16_t peer, const struct consensus_range *range)
{
	struct consensus_action *action = action_add(output, CONSENSUS_SEND_RANGE);
	action->peer = peer;
	action->range = *range;
}

void output_collected(struct output *output, uint16_t author)
{
	action_add(output, CONSENSUS_COLLECTED)->peer = author;
}

/* The block is about to lose its number. */
void output_collected_add(struct output *output, const struct dag *dag, uint32_t id)
{
	struct block_ref ref = dag_reference(dag, id);
	list_put(output, DAG_NONE, &ref, dag->blocks[id].position);
}

void output_commit(struct output *output, const struct dag *dag, const struct linearizer *linearizer, uint32_t leader)
{
	struct consensus_action *action = action_add(output, CONSENSUS_COMMIT);
	action->commit = (struct consensus_commit){
		.index = linearizer->index,
		.digest = linearizer->digest,
		.leader = dag_reference(dag, leader),
		.timestamp_ms = (int64_t)linearizer->timestamp_ms,
		.block_count = linearizer->listed,
		.left_out_count = linearizer->count - linearizer->listed,
	};
	for (uint32_t i = 0; i < linearizer->count; i++)
		list_add(output, dag, linearizer->items[i].id);
}

void output_evidence(struct output *output, const struct dag *dag, const struct output_twins *twins)
{
	struct consensus_action *action = action_add(output, CONSENSUS_EVIDENCE);
	action->peer = twins->author;
	action->digest = twins->first_digest;
	action->evidence[0] = twins->first_bytes;
	action->evidence[1] = twins->second_bytes;
	if (twins->first != DAG_NONE)
		list_add(output, dag, twins->first);
}

void output_timer(struct output *output, int64_t at_ms)
{
	action_add(output, CONSENSUS_TIMER)->at_ms = at_ms;
}

/* Stable: blocks are stored in causal order, the rest happens in the order it was decided. */
static void persist_first(struct output *output)
{
	if (output->sorted_capacity < output->count) {
		output->sorted_capacity = output->capacity;
		output->sorted = memory_resize(output->sorted, output->sorted_capacity, sizeof *output->sorted);
		output->sorted_parts = memory_resize(output->sorted_parts, output->sorted_capacity, sizeof *output->sorted_parts);
	}
	uint32_t at = 0;
	for (int pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < output->count; i++)
			if ((output->items[i].kind == CONSENSUS_PERSIST) == (pass == 0)) {
				output->sorted_parts[at] = output->parts[i];
				output->sorted[at++] = output->items[i];
			}
}

void output_finish(struct output *output, struct consensus_actions *actions)
{
	persist_first(output);
	for (uint32_t i = 0; i < output->count; i++) {
		struct consensus_action *action = &output->sorted[i];
		const struct output_part *part = &output->sorted_parts[i];
		if (part->count == 0)
			continue;
		if (action->kind == CONSENSUS_COMMIT) {
			action->commit.blocks = output->refs + part->first;
			action->commit.positions = output->positions + part->first;
			action->commit.left_out = action->commit.blocks + action->commit.block_count;
		} else {
			action->positions = output->positions + part->first;
			action->blocks = output->refs + part->first;
			action->position_count = part->count;
		}
	}
	*actions = (struct consensus_actions){.items = output->sorted, .count = output->count};
}

uint32_t output_stored(struct output *output)
{
	CHECK(output->stored_next < output->stored_count);
	return output->stored[output->stored_next++];
}

void output_resolve(struct output *output, const struct dag *dag, const struct consensus_action *action)
{
	const uint64_t *positions = action->positions;
	uint32_t count = action->position_count;
	if (action->kind == CONSENSUS_COMMIT) {
		positions = action->commit.positions;
		count = action->commit.block_count;
	}
	if (count == 0)
		return;
	size_t first = (size_t)(positions - output->positions);
	CHECK(first + count <= output->listed);
	for (size_t i = first; i < first + count; i++)
		if (output->ids[i] != DAG_NONE)
			output->positions[i] = dag->blocks[output->ids[i]].position;
}
