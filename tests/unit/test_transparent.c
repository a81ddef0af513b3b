#include "base/random.h"
#include "record/cose.h"
#include "record/receipt.h"
#include "record/transparent_check.h"

#include "sample_epochs.h"
#include "sample_log.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Epochs begin here: LOG_DEVICE is of the genesis, LOG_COMMAND of epoch 1, LOG_ACK of epoch 2. */
enum { FIRST = 9, SECOND = 12, GIVEN_MAX = 66 };

static struct sample_consortium *consortium;
static struct sample_log *log_;
static struct sample_epochs *sample;
static char origin[CHECKPOINT_ORIGIN_SIZE];

static int begin(void **state)
{
	(void)state;
	consortium = sample_consortium_new();
	log_ = sample_log_new(consortium);
	sample = sample_epochs_new(consortium, FIRST, SECOND);
	checkpoint_origin(consortium->genesis.network, origin);
	return 0;
}

static int end(void **state)
{
	(void)state;
	sample_epochs_free(sample);
	sample_log_free(log_);
	sample_consortium_free(consortium);
	return 0;
}

static const struct signing_key *key_of(size_t member)
{
	return consortium->keys[member][SAMPLE_CHECKPOINT_KEY];
}

/* -- files ------------------------------------------------------------------------------------------ */

/* Receipts gathered, and the file that they make with one statement. */
struct given {
	struct buffer receipts[GIVEN_MAX];
	size_t count;
	struct buffer file;
};

/* `name` signs that this entry is at `index` of this tree's first `size`. */
static void give_of(struct given *given, const struct merkle_tree *tree, uint64_t index, uint64_t size, const char *name, const struct signing_key *key)
{
	struct receipt *receipt = memory_new(sizeof *receipt);
	struct digest root = merkle_tree_root(tree, size);
	*receipt = (struct receipt){.kind = RECEIPT_INCLUSION, .iss = span_of_text(name), .sub = span_of_text(origin), .proof_count = 1};
	receipt->proofs[0].first = index;
	receipt->proofs[0].size = size;
	assert_int_equal(merkle_tree_inclusion(tree, index, size, &receipt->proofs[0].path), OK);
	assert_int_equal(receipt_sign(receipt, &root, key, NULL, &given->receipts[given->count++]), OK);
	free(receipt);
}

static void give(struct given *given, uint64_t index, uint64_t size, size_t member)
{
	give_of(given, &log_->tree, index, size, sample_names[member], key_of(member));
}

/* One whose signature is damaged. */
static void give_bad(struct given *given, uint64_t index, uint64_t size, size_t member)
{
	give(given, index, size, member);
	struct buffer *bytes = &given->receipts[given->count - 1];
	bytes->data[bytes->size - 1] ^= 1;
}

static void join(struct given *given, struct span statement)
{
	struct span spans[GIVEN_MAX];
	struct fault fault = {0};
	for (size_t i = 0; i < given->count; i++)
		spans[i] = buffer_span(&given->receipts[i]);
	buffer_clear(&given->file);
	if (transparent_encode(statement, spans, given->count, &given->file, &fault) != OK)
		fail_msg("%s", fault.text);
}

static void given_free(struct given *given)
{
	for (size_t i = 0; i < given->count; i++)
		buffer_free(&given->receipts[i]);
	buffer_free(&given->file);
	*given = (struct given){0};
}

/* -- the form ----------------------------------------------------------------------------------------- */

static void the_statement_comes_back_byte_for_byte(void **state)
{
	(void)state;
	for (size_t entry = 0; entry < LOG_END; entry++) {
		struct given given = {0};
		struct transparent read;
		struct fault fault = {0};
		for (size_t member = 0; member < 1 + entry % SAMPLE_MEMBERS; member++)
			give(&given, entry, LOG_END, SAMPLE_MEMBERS - 1 - member);
		join(&given, buffer_span(&log_->entries[entry]));
		assert_true(transparent_is(buffer_span(&given.file)));
		assert_false(transparent_is(buffer_span(&log_->entries[entry])));
		assert_false(transparent_is(buffer_span(&given.receipts[0])));
		assert_int_equal(transparent_decode(buffer_span(&given.file), &read, &fault), OK);
		assert_true(span_equal(buffer_span(&read.statement), buffer_span(&log_->entries[entry])));
		assert_int_equal(read.receipt_count, given.count);
		for (size_t i = 0; i < given.count; i++)
			assert_true(span_equal(read.receipts[i], buffer_span(&given.receipts[i])));
		transparent_free(&read);
		/* It is no statement itself: the ledger does not take it for one with other bytes. */
		struct statement statement;
		assert_int_equal(statement_decode(buffer_span(&given.file), &statement, &fault), E_MALFORMED);
		given_free(&given);
	}
}

