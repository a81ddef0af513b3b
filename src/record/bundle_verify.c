#include "record/bundle.h"

#include "record/bundle_report.h"

#include <inttypes.h>
#include <stdlib.h>

struct verification {
	const struct bundle *bundle;
	const struct trust *trust;
	const struct bundle_describer *describer;
	struct buffer *report;
	struct fault fault;           /* of the check under way */
	struct note_judgement judgement;
	struct statement *statements; /* of the entries */
};

bool bundle_cites_evidence(unsigned type)
{
	return type == STATEMENT_MODEL || type == STATEMENT_DISTURBANCE || type == STATEMENT_SERVICE || type == STATEMENT_COMMAND
		|| type == STATEMENT_RESULT || type == STATEMENT_ACK || type == STATEMENT_VOTE;
}

/* -- the checkpoint ------------------------------------------------------------------- */

static enum status check_checkpoint(struct verification *v)
{
	char origin[CHECKPOINT_ORIGIN_SIZE];
	checkpoint_origin(v->trust->epochs->items[0].members->network, origin);
	TRY(note_judge(v->bundle->note, origin, v->trust, &v->judgement, &v->fault));
	note_report(&v->judgement, v->trust->policy, v->report);
	note_report_final(&v->judgement, "all that follows", v->report);
	return OK;
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
	const struct checkpoint *checkpoint = &v->judgement.checkpoint;
	if (merkle_inclusion_verify(&leaf, proof->index, checkpoint->size, &proof->path, &checkpoint->root) == OK)
		return OK;
	return fault_set(&v->fault, E_SIGNATURE, "%s: its inclusion proof for position %" PRIu64 " does not lead to the checkpoint's root",
		title(v, entry).text, proof->index);
}

static enum status check_network(struct verification *v, size_t entry)
{
	static const uint8_t none[NETWORK_ID_SIZE];
	const struct statement *statement = &v->statements[entry];
	const uint8_t *expected = statement->type == STATEMENT_ORG ? none : v->trust->epochs->items[0].members->network;
	if (memcmp(statement->network, expected, NETWORK_ID_SIZE) == 0)
		return OK;
	return fault_set(&v->fault, E_NETWORK, "%s: it was made for another network than the genesis founded", title(v, entry).text);
}

/* Who signed, as the epoch or a registration in the bundle knows them. */
struct issuer {
	struct public_key key;
	struct report_shown organisation; /* empty: it is one */
	struct report_shown role;
	const struct epoch *epoch;    /* of an organisation */
};

/* Under which members an entry was applied. */
static const struct epoch *epoch_of(const struct verification *v, size_t entry)
{
	return epochs_of_size(v->trust->epochs, v->bundle->entries[entry].index + 1);
}

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
		struct issuer candidate = {0};
		if (!span_equal(registration->sub, v->statements[entry].iss) || index >= v->bundle->entries[entry].index || (found && index < newest)
			|| !genesis_member_named(epoch_of(v, i)->members, registration->iss) || !registered_key(registration, &candidate))
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
	const struct epoch *epoch = epoch_of(v, entry);
	const struct genesis_member *member = genesis_member_named(epoch->members, iss);
	if (member) {
		*out = (struct issuer){.key = member->org.record_key, .role = report_shown(member->org.role), .epoch = epoch};
		return OK;
	}
	if (find_registration(v, entry, out))
		return OK;
	return fault_set(&v->fault, E_UNKNOWN, "%s: its issuer %s is neither in %s nor registered by an earlier statement in the bundle%s",
		title(v, entry).text, report_shown(iss).text, epoch_name(epoch).text, checkpoint_name_is_member(iss) ? epochs_advice(v->trust->epochs, epoch) : "");
}

static enum status check_signature(struct verification *v, size_t entry, const struct issuer *issuer)
{
	struct verifying_key *key = verifying_key_new(&issuer->key);
	enum status status = key ? statement_verify(&v->statements[entry], key) : E_SIGNATURE;
	verifying_key_free(key);
	if (status == OK)
		return OK;
	const char *advice = issuer->epoch ? epochs_advice(v->trust->epochs, issuer->epoch) : "";
	return fault_set(&v->fault, status, "%s: its signature does not verify with the registered key of %s%s", title(v, entry).text,
		report_shown(v->statements[entry].iss).text, advice);
}

/* An organisation that came later has no statement of its own on the log: its keys stand in the proposal that it join, signed with
 * them. Whether it was adopted says the chain of epochs. */
