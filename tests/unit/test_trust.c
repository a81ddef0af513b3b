/* What is verified, while the members change: whose signature counts for which part of the log. */
#include "record/bundle.h"
#include "record/receipt_check.h"
#include "record/state_proof.h"
#include "record/witness.h"

#include "sample_epochs.h"
#include "sample_log.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Behind the sample log, which ends with epoch 0. */
enum {
	LOG_ADD = LOG_END, LOG_ROTATE, LOG_VOTE, LOG_FIRST, /* epoch 1 begins with LOG_FIRST entries */
	LOG_HALL = LOG_FIRST, LOG_BY_SUPPLIER, LOG_BY_HALL, LOG_BY_REPAIR, LOG_SECOND, /* epoch 2 */
	LOG_BY_NEWCOMER = LOG_SECOND, LOG_OLD_KEY, LOG_BY_LEAVER, LOG_VOTE_ASTRAY, LOG_ADD_ASTRAY, LOG_HALL_AGAIN, LOG_BY_HALL_AGAIN, LOG_SIZE,
	NOW = 1767225700,
};

#define HALL "gw:newcomer/hall"

static struct sample_consortium *consortium;
static struct sample_epochs *sample;
static struct sample_log *log_;
static struct signing_key *hall[2];
static char origin[CHECKPOINT_ORIGIN_SIZE];

static const struct signing_key *record_key(size_t epoch, size_t seat)
{
	return sample->sets[epoch].seats[seat].keys[SAMPLE_RECORD_KEY];
}

static void say_event(const struct signing_key *key, const char *iss)
{
	struct buffer body = {0};
	struct body_event event = {.kind = span_of_text("order"), .type = span_of_text("TransactionEvent"), .time_ms = 1767225600000};
	body_event_encode(&event, &body);
	sample_log_sign(log_, key, STATEMENT_EVENT, iss, "order:1", NULL, 0, &body);
	buffer_free(&body);
}

static void say_proposal(size_t epoch, size_t seat, uint32_t change, const char *about, const struct sample_seat *newcomer)
{
	struct buffer body = {0}, statement = {0};
	sample_seat_statement(newcomer, &statement);
	struct body_member member = {.change = change, .organisation = buffer_span(&statement)};
	body_member_encode(&member, &body);
	sample_log_sign(log_, record_key(epoch, seat), STATEMENT_MEMBER, sample->sets[epoch].seats[seat].iss, about, NULL, 0, &body);
	buffer_free(&body);
	buffer_free(&statement);
}

static void say_vote(size_t seat, size_t proposal, size_t parent)
{
	struct buffer body = {0};
	struct body_vote vote = {.proposal = log_->ids[proposal], .yes = true};
	body_vote_encode(&vote, &body);
	sample_log_sign(log_, record_key(0, seat), STATEMENT_VOTE, sample_names[seat], "org:newcomer", &parent, 1, &body);
	buffer_free(&body);
}

static void say_hall(const struct signing_key *key, const char *iss, const struct signing_key *gateway)
{
	struct buffer body = {0};
	struct body_device *device = memory_new(sizeof *device);
	*device = (struct body_device){.kind = DEVICE_GATEWAY, .model = span_of_text("box"), .has_key = true, .key = *signing_key_public(gateway)};
	body_device_encode(device, &body);
	sample_log_sign(log_, key, STATEMENT_DEVICE, iss, HALL, NULL, 0, &body);
	buffer_free(&body);
	free(device);
}

static int begin(void **state)
{
	(void)state;
	consortium = sample_consortium_new();
	sample = sample_epochs_new(consortium, LOG_FIRST, LOG_SECOND);
	log_ = sample_log_new(consortium);
	hall[0] = sample_key(60, 0);
	hall[1] = sample_key(61, 0);
	checkpoint_origin(consortium->genesis.network, origin);
	say_proposal(0, 0, MEMBER_ADD, "org:newcomer", &sample->sets[1].seats[4]);
	say_proposal(0, 1, MEMBER_ROTATE, "org:supplier", &sample->sets[1].seats[1]);
	say_vote(2, LOG_ADD, LOG_ADD);
	say_hall(record_key(1, 4), "org:newcomer", hall[0]);
	say_event(record_key(1, 1), "org:supplier");
	say_event(hall[0], HALL);
	say_event(record_key(1, 2), "org:repair");
	say_event(record_key(1, 4), "org:newcomer");
	say_event(record_key(0, 1), "org:supplier");
	say_event(record_key(1, 2), "org:repair");
	say_vote(0, LOG_ADD, LOG_ROTATE);
	say_proposal(2, 0, MEMBER_ADD, "org:stranger", &sample->sets[1].seats[4]);
	say_hall(record_key(1, 2), "org:repair", hall[1]);
	say_event(hall[1], HALL);
	assert_int_equal(sample_log_size(log_), LOG_SIZE);
	return 0;
}

