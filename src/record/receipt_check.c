#include "record/receipt_check.h"

#include "record/bundle.h"
#include "record/bundle_report.h"

#include <inttypes.h>
#include <stdlib.h>

struct check {
	const struct genesis *genesis;
	struct buffer *report;
	struct receipt receipt;
	const struct genesis_member *issuer; /* of the receipt */
	struct digest root;                  /* that it signs */
};

static const struct genesis_member *member_named(const struct genesis *genesis, struct span name)
{
	for (size_t i = 0; i < genesis->member_count; i++)
		if (span_equal(genesis->members[i].header.iss, name))
			return &genesis->members[i];
	return NULL;
}

/* -- the statement --------------------------------------------------------------------------- */

static enum status statement_check_signature(struct check *check, const struct statement *statement, struct fault *fault)
{
	const struct genesis_member *member = member_named(check->genesis, statement->iss);
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
		return fault_set(fault, status, "statement: its signature does not verify with the key of %s in the genesis", report_shown(statement->iss).text);
	buffer_append_text(check->report, "ok: statement: signed by ");
	report_text(check->report, statement->iss);
	buffer_append_text(check->report, " (");
	report_text(check->report, member->org.role);
	buffer_append_text(check->report, "), who states the time of issue as ");
	report_seconds(check->report, (uint64_t)statement->iat);
	buffer_append_byte(check->report, '\n');
	return OK;
}

static enum status statement_check(struct check *check, struct span bytes, struct statement *statement, struct fault *fault)
{
	static const uint8_t none[NETWORK_ID_SIZE];
	struct fault inner = {0};
	enum status status = statement_decode(bytes, statement, &inner);
	if (status == OK)
		status = body_check(statement->type, statement->body, &inner);
	if (status != OK)
		return fault_set(fault, status, "statement: its form is broken. %.300s", report_shown(span_of_text(inner.text)).text);
	if (memcmp(statement->network, statement->type == STATEMENT_ORG ? none : check->genesis->network, NETWORK_ID_SIZE) != 0)
		return fault_set(fault, E_NETWORK, "statement: it was made for another network than the genesis founded");
	char id[DIGEST_HEX_SIZE];
	span_hex(span_of(statement->id.bytes, DIGEST_SIZE), id);
	buffer_printf(check->report, "ok: statement: %s, of type %s\n", id, statement_type_name(statement->type));
	TRY(statement_check_signature(check, statement, fault));
	buffer_append_text(check->report, "ok: statement: about ");
	report_text(check->report, statement->sub);
	buffer_append_text(check->report, " it says: ");
	bundle_says(statement, check->report);
	buffer_append_byte(check->report, '\n');
	return OK;
}

/* -- the receipt ----------------------------------------------------------------------------- */

static enum status receipt_open(struct check *check, struct span bytes, struct verifying_key **key, struct fault *fault)
{
	struct fault inner = {0};
	enum status status = receipt_decode(bytes, &check->receipt, &inner);
	if (status != OK)
		return fault_set(fault, status, "receipt: its form is broken. %.300s", inner.text);
	char origin[CHECKPOINT_ORIGIN_SIZE];
	checkpoint_origin(check->genesis->network, origin);
	if (!span_is_text(check->receipt.sub, origin))
		return fault_set(fault, E_NETWORK, "receipt: it is of the log %s, but the genesis founded %s", report_shown(check->receipt.sub).text, origin);
	check->issuer = member_named(check->genesis, check->receipt.iss);
	if (!check->issuer)
		return fault_set(fault, E_UNKNOWN, "receipt: its issuer %s is no organisation of the genesis", report_shown(check->receipt.iss).text);
	struct digest kid = key_thumbprint(&check->issuer->org.checkpoint_key);
	if (!digest_equal(&kid, &check->receipt.kid))
		return fault_set(fault, E_SIGNATURE, "receipt: it names another key of %s than the genesis", report_shown(check->receipt.iss).text);
	*key = verifying_key_new(&check->issuer->org.checkpoint_key);
	return *key ? OK : fault_set(fault, E_SIGNATURE, "receipt: the key of %s in the genesis is none", report_shown(check->receipt.iss).text);
}

