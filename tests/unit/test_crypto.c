#include "base/random.h"
#include "crypto/hash.h"
#include "crypto/verifier.h"

#include "shared_vectors.h"

static void assert_hex(struct span bytes, const char *expected)
{
	char *text = memory_new(2 * bytes.size + 1);
	span_hex(bytes, text);
	assert_string_equal(text, expected);
	free(text);
}

static void assert_digest(struct digest digest, const char *expected)
{
	assert_hex(span_of(digest.bytes, DIGEST_SIZE), expected);
}

/* The seed 00 01 ... 1f of the fixed vectors. */
static struct signing_key *key_of_counting_seed(void)
{
	uint8_t seed[ML_DSA_44_SEED];
	for (size_t i = 0; i < sizeof seed; i++)
		seed[i] = (uint8_t)i;
	struct signing_key *key = NULL;
	assert_int_equal(signing_key_from_seed(seed, &key), OK);
	return key;
}

static void sha256_knows_its_examples(void **state)
{
	(void)state;
	assert_digest(sha256((struct span){0}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_digest(sha256(span_of_text("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	struct span parts[] = {span_of_text("a"), {0}, span_of_text("bc")};
	assert_digest(sha256_parts(parts, 3), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void hmac_agrees_with_wycheproof(void **state)
{
	(void)state;
	yyjson_doc *document = shared_json("wycheproof/hmac_sha256_test.json");
	struct buffer key = {0}, message = {0}, tag = {0};
	size_t done = 0, i, j, groups, tests;
	yyjson_val *group, *test;
	yyjson_arr_foreach(yyjson_obj_get(yyjson_doc_get_root(document), "testGroups"), i, groups, group) {
		yyjson_arr_foreach(yyjson_obj_get(group, "tests"), j, tests, test) {
			struct mac_key *mac = mac_key_new(json_hex(test, "key", &key));
			struct span text = json_hex(test, "msg", &message);
			struct span expected = json_hex(test, "tag", &tag);
			struct span halves[] = {span_of(text.data, text.size / 2),
				span_of(text.data + text.size / 2, text.size - text.size / 2)};
			struct digest computed = mac_key_tag(mac, halves, 2);
			bool equal = equal_in_constant_time(span_of(computed.bytes, expected.size), expected);
			assert_int_equal(equal, strcmp(json_text(test, "result"), "valid") == 0);
			mac_key_free(mac);
			done++;
		}
	}
	assert_int_equal(done, yyjson_get_int(yyjson_obj_get(yyjson_doc_get_root(document), "numberOfTests")));
	buffer_free(&key);
	buffer_free(&message);
	buffer_free(&tag);
	yyjson_doc_free(document);
}

static void hkdf_agrees_with_wycheproof(void **state)
{
	(void)state;
	yyjson_doc *document = shared_json("wycheproof/hkdf_sha256_test.json");
	struct buffer material = {0}, salt = {0}, info = {0}, expected = {0};
	static uint8_t out[255 * DIGEST_SIZE];
	size_t valid = 0, too_long = 0, i, j, groups, tests;
	yyjson_val *group, *test;
	yyjson_arr_foreach(yyjson_obj_get(yyjson_doc_get_root(document), "testGroups"), i, groups, group) {
		yyjson_arr_foreach(yyjson_obj_get(group, "tests"), j, tests, test) {
			size_t size = (size_t)yyjson_get_int(yyjson_obj_get(test, "size"));
			if (strcmp(json_text(test, "result"), "valid") != 0) {
				/* A caller's mistake here (a CHECK), not an answer. */
				assert_true(size > sizeof out);
				too_long++;
				continue;
			}
			hkdf_sha256(json_hex(test, "ikm", &material), json_hex(test, "salt", &salt), json_hex(test, "info", &info), out, size);
			assert_true(span_equal(span_of(out, size), json_hex(test, "okm", &expected)));
			valid++;
		}
	}
	assert_int_equal(valid + too_long, yyjson_get_int(yyjson_obj_get(yyjson_doc_get_root(document), "numberOfTests")));
	assert_true(valid > 70);
	buffer_free(&material);
	buffer_free(&salt);
	buffer_free(&info);
	buffer_free(&expected);
	yyjson_doc_free(document);
}

static enum status verify_raw(struct span public, struct span message, struct span context, struct span signature)
{
	struct public_key key;
	if (public.size != sizeof key.bytes)
		return E_SIGNATURE; /* does not fit the type: nobody can pass it */
	memcpy(key.bytes, public.data, sizeof key.bytes);
	struct verifying_key *verifier = verifying_key_new(&key);
	struct openssl_verifier *openssl = openssl_verifier_new(&key);
	struct botan_verifier *botan = botan_verifier_new(&key);
	assert_true(verifier && openssl && botan);
	enum status status = verifying_key_verify(verifier, message, context, signature);
	assert_int_equal(openssl_verifier_check(openssl, message, context, signature), status);
	/* What was signed under a context does not hold without one. */
	assert_int_equal(botan_verifier_check(botan, message, signature), context.size ? E_SIGNATURE : status);
	verifying_key_free(verifier);
	openssl_verifier_free(openssl);
	botan_verifier_free(botan);
	return status;
}

static void verification_agrees_with_wycheproof(void **state)
{
	(void)state;
	yyjson_doc *document = shared_json("wycheproof/mldsa_44_verify_test.json");
	struct buffer public = {0}, message = {0}, context = {0}, signature = {0};
	size_t done = 0, i, j, groups, tests;
	yyjson_val *group, *test;
	yyjson_arr_foreach(yyjson_obj_get(yyjson_doc_get_root(document), "testGroups"), i, groups, group) {
		yyjson_arr_foreach(yyjson_obj_get(group, "tests"), j, tests, test) {
			enum status status = verify_raw(json_hex(group, "publicKey", &public), json_hex(test, "msg", &message),
				json_hex(test, "ctx", &context), json_hex(test, "sig", &signature));
			bool valid = strcmp(json_text(test, "result"), "valid") == 0;
			if ((status == OK) != valid)
				fail_msg("test %d, %s", (int)yyjson_get_int(yyjson_obj_get(test, "tcId")), json_text(test, "comment"));
			done++;
		}
	}
	assert_int_equal(done, 180);
	buffer_free(&public);
	buffer_free(&message);
	buffer_free(&context);
	buffer_free(&signature);
	yyjson_doc_free(document);
}

static void sign_one(const struct signing_key *key, yyjson_val *test, struct buffer buffers[4])
{
	struct span context = json_hex(test, "ctx", &buffers[0]);
	struct span message = json_hex(test, "msg", &buffers[1]);
	struct span randomness = json_hex(test, "rnd", &buffers[2]);
	struct span expected = json_hex(test, "sig", &buffers[3]);
	struct signature signature;
	enum status status = signing_key_sign(key, message, context, randomness.size ? randomness.data : NULL, &signature);
	if (strcmp(json_text(test, "result"), "valid") != 0) {
		assert_int_equal(status, E_LIMIT);
		return;
	}
	assert_int_equal(status, OK);
	assert_true(span_equal(span_of(signature.bytes, sizeof signature.bytes), expected));
}

static void signing_agrees_with_wycheproof(void **state)
{
	(void)state;
	yyjson_doc *document = shared_json("wycheproof/mldsa_44_sign_seed_test.json");
	struct buffer seed = {0}, public = {0}, buffers[4] = {{0}};
	size_t done = 0, prehashed = 0, impossible = 0, i, j, groups, tests;
	yyjson_val *group, *test;
	yyjson_arr_foreach(yyjson_obj_get(yyjson_doc_get_root(document), "testGroups"), i, groups, group) {
		struct signing_key *key = NULL;
		if (json_hex(group, "privateSeed", &seed).size == ML_DSA_44_SEED) {
			assert_int_equal(signing_key_from_seed(seed.data, &key), OK);
			assert_true(span_equal(span_of(signing_key_public(key)->bytes, ML_DSA_44_PUBLIC),
				json_hex(group, "publicKey", &public)));
			assert_memory_equal(signing_key_seed(key), seed.data, ML_DSA_44_SEED);
		}
		yyjson_arr_foreach(yyjson_obj_get(group, "tests"), j, tests, test) {
			if (!key)
				impossible++; /* a seed of another length does not fit the type */
			else if (!yyjson_obj_get(test, "msg"))
				prehashed++; /* begins at mu, inside the algorithm */
			else {
				sign_one(key, test, buffers);
				done++;
			}
		}
		signing_key_free(key);
	}
	assert_int_equal(done, 75);
	assert_int_equal(prehashed, 8);
	assert_int_equal(impossible, 3);
	buffer_free(&seed);
	buffer_free(&public);
	for (size_t k = 0; k < 4; k++)
		buffer_free(&buffers[k]);
	yyjson_doc_free(document);
}

static void the_counting_seed_gives_the_known_key(void **state)
{
	(void)state;
	struct signing_key *key = key_of_counting_seed();
	assert_digest(sha256(span_of(signing_key_public(key)->bytes, ML_DSA_44_PUBLIC)),
		"9f107644c1084526af3bc8098680b05499a2325a644e388fb4f970e058d19d46");
	signing_key_free(key);
}

static void a_changed_bit_breaks_a_signature(void **state)
{
	(void)state;
	struct signing_key *key = NULL;
	assert_int_equal(signing_key_generate(&key), OK);
	struct verifying_key *verifier = verifying_key_new(signing_key_public(key));
	struct span message = span_of_text("spindle 1, bearing 2"), context = span_of_text("role");
	uint8_t randomness[32] = {7};
	struct signature fixed, hedged;
	assert_int_equal(signing_key_sign(key, message, context, NULL, &fixed), OK);
	assert_int_equal(signing_key_sign(key, message, context, randomness, &hedged), OK);
	assert_memory_not_equal(fixed.bytes, hedged.bytes, sizeof fixed.bytes);
	struct span signature = span_of(hedged.bytes, sizeof hedged.bytes);
	assert_int_equal(verifying_key_verify(verifier, message, context, signature), OK);
	assert_int_equal(verifying_key_verify(verifier, message, (struct span){0}, signature), E_SIGNATURE);
	assert_int_equal(verifying_key_verify(verifier, span_of_text("spindle 1, bearing 3"), context, signature), E_SIGNATURE);
	assert_int_equal(verifying_key_verify(verifier, message, context, span_of(hedged.bytes, sizeof hedged.bytes - 1)), E_SIGNATURE);
	struct random random = random_of(3);
	for (int round = 0; round < 200; round++) {
		uint64_t bit = random_below(&random, 8 * sizeof hedged.bytes);
		hedged.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(verifying_key_verify(verifier, message, context, signature), E_SIGNATURE);
		hedged.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	verifying_key_free(verifier);
	signing_key_free(key);
}

static void generated_keys_differ(void **state)
{
	(void)state;
	struct signing_key *a = NULL, *b = NULL;
	assert_int_equal(signing_key_generate(&a), OK);
	assert_int_equal(signing_key_generate(&b), OK);
	assert_memory_not_equal(signing_key_seed(a), signing_key_seed(b), ML_DSA_44_SEED);
	signing_key_free(a);
	signing_key_free(b);
	signing_key_free(NULL);
	verifying_key_free(NULL);
	mac_key_free(NULL);
}

static void comparison_sees_every_difference(void **state)
{
	(void)state;
	uint8_t a[40] = {0}, b[40] = {0};
	assert_true(equal_in_constant_time(span_of(a, 40), span_of(b, 40)));
	assert_false(equal_in_constant_time(span_of(a, 40), span_of(b, 39)));
	assert_true(equal_in_constant_time((struct span){0}, (struct span){0}));
	for (size_t i = 0; i < 40; i++) {
		b[i] = 1;
		assert_false(equal_in_constant_time(span_of(a, 40), span_of(b, 40)));
		b[i] = 0;
	}
	memset(a, 9, sizeof a);
	wipe(a, sizeof a);
	assert_memory_equal(a, b, sizeof a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_knows_its_examples),
		cmocka_unit_test(hmac_agrees_with_wycheproof),
		cmocka_unit_test(hkdf_agrees_with_wycheproof),
		cmocka_unit_test(verification_agrees_with_wycheproof),
		cmocka_unit_test(signing_agrees_with_wycheproof),
		cmocka_unit_test(the_counting_seed_gives_the_known_key),
		cmocka_unit_test(a_changed_bit_breaks_a_signature),
		cmocka_unit_test(generated_keys_differ),
		cmocka_unit_test(comparison_sees_every_difference),
	};
	return cmocka_run_group_tests_name("crypto", tests, NULL, NULL);
}
