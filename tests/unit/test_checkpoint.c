#include "base/random.h"
#include "crypto/hash.h"
#include "record/base64.h"
#include "record/cbor.h"

#include "sample_consortium.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_hex(struct span bytes, const char *expected)
{
	char *text = memory_new(2 * bytes.size + 1);
	span_hex(bytes, text);
	assert_string_equal(text, expected);
	free(text);
}

static void base64_has_one_form(void **state)
{
	(void)state;
	static const char *const examples[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}, {"\xff\xef", "/+8="}};
	struct buffer text = {0};
	uint8_t bytes[8];
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		buffer_clear(&text);
		base64_write(&text, span_of_text(examples[i][0]));
		assert_true(span_is_text(buffer_span(&text), examples[i][1]));
		assert_true(base64_read(buffer_span(&text), bytes, strlen(examples[i][0])));
		assert_memory_equal(bytes, examples[i][0], strlen(examples[i][0]));
	}
	static const char *const wrong[] = {"Zh==", "Zg=", "Zg", "Zg==\n", "Z===", "====", "Zm=="};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(base64_read(span_of_text(wrong[i]), bytes, 1));
	assert_false(base64_read(span_of_text("Zm9="), bytes, 2));
	assert_false(base64_read(span_of_text("Zm-v"), bytes, 3));
	assert_false(base64_read(span_of_text("Zm9v"), bytes, 2));
	buffer_free(&text);
}

/* The fixed vectors of the study `trust`, 2.6. */
static void the_fixed_note_comes_out(void **state)
{
	(void)state;
	uint8_t seed[ML_DSA_44_SEED];
	for (size_t i = 0; i < sizeof seed; i++)
		seed[i] = (uint8_t)i;
	struct signing_key *key = NULL;
	assert_int_equal(signing_key_from_seed(seed, &key), OK);
	struct checkpoint *note = memory_new(sizeof *note);
	note->origin = span_of_text("example.org/twinledger");
	note->size = 3;
	assert_true(span_from_hex(span_of_text("cf763a041c81ceef1578a6083f75c61bef2e0014f2a3e683a97fcfca5be7f19a"), note->root.bytes, DIGEST_SIZE));
	struct checkpoint_line *line = &note->lines[note->line_count++];
	line->name = note->origin;
	checkpoint_key_id(line->name, signing_key_public(key), line->key_id);
	assert_hex(span_of(line->key_id, 4), "7f4f816e");
	assert_int_equal(cosignature_sign(key, line->name, note->origin, 3, &note->root, 1767225600, NULL, &line->cosignature), OK);
	struct digest digest = sha256(span_of(line->cosignature.signature.bytes, ML_DSA_44_SIGNATURE));
	assert_hex(span_of(digest.bytes, DIGEST_SIZE), "638963d829cb459b3906b442f36caa038c070451fa01aec5cb54ceb52c0eb01e");
	struct buffer text = {0};
	checkpoint_encode(note, &text);
	assert_int_equal(text.size, 3343);
	digest = sha256(buffer_span(&text));
	assert_hex(span_of(digest.bytes, DIGEST_SIZE), "8229375bc31b377d9f1c68fd1ebd911c44b42732f8104bf847d9e5b3b1acd533");
	buffer_free(&text);
	free(note);
	signing_key_free(key);
}

