#include "base/random.h"
#include "crypto/hash.h"

#include "sample_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const size_t reading_positions[] = {LOG_ANCHOR, LOG_GATEWAY};
static const size_t disturbance_positions[] = {LOG_DISTURBANCE, LOG_ANCHOR, LOG_BOUNDS, LOG_DEVICE, LOG_GATEWAY, 0};
enum { READING_COUNT = 2, DISTURBANCE_COUNT = 6 };
enum { SIGNERS = 0x5 }; /* the manufacturer and the repair shop: f+1 of four */

struct outcome {
	enum status status;
	struct fault fault;
	struct buffer report;
};

static struct outcome verify(const struct sample_log *log, const struct bundle *bundle)
{
	struct outcome out = {0};
	out.status = bundle_verify(bundle, &log->consortium->trust, NULL, &out.report, &out.fault);
	buffer_append_byte(&out.report, 0);
	return out;
}

static const char *text_of(const struct outcome *outcome)
{
	return (const char *)outcome->report.data;
}

static void assert_says(const struct outcome *outcome, const char *expected)
{
	if (!strstr(text_of(outcome), expected))
		fail_msg("not in the report: %s\n%s", expected, text_of(outcome));
}

/* Verify, expect this status and these words in the fault and in a FAILED line, and free the outcome. */
static void assert_refused(const struct sample_log *log, const struct bundle *bundle, enum status status, const char *words)
{
	struct outcome outcome = verify(log, bundle);
	if (outcome.status != status || !strstr(outcome.fault.text, words) || !strstr(text_of(&outcome), "FAILED: "))
		fail_msg("%s instead of %s, '%s': %s\n%s", status_name(outcome.status), status_name(status), words, outcome.fault.text, text_of(&outcome));
	buffer_free(&outcome.report);
}

static void a_reading_is_proven(void **state)
{
	const struct sample_log *log = *state;
	struct buffer note = {0};
	struct bundle bundle = sample_bundle(log, "reading", reading_positions, READING_COUNT, SIGNERS, &note);
	struct outcome outcome = verify(log, &bundle);
	if (outcome.status != OK)
		fail_msg("%s", outcome.fault.text);
	assert_null(strstr(text_of(&outcome), "FAILED"));
	assert_says(&outcome, "signed by 2 of 4 organisations (2 are needed)");
	assert_says(&outcome, "ok: checkpoint: org:repair signed it at 2026-01-01T00:01:10Z\n");
	/* The later of the two earliest. */
	assert_says(&outcome, "was final no later than 2026-01-01T00:01:30Z, unless more than 1 of the 4 organisations lie\n");
	assert_says(&outcome, "ok: subject (anchor): signed by gw:manufacturer/hall-1 (gateway, registered by org:manufacturer), who states the time of issue as "
			      "2026-01-01T00:00:20Z\n");
	assert_says(&outcome, "is at position 7 of the log\n");
	assert_says(&outcome, "5 samples of 1 devices, from 2026-01-01T00:00:01Z to 2026-01-01T00:00:05Z, at manufacturer/works/hall-1, "
			      "for condition monitoring");
	assert_says(&outcome, "evidence class gateway (a registered gateway vouches for the data)\n");
	assert_says(&outcome, "ok: evidence 1 (device): signed by org:manufacturer (manufacturer)");
	assert_says(&outcome, "ok: reading: it is leaf 3 of 5 in chunk 07");
	buffer_free(&outcome.report);
	bundle_free(&bundle);
	buffer_free(&note);
}

static void a_conclusion_is_proven_with_its_evidence(void **state)
{
	const struct sample_log *log = *state;
	struct buffer note = {0};
	struct bundle bundle = sample_bundle(log, "disturbance", disturbance_positions, DISTURBANCE_COUNT, 0xf, &note);
	struct outcome outcome = verify(log, &bundle);
	if (outcome.status != OK)
		fail_msg("%s", outcome.fault.text);
	assert_says(&outcome, "signed by 4 of 4 organisations");
	/* The second earliest of four. */
	assert_says(&outcome, "final no later than 2026-01-01T00:01:10Z");
	assert_says(&outcome, "drift, diagnosis machine_fault, signal bearing_temperature, value 71.2 where 64 was expected, at 2026-01-01T00:00:04Z");
	assert_says(&outcome, "bounds version 1; bearing_temperature 0 to 80 Cel, changing at most by 0.5 in a second, resolution 0.1, silent after 5000 ms; "
			      "source: data sheet\n");
	assert_says(&outcome, "machine, model spindle S9, spoken for by gw:manufacturer/hall-1");
	assert_says(&outcome, "ok: evidence 5 (org): about org:manufacturer it says: organisation manufacturer, role manufacturer, at localhost:7001\n");
	/* A text inside a statement cannot make a line of its own, nor hide one. */
	assert_says(&outcome, ": it warms?ok: faster than?[2K ? its load explains\n");
	buffer_free(&outcome.report);
	bundle_free(&bundle);
	buffer_free(&note);
}

