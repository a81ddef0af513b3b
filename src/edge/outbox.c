#include "edge/inside.h"

#include <stdlib.h>

/* Refused for good: the id stands for nothing any more. */
#define LEFT_OUT UINT64_MAX

static struct outbox_item *item_at(struct outbox *outbox, size_t index)
{
	return &outbox->items[outbox->gone + index];
}

const struct outbox_item *outbox_at(const struct edge *edge, size_t index)
{
	return &edge->outbox.items[edge->outbox.gone + index];
}

void outbox_free(struct outbox *outbox)
{
	for (size_t i = 0; i < outbox->count; i++)
		buffer_free(&item_at(outbox, i)->bytes);
	free(outbox->items);
	free(outbox->names);
	map_free(&outbox->renamed);
}

/* Room for one more behind the last. */
static void reserve(struct outbox *outbox)
{
	if (outbox->gone + outbox->count < outbox->capacity)
		return;
	if (outbox->gone > outbox->capacity / 2) {
		memmove(outbox->items, outbox->items + outbox->gone, outbox->count * sizeof *outbox->items);
		outbox->gone = 0;
		return;
	}
	outbox->capacity = outbox->capacity ? 2 * outbox->capacity : 64;
	outbox->items = memory_resize(outbox->items, outbox->capacity, sizeof *outbox->items);
}

static struct outbox_item *insert(struct outbox *outbox, size_t index)
{
	reserve(outbox);
	struct outbox_item *item = item_at(outbox, index);
	memmove(item + 1, item, (outbox->count++ - index) * sizeof *item);
	*item = (struct outbox_item){0};
	return item;
}

static void take_out(struct outbox *outbox, size_t index)
{
	struct outbox_item *item = item_at(outbox, index);
	buffer_free(&item->bytes);
	memmove(item, item + 1, (--outbox->count - index) * sizeof *item);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* -- signing ---------------------------------------------------------------------------- */

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
	enum status status = statement_sign(statement, edge->config.key, randomness, &item->bytes, &item->id);
	CHECK(status == OK); /* bodies and names are bounded by construction; a failing crypto library is fatal */
	item->seq = statement->seq;
	item->type = statement->type;
	item->prev = statement->prev;
	item->position = edge->log_end;
	edge_frame_append(edge, EDGE_FRAME_STATEMENT, buffer_span(&item->bytes));
}

/* -- sending ---------------------------------------------------------------------------- */

/* In the order of the chain; a window bounds what a slow node must queue. */
static void send_more(struct edge *edge)
{
	struct outbox *outbox = &edge->outbox;
	size_t until = least(least(outbox->count, outbox->sound), OUTBOX_WINDOW);
	if (!edge->node_up || outbox->pause)
		return;
	for (; outbox->sent < until; outbox->sent++) {
		const struct outbox_item *item = item_at(outbox, outbox->sent);
		struct edge_action *action = edge_action_add(edge, EDGE_SUBMIT);
		buffer_append_span(&action->bytes, buffer_span(&item->bytes));
		action->digest = item->id;
		if (outbox->sent == 0)
			outbox->progress_wall_ns = edge->wall_ns;
	}
}

struct digest outbox_emit(struct edge *edge, enum statement_type type, struct span sub, const struct digest *parents, size_t count, struct span body)
{
	struct outbox *outbox = &edge->outbox;
	struct statement statement = {.type = type, .seq = edge->next_seq, .prev = edge->last_id, .class = CLASS_CONSORTIUM,
		.iss = edge->config.gateway, .sub = sub, .iat = edge->now_ns > 0 ? edge->now_ns / NS_PER_S : 0, .body = body};
	memcpy(statement.network, edge->config.network, NETWORK_ID_SIZE);
	for (size_t i = 0; i < count && statement.parent_count < STATEMENT_PARENTS_MAX; i++) {
		bool known = digest_is_zero(&parents[i]);
		for (size_t j = 0; j < statement.parent_count; j++)
			known = known || digest_equal(&statement.parents[j], &parents[i]);
		if (!known)
			statement.parents[statement.parent_count++] = parents[i];
	}
	struct outbox_item *item = insert(outbox, outbox->count);
	sign_and_log(edge, &statement, item);
	struct digest id = item->id;
	edge->last_id = id;
	edge->next_seq++;
	edge->totals.statements++;
	if (outbox->sound == outbox->count - 1)
		outbox->sound++;
	if (outbox->sent == outbox->count - 1)
		send_more(edge);
	return id;
}

void outbox_again(struct edge *edge, int64_t delay_ms)
{
	edge->outbox.pause = true;
	edge->outbox.pause_wall_ns = edge->wall_ns + delay_ms * NS_PER_MS;
	edge->outbox.sent = 0;
}