static int end(void **state)
{
	(void)state;
	signing_key_free(hall[0]);
	signing_key_free(hall[1]);
	sample_log_free(log_);
	sample_epochs_free(sample);
	sample_consortium_free(consortium);
	return 0;
}

/* -- checkpoints --------------------------------------------------------------------------------------- */

static void note_of(uint64_t size, size_t epoch, unsigned signers, struct buffer *out)
{
	struct digest root = merkle_tree_root(&log_->tree, size);
	sample_set_note(&sample->sets[epoch], origin, size, &root, signers, out);
}

static void noted(const struct trust *trust, uint64_t size, size_t epoch, unsigned signers, enum status expected, const char *words, int line)
{
	struct note_judgement *judgement = memory_new(sizeof *judgement);
	struct buffer note = {0}, report = {0};
	struct fault fault = {0};
	note_of(size, epoch, signers, &note);
	enum status status = note_judge(buffer_span(&note), origin, trust, judgement, &fault);
	if (status == OK)
		note_report(judgement, trust->policy, &report);
	buffer_append_byte(&report, 0);
	if (status != expected || !strstr(status == OK ? (const char *)report.data : fault.text, words))
		fail_msg("line %d: %s instead of %s, %s: %s%s", line, status_name(status), status_name(expected), words, fault.text, (const char *)report.data);
	buffer_free(&note);
	buffer_free(&report);
	free(judgement);
}

#define NOTED(trust, size, epoch, signers, expected, words) noted(trust, size, epoch, signers, expected, words, __LINE__)

static void a_checkpoint_is_signed_by_the_members_of_its_time(void **state)
{
	(void)state;
	const struct trust all = {.epochs = &sample->epochs};
	/* The last entry of an epoch is signed by its members, the next by those of the next. */
	NOTED(&all, LOG_FIRST, 0, 0x3, OK, "signed by 2 of 4 organisations (2 are needed)\n");
	NOTED(&all, LOG_FIRST, 1, 0x3, E_SIGNATURE, "line of org:supplier names another key than the genesis.");
	NOTED(&all, LOG_FIRST, 1, 0x14, E_UNKNOWN, "line of org:newcomer, which is no organisation of the genesis.");
	NOTED(&all, LOG_FIRST + 1, 1, 0x12, OK, "signed by 2 of 5 organisations of epoch 1 (2 are needed)\n");
	NOTED(&all, LOG_FIRST + 1, 1, 0x10, E_SIGNATURE, "signed by 1 of 5 organisations, and at least 2 must sign");
	NOTED(&all, LOG_FIRST + 1, 0, 0x3, E_SIGNATURE, "line of org:supplier names another key than epoch 1.");
	NOTED(&all, LOG_SECOND, 1, 0x6, OK, "of epoch 1");
	NOTED(&all, LOG_SECOND + 1, 2, 0xc, OK, "signed by 2 of 4 organisations of epoch 2 (2 are needed)\n");
	NOTED(&all, LOG_SECOND + 1, 1, 0x6, E_UNKNOWN, "line of org:repair, which is no organisation of epoch 2; if the members changed since, give the newer chain");
}

static void a_chain_that_is_too_short_shows(void **state)
{
	(void)state;
	const struct trust genesis = {.epochs = &consortium->epochs};
	NOTED(&genesis, LOG_FIRST + 1, 1, 0x12, E_SIGNATURE, "org:supplier names another key than the genesis; if the members changed since, give the newer chain of epochs, "
		"from `tally export --epochs`.");
	NOTED(&genesis, LOG_SECOND + 1, 2, 0xc, E_UNKNOWN, "org:newcomer, which is no organisation of the genesis; if the members changed since");
	/* Not where those sign who stayed: they are believed as before. */
	NOTED(&genesis, LOG_SECOND + 1, 2, 0x5, OK, "signed by 2 of 4 organisations (2 are needed)");
}

