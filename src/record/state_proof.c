#include "record/state_proof.h"

#include "crypto/hash.h"
#include "record/bundle.h"
#include "record/bundle_report.h"
#include "record/cbor.h"

#include <inttypes.h>
#include <stdlib.h>

static const char FORM[] = "tally/state/v1";
enum { PARTS = 7 };

void checkpoint_state_origin(const uint8_t network[NETWORK_ID_SIZE], char out[CHECKPOINT_STATE_ORIGIN_SIZE])
{
	checkpoint_origin(network, out);
	memcpy(out + CHECKPOINT_ORIGIN_SIZE - 1, "/state", sizeof "/state");
}

/* -- the file ------------------------------------------------------------------------------------------ */

void state_proof_encode(const struct state_proof *proof, struct buffer *out)
{
	cbor_write_array(out, PARTS);
	cbor_write_cstring(out, FORM);
	cbor_write_text(out, proof->name);
	if (proof->present)
		cbor_write_bytes(out, proof->value);
	else
		cbor_write_null(out);
	cbor_write_array(out, proof->path.count);
	for (size_t i = 0; i < proof->path.count; i++)
		cbor_write_digest(out, &proof->path.siblings[i]);
	if (proof->path.has_other) {
		cbor_write_array(out, 2);
		cbor_write_digest(out, &proof->path.other_key);
		cbor_write_digest(out, &proof->path.other_value);
	} else {
		cbor_write_null(out);
	}
	cbor_write_text(out, proof->note);
	cbor_write_array(out, proof->statement_count);
	for (size_t i = 0; i < proof->statement_count; i++)
		cbor_write_bytes(out, proof->statements[i]);
}

bool state_proof_is(struct span bytes)
{
	struct cbor_reader in = cbor_reader_of(bytes);
	return cbor_enter_array(&in, PARTS) == PARTS && span_is_text(cbor_read_text(&in), FORM);
}

static void path_decode(struct cbor_reader *in, struct state_proof *out)
{
	out->path.count = (size_t)cbor_enter_array(in, STATE_PATH_MAX);
	for (size_t i = 0; i < out->path.count && !in->failed; i++)
		out->path.siblings[i] = cbor_read_digest(in);
	cbor_leave(in);
	out->path.has_other = !cbor_read_null_if_present(in);
	if (!out->path.has_other)
		return;
	if (cbor_enter_array(in, 2) != 2)
		cbor_fail(in, "the other leaf is not [key, value's hash]");
	out->path.other_key = cbor_read_digest(in);
	out->path.other_value = cbor_read_digest(in);
	cbor_leave(in);
	if (out->present)
		cbor_fail(in, "it holds a value and another key's leaf");
}

enum status state_proof_decode(struct span bytes, struct state_proof *out, struct fault *fault)
{
	memset(out, 0, sizeof *out);
	if (bytes.size > STATE_PROOF_SIZE_MAX)
		return fault_set(fault, E_LIMIT, "The state proof is larger than %d bytes; no node makes such a one.", STATE_PROOF_SIZE_MAX);
	struct cbor_reader in = cbor_reader_of(bytes);
	if (cbor_enter_array(&in, PARTS) != PARTS || !span_is_text(cbor_read_text(&in), FORM))
		return fault_set(fault, E_MALFORMED, "This is no state proof of form %s.", FORM);
	out->name = cbor_read_text(&in);
	if (out->name.size == 0 || out->name.size > STATEMENT_NAME_MAX)
		cbor_fail(&in, "the name is empty or too long");
	out->present = !cbor_read_null_if_present(&in);
	if (out->present)
		out->value = cbor_read_bytes(&in);
	path_decode(&in, out);
	out->note = cbor_read_text(&in);
	out->statement_count = (size_t)cbor_enter_array(&in, STATE_STATEMENTS_MAX);
	for (size_t i = 0; i < out->statement_count; i++)
		out->statements[i] = cbor_read_bytes(&in);
	cbor_leave(&in);
	cbor_leave(&in);
	if (in.failed || cbor_end(&in) != OK)
		return fault_set(fault, in.failed ? in.status : E_MALFORMED, "The state proof's form is broken: %s.", in.failed ? in.why : "bytes follow it");
	return OK;
}