/* The statement of LOG_DEVICE with these bytes as its unprotected header. */
static void with_header(struct span header, bool detached, struct buffer *out)
{
	struct cose_sign1 sign1;
	assert_int_equal(cose_sign1_decode(buffer_span(&log_->entries[LOG_DEVICE]), &sign1, NULL), OK);
	sign1.unprotected = header;
	sign1.detached = detached;
	buffer_clear(out);
	cose_sign1_encode(&sign1, out);
}

static void refused(struct span file, enum status expected, const char *says, int line)
{
	struct transparent read;
	struct fault fault = {0};
	enum status status = transparent_decode(file, &read, &fault);
	if (status != expected || !strstr(fault.text, says))
		fail_msg("line %d: %s %s", line, status_name(status), fault.text);
}

static void other_forms_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *header;
		enum status status;
		const char *says;
	} wrong[] = {
		{"a0", E_MALFORMED, "is not the receipts (394) alone"},
		{"a119018a80", E_MALFORMED, "there is no receipt"},
		{"a119018a8140", E_MALFORMED, "a receipt is empty"},
		{"a119018a8101", E_MALFORMED, "a byte string is expected"},
		{"a119018a4101", E_MALFORMED, "an array is expected"},
		{"a119018a81420101", OK, ""},
		{"a119018b81420101", E_MALFORMED, "is not the receipts (394) alone"},       /* another label */
		{"a2040119018a81420101", E_MALFORMED, "(394) alone"},                      /* one more before */
		{"a219018a8142010119018b01", E_MALFORMED, "(394) alone"},                  /* and behind */
		{"a119018a9801420101", E_NOT_CANONICAL, "shortest form"},
		{"a119018a9f420101ff", E_NOT_CANONICAL, "indefinite"},
		{"a119018a8158020101", E_NOT_CANONICAL, "shortest form"},
		{"a11a0000018a81420101", E_NOT_CANONICAL, "shortest form"},
	};
	struct buffer file = {0}, header = {0};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		uint8_t bytes[64];
		size_t size = strlen(wrong[i].header) / 2;
		assert_true(span_from_hex(span_of_text(wrong[i].header), bytes, size));
		with_header(span_of(bytes, size), false, &file);
		struct transparent read;
		struct fault fault = {0};
		enum status status = transparent_decode(buffer_span(&file), &read, &fault);
		if (status != wrong[i].status || !strstr(fault.text, wrong[i].says))
			fail_msg("%zu: %s %s", i, status_name(status), fault.text);
		if (status == OK)
			transparent_free(&read);
		if (status != OK)
			continue;
		/* The good one, cut, with more behind it, without its payload. */
		for (size_t cut = 0; cut < file.size; cut += cut < 500 ? 1 : 83)
			assert_int_not_equal(transparent_decode(span_of(file.data, cut), &read, NULL), OK);
		buffer_append_byte(&file, 0);
		refused(buffer_span(&file), E_MALFORMED, "1 bytes follow", __LINE__);
		with_header(span_of(bytes, size), true, &file);
		refused(buffer_span(&file), E_MALFORMED, "has no payload", __LINE__);
		assert_false(transparent_is(buffer_span(&file)));
	}
	buffer_free(&file);
	buffer_free(&header);
}

