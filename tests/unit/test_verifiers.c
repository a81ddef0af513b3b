/* Do Botan and OpenSSL judge alike? Every signature here is shown to both, and both must say what FIPS 204 says. */
#include "weak_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct pair {
	struct botan_verifier *botan;
	struct openssl_verifier *openssl;
};

static struct pair pair_of(const struct public_key *key)
{
	struct pair pair = {.botan = botan_verifier_new(key), .openssl = openssl_verifier_new(key)};
	assert_non_null(pair.botan);
	assert_non_null(pair.openssl);
	return pair;
}

static void pair_free(struct pair *pair)
{
	botan_verifier_free(pair->botan);
	openssl_verifier_free(pair->openssl);
}

/* What both say. */
static enum status judge(struct pair *pair, struct span message, struct span signature)
{
	enum status botan = botan_verifier_check(pair->botan, message, signature);
	enum status openssl = openssl_verifier_check(pair->openssl, message, (struct span){0}, signature);
	assert_int_equal(botan, openssl);
	return botan;
}

static struct span signature_span(const struct signature *signature)
{
	return span_of(signature->bytes, ML_DSA_44_SIGNATURE);
}

static struct signing_key *key_of(uint8_t number)
{
	uint8_t seed[ML_DSA_44_SEED] = {number, 't', 'w', 'o'};
	struct signing_key *key = NULL;
	assert_int_equal(signing_key_from_seed(seed, &key), OK);
	return key;
}

static void sign(const struct signing_key *key, struct span message, struct signature *out)
{
	assert_int_equal(signing_key_sign(key, message, (struct span){0}, NULL, out), OK);
}

/* -- signatures of an honest signer ----------------------------------------------------------------------- */

static void every_changed_byte_is_seen(void **state)
{
	(void)state;
	struct signing_key *key = key_of(1);
	struct pair pair = pair_of(signing_key_public(key));
	struct span message = span_of_text("spindle 1, bearing 2");
	struct signature good, changed;
	sign(key, message, &good);
	for (size_t i = 0; i < sizeof good.bytes; i++) {
		const uint8_t masks[] = {(uint8_t)(1u << i % 8), 0xff};
		for (size_t k = 0; k < 2; k++) {
			changed = good;
			changed.bytes[i] ^= masks[k];
			assert_int_equal(judge(&pair, message, signature_span(&changed)), E_SIGNATURE);
		}
	}
	assert_int_equal(judge(&pair, message, signature_span(&good)), OK);
	pair_free(&pair);
	signing_key_free(key);
}

static void every_changed_byte_of_a_key_is_seen(void **state)
{
	(void)state;
	struct signing_key *key = key_of(2);
	struct public_key public = *signing_key_public(key);
	struct span message = span_of_text("spindle 2");
	struct signature good;
	sign(key, message, &good);
	for (size_t i = 0; i < sizeof public.bytes; i++) {
		public.bytes[i] ^= (uint8_t)(1u << i % 8);
		struct pair pair = pair_of(&public);
		assert_int_equal(judge(&pair, message, signature_span(&good)), E_SIGNATURE);
		pair_free(&pair);
		public.bytes[i] ^= (uint8_t)(1u << i % 8);
	}
	signing_key_free(key);
}