/* -- numbers that shift ------------------------------------------------------------------ */

/* Statements from number `first` on are numbered from `now` on. Whoever lowers them removes those in between. */
static void shift(struct edge *edge, uint64_t first, uint64_t now)
{
	struct outbox *outbox = &edge->outbox;
	for (size_t i = outbox->count; i-- > 0 && item_at(outbox, i)->seq >= first;)
		item_at(outbox, i)->seq += now - first;
	edge->next_seq += now - first;
	if (edge->release_seq >= first)
		edge->release_seq += now - first;
	else if (edge->release_seq >= now && edge->release_seq)
		edge->release_seq = now - 1;
}

static void chain_log(struct edge *edge, uint64_t first, uint64_t now)
{
	struct buffer frame = {0};
	write_u64(&frame, first);
	write_u64(&frame, now);
	edge_frame_append(edge, EDGE_FRAME_CHAIN, buffer_span(&frame));
	buffer_free(&frame);
}

/* Names that later statements of the queue may still carry. A statement that gets a name it had before (the same number, and
 * the same randomness) has it again: names never go in circles. */
static void rename_note(struct outbox *outbox, const struct digest *old, const struct digest *new)
{
	if (new)
		map_remove(&outbox->renamed, digest_span(new));
	if (new && digest_equal(old, new))
		return;
	if (new) {
		ARRAY_GROW(outbox->names, outbox->name_count, outbox->name_capacity);
		outbox->names[outbox->name_count++] = *new;
	}
	map_put(&outbox->renamed, digest_span(old), new ? outbox->name_count - 1 : LEFT_OUT);
}

static void renamed_forget(struct outbox *outbox)
{
	map_free(&outbox->renamed);
	free(outbox->names);
	outbox->names = NULL;
	outbox->name_count = outbox->name_capacity = 0;
}

/* False: the statement was left out. */
static bool renamed(const struct outbox *outbox, struct digest *id)
{
	uint64_t at;
	while (map_get(&outbox->renamed, digest_span(id), &at)) {
		if (at == LEFT_OUT)
			return false;
		*id = outbox->names[at];
	}
	return true;
}

/* Nothing waits: the next statement continues what the ledger has. */
static void follow_ledger(struct edge *edge)
{
	edge->next_seq = edge->final_seq + 1;
	edge->last_id = edge->final_id;
}

/* Refused for good: left out. The later ones are chained anew as they come to be sent. */
static void leave_out(struct edge *edge, size_t index)
{
	struct outbox *outbox = &edge->outbox;
	struct outbox_item *item = item_at(outbox, index);
	struct statement statement;
	bool last = index + 1 == outbox->count;
	uint64_t seq = item->seq;
	CHECK(statement_decode(buffer_span(&item->bytes), &statement, NULL) == OK);
	alarms_refused(edge, &statement);
	rename_note(outbox, &item->id, NULL);
	take_out(outbox, index);
	chain_log(edge, seq + 1, seq);
	shift(edge, seq + 1, seq);
	if (outbox->count == 0)
		follow_ledger(edge);
	else if (last)
		edge->last_id = item_at(outbox, index - 1)->id;
	outbox->sound = least(outbox->sound, index);
	outbox->sent = least(outbox->sent, index);
	if (outbox->sound == outbox->count)
		renamed_forget(outbox);
}

/* New number, new previous id, parents by their new names. */
static void sign_anew(struct edge *edge, size_t index)
{
	struct outbox *outbox = &edge->outbox;
	struct outbox_item *item = item_at(outbox, index);
	struct buffer old = item->bytes;
	struct digest old_id = item->id;
	struct statement statement;
	CHECK(statement_decode(buffer_span(&old), &statement, NULL) == OK);
	size_t kept = 0;
	for (size_t i = 0; i < statement.parent_count; i++) {
		struct digest parent = statement.parents[i];
		if (renamed(outbox, &parent))
			statement.parents[kept++] = parent;
	}
	statement.parent_count = kept;
	statement.seq = item->seq;
	statement.prev = index ? item_at(outbox, index - 1)->id : edge->final_id;
	item->bytes = (struct buffer){0};
	sign_and_log(edge, &statement, item);
	rename_note(outbox, &old_id, &item->id);
	alarms_rename(edge, &old_id, &item->id);
	if (index + 1 == outbox->count)
		edge->last_id = item->id;
	buffer_free(&old);
}