static void counts_and_sizes_have_bounds(void **state)
{
	(void)state;
	static uint8_t zeros[RECEIPT_SIZE_MAX + 1];
	struct span many[TRANSPARENT_RECEIPTS_MAX + 1];
	struct span statement = buffer_span(&log_->entries[LOG_DEVICE]);
	struct buffer file = {0}, header = {0};
	struct transparent read;
	struct fault fault = {0};
	for (size_t i = 0; i <= TRANSPARENT_RECEIPTS_MAX; i++)
		many[i] = span_of(zeros, 10);
	assert_int_equal(transparent_encode(statement, many, TRANSPARENT_RECEIPTS_MAX, &file, &fault), OK);
	assert_int_equal(transparent_decode(buffer_span(&file), &read, &fault), OK);
	assert_int_equal(read.receipt_count, TRANSPARENT_RECEIPTS_MAX);
	transparent_free(&read);
	buffer_clear(&file);
	assert_int_equal(transparent_encode(statement, many, TRANSPARENT_RECEIPTS_MAX + 1, &file, &fault), E_LIMIT);
	assert_int_equal(transparent_encode(statement, many, 0, &file, &fault), E_LIMIT);
	/* The largest receipt, and a byte more. */
	for (size_t more = 0; more < 2; more++) {
		buffer_clear(&header);
		cbor_write_map(&header, 1);
		cbor_write_int(&header, 394);
		cbor_write_array(&header, 1);
		cbor_write_bytes(&header, span_of(zeros, RECEIPT_SIZE_MAX + more));
		with_header(buffer_span(&header), false, &file);
		if (more)
			refused(buffer_span(&file), E_LIMIT, "longer than 32 KiB", __LINE__);
		else
			assert_int_equal(transparent_decode(buffer_span(&file), &read, &fault), OK);
		transparent_free(&read);
		many[0] = span_of(zeros, RECEIPT_SIZE_MAX + more);
		buffer_clear(&file);
		assert_int_equal(transparent_encode(statement, many, 1, &file, &fault), more ? E_LIMIT : OK);
	}
	/* One receipt more than may be. */
	buffer_clear(&header);
	cbor_write_map(&header, 1);
	cbor_write_int(&header, 394);
	cbor_write_array(&header, TRANSPARENT_RECEIPTS_MAX + 1);
	for (size_t i = 0; i <= TRANSPARENT_RECEIPTS_MAX; i++)
		cbor_write_bytes(&header, span_of(zeros, 1));
	with_header(buffer_span(&header), false, &file);
	refused(buffer_span(&file), E_LIMIT, "receipts are not valid", __LINE__);
	/* As a whole. */
	for (size_t i = 0; i < TRANSPARENT_RECEIPTS_MAX; i++)
		many[i] = span_of(zeros, RECEIPT_SIZE_MAX);
	buffer_clear(&file);
	assert_int_equal(transparent_encode(statement, many, TRANSPARENT_RECEIPTS_MAX, &file, &fault), E_LIMIT);
	assert_int_equal(file.size, 0);
	buffer_reserve(&file, TRANSPARENT_SIZE_MAX + 1);
	memset(file.data, 0, TRANSPARENT_SIZE_MAX + 1);
	refused(span_of(file.data, TRANSPARENT_SIZE_MAX + 1), E_LIMIT, "at most 1048576", __LINE__);
	/* Only statements get receipts. */
	buffer_clear(&file);
	assert_int_equal(transparent_encode(span_of("x", 1), many, 1, &file, &fault), E_MALFORMED);
	buffer_free(&file);
	buffer_free(&header);
}

/* -- the verdict ---------------------------------------------------------------------------------------- */

/* Judges and, says not NULL, looks for these words in the report. */
static void judged(const struct given *given, const struct epochs *epochs, const struct policy *policy, enum status expected, const char *says, int line)
{
	struct buffer report = {0};
	struct fault fault = {0};
	const struct trust trust = {.epochs = epochs, .policy = policy};
	enum status status = transparent_check(buffer_span(&given->file), &trust, &report, &fault);
	buffer_append_byte(&report, 0);
	if (status != expected || !strstr((char *)report.data, says))
		fail_msg("line %d: %s instead of %s \"%s\":\n%s", line, status_name(status), status_name(expected), says, (char *)report.data);
	assert_true((status == OK) == (strstr((char *)report.data, "FAILED: ") == NULL));
	assert_true((status == OK) == (fault.text[0] == 0));
	buffer_free(&report);
}

#define JUDGED(given, policy, expected, says) judged(given, &consortium->epochs, policy, expected, says, __LINE__)