static void a_policy_is_about_the_members_of_that_time(void **state)
{
	(void)state;
	char repair[] = "org:repair", newcomer[] = "org:newcomer";
	struct policy policy = {.required = {newcomer}, .required_count = 1};
	const struct trust trust = {.epochs = &sample->epochs, .policy = &policy, .now_s = NOW};
	NOTED(&trust, LOG_FIRST, 0, 0xf, E_CONFIG, "The policy requires org:newcomer, which is no organisation of the genesis, to whose time the checkpoint belongs.");
	NOTED(&trust, LOG_FIRST + 1, 1, 0xf, E_SIGNATURE, "requires the signature of org:newcomer");
	NOTED(&trust, LOG_FIRST + 1, 1, 0x11, OK, "ok: policy: org:newcomer");
	policy.required[0] = repair;
	NOTED(&trust, LOG_SECOND, 1, 0x6, OK, "ok: policy: org:repair");
	NOTED(&trust, LOG_SECOND + 1, 2, 0xf, E_CONFIG, "requires org:repair, which is no organisation of epoch 2, to whose time the checkpoint belongs; if the members");
	policy = (struct policy){.organisations = 5};
	NOTED(&trust, LOG_FIRST + 1, 1, 0x1f, OK, "(5 are needed)");
	NOTED(&trust, LOG_SECOND + 1, 2, 0xf, E_CONFIG, "asks for 5 organisations, but epoch 2 has 4");
}

/* -- witnesses ------------------------------------------------------------------------------------------- */

static void witnessed(const struct epochs *epochs, struct witness_log *log, uint64_t size, size_t epoch, unsigned signers, size_t quorum,
	enum witness_verdict expected, int line)
{
	struct witness_request request = {.old = log->size};
	struct buffer note = {0}, body = {0};
	struct fault fault = {0};
	note_of(size, epoch, signers, &note);
	request.note = buffer_span(&note);
	if (log->size && log->size < size)
		assert_int_equal(merkle_tree_consistency(&log_->tree, log->size, size, &request.path), OK);
	witness_request_encode(&request, &body);
	enum witness_verdict verdict = witness_judge(log, epochs, quorum, buffer_span(&body), log, &fault);
	if (verdict != expected)
		fail_msg("line %d: %d instead of %d: %s", line, verdict, expected, fault.text);
	buffer_free(&note);
	buffer_free(&body);
}

static void a_witness_follows_the_epochs(void **state)
{
	(void)state;
	struct witness_log log = witness_log_new(), old;
	witnessed(&sample->epochs, &log, LOG_FIRST, 0, 0x3, 0, WITNESS_COSIGN, __LINE__);
	old = log;
	witnessed(&sample->epochs, &log, LOG_FIRST + 1, 0, 0x3, 0, WITNESS_UNTRUSTED, __LINE__);
	witnessed(&consortium->epochs, &log, LOG_FIRST + 1, 1, 0x12, 0, WITNESS_UNTRUSTED, __LINE__);
	witnessed(&sample->epochs, &log, LOG_FIRST + 1, 1, 0x12, 3, WITNESS_UNTRUSTED, __LINE__);
	assert_true(log.size == old.size);
	witnessed(&sample->epochs, &log, LOG_FIRST + 1, 1, 0x12, 0, WITNESS_COSIGN, __LINE__);
	witnessed(&sample->epochs, &log, LOG_SIZE, 2, 0x4, 0, WITNESS_UNTRUSTED, __LINE__);
	witnessed(&sample->epochs, &log, LOG_SIZE, 2, 0xc, 0, WITNESS_COSIGN, __LINE__);
}

/* -- bundles ---------------------------------------------------------------------------------------------- */

struct outcome {
	enum status status;
	struct fault fault;
	struct buffer report;
};