/* A key that said no, or that was shown something of another length, is as good as before: nothing of that message stays. */
static void lengths_are_exact_and_leave_nothing(void **state)
{
	(void)state;
	struct signing_key *key = key_of(3), *other = key_of(4);
	struct pair pair = pair_of(signing_key_public(key)), others = pair_of(signing_key_public(other));
	struct buffer message = {0};
	uint8_t longer[ML_DSA_44_SIGNATURE + 1] = {0};
	/* Around the 136 bytes that SHAKE256 takes at a time, less the 66 before a message. */
	for (size_t size = 0; size <= 300; size++) {
		struct span text = buffer_span(&message);
		struct signature good;
		sign(key, text, &good);
		memcpy(longer, good.bytes, sizeof good.bytes);
		assert_int_equal(judge(&pair, text, span_of(longer, sizeof longer)), E_SIGNATURE);
		assert_int_equal(judge(&pair, text, span_of(longer, size % ML_DSA_44_SIGNATURE)), E_SIGNATURE);
		assert_int_equal(judge(&pair, text, span_of(longer, ML_DSA_44_SIGNATURE - 1)), E_SIGNATURE);
		assert_int_equal(judge(&pair, text, (struct span){0}), E_SIGNATURE);
		assert_int_equal(judge(&pair, text, signature_span(&good)), OK);
		assert_int_equal(judge(&others, text, signature_span(&good)), E_SIGNATURE);
		buffer_append_byte(&message, (uint8_t)(size * 7));
		assert_int_equal(judge(&pair, buffer_span(&message), signature_span(&good)), E_SIGNATURE);
	}
	buffer_clear(&message);
	for (size_t i = 0; i < 1 << 18; i++)
		buffer_append(&message, &i, 4);
	struct signature good;
	sign(key, buffer_span(&message), &good);
	assert_int_equal(judge(&pair, buffer_span(&message), signature_span(&good)), OK);
	message.data[message.size / 2] ^= 1;
	assert_int_equal(judge(&pair, buffer_span(&message), signature_span(&good)), E_SIGNATURE);
	buffer_free(&message);
	pair_free(&pair);
	pair_free(&others);
	signing_key_free(key);
	signing_key_free(other);
}

/* A context is part of what is signed: with one, or without, another signature holds. */
static void contexts_are_told_apart(void **state)
{
	(void)state;
	struct signing_key *key = key_of(5);
	struct verifying_key *verifier = verifying_key_new(signing_key_public(key));
	struct span message = span_of_text("round 7"), context = span_of_text("block");
	uint8_t long_context[256] = {0};
	struct signature plain, under;
	sign(key, message, &plain);
	assert_int_equal(signing_key_sign(key, message, context, NULL, &under), OK);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(verifying_key_verify(verifier, message, (struct span){0}, signature_span(&plain)), OK);
		assert_int_equal(verifying_key_verify(verifier, message, context, signature_span(&plain)), E_SIGNATURE);
		assert_int_equal(verifying_key_verify(verifier, message, (struct span){0}, signature_span(&under)), E_SIGNATURE);
		assert_int_equal(verifying_key_verify(verifier, message, context, signature_span(&under)), OK);
		assert_int_equal(verifying_key_verify(verifier, message, span_of_text("blocks"), signature_span(&under)), E_SIGNATURE);
		assert_int_equal(verifying_key_verify(verifier, message, span_of(long_context, 256), signature_span(&under)), E_SIGNATURE);
	}
	verifying_key_free(verifier);
	signing_key_free(key);
}

/* -- signatures at the bounds ------------------------------------------------------------------------------- */

struct weak {
	struct random random;
	struct weak_key key;
	struct pair pair;
	struct weak_vector z;
	uint8_t hint[WEAK_HINT];
	struct signature signature;
};

static struct weak *weak_new(uint64_t seed, const struct weak_vector *t1)
{
	static const struct weak_vector none;
	struct weak *weak = memory_new(sizeof *weak);
	uint8_t rho[WEAK_RHO] = {(uint8_t)seed};
	weak->random = random_of(seed);
	weak_key_make(&weak->key, rho, t1 ? t1 : &none);
	weak->pair = pair_of(&weak->key.public);
	weak_z_random(&weak->random, &weak->z);
	return weak;
}

static void weak_free(struct weak *weak)
{
	pair_free(&weak->pair);
	free(weak);
}