static void the_report_says_who_gave_which_receipt(void **state)
{
	(void)state;
	struct given given = {0};
	struct buffer expected = {0}, report = {0};
	struct fault fault = {0};
	char root[2][DIGEST_HEX_SIZE], id[DIGEST_HEX_SIZE];
	give(&given, LOG_DEVICE, LOG_END, 3);
	give(&given, LOG_DEVICE, 7, 1);
	join(&given, buffer_span(&log_->entries[LOG_DEVICE]));
	for (int i = 0; i < 2; i++) {
		struct digest digest = merkle_tree_root(&log_->tree, i ? 7 : LOG_END);
		span_hex(span_of(digest.bytes, DIGEST_SIZE), root[i]);
	}
	span_hex(span_of(log_->ids[LOG_DEVICE].bytes, DIGEST_SIZE), id);
	assert_int_equal(transparent_check(buffer_span(&given.file), &consortium->trust, &report, &fault), OK);
	buffer_append_byte(&report, 0);
	buffer_printf(&expected, "ok: statement: %s, of type device\n"
		"ok: receipt 1: org:regulator (regulator) has the statement at position 5 of the log of size 14, whose root %s it signed\n"
		"ok: receipt 2: org:supplier (supplier) has the statement at position 5 of the log of size 7, whose root %s it signed\n"
		"ok: statement: signed by org:manufacturer (manufacturer), who states the time of issue as 2026-01-01T00:00:20Z\n"
		"ok: statement: about dev:manufacturer/spindle-1 it says: machine, model spindle S9, spoken for by gw:manufacturer/hall-1, firmware 0000000000000000, "
		"signals bearing_temperature in Cel, critical events: fire, commands: reduce_speed stop\n"
		"ok: this rests on the word of 2 of 4 organisations, and holds unless more than 1 of them lie\n%c", id, root[0], root[1], 0);
	assert_string_equal((char *)report.data, (char *)expected.data);
	buffer_free(&expected);
	buffer_free(&report);
	given_free(&given);
}

static void without_a_policy_every_receipt_is_good(void **state)
{
	(void)state;
	struct given given = {0};
	give(&given, LOG_DEVICE, LOG_END, 0);
	join(&given, buffer_span(&log_->entries[LOG_DEVICE]));
	JUDGED(&given, NULL, OK, "ok: this rests on the word of 1 of 4 organisations, and 1 may lie: with good receipts of 2 it would not depend on them\n");
	give(&given, LOG_DEVICE, LOG_END, 1);
	give_bad(&given, LOG_DEVICE, LOG_END, 2);
	give(&given, LOG_DEVICE, LOG_END, 3);
	join(&given, buffer_span(&log_->entries[LOG_DEVICE]));
	JUDGED(&given, NULL, E_SIGNATURE, "not ok: receipt 3: the signature of org:repair does not cover the root");
	JUDGED(&given, NULL, E_SIGNATURE, "ok: receipt 4: org:regulator (regulator) has");
	JUDGED(&given, NULL, E_SIGNATURE, "FAILED: without a policy every receipt must be good. receipt 3: the signature of org:repair does not cover the root to "
		"which the proof leads from this statement\n");
	given_free(&given);
	/* All are bad: nothing is known of the place, not even with a policy. */
	give_bad(&given, LOG_DEVICE, LOG_END, 1);
	give_bad(&given, LOG_DEVICE, LOG_END, 2);
	join(&given, buffer_span(&log_->entries[LOG_DEVICE]));
	JUDGED(&given, NULL, E_SIGNATURE, "FAILED: no receipt is good. receipt 1: the signature of org:supplier");
	JUDGED(&given, &(struct policy){0}, E_SIGNATURE, "FAILED: no receipt is good. receipt 1: ");
	/* What is no receipt at all, of another entry, for another statement. */
	given_free(&given);
	buffer_append_text(&given.receipts[given.count++], "something else");
	join(&given, buffer_span(&log_->entries[LOG_DEVICE]));
	JUDGED(&given, NULL, E_MALFORMED, "FAILED: no receipt is good. receipt 1: its form is broken. This is no COSE_Sign1");
	given_free(&given);
	give(&given, LOG_BOUNDS, LOG_END, 1);
	join(&given, buffer_span(&log_->entries[LOG_DEVICE]));
	JUDGED(&given, NULL, E_SIGNATURE, "FAILED: no receipt is good. receipt 1: the signature of org:supplier");
	given_free(&given);
}