static enum status check_proposal(struct verification *v, size_t entry)
{
	const struct statement *statement = &v->statements[entry];
	struct body_member body;
	struct genesis_member member = {0};
	struct fault fault = {0};
	if (statement->type != STATEMENT_MEMBER)
		return OK;
	TRY(body_member_decode(statement->body, &body, &v->fault));
	if (body.organisation.size == 0)
		return OK;
	enum status status = genesis_member_decode(body.organisation, &member, &fault);
	if (status == OK && !span_equal(member.header.iss, statement->sub))
		status = fault_set(&fault, E_MALFORMED, "It is of %s.", report_shown(member.header.iss).text);
	return status == OK ? OK : fault_set(&v->fault, status, "%s: the statement of the organisation that it holds is not valid. %.300s", title(v, entry).text, fault.text);
}

static size_t entry_of(const struct verification *v, const struct digest *id)
{
	size_t i = 0;
	while (i < v->bundle->entry_count && !digest_equal(&v->statements[i].id, id))
		i++;
	return i;
}

/* What a result, an acknowledgement or a vote answers. False: it answers nothing. */
static bool answered(const struct statement *statement, struct digest *out)
{
	struct body_result result;
	struct body_ack ack;
	struct body_vote vote;
	if (statement->type == STATEMENT_RESULT && body_result_decode(statement->body, &result, NULL) == OK)
		*out = result.command;
	else if (statement->type == STATEMENT_ACK && body_ack_decode(statement->body, &ack, NULL) == OK)
		*out = ack.target;
	else if (statement->type == STATEMENT_VOTE && body_vote_decode(statement->body, &vote, NULL) == OK)
		*out = vote.proposal;
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

/* Since when the organisation of a proposal has been a member with just these keys. */
static void report_proposal(struct verification *v, size_t entry, struct span organisation)
{
	const struct epochs *epochs = v->trust->epochs;
	for (size_t i = 1; i < epochs->count; i++) {
		const struct genesis_member *member = genesis_member_named(epochs->items[i].members, v->statements[entry].sub);
		if (!member || !span_equal(member->statement, organisation))
			continue;
		buffer_printf(v->report, "ok: %s: ", title(v, entry).text);
		report_text(v->report, v->statements[entry].sub);
		buffer_printf(v->report, " is a member with the keys of this proposal since epoch %zu, log size %" PRIu64 "; role: ", i, epochs->items[i].log_size);
		report_text(v->report, member->org.role);
		buffer_append_byte(v->report, '\n');
		return;
	}
}

static void report_entry(struct verification *v, size_t entry, const struct issuer *issuer)
{
	const struct statement *statement = &v->statements[entry];
	struct title name = title(v, entry);
	struct body_member proposal;
	char id[DIGEST_HEX_SIZE];
	span_hex(span_of(statement->id.bytes, DIGEST_SIZE), id);
	buffer_printf(v->report, "ok: %s: statement %s is at position %" PRIu64 " of the log\n", name.text, id, v->bundle->entries[entry].index);
	buffer_printf(v->report, "ok: %s: signed by ", name.text);
	report_text(v->report, statement->iss);
	buffer_printf(v->report, " (%s", issuer->role.text);
	if (issuer->organisation.text[0])
		buffer_printf(v->report, ", registered by %s", issuer->organisation.text);
	if (issuer->epoch && issuer->epoch->number)
		buffer_printf(v->report, " in %s", epoch_name(issuer->epoch).text);
	buffer_append_text(v->report, "), who states the time of issue as ");
	report_seconds(v->report, (uint64_t)statement->iat);
	buffer_printf(v->report, "\nok: %s: about ", name.text);
	report_text(v->report, statement->sub);
	buffer_append_text(v->report, " it says: ");
	bundle_says(statement, v->report);
	buffer_append_byte(v->report, '\n');
	if (statement->type == STATEMENT_MEMBER && body_member_decode(statement->body, &proposal, NULL) == OK && proposal.organisation.size)
		report_proposal(v, entry, proposal.organisation);
}

static enum status check_entry(struct verification *v, size_t entry)
{
	struct issuer issuer = {0};
	TRY(check_network(v, entry));
	TRY(find_issuer(v, entry, &issuer));
	TRY(check_signature(v, entry, &issuer));
	TRY(check_proposal(v, entry));
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

enum status bundle_verify(const struct bundle *bundle, const struct trust *trust, const struct bundle_describer *describer,
	struct buffer *report, struct fault *fault)
{
	CHECK(bundle->entry_count > 0);
	struct verification *v = memory_new(sizeof *v);
	v->bundle = bundle;
	v->trust = trust;
	v->describer = describer;
	v->report = report;
	v->statements = memory_new_array(bundle->entry_count, sizeof *v->statements);
	enum status status = verify_all(v, fault);
	free(v->statements);
	free(v);
	return status;
}