/* Of these positions, under a note of the whole log by everybody in epoch 2. */
static struct outcome bundled(const struct epochs *epochs, const size_t *positions, size_t count)
{
	const struct trust trust = {.epochs = epochs};
	struct outcome out = {0};
	struct buffer note = {0};
	struct statement subject;
	CHECK(statement_decode(buffer_span(&log_->entries[positions[0]]), &subject, NULL) == OK);
	note_of(LOG_SIZE, 2, epochs->count > 1 ? 0xf : 0x5, &note);
	struct bundle bundle = {.kind = span_of_text(statement_type_name(subject.type)), .entry_count = count, .note = buffer_span(&note),
		.entries = memory_new_array(count, sizeof *bundle.entries)};
	for (size_t i = 0; i < count; i++) {
		bundle.entries[i].statement = buffer_span(&log_->entries[positions[i]]);
		bundle.entries[i].index = positions[i];
		CHECK(merkle_tree_inclusion(&log_->tree, positions[i], LOG_SIZE, &bundle.entries[i].path) == OK);
	}
	out.status = bundle_verify(&bundle, &trust, NULL, &out.report, &out.fault);
	buffer_append_byte(&out.report, 0);
	bundle_free(&bundle);
	buffer_free(&note);
	return out;
}

static void judged(struct outcome outcome, enum status expected, const char *words, int line)
{
	if (outcome.status != expected || !strstr((const char *)outcome.report.data, words))
		fail_msg("line %d: %s instead of %s, %s: %s", line, status_name(outcome.status), status_name(expected), words, (const char *)outcome.report.data);
	buffer_free(&outcome.report);
}

#define BUNDLED_IN(epochs, expected, words, ...) \
	judged(bundled(epochs, (size_t[]){__VA_ARGS__}, sizeof (size_t[]){__VA_ARGS__} / sizeof(size_t)), expected, words, __LINE__)
#define BUNDLED(expected, words, ...) BUNDLED_IN(&sample->epochs, expected, words, __VA_ARGS__)

static void statements_count_by_the_keys_of_their_time(void **state)
{
	(void)state;
	/* The supplier before and after it changed its keys. */
	BUNDLED(OK, "signed by org:supplier (supplier), who states", LOG_ROTATE);
	BUNDLED(OK, "signed by org:supplier (supplier in epoch 1), who states", LOG_BY_SUPPLIER);
	BUNDLED(E_SIGNATURE, "FAILED: subject (event): its signature does not verify with the registered key of org:supplier; if the members changed since", LOG_OLD_KEY);
	/* The repair shop before and after it left, the newcomer. */
	BUNDLED(OK, "signed by org:repair (repair in epoch 1)", LOG_BY_REPAIR);
	BUNDLED(E_UNKNOWN, "FAILED: subject (event): its issuer org:repair is neither in epoch 2 nor registered", LOG_BY_LEAVER);
	BUNDLED(OK, "signed by org:newcomer (newcomer in epoch 2)", LOG_BY_NEWCOMER);
	BUNDLED_IN(&consortium->epochs, E_UNKNOWN, "its issuer org:newcomer is neither in the genesis nor registered by an earlier statement in the bundle; if the members",
		LOG_BY_NEWCOMER);
	/* Of before the change, whoever is asked. */
	BUNDLED(OK, "at position 5 of the log", LOG_DEVICE, 0);
	BUNDLED_IN(&consortium->epochs, OK, "at position 5 of the log", LOG_DEVICE, 0);
}

static void registrations_count_by_members_of_their_time(void **state)
{
	(void)state;
	BUNDLED(OK, "ok: evidence 2 (member): org:newcomer is a member with the keys of this proposal since epoch 1, log size 17; role: newcomer\n", LOG_BY_HALL, LOG_HALL, LOG_ADD);
	BUNDLED(OK, "signed by gw:newcomer/hall (gateway, registered by org:newcomer)", LOG_BY_HALL, LOG_HALL);
	BUNDLED(E_UNKNOWN, "its issuer gw:newcomer/hall is neither in epoch 1 nor registered by an earlier statement in the bundle\n", LOG_BY_HALL, LOG_ADD);
	/* Whoever left registers nothing any more. */
	BUNDLED(E_UNKNOWN, "its issuer org:repair is neither in epoch 2", LOG_HALL_AGAIN);
	BUNDLED(E_UNKNOWN, "its issuer gw:newcomer/hall is neither in epoch 2", LOG_BY_HALL_AGAIN, LOG_HALL_AGAIN);
	BUNDLED(E_SIGNATURE, "does not verify with the registered key of gw:newcomer/hall\n", LOG_BY_HALL_AGAIN, LOG_HALL_AGAIN, LOG_HALL);
}

