#include "replica/replica.h"

#include "crypto/hash.h"
#include "replica/state.h"

#include <stdlib.h>

enum { FORGED_FRAME_MAX = (LOG_FRAME_MAX / DIGEST_SIZE) * DIGEST_SIZE };

/* -- beginning and end ---------------------------------------------------------------------------------- */

static enum status config_check(const struct replica_config *config, struct fault *fault)
{
	if (config->genesis->member_count == 0 || config->genesis->member_count > BLOCK_MEMBERS_MAX)
		return fault_set(fault, E_CONFIG, "The genesis names %zu members; 1 to %d are possible.", config->genesis->member_count, BLOCK_MEMBERS_MAX);
	if (config->name.size == 0 || config->key_count > REPLICA_KEYS_MAX)
		return fault_set(fault, E_CONFIG, "A replica needs the name of its organisation, and at most %d sets of keys.", REPLICA_KEYS_MAX);
	return OK;
}

static enum status genesis_keys_check(const struct genesis *genesis, struct fault *fault)
{
	for (size_t i = 0; i < genesis->member_count; i++) {
		struct verifying_key *node = verifying_key_new(&genesis->members[i].org.node_key);
		struct verifying_key *checkpoint = verifying_key_new(&genesis->members[i].org.checkpoint_key);
		bool good = node && checkpoint;
		verifying_key_free(node);
		verifying_key_free(checkpoint);
		if (!good)
			return fault_set(fault, E_CONFIG, "The genesis holds a key that is no ML-DSA-44 key; make a new genesis.");
	}
	return OK;
}

enum status replica_new(const struct replica_config *config, struct replica **out, struct fault *fault)
{
	TRY(config_check(config, fault));
	TRY(genesis_keys_check(config->genesis, fault));
	struct replica *replica = memory_new_array(1, sizeof *replica);
	replica->genesis = config->genesis;
	replica->name = config->name;
	memcpy(replica->keys, config->keys, sizeof replica->keys);
	replica->key_count = config->key_count;
	replica->consensus_config = config->consensus;
	replica->signatures = config->signatures ? config->signatures : replica_signatures_real();
	replica->signer.replica = replica;
	replica->wake_ms = INT64_MAX;
	replica->evidence_signatures = (struct evidence_signatures){replica->signatures->block_verify, replica->signatures->cosignature_verify};
	replica->ledger = ledger_new(replica->genesis);
	ledger_evidence_by(replica->ledger, &replica->evidence_signatures);
	replica->entries_kept = ledger_size(replica->ledger);
	epochs_open(replica);
	checkpoints_init(replica);
	*out = replica;
	return OK;
}

void replica_free(struct replica *replica)
{
	if (!replica)
		return;
	checkpoints_free(replica);
	catchup_free(replica);
	epochs_close(replica);
	damaged_free(replica);
	bodies_free(&replica->bodies);
	map_free(&replica->submitted);
	map_free(&replica->forged);
	buffer_free(&replica->forged_now);
	buffer_free(&replica->again);
	ledger_free(replica->ledger);
	step_free(replica);
	free(replica);
}

/* -- what consensus asks for ------------------------------------------------------------------------------ */

static void body_keep(struct replica *replica, struct span block_bytes)
{
	struct block block;
	CHECK(block_parse(block_bytes, &block, NULL) == OK); /* it was, when consensus took it */
	bodies_add(&replica->bodies, &block);
}

/* Which statements were found forged stands before the blocks that they are in: whoever finds the blocks in the log
 * knows. */
static void forged_append(struct replica *replica)
{
	struct span ids = buffer_span(&replica->forged_now);
	while (ids.size) {
		size_t part = ids.size < FORGED_FRAME_MAX ? ids.size : FORGED_FRAME_MAX;
		step_append(replica, REPLICA_FRAME_FORGED, span_of(ids.data, part));
		ids = span_of(ids.data + part, ids.size - part);
	}
	buffer_clear(&replica->forged_now);
}

/* What an action points to lives until the next step of consensus, of which there may be several in one step here. */
static struct span kept_copy(struct replica *replica, struct span bytes)
{
	struct buffer copy = {0};
	buffer_append_span(&copy, bytes);
	return step_keep(replica, &copy);
}