/* cosigned_message of the same vectors: the signature over it, made with the bare key, verifies. */
static void the_signed_bytes_are_those_of_the_vectors(void **state)
{
	(void)state;
	static const char hex[] = "737562747265652f76310a00" "16" "6578616d706c652e6f72672f7477696e6c6564676572" "000000006955b900"
		"16" "6578616d706c652e6f72672f7477696e6c6564676572" "0000000000000000" "0000000000000003"
		"cf763a041c81ceef1578a6083f75c61bef2e0014f2a3e683a97fcfca5be7f19a";
	uint8_t message[114];
	assert_true(span_from_hex(span_of_text(hex), message, sizeof message));
	struct signing_key *key = sample_key(9, 9);
	struct verifying_key *verifier = verifying_key_new(signing_key_public(key));
	struct cosignature cosignature = {.timestamp_s = 1767225600};
	struct digest root;
	memcpy(root.bytes, message + sizeof message - DIGEST_SIZE, DIGEST_SIZE);
	struct span name = span_of_text("example.org/twinledger");
	assert_int_equal(signing_key_sign(key, span_of(message, sizeof message), (struct span){0}, NULL, &cosignature.signature), OK);
	assert_int_equal(cosignature_verify(verifier, name, name, 3, &root, &cosignature), OK);
	assert_int_equal(cosignature_verify(verifier, name, name, 4, &root, &cosignature), E_SIGNATURE);
	assert_int_equal(cosignature_verify(verifier, span_of_text("example.org/twinledgex"), name, 3, &root, &cosignature), E_SIGNATURE);
	assert_int_equal(cosignature_verify(verifier, name, span_of_text("other"), 3, &root, &cosignature), E_SIGNATURE);
	cosignature.timestamp_s++;
	assert_int_equal(cosignature_verify(verifier, name, name, 3, &root, &cosignature), E_SIGNATURE);
	/* Time zero is refused even when it is what was signed. */
	memset(message + 35, 0, 8);
	cosignature.timestamp_s = 0;
	assert_int_equal(signing_key_sign(key, span_of(message, sizeof message), (struct span){0}, NULL, &cosignature.signature), OK);
	assert_int_equal(cosignature_verify(verifier, name, name, 3, &root, &cosignature), E_SIGNATURE);
	verifying_key_free(verifier);
	signing_key_free(key);
}

static void a_note_comes_back(void **state)
{
	struct sample_consortium *consortium = *state;
	struct buffer note = {0}, again = {0};
	struct digest root = sha256(span_of_text("root"));
	struct checkpoint *got = memory_new(sizeof *got);
	sample_note(consortium, 40, &root, 0xb, &note);
	assert_int_equal(checkpoint_decode(buffer_span(&note), got, NULL), OK);
	assert_int_equal(got->line_count, 3);
	assert_true(got->size == 40);
	assert_true(digest_equal(&got->root, &root));
	assert_true(span_is_text(got->lines[2].name, "org:regulator"));
	for (size_t i = 0; i < got->line_count; i++) {
		const struct genesis_member *member = &consortium->genesis.members[i == 2 ? 3 : i];
		struct verifying_key *key = verifying_key_new(&member->org.checkpoint_key);
		assert_int_equal(cosignature_verify(key, got->lines[i].name, got->origin, got->size, &got->root, &got->lines[i].cosignature), OK);
		verifying_key_free(key);
	}
	checkpoint_encode(got, &again);
	assert_true(span_equal(buffer_span(&note), buffer_span(&again)));

	/* Lines that we do not know are left alone. */
	buffer_append_text(&note, "\xe2\x80\x94 example.org/other AAAA\nsome words\n");
	assert_int_equal(checkpoint_decode(buffer_span(&note), got, NULL), OK);
	assert_int_equal(got->line_count, 3);
	buffer_append_text(&note, "cut");
	assert_int_equal(checkpoint_decode(buffer_span(&note), got, NULL), E_MALFORMED);
	free(got);
	buffer_free(&note);
	buffer_free(&again);
}

static void more_lines_than_a_note_can_have_are_dropped(void **state)
{
	(void)state;
	struct checkpoint *note = memory_new(sizeof *note), *got = memory_new(sizeof *got);
	struct buffer text = {0};
	note->origin = span_of_text("tally/x");
	note->line_count = CHECKPOINT_NOTE_LINES;
	for (size_t i = 0; i < note->line_count; i++)
		note->lines[i].name = span_of_text("org:x");
	checkpoint_encode(note, &text);
	const char *last = "\xe2\x80\x94 org:x ";
	buffer_append_text(&text, last);
	struct buffer line = {0};
	static const uint8_t bytes[4 + 8 + ML_DSA_44_SIGNATURE];
	base64_write(&line, span_of(bytes, sizeof bytes));
	buffer_append_span(&text, buffer_span(&line));
	buffer_append_text(&text, "\n");
	assert_int_equal(checkpoint_decode(buffer_span(&text), got, NULL), OK);
	assert_int_equal(got->line_count, CHECKPOINT_NOTE_LINES);
	buffer_free(&line);
	buffer_free(&text);
	free(note);
	free(got);
}