static void every_type_is_put_into_words(void **state)
{
	const struct sample_log *log = *state;
	struct buffer note = {0};
	const size_t positions[] = {LOG_ACK, LOG_PERSON, LOG_DISTURBANCE, LOG_RESULT, LOG_COMMAND, LOG_SERVICE, LOG_GATEWAY};
	struct bundle bundle = sample_bundle(log, "ack", positions, 7, 0xe, &note);
	struct outcome outcome = verify(log, &bundle);
	if (outcome.status != OK)
		fail_msg("%s", outcome.fault.text);
	assert_says(&outcome, "signed by person:manufacturer/engineer-1 (engineer, registered by org:manufacturer)");
	assert_says(&outcome, "person:manufacturer/engineer-1 acknowledged ");
	assert_says(&outcome, "a person with the role engineer\n");
	assert_says(&outcome, "scheduling accepted; tried: continue 0, predicted 85, cost 0, out of bounds; chosen: reduce_speed 0.8, predicted 70, cost 0.2, within bounds");
	assert_says(&outcome, "command reduce_speed with setting 0.8 at 2026-01-01T00:00:06Z\n");
	assert_says(&outcome, " was done at 2026-01-01T00:00:07Z\n");
	buffer_free(&outcome.report);
	bundle_free(&bundle);
	buffer_free(&note);
}

static void a_bundle_comes_back(void **state)
{
	const struct sample_log *log = *state;
	struct buffer note = {0}, bytes = {0}, again = {0};
	struct bundle got;
	for (int i = 0; i < 2; i++) {
		struct bundle bundle = i ? sample_bundle(log, "disturbance", disturbance_positions, DISTURBANCE_COUNT, SIGNERS, &note)
					 : sample_bundle(log, "reading", reading_positions, READING_COUNT, SIGNERS, &note);
		buffer_clear(&bytes);
		buffer_clear(&again);
		bundle_encode(&bundle, &bytes);
		assert_int_equal(bundle_decode(buffer_span(&bytes), &got, NULL), OK);
		bundle_encode(&got, &again);
		assert_true(span_equal(buffer_span(&bytes), buffer_span(&again)));
		struct outcome outcome = verify(log, &got);
		assert_int_equal(outcome.status, OK);
		buffer_free(&outcome.report);
		bundle_free(&got);
		bundle_free(&bundle);
		for (size_t size = 0; size < bytes.size; size += 1 + size / 32)
			assert_int_equal(bundle_decode(span_of(bytes.data, size), &got, NULL), E_MALFORMED);
	}
	buffer_append_byte(&bytes, 0);
	assert_int_equal(bundle_decode(buffer_span(&bytes), &got, NULL), E_MALFORMED);
	buffer_free(&note);
	buffer_free(&bytes);
	buffer_free(&again);
}

static bool within(const uint8_t *byte, struct span span)
{
	return byte >= span.data && byte < span.data + span.size;
}

/* Where the byte is tells which proof must be named. "": any. */
static const char *expected_words(const struct bundle *whole, const uint8_t *byte, char out[32])
{
	strcpy(out, "");
	if (within(byte, whole->note))
		strcpy(out, "checkpoint");
	if (whole->has_reading && within(byte, whole->leaf))
		strcpy(out, "reading: ");
	for (size_t i = 0; i < whole->entry_count; i++)
		if (within(byte, whole->entries[i].statement))
			snprintf(out, 32, i ? "evidence %zu (" : "subject (", i);
	return out;
}

