#include "floor/machine.h"

#include <math.h>

double floor_follow(double state, double target, double period_s, double time_constant_s)
{
	return target + (state - target) * exp(-period_s / time_constant_s);
}

double floor_approach(double state, double target, double step)
{
	if (target > state + step)
		return state + step;
	if (target < state - step)
		return state - step;
	return target;
}

double floor_wander(struct random *random, double state, double deviation, double period_s, double time_constant_s)
{
	double keep = exp(-period_s / time_constant_s);
	return keep * state + deviation * sqrt(1 - keep * keep) * random_normal(random);
}

double floor_between(struct random *random, double low, double high)
{
	return low + (high - low) * random_unit(random);
}

/* -- power meter ----------------------------------------------------------------------- */

/* sqrt(3) times the power factor 0.924, per kilo. */
static const double POWER_FACTOR = 0.0016;

void floor_power_begin(struct floor_power *power, uint64_t seed)
{
	*power = (struct floor_power){.random = random_of(seed), .current_target = 150, .current = 150};
}

void floor_power_sample(struct floor_power *power, double values[POWER_VALUES])
{
	struct random *random = &power->random;
	power->left_s -= 1;
	if (power->left_s < 0) {
		power->left_s = floor_between(random, 20, 60);
		power->current_target = floor_between(random, 90, 220);
	}
	power->current = floor_approach(power->current, power->current_target, 15) + 0.4 * random_normal(random);
	/* The supply sags under load. */
	double voltage = 404 - 0.02 * power->current + 0.5 * random_normal(random);
	values[POWER_VOLTAGE] = voltage + 0.3 * random_normal(random);
	values[POWER_CURRENT] = power->current + 0.1 * random_normal(random);
	values[POWER_POWER] = POWER_FACTOR * voltage * power->current + 0.37 * random_normal(random);
}

/* -- housekeeping ----------------------------------------------------------------------- */

void floor_keeper_begin(struct floor_keeper *keeper, uint64_t seed)
{
	*keeper = (struct floor_keeper){.random = random_of(seed)};
}

void floor_fire_sample(struct floor_keeper *keeper, double values[KEEPER_VALUES])
{
	values[0] = 23 + 0.15 * random_normal(&keeper->random);
	values[1] = 27.3 + 0.02 * random_normal(&keeper->random);
}

void floor_door_sample(struct floor_keeper *keeper, bool open, double values[KEEPER_VALUES])
{
	values[0] = open ? 1 : 0;
	values[1] = 31 + 0.2 * random_normal(&keeper->random);
}

void floor_camera_sample(struct floor_keeper *keeper, double values[KEEPER_VALUES])
{
	values[0] = 25 + 0.05 * random_normal(&keeper->random);
	values[1] = 38 + 0.2 * random_normal(&keeper->random);
}
