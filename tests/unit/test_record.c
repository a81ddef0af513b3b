#include "base/random.h"
#include "crypto/hash.h"
#include "crypto/merkle.h"
#include "record/cbor.h"
#include "record/cose.h"
#include "record/statement.h"

#include "shared_vectors.h"

static void assert_digest(struct digest digest, const char *expected)
{
	char text[DIGEST_HEX_SIZE];
	span_hex(span_of(digest.bytes, DIGEST_SIZE), text);
	assert_string_equal(text, expected);
}

static struct span from_hex(const char *text, struct buffer *out)
{
	buffer_clear(out);
	buffer_reserve(out, strlen(text) / 2 + 1);
	assert_true(span_from_hex(span_of_text(text), out->data, strlen(text) / 2));
	out->size = strlen(text) / 2;
	return buffer_span(out);
}

static struct signing_key *key_of(uint8_t first)
{
	uint8_t seed[ML_DSA_44_SEED];
	for (size_t i = 0; i < sizeof seed; i++)
		seed[i] = (uint8_t)(first + i);
	struct signing_key *key = NULL;
	assert_int_equal(signing_key_from_seed(seed, &key), OK);
	return key;
}

/* RFC 8949, appendix A: what deterministic CBOR without floats can say. */
static void written_items_are_those_of_the_rfc(void **state)
{
	(void)state;
	static const struct {
		int64_t value;
		const char *hex;
	} integers[] = {{0, "00"}, {23, "17"}, {24, "1818"}, {255, "18ff"}, {256, "190100"}, {1000, "1903e8"}, {1000000, "1a000f4240"},
		{1000000000000, "1b000000e8d4a51000"}, {-1, "20"}, {-10, "29"}, {-100, "3863"}, {-1000, "3903e7"},
		{INT64_MIN, "3b7fffffffffffffff"}, {INT64_MAX, "1b7fffffffffffffff"}};
	struct buffer out = {0}, hex = {0};
	for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
		buffer_clear(&out);
		cbor_write_int(&out, integers[i].value);
		assert_true(span_equal(buffer_span(&out), from_hex(integers[i].hex, &hex)));
		struct cbor_reader in = cbor_reader_of(buffer_span(&out));
		assert_true(cbor_read_int(&in) == integers[i].value);
		assert_int_equal(cbor_end(&in), OK);
	}
	buffer_clear(&out);
	cbor_write_array(&out, 8);
	cbor_write_uint(&out, UINT64_MAX);
	cbor_write_bytes(&out, span_of("\1\2\3\4", 4));
	cbor_write_cstring(&out, "\xc3\xbc");
	cbor_write_map(&out, 2);
	cbor_write_int(&out, 1);
	cbor_write_bool(&out, true);
	cbor_write_cstring(&out, "a");
	cbor_write_null(&out);
	cbor_write_tag(&out, 18);
	cbor_write_bool(&out, false);
	cbor_write_bytes(&out, (struct span){0});
	cbor_write_array(&out, 0);
	cbor_write_map(&out, 0);
	assert_true(span_equal(buffer_span(&out), from_hex("881bffffffffffffffff440102030462c3bca201f56161f6d2f44080a0", &hex)));
	buffer_free(&out);
	buffer_free(&hex);
}

static void a_reader_gives_back_what_was_written(void **state)
{
	(void)state;
	struct buffer hex = {0};
	struct cbor_reader in = cbor_reader_of(from_hex("881bffffffffffffffff440102030462c3bca201f56161f6d2f44080a0", &hex));
	assert_int_equal(cbor_enter_array(&in, 8), 8);
	assert_int_equal(cbor_peek(&in), CBOR_UINT);
	assert_true(cbor_read_uint(&in) == UINT64_MAX);
	assert_int_equal(cbor_read_bytes(&in).size, 4);
	assert_true(span_is_text(cbor_read_text(&in), "\xc3\xbc"));
	assert_int_equal(cbor_enter_map(&in, 2), 2);
	assert_false(cbor_key_is(&in, 2));
	assert_true(cbor_key_is(&in, 1));
	assert_true(cbor_read_bool(&in));
	assert_false(cbor_key_is_text(&in, "b"));
	assert_true(cbor_key_is_text(&in, "a"));
	assert_true(cbor_read_null_if_present(&in));
	assert_int_equal(cbor_peek(&in), CBOR_END);
	cbor_leave(&in);
	assert_int_equal(cbor_read_tag(&in), 18);
	assert_false(cbor_read_null_if_present(&in));
	assert_false(cbor_read_bool(&in));
	assert_int_equal(cbor_read_item(&in).size, 1);
	assert_int_equal(cbor_enter_array(&in, 0), 0);
	cbor_leave(&in);
	assert_int_equal(cbor_enter_map(&in, 0), 0);
	cbor_leave(&in);
	cbor_leave(&in);
	assert_int_equal(cbor_end(&in), OK);
	buffer_free(&hex);
}