static void report_issuer(struct check *check)
{
	buffer_append_text(check->report, "ok: receipt: issued by ");
	report_text(check->report, check->receipt.iss);
	buffer_append_text(check->report, " (");
	report_text(check->report, check->issuer->org.role);
	buffer_append_text(check->report, ") for the log ");
	report_text(check->report, check->receipt.sub);
	buffer_append_byte(check->report, '\n');
}

static void report_limits(struct check *check, const char *what)
{
	buffer_append_text(check->report, "ok: this rests on the word of ");
	report_text(check->report, check->receipt.iss);
	buffer_printf(check->report, " alone, one of %zu organisations; %s\n", check->genesis->member_count, what);
}

static void report_inclusion(struct check *check)
{
	const struct receipt_proof *proof = &check->receipt.proofs[0];
	char root[DIGEST_HEX_SIZE];
	span_hex(span_of(check->root.bytes, DIGEST_SIZE), root);
	report_issuer(check);
	buffer_printf(check->report, "ok: receipt: the statement is at position %" PRIu64 " of the log of size %" PRIu64 ", whose root %s it signed\n", proof->first,
		proof->size, root);
	report_limits(check, "receipts of others, or a bundle, make it more");
}

static void report_consistency(struct check *check)
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

static enum status inclusion(struct check *check, struct span receipt, struct span bytes, struct fault *fault)
{
	struct statement statement;
	struct verifying_key *key = NULL;
	TRY(statement_check(check, bytes, &statement, fault));
	TRY(receipt_open(check, receipt, &key, fault));
	enum status status = receipt_inclusion_root(&check->receipt, &statement.id, &check->root);
	if (status != OK)
		fault_set(fault, status, "receipt: its proof does not lead from this statement to a root");
	else if ((status = receipt_verify_inclusion(&check->receipt, key, &statement.id, &check->root)) != OK)
		fault_set(fault, status, "receipt: the signature of %s does not cover the root to which the proof leads from this statement",
			report_shown(check->receipt.iss).text);
	else
		report_inclusion(check);
	verifying_key_free(key);
	return status;
}

static enum status consistency(struct check *check, struct span receipt, struct span note, struct fault *fault)
{
	struct checkpoint *checkpoint = memory_new(sizeof *checkpoint);
	struct verifying_key *key = NULL;
	struct fault inner = {0};
	enum status status = checkpoint_verify(note, check->genesis, checkpoint, check->report, &inner);
	if (status != OK)
		fault_set(fault, status, "%s", inner.text);
	else
		status = receipt_open(check, receipt, &key, fault);
	if (status == OK) {
		status = receipt_verify_consistency(&check->receipt, key, checkpoint->size, &checkpoint->root, &check->root);
		if (status == OK)
			report_consistency(check);
		else
			fault_set(fault, status, "receipt: it does not prove that the log of %s continues this checkpoint", report_shown(check->receipt.iss).text);
	}
	verifying_key_free(key);
	free(checkpoint);
	return status;
}

typedef enum status kind_check(struct check *check, struct span receipt, struct span other, struct fault *fault);

static enum status run(kind_check *kind, struct span receipt, struct span other, const struct genesis *genesis, struct buffer *report,
	struct fault *fault)
{
	struct check *check = memory_new(sizeof *check);
	struct fault inner = {0};
	check->genesis = genesis;
	check->report = report;
	enum status status = kind(check, receipt, other, &inner);
	if (status != OK) {
		buffer_printf(report, "FAILED: %s\n", inner.text);
		fault_set(fault, status, "%s", inner.text);
	}
	free(check);
	return status;
}

enum status receipt_check(struct span receipt, struct span statement, const struct genesis *genesis, struct buffer *report, struct fault *fault)
{
	return run(inclusion, receipt, statement, genesis, report, fault);
}

enum status receipt_check_consistency(struct span receipt, struct span note, const struct genesis *genesis, struct buffer *report,
	struct fault *fault)
{
	return run(consistency, receipt, note, genesis, report, fault);
}