static void a_policy_decides(void **state)
{
	(void)state;
	struct given given = {0};
	char regulator[] = "org:regulator", repair[] = "org:repair", stranger[] = "org:stranger";
	struct policy three = {.organisations = 3}, none = {0}, named = {.required = {regulator}, .required_count = 1}, bad = {.required = {repair}, .required_count = 1};
	struct policy unknown = {.required = {stranger}, .required_count = 1}, one = {.organisations = 1}, five = {.organisations = 5}, aged = {.age_max_s = 60};
	struct policy_witness witness = {.name = stranger};
	struct policy witnessed = {.witnesses = &witness, .witness_count = 1, .witnesses_needed = 1};
	give(&given, LOG_DEVICE, LOG_END, 0);
	give_bad(&given, LOG_DEVICE, LOG_END, 2);
	give(&given, LOG_DEVICE, LOG_END, 3);
	join(&given, buffer_span(&log_->entries[LOG_DEVICE]));
	JUDGED(&given, &none, OK, "ok: this rests on the word of 2 of 4 organisations (2 are needed), and holds unless more than 1 of them lie\n");
	JUDGED(&given, &none, OK, "not ok: receipt 2: the signature of org:repair");
	JUDGED(&given, &named, OK, "ok: policy: org:regulator, whose receipt it requires, gave one\n");
	JUDGED(&given, &bad, E_SIGNATURE, "FAILED: The policy requires a receipt of org:repair, and there is no good one.\n");
	JUDGED(&given, &three, E_SIGNATURE, "FAILED: Receipts of 2 of 4 organisations are good, and at least 3 must be. The first that is not: receipt 2: the signature");
	JUDGED(&given, &one, E_CONFIG, "FAILED: The policy asks for 1 of 4 organisations, but 1 may lie");
	JUDGED(&given, &five, E_CONFIG, "FAILED: The policy asks for 5 organisations, but the genesis has 4.");
	JUDGED(&given, &unknown, E_CONFIG, "which is no organisation of the genesis, to whose time the newest receipt belongs");
	JUDGED(&given, &aged, E_CONFIG, "FAILED: The policy asks for an age, and receipts have none: export a bundle.\n");
	JUDGED(&given, &witnessed, E_CONFIG, "FAILED: The policy asks for witnesses, and receipts have none");
	give(&given, LOG_DEVICE, LOG_END, 1);
	join(&given, buffer_span(&log_->entries[LOG_DEVICE]));
	JUDGED(&given, &three, OK, "ok: this rests on the word of 3 of 4 organisations (3 are needed)");
	given_free(&given);
	give(&given, LOG_DEVICE, LOG_END, 1);
	join(&given, buffer_span(&log_->entries[LOG_DEVICE]));
	JUDGED(&given, &none, E_SIGNATURE, "FAILED: Receipts of 1 of 4 organisations are good, and at least 2 must be.\n");
	given_free(&given);
}

static void an_organisation_counts_once(void **state)
{
	(void)state;
	struct given given = {0};
	give(&given, LOG_DEVICE, LOG_END, 1);
	give(&given, LOG_DEVICE, 8, 1);
	join(&given, buffer_span(&log_->entries[LOG_DEVICE]));
	JUDGED(&given, NULL, E_DUPLICATE, "FAILED: without a policy every receipt must be good. receipt 2: it is the second one of org:supplier, after receipt 1\n");
	JUDGED(&given, &(struct policy){0}, E_SIGNATURE, "FAILED: Receipts of 1 of 4 organisations are good, and at least 2 must be.");
	/* After a bad one it is the first. */
	given.receipts[0].data[given.receipts[0].size - 1] ^= 1;
	give(&given, LOG_DEVICE, 9, 2);
	join(&given, buffer_span(&log_->entries[LOG_DEVICE]));
	JUDGED(&given, &(struct policy){0}, OK, "ok: this rests on the word of 2 of 4");
	given_free(&given);
}