static void other_forms_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *hex;
		enum status status;
	} refused[] = {
		{"1817", E_NOT_CANONICAL}, {"1900ff", E_NOT_CANONICAL}, {"1a0000ffff", E_NOT_CANONICAL}, /* longer than needed */
		{"1b00000000ffffffff", E_NOT_CANONICAL}, {"3800", E_NOT_CANONICAL}, {"580141", E_NOT_CANONICAL},
		{"780161", E_NOT_CANONICAL}, {"980101", E_NOT_CANONICAL}, {"b8010101", E_NOT_CANONICAL}, {"d80101", E_NOT_CANONICAL},
		{"5f4101ff", E_NOT_CANONICAL}, {"7f6161ff", E_NOT_CANONICAL}, {"9f01ff", E_NOT_CANONICAL}, /* indefinite */
		{"bf0101ff", E_NOT_CANONICAL},
		{"a202010101", E_NOT_CANONICAL}, {"a26161012001", E_NOT_CANONICAL}, {"a220010101", E_NOT_CANONICAL}, /* out of order */
		{"a201010102", E_MALFORMED}, {"a2616101616101", E_MALFORMED}, /* twice */
		{"a1f501", E_MALFORMED}, {"a1f601", E_MALFORMED}, {"a1a001", E_MALFORMED}, {"a1c10101", E_MALFORMED}, /* odd keys */
		{"f93c00", E_MALFORMED}, {"fa3f800000", E_MALFORMED}, {"fb3ff0000000000000", E_MALFORMED}, /* floats */
		{"f7", E_MALFORMED}, {"f0", E_MALFORMED}, {"f8ff", E_MALFORMED}, {"f814", E_MALFORMED}, {"ff", E_MALFORMED}, /* simple */
		{"61ff", E_MALFORMED}, {"62c328", E_MALFORMED}, {"63eda080", E_MALFORMED}, {"62c080", E_MALFORMED}, /* UTF-8 */
		{"64f4908080", E_MALFORMED}, {"61c3", E_MALFORMED},
		{"", E_MALFORMED}, {"18", E_MALFORMED}, {"1c", E_MALFORMED}, {"41", E_MALFORMED}, {"8201", E_MALFORMED}, /* cut short */
		{"5bffffffffffffffff", E_MALFORMED}, {"9bffffffffffffffff", E_MALFORMED}, {"bbffffffffffffffff", E_MALFORMED},
		{"bb8000000000000000", E_MALFORMED}, {"d2", E_MALFORMED}, {"a101", E_MALFORMED}, {"c1", E_MALFORMED},
		{"8181818181818181818181818181818180", E_LIMIT}, /* 17 levels */
	};
	struct buffer hex = {0};
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		struct cbor_reader in = cbor_reader_of(from_hex(refused[i].hex, &hex));
		struct span item = cbor_read_item(&in);
		if (!in.failed || in.status != refused[i].status)
			fail_msg("%s: %s, %s", refused[i].hex, in.failed ? status_name(in.status) : "accepted", in.why);
		assert_int_equal(item.size, 0);
		assert_int_equal(cbor_end(&in), E_MALFORMED);
		assert_int_equal(cbor_peek(&in), CBOR_END);
	}
	struct cbor_reader in = cbor_reader_of(from_hex("81818181818181818181818181818180", &hex));
	assert_int_equal(cbor_read_item(&in).size, 16);
	in = cbor_reader_of(from_hex("a301012001616101", &hex));
	assert_int_equal(cbor_read_item(&in).size, 8);
	in = cbor_reader_of(from_hex("0000", &hex));
	cbor_read_uint(&in);
	assert_int_equal(cbor_end(&in), E_MALFORMED);
	buffer_free(&hex);
}

