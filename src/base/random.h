/* Seeded random numbers (xoshiro256**, Blackman and Vigna 2018) for simulation, schedules
 * and tests. Never for keys. Equal seeds give equal streams on every machine. */
#ifndef TALLY_BASE_RANDOM_H
#define TALLY_BASE_RANDOM_H

#include <stdint.h>
#include <stdbool.h>

struct random {
	uint64_t state[4];
};

struct random random_of(uint64_t seed);
uint64_t random_next(struct random *random);
/* Uniform in [0, bound); bound > 0. */
uint64_t random_below(struct random *random, uint64_t bound);
/* Uniform in [0, 1). */
double random_unit(struct random *random);
bool random_chance(struct random *random, double probability);
/* Mean 0, standard deviation 1. */
double random_normal(struct random *random);

#endif