static void receipts_that_contradict_each_other_prove_nothing(void **state)
{
	(void)state;
	struct given given = {0};
	/* Another log of the same length, with this statement at the same place, and one with it elsewhere. */
	struct merkle_tree same = {0}, other = {0};
	for (size_t i = 0; i < LOG_END; i++) {
		struct digest leaf = merkle_leaf(span_of(log_->ids[i].bytes, DIGEST_SIZE)), filler = {{9}};
		merkle_tree_append(&same, i == 2 ? &filler : &leaf);
		if (i == 2)
			merkle_tree_append(&other, &filler);
		merkle_tree_append(&other, &leaf);
	}
	for (int round = 0; round < 2; round++) {
		give(&given, LOG_DEVICE, LOG_END, 0);
		give(&given, LOG_DEVICE, LOG_END, 1);
		if (round)
			give_of(&given, &other, LOG_DEVICE + 1, LOG_END + 1, sample_names[2], key_of(2));
		else
			give_of(&given, &same, LOG_DEVICE, LOG_END, sample_names[2], key_of(2));
		give(&given, LOG_DEVICE, LOG_END, 3);
		join(&given, buffer_span(&log_->entries[LOG_DEVICE]));
		const char *says = round ? "FAILED: receipt 3: org:repair signed that the statement is at position 6, and org:manufacturer (receipt 1) that it is at 5: one"
					 : "FAILED: receipt 3: org:repair signed another root of the log of size 14 than org:manufacturer (receipt 1): one of them lies";
		JUDGED(&given, NULL, E_SIGNATURE, says);
		JUDGED(&given, &(struct policy){.organisations = 3}, E_SIGNATURE, says);
		given_free(&given);
	}
	merkle_tree_free(&same);
	merkle_tree_free(&other);
}

static void statements_are_judged_too(void **state)
{
	(void)state;
	struct given given = {0};
	/* In a log of one, a statement that another one signed, with the issuer's key id. */
	struct statement statement;
	struct buffer forged = {0};
	struct merkle_tree tree = {0};
	struct digest id;
	assert_int_equal(statement_decode(buffer_span(&log_->entries[LOG_DEVICE]), &statement, NULL), OK);
	buffer_append_span(&forged, buffer_span(&log_->entries[LOG_DEVICE]));
	forged.data[forged.size - 1] ^= 1;
	id = sha256(buffer_span(&forged));
	struct digest leaf = merkle_leaf(span_of(id.bytes, DIGEST_SIZE));
	merkle_tree_append(&tree, &leaf);
	for (size_t i = 0; i < SAMPLE_MEMBERS; i++)
		give_of(&given, &tree, 0, 1, sample_names[i], key_of(i));
	join(&given, buffer_span(&forged));
	JUDGED(&given, NULL, E_SIGNATURE, "FAILED: statement: its signature does not verify with the key of org:manufacturer in the genesis");
	JUDGED(&given, &(struct policy){0}, E_SIGNATURE, "FAILED: statement: its signature does not verify");
	merkle_tree_free(&tree);
	buffer_free(&forged);
	given_free(&given);
	/* A gateway's key is not in the genesis. */
	give(&given, LOG_ANCHOR, LOG_END, 0);
	join(&given, buffer_span(&log_->entries[LOG_ANCHOR]));
	JUDGED(&given, NULL, OK, "ok: statement: it names gw:manufacturer/hall-1 as its issuer, whose key is registered on the log");
	/* Another consortium's. */
	origin[8] ^= 1;
	give(&given, LOG_ANCHOR, LOG_END, 1);
	origin[8] ^= 1;
	join(&given, buffer_span(&log_->entries[LOG_ANCHOR]));
	JUDGED(&given, NULL, E_NETWORK, "not ok: receipt 2: it is of the log tally/");
	given_free(&given);
}

