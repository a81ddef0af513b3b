/* Files of state proofs and the judgement of notes: what is proven, and everything that must be refused. */
#include "sample_state.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct sample_consortium *consortium;
static struct sample_log *log_;
static struct sample_state state_;

enum { SIGNERS = 0x3, ALL = 0xf, WITNESS = 0x10, NOW = 1767225700 };

struct outcome {
	enum status status;
	struct state_finding found;
	struct fault fault;
	struct buffer report;
};

static struct outcome verify(struct span file, const struct policy *policy)
{
	struct outcome out = {0};
	struct state_proof *proof = memory_new_array(1, sizeof *proof);
	out.status = state_proof_decode(file, proof, &out.fault);
	if (out.status == OK)
		out.status = state_proof_verify(proof, &(struct trust){&consortium->epochs, policy, NOW}, &out.found, &out.report, &out.fault);
	assert_int_equal(out.status == OK, out.fault.text[0] == 0);
	buffer_append_byte(&out.report, 0);
	free(proof);
	return out;
}

static void assert_says(const struct outcome *outcome, const char *expected)
{
	if (!strstr((const char *)outcome->report.data, expected))
		fail_msg("not in the report: %s\n%s", expected, (const char *)outcome->report.data);
}

static void assert_refused(struct span file, const struct policy *policy, enum status status, const char *words)
{
	struct outcome outcome = verify(file, policy);
	if (outcome.status != status || !strstr(outcome.fault.text, words))
		fail_msg("%s instead of %s, '%s': %s", status_name(outcome.status), status_name(status), words, outcome.fault.text);
	assert_null(strstr((const char *)outcome.report.data, "ok: state"));
	buffer_free(&outcome.report);
}

static void an_active_device_is_proven(void **state)
{
	(void)state;
	struct buffer file = {0};
	sample_state_proof(&state_, SAMPLE_DEVICE, SIGNERS, &file);
	struct outcome outcome = verify(buffer_span(&file), NULL);
	if (outcome.status != OK)
		fail_msg("%s", outcome.fault.text);
	assert_true(outcome.found.present && outcome.found.entry.state == DEVICE_ACTIVE && outcome.found.entry.bounds_version == 1);
	assert_true(span_equal(outcome.found.registration, buffer_span(&log_->entries[LOG_DEVICE])));
	assert_true(span_equal(outcome.found.bounds, buffer_span(&log_->entries[LOG_BOUNDS])));
	assert_int_equal(outcome.found.model.size, 0);
	assert_int_equal(outcome.found.size, LOG_END);
	/* Two lines, of 90 and 80 s: f+1 of them, so the older is what counts. */
	assert_int_equal(outcome.found.fresh_s, 1767225680);
	assert_says(&outcome, "signed by 2 of 4 organisations (2 are needed)");
	assert_says(&outcome, "ok: checkpoint: org:supplier signed it at 2026-01-01T00:01:20Z\n");
	assert_says(&outcome, "ok: state: dev:manufacturer/spindle-1 is registered as a device of org:manufacturer, spoken for by gw:manufacturer/hall-1; it is active\n");
	assert_says(&outcome, "ok: state: its bounds are version 1, statement ");
	assert_says(&outcome, "bearing_temperature");
	assert_says(&outcome, "ok: state: it has no model\n");
	assert_says(&outcome, "knew of nothing newer at 2026-01-01T00:01:20Z or later, unless more than 1 of the 4 organisations lie");
	buffer_free(&outcome.report);
	buffer_free(&file);
}

static void revoked_ones_and_absent_ones_are_told(void **state)
{
	(void)state;
	struct buffer file = {0};
	sample_state_proof(&state_, SAMPLE_REVOKED, ALL, &file);
	struct outcome outcome = verify(buffer_span(&file), NULL);
	assert_int_equal(outcome.status, OK);
	assert_int_equal(outcome.found.entry.state, DEVICE_REVOKED);
	assert_says(&outcome, "it is revoked\n");
	/* Four lines: the two latest are of 90 and 80 s. */
	assert_int_equal(outcome.found.fresh_s, 1767225680);
	buffer_free(&outcome.report);
	buffer_clear(&file);
	sample_state_proof(&state_, SAMPLE_GHOST, ALL, &file);
	outcome = verify(buffer_span(&file), NULL);
	assert_int_equal(outcome.status, OK);
	assert_false(outcome.found.present);
	assert_says(&outcome, "ok: state: there is no dev:manufacturer/ghost: the ledger has never registered that name\n");
	buffer_free(&outcome.report);
	buffer_free(&file);
}

