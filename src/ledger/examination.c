#include "ledger/examination.h"

#include <inttypes.h>
#include <stdio.h>

struct printable printable(struct span text)
{
	struct printable out = {0};
	for (size_t i = 0; i < text.size && i < sizeof out.text - 1; i++)
		out.text[i] = text.data[i] < ' ' || text.data[i] == 127 ? '?' : (char)text.data[i];
	return out;
}

/* Its network, and whether it is final already. */
static enum status examine_statement(struct examination *e)
{
	const struct statement *statement = e->statement;
	if (memcmp(statement->network, e->ledger->genesis->network, NETWORK_ID_SIZE) != 0)
		return fault_set(e->fault, E_NETWORK, "This statement was made for another network; give its maker the genesis file of this one.");
	if (ledger_index_of(e->ledger, &statement->id, &e->duplicate) == OK)
		return fault_set(e->fault, E_DUPLICATE, "This statement is final already, at log position %" PRIu64 ".", e->duplicate);
	return OK;
}

static enum status examine_issuer(struct examination *e)
{
	struct printable name = printable(e->statement->iss);
	e->issuer = ledger_find(e->ledger, e->statement->iss);
	if (!e->issuer)
		return fault_set(e->fault, E_UNKNOWN, "The issuer %s is not registered; its organisation must register it first.", name.text);
	const struct entity *organisation = e->issuer->owner ? e->issuer->owner : e->issuer;
	if (organisation->member == LEDGER_NO_MEMBER)
		return fault_set(e->fault, E_REVOKED, "%s is no member of the consortium any more, and what it registered speaks no more.",
			organisation->name);
	if (e->issuer->state != DEVICE_ACTIVE)
		return fault_set(e->fault, E_REVOKED, "The issuer %s is %s; ask its organisation or a regulator to reinstate it.", name.text,
			e->issuer->state == DEVICE_SUSPENDED ? "suspended" : "revoked");
	TRY(rules_issuer(e));
	if (!e->issuer->key)
		return fault_set(e->fault, E_FORBIDDEN, "%s has no key to sign with; register it again with one.", name.text);
	if (!digest_equal(&e->statement->kid, &e->issuer->kid))
		return fault_set(e->fault, E_SIGNATURE, "%s signs with another key now; sign again with the registered key, or register the new one.",
			name.text);
	return OK;
}

/* The issuer's chain. True in *ahead when earlier statements of it may still be on their way. */
static enum status examine_sequence(struct examination *e, bool *ahead)
{
	const struct statement *statement = e->statement;
	const struct entity *issuer = e->issuer;
	uint64_t next = issuer->last_seq + 1;
	*ahead = false;
	if (statement->seq < next)
		return fault_set(e->fault, E_SEQUENCE,
			"Number %" PRIu64 " of %s is used already by another statement; the next is %" PRIu64
			". If its key is used in two places, stop one; then sign again with the ledger's number.",
			statement->seq, issuer->name, next);
	if (statement->seq > next) {
		*ahead = e->lenient;
		return e->lenient ? OK : fault_set(e->fault, E_SEQUENCE,
			"Number %" PRIu64 " of %s came while %" PRIu64 " is expected: an earlier one was refused or is still on its way"
			" through another node. Submit %" PRIu64 " first, then this one again.",
			statement->seq, issuer->name, next, next);
	}
	if (!digest_equal(&statement->prev, &issuer->last_id)) {
		char hex[DIGEST_HEX_SIZE];
		span_hex(digest_span(&issuer->last_id), hex);
		return fault_set(e->fault, E_SEQUENCE,
			"Number %" PRIu64 " of %s must name the statement before it as its previous one: %s; sign it again.",
			statement->seq, issuer->name, hex);
	}
	return OK;
}

static enum status examine_parents(struct examination *e)
{
	for (size_t i = 0; !e->lenient && i < e->statement->parent_count; i++) {
		uint64_t index;
		char hex[DIGEST_HEX_SIZE];
		if (ledger_index_of(e->ledger, &e->statement->parents[i], &index) == OK)
			continue;
		span_hex(digest_span(&e->statement->parents[i]), hex);
		return fault_set(e->fault, E_PARENT, "Its parent %s is not final; submit that one first, then this one again.", hex);
	}
	return OK;
}

enum status examination_run(struct examination *e)
{
	bool ahead;
	e->issuer = NULL;
	e->new_key = NULL;
	e->proposal = 0;
	e->subject = ledger_find(e->ledger, e->statement->sub);
	TRY(examine_statement(e));
	TRY(examine_issuer(e));
	TRY(examine_sequence(e, &ahead));
	TRY(examine_parents(e));
	TRY(rules_body(e));
	/* Its own earlier statements may register the subject or raise the version. */
	return ahead ? OK : rules_subject(e);
}

enum status ledger_examine(const struct ledger *ledger, const struct statement *statement, bool lenient,
	const struct verifying_key **key, struct fault *fault)
{
	struct examination examination;
	examination.ledger = ledger;
	examination.statement = statement;
	examination.fault = fault;
	examination.lenient = lenient;
	enum status status = examination_run(&examination);
	if (status == OK)
		*key = examination.issuer->key;
	verifying_key_free(examination.new_key);
	return status;
}

enum status ledger_verify(const struct statement *statement, const struct verifying_key *key, struct fault *fault)
{
	if (statement_signature_verify(statement, key) == OK)
		return OK;
	return fault_set(fault, E_SIGNATURE, "The signature of %s does not verify; sign again with its registered key.",
		printable(statement->iss).text);
}
