/* Signatures, keys and messages that are meant to make Botan and OpenSSL differ: both must judge each alike, and signatures that are
 * made to be good but for one rule as FIPS 204 says. A key that Botan has used goes on to judge rightly.
 * Input: u8 which key, u8 which message, then changes of four bytes: what, where (u16), how. */
#include "../unit/weak_key.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	WEAK_KEYS = 12,
	HONEST_KEYS = 4,
	KEYS = WEAK_KEYS + HONEST_KEYS,
	MESSAGES = 8,
	MESSAGE_MAX = 700,
	CHANGES_MAX = 200,
};

struct judged_key {
	struct public_key public;
	struct weak_key *weak;          /* NULL: honest */
	struct signing_key *signing;    /* NULL: weak */
	struct botan_verifier *botan;
	struct openssl_verifier *openssl;
	struct signature signatures[MESSAGES]; /* good ones, of each message */
};

/* What is shown to both. */
struct shown {
	struct public_key public;
	uint8_t message[MESSAGE_MAX + 1];
	size_t message_size;
	uint8_t signature[ML_DSA_44_SIGNATURE + 1];
	size_t signature_size;
};

/* Around the 136 bytes that SHAKE256 takes at a time, less the 66 before a message. */
static const size_t message_sizes[MESSAGES] = {0, 1, 69, 70, 71, 206, 400, MESSAGE_MAX};

static struct span message_of(size_t number)
{
	static uint8_t bytes[MESSAGE_MAX];
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 31);
	return span_of(bytes, message_sizes[number]);
}

/* Of three seeds, four t1 each: all 0, all at the greatest, some of either, a single 1. */
static void weak_make(struct judged_key *key, unsigned number)
{
	struct random random = random_of(number);
	struct weak_vector t1 = {{{0}}}, z;
	uint8_t rho[WEAK_RHO] = {(uint8_t)(number / 4), 'r'}, hint[WEAK_HINT] = {0};
	for (int i = 0; i < WEAK_SIDE * WEAK_DEGREE; i++)
		if (number % 4 == 1 || (number % 4 == 2 && random_chance(&random, 0.5)))
			t1.row[i / WEAK_DEGREE][i % WEAK_DEGREE] = WEAK_T1_MAX;
	if (number % 4 == 3)
		t1.row[number / 4][number] = 1;
	key->weak = memory_new(sizeof *key->weak);
	weak_key_make(key->weak, rho, &t1);
	key->public = key->weak->public;
	for (size_t m = 0; m < MESSAGES; m++)
		do
			weak_z_random(&random, &z);
		while (!weak_sign(key->weak, message_of(m), &z, hint, &key->signatures[m]));
}

static void honest_make(struct judged_key *key, unsigned number)
{
	uint8_t seed[ML_DSA_44_SEED] = {(uint8_t)number, 'h'};
	CHECK(signing_key_from_seed(seed, &key->signing) == OK);
	key->public = *signing_key_public(key->signing);
	for (size_t m = 0; m < MESSAGES; m++)
		CHECK(signing_key_sign(key->signing, message_of(m), (struct span){0}, NULL, &key->signatures[m]) == OK);
}

static const struct judged_key *keys_make(void)
{
	static struct judged_key keys[KEYS];
	if (keys[0].botan)
		return keys;
	for (unsigned i = 0; i < KEYS; i++) {
		if (i < WEAK_KEYS)
			weak_make(&keys[i], i);
		else
			honest_make(&keys[i], i);
		keys[i].botan = botan_verifier_new(&keys[i].public);
		keys[i].openssl = openssl_verifier_new(&keys[i].public);
		CHECK(keys[i].botan && keys[i].openssl);
	}
	return keys;
}

static bool judge(const struct judged_key *key, const struct shown *shown)
{
	struct span message = span_of(shown->message, shown->message_size), signature = span_of(shown->signature, shown->signature_size);
	bool same = memcmp(shown->public.bytes, key->public.bytes, ML_DSA_44_PUBLIC) == 0;
	struct botan_verifier *botan = same ? key->botan : botan_verifier_new(&shown->public);
	struct openssl_verifier *openssl = same ? key->openssl : openssl_verifier_new(&shown->public);
	CHECK(botan && openssl);
	enum status by_botan = botan_verifier_check(botan, message, signature);
	enum status by_openssl = openssl_verifier_check(openssl, message, (struct span){0}, signature);
	CHECK(by_botan == by_openssl);
	if (!same) {
		botan_verifier_free(botan);
		openssl_verifier_free(openssl);
	}
	return by_botan == OK;
}

/* The numbers worth trying as z, and with them the raw ones. */
static int32_t z_value(uint16_t where, uint8_t how)
{
	static const int32_t bounds[] = {WEAK_GAMMA1 - WEAK_BETA - 1, WEAK_GAMMA1 - WEAK_BETA, WEAK_GAMMA1 - WEAK_BETA + 1, WEAK_GAMMA1, 0, 1,
		WEAK_BETA + 1 - WEAK_GAMMA1, WEAK_BETA - WEAK_GAMMA1, WEAK_BETA - 1 - WEAK_GAMMA1, 1 - WEAK_GAMMA1, -1, WEAK_GAMMA1 - 1};
	size_t count = sizeof bounds / sizeof *bounds;
	return how < count ? bounds[how] : WEAK_GAMMA1 - (int32_t)((uint32_t)(where >> 10) << 12 | (uint32_t)how << 4 | (where & 15));
}