static struct replica_action *stored_tell(struct replica *replica, enum replica_action_kind kind, struct consensus_action *action)
{
	uint64_t *positions = memory_new_array(action->position_count + 1, sizeof *positions);
	consensus_positions_resolve(replica->consensus, action);
	if (action->position_count)
		memcpy(positions, action->positions, action->position_count * sizeof *positions);
	step_keep_memory(replica, positions);
	struct replica_action *out = step_action(replica, kind);
	out->peer = epoch_now(replica)->seats[action->peer];
	out->positions = positions;
	out->position_count = action->position_count;
	return out;
}

/* Whoever fills one slot twice can do so with all, and each proof is kept. */
static void evidence_tell(struct replica *replica, struct consensus_action *action)
{
	uint16_t *told = &replica->twins_told[epoch_now(replica)->seats[action->peer]];
	if (*told >= TWINS_TOLD_MAX)
		return;
	++*told;
	struct replica_action *out = stored_tell(replica, REPLICA_EVIDENCE, action);
	out->evidence[0] = kept_copy(replica, action->evidence[0]);
	out->evidence[1] = kept_copy(replica, action->evidence[1]);
}

static void speak(struct replica *replica, struct consensus_action *action)
{
	const struct replica_epoch *epoch = epoch_now(replica);
	switch (action->kind) {
	case CONSENSUS_SEND:
		step_send(replica, epoch->seats[action->peer], MESSAGE_CONSENSUS, action->bytes);
		break;
	case CONSENSUS_TIMER:
		replica->wake_ms = action->at_ms;
		break;
	case CONSENSUS_SEND_STORED:
		stored_tell(replica, REPLICA_SEND_STORED, action);
		break;
	case CONSENSUS_EVIDENCE:
		evidence_tell(replica, action);
		break;
	case CONSENSUS_SEND_RANGE:
		step_send_range(replica, epoch->seats[action->peer], &action->range);
		break;
	case CONSENSUS_PERSIST:
	case CONSENSUS_COMMIT:
	case CONSENSUS_COLLECTED:
		break;
	}
}

/* Commits are applied before anything is appended, because the log begins with what was found out about them; but they
 * are told after it, because what is told must be on disk. */
static void carry_out(struct replica *replica, const struct consensus_actions *given)
{
	uint32_t before = replica->action_count;
	for (uint32_t i = 0; i < given->count; i++)
		if (given->items[i].kind == CONSENSUS_PERSIST)
			body_keep(replica, given->items[i].bytes);
	for (uint32_t i = 0; i < given->count; i++)
		if (given->items[i].kind == CONSENSUS_COLLECTED)
			commit_give_up(replica, &given->items[i]);
	for (uint32_t i = 0; i < given->count; i++)
		if (given->items[i].kind == CONSENSUS_COMMIT && !replica->closing)
			commit_apply(replica, &given->items[i].commit);
	uint32_t told = replica->action_count;
	if (replica->started) {
		forged_append(replica);
		settled_note(replica);
	}
	for (uint32_t i = 0; i < given->count && replica->started; i++)
		if (given->items[i].kind == CONSENSUS_PERSIST)
			consensus_block_stored(replica->consensus, &given->items[i].digest,
				step_append(replica, REPLICA_FRAME_BLOCK, given->items[i].bytes));
	step_rotate(replica, before, told);
	/* Recovery repeats decisions, not deeds. */
	for (uint32_t i = 0; i < given->count && replica->started; i++)
		speak(replica, &given->items[i]);
	if (replica->closing)
		epoch_switch(replica);
}

enum status replica_give(struct replica *replica, enum consensus_event_kind kind, uint16_t index, struct span bytes)
{
	struct consensus_event given = {.kind = kind, .now_ms = replica->now_ms, .peer = index, .bytes = bytes, .position = replica->position};
	struct consensus_actions actions = {0};
	enum status refused = OK;
	replica->wrapped_from = (struct span){0}; /* its bytes are gone with the step before */
	consensus_step(replica->consensus, &given, &actions, &refused);
	carry_out(replica, &actions);
	return refused;
}

void consensus_start(struct replica *replica)
{
	uint64_t number = epoch_number(replica);
	if (!replica_is_member(replica))
		return;
	(void)replica_give(replica, CONSENSUS_START, 0, (struct span){0});
	for (uint16_t i = 0; epoch_number(replica) == number && i < epoch_now(replica)->members; i++)
		if (replica->up[epoch_now(replica)->seats[i]])
			(void)replica_give(replica, CONSENSUS_PEER_UP, i, (struct span){0});
}

