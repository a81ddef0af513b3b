#include "edge/inside.h"

#include <stdlib.h>

/* Hedged signing: fresh randomness for each signature of a step, from the one that came with the event. */
static void randomness_next(struct edge *edge, uint8_t out[32])
{
	uint32_t number = edge->signed_in_step++;
	const struct span parts[] = {span_of(edge->randomness, 32), span_of(&number, sizeof number)};
	struct digest digest = sha256_parts(parts, 2);
	memcpy(out, digest.bytes, 32);
}

static void sign_and_log(struct edge *edge, struct statement *statement, struct outbox_item *item)
{
	uint8_t randomness[32];
	randomness_next(edge, randomness);
	buffer_clear(&item->bytes);
	enum status status = statement_sign(statement, edge->config.key, randomness, &item->bytes, &item->id);
	CHECK(status == OK); /* bodies are bounded by construction; a failing crypto library is fatal */
	item->seq = statement->seq;
	item->submitted = false;
	edge->last_id = item->id;
	edge_frame_append(edge, EDGE_FRAME_STATEMENT, buffer_span(&item->bytes));
}

static void submit(struct edge *edge, struct outbox_item *item)
{
	if (!edge->node_up || item->submitted)
		return;
	struct edge_action *action = edge_action_add(edge, EDGE_SUBMIT);
	buffer_append_span(&action->bytes, buffer_span(&item->bytes));
	action->digest = item->id;
	item->submitted = true;
}

static struct outbox_item *push(struct edge *edge)
{
	ARRAY_GROW(edge->outbox, edge->outbox_count, edge->outbox_capacity);
	struct outbox_item *item = &edge->outbox[edge->outbox_count++];
	*item = (struct outbox_item){0};
	return item;
}

struct digest outbox_emit(struct edge *edge, enum statement_type type, struct span sub, const struct digest *parents, size_t count, struct span body)
{
	struct statement statement = {.type = type, .seq = edge->next_seq, .prev = edge->last_id, .class = CLASS_CONSORTIUM,
		.iss = edge->config.gateway, .sub = sub, .iat = edge->now_ns / NS_PER_S, .body = body};
	memcpy(statement.network, edge->config.network, NETWORK_ID_SIZE);
	for (size_t i = 0; i < count && statement.parent_count < STATEMENT_PARENTS_MAX; i++) {
		bool known = digest_is_zero(&parents[i]);
		for (size_t j = 0; j < statement.parent_count; j++)
			known = known || digest_equal(&statement.parents[j], &parents[i]);
		if (!known)
			statement.parents[statement.parent_count++] = parents[i];
	}
	struct outbox_item *item = push(edge);
	sign_and_log(edge, &statement, item);
	edge->next_seq++;
	edge->totals.statements++;
	submit(edge, item);
	return item->id;
}

static void drop_before(struct edge *edge, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buffer_free(&edge->outbox[i].bytes);
	edge->outbox_count -= count;
	memmove(edge->outbox, edge->outbox + count, edge->outbox_count * sizeof *edge->outbox);
}

void outbox_recovered(struct edge *edge, struct span bytes)
{
	struct statement statement;
	if (statement_decode(bytes, &statement, NULL) != OK)
		return; /* the frame's checksum held: a later version wrote it; the ledger will tell */
	/* A rebuilt chain was logged again from the number where it changed. */
	while (edge->outbox_count && edge->outbox[edge->outbox_count - 1].seq >= statement.seq)
		buffer_free(&edge->outbox[--edge->outbox_count].bytes);
	struct outbox_item *item = push(edge);
	item->seq = statement.seq;
	item->id = statement.id;
	buffer_append_span(&item->bytes, bytes);
	edge->next_seq = statement.seq + 1;
	edge->last_id = statement.id;
	if (statement.type == STATEMENT_ANCHOR)
		edge->last_anchor = statement.id;
	alarms_recovered(edge, &statement);
}

void outbox_final(struct edge *edge, const struct statement *statement)
{
	if (statement->seq > edge->final_seq) {
		edge->final_seq = statement->seq;
		edge->final_id = statement->id;
	}
	size_t done = 0;
	while (done < edge->outbox_count && edge->outbox[done].seq <= statement->seq)
		done++;
	drop_before(edge, done);
	if (edge->next_seq <= statement->seq) {
		/* The own log was lost: the ledger knows the chain's head. */
		edge->next_seq = statement->seq + 1;
		edge->last_id = statement->id;
	}
}