/* Before it is signed: z and the hint, by a weak key. */
static void change_weak(struct weak_vector *z, uint8_t hint[WEAK_HINT], uint8_t what, uint16_t where, uint8_t how)
{
	struct random random = random_of((uint64_t)where << 8 | how);
	switch (what) {
	case 0:
		z->row[where / WEAK_DEGREE % WEAK_SIDE][where % WEAK_DEGREE] = z_value(where, how);
		break;
	case 1:
		hint[where % WEAK_HINT] = how;
		break;
	case 2:
		weak_hint_random(&random, how % (WEAK_OMEGA + 1), hint);
		break;
	case 3:
		weak_z_random(&random, z);
		break;
	case 4: /* a bound, in either sign */
		for (int i = 0; i < WEAK_SIDE * WEAK_DEGREE; i++) {
			int32_t value = WEAK_GAMMA1 - WEAK_BETA - 1 - where % 2;
			z->row[i / WEAK_DEGREE][i % WEAK_DEGREE] = random_chance(&random, 0.5) ? value : -value;
		}
		break;
	case 5: { /* two neighbours change places, or become one */
		uint8_t *first = &hint[where % (WEAK_HINT - 1)], second = first[1];
		first[1] = *first;
		*first = how % 2 ? second : *first;
		break;
	}
	default:
		break;
	}
}

/* Afterwards: what is shown. */
static void change_shown(struct shown *shown, uint8_t what, uint16_t where, uint8_t how)
{
	uint8_t *z = shown->signature + WEAK_Z_AT, *t1 = shown->public.bytes + WEAK_RHO;
	switch (what) {
	case 8:
		shown->signature[where % ML_DSA_44_SIGNATURE] ^= how;
		break;
	case 9:
		shown->public.bytes[where % ML_DSA_44_PUBLIC] ^= how;
		break;
	case 10:
		shown->message[where % MESSAGE_MAX] ^= how;
		break;
	case 11: { /* one number of z, of 18 bits */
		uint32_t raw = (uint32_t)(WEAK_GAMMA1 - z_value(where, how));
		for (unsigned bit = 0; bit < 18; bit++) {
			unsigned at = where % 1024u * 18 + bit;
			z[at / 8] = (uint8_t)((z[at / 8] & ~(1u << at % 8)) | (raw >> bit & 1) << at % 8);
		}
		break;
	}
	case 12:
		shown->signature[WEAK_HINT_AT + where % WEAK_HINT] = how;
		break;
	case 13: /* one number of t1, of 10 bits: 0, the greatest, or its bits turned round */
		for (unsigned bit = 0; bit < 10; bit++) {
			unsigned at = where % 1024u * 10 + bit;
			t1[at / 8] = (uint8_t)(how % 3 == 2 ? t1[at / 8] ^ 1u << at % 8 : (t1[at / 8] & ~(1u << at % 8)) | (unsigned)(how % 3) << at % 8);
		}
		break;
	case 14:
		shown->signature_size = how < 250 ? ML_DSA_44_SIGNATURE - 1 + (size_t)how % 3 : where % (ML_DSA_44_SIGNATURE + 1u);
		break;
	case 15:
		shown->message_size = where % (MESSAGE_MAX + 1u);
		break;
	default:
		break;
	}
}

/* False: t1 is too large for what the input asks for. */
static bool first_signature(const struct judged_key *key, size_t message, const uint8_t *changes, size_t count, struct signature *out, bool *good)
{
	*out = key->signatures[message];
	*good = true;
	if (!key->weak)
		return true;
	struct random random = random_of(message);
	struct weak_vector z;
	uint8_t hint[WEAK_HINT] = {0};
	weak_z_random(&random, &z);
	for (size_t i = 0; i < count; i++)
		change_weak(&z, hint, changes[4 * i] % 16, (uint16_t)(changes[4 * i + 1] << 8 | changes[4 * i + 2]), changes[4 * i + 3]);
	if (!weak_sign(key->weak, message_of(message), &z, hint, out))
		return false;
	*good = weak_z_is_good(&z) && weak_hint_is_good(hint);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct judged_key *keys = keys_make();
	if (size < 2)
		return 0;
	const struct judged_key *key = &keys[data[0] % KEYS];
	size_t message = data[1] % MESSAGES, count = (size - 2) / 4 < CHANGES_MAX ? (size - 2) / 4 : CHANGES_MAX;
	const uint8_t *changes = data + 2;
	struct signature signature;
	bool good;
	if (!first_signature(key, message, changes, count, &signature, &good))
		return 0;
	struct shown shown = {.public = key->public, .message_size = message_sizes[message], .signature_size = ML_DSA_44_SIGNATURE};
	memcpy(shown.message, message_of(message).data, message_sizes[message]);
	memcpy(shown.signature, signature.bytes, sizeof signature.bytes);
	CHECK(judge(key, &shown) == good);
	bool changed = false;
	for (size_t i = 0; i < count; i++) {
		change_shown(&shown, changes[4 * i] % 16, (uint16_t)(changes[4 * i + 1] << 8 | changes[4 * i + 2]), changes[4 * i + 3]);
		changed |= changes[4 * i] % 16 >= 8;
	}
	if (changed)
		judge(key, &shown);
	CHECK(botan_verifier_check(key->botan, message_of(message), span_of(key->signatures[message].bytes, ML_DSA_44_SIGNATURE)) == OK);
	return 0;
}
