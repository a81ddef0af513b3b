#include "replica/replica.h"

#include <stdlib.h>

static void *copy_of(const void *bytes, size_t size)
{
	if (!size)
		return NULL;
	void *copy = memory_resize(NULL, 1, size);
	memcpy(copy, bytes, size);
	return copy;
}

static struct span span_copy(struct span span)
{
	return span_of(copy_of(span.data, span.size), span.size);
}

struct replica_action replica_action_copy(const struct replica_action *action)
{
	struct replica_action copy = *action;
	copy.statement = action->statement ? statement_copy(action->statement, action->bytes) : NULL;
	copy.bytes = action->statement ? (struct span){0} : span_copy(action->bytes);
	copy.positions = copy_of(action->positions, action->position_count * sizeof *action->positions);
	copy.range = copy_of(action->range, action->range ? sizeof *action->range : 0);
	copy.reason = action->reason ? memory_text(span_of_text(action->reason)) : NULL;
	for (size_t i = 0; i < sizeof copy.evidence / sizeof *copy.evidence; i++)
		copy.evidence[i] = span_copy(action->evidence[i]);
	return copy;
}

void replica_action_free(struct replica_action *copy)
{
	free((void *)copy->statement);
	free((void *)copy->bytes.data);
	free((void *)copy->positions);
	free((void *)copy->range);
	free((void *)copy->reason);
	for (size_t i = 0; i < sizeof copy->evidence / sizeof *copy->evidence; i++)
		free((void *)copy->evidence[i].data);
	*copy = (struct replica_action){0};
}

bool replica_append_leads(const struct replica_action *action)
{
	struct log_frame frame;
	size_t size;
	CHECK(log_frame_read(action->bytes, action->position, &frame, &size) == OK);
	return frame.kind != REPLICA_FRAME_COSIGNATURE && frame.kind != REPLICA_FRAME_STATE_COSIGNATURE && frame.kind != REPLICA_FRAME_SETTLED;
}