static void other_forms_of_a_note_are_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"", "\n", "log\n", "log\n3\n",
		"log\n03\nz3Y6BByBzu8VeKYIP3XGG+8uABTyo+aDqX/Pylvn8Zo=\n\n", "log\n\nz3Y6BByBzu8VeKYIP3XGG+8uABTyo+aDqX/Pylvn8Zo=\n\n",
		"log\n+3\nz3Y6BByBzu8VeKYIP3XGG+8uABTyo+aDqX/Pylvn8Zo=\n\n", "log\n-3\nz3Y6BByBzu8VeKYIP3XGG+8uABTyo+aDqX/Pylvn8Zo=\n\n",
		"log\n99999999999999999999\nz3Y6BByBzu8VeKYIP3XGG+8uABTyo+aDqX/Pylvn8Zo=\n\n",
		"log\n18446744073709551616\nz3Y6BByBzu8VeKYIP3XGG+8uABTyo+aDqX/Pylvn8Zo=\n\n",
		"log\n3\nz3Y6BByBzu8VeKYIP3XGG+8uABTyo+aDqX/Pylvn8Zp=\n\n", "log\n3\nz3Y6BByBzu8VeKYIP3XGG+8uABTyo+aDqX/Pylvn8Zo\n\n",
		"log\n3\nz3Y6BByBzu8VeKYIP3XGG+8uABTyo+aDqX/Pylvn8Zo=\n", "log\n3\nz3Y6BByBzu8VeKYIP3XGG+8uABTyo+aDqX/Pylvn8Zo=\nextension\n\n",
		"log\n3\r\nz3Y6BByBzu8VeKYIP3XGG+8uABTyo+aDqX/Pylvn8Zo=\n\n",
	};
	struct checkpoint *got = memory_new(sizeof *got);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct fault fault = {0};
		if (checkpoint_decode(span_of_text(wrong[i]), got, &fault) != E_MALFORMED)
			fail_msg("accepted: %s", wrong[i]);
		assert_true(fault.text[0]);
	}
	assert_int_equal(checkpoint_decode(span_of_text("log\n18446744073709551615\nz3Y6BByBzu8VeKYIP3XGG+8uABTyo+aDqX/Pylvn8Zo=\n\n"), got, NULL), OK);
	assert_true(got->size == UINT64_MAX);
	free(got);
}

static void a_genesis_names_its_members(void **state)
{
	struct sample_consortium *consortium = *state;
	const struct genesis *genesis = &consortium->genesis;
	assert_true(span_is_text(genesis->name, "sample consortium"));
	assert_true(genesis->created_ms == 1767225600000);
	assert_int_equal(genesis->member_count, SAMPLE_MEMBERS);
	struct digest digest = sha256(buffer_span(&consortium->genesis_bytes));
	assert_true(digest_equal(&digest, &genesis->digest));
	assert_memory_equal(genesis->network, digest.bytes, NETWORK_ID_SIZE);
	for (size_t i = 0; i < SAMPLE_MEMBERS; i++) {
		assert_true(span_is_text(genesis->members[i].header.iss, sample_names[i]));
		assert_memory_equal(&genesis->members[i].org.node_key, signing_key_public(consortium->keys[i][SAMPLE_NODE_KEY]), ML_DSA_44_PUBLIC);
	}
	char origin[CHECKPOINT_ORIGIN_SIZE];
	checkpoint_origin(genesis->network, origin);
	assert_int_equal(strlen(origin), CHECKPOINT_ORIGIN_SIZE - 1);
	assert_memory_equal(origin, "tally/", 6);
}

static void every_changed_byte_of_a_genesis_changes_the_network(void **state)
{
	struct sample_consortium *consortium = *state;
	struct buffer *bytes = &consortium->genesis_bytes;
	size_t other_networks = 0;
	for (size_t i = 0; i < bytes->size; i += i < 100 ? 1 : 31) {
		struct genesis genesis;
		struct fault fault = {0};
		bytes->data[i] ^= 0x10;
		enum status status = genesis_decode(buffer_span(bytes), &genesis, &fault);
		if (status == OK) { /* only the name and the time of creation are not signed: another network */
			assert_memory_not_equal(genesis.network, consortium->genesis.network, NETWORK_ID_SIZE);
			genesis_free(&genesis);
			other_networks++;
		} else {
			assert_true(status == E_MALFORMED || status == E_LIMIT || status == E_SIGNATURE || status == E_DUPLICATE);
			assert_true(fault.text[0]);
			assert_null(genesis.members);
		}
		bytes->data[i] ^= 0x10;
	}
	assert_in_range(other_networks, 1, 40);
}