/* One bit anywhere, one byte more or less: nothing is proven of this name. */
static void every_byte_counts(void **state)
{
	(void)state;
	static const char *const names[] = {SAMPLE_DEVICE, SAMPLE_GHOST};
	for (size_t n = 0; n < 2; n++) {
		struct buffer file = {0};
		sample_state_proof(&state_, names[n], SIGNERS, &file);
		for (size_t i = 0; i < file.size; i++) {
			file.data[i] ^= (uint8_t)(1 << i % 8);
			struct outcome outcome = verify(buffer_span(&file), NULL);
			/* Another name with the same place in the tree is as absent: that is another claim, rightly proven. */
			bool in_name = i >= sizeof "tally/state/v1" + 2 && i < sizeof "tally/state/v1" + 2 + strlen(names[n]);
			if (outcome.status == OK && (outcome.found.present || !in_name))
				fail_msg("byte %zu of the proof about %s does not count", i, names[n]);
			buffer_free(&outcome.report);
			file.data[i] ^= (uint8_t)(1 << i % 8);
		}
		for (size_t size = 0; size < file.size; size += 1 + size / 8)
			assert_refused(span_of(file.data, size), NULL, E_MALFORMED, "state proof");
		buffer_append_byte(&file, 0);
		assert_refused(buffer_span(&file), NULL, E_MALFORMED, "bytes follow");
		buffer_free(&file);
	}
}

static struct state_proof *proof_of(const struct buffer *file)
{
	struct state_proof *proof = memory_new_array(1, sizeof *proof);
	struct fault fault;
	assert_int_equal(state_proof_decode(buffer_span(file), proof, &fault), OK);
	return proof;
}

static void assert_proof_refused(const struct state_proof *proof, enum status status, const char *words)
{
	struct buffer file = {0};
	state_proof_encode(proof, &file);
	assert_refused(buffer_span(&file), NULL, status, words);
	buffer_free(&file);
}

static void parts_of_other_proofs_do_not_fit(void **state)
{
	(void)state;
	struct buffer active = {0}, revoked = {0}, absent = {0}, log_note = {0};
	sample_state_proof(&state_, SAMPLE_DEVICE, SIGNERS, &active);
	sample_state_proof(&state_, SAMPLE_REVOKED, SIGNERS, &revoked);
	sample_state_proof(&state_, SAMPLE_GHOST, SIGNERS, &absent);
	struct state_proof *a = proof_of(&active), *r = proof_of(&revoked), *g = proof_of(&absent), *mixed = memory_new(sizeof *mixed);
	/* The active one's value for the revoked one. */
	*mixed = *r;
	mixed->value = a->value;
	assert_proof_refused(mixed, E_SIGNATURE, "does not lead to the checkpoint's root");
	*mixed = *a;
	mixed->name = r->name;
	mixed->statement_count = 0;
	assert_proof_refused(mixed, E_SIGNATURE, "does not lead to the checkpoint's root");
	/* A present one told as absent, with what stands there as "another". */
	*mixed = *r;
	mixed->present = false;
	assert_proof_refused(mixed, E_SIGNATURE, "is not registered");
	*mixed = *g;
	mixed->name = r->name;
	assert_proof_refused(mixed, E_SIGNATURE, "is not registered");
	/* Statements that the value does not name, of the wrong place, or twice. */
	*mixed = *a;
	mixed->statements[1] = buffer_span(&log_->entries[LOG_ANCHOR]);
	assert_proof_refused(mixed, E_UNKNOWN, "does not name");
	*mixed = *a;
	mixed->statements[1] = mixed->statements[0];
	assert_proof_refused(mixed, E_DUPLICATE, "twice");
	*mixed = *g;
	mixed->statements[0] = a->statements[0];
	mixed->statement_count = 1;
	assert_proof_refused(mixed, E_UNKNOWN, "does not name");
	/* The note of the log's root, although it is rightly signed. */
	sample_note(consortium, LOG_END, &state_.root, SIGNERS, &log_note);
	*mixed = *a;
	mixed->note = buffer_span(&log_note);
	assert_proof_refused(mixed, E_NETWORK, "is expected");
	/* One organisation is one, however often it signs. */
	buffer_clear(&log_note);
	sample_state_note(&state_, 0x1, &log_note);
	const uint8_t *line = memmem(log_note.data, log_note.size, "\n\n", 2);
	struct buffer twice = {0};
	buffer_append_span(&twice, buffer_span(&log_note));
	buffer_append_span(&twice, span_of(line + 2, log_note.size - (size_t)(line + 2 - log_note.data)));
	mixed->note = buffer_span(&twice);
	assert_proof_refused(mixed, E_DUPLICATE, "two lines of org:manufacturer");
	buffer_free(&twice);
	/* Nobody but the organisations counts without a policy. */
	buffer_clear(&log_note);
	sample_state_note(&state_, SIGNERS | WITNESS, &log_note);
	mixed->note = buffer_span(&log_note);
	assert_proof_refused(mixed, E_UNKNOWN, "neither an organisation");
	free(a);
	free(r);
	free(g);
	free(mixed);
	buffer_free(&active);
	buffer_free(&revoked);
	buffer_free(&absent);
	buffer_free(&log_note);
}