static void proposals_and_votes_are_evidence(void **state)
{
	(void)state;
	BUNDLED(OK, "ok: subject (member): org:supplier is a member with the keys of this proposal since epoch 1", LOG_ROTATE);
	BUNDLED(OK, "ok: subject (vote): about org:newcomer it says: votes yes", LOG_VOTE, LOG_ADD);
	BUNDLED(E_UNKNOWN, "parent 0, which it cites as evidence, is not in the bundle", LOG_VOTE);
	BUNDLED(E_PARENT, "what it answers is not one of its parents", LOG_VOTE_ASTRAY, LOG_ROTATE, LOG_ADD);
	BUNDLED(E_MALFORMED, "the statement of the organisation that it holds is not valid. It is of org:newcomer.", LOG_ADD_ASTRAY);
}

/* -- receipts ------------------------------------------------------------------------------------------- */

/* Of an entry, at a size, by this key in this name. */
static struct outcome received(const struct trust *trust, uint64_t index, uint64_t size, const struct signing_key *key, const char *iss)
{
	struct outcome out = {0};
	struct buffer bytes = {0};
	struct receipt *receipt = memory_new(sizeof *receipt);
	struct digest root = merkle_tree_root(&log_->tree, size);
	*receipt = (struct receipt){.kind = RECEIPT_INCLUSION, .iss = span_of_text(iss), .sub = span_of_text(origin), .proof_count = 1};
	receipt->proofs[0].first = index;
	receipt->proofs[0].size = size;
	CHECK(merkle_tree_inclusion(&log_->tree, index, size, &receipt->proofs[0].path) == OK);
	CHECK(receipt_sign(receipt, &root, key, NULL, &bytes) == OK);
	out.status = receipt_check(buffer_span(&bytes), buffer_span(&log_->entries[index]), trust, &out.report, &out.fault);
	buffer_append_byte(&out.report, 0);
	buffer_free(&bytes);
	free(receipt);
	return out;
}

#define RECEIVED(index, size, epoch, seat, expected, words) \
	judged(received(&trust, index, size, sample->sets[epoch].seats[seat].keys[SAMPLE_CHECKPOINT_KEY], sample->sets[epoch].seats[seat].iss), expected, words, __LINE__)

static void a_receipt_is_issued_by_a_member_of_its_time(void **state)
{
	(void)state;
	struct trust trust = {.epochs = &sample->epochs};
	RECEIVED(LOG_ADD, LOG_FIRST, 0, 1, OK, "ok: receipt: issued by org:supplier (supplier) for the log");
	RECEIVED(LOG_ADD, LOG_FIRST + 1, 0, 1, E_SIGNATURE, "receipt: it names another key of org:supplier than epoch 1\n");
	RECEIVED(LOG_ADD, LOG_FIRST + 1, 1, 1, OK, "ok: receipt: issued by org:supplier (supplier in epoch 1) for the log");
	RECEIVED(LOG_ADD, LOG_FIRST + 1, 1, 1, OK, "alone, one of 5 organisations");
	RECEIVED(LOG_ADD, LOG_FIRST, 1, 4, E_UNKNOWN, "receipt: its issuer org:newcomer is no organisation of the genesis\n");
	RECEIVED(LOG_ADD, LOG_SECOND, 1, 2, OK, "org:repair (repair in epoch 1)");
	RECEIVED(LOG_ADD, LOG_SECOND + 1, 1, 2, E_UNKNOWN, "its issuer org:repair is no organisation of epoch 2; if the members changed since");
	/* The statement counts by its own place, not by the receipt's size. */
	RECEIVED(LOG_BY_SUPPLIER, LOG_SIZE, 2, 3, OK, "ok: statement: signed by org:supplier (supplier in epoch 1)");
	RECEIVED(LOG_ROTATE, LOG_SIZE, 2, 3, OK, "ok: statement: signed by org:supplier (supplier), who");
	RECEIVED(LOG_OLD_KEY, LOG_SIZE, 2, 3, E_SIGNATURE, "statement: its signature does not verify with the key of org:supplier in epoch 2");
	RECEIVED(LOG_BY_LEAVER, LOG_SIZE, 2, 3, E_UNKNOWN, "statement: its issuer org:repair is no organisation of epoch 2");
	RECEIVED(LOG_BY_HALL, LOG_SIZE, 2, 3, OK, "its signature was not checked here");
	struct policy policy = {.organisations = 2};
	trust.policy = &policy;
	RECEIVED(LOG_ADD, LOG_SIZE, 2, 3, E_SIGNATURE, "policy: a receipt is the word of one organisation");
	trust = (struct trust){.epochs = &consortium->epochs};
	RECEIVED(LOG_ADD, LOG_FIRST + 1, 1, 1, E_SIGNATURE, "receipt: it names another key of org:supplier than the genesis; if the members changed since");
}