static enum status decode_members(struct signing_key *keys[SAMPLE_MEMBERS][SAMPLE_KEYS], const char *const names[2], const char *const shown[2])
{
	struct buffer orgs[2] = {{0}}, bytes = {0};
	struct span spans[2];
	struct genesis genesis;
	for (size_t i = 0; i < 2; i++) {
		sample_org(keys[i], names[i], shown[i], &orgs[i]);
		spans[i] = buffer_span(&orgs[i]);
	}
	genesis_encode(span_of_text("two"), 5, NULL, spans, 2, &bytes);
	enum status status = genesis_decode(buffer_span(&bytes), &genesis, NULL);
	genesis_free(&genesis);
	buffer_free(&orgs[0]);
	buffer_free(&orgs[1]);
	buffer_free(&bytes);
	return status;
}

static void members_share_no_name_and_no_key(void **state)
{
	struct sample_consortium *consortium = *state;
	struct signing_key *keys[SAMPLE_MEMBERS][SAMPLE_KEYS];
	memcpy(keys, consortium->keys, sizeof keys);
	const char *const names[] = {"org:a", "org:b"}, *const same[] = {"org:a", "org:a"}, *const shown[] = {"A", "B"}, *const alike[] = {"A", "A"};
	assert_int_equal(decode_members(keys, names, shown), OK);
	assert_int_equal(decode_members(keys, same, shown), E_DUPLICATE);
	assert_int_equal(decode_members(keys, names, alike), E_DUPLICATE);
	keys[1][SAMPLE_NODE_KEY] = keys[0][SAMPLE_CHECKPOINT_KEY];
	assert_int_equal(decode_members(keys, names, shown), E_DUPLICATE);
	memcpy(keys, consortium->keys, sizeof keys);
	keys[0][SAMPLE_CHECKPOINT_KEY] = keys[0][SAMPLE_RECORD_KEY];
	assert_int_equal(decode_members(keys, names, shown), E_DUPLICATE);
	memcpy(keys, consortium->keys, sizeof keys);
	static const char *const unusable[] = {"manufacturer:x", "org:", "org:a b", "org:a+b", "org:\xc3\xa4"};
	for (size_t i = 0; i < sizeof unusable / sizeof *unusable; i++) {
		const char *const pair[] = {"org:a", unusable[i]};
		assert_int_equal(decode_members(keys, pair, shown), E_MALFORMED);
	}
}

static void a_genesis_holds_only_founding_statements(void **state)
{
	struct sample_consortium *consortium = *state;
	struct buffer body = {0};
	body_org_encode(&consortium->genesis.members[0].org, &body);
	const struct statement good = {.type = STATEMENT_ORG, .seq = 1, .iss = span_of_text("org:a"), .sub = span_of_text("org:a"), .body = buffer_span(&body)};
	struct statement cases[4] = {good, good, good, good};
	cases[0].seq = 2;
	cases[0].prev.bytes[0] = 1;
	cases[1].network[3] = 1;
	cases[2].parent_count = 1;
	cases[3].type = STATEMENT_PERSON;
	for (size_t i = 0; i < 6; i++) {
		struct statement sent = i < 4 ? cases[i] : good;
		/* case 4: signed by another key than the record key; case 5: as it should be */
		const struct signing_key *key = consortium->keys[0][i == 4 ? SAMPLE_NODE_KEY : SAMPLE_RECORD_KEY];
		struct buffer bytes = {0}, genesis_bytes = {0};
		struct digest id;
		struct genesis genesis;
		assert_int_equal(statement_sign(&sent, key, NULL, &bytes, &id), OK);
		struct span span = buffer_span(&bytes);
		genesis_encode(span_of_text("one"), 5, NULL, &span, 1, &genesis_bytes);
		assert_int_equal(genesis_decode(buffer_span(&genesis_bytes), &genesis, NULL), i < 4 ? E_MALFORMED : i == 4 ? E_SIGNATURE : OK);
		genesis_free(&genesis);
		buffer_free(&bytes);
		buffer_free(&genesis_bytes);
	}
	struct buffer empty = {0};
	struct genesis genesis;
	genesis_encode(span_of_text("none"), 5, NULL, NULL, 0, &empty);
	assert_int_equal(genesis_decode(buffer_span(&empty), &genesis, NULL), E_MALFORMED);
	buffer_free(&empty);
	buffer_free(&body);
}

