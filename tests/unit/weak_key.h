/* Signatures that anybody can make, under ML-DSA-44 keys that are worth nothing: what a verifier says of them hangs on one
 * rule at a time.
 *
 * A verifier recovers the commitment from A z - c t1 2^13 and the hint. Of a key with t1 = 0 that is A z: any z and any hint
 * have a commitment, the commitment has its challenge c, and these are a signature that every check accepts but two: the bound of
 * z and the form of the hint. The same with t1 near 0 modulo q: 1023 * 2^13 = q - 1. No honest signer comes near
 * these bounds, and after a change of an honest signature the commitment is another one anyway.
 *
 * Written from FIPS 204, whose algorithms are named by their numbers, and slow: a third opinion beside both libraries. */
#ifndef TALLY_TEST_WEAK_KEY_H
#define TALLY_TEST_WEAK_KEY_H

#include "base/random.h"
#include "crypto/verifier.h"

#include <openssl/evp.h>

enum {
	WEAK_Q = 8380417,
	WEAK_SIDE = 4,                       /* k and l */
	WEAK_DEGREE = 256,
	WEAK_DROPPED = 13,                   /* d */
	WEAK_T1_MAX = 1023,
	WEAK_GAMMA1 = 1 << 17,
	WEAK_GAMMA2 = (WEAK_Q - 1) / 88,
	WEAK_TAU = 39,
	WEAK_BETA = 78,
	WEAK_OMEGA = 80,
	WEAK_HINT = WEAK_OMEGA + WEAK_SIDE,  /* bytes */
	WEAK_CHALLENGE = 32,
	WEAK_RHO = 32,
	WEAK_Z_AT = WEAK_CHALLENGE,          /* in a signature */
	WEAK_HINT_AT = ML_DSA_44_SIGNATURE - WEAK_HINT,
};

struct weak_vector {
	int32_t row[WEAK_SIDE][WEAK_DEGREE];
};

struct weak_key {
	struct public_key public;
	int32_t zetas[WEAK_DEGREE];
	struct weak_vector matrix[WEAK_SIDE];  /* A, transformed */
	struct weak_vector t1;                 /* 2^13 t1, transformed */
	uint8_t hash[64];                      /* tr */
	bool has_t1;
};

static inline void weak_shake(const EVP_MD *kind, const struct span *parts, size_t count, void *out, size_t size)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	CHECK(context && EVP_DigestInit_ex(context, kind, NULL) == 1);
	for (size_t i = 0; i < count; i++)
		CHECK(parts[i].size == 0 || EVP_DigestUpdate(context, parts[i].data, parts[i].size) == 1);
	CHECK(EVP_DigestFinalXOF(context, out, size) == 1);
	EVP_MD_CTX_free(context);
}

static inline int32_t weak_reduce(int64_t value)
{
	int64_t rest = value % WEAK_Q;
	return (int32_t)(rest < 0 ? rest + WEAK_Q : rest);
}

/* 1753 to the power of each number with its eight bits turned round. */
static inline void weak_zetas(int32_t zetas[WEAK_DEGREE])
{
	for (int i = 0; i < WEAK_DEGREE; i++) {
		int turned = 0;
		for (int bit = 0; bit < 8; bit++)
			turned |= (i >> bit & 1) << (7 - bit);
		int64_t power = 1;
		for (int k = 0; k < turned; k++)
			power = power * 1753 % WEAK_Q;
		zetas[i] = (int32_t)power;
	}
}

/* 41 */
static inline void weak_transform(const struct weak_key *key, int32_t w[WEAK_DEGREE])
{
	int m = 0;
	for (int length = 128; length >= 1; length /= 2)
		for (int start = 0; start < WEAK_DEGREE; start += 2 * length) {
			int64_t zeta = key->zetas[++m];
			for (int j = start; j < start + length; j++) {
				int32_t t = weak_reduce(zeta * w[j + length]);
				w[j + length] = weak_reduce((int64_t)w[j] - t);
				w[j] = weak_reduce((int64_t)w[j] + t);
			}
		}
}

