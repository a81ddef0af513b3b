#include "record/receipt_check.h"

#include "record/bundle.h"
#include "record/bundle_report.h"
#include "record/receipt_check_part.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const uint8_t *network_of(const struct receipt_checking *check)
{
	return check->trust->epochs->items[0].members->network;
}

/* -- the statement --------------------------------------------------------------------------- */

void receipt_checking_role(struct receipt_checking *check, const struct genesis_member *member, const struct epoch *epoch)
{
	buffer_append_text(check->report, " (");
	report_text(check->report, member->org.role);
	if (epoch->number)
		buffer_printf(check->report, " in %s", epoch_name(epoch).text);
	buffer_append_byte(check->report, ')');
}

enum status receipt_checking_signature(struct receipt_checking *check, const struct statement *statement, uint64_t position)
{
	const struct epoch *epoch = epochs_of_size(check->trust->epochs, position + 1);
	const struct genesis_member *member = genesis_member_named(epoch->members, statement->iss);
	if (!member && checkpoint_name_is_member(statement->iss))
		return fault_set(&check->fault, E_UNKNOWN, "statement: its issuer %s is no organisation of %s%s", report_shown(statement->iss).text,
			epoch_name(epoch).text, epochs_advice(check->trust->epochs, epoch));
	if (!member) {
		buffer_append_text(check->report, "ok: statement: it names ");
		report_text(check->report, statement->iss);
		buffer_append_text(check->report, " as its issuer, whose key is registered on the log and not in the genesis: its signature was not checked"
			" here; a bundle holds the registration\n");
		return OK;
	}
	struct verifying_key *key = verifying_key_new(&member->org.record_key);
	enum status status = key ? statement_verify(statement, key) : E_SIGNATURE;
	verifying_key_free(key);
	if (status != OK)
		return fault_set(&check->fault, status, "statement: its signature does not verify with the key of %s in %s%s", report_shown(statement->iss).text,
			epoch_name(epoch).text, epochs_advice(check->trust->epochs, epoch));
	buffer_append_text(check->report, "ok: statement: signed by ");
	report_text(check->report, statement->iss);
	receipt_checking_role(check, member, epoch);
	buffer_append_text(check->report, ", who states the time of issue as ");
	report_seconds(check->report, (uint64_t)statement->iat);
	buffer_append_byte(check->report, '\n');
	return OK;
}

enum status receipt_checking_form(struct receipt_checking *check, struct span bytes, struct statement *statement)
{
	static const uint8_t none[NETWORK_ID_SIZE];
	struct fault inner = {0};
	enum status status = statement_decode(bytes, statement, &inner);
	if (status == OK)
		status = body_check(statement->type, statement->body, &inner);
	if (status != OK)
		return fault_set(&check->fault, status, "statement: its form is broken. %.300s", report_shown(span_of_text(inner.text)).text);
	if (memcmp(statement->network, statement->type == STATEMENT_ORG ? none : network_of(check), NETWORK_ID_SIZE) != 0)
		return fault_set(&check->fault, E_NETWORK, "statement: it was made for another network than the genesis founded");
	char id[DIGEST_HEX_SIZE];
	span_hex(span_of(statement->id.bytes, DIGEST_SIZE), id);
	buffer_printf(check->report, "ok: statement: %s, of type %s\n", id, statement_type_name(statement->type));
	return OK;
}

void receipt_checking_says(struct receipt_checking *check, const struct statement *statement)
{
	buffer_append_text(check->report, "ok: statement: about ");
	report_text(check->report, statement->sub);
	buffer_append_text(check->report, " it says: ");
	bundle_says(statement, check->report);
	buffer_append_byte(check->report, '\n');
}

/* -- the receipt ----------------------------------------------------------------------------- */

enum status receipt_checking_read(struct receipt_checking *check, struct span bytes)
{
	struct fault inner = {0};
	enum status status = receipt_decode(bytes, &check->receipt, &inner);
	return status == OK ? OK : fault_set(&check->fault, status, "%s: its form is broken. %.300s", check->what, inner.text);
}

static enum status receipt_open(struct receipt_checking *check, struct verifying_key **key)
{
	char origin[CHECKPOINT_ORIGIN_SIZE];
	checkpoint_origin(network_of(check), origin);
	if (!span_is_text(check->receipt.sub, origin))
		return fault_set(&check->fault, E_NETWORK, "%s: it is of the log %s, but the genesis founded %s", check->what, report_shown(check->receipt.sub).text, origin);
	check->epoch = epochs_of_size(check->trust->epochs, check->receipt.proofs[0].size);
	check->issuer = genesis_member_named(check->epoch->members, check->receipt.iss);
	const char *advice = epochs_advice(check->trust->epochs, check->epoch);
	if (!check->issuer)
		return fault_set(&check->fault, E_UNKNOWN, "%s: its issuer %s is no organisation of %s%s", check->what, report_shown(check->receipt.iss).text,
			epoch_name(check->epoch).text, advice);
	struct digest kid = key_thumbprint(&check->issuer->org.checkpoint_key);
	if (!digest_equal(&kid, &check->receipt.kid))
		return fault_set(&check->fault, E_SIGNATURE, "%s: it names another key of %s than %s%s", check->what, report_shown(check->receipt.iss).text,
			epoch_name(check->epoch).text, advice);
	*key = verifying_key_new(&check->issuer->org.checkpoint_key);
	return *key ? OK : fault_set(&check->fault, E_SIGNATURE, "%s: the key of %s in %s is none", check->what, report_shown(check->receipt.iss).text,
		epoch_name(check->epoch).text);
}

