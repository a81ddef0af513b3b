#include "floor/machine.h"

static const double PERIOD_S = 1;

/* The cure cycle, run again and again; heater power rises or falls evenly within a stage. */
static const struct {
	double heater;                /* %, at its end */
	double shortest_s, longest_s;
	double pressure;              /* kPa absolute */
} stages[] = {
	{0, 60, 90, 101.3},           /* unload and load */
	{75, 180, 220, 700},          /* heat up under pressure */
	{75, 200, 260, 700},          /* hold */
	{0, 150, 200, 300},           /* cool down */
};
enum { STAGES = sizeof stages / sizeof stages[0] };

/* Where the thermocouples sit on the part: steady rise per % of heater power, and time constant. */
static const struct {
	double rise;                  /* K per % */
	double time_constant_s;
} places[AUTOCLAVE_THERMOCOUPLES] = {{2.10, 95}, {2.06, 100}, {2.13, 105}};

static const double HALL_CEL = 24;
static const double PRESSURE_S = 30;
static const double VACUUM_KPA = 9;

static void next_stage(struct floor_autoclave *autoclave)
{
	autoclave->stage = (autoclave->stage + 1) % STAGES;
	size_t i = autoclave->stage;
	autoclave->left_s = floor_between(&autoclave->random, stages[i].shortest_s, stages[i].longest_s);
	double target = stages[i].heater * floor_between(&autoclave->random, 0.97, 1.03);
	double change = target - autoclave->heater_target;
	autoclave->heater_target = target;
	autoclave->heater_step = (change < 0 ? -change : change) * PERIOD_S / autoclave->left_s;
}

void floor_autoclave_begin(struct floor_autoclave *autoclave, uint64_t seed)
{
	*autoclave = (struct floor_autoclave){
		.random = random_of(seed),
		.left_s = stages[0].shortest_s,
		.part = {HALL_CEL, HALL_CEL, HALL_CEL},
		.pressure = stages[0].pressure,
	};
}

void floor_autoclave_sample(struct floor_autoclave *autoclave, const double offset[AUTOCLAVE_THERMOCOUPLES],
	double values[AUTOCLAVE_VALUES])
{
	struct random *random = &autoclave->random;
	autoclave->left_s -= PERIOD_S;
	if (autoclave->left_s < 0)
		next_stage(autoclave);
	autoclave->heater = floor_approach(autoclave->heater, autoclave->heater_target, autoclave->heater_step);
	autoclave->hall = floor_wander(random, autoclave->hall, 0.08, PERIOD_S, 300);
	for (int i = 0; i < AUTOCLAVE_THERMOCOUPLES; i++) {
		double hot = HALL_CEL + autoclave->hall + places[i].rise * autoclave->heater;
		autoclave->part[i] = floor_follow(autoclave->part[i], hot, PERIOD_S, places[i].time_constant_s);
		values[i] = autoclave->part[i] + offset[i] + 0.4 * random_normal(random);
	}
	autoclave->pressure = floor_follow(autoclave->pressure, stages[autoclave->stage].pressure, PERIOD_S, PRESSURE_S);
	values[AUTOCLAVE_PRESSURE] = autoclave->pressure + 1.2 * random_normal(random);
	values[AUTOCLAVE_VACUUM] = VACUUM_KPA + 0.15 * random_normal(random);
	values[AUTOCLAVE_HEATER] = autoclave->heater + 0.1 * random_normal(random);
}