/* The value is proven, and is not what this version can read: an attacker among the members cannot make a reader guess. */
static void values_of_unknown_form_are_refused(void **state)
{
	(void)state;
	static const char *const values[] = {"", "\xa0", "garbage"};
	for (size_t i = 0; i < 3; i++) {
		struct sample_state strange = sample_state_new(log_);
		struct digest key = state_entry_key(span_of_text(SAMPLE_DEVICE));
		struct buffer file = {0};
		state_tree_put(&strange.tree, &key, span_of_text(values[i]));
		strange.root = state_tree_root(&strange.tree);
		sample_state_proof(&strange, SAMPLE_DEVICE, SIGNERS, &file);
		assert_refused(buffer_span(&file), NULL, E_MALFORMED, "its form is not known");
		buffer_free(&file);
		sample_state_free(&strange);
	}
}

static void entries_have_one_form(void **state)
{
	(void)state;
	struct state_entry full = {.kind = ENTITY_DEVICE, .state = DEVICE_SUSPENDED, .registration = {{1}}, .owner = span_of_text("org:a"),
		.gateway = span_of_text("gw:a/b"), .role = span_of_text("r"), .kid = {{2}}, .tls_key = {{3}}, .bounds = {{4}}, .bounds_version = 7,
		.model = {{5}}, .model_version = 8, .last_seq = 9, .last_id = {{6}}};
	struct state_entry empty = {.kind = ENTITY_ORG, .state = DEVICE_ACTIVE, .registration = {{1}}};
	struct state_entry wrong[] = {full, full, full, full, full, full, full};
	wrong[0].bounds_version = 0;
	wrong[1].model = (struct digest){0};
	wrong[2].last_seq = 0;
	wrong[3].kind = 0;
	wrong[4].kind = ENTITY_DEVICE + 1;
	wrong[5].state = 0;
	wrong[6].state = DEVICE_REVOKED + 1;
	struct buffer bytes = {0}, again = {0};
	struct state_entry read;
	struct fault fault;
	const struct state_entry *good[] = {&full, &empty};
	for (size_t i = 0; i < 2; i++) {
		buffer_clear(&bytes);
		buffer_clear(&again);
		state_entry_encode(good[i], &bytes);
		assert_true(bytes.size <= STATE_ENTRY_MAX);
		assert_int_equal(state_entry_decode(buffer_span(&bytes), &read, &fault), OK);
		state_entry_encode(&read, &again);
		assert_true(span_equal(buffer_span(&bytes), buffer_span(&again)));
		for (size_t size = 0; size < bytes.size; size++)
			assert_true(state_entry_decode(span_of(bytes.data, size), &read, &fault) != OK);
	}
	assert_true(read.bounds_version == 0);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		buffer_clear(&bytes);
		state_entry_encode(&wrong[i], &bytes);
		assert_int_equal(state_entry_decode(buffer_span(&bytes), &read, &fault), E_MALFORMED);
	}
	/* The longest names there can be. */
	char longest[STATEMENT_NAME_MAX];
	memset(longest, 'x', sizeof longest);
	full.owner = full.gateway = span_of(longest, sizeof longest);
	char role[BODY_TEXT_MAX];
	memset(role, 'y', sizeof role);
	full.role = span_of(role, sizeof role);
	full.bounds_version = full.model_version = full.last_seq = UINT64_MAX;
	buffer_clear(&bytes);
	state_entry_encode(&full, &bytes);
	assert_true(bytes.size <= STATE_ENTRY_MAX);
	buffer_free(&bytes);
	buffer_free(&again);
}