/* Sign with this z and hint; do both say what the rules say? Returns it. */
static bool weak_judge(struct weak *weak)
{
	struct span message = span_of_text("anybody can say this");
	uint8_t hint[WEAK_HINT];
	memcpy(hint, weak->hint, sizeof hint);
	assert_true(weak_sign(&weak->key, message, &weak->z, hint, &weak->signature));
	bool good = weak_z_is_good(&weak->z) && weak_hint_is_good(hint);
	assert_int_equal(judge(&weak->pair, message, signature_span(&weak->signature)), good ? OK : E_SIGNATURE);
	/* Nor does a good one hold for another message. */
	assert_int_equal(judge(&weak->pair, span_of_text("nor this"), signature_span(&weak->signature)), E_SIGNATURE);
	return good;
}

static void z_has_its_bound(void **state)
{
	(void)state;
	enum { GREATEST = WEAK_GAMMA1 - WEAK_BETA - 1 };
	static const struct {
		int32_t value;
		bool good;
	} cases[] = {{GREATEST - 1, true}, {GREATEST, true}, {GREATEST + 1, false}, {GREATEST + 2, false}, {WEAK_GAMMA1 - 1, false},
		{WEAK_GAMMA1, false}, {-GREATEST + 1, true}, {-GREATEST, true}, {-GREATEST - 1, false}, {-GREATEST - 2, false},
		{1 - WEAK_GAMMA1, false}, {0, true}, {-1, true}};
	struct weak *weak = weak_new(1, NULL);
	for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
		for (int at = 0; at < WEAK_SIDE * WEAK_DEGREE; at += at % WEAK_DEGREE == 0 ? 1 : 127) {
			int32_t *one = &weak->z.row[at / WEAK_DEGREE][at % WEAK_DEGREE], before = *one;
			*one = cases[c].value;
			assert_int_equal(weak_judge(weak), cases[c].good);
			*one = before;
		}
		struct weak_vector before = weak->z;
		for (int at = 0; at < WEAK_SIDE * WEAK_DEGREE; at++)
			weak->z.row[at / WEAK_DEGREE][at % WEAK_DEGREE] = cases[c].value;
		assert_int_equal(weak_judge(weak), cases[c].good);
		weak->z = before;
	}
	/* All at the bound, in either sign. */
	for (int turn = 0; turn < 20; turn++) {
		for (int at = 0; at < WEAK_SIDE * WEAK_DEGREE; at++)
			weak->z.row[at / WEAK_DEGREE][at % WEAK_DEGREE] = random_chance(&weak->random, 0.5) ? GREATEST : -GREATEST;
		assert_true(weak_judge(weak));
	}
	weak_free(weak);
}

/* Positions, then where each of the four rows ends. */
static void hint_of(uint8_t hint[WEAK_HINT], const char *positions, int a, int b, int c, int d)
{
	memset(hint, 0, WEAK_HINT);
	for (size_t i = 0; positions[i]; i++)
		hint[i] = (uint8_t)positions[i];
	const int ends[] = {a, b, c, d};
	for (int i = 0; i < WEAK_SIDE; i++)
		hint[WEAK_OMEGA + i] = (uint8_t)ends[i];
}