/* Sign everything from `first` on anew, beginning with this number and previous id. References to renamed
 * statements follow; those to `dropped` are left out. */
static void sign_anew(struct edge *edge, size_t first, uint64_t seq, struct digest prev, const struct digest *dropped)
{
	struct map renamed = {0};
	struct digest *names = memory_new_array(edge->outbox_count, sizeof *names);
	if (dropped)
		map_put(&renamed, digest_span(dropped), UINT64_MAX);
	edge->last_id = prev;
	for (size_t i = first; i < edge->outbox_count; i++) {
		struct outbox_item *item = &edge->outbox[i];
		struct buffer old = item->bytes;
		struct digest old_id = item->id;
		struct statement statement;
		CHECK(statement_decode(buffer_span(&old), &statement, NULL) == OK);
		size_t kept = 0;
		for (size_t j = 0; j < statement.parent_count; j++) {
			uint64_t at;
			if (!map_get(&renamed, digest_span(&statement.parents[j]), &at))
				statement.parents[kept++] = statement.parents[j];
			else if (at != UINT64_MAX)
				statement.parents[kept++] = names[at];
		}
		statement.parent_count = kept;
		statement.seq = seq++;
		statement.prev = edge->last_id;
		item->bytes = (struct buffer){0};
		sign_and_log(edge, &statement, item);
		names[i] = item->id;
		map_put(&renamed, digest_span(&old_id), i);
		alarms_rename(edge, &old_id, &item->id);
		buffer_free(&old);
	}
	edge->next_seq = seq;
	map_free(&renamed);
	free(names);
}

/* Refused for good: leave it out; numbers and previous ids of the later ones shift. */
static void drop_refused(struct edge *edge, size_t position)
{
	struct statement statement;
	CHECK(statement_decode(buffer_span(&edge->outbox[position].bytes), &statement, NULL) == OK);
	struct digest dropped = edge->outbox[position].id, prev = statement.prev;
	uint64_t seq = statement.seq;
	alarms_rename(edge, &dropped, &(struct digest){0});
	buffer_free(&edge->outbox[position].bytes);
	edge->outbox_count--;
	memmove(edge->outbox + position, edge->outbox + position + 1, (edge->outbox_count - position) * sizeof *edge->outbox);
	sign_anew(edge, position, seq, prev, &dropped);
}

/* After a lost log the queue may not continue the chain that the ledger knows. */
static void chain_repair(struct edge *edge)
{
	struct statement first;
	if (!edge->caught_up || edge->outbox_count == 0)
		return;
	CHECK(statement_decode(buffer_span(&edge->outbox[0].bytes), &first, NULL) == OK);
	if (first.seq != edge->final_seq + 1 || !digest_equal(&first.prev, &edge->final_id))
		sign_anew(edge, 0, edge->final_seq + 1, edge->final_id, NULL);
}

void outbox_outcome(struct edge *edge, const struct digest *id, enum status status, struct span reason)
{
	(void)reason;
	if (status == OK || status == E_DUPLICATE)
		return; /* it comes back as FINAL */
	for (size_t i = 0; i < edge->outbox_count; i++) {
		if (!digest_equal(&edge->outbox[i].id, id))
			continue;
		if (status == E_BUSY || status == E_SEQUENCE || status == E_PARENT || status == E_CLOSED) {
			/* Passing: something before it is still on its way. Send all of it again, in order. */
			edge->resubmit = true;
			edge->resubmit_wall_ns = edge->wall_ns + 500 * NS_PER_MS;
			return;
		}
		edge->totals.refused_statements++;
		drop_refused(edge, i);
		edge->resubmit = true;
		edge->resubmit_wall_ns = edge->wall_ns;
		return;
	}
}

void outbox_pump(struct edge *edge)
{
	if (edge->resubmit && edge->wall_ns >= edge->resubmit_wall_ns) {
		edge->resubmit = false;
		chain_repair(edge);
		for (size_t i = 0; i < edge->outbox_count; i++)
			edge->outbox[i].submitted = false;
	}
	if (edge->resubmit)
		return;
	/* A window bounds what a slow node must queue. */
	for (size_t i = 0; i < edge->outbox_count && i < 256; i++)
		submit(edge, &edge->outbox[i]);
}