/* -- state proofs --------------------------------------------------------------------------------------- */

static struct outcome stated(const struct epochs *epochs, uint64_t size, size_t epoch, unsigned signers)
{
	const struct trust trust = {.epochs = epochs};
	struct outcome out = {0};
	struct state_tree tree = {0};
	struct buffer value = {0}, note = {0};
	struct state_finding found;
	char state_origin[CHECKPOINT_STATE_ORIGIN_SIZE];
	struct span name = span_of_text("org:newcomer");
	struct digest key = state_entry_key(name);
	struct state_proof *proof = memory_new(sizeof *proof);
	/* It stands in the proposal that it join. */
	const struct state_entry entry = {.kind = ENTITY_ORG, .state = DEVICE_ACTIVE, .registration = log_->ids[LOG_ADD], .role = span_of_text("newcomer")};
	state_entry_encode(&entry, &value);
	state_tree_put(&tree, &key, buffer_span(&value));
	struct digest root = state_tree_root(&tree);
	checkpoint_state_origin(consortium->genesis.network, state_origin);
	sample_set_note(&sample->sets[epoch], state_origin, size, &root, signers, &note);
	*proof = (struct state_proof){.name = name, .note = buffer_span(&note), .statements = {buffer_span(&log_->entries[LOG_ADD])}, .statement_count = 1};
	proof->present = state_tree_prove(&tree, &key, &proof->value, &proof->path);
	out.status = state_proof_verify(proof, &trust, &found, &out.report, &out.fault);
	buffer_append_byte(&out.report, 0);
	state_tree_free(&tree);
	buffer_free(&value);
	buffer_free(&note);
	free(proof);
	return out;
}

static void the_state_is_signed_by_the_members_of_its_time(void **state)
{
	(void)state;
	const struct epochs *epochs = &sample->epochs;
	judged(stated(epochs, LOG_SECOND, 1, 0x12), OK, "signed by 2 of 5 organisations of epoch 1 (2 are needed)", __LINE__);
	judged(stated(epochs, LOG_SECOND, 1, 0x12), OK, "it says: proposes it as a member", __LINE__);
	judged(stated(epochs, LOG_SECOND + 1, 2, 0x3), OK, "unless more than 1 of the 4 organisations lie", __LINE__);
	judged(stated(epochs, LOG_SECOND + 1, 1, 0x6), E_UNKNOWN, "org:repair, which is no organisation of epoch 2", __LINE__);
	judged(stated(epochs, LOG_FIRST, 1, 0x3), E_SIGNATURE, "org:supplier names another key than the genesis", __LINE__);
	judged(stated(&consortium->epochs, LOG_SECOND, 1, 0x12), E_SIGNATURE, "give the newer chain of epochs", __LINE__);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_checkpoint_is_signed_by_the_members_of_its_time),
		cmocka_unit_test(a_chain_that_is_too_short_shows),
		cmocka_unit_test(a_policy_is_about_the_members_of_that_time),
		cmocka_unit_test(a_witness_follows_the_epochs),
		cmocka_unit_test(statements_count_by_the_keys_of_their_time),
		cmocka_unit_test(registrations_count_by_members_of_their_time),
		cmocka_unit_test(proposals_and_votes_are_evidence),
		cmocka_unit_test(a_receipt_is_issued_by_a_member_of_its_time),
		cmocka_unit_test(the_state_is_signed_by_the_members_of_its_time),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