static void hints_have_one_form(void **state)
{
	(void)state;
	static const struct {
		const char *positions;
		int ends[WEAK_SIDE];
		bool good;
	} cases[] = {
		{"", {0, 0, 0, 0}, true},
		{"a", {1, 1, 1, 1}, true},
		{"a", {0, 0, 0, 1}, true},
		{"ab", {2, 2, 2, 2}, true},
		{"ba", {1, 2, 2, 2}, true},    /* of two rows */
		{"aa", {1, 2, 2, 2}, true},
		{"abcd", {1, 2, 3, 4}, true},
		{"\x01\xff", {2, 2, 2, 2}, true},
		{"ba", {2, 2, 2, 2}, false},   /* falls */
		{"aa", {2, 2, 2, 2}, false},   /* the same twice */
		{"aba", {3, 3, 3, 3}, false},
		{"abb", {0, 0, 0, 3}, false},
		{"a", {0, 0, 0, 0}, false},    /* more than is said */
		{"ab", {1, 1, 1, 1}, false},
		{"ab", {2, 1, 1, 1}, false},   /* ends fall */
		{"ab", {1, 0, 1, 2}, false},
		{"ab", {2, 2, 2, 0}, false},
		{"ab", {2, 2, 81, 81}, false}, /* more than omega */
		{"ab", {81, 2, 2, 2}, false},
		{"ab", {2, 2, 2, 255}, false},
		{"ab", {255, 255, 255, 255}, false},
		{"", {80, 80, 80, 80}, false}, /* 0, eighty times */
	};
	struct weak *weak = weak_new(2, NULL);
	for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
		hint_of(weak->hint, cases[c].positions, cases[c].ends[0], cases[c].ends[1], cases[c].ends[2], cases[c].ends[3]);
		assert_int_equal(weak_judge(weak), cases[c].good);
	}
	/* Each byte behind the last hint, and each number of hints. */
	for (int count = 0; count <= WEAK_OMEGA; count++) {
		weak_hint_random(&weak->random, count, weak->hint);
		assert_true(weak_judge(weak));
		for (int at = count; at < WEAK_OMEGA; at += 1 + count % 5) {
			weak->hint[at] = (uint8_t)(at % 7 + 1);
			assert_false(weak_judge(weak));
			weak->hint[at] = 0;
		}
	}
	/* All eighty in one row, in each. */
	for (int row = 0; row < WEAK_SIDE; row++) {
		for (int i = 0; i < WEAK_OMEGA; i++)
			weak->hint[i] = (uint8_t)(3 * i);
		for (int i = 0; i < WEAK_SIDE; i++)
			weak->hint[WEAK_OMEGA + i] = i < row ? 0 : WEAK_OMEGA;
		assert_true(weak_judge(weak));
		weak->hint[40] = weak->hint[39];
		assert_false(weak_judge(weak));
	}
	weak_free(weak);
}

/* One byte of a good hint is made any other one. */
static void changed_hints_are_judged_alike(void **state)
{
	(void)state;
	size_t good = 0;
	struct weak *weak = weak_new(3, NULL);
	for (int count = 2; count <= WEAK_OMEGA; count += 26) {
		weak_hint_random(&weak->random, count, weak->hint);
		for (int at = 0; at < WEAK_HINT; at++)
			for (int step = 1; step < 256; step += 1 + (int)random_below(&weak->random, 60)) {
				uint8_t before = weak->hint[at];
				weak->hint[at] = (uint8_t)(before + step);
				good += weak_judge(weak);
				weak->hint[at] = before;
			}
	}
	assert_true(good > 10);
	weak_free(weak);
}

/* Where the low part is 0, its greatest, its least, or where the high part wraps round: with a hint and without. */
static void corners_of_rounding_are_judged_alike(void **state)
{
	(void)state;
	size_t zero = 0, greatest = 0, least = 0, wraps = 0, borders = 0;
	struct weak *weak = weak_new(4, NULL);
	struct weak_vector product;
	for (int turn = 0; turn < 4000 && (!zero || !greatest || !least || !wraps || !borders); turn++) {
		weak_z_random(&weak->random, &weak->z);
		weak_product(&weak->key, &weak->z, &product);
		bool chosen[WEAK_SIDE][WEAK_DEGREE] = {{0}};
		size_t found = 0;
		for (int i = 0; i < WEAK_SIDE * WEAK_DEGREE && found < 10; i++) {
			int32_t low, value = product.row[i / WEAK_DEGREE][i % WEAK_DEGREE], high = weak_high(value, &low);
			bool wrapped = value > WEAK_Q - 1 - WEAK_GAMMA2;
			zero += low == 0, greatest += low == WEAK_GAMMA2, least += low == 1 - WEAK_GAMMA2, wraps += wrapped;
			borders += high == 43 && low > 0;
			bool corner = low == 0 || low == WEAK_GAMMA2 || low == 1 - WEAK_GAMMA2;
			if (corner || (wrapped && found < 5) || (high == 43 && found < 5)) {
				chosen[i / WEAK_DEGREE][i % WEAK_DEGREE] = true;
				found++;
			}
		}
		memset(weak->hint, 0, sizeof weak->hint);
		assert_true(weak_judge(weak));
		assert_true(weak_hint_write(chosen, weak->hint));
		assert_true(weak_judge(weak));
	}
	assert_true(zero && greatest && least && wraps && borders);
	weak_free(weak);
}