static void a_schema_mistake_in_the_input_is_a_failure(void **state)
{
	(void)state;
	struct buffer hex = {0};
	struct cbor_reader in = cbor_reader_of(from_hex("820102", &hex));
	assert_int_equal(cbor_enter_array(&in, 1), 0);
	assert_int_equal(in.status, E_LIMIT);
	in = cbor_reader_of(from_hex("820102", &hex));
	cbor_enter_array(&in, 2);
	cbor_read_uint(&in);
	cbor_leave(&in); /* one is left */
	assert_true(in.failed);
	in = cbor_reader_of(from_hex("810102", &hex));
	cbor_enter_array(&in, 2);
	cbor_read_uint(&in);
	cbor_read_uint(&in); /* beyond the array, though there are bytes */
	assert_true(in.failed);
	in = cbor_reader_of(from_hex("3bffffffffffffffff", &hex));
	cbor_read_int(&in);
	assert_int_equal(in.status, E_LIMIT);
	in = cbor_reader_of(from_hex("1b8000000000000000", &hex));
	cbor_read_int(&in);
	assert_int_equal(in.status, E_LIMIT);
	in = cbor_reader_of(from_hex("4101", &hex));
	cbor_read_digest(&in);
	assert_true(in.failed);
	in = cbor_reader_of(from_hex("01", &hex));
	cbor_read_key(&in);
	assert_true(in.failed);
	buffer_free(&hex);
}

/* Any bytes: a reader that accepts an item has consumed exactly its one encoding. */
static void random_bytes_have_one_form_or_none(void **state)
{
	(void)state;
	struct random random = random_of(11);
	size_t accepted = 0;
	for (int round = 0; round < 200000; round++) {
		uint8_t bytes[12];
		size_t size = 1 + random_below(&random, sizeof bytes);
		for (size_t i = 0; i < size; i++)
			bytes[i] = (uint8_t)(random_chance(&random, 0.5) ? random_below(&random, 4) + 0x20 * random_below(&random, 8) : random_next(&random));
		struct cbor_reader in = cbor_reader_of(span_of(bytes, size));
		struct span item = cbor_read_item(&in);
		accepted += item.size != 0;
		assert_true(in.failed == (item.size == 0));
		assert_true(in.failed || item.size + in.rest.size == size);
	}
	assert_true(accepted > 10000);
}

static void sig_structures_are_those_of_the_cose_examples(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		bool decodes, same;
	} examples[] = {
		{"sign-pass-01", false, false}, /* empty protected header as a map: we know one form only */
		{"sign-pass-02", true, false},  /* external data, which we never have */
		{"sign-pass-03", true, true},   /* comes without the tag; put before it here */
		{"sign-fail-01", false, false}, {"sign-fail-02", true, false}, {"sign-fail-03", true, false}, {"sign-fail-04", true, false},
		{"sign-fail-06", true, false}, {"sign-fail-07", true, false},
	};
	struct buffer bytes = {0}, expected = {0}, input = {0}, again = {0};
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		char name[100];
		snprintf(name, sizeof name, "cose/sign1-tests/%s.json", examples[i].name);
		yyjson_doc *document = shared_json(name);
		yyjson_val *root = yyjson_doc_get_root(document);
		json_hex(yyjson_obj_get(root, "output"), "cbor", &bytes);
		json_hex(yyjson_obj_get(root, "intermediates"), "ToBeSign_hex", &expected);
		struct cose_sign1 sign1;
		struct fault fault = {0};
		if (bytes.data[0] == 0x84) {
			assert_int_equal(cose_sign1_decode(buffer_span(&bytes), &sign1, &fault), E_MALFORMED);
			buffer_append_byte(&bytes, 0);
			memmove(bytes.data + 1, bytes.data, bytes.size - 1);
			bytes.data[0] = 0xd2;
		}
		assert_int_equal(cose_sign1_decode(buffer_span(&bytes), &sign1, &fault) == OK, examples[i].decodes);
		if (examples[i].decodes) {
			buffer_clear(&input);
			cose_sign1_input(sign1.protected, sign1.payload, &input);
			assert_int_equal(span_equal(buffer_span(&input), buffer_span(&expected)), examples[i].same);
			buffer_clear(&again);
			cose_sign1_encode(&sign1, &again);
			assert_true(span_equal(buffer_span(&again), buffer_span(&bytes)));
		}
		yyjson_doc_free(document);
	}
	buffer_free(&bytes);
	buffer_free(&expected);
	buffer_free(&input);
	buffer_free(&again);
}

