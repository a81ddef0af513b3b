#include "base/random.h"

#include "base/status.h"

#include <math.h>

/* splitmix64 spreads a small seed over the whole state. */
static uint64_t spread(uint64_t *seed)
{
	uint64_t z = (*seed += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint64_t rotate(uint64_t x, int by)
{
	return (x << by) | (x >> (64 - by));
}

struct random random_of(uint64_t seed)
{
	struct random random;
	for (int i = 0; i < 4; i++)
		random.state[i] = spread(&seed);
	return random;
}

uint64_t random_next(struct random *random)
{
	uint64_t *s = random->state;
	uint64_t result = rotate(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

uint64_t random_below(struct random *random, uint64_t bound)
{
	CHECK(bound > 0);
	uint64_t unfair = (0 - bound) % bound;
	uint64_t x;
	do
		x = random_next(random);
	while (x < unfair);
	return x % bound;
}

double random_unit(struct random *random)
{
	return (double)(random_next(random) >> 11) * 0x1p-53;
}

bool random_chance(struct random *random, double probability)
{
	return random_unit(random) < probability;
}

double random_normal(struct random *random)
{
	double u = 1.0 - random_unit(random);
	double v = random_unit(random);
	return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}