/* -- recovery ---------------------------------------------------------------------------------------------- */

static enum status recover_block(struct replica *replica, const struct replica_event *event)
{
	struct block block;
	if (block_parse(event->bytes, &block, NULL) != OK || memcmp(block.network, replica->genesis->network, BLOCK_NETWORK_SIZE) != 0)
		return E_CORRUPT;
	if (block.epoch < epoch_number(replica)) { /* its epoch was over when it came, or is in the log of entries; others may lack it */
		epoch_place(replica->epochs[block.epoch], event->position);
		consensus_history_note(&replica->epochs[block.epoch]->history, &block, event->position);
		return OK;
	}
	if (block.epoch > epoch_number(replica) && replica->damaged) { /* what the hole took comes first */
		damaged_later_keep(replica, &block, event->bytes, event->position);
		return OK;
	}
	if (block.epoch > epoch_number(replica) || block.author >= epoch_now(replica)->members)
		return E_CORRUPT;
	epoch_place(epoch_now(replica), event->position);
	if (replica->damaged && !damaged_block_holds(replica, &block))
		return E_SIGNATURE;
	bodies_add(&replica->bodies, &block);
	replica->position = event->position;
	return replica_give(replica, CONSENSUS_RECOVERED, 0, event->bytes);
}

static enum status recover_forged(struct replica *replica, struct span ids)
{
	struct reader in = reader_of(ids);
	while (in.rest.size >= DIGEST_SIZE) {
		struct digest id = read_digest(&in);
		map_put(&replica->forged, digest_span(&id), 1);
	}
	return reader_end(&in);
}

static bool is_entry_frame(uint8_t kind)
{
	return kind == REPLICA_FRAME_ENTRY || kind == REPLICA_FRAME_EPOCH || kind == REPLICA_FRAME_EPOCH_LINE;
}

static void recover_entry(struct replica *replica, const struct replica_event *event)
{
	enum status status;
	if (replica->recovery_fault.text[0])
		return;
	if (event->frame_kind == REPLICA_FRAME_ENTRY)
		status = entry_recovered(replica, event->bytes, event->sealed);
	else if (event->frame_kind == REPLICA_FRAME_EPOCH)
		status = epoch_recovered(replica, event->bytes);
	else
		status = epoch_line_recovered(replica, event->bytes);
	if (status != OK)
		fault_set(&replica->recovery_fault, E_CORRUPT,
			"The log of entries cannot be used from its frame at %llu (kind %u) on: it belongs to another network, or to another version of"
			" this program. Start with the folder that belongs to this configuration; or move all logs away, and this node fetches everything"
			" from the other members.",
			(unsigned long long)event->position, (unsigned)event->frame_kind);
}

static void recover(struct replica *replica, const struct replica_event *event)
{
	enum status status = OK;
	if (event->frame_kind == LOG_FRAME_SEGMENT) /* not in the count of positions */
		return;
	if (is_entry_frame(event->frame_kind)) {
		recover_entry(replica, event);
		return;
	}
	replica->log_end = event->position + LOG_FRAME_OVERHEAD + event->bytes.size;
	if (replica->recovery_fault.text[0])
		return;
	if (event->frame_kind == REPLICA_FRAME_BLOCK)
		status = recover_block(replica, event);
	else if (event->frame_kind == REPLICA_FRAME_COSIGNATURE)
		status = checkpoints_recovered(replica, event->bytes);
	else if (event->frame_kind == REPLICA_FRAME_STATE_COSIGNATURE)
		status = state_checkpoints_recovered(replica, event->bytes);
	else if (event->frame_kind == REPLICA_FRAME_FORGED)
		status = recover_forged(replica, event->bytes);
	else if (event->frame_kind == REPLICA_FRAME_SETTLED)
		status = settled_recovered(replica, event->bytes, event->position);
	else if (event->frame_kind == LOG_FRAME_HOLE)
		damaged_hole(replica);
	else
		status = E_CORRUPT;
	if (status != OK && !replica->damaged)
		fault_set(&replica->recovery_fault, E_CORRUPT,
			"The log's frame at %llu (kind %u) cannot be used: it belongs to another network, or to another version of this program."
			" Start with the folder that belongs to this configuration; or move the log away, and this node fetches everything"
			" from the other members.",
			(unsigned long long)event->position, (unsigned)event->frame_kind);
}