/* The receipt of the fixed vectors (study `trust`, 2.6), put together from the parts of this
 * room: key id, protected header, Sig_structure, deterministic signature, whole bytes. */
static void the_fixed_receipt_comes_out(void **state)
{
	(void)state;
	struct signing_key *key = key_of(0);
	struct digest kid = key_thumbprint(signing_key_public(key));
	assert_digest(kid, "043f891cb4855f4d87e0c87bf1fe38174b540b8b84ae6b3d6c99600b963544a1");
	struct merkle_tree tree = {0};
	for (char i = '0'; i < '3'; i++) {
		char text[] = {'l', 'e', 'a', 'f', '-', i};
		struct digest leaf = merkle_leaf(span_of(text, sizeof text));
		merkle_tree_append(&tree, &leaf);
	}
	struct digest root = merkle_tree_root(&tree, 3);
	struct merkle_path path;
	assert_int_equal(merkle_tree_inclusion(&tree, 2, 3, &path), OK);

	struct buffer protected = {0}, input = {0}, proof = {0}, receipt = {0};
	cbor_write_map(&protected, 4);
	cbor_write_int(&protected, 1);
	cbor_write_int(&protected, COSE_ALG_ML_DSA_44);
	cbor_write_int(&protected, 4);
	cbor_write_digest(&protected, &kid);
	cbor_write_int(&protected, 15);
	cbor_write_map(&protected, 2);
	cbor_write_int(&protected, 1);
	cbor_write_cstring(&protected, "https://ledger.example.org");
	cbor_write_int(&protected, 2);
	cbor_write_cstring(&protected, "urn:epc:id:adi:W81X9C.3KL984PX1.2WMA52");
	cbor_write_int(&protected, 395);
	cbor_write_int(&protected, 1);
	cose_sign1_input(buffer_span(&protected), span_of(root.bytes, DIGEST_SIZE), &input);
	assert_int_equal(input.size, 164);
	assert_digest(sha256(buffer_span(&input)), "78faa68aac71ec5beebd2d4b7ad35d7aa0f80829e21dd542fa08d963fbec2dee");
	struct signature signature;
	assert_int_equal(signing_key_sign(key, buffer_span(&input), (struct span){0}, NULL, &signature), OK);
	assert_digest(sha256(span_of(signature.bytes, sizeof signature.bytes)),
		"0a84e26aea33287908e2993836b83feefac6dd5264d24b5d5ff1cc24eda2b7fc");

	cbor_write_array(&proof, 3);
	cbor_write_uint(&proof, 3);
	cbor_write_uint(&proof, 2);
	cbor_write_array(&proof, path.count);
	cbor_write_digest(&proof, &path.nodes[0]);
	cbor_write_tag(&receipt, 18);
	cbor_write_array(&receipt, 4);
	cbor_write_bytes(&receipt, buffer_span(&protected));
	cbor_write_map(&receipt, 1);
	cbor_write_int(&receipt, 396);
	cbor_write_map(&receipt, 1);
	cbor_write_int(&receipt, -1);
	cbor_write_array(&receipt, 1);
	cbor_write_bytes(&receipt, buffer_span(&proof));
	cbor_write_null(&receipt);
	cbor_write_bytes(&receipt, span_of(signature.bytes, sizeof signature.bytes));
	assert_int_equal(receipt.size, 2590);
	assert_digest(sha256(buffer_span(&receipt)), "6abd83e2a58e4af2f6c93197d56379861c83209965d8ef408960a8eaa0c05d5e");
	struct cbor_reader in = cbor_reader_of(buffer_span(&receipt));
	assert_int_equal(cbor_read_item(&in).size, receipt.size);
	merkle_tree_free(&tree);
	buffer_free(&protected);
	buffer_free(&input);
	buffer_free(&proof);
	buffer_free(&receipt);
	signing_key_free(key);
}

static struct statement a_statement(void)
{
	return (struct statement){.type = STATEMENT_BOUNDS, .seq = 2, .prev = {{1, 2, 3}}, .parents = {{{4}}, {{5}}}, .parent_count = 2,
		.network = "sixteen bytes id", .class = CLASS_CONSORTIUM, .iss = span_of_text("org:manufacturer"),
		.sub = span_of_text("dev:manufacturer/spindle-1"), .iat = 1767225600, .body = span_of("\xa1\x01\x01", 3)};
}