/* 42 */
static inline void weak_transform_back(const struct weak_key *key, int32_t w[WEAK_DEGREE])
{
	int m = WEAK_DEGREE;
	for (int length = 1; length < WEAK_DEGREE; length *= 2)
		for (int start = 0; start < WEAK_DEGREE; start += 2 * length) {
			int64_t zeta = WEAK_Q - key->zetas[--m];
			for (int j = start; j < start + length; j++) {
				int32_t t = w[j];
				w[j] = weak_reduce((int64_t)t + w[j + length]);
				w[j + length] = weak_reduce(zeta * weak_reduce((int64_t)t - w[j + length]));
			}
		}
	for (int j = 0; j < WEAK_DEGREE; j++)
		w[j] = weak_reduce((int64_t)w[j] * 8347681);
}

/* 30, 32 */
static inline void weak_matrix(struct weak_key *key)
{
	uint8_t stream[3 * 1000];
	for (uint8_t row = 0; row < WEAK_SIDE; row++)
		for (uint8_t column = 0; column < WEAK_SIDE; column++) {
			uint8_t place[2] = {column, row};
			struct span seed[] = {span_of(key->public.bytes, WEAK_RHO), span_of(place, 2)};
			weak_shake(EVP_shake128(), seed, 2, stream, sizeof stream);
			int count = 0;
			for (size_t at = 0; count < WEAK_DEGREE; at += 3) {
				CHECK(at + 3 <= sizeof stream);
				int32_t value = (stream[at + 2] & 0x7f) << 16 | stream[at + 1] << 8 | stream[at];
				if (value < WEAK_Q)
					key->matrix[row].row[column][count++] = value;
			}
		}
}

/* 16: numbers of `bits` bits each, the lowest first. */
static inline void weak_pack(const uint32_t *numbers, size_t count, unsigned bits, uint8_t *out)
{
	uint64_t waiting = 0;
	unsigned held = 0;
	for (size_t i = 0; i < count; i++) {
		waiting |= (uint64_t)numbers[i] << held;
		for (held += bits; held >= 8; held -= 8, waiting >>= 8)
			*out++ = (uint8_t)waiting;
	}
}

/* 22: rho, and t1 of at most WEAK_T1_MAX each. */
static inline void weak_public(const uint8_t rho[WEAK_RHO], const struct weak_vector *t1, struct public_key *out)
{
	uint32_t numbers[WEAK_SIDE * WEAK_DEGREE];
	for (int i = 0; i < WEAK_SIDE * WEAK_DEGREE; i++)
		numbers[i] = (uint32_t)t1->row[i / WEAK_DEGREE][i % WEAK_DEGREE];
	memcpy(out->bytes, rho, WEAK_RHO);
	weak_pack(numbers, WEAK_SIDE * WEAK_DEGREE, 10, out->bytes + WEAK_RHO);
}

static inline void weak_key_make(struct weak_key *key, const uint8_t rho[WEAK_RHO], const struct weak_vector *t1)
{
	weak_public(rho, t1, &key->public);
	weak_zetas(key->zetas);
	weak_matrix(key);
	key->has_t1 = false;
	for (int row = 0; row < WEAK_SIDE; row++) {
		for (int i = 0; i < WEAK_DEGREE; i++) {
			key->t1.row[row][i] = t1->row[row][i] << WEAK_DROPPED;
			key->has_t1 |= t1->row[row][i] != 0;
		}
		weak_transform(key, key->t1.row[row]);
	}
	struct span public = span_of(key->public.bytes, ML_DSA_44_PUBLIC);
	weak_shake(EVP_shake256(), &public, 1, key->hash, sizeof key->hash);
}

/* A z. */
static inline void weak_product(const struct weak_key *key, const struct weak_vector *z, struct weak_vector *out)
{
	struct weak_vector transformed = *z;
	for (int column = 0; column < WEAK_SIDE; column++) {
		for (int i = 0; i < WEAK_DEGREE; i++)
			transformed.row[column][i] = weak_reduce(z->row[column][i]);
		weak_transform(key, transformed.row[column]);
	}
	for (int row = 0; row < WEAK_SIDE; row++) {
		for (int i = 0; i < WEAK_DEGREE; i++) {
			int64_t sum = 0;
			for (int column = 0; column < WEAK_SIDE; column++)
				sum += weak_reduce((int64_t)key->matrix[row].row[column][i] * transformed.row[column][i]);
			out->row[row][i] = weak_reduce(sum);
		}
		weak_transform_back(key, out->row[row]);
	}
}

