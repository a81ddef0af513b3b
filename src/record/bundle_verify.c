#include "record/bundle.h"

#include "record/bundle_report.h"

#include <inttypes.h>
#include <stdlib.h>

struct verification {
	const struct bundle *bundle;
	const struct genesis *genesis;
	const struct bundle_describer *describer;
	struct buffer *report;
	struct fault fault;           /* of the check under way */
	struct checkpoint checkpoint;
	bool signed_by[GENESIS_MEMBERS_MAX];
	uint64_t times[GENESIS_MEMBERS_MAX]; /* of their lines, ascending */
	size_t signer_count;          /* organisations that signed: witnesses do not count */
	struct statement *statements; /* of the entries */
};

bool bundle_cites_evidence(unsigned type)
{
	return type == STATEMENT_MODEL || type == STATEMENT_DISTURBANCE || type == STATEMENT_SERVICE || type == STATEMENT_COMMAND
		|| type == STATEMENT_RESULT || type == STATEMENT_ACK;
}

/* -- the checkpoint ------------------------------------------------------------------- */

static size_t member_of(const struct genesis *genesis, struct span name)
{
	size_t i = 0;
	while (i < genesis->member_count && !span_equal(genesis->members[i].header.iss, name))
		i++;
	return i;
}

/* How many may lie without harm: consensus holds with n >= 3f + 1 members. */
static size_t tolerated(const struct genesis *genesis)
{
	return (genesis->member_count - 1) / 3;
}

static void insert_time(uint64_t *times, size_t count, uint64_t time)
{
	for (; count > 0 && times[count - 1] > time; count--)
		times[count] = times[count - 1];
	times[count] = time;
}

static enum status check_line(struct verification *v, const struct checkpoint_line *line)
{
	const struct checkpoint *checkpoint = &v->checkpoint;
	size_t number = member_of(v->genesis, line->name);
	uint8_t key_id[4];
	if (checkpoint_line_is_disguised(line, v->genesis))
		return fault_set(&v->fault, E_SIGNATURE, "checkpoint: the line of %s is another one's, with the name changed", report_shown(line->name).text);
	if (!checkpoint_name_is_member(line->name))
		return OK;
	if (number == v->genesis->member_count)
		return fault_set(&v->fault, E_UNKNOWN, "checkpoint: it has a line of %s, which is no organisation of the genesis",
			report_shown(line->name).text);
	const struct genesis_member *member = &v->genesis->members[number];
	checkpoint_key_id(line->name, &member->org.checkpoint_key, key_id);
	if (memcmp(key_id, line->key_id, sizeof key_id) != 0)
		return fault_set(&v->fault, E_SIGNATURE, "checkpoint: the line of %s names another key than the genesis", report_shown(line->name).text);
	if (v->signed_by[number])
		return fault_set(&v->fault, E_DUPLICATE, "checkpoint: it has two lines of %s", report_shown(line->name).text);
	v->signed_by[number] = true;
	struct verifying_key *key = verifying_key_new(&member->org.checkpoint_key);
	enum status status = key ? cosignature_verify(key, line->name, checkpoint->origin, checkpoint->size, &checkpoint->root, &line->cosignature)
				 : E_SIGNATURE;
	verifying_key_free(key);
	if (status != OK)
		return fault_set(&v->fault, status, "checkpoint: the signature of %s over size and root of the log does not verify",
			report_shown(line->name).text);
	insert_time(v->times, v->signer_count++, line->cosignature.timestamp_s);
	return OK;
}