/* -- policies ------------------------------------------------------------------------------------------ */

static void judged(const struct policy *policy, unsigned signers, enum status status, const char *words)
{
	struct buffer file = {0};
	sample_state_proof(&state_, SAMPLE_DEVICE, signers, &file);
	if (status == OK) {
		struct outcome outcome = verify(buffer_span(&file), policy);
		if (outcome.status != OK)
			fail_msg("%s", outcome.fault.text);
		assert_says(&outcome, words);
		buffer_free(&outcome.report);
	} else {
		assert_refused(buffer_span(&file), policy, status, words);
	}
	buffer_free(&file);
}

static void the_policy_says_who_must_sign(void **state)
{
	(void)state;
	char regulator[] = "org:regulator", repair[] = "org:repair", stranger[] = "org:stranger", witness[] = SAMPLE_WITNESS, other[] = "other.example";
	struct policy_witness witnesses[2] = {{.name = witness, .key = *signing_key_public(state_.witness)},
		{.name = other, .key = *signing_key_public(consortium->keys[0][0])}};
	struct policy policy = {0};
	/* f+1 without more. */
	judged(NULL, 0x8, E_SIGNATURE, "The checkpoint is signed by 1 of 4 organisations, and at least 2 must sign; without a line: org:manufacturer, org:supplier, org:repair.");
	judged(&policy, 0, E_SIGNATURE, "0 of 4");
	judged(&policy, 0xc, OK, "(2 are needed)");
	policy.organisations = 3;
	judged(&policy, 0x3, E_SIGNATURE, "at least 3 must sign; without a line: org:repair, org:regulator.");
	judged(&policy, 0x7, OK, "(3 are needed)");
	policy.organisations = 4;
	judged(&policy, 0x7, E_SIGNATURE, "org:regulator");
	judged(&policy, ALL, OK, "(4 are needed)");
	/* What proves nothing, or cannot be. */
	policy.organisations = 1;
	judged(&policy, ALL, E_CONFIG, "but 1 may lie: it must ask for 2 or more");
	policy.organisations = 5;
	judged(&policy, ALL, E_CONFIG, "the genesis has 4");
	/* Named ones. */
	policy = (struct policy){.required = {regulator, repair}, .required_count = 2};
	judged(&policy, 0x7, E_SIGNATURE, "requires the signature of org:regulator");
	judged(&policy, 0xb, E_SIGNATURE, "requires the signature of org:repair");
	judged(&policy, 0xc, OK, "ok: policy: org:regulator, whose signature it requires, signed\n");
	policy.required[1] = stranger;
	judged(&policy, ALL, E_CONFIG, "org:stranger, which is no organisation");
	/* Witnesses. */
	policy = (struct policy){.witnesses = witnesses, .witness_count = 2, .witnesses_needed = 1};
	judged(&policy, ALL, E_SIGNATURE, "signed by 0 of the policy's witnesses, and at least 1 must sign; witness.example did not");
	judged(&policy, ALL | WITNESS, OK, "the witness witness.example signed it at");
	judged(&policy, 0x1 | WITNESS, E_SIGNATURE, "1 of 4 organisations");
	policy.witnesses_needed = 2;
	judged(&policy, ALL | WITNESS, E_SIGNATURE, "other.example did not");
	policy.witnesses_needed = 3;
	judged(&policy, ALL | WITNESS, E_CONFIG, "names 2");
	policy = (struct policy){.witnesses = witnesses, .witness_count = 1};
	judged(&policy, ALL, OK, "signed by 4 of 4");
	witnesses[0].key.bytes[0] ^= 1;
	judged(&policy, ALL | WITNESS, E_SIGNATURE, "names another key");
}