/* 29 */
static inline void weak_challenge(const uint8_t seed[WEAK_CHALLENGE], int32_t c[WEAK_DEGREE])
{
	uint8_t stream[1000];
	struct span whole = span_of(seed, WEAK_CHALLENGE);
	weak_shake(EVP_shake256(), &whole, 1, stream, sizeof stream);
	memset(c, 0, WEAK_DEGREE * sizeof *c);
	size_t at = 8;
	for (int i = WEAK_DEGREE - WEAK_TAU; i < WEAK_DEGREE; i++) {
		while (stream[at] > i)
			at++;
		int bit = i + WEAK_TAU - WEAK_DEGREE;
		c[i] = c[stream[at]];
		c[stream[at++]] = stream[bit / 8] >> bit % 8 & 1 ? WEAK_Q - 1 : 1;
		CHECK(at < sizeof stream);
	}
}

/* 36: the high part, and the low one in *low. */
static inline int32_t weak_high(int32_t value, int32_t *low)
{
	*low = value % (2 * WEAK_GAMMA2);
	if (*low > WEAK_GAMMA2)
		*low -= 2 * WEAK_GAMMA2;
	if (value - *low != WEAK_Q - 1)
		return (value - *low) / (2 * WEAK_GAMMA2);
	--*low;
	return 0;
}

/* 40 */
static inline int32_t weak_hinted(bool hint, int32_t value)
{
	int32_t low, high = weak_high(value, &low);
	return hint ? (high + (low > 0 ? 1 : 43)) % 44 : high;
}

/* 21 without its checks: what someone would read who believes everything. */
static inline void weak_hint_read(const uint8_t hint[WEAK_HINT], bool out[WEAK_SIDE][WEAK_DEGREE])
{
	memset(out, 0, WEAK_SIDE * WEAK_DEGREE * sizeof out[0][0]);
	int at = 0;
	for (int row = 0; row < WEAK_SIDE; row++) {
		int end = hint[WEAK_OMEGA + row];
		for (; at < end && at < WEAK_OMEGA; at++)
			out[row][hint[at]] = true;
		at = end;
	}
}

/* 20. False: too many. */
static inline bool weak_hint_write(bool hint[WEAK_SIDE][WEAK_DEGREE], uint8_t out[WEAK_HINT])
{
	int count = 0;
	memset(out, 0, WEAK_HINT);
	for (int row = 0; row < WEAK_SIDE; row++) {
		for (int i = 0; i < WEAK_DEGREE; i++)
			if (hint[row][i]) {
				if (count == WEAK_OMEGA)
					return false;
				out[count++] = (uint8_t)i;
			}
		out[WEAK_OMEGA + row] = (uint8_t)count;
	}
	return true;
}

/* 21's checks. */
static inline bool weak_hint_is_good(const uint8_t hint[WEAK_HINT])
{
	int at = 0;
	for (int row = 0; row < WEAK_SIDE; row++) {
		int first = at, end = hint[WEAK_OMEGA + row];
		if (end < at || end > WEAK_OMEGA)
			return false;
		for (; at < end; at++)
			if (at > first && hint[at - 1] >= hint[at])
				return false;
	}
	for (; at < WEAK_OMEGA; at++)
		if (hint[at] != 0)
			return false;
	return true;
}

static inline bool weak_z_is_good(const struct weak_vector *z)
{
	for (int i = 0; i < WEAK_SIDE * WEAK_DEGREE; i++) {
		int32_t value = z->row[i / WEAK_DEGREE][i % WEAK_DEGREE];
		if (value >= WEAK_GAMMA1 - WEAK_BETA || value <= WEAK_BETA - WEAK_GAMMA1)
			return false;
	}
	return true;
}

/* 17: from 1 - gamma1 to gamma1. */
static inline void weak_z_write(const struct weak_vector *z, struct signature *out)
{
	uint32_t numbers[WEAK_SIDE * WEAK_DEGREE];
	for (int i = 0; i < WEAK_SIDE * WEAK_DEGREE; i++)
		numbers[i] = (uint32_t)(WEAK_GAMMA1 - z->row[i / WEAK_DEGREE][i % WEAK_DEGREE]);
	weak_pack(numbers, WEAK_SIDE * WEAK_DEGREE, 18, out->bytes + WEAK_Z_AT);
}