static void report_checkpoint(struct verification *v)
{
	const struct checkpoint *checkpoint = &v->checkpoint;
	size_t needed = tolerated(v->genesis) + 1;
	char root[DIGEST_HEX_SIZE];
	span_hex(span_of(checkpoint->root.bytes, DIGEST_SIZE), root);
	buffer_append_text(v->report, "ok: checkpoint: log ");
	report_text(v->report, checkpoint->origin);
	buffer_printf(v->report, " of size %" PRIu64 ", root %s, signed by %zu of %zu organisations (%zu are needed)\n", checkpoint->size, root,
		v->signer_count, v->genesis->member_count, needed);
	for (size_t i = 0; i < checkpoint->line_count; i++) {
		buffer_append_text(v->report, "ok: checkpoint: ");
		report_text(v->report, checkpoint->lines[i].name);
		if (!checkpoint_name_is_member(checkpoint->lines[i].name)) {
			buffer_append_text(v->report, " is named by a line as a witness; it was not checked and does not count\n");
			continue;
		}
		buffer_append_text(v->report, " signed it at ");
		report_seconds(v->report, checkpoint->lines[i].cosignature.timestamp_s);
		buffer_append_byte(v->report, '\n');
	}
	/* Among the f+1 earliest signers one is honest, and it signed no later than the last of them. */
	buffer_printf(v->report, "ok: %s was final no later than ", v->bundle->entry_count ? "all that follows" : "all of the log up to this size");
	report_seconds(v->report, v->times[needed - 1]);
	buffer_printf(v->report, ", unless more than %zu of the %zu organisations lie\n", needed - 1, v->genesis->member_count);
}

static enum status check_checkpoint(struct verification *v)
{
	char origin[CHECKPOINT_ORIGIN_SIZE];
	struct buffer again = {0};
	TRY(checkpoint_decode(v->bundle->note, &v->checkpoint, &v->fault));
	checkpoint_encode(&v->checkpoint, &again);
	bool is_one_form = span_equal(buffer_span(&again), v->bundle->note);
	buffer_free(&again);
	if (!is_one_form)
		return fault_set(&v->fault, E_NOT_CANONICAL,
			"checkpoint: it has lines that are no cosignatures, or more than %d; a bundle has only the lines of organisations and witnesses", CHECKPOINT_NOTE_LINES);
	checkpoint_origin(v->genesis->network, origin);
	if (!span_is_text(v->checkpoint.origin, origin))
		return fault_set(&v->fault, E_NETWORK, "checkpoint: it is of the log %s, but the genesis founded %s",
			report_shown(v->checkpoint.origin).text, origin);
	for (size_t i = 0; i < v->checkpoint.line_count; i++)
		TRY(check_line(v, &v->checkpoint.lines[i]));
	if (v->signer_count <= tolerated(v->genesis))
		return fault_set(&v->fault, E_SIGNATURE, "checkpoint: %zu of %zu organisations signed it, at least %zu must", v->signer_count,
			v->genesis->member_count, tolerated(v->genesis) + 1);
	report_checkpoint(v);
	return OK;
}

enum status checkpoint_verify(struct span note, const struct genesis *genesis, struct checkpoint *out, struct buffer *report,
	struct fault *fault)
{
	const struct bundle bundle = {.note = note};
	struct verification *v = memory_new(sizeof *v);
	v->bundle = &bundle;
	v->genesis = genesis;
	v->report = report;
	enum status status = check_checkpoint(v);
	if (status == OK)
		*out = v->checkpoint;
	else
		fault_set(fault, status, "%s", v->fault.text);
	free(v);
	return status;
}

/* -- entries ------------------------------------------------------------------------- */

struct title {
	char text[64];
};

/* "subject (disturbance)", "evidence 3 (anchor)" */
static struct title title(const struct verification *v, size_t entry)
{
	struct title out;
	struct buffer text = {0};
	if (entry == 0)
		buffer_append_text(&text, "subject");
	else
		buffer_printf(&text, "evidence %zu", entry);
	buffer_printf(&text, " (%s)", statement_type_name(v->statements[entry].type));
	buffer_append_byte(&text, 0);
	CHECK(text.size <= sizeof out.text);
	memcpy(out.text, text.data, text.size);
	buffer_free(&text);
	return out;
}

static enum status check_entry_form(struct verification *v, size_t entry)
{
	struct statement *statement = &v->statements[entry];
	struct fault fault = {0};
	enum status status = statement_decode(v->bundle->entries[entry].statement, statement, &fault);
	if (status == OK)
		status = body_check(statement->type, statement->body, &fault);
	if (status != OK)
		return fault_set(&v->fault, status, "%s: the form of the statement is broken. %.300s", title(v, entry).text, fault.text);
	for (size_t i = 0; i < entry; i++)
		if (digest_equal(&v->statements[i].id, &statement->id))
			return fault_set(&v->fault, E_DUPLICATE, "%s: this statement is in the bundle twice", title(v, entry).text);
	return OK;
}