static void receipts_are_judged_by_the_members_of_their_time(void **state)
{
	(void)state;
	struct given given = {0};
	const struct signing_key *rotated = sample->supplier[SAMPLE_CHECKPOINT_KEY], *newcomer = sample->newcomer[SAMPLE_CHECKPOINT_KEY];
	char left[] = "org:repair", joined[] = "org:newcomer";
	struct policy four = {.organisations = 4}, three = {.organisations = 3}, by_left = {.required = {left}, .required_count = 1},
		by_joined = {.required = {joined}, .required_count = 1};
	const struct epochs *chain = &sample->epochs;
	struct span statement = buffer_span(&log_->entries[LOG_DEVICE]);
	give(&given, LOG_DEVICE, FIRST, 0);
	give(&given, LOG_DEVICE, FIRST, 2);
	give_of(&given, &log_->tree, LOG_DEVICE, FIRST + 1, sample_names[1], rotated);
	join(&given, statement);
	judged(&given, chain, NULL, OK, "ok: receipt 3: org:supplier (supplier in epoch 1) has the statement at position 5 of the log of size 10", __LINE__);
	judged(&given, chain, NULL, OK, "ok: this rests on the word of 3 of 5 organisations of epoch 1, and holds unless more than 1 of them lie\n", __LINE__);
	judged(&given, &consortium->epochs, NULL, E_SIGNATURE, "not ok: receipt 3: it names another key of org:supplier than the genesis; if the members changed",
		__LINE__);
	/* The newcomer's word is of epoch 2, when the repair shop had left: its receipt is good, and does not count any more. */
	give_of(&given, &log_->tree, LOG_DEVICE, SECOND + 1, joined, newcomer);
	join(&given, statement);
	judged(&given, chain, NULL, OK, "ok: receipt 2: org:repair is no organisation of epoch 2, to which the newest receipt belongs: it does not count\n", __LINE__);
	judged(&given, chain, &three, OK, "ok: this rests on the word of 3 of 4 organisations of epoch 2 (3 are needed), and holds", __LINE__);
	judged(&given, chain, &four, E_SIGNATURE, "FAILED: Receipts of 3 of 4 organisations are good, and at least 4 must be.", __LINE__);
	judged(&given, chain, &by_joined, OK, "ok: policy: org:newcomer, whose receipt it requires, gave one", __LINE__);
	judged(&given, chain, &by_left, E_CONFIG, "FAILED: The policy requires org:repair, which is no organisation of epoch 2, to whose time the newest receipt belongs",
		__LINE__);
	given_free(&given);
	/* Keys and members outside of their time. */
	give_of(&given, &log_->tree, LOG_DEVICE, FIRST, sample_names[1], rotated);
	give(&given, LOG_DEVICE, FIRST + 1, 1);
	give_of(&given, &log_->tree, LOG_DEVICE, FIRST, joined, newcomer);
	give(&given, LOG_DEVICE, SECOND + 1, 2);
	give(&given, LOG_DEVICE, SECOND + 1, 0);
	join(&given, statement);
	judged(&given, chain, NULL, E_SIGNATURE, "not ok: receipt 1: it names another key of org:supplier than the genesis\n", __LINE__);
	judged(&given, chain, NULL, E_SIGNATURE, "not ok: receipt 2: it names another key of org:supplier than epoch 1\n", __LINE__);
	judged(&given, chain, NULL, E_SIGNATURE, "not ok: receipt 3: its issuer org:newcomer is no organisation of the genesis\n", __LINE__);
	judged(&given, chain, NULL, E_SIGNATURE, "not ok: receipt 4: its issuer org:repair is no organisation of epoch 2; if the members", __LINE__);
	judged(&given, chain, &(struct policy){0}, E_SIGNATURE, "FAILED: Receipts of 1 of 4 organisations are good, and at least 2 must be.", __LINE__);
	given_free(&given);
}

static void every_changed_byte_is_noticed(void **state)
{
	(void)state;
	struct given given = {0};
	struct random random = random_of(11);
	give(&given, LOG_DEVICE, LOG_END, 0);
	give(&given, LOG_DEVICE, LOG_END, 1);
	join(&given, buffer_span(&log_->entries[LOG_DEVICE]));
	struct buffer report = {0};
	struct fault fault;
	for (size_t i = 0; i < given.file.size; i += i < 700 ? 1 : 13) {
		uint8_t flip = (uint8_t)(1 + random_below(&random, 255));
		given.file.data[i] ^= flip;
		buffer_clear(&report);
		if (transparent_check(buffer_span(&given.file), &consortium->trust, &report, &fault) == OK)
			fail_msg("byte %zu xor %02x is not noticed", i, flip);
		given.file.data[i] ^= flip;
	}
	buffer_free(&report);
	given_free(&given);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_statement_comes_back_byte_for_byte),
		cmocka_unit_test(other_forms_are_refused),
		cmocka_unit_test(counts_and_sizes_have_bounds),
		cmocka_unit_test(the_report_says_who_gave_which_receipt),
		cmocka_unit_test(without_a_policy_every_receipt_is_good),
		cmocka_unit_test(a_policy_decides),
		cmocka_unit_test(an_organisation_counts_once),
		cmocka_unit_test(receipts_that_contradict_each_other_prove_nothing),
		cmocka_unit_test(statements_are_judged_too),
		cmocka_unit_test(receipts_are_judged_by_the_members_of_their_time),
		cmocka_unit_test(every_changed_byte_is_noticed),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