/* The hint by which c t1 2^13 is taken back from `product`. False: it reaches too far for one. */
static inline bool weak_hint_for(const struct weak_key *key, const uint8_t challenge[WEAK_CHALLENGE], const struct weak_vector *product,
	const struct weak_vector *commitment, uint8_t hint[WEAK_HINT])
{
	int32_t c[WEAK_DEGREE], moved[WEAK_DEGREE];
	bool needed[WEAK_SIDE][WEAK_DEGREE];
	weak_challenge(challenge, c);
	weak_transform(key, c);
	for (int row = 0; row < WEAK_SIDE; row++) {
		for (int i = 0; i < WEAK_DEGREE; i++)
			moved[i] = weak_reduce((int64_t)c[i] * key->t1.row[row][i]);
		weak_transform_back(key, moved);
		for (int i = 0; i < WEAK_DEGREE; i++) {
			int32_t value = weak_reduce((int64_t)product->row[row][i] - moved[i]);
			needed[row][i] = weak_hinted(false, value) != commitment->row[row][i];
			if (weak_hinted(needed[row][i], value) != commitment->row[row][i])
				return false;
		}
	}
	return weak_hint_write(needed, hint);
}

/* The signature of `message` with this z and, if t1 is 0, exactly these bytes of a hint; else with those that it takes then.
 * False: t1 is too large for this one. Both libraries must accept it if weak_z_is_good and weak_hint_is_good, and
 * refuse it otherwise. */
static inline bool weak_sign(const struct weak_key *key, struct span message, const struct weak_vector *z, uint8_t hint[WEAK_HINT],
	struct signature *out)
{
	struct weak_vector product, commitment;
	bool hinted[WEAK_SIDE][WEAK_DEGREE];
	uint32_t numbers[WEAK_SIDE * WEAK_DEGREE];
	uint8_t packed[WEAK_SIDE * WEAK_DEGREE * 6 / 8], mu[64], pure[2] = {0, 0};
	weak_product(key, z, &product);
	weak_hint_read(hint, hinted);
	for (int i = 0; i < WEAK_SIDE * WEAK_DEGREE; i++) {
		int row = i / WEAK_DEGREE, at = i % WEAK_DEGREE;
		commitment.row[row][at] = weak_hinted(hinted[row][at], product.row[row][at]);
		numbers[i] = (uint32_t)commitment.row[row][at];
	}
	weak_pack(numbers, WEAK_SIDE * WEAK_DEGREE, 6, packed);
	struct span said[] = {span_of(key->hash, sizeof key->hash), span_of(pure, sizeof pure), message};
	weak_shake(EVP_shake256(), said, 3, mu, sizeof mu);
	struct span committed[] = {span_of(mu, sizeof mu), span_of(packed, sizeof packed)};
	weak_shake(EVP_shake256(), committed, 2, out->bytes, WEAK_CHALLENGE);
	if (key->has_t1 && !weak_hint_for(key, out->bytes, &product, &commitment, hint))
		return false;
	weak_z_write(z, out);
	memcpy(out->bytes + WEAK_HINT_AT, hint, WEAK_HINT);
	return true;
}

/* Numbers within the bound of z. */
static inline void weak_z_random(struct random *random, struct weak_vector *z)
{
	for (int i = 0; i < WEAK_SIDE * WEAK_DEGREE; i++)
		z->row[i / WEAK_DEGREE][i % WEAK_DEGREE] = (int32_t)random_below(random, 2 * (WEAK_GAMMA1 - WEAK_BETA) - 1) - (WEAK_GAMMA1 - WEAK_BETA - 1);
}

/* `count` hints somewhere. */
static inline void weak_hint_random(struct random *random, int count, uint8_t hint[WEAK_HINT])
{
	bool chosen[WEAK_SIDE][WEAK_DEGREE] = {{0}};
	while (count > 0) {
		bool *one = &chosen[random_below(random, WEAK_SIDE)][random_below(random, WEAK_DEGREE)];
		count -= !*one;
		*one = true;
	}
	CHECK(weak_hint_write(chosen, hint));
}

#endif
