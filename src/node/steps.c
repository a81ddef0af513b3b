/* The replica's actions, carried out. Appends go to the log at once; everything else is copied into a queue and waits for
 * one flush, which comes when everything that is readable now has been read: many steps share one fdatasync. */
#include "node/node.h"

#include "crypto/hash.h"
#include "host/loop.h"
#include "host/note.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	QUEUE_DEEDS_MAX = 2048,       /* beyond these the flush does not wait for silence */
	QUEUE_BYTES_MAX = 2 << 20,
	QUEUE_AGE_MS = 5,
	VIEW_COMMIT_EVERY = 2000,
	UNREADABLE_NOTE_MS = 10000,
};

void node_fail(struct node *node, const struct fault *fault)
{
	if (!node->failed)
		note(NOTE_ERROR, "node_stops", "reason=\"%s\"", fault->text);
	node->failed = true;
	loop_stop(node->self.loop);
}

/* ---- into the queue ---- */

static void deed_add(struct node *node, const struct replica_action *action)
{
	struct node_queue *queue = &node->queue;
	if (queue->count == 0)
		queue->oldest_ns = clock_monotonic_ns();
	ARRAY_GROW(queue->deeds, queue->count, queue->capacity);
	struct replica_action *deed = &queue->deeds[queue->count++];
	*deed = replica_action_copy(action);
	queue->bytes += deed->bytes.size;
}

static bool action_take(struct node *node, const struct replica_action *action, int64_t now_ms)
{
	struct fault fault;
	switch (action->kind) {
	case REPLICA_APPEND:
		CHECK(action->position == disk_log_end(node->log));
		if (disk_log_append(node->log, action->bytes, &fault) != OK) {
			node_fail(node, &fault);
			return false;
		}
		node->unflushed = true;
		return true;
	case REPLICA_TIMER:
		loop_timer_set(node->replica_timer, action->at_ms - now_ms);
		return true;
	default:
		deed_add(node, action);
		return true;
	}
}

void node_step(struct node *node, struct replica_event *event)
{
	struct fault fault;
	struct replica_actions actions;
	if (node->failed || node->rebased)
		return;
	event->now_ms = clock_now_ns() / NS_PER_MS;
	if (entropy_fill(event->randomness, sizeof event->randomness) != OK) {
		fault_set(&fault, E_ENTROPY, "the operating system gives no randomness, so nothing can be signed");
		node_fail(node, &fault);
		return;
	}
	replica_step(node->replica, event, &actions);
	for (uint32_t i = 0; i < actions.count; i++)
		if (!action_take(node, &actions.items[i], event->now_ms))
			return;
	if (replica_has_ahead(node->replica))
		loop_last_again(node->ahead_timer);
	const struct node_queue *queue = &node->queue;
	if (!queue->count && !node->unflushed)
		return;
	bool urgent = queue->count > QUEUE_DEEDS_MAX || queue->bytes > QUEUE_BYTES_MAX
		|| (queue->count && clock_monotonic_ns() - queue->oldest_ns > QUEUE_AGE_MS * NS_PER_MS);
	if (urgent && !node->carrying)
		node_flush(node);
	else
		loop_last_run(node->flush_timer);
}

/* ---- out of the queue ---- */

static void send_to(struct node *node, uint16_t peer, struct span bytes)
{
	struct wire_link *link = peer < LEDGER_SEATS_MAX ? node->members[peer] : NULL;
	/* A full queue or an absent member: consensus asks again for what it misses. */
	if (link && wire_send(link, WIRE_REPLICA, bytes) == E_BUSY)
		note(NOTE_DEBUG, "send_queue_full", "member=%u", (unsigned)peer);
}

/* An old block that cannot be read is no reason to stop: others have it, and the next start repairs the log. */
static void unreadable_note(struct node *node, const struct fault *fault)
{
	int64_t now = clock_monotonic_ns();
	if (node->unreadable++ && now - node->unreadable_told_ns < UNREADABLE_NOTE_MS * NS_PER_MS)
		return;
	node->unreadable_told_ns = now;
	note(NOTE_ERROR, "block_unreadable", "times=%" PRIu64 " reason=\"%s\" advice=\"restart this node: it then fetches from the other "
		"members what its disk lost\"", node->unreadable, fault->text);
}