static enum status check_kind(struct verification *v)
{
	unsigned type = v->statements[0].type;
	const char *expected = v->bundle->has_reading ? "reading" : statement_type_name(type);
	if (!span_is_text(v->bundle->kind, expected))
		return fault_set(&v->fault, E_MALFORMED, "form: the bundle calls itself %s, but it holds a %s", report_shown(v->bundle->kind).text, expected);
	if (v->bundle->has_reading && type != STATEMENT_ANCHOR)
		return fault_set(&v->fault, E_MALFORMED, "form: the reading comes with a %s statement instead of an anchor", statement_type_name(type));
	return OK;
}

static enum status check_inclusion(struct verification *v, size_t entry)
{
	const struct bundle_entry *proof = &v->bundle->entries[entry];
	struct digest leaf = merkle_leaf(span_of(v->statements[entry].id.bytes, DIGEST_SIZE));
	if (merkle_inclusion_verify(&leaf, proof->index, v->checkpoint.size, &proof->path, &v->checkpoint.root) == OK)
		return OK;
	return fault_set(&v->fault, E_SIGNATURE, "%s: its inclusion proof for position %" PRIu64 " does not lead to the checkpoint's root",
		title(v, entry).text, proof->index);
}

static enum status check_network(struct verification *v, size_t entry)
{
	static const uint8_t none[NETWORK_ID_SIZE];
	const struct statement *statement = &v->statements[entry];
	const uint8_t *expected = statement->type == STATEMENT_ORG ? none : v->genesis->network;
	if (memcmp(statement->network, expected, NETWORK_ID_SIZE) == 0)
		return OK;
	return fault_set(&v->fault, E_NETWORK, "%s: it was made for another network than the genesis founded", title(v, entry).text);
}

/* Who signed, as the genesis or a registration in the bundle knows them. */
struct issuer {
	struct public_key key;
	struct report_shown organisation; /* empty: it is one */
	struct report_shown role;
};

/* The key that a registration gives to its subject. False: none. */
static bool registered_key(const struct statement *statement, struct issuer *out)
{
	if (statement->type == STATEMENT_PERSON) {
		struct body_person person;
		if (body_person_decode(statement->body, &person, NULL) != OK)
			return false;
		out->key = person.key;
		out->role = report_shown(person.role);
		return true;
	}
	struct body_device device;
	if (statement->type != STATEMENT_DEVICE || body_device_decode(statement->body, &device, NULL) != OK || !device.has_key)
		return false;
	out->key = device.key;
	out->role = report_shown(span_of_text(device.kind == DEVICE_GATEWAY ? "gateway" : "device"));
	return true;
}

/* The newest registration of the issuer that is earlier in the log; by an organisation. */
static bool find_registration(const struct verification *v, size_t entry, struct issuer *out)
{
	bool found = false;
	uint64_t newest = 0;
	for (size_t i = 0; i < v->bundle->entry_count; i++) {
		const struct statement *registration = &v->statements[i];
		uint64_t index = v->bundle->entries[i].index;
		struct issuer candidate;
		if (!span_equal(registration->sub, v->statements[entry].iss) || index >= v->bundle->entries[entry].index || (found && index < newest)
			|| member_of(v->genesis, registration->iss) == v->genesis->member_count || !registered_key(registration, &candidate))
			continue;
		*out = candidate;
		out->organisation = report_shown(registration->iss);
		newest = index;
		found = true;
	}
	return found;
}

static enum status find_issuer(struct verification *v, size_t entry, struct issuer *out)
{
	struct span iss = v->statements[entry].iss;
	size_t member = member_of(v->genesis, iss);
	if (member < v->genesis->member_count) {
		*out = (struct issuer){.key = v->genesis->members[member].org.record_key, .role = report_shown(v->genesis->members[member].org.role)};
		return OK;
	}
	if (find_registration(v, entry, out))
		return OK;
	return fault_set(&v->fault, E_UNKNOWN,
		"%s: its issuer %s is neither in the genesis nor registered by an earlier statement in the bundle", title(v, entry).text, report_shown(iss).text);
}