static void a_statement_comes_back_as_signed(void **state)
{
	(void)state;
	struct signing_key *key = key_of(1), *other = key_of(2);
	struct verifying_key *verifier = verifying_key_new(signing_key_public(key));
	struct verifying_key *stranger = verifying_key_new(signing_key_public(other));
	struct statement sent = a_statement(), got;
	struct buffer bytes = {0};
	struct digest id;
	struct fault fault = {0};
	assert_int_equal(statement_sign(&sent, key, NULL, &bytes, &id), OK);
	assert_int_equal(statement_decode(buffer_span(&bytes), &got, &fault), OK);
	struct digest expected = sha256(buffer_span(&bytes));
	assert_true(digest_equal(&id, &expected));
	assert_true(digest_equal(&got.id, &expected));
	assert_int_equal(got.type, sent.type);
	assert_true(got.seq == sent.seq);
	assert_true(digest_equal(&got.prev, &sent.prev));
	assert_int_equal(got.parent_count, 2);
	assert_memory_equal(got.parents, sent.parents, 2 * sizeof *got.parents);
	assert_memory_equal(got.network, sent.network, NETWORK_ID_SIZE);
	assert_int_equal(got.class, sent.class);
	assert_true(digest_equal(&got.kid, &sent.kid));
	assert_true(span_equal(got.iss, sent.iss));
	assert_true(span_equal(got.sub, sent.sub));
	assert_true(got.iat == sent.iat);
	assert_true(span_equal(got.body, sent.body));
	assert_int_equal(statement_verify(&got, verifier), OK);
	assert_int_equal(statement_verify(&got, stranger), E_SIGNATURE);
	/* A kid that is not the key's, though the signature holds. */
	got.kid.bytes[0] ^= 1;
	assert_int_equal(statement_verify(&got, verifier), E_SIGNATURE);
	assert_int_equal(statement_signature_verify(&got, verifier), OK);
	assert_int_equal(statement_signature_verify(&got, stranger), E_SIGNATURE);
	/* A copy needs nothing of what it was made from. */
	struct statement *copy = statement_copy(&got, buffer_span(&bytes));
	memset(bytes.data, 0, bytes.size);
	assert_true(span_equal(copy->iss, sent.iss));
	assert_true(span_equal(copy->sub, sent.sub));
	assert_true(span_equal(copy->body, sent.body));
	assert_int_equal(statement_signature_verify(copy, verifier), OK);
	free(copy);
	buffer_free(&bytes);
	verifying_key_free(verifier);
	verifying_key_free(stranger);
	signing_key_free(key);
	signing_key_free(other);
}

static void every_changed_byte_of_a_statement_is_noticed(void **state)
{
	(void)state;
	struct signing_key *key = key_of(1);
	struct verifying_key *verifier = verifying_key_new(signing_key_public(key));
	struct statement sent = a_statement(), got;
	struct buffer bytes = {0};
	struct digest id;
	assert_int_equal(statement_sign(&sent, key, NULL, &bytes, &id), OK);
	struct random random = random_of(5);
	for (size_t i = 0; i < bytes.size; i++) {
		bool in_signature = i + ML_DSA_44_SIGNATURE >= bytes.size;
		for (int round = 0; round < (in_signature ? 1 : 20); round++) {
			uint8_t change = (uint8_t)(1 + random_below(&random, 255));
			bytes.data[i] ^= change;
			struct fault fault = {0};
			enum status status = statement_decode(buffer_span(&bytes), &got, &fault);
			assert_true(status == OK || fault.text[0]);
			if (status == OK && statement_verify(&got, verifier) == OK)
				fail_msg("byte %zu xor %02x is not noticed", i, change);
			bytes.data[i] ^= change;
		}
	}
	for (size_t size = 0; size < bytes.size; size += 1 + size / 16)
		assert_int_not_equal(statement_decode(span_of(bytes.data, size), &got, NULL), OK);
	buffer_append_byte(&bytes, 0);
	assert_int_equal(statement_decode(buffer_span(&bytes), &got, NULL), E_MALFORMED);
	buffer_free(&bytes);
	verifying_key_free(verifier);
	signing_key_free(key);
}

