/* The chain of epochs: what comes back, and every way in which it is not one. */
#include "record/cbor.h"

#include "sample_epochs.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct sample_consortium *consortium;
static struct sample_epochs *sample;

static int begin(void **state)
{
	(void)state;
	consortium = sample_consortium_new();
	sample = sample_epochs_new(consortium, 17, 21);
	return 0;
}

static int end(void **state)
{
	(void)state;
	sample_epochs_free(sample);
	sample_consortium_free(consortium);
	return 0;
}

/* -- what comes back ----------------------------------------------------------------------------------- */

static void records_come_back(void **state)
{
	(void)state;
	const struct epochs *epochs = &sample->epochs;
	assert_int_equal(epochs->count, 3);
	assert_true(epochs->items[0].members == &consortium->genesis && digest_equal(&epochs->items[0].digest, &consortium->genesis.digest));
	for (size_t i = 1; i < 3; i++) {
		const struct epoch *epoch = &epochs->items[i];
		struct digest digest = sha256(buffer_span(&sample->records[i]));
		assert_true(epoch->number == i && epoch->commits == 100 * i && epoch->log_size == sample->sizes[i]);
		assert_true(epoch->commit_digest.bytes[0] == 0xc0 && epoch->log_root.bytes[0] == 0x10);
		assert_int_equal(epoch->time_ms, 1767225600000 + 1000 * (int64_t)sample->sizes[i]);
		assert_true(digest_equal(&epoch->digest, &digest) && digest_equal(&epoch->previous, &epochs->items[i - 1].digest));
		assert_true(span_equal(epoch->record, buffer_span(&sample->records[i])) && epoch->record.data != sample->records[i].data);
		assert_int_equal(epoch->members->member_count, sample->sets[i].count);
		assert_memory_equal(epoch->members->network, consortium->genesis.network, NETWORK_ID_SIZE);
		assert_true(span_is_text(epoch->members->name, "sample consortium"));
		for (size_t j = 0; j < sample->sets[i].count; j++) {
			const struct genesis_member *member = &epoch->members->members[j];
			assert_true(span_is_text(member->header.iss, sample->sets[i].seats[j].iss));
			assert_memory_equal(&member->org.checkpoint_key, signing_key_public(sample->sets[i].seats[j].keys[SAMPLE_CHECKPOINT_KEY]),
				sizeof(struct public_key));
		}
	}
	assert_int_equal(epochs->items[1].signers, 0x7);
	assert_int_equal(epochs->items[2].signers, 0x1b);
}

