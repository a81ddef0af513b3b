/* Signatures are verified while blocks wait for their commit. A commit brings the statements of a whole round at once; were they
 * verified then, everything would wait for it, and the answer to whoever submitted them as well. */
#include "replica/state.h"

#include <stdlib.h>

enum {
	AHEAD_STATEMENTS = 2,         /* looked at in one step: blocks that arrive must not wait long */
	AHEAD_MAX = 4096,             /* verified ones that are remembered */
};

bool replica_has_ahead(const struct replica *replica)
{
	return replica->started && !replica->rebased && replica->bodies.ahead_first;
}

static void remember(struct ahead *ahead, const struct digest *id)
{
	if (!ahead->ids)
		ahead->ids = memory_new_array(AHEAD_MAX, sizeof *ahead->ids);
	map_remove(&ahead->verified, digest_span(&ahead->ids[ahead->next]));
	ahead->ids[ahead->next] = *id;
	ahead->next = (ahead->next + 1) % AHEAD_MAX;
	map_put(&ahead->verified, digest_span(id), 1);
}

/* The id covers the kid, and when it is applied the ledger wants the key of that kid: what is true now is true then. What does
 * not verify, or is not to be judged yet, is left to the commit. */
static void look_at(struct replica *replica, struct span bytes)
{
	struct statement statement;
	const struct verifying_key *key;
	if (statement_decode(bytes, &statement, NULL) != OK || map_get(&replica->submitted, digest_span(&statement.id), NULL) ||
		map_get(&replica->ahead.verified, digest_span(&statement.id), NULL) ||
		ledger_examine(replica->ledger, &statement, true, &key, NULL) != OK)
		return;
	uint64_t start = signer_clock(replica);
	enum status status = replica->signatures->statement_verify(&statement, key, NULL);
	signer_count(replica, start);
	if (status == OK)
		remember(&replica->ahead, &statement.id);
}

void ahead_work(struct replica *replica)
{
	struct body_kept *kept;
	for (int i = 0; i < AHEAD_STATEMENTS && (kept = replica->bodies.ahead_first); i++) {
		struct reader body = reader_of(span_after(span_of(kept->bytes, kept->size), kept->looked_at));
		struct span transaction;
		/* Statements in own blocks were verified when they were submitted. */
		if (kept->author != epoch_now(replica)->own && block_transaction_next(&body, &transaction)) {
			kept->looked_at = kept->size - body.rest.size;
			look_at(replica, transaction);
		} else {
			bodies_ahead_done(&replica->bodies, kept);
		}
	}
}

bool ahead_take(struct replica *replica, const struct digest *id)
{
	return map_remove(&replica->ahead.verified, digest_span(id));
}

void ahead_free(struct ahead *ahead)
{
	map_free(&ahead->verified);
	free(ahead->ids);
}