enum status receipt_checking_proof(struct receipt_checking *check, const struct digest *id)
{
	struct verifying_key *key = NULL;
	TRY(receipt_open(check, &key));
	enum status status = receipt_inclusion_root(&check->receipt, id, &check->root);
	if (status != OK)
		fault_set(&check->fault, status, "%s: its proof does not lead from this statement to a root", check->what);
	else if ((status = receipt_verify_inclusion(&check->receipt, key, id, &check->root)) != OK)
		fault_set(&check->fault, status, "%s: the signature of %s does not cover the root to which the proof leads from this statement", check->what,
			report_shown(check->receipt.iss).text);
	verifying_key_free(key);
	return status;
}

static void report_issuer(struct receipt_checking *check)
{
	buffer_append_text(check->report, "ok: receipt: issued by ");
	report_text(check->report, check->receipt.iss);
	receipt_checking_role(check, check->issuer, check->epoch);
	buffer_append_text(check->report, " for the log ");
	report_text(check->report, check->receipt.sub);
	buffer_append_byte(check->report, '\n');
}

static void report_limits(struct receipt_checking *check, const char *what)
{
	buffer_append_text(check->report, "ok: this rests on the word of ");
	report_text(check->report, check->receipt.iss);
	buffer_printf(check->report, " alone, one of %zu organisations; %s\n", check->epoch->members->member_count, what);
}

static void report_inclusion(struct receipt_checking *check)
{
	const struct receipt_proof *proof = &check->receipt.proofs[0];
	char root[DIGEST_HEX_SIZE];
	span_hex(span_of(check->root.bytes, DIGEST_SIZE), root);
	report_issuer(check);
	buffer_printf(check->report, "ok: receipt: the statement is at position %" PRIu64 " of the log of size %" PRIu64 ", whose root %s it signed\n", proof->first,
		proof->size, root);
	report_limits(check, "receipts of others, or a bundle, make it more");
}

static void report_consistency(struct receipt_checking *check)
{
	const struct receipt_proof *proof = &check->receipt.proofs[0];
	char root[DIGEST_HEX_SIZE];
	span_hex(span_of(check->root.bytes, DIGEST_SIZE), root);
	report_issuer(check);
	buffer_printf(check->report, "ok: receipt: the log of size %" PRIu64 ", root %s, begins with all %" PRIu64
		" entries that the checkpoint covers, unchanged and in the same order\n", proof->size, root, proof->first);
	report_limits(check, "that the larger log is the others' too says a checkpoint of that size");
}

/* -- all of it --------------------------------------------------------------------------------- */

static enum status inclusion(struct receipt_checking *check, struct span receipt, struct span bytes)
{
	struct statement statement;
	if (check->trust->policy)
		return fault_set(&check->fault, E_SIGNATURE,
			"policy: a receipt is the word of one organisation, and a policy asks for several: verify it without, or export a bundle or a "
			"transparent statement");
	TRY(receipt_checking_form(check, bytes, &statement));
	TRY(receipt_checking_read(check, receipt));
	TRY(receipt_checking_signature(check, &statement, check->receipt.proofs[0].first));
	receipt_checking_says(check, &statement);
	TRY(receipt_checking_proof(check, &statement.id));
	report_inclusion(check);
	return OK;
}

static enum status note_check(struct receipt_checking *check, struct span note, struct note_judgement *judgement)
{
	char origin[CHECKPOINT_ORIGIN_SIZE];
	checkpoint_origin(network_of(check), origin);
	TRY(note_judge(note, origin, check->trust, judgement, &check->fault));
	note_report(judgement, check->trust->policy, check->report);
	note_report_final(judgement, "all of the log up to this size", check->report);
	return OK;
}

static enum status consistency(struct receipt_checking *check, struct span receipt, struct span note)
{
	struct note_judgement *judgement = memory_new(sizeof *judgement);
	struct verifying_key *key = NULL;
	enum status status = note_check(check, note, judgement);
	if (status == OK)
		status = receipt_checking_read(check, receipt);
	if (status == OK)
		status = receipt_open(check, &key);
	if (status == OK) {
		status = receipt_verify_consistency(&check->receipt, key, judgement->checkpoint.size, &judgement->checkpoint.root, &check->root);
		if (status == OK)
			report_consistency(check);
		else
			fault_set(&check->fault, status, "receipt: it does not prove that the log of %s continues this checkpoint", report_shown(check->receipt.iss).text);
	}
	verifying_key_free(key);
	free(judgement);
	return status;
}

typedef enum status kind_check(struct receipt_checking *check, struct span receipt, struct span other);

static enum status run(kind_check *kind, struct span receipt, struct span other, const struct trust *trust, struct buffer *report,
	struct fault *fault)
{
	struct receipt_checking *check = memory_new(sizeof *check);
	snprintf(check->what, sizeof check->what, "receipt");
	check->trust = trust;
	check->report = report;
	enum status status = kind(check, receipt, other);
	if (status != OK) {
		buffer_printf(report, "FAILED: %s\n", check->fault.text);
		fault_set(fault, status, "%s", check->fault.text);
	}
	free(check);
	return status;
}

enum status receipt_check(struct span receipt, struct span statement, const struct trust *trust, struct buffer *report, struct fault *fault)
{
	return run(inclusion, receipt, statement, trust, report, fault);
}

enum status receipt_check_consistency(struct span receipt, struct span note, const struct trust *trust, struct buffer *report,
	struct fault *fault)
{
	return run(consistency, receipt, note, trust, report, fault);
}