static void a_size_belongs_to_one_epoch(void **state)
{
	(void)state;
	static const struct {
		uint64_t size, epoch;
	} rows[] = {{0, 0}, {1, 0}, {16, 0}, {17, 0}, {18, 1}, {21, 1}, {22, 2}, {23, 2}, {UINT64_MAX, 2}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(epochs_of_size(&sample->epochs, rows[i].size)->number, rows[i].epoch);
	assert_string_equal(epoch_name(&sample->epochs.items[0]).text, "the genesis");
	assert_string_equal(epoch_name(&sample->epochs.items[2]).text, "epoch 2");
	assert_string_equal(epochs_advice(&sample->epochs, &sample->epochs.items[1]), "");
	assert_non_null(strstr(epochs_advice(&sample->epochs, &sample->epochs.items[2]), "tally export --epochs"));
}

static void a_key_counts_in_its_epochs(void **state)
{
	(void)state;
	const struct epochs *epochs = &sample->epochs;
	const struct {
		size_t epoch, seat;   /* whose key */
		uint64_t size, from;
	} rows[] = {
		{0, 0, 1, 1}, {0, 0, 17, 17}, {0, 0, 18, 18}, {0, 0, 500, 500}, /* the manufacturer's never changed */
		{0, 1, 1, 1}, {0, 1, 17, 17}, {0, 1, 18, 0}, {0, 1, 22, 0},    /* the supplier's first */
		{1, 1, 1, 18}, {1, 1, 17, 18}, {1, 1, 18, 18}, {1, 1, 30, 30}, /* and its second */
		{1, 2, 1, 1}, {1, 2, 21, 21}, {1, 2, 22, 0},                   /* the repair shop's */
		{1, 4, 1, 18}, {1, 4, 20, 20}, {2, 3, 22, 22},                 /* the newcomer's */
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct sample_seat *seat = &sample->sets[rows[i].epoch].seats[rows[i].seat];
		const struct public_key *key = signing_key_public(seat->keys[SAMPLE_CHECKPOINT_KEY]);
		if (epochs_key_from(epochs, rows[i].size, span_of_text(seat->iss), key) != rows[i].from)
			fail_msg("row %zu", i);
		assert_int_equal(epochs_key_counts(epochs, rows[i].size, span_of_text(seat->iss), key), rows[i].from == rows[i].size);
		assert_int_equal(epochs_key_from(epochs, rows[i].size, span_of_text("org:stranger"), key), 0);
		assert_false(epochs_key_counts(epochs, rows[i].size, span_of_text(seat->iss), signing_key_public(seat->keys[SAMPLE_NODE_KEY])));
	}
	/* Epochs without entries in between. */
	struct epochs renewed;
	struct buffer record = {0};
	epochs_begin(&renewed, &consortium->genesis);
	for (size_t i = 0; i < 2; i++) {
		buffer_clear(&record);
		sample_epoch_record(&renewed, i ? &sample->sets[1] : NULL, 9, &record);
		assert_int_equal(epochs_add(&renewed, buffer_span(&record), NULL), OK);
	}
	const struct public_key *old = signing_key_public(sample->sets[0].seats[1].keys[SAMPLE_CHECKPOINT_KEY]);
	const struct public_key *new = signing_key_public(sample->supplier[SAMPLE_CHECKPOINT_KEY]);
	assert_int_equal(epochs_key_from(&renewed, 9, span_of_text("org:supplier"), old), 9);
	assert_int_equal(epochs_key_from(&renewed, 10, span_of_text("org:supplier"), old), 0);
	assert_int_equal(epochs_key_from(&renewed, 9, span_of_text("org:supplier"), new), 10);
	epochs_free(&renewed);
	buffer_free(&record);
}

static void a_chain_is_a_file(void **state)
{
	(void)state;
	for (size_t count = 0; count < SAMPLE_EPOCHS; count++) {
		struct buffer file = {0};
		struct epochs epochs;
		struct fault fault = {0};
		sample_epochs_file(sample, count, &file);
		assert_true(epochs_is(buffer_span(&file)));
		epochs_begin(&epochs, &consortium->genesis);
		if (epochs_decode(buffer_span(&file), &epochs, &fault) != OK)
			fail_msg("%s", fault.text);
		/* The chain keeps what it needs. */
		memset(file.data, 0xff, file.size);
		assert_int_equal(epochs.count, count + 1);
		for (size_t i = 1; i <= count; i++)
			assert_true(digest_equal(&epochs.items[i].digest, &sample->epochs.items[i].digest)
				&& span_is_text(epochs.items[i].members->members[0].header.iss, sample_names[0]));
		epochs_free(&epochs);
		buffer_free(&file);
	}
	assert_false(epochs_is(buffer_span(&consortium->genesis_bytes)));
	assert_false(epochs_is((struct span){0}));
}

static void a_renewal_keeps_the_members(void **state)
{
	(void)state;
	struct epochs epochs;
	struct buffer first = {0}, second = {0}, note = {0};
	struct fault fault = {0};
	epochs_begin(&epochs, &consortium->genesis);
	sample_epoch_record(&epochs, NULL, 9, &first);
	assert_int_equal(epochs_add(&epochs, buffer_span(&first), &fault), OK);
	assert_true(epochs_newest(&epochs)->members == &consortium->genesis && epochs_newest(&epochs)->signers == 0);
	/* Nothing was final in between, and they sign the next one. */
	sample_epoch_record(&epochs, NULL, 9, &second);
	sample_epoch_note(sample, &sample->sets[0], 2, buffer_span(&second), 0xe, &note);
	assert_int_equal(epochs_add_signed(&epochs, buffer_span(&second), buffer_span(&note), &fault), OK);
	assert_true(epochs.count == 3 && epochs_newest(&epochs)->members == &consortium->genesis && epochs_newest(&epochs)->signers == 0xe);
	assert_int_equal(epochs_of_size(&epochs, 9)->number, 0);
	assert_int_equal(epochs_of_size(&epochs, 10)->number, 2);
	epochs_free(&epochs);
	buffer_free(&first);
	buffer_free(&second);
	buffer_free(&note);
}

static void a_quorum_is_more_than_two_thirds(void **state)
{
	(void)state;
	static const size_t quorums[] = {1, 2, 3, 3, 4, 5, 5, 6, 7, 7};
	for (size_t i = 0; i < sizeof quorums / sizeof *quorums; i++)
		assert_int_equal(epoch_quorum(&(struct genesis){.member_count = i + 1}), quorums[i]);
}

/* -- records that do not follow -------------------------------------------------------------------------- */

/* The record of epoch 2, with something else in one place. */
struct odd {
	const char *form;
	uint8_t network;              /* added to its first byte */
	uint8_t previous;
	uint64_t number, commits, log_size;
	int64_t time_ms;
	const struct span *statements;
	size_t statement_count;
	size_t fields;                /* of the outer array */
};

static struct odd odd(void)
{
	return (struct odd){.form = "tally/epoch/v1", .number = 2, .commits = 200, .log_size = 21, .time_ms = 1767225700000, .fields = 10};
}

static void odd_encode(const struct odd *odd, struct buffer *out)
{
	uint8_t network[NETWORK_ID_SIZE];
	struct digest previous = sample->epochs.items[1].digest, other = {{1}};
	memcpy(network, consortium->genesis.network, sizeof network);
	network[0] = (uint8_t)(network[0] + odd->network);
	previous.bytes[0] = (uint8_t)(previous.bytes[0] + odd->previous);
	cbor_write_array(out, odd->fields);
	cbor_write_cstring(out, odd->form);
	cbor_write_bytes(out, span_of(network, sizeof network));
	cbor_write_uint(out, odd->number);
	cbor_write_digest(out, &previous);
	cbor_write_uint(out, odd->commits);
	cbor_write_digest(out, &other);
	cbor_write_uint(out, odd->log_size);
	cbor_write_digest(out, &other);
	cbor_write_int(out, odd->time_ms);
	cbor_write_array(out, odd->statement_count);
	for (size_t i = 0; i < odd->statement_count; i++)
		cbor_write_bytes(out, odd->statements[i]);
	if (odd->fields > 10)
		cbor_write_uint(out, 0);
}

/* A chain that reaches epoch 1. */
static void one_link(struct epochs *out)
{
	epochs_begin(out, &consortium->genesis);
	assert_int_equal(epochs_add(out, buffer_span(&sample->records[1]), NULL), OK);
}

static void tried(struct span record, enum status expected, const char *words, int line)
{
	struct epochs epochs;
	struct fault fault = {0};
	one_link(&epochs);
	enum status status = epochs_add(&epochs, record, &fault);
	if (status != expected || (words && !strstr(fault.text, words)))
		fail_msg("line %d: %s instead of %s: %s", line, status_name(status), status_name(expected), fault.text);
	assert_true((status == OK) == (epochs.count == 3));
	epochs_free(&epochs);
}

static void odd_tried(const struct odd *odd, enum status expected, const char *words, int line)
{
	struct buffer record = {0};
	odd_encode(odd, &record);
	tried(buffer_span(&record), expected, words, line);
	buffer_free(&record);
}

#define ODD(change, expected, words)                           \
	do {                                                   \
		struct odd o = odd();                          \
		o.change;                                      \
		odd_tried(&o, expected, words, __LINE__);      \
	} while (0)

static void what_does_not_follow_is_refused(void **state)
{
	(void)state;
	ODD(form = "tally/epoch/v1", OK, "");
	ODD(form = "tally/epoch/v2", E_MALFORMED, "no record of an epoch");
	ODD(network = 1, E_NETWORK, "another network");
	ODD(number = 1, E_SEQUENCE, "does not follow epoch 1");
	ODD(number = 3, E_SEQUENCE, "does not follow epoch 1");
	ODD(previous = 1, E_SEQUENCE, "does not follow epoch 1");
	ODD(commits = 100, E_MALFORMED, "goes back");
	ODD(commits = 101, OK, "");
	ODD(log_size = 16, E_MALFORMED, "goes back");
	ODD(log_size = 17, OK, "");
	ODD(time_ms = -1, E_MALFORMED, "goes back");
	ODD(fields = 11, E_MALFORMED, "no record of an epoch");
	ODD(fields = 9, E_MALFORMED, "");
}

static void a_record_has_no_slack(void **state)
{
	(void)state;
	struct buffer record = {0};
	const struct span whole = buffer_span(&sample->records[2]);
	for (size_t i = 0; i < whole.size; i += i < 200 ? 1 : 97)
		tried(span_of(whole.data, i), E_MALFORMED, NULL, (int)i);
	buffer_append_span(&record, whole);
	buffer_append_byte(&record, 0xf6);
	tried(buffer_span(&record), E_MALFORMED, "Bytes follow", __LINE__);
	/* A number that is not as short as it could be: 2 in two bytes. */
	buffer_clear(&record);
	size_t number = 1 + 15 + 17;
	assert_int_equal(whole.data[number], 2);
	buffer_append(&record, whole.data, number);
	buffer_append(&record, "\x18\x02", 2);
	buffer_append(&record, whole.data + number + 1, whole.size - number - 1);
	tried(buffer_span(&record), E_MALFORMED, NULL, __LINE__);
	/* Any other byte anywhere: nobody would have signed it, and within a statement its own signature notices. */
	for (size_t i = 250; i < whole.size; i += 211) {
		buffer_clear(&record);
		buffer_append_span(&record, whole);
		record.data[i] ^= 1;
		struct epochs epochs;
		one_link(&epochs);
		if (epochs_add(&epochs, buffer_span(&record), NULL) == OK)
			fail_msg("byte %zu is not noticed", i);
		epochs_free(&epochs);
	}
	buffer_free(&record);
}

/* -- members ---------------------------------------------------------------------------------------------- */

/* Statements of organisations, one after another. */
struct orgs {
	struct buffer bytes[4];
	struct span spans[4];
	size_t count;
};

static void orgs_add(struct orgs *orgs, struct signing_key *const keys[SAMPLE_KEYS], const char *iss, const char *name)
{
	sample_org(keys, iss, name, &orgs->bytes[orgs->count]);
	orgs->spans[orgs->count] = buffer_span(&orgs->bytes[orgs->count]);
	orgs->count++;
}

static void orgs_tried(struct orgs *orgs, enum status expected, const char *words, int line)
{
	struct odd o = odd();
	o.statements = orgs->spans;
	o.statement_count = orgs->count;
	odd_tried(&o, expected, words, line);
	for (size_t i = 0; i < orgs->count; i++)
		buffer_free(&orgs->bytes[i]);
	*orgs = (struct orgs){0};
}

static void members_are_told_apart(void **state)
{
	(void)state;
	struct signing_key *const *a = consortium->keys[0], *const *b = consortium->keys[1];
	struct signing_key *twice[SAMPLE_KEYS] = {a[0], a[1], a[0]}, *shared[SAMPLE_KEYS] = {b[0], a[1], b[2]}, *crossed[SAMPLE_KEYS] = {b[0], b[1], a[0]};
	struct orgs orgs = {0};
	orgs_add(&orgs, a, "org:a", "a");
	orgs_add(&orgs, b, "org:b", "b");
	orgs_tried(&orgs, OK, "", __LINE__);
	orgs_add(&orgs, a, "org:a", "a");
	orgs_add(&orgs, b, "org:a", "b");
	orgs_tried(&orgs, E_DUPLICATE, "same name", __LINE__);
	orgs_add(&orgs, a, "org:a", "a");
	orgs_add(&orgs, b, "org:b", "a");
	orgs_tried(&orgs, E_DUPLICATE, "same name", __LINE__);
	orgs_add(&orgs, a, "org:a", "a");
	orgs_add(&orgs, a, "org:a", "a");
	orgs_tried(&orgs, E_DUPLICATE, "same name", __LINE__);
	orgs_add(&orgs, a, "org:a", "a");
	orgs_add(&orgs, shared, "org:b", "b");
	orgs_tried(&orgs, E_DUPLICATE, "A key of members 0 and 1 is the same", __LINE__);
	orgs_add(&orgs, a, "org:a", "a");
	orgs_add(&orgs, crossed, "org:b", "b");
	orgs_tried(&orgs, E_DUPLICATE, "A key of members 0 and 1 is the same", __LINE__);
	orgs_add(&orgs, twice, "org:a", "a");
	orgs_tried(&orgs, E_DUPLICATE, "The members of epoch 2 are not valid. A key of members 0 and 0 is the same", __LINE__);
}

static void members_stand_as_in_a_genesis(void **state)
{
	(void)state;
	struct signing_key *const *a = consortium->keys[0];
	struct orgs orgs = {0};
	orgs_add(&orgs, a, "org:a b", "a");
	orgs_tried(&orgs, E_MALFORMED, "unusable name", __LINE__);
	orgs_add(&orgs, a, "gw:a", "a");
	orgs_tried(&orgs, E_MALFORMED, "unusable name", __LINE__);
	/* Signed by another key than it states. */
	struct signing_key *mixed[SAMPLE_KEYS] = {consortium->keys[1][0], a[1], a[2]};
	struct buffer forged = {0};
	struct statement statement;
	struct digest id;
	orgs_add(&orgs, mixed, "org:a", "a");
	assert_int_equal(statement_decode(orgs.spans[0], &statement, NULL), OK);
	assert_int_equal(statement_sign(&statement, a[0], NULL, &forged, &id), OK);
	orgs.spans[0] = buffer_span(&forged);
	orgs_tried(&orgs, E_SIGNATURE, "does not verify with the record key it states", __LINE__);
	buffer_clear(&forged);
	/* Of this network, or a second statement. */
	orgs_add(&orgs, a, "org:a", "a");
	assert_int_equal(statement_decode(orgs.spans[0], &statement, NULL), OK);
	memcpy(statement.network, consortium->genesis.network, NETWORK_ID_SIZE);
	assert_int_equal(statement_sign(&statement, a[0], NULL, &forged, &id), OK);
	orgs.spans[0] = buffer_span(&forged);
	orgs_tried(&orgs, E_MALFORMED, "not described by a founding statement", __LINE__);
	buffer_free(&forged);
	/* More than there may be: refused by their number, before any is read. */
	struct span none[GENESIS_MEMBERS_MAX + 1] = {{0}};
	ODD(statements = (o.statement_count = GENESIS_MEMBERS_MAX + 1, none), E_LIMIT, "more items than permitted");
}

/* -- who signed --------------------------------------------------------------------------------------------- */

static void signed_tried(struct span record, struct span note, enum status expected, const char *words, int line)
{
	struct epochs epochs;
	struct fault fault = {0};
	one_link(&epochs);
	enum status status = epochs_add_signed(&epochs, record, note, &fault);
	if (status != expected || !strstr(fault.text, words))
		fail_msg("line %d: %s instead of %s, %s: %s", line, status_name(status), status_name(expected), words, fault.text);
	assert_true((status == OK) == (epochs.count == 3));
	epochs_free(&epochs);
}

static void noted_tried(const struct sample_set *by, uint64_t number, unsigned signers, enum status expected, const char *words, int line)
{
	struct buffer note = {0};
	sample_epoch_note(sample, by, number, buffer_span(&sample->records[2]), signers, &note);
	signed_tried(buffer_span(&sample->records[2]), buffer_span(&note), expected, words, line);
	buffer_free(&note);
}

#define SIGNED(by, number, signers, expected, words) noted_tried(by, number, signers, expected, words, __LINE__)

static void a_quorum_of_the_epoch_before_signs(void **state)
{
	(void)state;
	const struct sample_set *sets = sample->sets;
	for (unsigned signers = 0; signers < 32; signers++) {
		bool enough = __builtin_popcount(signers) >= 4;
		SIGNED(&sets[1], 2, signers, enough ? OK : E_SIGNATURE, enough ? "" : "at least 4 must sign");
	}
	/* By those who were members before, or are to be. */
	SIGNED(&sets[0], 2, 0xf, E_SIGNATURE, "org:supplier names another key than epoch 1");
	SIGNED(&sets[0], 2, 0xd, E_SIGNATURE, "at least 4 must sign");
	SIGNED(&sets[2], 2, 0xf, OK, "");
	struct sample_set stranger = sets[1];
	stranger.seats[0].iss = "org:stranger";
	SIGNED(&stranger, 2, 0x1f, E_UNKNOWN, "org:stranger, which is no organisation of epoch 1");
	stranger.seats[0].iss = "witness.example";
	SIGNED(&stranger, 2, 0x1f, E_UNKNOWN, "neither an organisation of epoch 1");
	/* Of another number, or another record. */
	SIGNED(&sets[1], 1, 0x1f, E_SIGNATURE, "signed another record than the one given for epoch 2");
	SIGNED(&sets[1], 3, 0x1f, E_SIGNATURE, "signed another record than the one given for epoch 2");
}

static void the_signature_is_of_this_record(void **state)
{
	(void)state;
	struct buffer other = {0}, note = {0};
	struct epochs epochs;
	one_link(&epochs);
	sample_epoch_record(&epochs, NULL, 21, &other);
	epochs_free(&epochs);
	signed_tried(buffer_span(&other), buffer_span(&sample->notes[2]), E_SIGNATURE, "The members of epoch 1 signed another record", __LINE__);
	sample_epoch_note(sample, &sample->sets[1], 2, buffer_span(&other), 0x1f, &note);
	signed_tried(buffer_span(&other), buffer_span(&note), OK, "", __LINE__);
	/* What they signed as a checkpoint of the log is no word about an epoch. */
	char origin[CHECKPOINT_ORIGIN_SIZE];
	struct digest digest = sha256(buffer_span(&other));
	buffer_clear(&note);
	checkpoint_origin(consortium->genesis.network, origin);
	sample_set_note(&sample->sets[1], origin, 2, &digest, 0x1f, &note);
	signed_tried(buffer_span(&other), buffer_span(&note), E_NETWORK, "/epoch is expected", __LINE__);
	/* A well signed record must still be one. */
	buffer_append_byte(&other, 0);
	buffer_clear(&note);
	sample_epoch_note(sample, &sample->sets[1], 2, buffer_span(&other), 0x1f, &note);
	signed_tried(buffer_span(&other), buffer_span(&note), E_MALFORMED, "Bytes follow", __LINE__);
	buffer_free(&other);
	buffer_free(&note);
}

/* -- files ---------------------------------------------------------------------------------------------------- */

static void file_tried(struct span file, enum status expected, size_t reached, int line)
{
	struct epochs epochs;
	struct fault fault = {0};
	epochs_begin(&epochs, &consortium->genesis);
	enum status status = epochs_decode(file, &epochs, &fault);
	if (status != expected || (status != OK && !fault.text[0]))
		fail_msg("line %d: %s instead of %s: %s", line, status_name(status), status_name(expected), fault.text);
	assert_int_equal(epochs.count, reached + 1);
	epochs_free(&epochs);
}

static void a_file_has_no_slack(void **state)
{
	(void)state;
	struct buffer file = {0}, changed = {0};
	sample_epochs_file(sample, 2, &file);
	buffer_append_span(&changed, buffer_span(&file));
	buffer_append_byte(&changed, 0);
	file_tried(buffer_span(&changed), E_MALFORMED, 2, __LINE__);
	for (size_t i = 0; i < file.size; i += i < 60 ? 1 : 997)
		file_tried(span_of(file.data, i), E_MALFORMED, i > sample->records[1].size + sample->notes[1].size + 40, __LINE__);
	/* Any changed byte breaks a link, and all before it stand. */
	for (size_t i = 17; i < file.size; i += 499) {
		struct epochs epochs;
		epochs_begin(&epochs, &consortium->genesis);
		file.data[i] ^= 1;
		if (epochs_decode(buffer_span(&file), &epochs, NULL) == OK)
			fail_msg("byte %zu is not noticed", i);
		file.data[i] ^= 1;
		assert_true(i < 60 || epochs.count < 3);
		epochs_free(&epochs);
	}
	/* Links that are left out, or in another order. */
	struct epoch_link links[2] = {{buffer_span(&sample->records[2]), buffer_span(&sample->notes[2])},
		{buffer_span(&sample->records[1]), buffer_span(&sample->notes[1])}};
	buffer_clear(&changed);
	epochs_encode(links, 1, &changed);
	file_tried(buffer_span(&changed), E_SIGNATURE, 0, __LINE__);
	buffer_clear(&changed);
	epochs_encode(links, 2, &changed);
	file_tried(buffer_span(&changed), E_SIGNATURE, 0, __LINE__);
	links[0] = links[1];
	buffer_clear(&changed);
	epochs_encode(links, 2, &changed);
	file_tried(buffer_span(&changed), E_SIGNATURE, 1, __LINE__);
	buffer_free(&file);
	buffer_free(&changed);
}

/* A file that has grown is read into the chain that its beginning made. */
static void a_chain_grows_with_its_file(void **state)
{
	(void)state;
	struct buffer file = {0}, other = {0}, note = {0};
	struct epochs epochs;
	struct fault fault = {0};
	epochs_begin(&epochs, &consortium->genesis);
	for (size_t count = 0; count < SAMPLE_EPOCHS; count++) {
		buffer_clear(&file);
		sample_epochs_file(sample, count, &file);
		for (int again = 0; again < 2; again++)
			assert_int_equal(epochs_decode(buffer_span(&file), &epochs, &fault), OK);
		assert_int_equal(epochs.count, count + 1);
	}
	/* A shorter one takes nothing away. */
	buffer_clear(&file);
	sample_epochs_file(sample, 1, &file);
	assert_int_equal(epochs_decode(buffer_span(&file), &epochs, &fault), OK);
	assert_int_equal(epochs.count, SAMPLE_EPOCHS);
	/* Another record in a known place is refused, although a quorum signed it, too. */
	struct epochs short_chain;
	epochs_begin(&short_chain, &consortium->genesis);
	assert_int_equal(epochs_decode(buffer_span(&file), &short_chain, &fault), OK);
	sample_epoch_record(&short_chain, &sample->sets[2], 22, &other);
	sample_epoch_note(sample, &sample->sets[1], 2, buffer_span(&other), 0x1f, &note);
	struct epoch_link links[2] = {{buffer_span(&sample->records[1]), buffer_span(&sample->notes[1])}, {buffer_span(&other), buffer_span(&note)}};
	buffer_clear(&file);
	epochs_encode(links, 2, &file);
	assert_int_equal(epochs_decode(buffer_span(&file), &epochs, &fault), E_SEQUENCE);
	assert_non_null(strstr(fault.text, "The record of epoch 2 is another one"));
	assert_int_equal(epochs.count, SAMPLE_EPOCHS);
	assert_true(digest_equal(&epochs.items[2].digest, &sample->epochs.items[2].digest));
	assert_int_equal(epochs_decode(buffer_span(&file), &short_chain, &fault), OK);
	epochs_free(&epochs);
	epochs_free(&short_chain);
	buffer_free(&file);
	buffer_free(&other);
	buffer_free(&note);
}

/* Another consortium's chain, from the same members. */
static void a_chain_belongs_to_its_genesis(void **state)
{
	(void)state;
	struct buffer file = {0};
	struct epochs epochs;
	struct fault fault = {0};
	struct genesis other = consortium->genesis;
	other.network[0] ^= 1;
	sample_epochs_file(sample, 2, &file);
	epochs_begin(&epochs, &other);
	assert_int_equal(epochs_decode(buffer_span(&file), &epochs, &fault), E_NETWORK);
	assert_int_equal(epochs.count, 1);
	epochs_free(&epochs);
	buffer_free(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_back),
		cmocka_unit_test(a_size_belongs_to_one_epoch),
		cmocka_unit_test(a_key_counts_in_its_epochs),
		cmocka_unit_test(a_chain_is_a_file),
		cmocka_unit_test(a_renewal_keeps_the_members),
		cmocka_unit_test(a_quorum_is_more_than_two_thirds),
		cmocka_unit_test(what_does_not_follow_is_refused),
		cmocka_unit_test(a_record_has_no_slack),
		cmocka_unit_test(members_are_told_apart),
		cmocka_unit_test(members_stand_as_in_a_genesis),
		cmocka_unit_test(a_quorum_of_the_epoch_before_signs),
		cmocka_unit_test(the_signature_is_of_this_record),
		cmocka_unit_test(a_file_has_no_slack),
		cmocka_unit_test(a_chain_grows_with_its_file),
		cmocka_unit_test(a_chain_belongs_to_its_genesis),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