/* t1 at its ends: all at the greatest, at random one of the two, a single one. */
static void keys_at_the_ends_are_judged_alike(void **state)
{
	(void)state;
	struct random random = random_of(5);
	for (int kind = 0; kind < 12; kind++) {
		struct weak_vector t1 = {{{0}}};
		for (int i = 0; i < WEAK_SIDE * WEAK_DEGREE; i++)
			if (kind == 0 || (kind < 6 && random_chance(&random, 0.2 * kind)))
				t1.row[i / WEAK_DEGREE][i % WEAK_DEGREE] = WEAK_T1_MAX;
		if (kind >= 6) {
			int row = (int)random_below(&random, WEAK_SIDE), at = (int)random_below(&random, WEAK_DEGREE);
			t1.row[row][at] = kind % 2 ? 1 : WEAK_T1_MAX - 1;
		}
		struct weak *weak = weak_new(100 + (uint64_t)kind, &t1);
		size_t made = 0;
		for (int turn = 0; turn < 20; turn++) {
			uint8_t hint[WEAK_HINT];
			weak_z_random(&weak->random, &weak->z);
			if (turn % 2)
				weak->z.row[turn % WEAK_SIDE][turn] = WEAK_GAMMA1 - WEAK_BETA;
			weak_hint_random(&weak->random, turn, weak->hint);
			memcpy(hint, weak->hint, sizeof hint);
			if (!weak_sign(&weak->key, span_of_text(""), &weak->z, hint, &weak->signature))
				continue;
			made++;
			assert_int_equal(weak_judge(weak), turn % 2 == 0);
		}
		assert_true(made > 10);
		weak_free(weak);
	}
}

/* Each byte of a signature that anybody can make, made another one: most are refused; hints may be. */
static void changes_of_a_weak_signature_are_judged_alike(void **state)
{
	(void)state;
	struct weak *weak = weak_new(6, NULL);
	struct span message = span_of_text("anybody can say this");
	weak_hint_random(&weak->random, 40, weak->hint);
	assert_true(weak_judge(weak));
	struct signature good = weak->signature;
	for (size_t i = 0; i < sizeof good.bytes; i++) {
		weak->signature.bytes[i] ^= (uint8_t)(1u << i % 8);
		judge(&weak->pair, message, signature_span(&weak->signature));
		weak->signature.bytes[i] = good.bytes[i];
	}
	assert_int_equal(judge(&weak->pair, message, signature_span(&weak->signature)), OK);
	weak_free(weak);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_changed_byte_is_seen),
		cmocka_unit_test(every_changed_byte_of_a_key_is_seen),
		cmocka_unit_test(lengths_are_exact_and_leave_nothing),
		cmocka_unit_test(contexts_are_told_apart),
		cmocka_unit_test(z_has_its_bound),
		cmocka_unit_test(hints_have_one_form),
		cmocka_unit_test(changed_hints_are_judged_alike),
		cmocka_unit_test(corners_of_rounding_are_judged_alike),
		cmocka_unit_test(keys_at_the_ends_are_judged_alike),
		cmocka_unit_test(changes_of_a_weak_signature_are_judged_alike),
	};
	return cmocka_run_group_tests_name("verifiers", tests, NULL, NULL);
}