/* The log's own checkpoints carry lines of witnesses, which count for whoever knows them. */
static void the_logs_checkpoints_may_have_witnesses(void **state)
{
	(void)state;
	char origin[CHECKPOINT_ORIGIN_SIZE], witness[] = SAMPLE_WITNESS;
	struct policy_witness witnesses[1] = {{.name = witness, .key = *signing_key_public(state_.witness)}};
	struct policy policy = {.witnesses = witnesses, .witness_count = 1, .witnesses_needed = 1};
	struct note_judgement *judgement = memory_new(sizeof *judgement);
	struct checkpoint_line line = {.name = span_of_text(SAMPLE_WITNESS)};
	struct buffer note = {0}, report = {0};
	struct fault fault;
	checkpoint_origin(consortium->genesis.network, origin);
	sample_note(consortium, LOG_END, &state_.root, SIGNERS, &note);
	assert_int_equal(note_judge(buffer_span(&note), origin, &(struct trust){&consortium->epochs, &policy, NOW}, judgement, &fault), E_SIGNATURE);
	checkpoint_key_id(line.name, &witnesses[0].key, line.key_id);
	assert_int_equal(cosignature_sign(state_.witness, line.name, span_of_text(origin), LOG_END, &state_.root, NOW, NULL, &line.cosignature), OK);
	checkpoint_line_encode(&line, &note);
	/* Known, and needed. */
	assert_int_equal(note_judge(buffer_span(&note), origin, &(struct trust){&consortium->epochs, &policy, NOW}, judgement, &fault), OK);
	assert_int_equal(judgement->witnesses, 1);
	note_report(judgement, &policy, &report);
	assert_non_null(memmem(report.data, report.size, "the witness witness.example signed it at", 40));
	/* Not known: passed over, and said so; it is no organisation's line. */
	assert_int_equal(note_judge(buffer_span(&note), origin, &(struct trust){&consortium->epochs, NULL, NOW}, judgement, &fault), OK);
	assert_true(judgement->witnesses == 0 && judgement->organisations == 2);
	buffer_clear(&report);
	note_report(judgement, NULL, &report);
	assert_non_null(memmem(report.data, report.size, "witness.example is named by a line as a witness; it was not checked", 66));
	policy = (struct policy){.organisations = 3};
	assert_int_equal(note_judge(buffer_span(&note), origin, &(struct trust){&consortium->epochs, &policy, NOW}, judgement, &fault), E_SIGNATURE);
	buffer_free(&note);
	buffer_free(&report);
	free(judgement);
}

/* Of lines at 90, 80, 70 and 60 s the second latest counts: one liar cannot make a note look fresh, nor old. */
static void the_policy_limits_the_age(void **state)
{
	(void)state;
	struct policy policy = {.age_max_s = 20};
	judged(&policy, ALL, OK, "not older than 20 s");
	policy.age_max_s = 19;
	judged(&policy, ALL, E_LIMIT, "The checkpoint is 20 s old, and the policy permits 19 s");
	policy.age_max_s = 30;
	judged(&policy, 0xe, OK, "not older");
	judged(&policy, 0x9, E_LIMIT, "40 s old");
}

static int found(void **state)
{
	(void)state;
	consortium = sample_consortium_new();
	log_ = sample_log_new(consortium);
	state_ = sample_state_new(log_);
	return 0;
}

static int end(void **state)
{
	(void)state;
	sample_state_free(&state_);
	sample_log_free(log_);
	sample_consortium_free(consortium);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_active_device_is_proven),
		cmocka_unit_test(revoked_ones_and_absent_ones_are_told),
		cmocka_unit_test(every_byte_counts),
		cmocka_unit_test(parts_of_other_proofs_do_not_fit),
		cmocka_unit_test(values_of_unknown_form_are_refused),
		cmocka_unit_test(entries_have_one_form),
		cmocka_unit_test(the_policy_says_who_must_sign),
		cmocka_unit_test(the_logs_checkpoints_may_have_witnesses),
		cmocka_unit_test(the_policy_limits_the_age),
	};
	return cmocka_run_group_tests(tests, found, end);
}