/* -- verifying ------------------------------------------------------------------------------------------ */

struct verification {
	const struct state_proof *proof;
	const struct trust *trust;
	struct note_judgement judgement;
	struct state_finding *out;
	struct fault fault;
};

static enum status check_path(struct verification *v)
{
	const struct state_proof *proof = v->proof;
	struct digest key = state_entry_key(proof->name);
	const struct digest *root = &v->judgement.checkpoint.root;
	enum status status = proof->present ? state_path_verify_present(&proof->path, root, &key, proof->value)
					    : state_path_verify_absent(&proof->path, root, &key);
	if (status == OK)
		return OK;
	return fault_set(&v->fault, status, "The proof that %s is %s does not lead to the checkpoint's root.", report_shown(proof->name).text,
		proof->present ? "registered as the file says" : "not registered");
}

/* Which of the entry's ids it has, and where its bytes go. */
static struct span *place_of(struct state_finding *out, const struct digest *id, uint32_t *type)
{
	const struct state_entry *entry = &out->entry;
	if (digest_equal(id, &entry->registration)) {
		*type = entry->kind == ENTITY_ORG ? STATEMENT_ORG : entry->kind == ENTITY_PERSON ? STATEMENT_PERSON : STATEMENT_DEVICE;
		return &out->registration;
	}
	*type = digest_equal(id, &entry->bounds) ? STATEMENT_BOUNDS : STATEMENT_MODEL;
	return digest_equal(id, &entry->bounds) ? &out->bounds : digest_equal(id, &entry->model) ? &out->model : NULL;
}

static enum status check_statement(struct verification *v, struct span bytes)
{
	struct statement statement;
	struct fault fault = {0};
	struct digest id = sha256(bytes);
	uint32_t type;
	struct span *place = v->out->present ? place_of(v->out, &id, &type) : NULL;
	if (!place)
		return fault_set(&v->fault, E_UNKNOWN, "The file holds a statement that the state of %s does not name.", report_shown(v->proof->name).text);
	if (place->size)
		return fault_set(&v->fault, E_DUPLICATE, "The file holds a statement twice.");
	enum status status = statement_decode(bytes, &statement, &fault);
	if (status == OK)
		status = body_check(statement.type, statement.body, &fault);
	if (status != OK)
		return fault_set(&v->fault, status, "A statement in the file has a broken form. %.300s", fault.text);
	/* An organisation that joined later stands in the proposal that it join. */
	bool fits = statement.type == type || (type == STATEMENT_ORG && statement.type == STATEMENT_MEMBER);
	if (!fits || !span_equal(statement.sub, v->proof->name))
		return fault_set(&v->fault, E_MALFORMED, "A statement in the file is not what the state of %s names it for.",
			report_shown(v->proof->name).text);
	*place = bytes;
	return OK;
}

static enum status check_all(struct verification *v)
{
	char origin[CHECKPOINT_STATE_ORIGIN_SIZE];
	struct fault fault = {0};
	checkpoint_state_origin(v->trust->epochs->items[0].members->network, origin);
	TRY(note_judge(v->proof->note, origin, v->trust, &v->judgement, &v->fault));
	TRY(check_path(v));
	v->out->present = v->proof->present;
	v->out->size = v->judgement.checkpoint.size;
	v->out->fresh_s = v->judgement.fresh_s;
	if (v->proof->present) {
		enum status status = state_entry_decode(v->proof->value, &v->out->entry, &fault);
		if (status != OK)
			return fault_set(&v->fault, status, "The value is proven, but its form is not known to this version. %.300s", fault.text);
	}
	for (size_t i = 0; i < v->proof->statement_count; i++)
		TRY(check_statement(v, v->proof->statements[i]));
	return OK;
}