/* A genesis of one with these settings, bytes owned by the caller. */
static enum status decode_settings(const struct sample_consortium *consortium, const struct genesis_settings *settings, struct buffer *bytes,
	struct genesis *out)
{
	struct span statement = consortium->genesis.members[0].statement;
	genesis_encode(span_of_text("one"), 5, settings, &statement, 1, bytes);
	return genesis_decode(buffer_span(bytes), out, NULL);
}

static void settings_are_part_of_a_genesis(void **state)
{
	struct sample_consortium *consortium = *state;
	const struct genesis_settings usual = genesis_settings_usual();
	struct buffer old = {0}, same = {0};
	struct genesis genesis;
	assert_int_equal(decode_settings(consortium, NULL, &old, &genesis), OK);
	assert_true(genesis.settings.epoch_bytes == UINT64_C(1) << 30);
	const struct digest before = genesis.digest;
	genesis_free(&genesis);
	/* What is as usual is not said: the bytes of the first form stay what they were. */
	assert_int_equal(decode_settings(consortium, &usual, &same, &genesis), OK);
	assert_true(span_equal(buffer_span(&old), buffer_span(&same)));
	assert_memory_equal(old.data, "\x84\x70tally/genesis/v1\x63one\x05\x81", 24);
	genesis_free(&genesis);
	static const uint64_t weights[] = {0, (1 << 16) - 1, 1 << 16, (1 << 30) - 1, (1 << 30) + 1, UINT64_C(1) << 50, (UINT64_C(1) << 50) + 1, UINT64_MAX};
	for (size_t i = 0; i < sizeof weights / sizeof *weights; i++) {
		struct buffer bytes = {0};
		bool good = i > 1 && i < 6;
		assert_int_equal(decode_settings(consortium, &(struct genesis_settings){.epoch_bytes = weights[i]}, &bytes, &genesis), good ? OK : E_MALFORMED);
		assert_memory_equal(bytes.data, "\x85\x70tally/genesis/v2\x63one\x05\xa1\x01", 25);
		if (good) {
			assert_true(genesis.settings.epoch_bytes == weights[i] && genesis.member_count == 1);
			assert_false(digest_equal(&genesis.digest, &before));
		}
		genesis_free(&genesis);
		buffer_free(&bytes);
	}
	buffer_free(&old);
	buffer_free(&same);
}