/* After a lost log, or when somebody else used the key, the queue may not continue the chain that the ledger knows. */
static void chain_repair(struct edge *edge)
{
	struct outbox *outbox = &edge->outbox;
	if (!edge->caught_up || outbox->count == 0)
		return;
	struct outbox_item *first = item_at(outbox, 0);
	if (first->seq == edge->final_seq + 1 && digest_equal(&first->prev, &edge->final_id))
		return;
	if (outbox->sound == 0 && first->seq == edge->final_seq + 1)
		return; /* about to be signed anew */
	if (first->seq != edge->final_seq + 1) {
		uint64_t seq = first->seq;
		chain_log(edge, seq, edge->final_seq + 1);
		shift(edge, seq, edge->final_seq + 1);
	}
	outbox->sound = outbox->sent = 0;
}

void outbox_pump(struct edge *edge)
{
	struct outbox *outbox = &edge->outbox;
	bool lost = outbox->sent > 0 && edge->wall_ns - outbox->progress_wall_ns >= OUTBOX_PATIENCE_S * NS_PER_S;
	/* Neither final nor refused for long: a submission or its outcome got lost. Sending again is harmless. */
	if (lost || (outbox->pause && edge->wall_ns >= outbox->pause_wall_ns)) {
		outbox->pause = false;
		outbox->sent = 0;
	}
	chain_repair(edge);
	/* A few in a step: a signature takes time, and the critical line waits for nobody. */
	for (size_t i = 0; i < OUTBOX_RESIGN_MAX && outbox->sound < least(outbox->count, OUTBOX_WINDOW); i++)
		sign_anew(edge, outbox->sound++);
	if (outbox->renamed.count && outbox->sound == outbox->count)
		renamed_forget(outbox);
	send_more(edge);
}

/* -- what comes back ---------------------------------------------------------------------- */

static void release(struct edge *edge)
{
	uint64_t step = edge->config.release_step ? edge->config.release_step : EDGE_RELEASE_STEP;
	if (edge->release_seq == 0 || edge->final_seq < edge->release_seq)
		return;
	edge->release_seq = 0;
	if (edge->release_position - edge->released < step)
		return;
	edge->released = edge->release_position;
	struct buffer frame = {0};
	write_u64(&frame, edge->released);
	edge_frame_append(edge, EDGE_FRAME_RELEASED, buffer_span(&frame));
	buffer_free(&frame);
	edge_action_add(edge, EDGE_RELEASE)->position = edge->released;
}

void outbox_final(struct edge *edge, const struct statement *statement)
{
	struct outbox *outbox = &edge->outbox;
	if (statement->seq <= edge->final_seq)
		return;
	edge->final_seq = statement->seq;
	edge->final_id = statement->id;
	if (outbox->count && digest_equal(&item_at(outbox, 0)->id, &statement->id)) {
		buffer_free(&item_at(outbox, 0)->bytes);
		outbox->gone++;
		outbox->count--;
		outbox->sent -= outbox->sent > 0;
		outbox->sound -= outbox->sound > 0;
		outbox->progress_wall_ns = edge->wall_ns;
		outbox->tries = 0;
	}
	if (outbox->count == 0)
		follow_ledger(edge);
	if (edge->ready)
		release(edge);
}

/* Would it be refused for ever? Its chain is as the ledger has it, so nothing of ours can still be on its way. */
static bool is_stubborn(struct edge *edge, size_t index, enum status status)
{
	struct outbox *outbox = &edge->outbox;
	const struct outbox_item *item = item_at(outbox, index);
	bool chained = index == 0 && outbox->sound > 0 && item->seq == edge->final_seq + 1 && digest_equal(&item->prev, &edge->final_id);
	if (!chained || (status != E_SEQUENCE && status != E_PARENT))
		return false;
	if (status == E_SEQUENCE && item->type == STATEMENT_MODEL)
		return true; /* the owner put another version in between */
	if (!digest_equal(&outbox->stubborn, &item->id)) {
		outbox->stubborn = item->id;
		outbox->tries = 0;
	}
	return ++outbox->tries >= OUTBOX_HEAD_TRIES;
}

/* What the reason of a refusal means: 0 refused for good, else try again after so many ms. */
static int64_t pause_of(const struct outbox_item *item, enum status status)
{
	switch (status) {
	case E_BUSY:
	case E_SEQUENCE:
	case E_PARENT:
	case E_CLOSED:
	case E_IO:
	case E_CORRUPT:
	case E_ENTROPY:
		return OUTBOX_BUSY_MS; /* something before it is on its way, or the node has a trouble of its own */
	case E_UNKNOWN:
	case E_REVOKED:
		/* An acknowledgement names a person, who may have left. Otherwise it is the gateway itself that is not registered, is
		 * suspended, or signs with another key than the registered one: what is anchored here must outlast that. */
		return item->type == STATEMENT_ACK ? 0 : OUTBOX_ISSUER_MS;
	case E_SIGNATURE:
	case E_NETWORK:
		return OUTBOX_ISSUER_MS;
	default:
		return 0;
	}
}