static enum status check_signature(struct verification *v, size_t entry, const struct issuer *issuer)
{
	struct verifying_key *key = verifying_key_new(&issuer->key);
	enum status status = key ? statement_verify(&v->statements[entry], key) : E_SIGNATURE;
	verifying_key_free(key);
	if (status == OK)
		return OK;
	return fault_set(&v->fault, status, "%s: its signature does not verify with the registered key of %s", title(v, entry).text,
		report_shown(v->statements[entry].iss).text);
}

static size_t entry_of(const struct verification *v, const struct digest *id)
{
	size_t i = 0;
	while (i < v->bundle->entry_count && !digest_equal(&v->statements[i].id, id))
		i++;
	return i;
}

/* What a result or an acknowledgement answers. False: it answers nothing. */
static bool answered(const struct statement *statement, struct digest *out)
{
	struct body_result result;
	struct body_ack ack;
	if (statement->type == STATEMENT_RESULT && body_result_decode(statement->body, &result, NULL) == OK)
		*out = result.command;
	else if (statement->type == STATEMENT_ACK && body_ack_decode(statement->body, &ack, NULL) == OK)
		*out = ack.target;
	else
		return false;
	return true;
}

static enum status check_parents(struct verification *v, size_t entry)
{
	const struct statement *statement = &v->statements[entry];
	struct digest answer;
	bool must_answer = answered(statement, &answer);
	for (size_t i = 0; i < statement->parent_count; i++) {
		size_t parent = entry_of(v, &statement->parents[i]);
		bool inside = parent < v->bundle->entry_count;
		if (inside && v->bundle->entries[parent].index >= v->bundle->entries[entry].index)
			return fault_set(&v->fault, E_PARENT, "%s: it names a parent that is later in the log", title(v, entry).text);
		if (!inside && entry == 0 && bundle_cites_evidence(statement->type))
			return fault_set(&v->fault, E_UNKNOWN, "%s: parent %zu, which it cites as evidence, is not in the bundle", title(v, entry).text, i);
		must_answer = must_answer && !digest_equal(&answer, &statement->parents[i]);
	}
	if (must_answer)
		return fault_set(&v->fault, E_PARENT, "%s: what it answers is not one of its parents", title(v, entry).text);
	return OK;
}

static void report_entry(struct verification *v, size_t entry, const struct issuer *issuer)
{
	const struct statement *statement = &v->statements[entry];
	struct title name = title(v, entry);
	char id[DIGEST_HEX_SIZE];
	span_hex(span_of(statement->id.bytes, DIGEST_SIZE), id);
	buffer_printf(v->report, "ok: %s: statement %s is at position %" PRIu64 " of the log\n", name.text, id, v->bundle->entries[entry].index);
	buffer_printf(v->report, "ok: %s: signed by ", name.text);
	report_text(v->report, statement->iss);
	buffer_printf(v->report, " (%s", issuer->role.text);
	if (issuer->organisation.text[0])
		buffer_printf(v->report, ", registered by %s", issuer->organisation.text);
	buffer_append_text(v->report, "), who states the time of issue as ");
	report_seconds(v->report, (uint64_t)statement->iat);
	buffer_printf(v->report, "\nok: %s: about ", name.text);
	report_text(v->report, statement->sub);
	buffer_append_text(v->report, " it says: ");
	bundle_says(statement, v->report);
	buffer_append_byte(v->report, '\n');
}

static enum status check_entry(struct verification *v, size_t entry)
{
	struct issuer issuer = {0};
	TRY(check_network(v, entry));
	TRY(find_issuer(v, entry, &issuer));
	TRY(check_signature(v, entry, &issuer));
	TRY(check_parents(v, entry));
	report_entry(v, entry, &issuer);
	return OK;
}

/* -- the reading --------------------------------------------------------------------- */

