#include "replica/replica.h"

#include "crypto/hash.h"
#include "replica/state.h"

#include <stdlib.h>

enum { FORGED_FRAME_MAX = (LOG_FRAME_MAX / DIGEST_SIZE) * DIGEST_SIZE };

/* -- beginning and end ---------------------------------------------------------------------------------- */

static enum status key_is_ours(const struct signing_key *key, const struct public_key *expected, const char *what, struct span name,
	struct fault *fault)
{
	if (memcmp(signing_key_public(key)->bytes, expected->bytes, ML_DSA_44_PUBLIC) == 0)
		return OK;
	return fault_set(fault, E_CONFIG, "The %s key is not the one that the genesis names for %.*s; use that organisation's key files.", what,
		(int)name.size, (const char *)name.data);
}

static enum status config_check(const struct replica_config *config, struct fault *fault)
{
	size_t members = config->genesis->member_count;
	if (members == 0 || members > BLOCK_MEMBERS_MAX || config->own >= members)
		return fault_set(fault, E_CONFIG, "Member number %u does not exist: the genesis names %zu.", (unsigned)config->own, members);
	const struct genesis_member *own = &config->genesis->members[config->own];
	TRY(key_is_ours(config->node_key, &own->org.node_key, "node", own->header.iss, fault));
	return key_is_ours(config->checkpoint_key, &own->org.checkpoint_key, "checkpoint", own->header.iss, fault);
}

static enum status keys_prepare(struct replica *replica, struct fault *fault)
{
	replica->node_keys = memory_new_array(replica->members, sizeof(struct verifying_key *));
	replica->checkpoint_keys = memory_new_array(replica->members, sizeof(struct verifying_key *));
	for (uint16_t i = 0; i < replica->members; i++) {
		const struct body_org *org = &replica->genesis->members[i].org;
		replica->node_keys[i] = verifying_key_new(&org->node_key);
		replica->checkpoint_keys[i] = verifying_key_new(&org->checkpoint_key);
		if (!replica->node_keys[i] || !replica->checkpoint_keys[i])
			return fault_set(fault, E_CONFIG, "The genesis holds a key that is no ML-DSA-44 key; make a new genesis.");
	}
	return OK;
}

enum status replica_new(const struct replica_config *config, struct replica **out, struct fault *fault)
{
	TRY(config_check(config, fault));
	struct replica *replica = memory_new_array(1, sizeof *replica);
	replica->genesis = config->genesis;
	replica->own = config->own;
	replica->members = (uint16_t)config->genesis->member_count;
	replica->quorum_of_belief = (uint16_t)((replica->members - 1) / 3 + 1);
	replica->node_key = config->node_key;
	replica->checkpoint_key = config->checkpoint_key;
	replica->signatures = config->signatures ? config->signatures : replica_signatures_real();
	replica->signer.replica = replica;
	enum status status = keys_prepare(replica, fault);
	if (status != OK) {
		replica_free(replica);
		return status;
	}
	struct consensus_config consensus = config->consensus;
	consensus.members = replica->members;
	consensus.own = replica->own;
	memcpy(consensus.network, replica->genesis->network, BLOCK_NETWORK_SIZE);
	consensus.genesis = replica->genesis->digest;
	struct block_signer signer = signer_of(replica);
	replica->consensus = consensus_new(&consensus, &signer);
	replica->ledger = ledger_new(replica->genesis);
	checkpoints_init(replica);
	*out = replica;
	return OK;
}