enum status replica_recovery(const struct replica *replica, struct fault *fault)
{
	if (!replica->recovery_fault.text[0])
		return OK;
	return fault_set(fault, E_CORRUPT, "%s", replica->recovery_fault.text);
}

/* -- submissions --------------------------------------------------------------------------------------------- */

/* Why this node proposes nothing. E_BUSY: whoever submits tries again, and elsewhere, as with any node that is busy. */
static enum status not_proposing(const struct replica *replica, struct fault *fault)
{
	const struct genesis *members = epochs_newest(ledger_epochs(replica->ledger))->members;
	struct span name = replica->name, other = span_of_text("any member");
	const char *why = "is no member now";
	for (size_t i = members->member_count; i-- > 0;)
		if (span_equal(members->members[i].header.iss, name))
			why = "has other keys now than this node";
		else
			other = members->members[i].header.iss;
	if (replica->rebased)
		why = "is still catching up";
	return fault_set(fault, E_BUSY, "%.*s %s, so this node proposes nothing. Submit the same statement to another node, such as that of %.*s: it is in "
		"the log once, however often it is submitted.", (int)name.size, (const char *)name.data, why, (int)other.size, (const char *)other.data);
}

/* Everything cheap first, the signature last. */
static enum status admit(struct replica *replica, struct span bytes, struct digest *id, uint64_t *index, struct fault *fault)
{
	struct statement statement;
	const struct verifying_key *key;
	enum status status = statement_decode(bytes, &statement, fault);
	if (status != OK) {
		*id = sha256(bytes);
		return status;
	}
	*id = statement.id;
	if (!replica->started)
		return fault_set(fault, E_BUSY, "This node is still starting; try again in a moment.");
	if (!replica_is_member(replica) || replica->rebased)
		return not_proposing(replica, fault);
	status = ledger_examine(replica->ledger, &statement, true, &key, fault);
	if (status == E_DUPLICATE)
		CHECK(ledger_index_of(replica->ledger, id, index) == OK);
	if (status != OK)
		return status;
	if (map_get(&replica->submitted, digest_span(id), NULL))
		return OK;
	if (replica->submitted.count >= REPLICA_SUBMITTED_MAX)
		return fault_set(fault, E_BUSY, "%d statements wait at this node already; try again in a second.", REPLICA_SUBMITTED_MAX);
	uint64_t start = signer_clock(replica);
	status = replica->signatures->statement_verify(&statement, key, fault);
	signer_count(replica, start);
	return status;
}

static void submit(struct replica *replica, const struct replica_event *event)
{
	struct digest id;
	uint64_t index = 0;
	struct fault fault = {{0}};
	enum status status = admit(replica, event->bytes, &id, &index, &fault);
	if (status == OK && map_get(&replica->submitted, digest_span(&id), NULL))
		return; /* waits already: one outcome for both */
	if (status == OK) {
		/* Before the step: with one member the commit may come with it. */
		map_put(&replica->submitted, digest_span(&id), 1);
		status = replica_give(replica, CONSENSUS_SUBMIT, 0, event->bytes);
		if (status == OK)
			return;
		map_remove(&replica->submitted, digest_span(&id));
		status = fault_set(&fault, status, "Too much waits to be proposed at this node; try again in a second.");
	}
	step_outcome(replica, &id, status, fault.text);
	replica->actions[replica->action_count - 1].index = index;
}

void submissions_end(struct replica *replica)
{
	struct fault fault;
	struct reader body = reader_of(buffer_span(&replica->again));
	struct span transaction;
	enum status status = not_proposing(replica, &fault);
	while (block_transaction_next(&body, &transaction)) {
		struct digest id = sha256(transaction);
		if (map_remove(&replica->submitted, digest_span(&id)))
			step_outcome(replica, &id, status, fault.text);
	}
	map_free(&replica->submitted);
	buffer_clear(&replica->again);
	replica->rescued = false;
}