static void settings_have_one_form(void **state)
{
	struct sample_consortium *consortium = *state;
	/* As usual, but said; none; unknown ones; of another kind; twice; under the form of before; not of three. The seventh is good. */
	static const struct {
		const char *form, *settings;
		size_t size;
	} cases[] = {
		{"tally/genesis/v2", "\xa1\x01\x1a\x40\x00\x00\x00", 7}, {"tally/genesis/v2", "\xa0", 1},
		{"tally/genesis/v2", "\xa1\x09\x01", 3}, {"tally/genesis/v2", "\xa2\x01\x1a\x20\x00\x00\x00\x09\x01", 9},
		{"tally/genesis/v2", "\xa2\x01\x1a\x20\x00\x00\x00\x01\x1a\x20\x00\x00\x00", 13}, {"tally/genesis/v1", "\xa1\x01\x1a\x20\x00\x00\x00", 7},
		{"tally/genesis/v2", "\xa1\x01\x1a\x20\x00\x00\x00", 7}, {"tally/genesis/v2", "\xa1\x01\x61" "1", 4}, {"tally/genesis/v2", "\x80", 1},
		{"tally/genesis/v2", "", 0}, {"tally/genesis/v2", "\xa1\x02\x65" "crash", 8}, {"tally/genesis/v2", "\xa1\x02\x66" "strict", 9},
		{"tally/genesis/v2", "\xa1\x02\x01", 3}, {"tally/genesis/v2", "\xa1\x02\xf5", 3},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buffer bytes = {0};
		struct genesis genesis;
		struct fault fault = {0};
		cbor_write_array(&bytes, cases[i].size ? 5 : 4);
		cbor_write_cstring(&bytes, cases[i].form);
		cbor_write_text(&bytes, span_of_text("one"));
		cbor_write_int(&bytes, 5);
		buffer_append(&bytes, cases[i].settings, cases[i].size);
		cbor_write_array(&bytes, 1);
		cbor_write_bytes(&bytes, consortium->genesis.members[0].statement);
		enum status status = genesis_decode(buffer_span(&bytes), &genesis, &fault);
		if (status != (i == 6 ? OK : E_MALFORMED))
			fail_msg("case %zu: %s, \"%s\"", i, status_name(status), fault.text);
		genesis_free(&genesis);
		buffer_free(&bytes);
	}
}

static void only_three_bear_a_crash(void **state)
{
	struct sample_consortium *consortium = *state;
	struct genesis_settings crash = genesis_settings_usual(), both;
	struct span statements[SAMPLE_MEMBERS];
	crash.crash = true;
	both = crash;
	both.epoch_bytes = 1 << 20;
	for (size_t i = 0; i < SAMPLE_MEMBERS; i++)
		statements[i] = consortium->genesis.members[i].statement;
	for (size_t members = 1; members <= SAMPLE_MEMBERS; members++) {
		struct buffer bytes = {0}, more = {0}, plain = {0};
		struct genesis genesis;
		struct fault fault = {0};
		genesis_encode(span_of_text("few"), 5, &crash, statements, members, &bytes);
		assert_int_equal(genesis_decode(buffer_span(&bytes), &genesis, &fault), members == 3 ? OK : E_MALFORMED);
		if (members == 3)
			assert_int_equal(genesis_faults(&genesis), FAULTS_CRASH);
		else
			assert_non_null(strstr(fault.text, "only three"));
		genesis_free(&genesis);
		genesis_encode(span_of_text("few"), 5, &both, statements, members, &more);
		assert_int_equal(genesis_decode(buffer_span(&more), &genesis, NULL), members == 3 ? OK : E_MALFORMED);
		assert_true(members != 3 || (genesis.settings.crash && genesis.settings.epoch_bytes == 1 << 20));
		genesis_free(&genesis);
		genesis_encode(span_of_text("few"), 5, NULL, statements, members, &plain);
		assert_int_equal(genesis_decode(buffer_span(&plain), &genesis, NULL), OK);
		assert_int_equal(genesis_faults(&genesis), members == 4 ? FAULTS_BYZANTINE : FAULTS_STRICT);
		genesis_free(&genesis);
		buffer_free(&bytes);
		buffer_free(&more);
		buffer_free(&plain);
	}
}

static int set_up(void **state)
{
	*state = sample_consortium_new();
	return 0;
}

static int tear_down(void **state)
{
	sample_consortium_free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_has_one_form),
		cmocka_unit_test(the_fixed_note_comes_out),
		cmocka_unit_test(the_signed_bytes_are_those_of_the_vectors),
		cmocka_unit_test(a_note_comes_back),
		cmocka_unit_test(more_lines_than_a_note_can_have_are_dropped),
		cmocka_unit_test(other_forms_of_a_note_are_refused),
		cmocka_unit_test(a_genesis_names_its_members),
		cmocka_unit_test(every_changed_byte_of_a_genesis_changes_the_network),
		cmocka_unit_test(members_share_no_name_and_no_key),
		cmocka_unit_test(a_genesis_holds_only_founding_statements),
		cmocka_unit_test(settings_are_part_of_a_genesis),
		cmocka_unit_test(settings_have_one_form),
		cmocka_unit_test(only_three_bear_a_crash),
	};
	return cmocka_run_group_tests_name("checkpoint", tests, set_up, tear_down);
}