static void send_stored(struct node *node, const struct replica_action *deed)
{
	struct buffer block = {0}, message = {0};
	struct wire_link *link = deed->peer < LEDGER_SEATS_MAX ? node->members[deed->peer] : NULL;
	for (uint32_t i = 0; link && i < deed->position_count; i++) {
		uint8_t kind;
		struct fault fault;
		buffer_clear(&block);
		buffer_clear(&message);
		enum status status = disk_log_read(node->log, deed->positions[i], &block, &kind, &fault);
		if (status == E_NOT_FOUND)
			continue;
		if (status != OK || kind != REPLICA_FRAME_BLOCK) {
			unreadable_note(node, &fault);
			continue;
		}
		replica_message_of_block(buffer_span(&block), &message);
		if (wire_send(link, WIRE_REPLICA, buffer_span(&message)) != OK)
			break;
	}
	buffer_free(&block);
	buffer_free(&message);
}

/* For a member that was away for long: straight through our own log. */
static void send_range(struct node *node, const struct replica_action *deed)
{
	struct consensus_range range = *deed->range;
	struct buffer block = {0}, message = {0};
	struct wire_link *link = deed->peer < LEDGER_SEATS_MAX ? node->members[deed->peer] : NULL;
	/* What came since the flush is not said yet: a power cut could take our own newest block, which nobody may have then. */
	while (link && !range.done && range.position < node->flushed_end) {
		uint8_t kind;
		struct fault fault;
		buffer_clear(&block);
		enum status status = disk_log_read(node->log, range.position, &block, &kind, &fault);
		if (status == E_NOT_FOUND)
			break;
		if (status != OK) {
			unreadable_note(node, &fault);
			if (disk_log_skip(node->log, range.position, &range.position) != OK)
				break;
			continue;
		}
		range.position += LOG_FRAME_OVERHEAD + block.size;
		if (kind != REPLICA_FRAME_BLOCK || !consensus_range_takes(&range, buffer_span(&block)))
			continue;
		buffer_clear(&message);
		replica_message_of_block(buffer_span(&block), &message);
		if (wire_send(link, WIRE_REPLICA, buffer_span(&message)) != OK)
			break;
	}
	buffer_free(&block);
	buffer_free(&message);
}

void node_view_feed(struct node *node, uint64_t index, uint64_t commit_index, int64_t commit_ms, const struct statement *statement)
{
	struct fault fault;
	if (index < view_size(node->view) || node->failed)
		return;
	CHECK(index == view_size(node->view));
	enum status status = view_add(node->view, index, commit_index, commit_ms, statement, &fault);
	if (status == OK && ++node->view_uncommitted >= VIEW_COMMIT_EVERY) {
		status = view_commit(node->view, &fault);
		node->view_uncommitted = 0;
	}
	if (status != OK)
		node_fail(node, &fault);
}

static void final_take(struct node *node, const struct replica_action *deed)
{
	const struct statement *statement = deed->statement;
	node_view_feed(node, deed->index, deed->commit_index, deed->commit_ms, statement);
	if (statement->type == STATEMENT_DEVICE || statement->type == STATEMENT_DEVICE_STATE)
		node->registrations_changed = true;
	if (node->api)
		node_api_final(node->api, node->http, statement, deed->index, deed->commit_index, deed->commit_ms);
}

/* The body of the statement that convicts the member, for `tally evidence`; or, when there is none, the parts as they are. */
static void evidence_body(struct node *node, const struct replica_action *deed, struct buffer *out)
{
	struct body_evidence body = {.lie = deed->size ? LIE_FORK : LIE_EQUIVOCATION, .accused = span_of_text(ledger_seat(replica_ledger(node->replica), deed->peer)->name),
		.first = deed->evidence[0], .second = deed->evidence[1]};
	struct buffer stored = {0};
	struct block block;
	uint8_t kind = 0;
	if (body.lie == LIE_FORK)
		body.second = (struct span){0}; /* our own line proves nothing about another */
	else if (!body.first.size && deed->position_count && disk_log_read(node->log, deed->positions[0], &stored, &kind, NULL) == OK && kind == REPLICA_FRAME_BLOCK
		&& block_parse(buffer_span(&stored), &block, NULL) == OK)
		body.first = block_signed_header(&block);
	if (body.first.size && !deed->of_state) {
		body_evidence_encode(&body, out);
	} else {
		buffer_append_span(out, deed->evidence[0]);
		buffer_append_span(out, deed->evidence[1]);
	}
	buffer_free(&stored);
}