/* An index, a path node or the text around them: the proof whose bytes they are, or the form. */
static bool names_a_proof(const char *fault)
{
	static const char *const beginnings[] = {"subject (", "evidence ", "reading: ", "form: ", "The bundle's form", "This is no bundle", "The checkpoint"};
	for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
		if (strncmp(fault, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	return false;
}

static void change_bytes(const struct sample_log *log, struct bundle *bundle, size_t stride, uint64_t seed)
{
	struct buffer bytes = {0}, report = {0};
	struct bundle whole;
	struct random random = random_of(seed);
	bundle_encode(bundle, &bytes);
	assert_int_equal(bundle_decode(buffer_span(&bytes), &whole, NULL), OK);
	for (size_t i = 0; i < bytes.size; i += stride) {
		uint8_t change = (uint8_t)(1 + random_below(&random, 255));
		char words[32];
		expected_words(&whole, &bytes.data[i], words);
		struct bundle got;
		struct fault fault = {0};
		bytes.data[i] ^= change;
		enum status status = bundle_decode(buffer_span(&bytes), &got, &fault);
		if (status == OK) {
			buffer_clear(&report);
			status = bundle_verify(&got, &log->consortium->trust, NULL, &report, &fault);
			bundle_free(&got);
			assert_true(status == OK || strstr(fault.text, words) || strstr(fault.text, "The checkpoint"));
		}
		if (status == OK)
			fail_msg("byte %zu of %zu xor %02x is not noticed", i, bytes.size, change);
		if (!names_a_proof(fault.text))
			fail_msg("byte %zu: %s", i, fault.text);
		bytes.data[i] ^= change;
	}
	bundle_free(&whole);
	buffer_free(&bytes);
	buffer_free(&report);
}

static void every_changed_byte_of_a_bundle_is_noticed(void **state)
{
	const struct sample_log *log = *state;
	struct buffer note = {0};
	struct bundle bundle = sample_bundle(log, "reading", reading_positions, READING_COUNT, SIGNERS, &note);
	change_bytes(log, &bundle, 1, 21);
	bundle_free(&bundle);
	bundle = sample_bundle(log, "disturbance", disturbance_positions, DISTURBANCE_COUNT, 0xf, &note);
	change_bytes(log, &bundle, 101, 22);
	bundle_free(&bundle);
	buffer_free(&note);
}

static void a_checkpoint_needs_enough_organisations(void **state)
{
	const struct sample_log *log = *state;
	struct buffer note = {0};
	for (unsigned signers = 0; signers < 16; signers++) {
		struct bundle bundle = sample_bundle(log, "reading", reading_positions, READING_COUNT, signers, &note);
		if (__builtin_popcount(signers) < 2) {
			assert_refused(log, &bundle, E_SIGNATURE, "The checkpoint is signed by ");
		} else {
			struct outcome outcome = verify(log, &bundle);
			assert_int_equal(outcome.status, OK);
			buffer_free(&outcome.report);
		}
		bundle_free(&bundle);
	}
	buffer_free(&note);
}

static void a_note_has_no_slack(void **state)
{
	const struct sample_log *log = *state;
	struct buffer note = {0}, changed = {0};
	struct bundle bundle = sample_bundle(log, "reading", reading_positions, READING_COUNT, SIGNERS, &note);
	static const char *const additions[] = {"\n", "words\n", "\xe2\x80\x94 org:supplier AAAA\n", "\xe2\x80\x94 example.org/other AAAA\n"};
	for (size_t i = 0; i < sizeof additions / sizeof *additions; i++) {
		buffer_clear(&changed);
		buffer_append_span(&changed, buffer_span(&note));
		buffer_append_text(&changed, additions[i]);
		bundle.note = buffer_span(&changed);
		assert_refused(log, &bundle, E_NOT_CANONICAL, "The checkpoint has lines that are no cosignatures");
	}
	/* The last line once more. */
	const uint8_t *line = note.data + note.size - 1;
	while (line[-1] != '\n')
		line--;
	buffer_clear(&changed);
	buffer_append_span(&changed, buffer_span(&note));
	buffer_append(&changed, line, (size_t)(note.data + note.size - line));
	bundle.note = buffer_span(&changed);
	assert_refused(log, &bundle, E_DUPLICATE, "two lines of org:repair");
	/* A line of somebody else, in due form. */
	struct checkpoint *checkpoint = memory_new(sizeof *checkpoint);
	assert_int_equal(checkpoint_decode(buffer_span(&note), checkpoint, NULL), OK);
	checkpoint->lines[1].name = span_of_text("org:stranger\x1b");
	buffer_clear(&changed);
	checkpoint_encode(checkpoint, &changed);
	bundle.note = buffer_span(&changed);
	assert_refused(log, &bundle, E_SIGNATURE, "line of org:stranger? is another one's, with the name changed");
	checkpoint->lines[1].key_id[0] ^= 1;
	buffer_clear(&changed);
	checkpoint_encode(checkpoint, &changed);
	bundle.note = buffer_span(&changed);
	assert_refused(log, &bundle, E_UNKNOWN, "org:stranger?, which is no organisation");
	checkpoint->lines[1].name = span_of_text("org:supplier");
	buffer_clear(&changed);
	checkpoint_encode(checkpoint, &changed);
	bundle.note = buffer_span(&changed);
	assert_refused(log, &bundle, E_SIGNATURE, "org:supplier names another key");
	free(checkpoint);
	bundle_free(&bundle);
	buffer_free(&note);
	buffer_free(&changed);
}

static void another_network_is_refused(void **state)
{
	const struct sample_log *log = *state;
	struct buffer note = {0};
	struct bundle bundle = sample_bundle(log, "reading", reading_positions, READING_COUNT, SIGNERS, &note);
	struct sample_consortium other = *log->consortium;
	other.genesis.network[0] ^= 1; /* the same members, founded anew */
	struct sample_log foreign = *log;
	foreign.consortium = &other;
	epochs_begin(&other.epochs, &other.genesis);
	other.trust.epochs = &other.epochs;
	assert_refused(&foreign, &bundle, E_NETWORK, "The checkpoint is of tally/");
	/* Signed by the members for the other network, over statements of this one. */
	struct digest root = merkle_tree_root(&log->tree, LOG_END);
	buffer_clear(&note);
	sample_note(&other, LOG_END, &root, SIGNERS, &note);
	bundle.note = buffer_span(&note);
	assert_refused(&foreign, &bundle, E_NETWORK, "subject (anchor): it was made for another network");
	epochs_free(&other.epochs);
	bundle_free(&bundle);
	buffer_free(&note);
}

static void what_is_missing_is_named(void **state)
{
	const struct sample_log *log = *state;
	struct buffer note = {0};
	struct bundle bundle = sample_bundle(log, "reading", (size_t[]){LOG_ANCHOR}, 1, SIGNERS, &note);
	assert_refused(log, &bundle, E_UNKNOWN, "subject (anchor): its issuer gw:manufacturer/hall-1 is neither in the genesis nor registered");
	bundle_free(&bundle);
	bundle = sample_bundle(log, "disturbance", (size_t[]){LOG_DISTURBANCE, LOG_GATEWAY, LOG_DEVICE, LOG_ANCHOR}, 4, SIGNERS, &note);
	assert_refused(log, &bundle, E_UNKNOWN, "subject (disturbance): parent 1, which it cites as evidence, is not in the bundle");
	bundle_free(&bundle);
	bundle = sample_bundle(log, "device", (size_t[]){LOG_DEVICE, LOG_GATEWAY, LOG_DEVICE}, 3, SIGNERS, &note);
	assert_refused(log, &bundle, E_DUPLICATE, "evidence 2 (device): this statement is in the bundle twice");
	bundle_free(&bundle);
	buffer_free(&note);
}

static void a_false_title_is_refused(void **state)
{
	const struct sample_log *log = *state;
	struct buffer note = {0};
	struct bundle bundle = sample_bundle(log, "device", reading_positions, READING_COUNT, SIGNERS, &note);
	assert_refused(log, &bundle, E_MALFORMED, "form: the bundle calls itself device, but it holds a anchor");
	bundle_free(&bundle);
	bundle = sample_bundle(log, "reading", (size_t[]){LOG_DEVICE, LOG_GATEWAY}, 2, SIGNERS, &note);
	assert_refused(log, &bundle, E_MALFORMED, "form: the reading comes with a device statement");
	bundle.kind = span_of_text("device");
	assert_refused(log, &bundle, E_MALFORMED, "form: the bundle calls itself device, but it holds a reading");
	bundle_free(&bundle);
	buffer_free(&note);
}

static void a_reading_must_be_in_the_anchor(void **state)
{
	const struct sample_log *log = *state;
	struct buffer note = {0};
	struct bundle bundle = sample_bundle(log, "reading", reading_positions, READING_COUNT, SIGNERS, &note);
	bundle.leaf = span_of_text("sample 9");
	assert_refused(log, &bundle, E_SIGNATURE, "reading: its inclusion proof for leaf 3");
	bundle.leaf = sample_leaf(3);
	bundle.leaf_index = 2;
	assert_refused(log, &bundle, E_SIGNATURE, "reading: its inclusion proof for leaf 2");
	bundle.leaf_index = 3;
	bundle.leaf_count = 4;
	assert_refused(log, &bundle, E_MALFORMED, "reading: its proof is for 4 leaves, but the anchor has 5 samples");
	bundle_free(&bundle);
	buffer_free(&note);
}

static enum status describe(void *context, struct span leaf, const struct body_anchor *anchor, struct buffer *line, struct fault *fault)
{
	bool *accepts = context;
	if (!*accepts)
		return fault_set(fault, E_MALFORMED, "It is\nodd.");
	buffer_append_span(line, leaf);
	buffer_append_text(line, " of\n");
	buffer_append_span(line, anchor->ranges[0].device);
	return OK;
}

static void the_caller_explains_the_reading(void **state)
{
	const struct sample_log *log = *state;
	struct buffer note = {0};
	struct bundle bundle = sample_bundle(log, "reading", reading_positions, READING_COUNT, SIGNERS, &note);
	bool accepts = true;
	struct bundle_describer describer = {.describe = describe, .context = &accepts};
	struct outcome outcome = {0};
	outcome.status = bundle_verify(&bundle, &log->consortium->trust, &describer, &outcome.report, &outcome.fault);
	buffer_append_byte(&outcome.report, 0);
	assert_int_equal(outcome.status, OK);
	assert_says(&outcome, "ok: reading: it says: sample 3 of?dev:manufacturer/spindle-1\n");
	buffer_clear(&outcome.report);
	accepts = false;
	outcome.status = bundle_verify(&bundle, &log->consortium->trust, &describer, &outcome.report, &outcome.fault);
	buffer_append_byte(&outcome.report, 0);
	assert_int_equal(outcome.status, E_MALFORMED);
	assert_says(&outcome, "FAILED: reading: it is no sample that the anchor can cover. It is?odd.\n");
	buffer_free(&outcome.report);
	bundle_free(&bundle);
	buffer_free(&note);
}

/* A gateway that was registered again, with another key. */
static void the_key_in_force_at_the_time_counts(void **state)
{
	(void)state;
	struct sample_consortium *consortium = sample_consortium_new();
	struct sample_log *log = sample_log_new(consortium);
	struct signing_key *second = sample_key(202, 0);
	struct buffer body = {0}, note = {0};
	struct body_critical critical = {.kind = span_of_text("fire")};
	sample_log_register_gateway(log, second);                 /* LOG_END */
	for (int i = 0; i < 2; i++) {                             /* LOG_END + 1: old key; + 2: new key */
		body_critical_encode(&critical, &body);
		sample_log_sign(log, i ? second : log->gateway_key, STATEMENT_CRITICAL, SAMPLE_GATEWAY, SAMPLE_DEVICE, NULL, 0, &body);
	}
	/* The anchor was signed before the change: both registrations may be at hand. */
	struct bundle bundle = sample_bundle(log, "reading", (size_t[]){LOG_ANCHOR, LOG_END, LOG_GATEWAY}, 3, SIGNERS, &note);
	struct outcome outcome = verify(log, &bundle);
	assert_int_equal(outcome.status, OK);
	buffer_free(&outcome.report);
	bundle_free(&bundle);
	bundle = sample_bundle(log, "reading", (size_t[]){LOG_ANCHOR, LOG_END}, 2, SIGNERS, &note);
	assert_refused(log, &bundle, E_UNKNOWN, "registered by an earlier statement");
	bundle_free(&bundle);
	bundle = sample_bundle(log, "critical", (size_t[]){LOG_END + 1, LOG_GATEWAY, LOG_END}, 3, SIGNERS, &note);
	assert_refused(log, &bundle, E_SIGNATURE, "subject (critical): its signature does not verify with the registered key");
	bundle_free(&bundle);
	bundle = sample_bundle(log, "critical", (size_t[]){LOG_END + 2, LOG_GATEWAY, LOG_END}, 3, SIGNERS, &note);
	outcome = verify(log, &bundle);
	assert_int_equal(outcome.status, OK);
	buffer_free(&outcome.report);
	bundle_free(&bundle);
	signing_key_free(second);
	buffer_free(&body);
	buffer_free(&note);
	sample_log_free(log);
	sample_consortium_free(consortium);
}

static void order_and_answers_are_checked(void **state)
{
	(void)state;
	struct sample_consortium *consortium = sample_consortium_new();
	struct sample_log *log = sample_log_new(consortium);
	struct buffer body = {0}, note = {0};
	/* A result that answers a command which is not among its parents. */
	struct body_result result = {.command = log->ids[LOG_COMMAND], .done = true};
	body_result_encode(&result, &body);
	sample_log_sign(log, log->gateway_key, STATEMENT_RESULT, SAMPLE_GATEWAY, SAMPLE_DEVICE, (size_t[]){LOG_SERVICE}, 1, &body);
	/* A registration by a gateway, which only organisations may make. */
	struct body_person person = {.role = span_of_text("engineer"), .key = *signing_key_public(log->person_key)};
	body_person_encode(&person, &body);
	sample_log_sign(log, log->gateway_key, STATEMENT_PERSON, SAMPLE_GATEWAY, "person:x", NULL, 0, &body);
	struct body_ack ack = {.target = log->ids[LOG_DISTURBANCE], .person = span_of_text("person:x")};
	body_ack_encode(&ack, &body);
	sample_log_sign(log, log->person_key, STATEMENT_ACK, "person:x", SAMPLE_DEVICE, (size_t[]){LOG_DISTURBANCE}, 1, &body);
	struct bundle bundle = sample_bundle(log, "result", (size_t[]){LOG_END, LOG_SERVICE, LOG_GATEWAY}, 3, SIGNERS, &note);
	assert_refused(log, &bundle, E_PARENT, "subject (result): what it answers is not one of its parents");
	bundle_free(&bundle);
	bundle = sample_bundle(log, "ack", (size_t[]){LOG_END + 2, LOG_END + 1, LOG_DISTURBANCE, LOG_GATEWAY}, 4, SIGNERS, &note);
	assert_refused(log, &bundle, E_UNKNOWN, "its issuer person:x is neither in the genesis nor registered");
	bundle_free(&bundle);
	buffer_free(&body);
	buffer_free(&note);
	sample_log_free(log);

	/* A parent that comes later in the log: by hand, the service before the disturbance it follows from. */
	log = sample_log_new(consortium);
	struct sample_log *swapped = sample_log_new(consortium);
	merkle_tree_free(&swapped->tree);
	for (size_t i = 0; i < LOG_END; i++)
		buffer_clear(&swapped->entries[i]);
	for (size_t i = 0; i < LOG_END; i++) {
		size_t from = i == LOG_DISTURBANCE ? LOG_SERVICE : i == LOG_SERVICE ? LOG_DISTURBANCE : i;
		sample_log_append(swapped, buffer_span(&log->entries[from]));
	}
	bundle = sample_bundle(swapped, "service", (size_t[]){LOG_DISTURBANCE, LOG_SERVICE, LOG_GATEWAY}, 3, SIGNERS, &note);
	assert_refused(swapped, &bundle, E_PARENT, "subject (service): it names a parent that is later in the log");
	bundle_free(&bundle);
	buffer_free(&note);
	sample_log_free(swapped);
	sample_log_free(log);
	sample_consortium_free(consortium);
}

static int set_up(void **state)
{
	*state = sample_log_new(sample_consortium_new());
	return 0;
}

static int tear_down(void **state)
{
	struct sample_log *log = *state;
	struct sample_consortium *consortium = (struct sample_consortium *)(uintptr_t)log->consortium;
	sample_log_free(log);
	sample_consortium_free(consortium);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reading_is_proven),
		cmocka_unit_test(a_conclusion_is_proven_with_its_evidence),
		cmocka_unit_test(every_type_is_put_into_words),
		cmocka_unit_test(a_bundle_comes_back),
		cmocka_unit_test(every_changed_byte_of_a_bundle_is_noticed),
		cmocka_unit_test(a_checkpoint_needs_enough_organisations),
		cmocka_unit_test(a_note_has_no_slack),
		cmocka_unit_test(another_network_is_refused),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(a_false_title_is_refused),
		cmocka_unit_test(a_reading_must_be_in_the_anchor),
		cmocka_unit_test(the_caller_explains_the_reading),
		cmocka_unit_test(the_key_in_force_at_the_time_counts),
		cmocka_unit_test(order_and_answers_are_checked),
	};
	return cmocka_run_group_tests_name("bundle", tests, set_up, tear_down);
}