/* Commits passed an own block by: its statements are proposed once more, unless they are final by another way. */
static void submit_again(struct replica *replica)
{
	struct buffer again = replica->again;
	struct reader body = reader_of(buffer_span(&again));
	struct span transaction;
	uint64_t index;
	replica->rescued = false;
	if (!replica->started || again.size == 0 || !replica_is_member(replica))
		return;
	replica->again = (struct buffer){0};
	while (block_transaction_next(&body, &transaction)) {
		struct digest id = sha256(transaction);
		if (ledger_index_of(replica->ledger, &id, &index) != OK && consensus_queue(replica->consensus, transaction) != OK)
			write_block(&replica->again, transaction); /* no room now: at the next step */
	}
	buffer_free(&again);
}

/* -- the step -------------------------------------------------------------------------------------------------- */

static void consensus_message(struct replica *replica, uint16_t peer, struct span bytes)
{
	struct reader in = reader_of(bytes);
	uint64_t epoch = read_u64(&in);
	if (in.failed) {
		replica->messages_refused++;
		return;
	}
	if (epoch != epoch_number(replica)) {
		catchup_elsewhere(replica, peer, epoch);
		return;
	}
	uint16_t index = epoch_index(epoch_now(replica), peer);
	if (catchup_block(replica, peer, in.rest))
		return;
	if (index != REPLICA_NOBODY && replica_is_member(replica))
		(void)replica_give(replica, CONSENSUS_MESSAGE, index, in.rest);
	else
		replica->messages_refused++;
}

static bool is_peer(const struct replica *replica, uint16_t peer)
{
	return peer < ledger_seat_count(replica->ledger) && peer != replica_seat(replica);
}

static void message(struct replica *replica, const struct replica_event *event)
{
	struct span rest = event->bytes;
	uint8_t kind = 0;
	if (rest.size && is_peer(replica, event->peer)) {
		kind = rest.data[0];
		rest = span_of(rest.data + 1, rest.size - 1);
	}
	if (kind == MESSAGE_CONSENSUS)
		consensus_message(replica, event->peer, rest);
	else if (kind == MESSAGE_COSIGNATURE)
		checkpoints_message(replica, event->peer, rest);
	else if (kind == MESSAGE_STATE_COSIGNATURE)
		state_checkpoints_message(replica, event->peer, rest);
	else if (kind == MESSAGE_EPOCH_LINE)
		epoch_line_message(replica, rest);
	else if (kind == MESSAGE_EPOCH_LINES)
		epoch_lines_asked(replica, event->peer, rest);
	else if (kind)
		catchup_message(replica, event->peer, (enum message_kind)kind, rest);
	else
		replica->messages_refused++;
}

static void start(struct replica *replica, const struct replica_event *event)
{
	CHECK(!replica->recovery_fault.text[0]); /* replica_recovery said to stop */
	if (event->position > replica->log_end) /* pruned to the last frame */
		replica->log_end = event->position;
	replica->started = true;
	map_free(&replica->forged);
	epoch_sign(replica);
	consensus_start(replica);
}

static void peer_changed(struct replica *replica, uint16_t peer, bool up)
{
	if (!is_peer(replica, peer))
		return;
	uint16_t index = epoch_index(epoch_now(replica), peer);
	replica->up[peer] = up;
	if (index != REPLICA_NOBODY && replica_is_member(replica))
		(void)replica_give(replica, up ? CONSENSUS_PEER_UP : CONSENSUS_PEER_DOWN, index, (struct span){0});
	catchup_peer(replica, peer, up);
	if (up) {
		checkpoints_peer(replica, peer);
		state_checkpoints_peer(replica, peer);
	}
}

static void take(struct replica *replica, const struct replica_event *event)
{
	CHECK((event->kind == REPLICA_RECOVERED || event->kind == REPLICA_START) != replica->started || event->kind == REPLICA_SUBMIT);
	switch (event->kind) {
	case REPLICA_RECOVERED:
		recover(replica, event);
		break;
	case REPLICA_START:
		start(replica, event);
		break;
	case REPLICA_TICK:
		if (replica_is_member(replica))
			(void)replica_give(replica, CONSENSUS_TICK, 0, (struct span){0});
		break;
	case REPLICA_PEER_UP:
		peer_changed(replica, event->peer, true);
		break;
	case REPLICA_PEER_DOWN:
		peer_changed(replica, event->peer, false);
		break;
	case REPLICA_MESSAGE:
		message(replica, event);
		break;
	case REPLICA_SUBMIT:
		submit(replica, event);
		break;
	case REPLICA_AHEAD:
		ahead_work(replica);
		break;
	}
}