void replica_free(struct replica *replica)
{
	if (!replica)
		return;
	consensus_free(replica->consensus);
	for (uint16_t i = 0; i < replica->members; i++) {
		verifying_key_free(replica->node_keys[i]);
		verifying_key_free(replica->checkpoint_keys[i]);
	}
	free(replica->node_keys);
	free(replica->checkpoint_keys);
	checkpoints_free(replica);
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

static void speak(struct replica *replica, struct consensus_action *action)
{
	int64_t due = checkpoints_due(replica);
	struct replica_action *out;
	switch (action->kind) {
	case CONSENSUS_SEND:
		step_send(replica, action->peer, MESSAGE_CONSENSUS, action->bytes);
		break;
	case CONSENSUS_TIMER:
		step_action(replica, REPLICA_TIMER)->at_ms = action->at_ms < due ? action->at_ms : due;
		break;
	case CONSENSUS_SEND_STORED:
	case CONSENSUS_EVIDENCE:
		consensus_positions_resolve(replica->consensus, action);
		out = step_action(replica, action->kind == CONSENSUS_EVIDENCE ? REPLICA_EVIDENCE : REPLICA_SEND_STORED);
		out->peer = action->peer;
		out->positions = action->positions;
		out->position_count = action->position_count;
		out->evidence[0] = action->evidence[0];
		out->evidence[1] = action->evidence[1];
		break;
	case CONSENSUS_SEND_RANGE:
		out = step_action(replica, REPLICA_SEND_RANGE);
		out->peer = action->peer;
		out->range = action->range;
		break;
	case CONSENSUS_PERSIST:
	case CONSENSUS_COMMIT:
	case CONSENSUS_COLLECTED:
		break;
	}
}

/* Commits are applied before anything is appended, because the log begins with what was found out about them; but they
 * are told after it, because what is told must be on disk. */
static void carry_out(struct replica *replica, const struct consensus_actions *given, int64_t now_ms)
{
	for (uint32_t i = 0; i < given->count; i++)
		if (given->items[i].kind == CONSENSUS_PERSIST)
			body_keep(replica, given->items[i].bytes);
	for (uint32_t i = 0; i < given->count; i++)
		if (given->items[i].kind == CONSENSUS_COLLECTED)
			commit_give_up(replica, &given->items[i]);
	for (uint32_t i = 0; i < given->count; i++)
		if (given->items[i].kind == CONSENSUS_COMMIT)
			commit_apply(replica, &given->items[i].commit);
	uint32_t told = replica->action_count;
	if (replica->started)
		forged_append(replica);
	for (uint32_t i = 0; i < given->count && replica->started; i++)
		if (given->items[i].kind == CONSENSUS_PERSIST)
			consensus_block_stored(replica->consensus, &given->items[i].digest,
				step_append(replica, REPLICA_FRAME_BLOCK, given->items[i].bytes));
	step_rotate(replica, told);
	checkpoints_settle(replica, now_ms);
	/* Recovery repeats decisions, not deeds. */
	for (uint32_t i = 0; i < given->count && replica->started; i++)
		speak(replica, &given->items[i]);
}

static enum status consensus_give(struct replica *replica, const struct replica_event *event, enum consensus_event_kind kind, struct span bytes)
{
	struct consensus_event given = {.kind = kind, .now_ms = event->now_ms, .peer = event->peer, .bytes = bytes, .position = event->position};
	struct consensus_actions actions = {0};
	enum status refused = OK;
	consensus_step(replica->consensus, &given, &actions, &refused);
	carry_out(replica, &actions, event->now_ms);
	return refused;
}

/* -- recovery ---------------------------------------------------------------------------------------------- */

static enum status recover_block(struct replica *replica, const struct replica_event *event)
{
	struct block block;
	if (block_parse(event->bytes, &block, NULL) != OK || block.author >= replica->members
		|| memcmp(block.network, replica->genesis->network, BLOCK_NETWORK_SIZE) != 0)
		return E_CORRUPT;
	bodies_add(&replica->bodies, &block);
	return consensus_give(replica, event, CONSENSUS_RECOVERED, event->bytes);
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

static void recover(struct replica *replica, const struct replica_event *event)
{
	enum status status = OK;
	if (event->frame_kind == LOG_FRAME_SEGMENT) /* not in the count of positions */
		return;
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
	else
		status = E_CORRUPT;
	if (status != OK)
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
		status = consensus_give(replica, event, CONSENSUS_SUBMIT, event->bytes);
		if (status == OK)
			return;
		map_remove(&replica->submitted, digest_span(&id));
		status = fault_set(&fault, status, "Too much waits to be proposed at this node; try again in a second.");
	}
	step_outcome(replica, &id, status, fault.text);
	replica->actions[replica->action_count - 1].index = index;
}

/* Commits passed an own block by: its statements are proposed once more, unless they are final by another way. */
static void submit_again(struct replica *replica)
{
	struct buffer again = replica->again;
	struct reader body = reader_of(buffer_span(&again));
	struct span transaction;
	uint64_t index;
	if (!replica->started || again.size == 0)
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

static void message(struct replica *replica, const struct replica_event *event)
{
	struct span rest = event->bytes;
	uint8_t kind = 0;
	if (rest.size && event->peer < replica->members && event->peer != replica->own) {
		kind = rest.data[0];
		rest = span_of(rest.data + 1, rest.size - 1);
	}
	if (kind == MESSAGE_CONSENSUS)
		(void)consensus_give(replica, event, CONSENSUS_MESSAGE, rest);
	else if (kind == MESSAGE_COSIGNATURE)
		checkpoints_message(replica, event->peer, rest);
	else if (kind == MESSAGE_STATE_COSIGNATURE)
		state_checkpoints_message(replica, event->peer, rest);
	else
		replica->messages_refused++;
}

static void start(struct replica *replica, const struct replica_event *event)
{
	CHECK(!replica->recovery_fault.text[0]); /* replica_recovery said to stop */
	replica->started = true;
	map_free(&replica->forged);
	(void)consensus_give(replica, event, CONSENSUS_START, (struct span){0});
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
		(void)consensus_give(replica, event, CONSENSUS_TICK, (struct span){0});
		break;
	case REPLICA_PEER_UP:
		(void)consensus_give(replica, event, CONSENSUS_PEER_UP, (struct span){0});
		checkpoints_peer(replica, event->peer);
		break;
	case REPLICA_PEER_DOWN:
		(void)consensus_give(replica, event, CONSENSUS_PEER_DOWN, (struct span){0});
		break;
	case REPLICA_MESSAGE:
		message(replica, event);
		break;
	case REPLICA_SUBMIT:
		submit(replica, event);
		break;
	}
}

void replica_step(struct replica *replica, const struct replica_event *event, struct replica_actions *actions)
{
	step_begin(replica);
	replica->signer.randomness = event->randomness;
	submit_again(replica);
	take(replica, event);
	replica->signer.randomness = NULL;
	actions->items = replica->actions;
	actions->count = replica->action_count;
}

/* -- questions ---------------------------------------------------------------------------------------------------- */

void replica_message_of_block(struct span block_bytes, struct buffer *out)
{
	write_u8(out, MESSAGE_CONSENSUS);
	consensus_message_of_block(block_bytes, out);
}

void replica_profile(struct replica *replica, uint64_t (*clock_ns)(void))
{
	replica->clock_ns = clock_ns;
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
	out->log_root = merkle_tree_root(ledger_tree(replica->ledger), out->log_size);
	consensus_numbers(replica->consensus, &out->consensus);
}
