/* Statements are decoded and their signatures verified while blocks wait for their commit. A commit brings those of a whole round at
 * once; were they verified then, everything would wait for it, and the answer to whoever submitted them as well. */
#include "replica/state.h"

enum {
	AHEAD_STATEMENTS = 2,         /* in one step: blocks that arrive must not wait long */
	AHEAD_MEMORY = 2,             /* the decoded ones are at most so many times as large as the bytes; their array has room for more */
};

bool replica_has_ahead(const struct replica *replica)
{
	return replica->started && !replica->rebased && replica->bodies.ahead_first;
}

/* The kid lies in the signed bytes, and when the statement is applied the ledger wants the key of that kid: what is true now is true
 * then. What does not verify, or is not to be judged yet, is left to the commit. */
static bool verifies(struct replica *replica, const struct statement *statement)
{
	const struct verifying_key *key;
	if (map_get(&replica->submitted, digest_span(&statement->id), NULL) || ledger_examine(replica->ledger, statement, true, &key, NULL) != OK)
		return false;
	uint64_t start = signer_clock(replica);
	enum status status = replica->signatures->statement_verify(statement, key, NULL);
	signer_count(replica, start);
	return status == OK;
}

static bool has_room(const struct body_kept *kept)
{
	return (kept->statement_count + 1) * sizeof *kept->statements <= AHEAD_MEMORY * kept->size;
}

void ahead_work(struct replica *replica)
{
	struct body_kept *kept;
	for (int i = 0; i < AHEAD_STATEMENTS && (kept = replica->bodies.ahead_first); i++) {
		struct reader body = reader_of(span_after(span_of(kept->bytes, kept->size), kept->looked_at));
		struct span transaction;
		/* Statements in own blocks were verified when they were submitted. */
		if (kept->author == epoch_now(replica)->own || !has_room(kept) || !block_transaction_next(&body, &transaction)) {
			bodies_ahead_done(&replica->bodies, kept);
			continue;
		}
		kept->looked_at = kept->size - body.rest.size;
		ARRAY_GROW(kept->statements, kept->statement_count, kept->statement_capacity);
		struct body_statement *item = &kept->statements[kept->statement_count++];
		*item = (struct body_statement){.verified = false};
		item->decoded = statement_decode(transaction, &item->statement, NULL) == OK;
		item->verified = item->decoded && verifies(replica, &item->statement);
	}
}