/* When something is to be done although nothing happens. */
static void timer_set(struct replica *replica)
{
	enum { SLEEP_MAX_MS = 60000 };
	int64_t due = replica->now_ms + SLEEP_MAX_MS, other = checkpoints_due(replica);
	due = replica->wake_ms < due ? replica->wake_ms : due;
	due = other < due ? other : due;
	other = catchup_due(replica);
	if (other != INT64_MAX) {
		other = replica->now_ms + (other > replica->steady_ms ? other - replica->steady_ms : 0);
		due = other < due ? other : due;
	}
	if (replica->rescued)
		due = replica->now_ms;
	step_action(replica, REPLICA_TIMER)->at_ms = due;
}

/* The shell's clock may jump: back costs nothing, and far ahead counts for ten minutes. */
static void clock_advance(struct replica *replica, int64_t now_ms)
{
	enum { STEP_MAX_MS = 600000 };
	int64_t step = replica->clock_set && now_ms > replica->now_ms ? now_ms - replica->now_ms : 0;
	replica->steady_ms += step < STEP_MAX_MS && step >= 0 ? step : STEP_MAX_MS;
	replica->now_ms = now_ms;
	replica->clock_set = true;
}

void replica_step(struct replica *replica, const struct replica_event *event, struct replica_actions *actions)
{
	step_begin(replica);
	epochs_retire(replica);
	replica->signer.randomness = event->randomness;
	clock_advance(replica, event->now_ms);
	if (!replica->rebased) {
		submit_again(replica);
		take(replica, event);
		checkpoints_settle(replica, event->now_ms);
		catchup_look(replica);
		if (replica->started)
			timer_set(replica);
	}
	replica->signer.randomness = NULL;
	actions->items = replica->actions;
	actions->count = replica->action_count;
}

/* -- questions ---------------------------------------------------------------------------------------------------- */

void replica_message_of_block(struct span block_bytes, struct buffer *out)
{
	enum { EPOCH_AT = 2 + BLOCK_NETWORK_SIZE };
	CHECK(block_bytes.size > EPOCH_AT + 8);
	write_u8(out, MESSAGE_CONSENSUS);
	buffer_append(out, block_bytes.data + EPOCH_AT, 8);
	consensus_message_of_block(block_bytes, out);
}

void replica_profile(struct replica *replica, uint64_t (*clock_ns)(void))
{
	replica->clock_ns = clock_ns;
}

struct span replica_name(const struct replica *replica)
{
	return replica->name;
}

const struct consensus *replica_consensus(const struct replica *replica)
{
	return replica->consensus;
}

const struct ledger *replica_ledger(const struct replica *replica)
{
	return replica->ledger;
}

uint64_t replica_log_end(const struct replica *replica)
{
	return replica->log_end;
}

void replica_rounds(const struct replica *replica, uint32_t *out)
{
	consensus_rounds(replica->consensus, out);
}

void replica_numbers(const struct replica *replica, struct replica_numbers *out)
{
	const struct kept_checkpoint *newest = checkpoints_newest(replica);
	const struct state_version *state = state_checkpoints_newest(replica);
	*out = (struct replica_numbers){
		.epoch = epoch_number(replica),
		.epoch_cost = replica->epoch_cost,
		.log_size = ledger_size(replica->ledger),
		.commits = replica->commits,
		.transactions = replica->transactions,
		.refused = replica->refused,
		.submitted_waiting = replica->submitted.count,
		.signature_checks = replica->signature_checks,
		.signature_ns = replica->signature_ns,
		.checkpoint_size = newest ? newest->size : 0,
		.checkpoint_lines = newest ? newest->line_count : 0,
		.state_size = state ? state->size : 0,
		.state_lines = state ? state->line_count : 0,
		.forks = replica->forks,
		.messages_refused = replica->messages_refused,
	};
	out->epoch_signed = epoch_signed(replica);
	for (size_t seat = 0; seat < ledger_seat_count(replica->ledger); seat++)
		if (replica->catchup.ahead[seat] > out->epochs_ahead)
			out->epochs_ahead = replica->catchup.ahead[seat];
	out->log_root = merkle_tree_root(ledger_tree(replica->ledger), out->log_size);
	consensus_numbers(replica->consensus, &out->consensus);
}
