#include "replica/state.h"

/* A statement that is being applied. */
struct applied {
	struct replica *replica;
	bool verified;                /* ahead of the commit */
};

/* Whatever is not verified yet is verified now, and its outcome is remembered in the log. */
static enum status signature_check(void *context, const struct statement *statement, const struct verifying_key *key, struct fault *fault)
{
	const struct applied *applied = context;
	struct replica *replica = applied->replica;
	if (applied->verified || map_get(&replica->submitted, digest_span(&statement->id), NULL))
		return OK; /* a moment ago, or when it was submitted */
	if (!replica->started && !replica->damaged) /* verified when it was applied before the restart */
		return map_get(&replica->forged, digest_span(&statement->id), NULL) ? E_SIGNATURE : OK;
	uint64_t start = signer_clock(replica);
	enum status status = replica->signatures->statement_verify(statement, key, fault);
	signer_count(replica, start);
	if (status != OK && replica->started)
		write_digest(&replica->forged_now, &statement->id);
	return status;
}

/* Of all epochs. */
static uint64_t commit_number(const struct replica *replica, const struct consensus_commit *commit)
{
	return epochs_newest(ledger_epochs(replica->ledger))->commits + commit->index;
}

static void entry_keep(struct replica *replica, const struct replica_action *final)
{
	struct entry entry = {.index = final->index, .commit_index = final->commit_index, .commit_ms = final->commit_ms, .statement = final->bytes};
	struct buffer bytes = {0};
	if (entry.index < replica->entries_kept)
		return;
	replica->entries_kept = entry.index + 1;
	entry_encode(&entry, &bytes);
	step_keep_entry(replica, REPLICA_KEEP, REPLICA_FRAME_ENTRY, step_keep(replica, &bytes));
}

static void final(struct replica *replica, const struct consensus_commit *commit, const struct statement *statement, uint64_t index, struct span bytes)
{
	struct replica_action *action = step_final(replica, statement, bytes);
	action->index = index;
	action->commit_index = commit_number(replica, commit);
	action->commit_ms = commit->timestamp_ms;
	action->recovered = !replica->started;
	struct replica_action told = *action; /* actions move while they grow */
	entry_keep(replica, &told);
}

/* Tell whoever submitted it here. A refusal counts only in a block of ours: in another member's block it may stand in
 * the wrong place, and ours is still to come. */
static void settle(struct replica *replica, const struct consensus_commit *commit, const struct digest *id, bool own_block,
	enum status status, uint64_t index, const char *reason)
{
	if (!map_get(&replica->submitted, digest_span(id), NULL) || (status != OK && status != E_DUPLICATE && !own_block))
		return;
	map_remove(&replica->submitted, digest_span(id));
	step_outcome(replica, id, status, reason);
	struct replica_action *action = &replica->actions[replica->action_count - 1];
	action->index = index;
	action->commit_index = commit_number(replica, commit);
	action->commit_ms = commit->timestamp_ms;
}

static void apply_transaction(struct replica *replica, const struct consensus_commit *commit, bool own_block, const struct body_statement *item,
	struct span bytes)
{
	const struct statement *statement = &item->statement;
	struct fault fault = {{0}};
	uint64_t index = 0;
	if (!item->decoded) {
		replica->transactions++;
		replica->refused++;
		return;
	}
	struct applied applied = {replica, item->verified};
	struct ledger_verifier verifier = {.context = &applied, .verify = signature_check};
	enum status status = ledger_apply_by(replica->ledger, statement, &verifier, &index, &fault);
	if (status != E_DUPLICATE)
		replica->transactions++;
	if (status == OK)
		final(replica, commit, statement, index, bytes);
	else if (status != E_DUPLICATE)
		replica->refused++;
	settle(replica, commit, &statement->id, own_block, status, index, status == OK ? "" : fault.text);
}

static void apply_body(struct replica *replica, const struct consensus_commit *commit, bool own_block, const struct body_kept *kept)
{
	struct reader body = reader_of(span_of(kept->bytes, kept->size));
	struct span transaction;
	for (size_t i = 0; block_transaction_next(&body, &transaction); i++) {
		struct body_statement now = {.verified = false};
		const struct body_statement *item = i < kept->statement_count ? &kept->statements[i] : &now;
		if (item == &now)
			now.decoded = statement_decode(transaction, &now.statement, NULL) == OK;
		apply_transaction(replica, commit, own_block, item, transaction);
	}
}

void commit_apply(struct replica *replica, const struct consensus_commit *commit)
{
	for (uint32_t i = 0; i < commit->block_count; i++) {
		const struct block_ref *ref = &commit->blocks[i];
		struct body_kept *kept = bodies_take(&replica->bodies, &ref->digest);
		CHECK(kept); /* stored before it was committed */
		replica->epoch_cost += REPLICA_BLOCK_COST + kept->size;
		apply_body(replica, commit, ref->author == epoch_now(replica)->own, kept);
		step_keep_memory(replica, kept->bytes); /* actions borrow from it */
		kept->bytes = NULL;
		body_free(kept);
	}
	for (uint32_t i = 0; i < commit->left_out_count; i++)
		body_free(bodies_take(&replica->bodies, &commit->left_out[i].digest));
	replica->commits = commit_number(replica, commit);
	checkpoints_reached(replica, commit->timestamp_ms);
	epoch_look(replica, commit);
	checkpoints_commit(replica, commit->timestamp_ms);
}

void commit_give_up(struct replica *replica, const struct consensus_action *collected)
{
	for (uint32_t i = 0; i < collected->position_count; i++) {
		struct body_kept *kept = bodies_take(&replica->bodies, &collected->blocks[i].digest);
		if (kept && collected->peer == epoch_now(replica)->own)
			buffer_append(&replica->again, kept->bytes, kept->size);
		body_free(kept);
	}
}