/* -- for people ------------------------------------------------------------------------------------------ */

static void report_says(struct span bytes, struct buffer *report)
{
	struct statement statement;
	if (!bytes.size || statement_decode(bytes, &statement, NULL) != OK)
		return;
	buffer_append_text(report, "; it says: ");
	bundle_says(&statement, report);
}

static void report_head(struct buffer *report, const char *what, const struct digest *id, uint64_t version, struct span bytes)
{
	char hex[DIGEST_HEX_SIZE];
	span_hex(span_of(id->bytes, DIGEST_SIZE), hex);
	if (version) {
		buffer_printf(report, "ok: state: its %s version %" PRIu64 ", statement %s", what, version, hex);
		report_says(bytes, report);
	} else {
		buffer_printf(report, "ok: state: it has no %.*s", (int)strcspn(what, " "), what);
	}
	buffer_append_byte(report, '\n');
}

static void report_entry(const struct verification *v, struct buffer *report)
{
	const struct state_entry *entry = &v->out->entry;
	char hex[DIGEST_HEX_SIZE];
	span_hex(span_of(entry->registration.bytes, DIGEST_SIZE), hex);
	buffer_append_text(report, "ok: state: ");
	report_text(report, v->proof->name);
	buffer_printf(report, " is registered as a%s %s", entry->kind == ENTITY_ORG ? "n" : "", entity_kind_name(entry->kind));
	if (entry->owner.size) {
		buffer_append_text(report, " of ");
		report_text(report, entry->owner);
	}
	if (entry->gateway.size) {
		buffer_append_text(report, ", spoken for by ");
		report_text(report, entry->gateway);
	}
	if (entry->role.size) {
		buffer_append_text(report, ", role ");
		report_text(report, entry->role);
	}
	buffer_printf(report, "; it is %s\nok: state: its registration in force is statement %s", device_state_word(entry->state), hex);
	report_says(v->out->registration, report);
	buffer_append_byte(report, '\n');
	if (entry->kind == ENTITY_DEVICE) {
		report_head(report, "bounds are", &entry->bounds, entry->bounds_version, v->out->bounds);
		report_head(report, "model is", &entry->model, entry->model_version, v->out->model);
	}
	if (entry->last_seq)
		buffer_printf(report, "ok: state: its own last statement is number %" PRIu64 "\n", entry->last_seq);
}

static void report_all(const struct verification *v, struct buffer *report)
{
	const struct genesis *members = v->judgement.epoch->members;
	note_report(&v->judgement, v->trust->policy, report);
	if (v->out->present) {
		report_entry(v, report);
	} else {
		buffer_append_text(report, "ok: state: there is no ");
		report_text(report, v->proof->name);
		buffer_append_text(report, ": the ledger has never registered that name\n");
	}
	buffer_printf(report, "ok: state: this was so after entry %" PRIu64 " of the log; an honest organisation knew of nothing newer at ", v->out->size - 1);
	report_seconds(report, v->out->fresh_s);
	buffer_printf(report, " or later, unless more than %zu of the %zu organisations lie\n", note_tolerated(members), members->member_count);
}

enum status state_proof_verify(const struct state_proof *proof, const struct trust *trust, struct state_finding *out, struct buffer *report,
	struct fault *fault)
{
	struct verification *v = memory_new_array(1, sizeof *v);
	*out = (struct state_finding){0};
	v->proof = proof;
	v->trust = trust;
	v->out = out;
	enum status status = check_all(v);
	if (status != OK) {
		fault_set(fault, status, "%s", v->fault.text);
		if (report)
			buffer_printf(report, "FAILED: %s\n", v->fault.text);
	} else if (report) {
		report_all(v, report);
	}
	free(v);
	return status;
}