void outbox_outcome(struct edge *edge, const struct digest *id, enum status status)
{
	struct outbox *outbox = &edge->outbox;
	if (status == OK || status == E_DUPLICATE)
		return; /* it comes back as FINAL */
	for (size_t i = 0; i < outbox->count; i++) {
		struct outbox_item *item = item_at(outbox, i);
		if (!digest_equal(&item->id, id))
			continue;
		int64_t pause_ms = is_stubborn(edge, i, status) ? 0 : pause_of(item, status);
		if (pause_ms) {
			outbox_again(edge, pause_ms);
			return;
		}
		edge->totals.refused_statements++;
		leave_out(edge, i);
		return;
	}
}

/* -- recovery ----------------------------------------------------------------------------- */

void outbox_recovered(struct edge *edge, const struct statement *statement, struct span bytes, uint64_t position)
{
	struct outbox *outbox = &edge->outbox;
	size_t index = outbox->count;
	while (index && item_at(outbox, index - 1)->seq >= statement->seq)
		index--;
	bool again = index < outbox->count && item_at(outbox, index)->seq == statement->seq;
	struct outbox_item *item = again ? item_at(outbox, index) : insert(outbox, index);
	if (again) {
		rename_note(outbox, &item->id, &statement->id);
		alarms_rename(edge, &item->id, &statement->id);
	}
	buffer_clear(&item->bytes);
	buffer_append_span(&item->bytes, bytes);
	item->seq = statement->seq;
	item->type = statement->type;
	item->position = position;
	item->id = statement->id;
	item->prev = statement->prev;
	if (!again)
		alarms_recovered(edge, statement);
}

void outbox_chain_recovered(struct edge *edge, uint64_t first, uint64_t now)
{
	struct outbox *outbox = &edge->outbox;
	uint64_t last = outbox->count ? item_at(outbox, outbox->count - 1)->seq : 0;
	if (first == 0 || now == 0 || (now > first && last > UINT64_MAX / 2 - (now - first)))
		return; /* not ours: the frame's checksum held, so another program wrote it */
	for (size_t i = outbox->count; now < first && i-- > 0;) {
		struct outbox_item *item = item_at(outbox, i);
		struct statement statement;
		if (item->seq < now || item->seq >= first)
			continue;
		CHECK(statement_decode(buffer_span(&item->bytes), &statement, NULL) == OK);
		alarms_refused(edge, &statement);
		rename_note(outbox, &item->id, NULL);
		take_out(outbox, i);
	}
	shift(edge, first, now);
}

void outbox_released_recovered(struct edge *edge, uint64_t position)
{
	struct outbox *outbox = &edge->outbox;
	for (size_t i = outbox->count; i-- > 0;)
		if (item_at(outbox, i)->position < position)
			take_out(outbox, i);
	edge->released = position;
}

void outbox_recovery_end(struct edge *edge)
{
	struct outbox *outbox = &edge->outbox;
	outbox->sent = 0;
	outbox->sound = 0;
	if (outbox->count == 0) {
		follow_ledger(edge);
		return;
	}
	/* Numbers without a gap, and how far the chain holds. */
	for (size_t i = 1; i < outbox->count; i++) {
		uint64_t seq = item_at(outbox, i)->seq, expected = item_at(outbox, i - 1)->seq + 1;
		if (seq == expected)
			continue;
		chain_log(edge, seq, expected);
		shift(edge, seq, expected);
	}
	for (outbox->sound = 1; outbox->sound < outbox->count; outbox->sound++) {
		const struct outbox_item *item = item_at(outbox, outbox->sound);
		struct statement statement;
		CHECK(statement_decode(buffer_span(&item->bytes), &statement, NULL) == OK);
		if (statement.seq != item->seq || !digest_equal(&statement.prev, &item_at(outbox, outbox->sound - 1)->id))
			break;
	}
	const struct outbox_item *last = item_at(outbox, outbox->count - 1);
	struct statement first;
	CHECK(statement_decode(buffer_span(&item_at(outbox, 0)->bytes), &first, NULL) == OK);
	if (first.seq != item_at(outbox, 0)->seq)
		outbox->sound = 0;
	edge->next_seq = last->seq + 1;
	edge->last_id = last->id;
	for (size_t i = 0; i < outbox->count; i++)
		if (item_at(outbox, i)->type == STATEMENT_ANCHOR)
			edge->last_anchor = item_at(outbox, i)->id;
}