static enum status describe_reading(struct verification *v, const struct body_anchor *anchor)
{
	struct buffer line = {0};
	struct fault fault = {0};
	enum status status = v->describer->describe(v->describer->context, v->bundle->leaf, anchor, &line, &fault);
	if (status == OK) {
		buffer_append_text(v->report, "ok: reading: it says: ");
		report_text(v->report, buffer_span(&line));
		buffer_append_byte(v->report, '\n');
	} else {
		fault_set(&v->fault, status, "reading: it is no sample that the anchor can cover. %.300s", report_shown(span_of_text(fault.text)).text);
	}
	buffer_free(&line);
	return status;
}

static enum status check_reading(struct verification *v)
{
	const struct bundle *bundle = v->bundle;
	struct body_anchor anchor;
	TRY(body_anchor_decode(v->statements[0].body, &anchor, &v->fault));
	if (bundle->leaf_count != anchor.samples)
		return fault_set(&v->fault, E_MALFORMED, "reading: its proof is for %" PRIu64 " leaves, but the anchor has %" PRIu64 " samples",
			bundle->leaf_count, anchor.samples);
	struct digest leaf = merkle_leaf(bundle->leaf);
	if (merkle_inclusion_verify(&leaf, bundle->leaf_index, bundle->leaf_count, &bundle->leaf_path, &anchor.root) != OK)
		return fault_set(&v->fault, E_SIGNATURE, "reading: its inclusion proof for leaf %" PRIu64 " does not lead to the anchor's root",
			bundle->leaf_index);
	char chunk[DIGEST_HEX_SIZE];
	span_hex(span_of(anchor.chunk.bytes, DIGEST_SIZE), chunk);
	buffer_printf(v->report, "ok: reading: it is leaf %" PRIu64 " of %" PRIu64 " in chunk %s, evidence class %s\n", bundle->leaf_index,
		bundle->leaf_count, chunk, evidence_class_name(anchor.evidence));
	return v->describer ? describe_reading(v, &anchor) : OK;
}

/* -- all of it ------------------------------------------------------------------------ */

/* A failed check becomes a line of the report; the first is also what the caller gets. */
static void record_outcome(struct verification *v, enum status outcome, enum status *status, struct fault *fault)
{
	if (outcome == OK)
		return;
	buffer_printf(v->report, "FAILED: %s\n", v->fault.text);
	if (*status == OK) {
		*status = outcome;
		fault_set(fault, outcome, "%s", v->fault.text);
	}
}

static enum status check_forms(struct verification *v)
{
	for (size_t i = 0; i < v->bundle->entry_count; i++)
		TRY(check_entry_form(v, i));
	return check_kind(v);
}

static enum status verify_all(struct verification *v, struct fault *fault)
{
	enum status status = OK;
	record_outcome(v, check_forms(v), &status, fault);
	if (status == OK)
		record_outcome(v, check_checkpoint(v), &status, fault);
	/* Without a root that is signed, and statements that are under it, the rest proves nothing. */
	if (status != OK)
		return status;
	for (size_t i = 0; i < v->bundle->entry_count; i++)
		record_outcome(v, check_inclusion(v, i), &status, fault);
	if (status != OK)
		return status;
	for (size_t i = 0; i < v->bundle->entry_count; i++)
		record_outcome(v, check_entry(v, i), &status, fault);
	if (v->bundle->has_reading)
		record_outcome(v, check_reading(v), &status, fault);
	return status;
}

enum status bundle_verify_described(const struct bundle *bundle, const struct genesis *genesis,
	const struct bundle_describer *describer, struct buffer *report, struct fault *fault)
{
	CHECK(bundle->entry_count > 0 && genesis->member_count > 0);
	struct verification *v = memory_new(sizeof *v);
	v->bundle = bundle;
	v->genesis = genesis;
	v->describer = describer;
	v->report = report;
	v->statements = memory_new_array(bundle->entry_count, sizeof *v->statements);
	enum status status = verify_all(v, fault);
	free(v->statements);
	free(v);
	return status;
}

enum status bundle_verify(const struct bundle *bundle, const struct genesis *genesis, struct buffer *report, struct fault *fault)
{
	return bundle_verify_described(bundle, genesis, NULL, report, fault);
}