static void what_would_be_refused_is_not_signed(void **state)
{
	(void)state;
	struct signing_key *key = key_of(1);
	static uint8_t large[STATEMENT_SIZE_MAX];
	static char name[STATEMENT_NAME_MAX + 1];
	memset(name, 'n', sizeof name);
	enum { CASES = 10 };
	struct statement cases[CASES];
	for (size_t i = 0; i < CASES; i++)
		cases[i] = a_statement();
	cases[0].body = span_of(large, sizeof large);
	cases[1].iss = span_of(name, sizeof name);
	cases[2].sub = span_of(name, sizeof name);
	cases[3].iss = span_of_text("");
	cases[4].iss = span_of_text("org:a\nb");
	cases[5].seq = 0;
	cases[6].seq = 1; /* with a previous id */
	cases[7].prev = (struct digest){0}; /* without one */
	cases[8].iat = -1;
	cases[9].class = 4;
	struct buffer bytes = {0};
	struct digest id;
	for (size_t i = 0; i < CASES; i++) {
		assert_int_equal(statement_sign(&cases[i], key, NULL, &bytes, &id), i < 3 ? E_LIMIT : E_MALFORMED);
		assert_int_equal(bytes.size, 0);
	}
	struct statement fits = a_statement();
	fits.body = span_of(large, sizeof large - 3100);
	fits.iss = fits.sub = span_of(name, STATEMENT_NAME_MAX);
	fits.seq = 1;
	fits.prev = (struct digest){0};
	assert_int_equal(statement_sign(&fits, key, NULL, &bytes, &id), OK);
	buffer_free(&bytes);
	signing_key_free(key);
}

/* A statement that is signed, but in another form. */
static void signed_but_foreign_forms_are_refused(void **state)
{
	(void)state;
	struct signing_key *key = key_of(1);
	struct statement sent = a_statement(), got;
	struct buffer bytes = {0}, changed = {0};
	struct digest id;
	struct cose_sign1 sign1;
	assert_int_equal(statement_sign(&sent, key, NULL, &bytes, &id), OK);
	assert_int_equal(cose_sign1_decode(buffer_span(&bytes), &sign1, NULL), OK);

	struct cose_sign1 other = sign1;
	other.unprotected = span_of("\xa1\x01\x01", 3);
	cose_sign1_encode(&other, &changed);
	assert_int_equal(statement_decode(buffer_span(&changed), &got, NULL), E_MALFORMED);

	struct buffer protected = {0};
	buffer_append_span(&protected, sign1.protected);
	buffer_append_byte(&protected, 0);
	other = sign1;
	other.protected = buffer_span(&protected);
	buffer_clear(&changed);
	cose_sign1_encode(&other, &changed);
	assert_int_equal(statement_decode(buffer_span(&changed), &got, NULL), E_MALFORMED);

	protected.size--;
	protected.data[2] = 0x30; /* alg -49, ML-DSA-65 */
	protected.data[3] = 0x31;
	buffer_clear(&changed);
	cose_sign1_encode(&other, &changed);
	assert_int_not_equal(statement_decode(buffer_span(&changed), &got, NULL), OK);

	other = sign1;
	other.signature.size--;
	buffer_clear(&changed);
	cose_sign1_encode(&other, &changed);
	assert_int_equal(statement_decode(buffer_span(&changed), &got, NULL), E_MALFORMED);
	buffer_free(&bytes);
	buffer_free(&changed);
	buffer_free(&protected);
	signing_key_free(key);
}

static void types_have_names(void **state)
{
	(void)state;
	assert_string_equal(statement_type_name(STATEMENT_DEVICE_STATE), "device_state");
	assert_string_equal(statement_type_name(3), "unknown");
	assert_string_equal(statement_type_name(0), "unknown");
	assert_string_equal(statement_type_name(4000000), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_items_are_those_of_the_rfc),
		cmocka_unit_test(a_reader_gives_back_what_was_written),
		cmocka_unit_test(other_forms_are_refused),
		cmocka_unit_test(a_schema_mistake_in_the_input_is_a_failure),
		cmocka_unit_test(random_bytes_have_one_form_or_none),
		cmocka_unit_test(sig_structures_are_those_of_the_cose_examples),
		cmocka_unit_test(the_fixed_receipt_comes_out),
		cmocka_unit_test(a_statement_comes_back_as_signed),
		cmocka_unit_test(every_changed_byte_of_a_statement_is_noticed),
		cmocka_unit_test(what_would_be_refused_is_not_signed),
		cmocka_unit_test(signed_but_foreign_forms_are_refused),
		cmocka_unit_test(types_have_names),
	};
	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