/* Kept as files, a bounded number: they convict a member in front of the others. */
static void evidence_keep(struct node *node, const struct replica_action *deed)
{
	char path[1200], name[DIGEST_HEX_SIZE];
	struct fault fault = {0};
	struct buffer body = {0};
	evidence_body(node, deed, &body);
	struct digest digest = sha256(buffer_span(&body));
	span_hex(digest_span(&digest), name);
	note(NOTE_ERROR, "member_lied", "seat=%u name=%.200s what=%s file=evidence/%.16s", (unsigned)deed->peer, ledger_seat(replica_ledger(node->replica), deed->peer)->name,
		deed->of_state ? "state_fork" : deed->size ? "fork" : "equivocation", name);
	snprintf(path, sizeof path, "%.1000s/data/evidence", node->self.settings.folder);
	enum status status = disk_folder(path, &fault);
	snprintf(path, sizeof path, "%.1000s/data/evidence/%.16s", node->self.settings.folder, name);
	if (status == OK)
		status = disk_write(path, buffer_span(&body), 0600, &fault);
	if (status != OK)
		note(NOTE_WARNING, "evidence_not_kept", "reason=\"%s\"", fault.text);
	buffer_free(&body);
}

static void deed_do(struct node *node, const struct replica_action *deed)
{
	switch (deed->kind) {
	case REPLICA_SEND:
		send_to(node, deed->peer, deed->bytes);
		break;
	case REPLICA_SEND_RANGE:
		send_range(node, deed);
		break;
	case REPLICA_SEND_STORED:
		send_stored(node, deed);
		break;
	case REPLICA_FINAL:
		final_take(node, deed);
		break;
	case REPLICA_OUTCOME:
		node_waiting_outcome(&node->waiting, &deed->id, clock_monotonic_ns(), deed->status, deed->reason, deed->index);
		break;
	case REPLICA_CHECKPOINT:
		note(NOTE_DEBUG, "checkpoint", "size=%" PRIu64, deed->size);
		node_witnesses_push(node);
		break;
	case REPLICA_EVIDENCE:
		evidence_keep(node, deed);
		break;
	case REPLICA_KEEP:
		/* Only now: what its entries come from is flushed, so the log of entries is never ahead of that of blocks. */
		node_disk_keep(node, deed->frame_kind, deed->bytes);
		break;
	case REPLICA_EPOCH:
		node_epoch_begun(node);
		break;
	case REPLICA_PRUNE:
		node_disk_prune(node, deed->position);
		break;
	case REPLICA_SEND_ENTRIES:
		node_disk_send_entries(node, deed->peer, deed->index, deed->entry_count);
		break;
	case REPLICA_STAGE:
		node_disk_stage(node, deed->frame_kind, deed->bytes);
		break;
	case REPLICA_STAGE_CLEAR:
		node_disk_stage_clear(node);
		break;
	case REPLICA_REBASE:
		node_disk_rebase(node, deed->blocks_stay);
		break;
	case REPLICA_APPEND:
	case REPLICA_TIMER:
		break;
	}
}

static void queue_clear(struct node_queue *queue)
{
	for (size_t i = 0; i < queue->count; i++)
		replica_action_free(&queue->deeds[i]);
	queue->count = queue->bytes = 0;
}

void node_flush(struct node *node)
{
	struct fault fault;
	if (node->failed || node->carrying || node->rebased)
		return;
	if (node->unflushed && disk_log_flush(node->log, &fault) != OK) {
		node_fail(node, &fault);
		return;
	}
	node->unflushed = false;
	node->flushed_end = disk_log_end(node->log);
	/* What is done here may cause further steps; they fill the other queue. */
	struct node_queue work = node->queue;
	node->queue = node->spare;
	node->carrying = true;
	for (size_t i = 0; i < work.count && !node->failed && !node->rebased; i++)
		deed_do(node, &work.deeds[i]);
	if (!node->rebased)
		node_disk_write(node);
	node->carrying = false;
	queue_clear(&work);
	node->spare = work;
	if (node->registrations_changed)
		node_guests_review(node);
	node->registrations_changed = false;
	node_guests_serve(node);
	if (node->queue.count || node->unflushed)
		loop_last_run(node->flush_timer);
}

void node_queue_free(struct node_queue *queue)
{
	queue_clear(queue);
	free(queue->deeds);
}
