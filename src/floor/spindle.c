#include "floor/machine.h"

static const double PERIOD_S = 0.1;

/* The job program of one part, run again and again. Speed varies by 5 %, load by 10 % from part to part. */
static const struct {
	double speed;                 /* 1/min */
	double load;                  /* % */
	double shortest_s, longest_s;
} operations[] = {
	{1500, 4, 6, 10},             /* tool change and positioning */
	{6000, 68, 40, 70},           /* roughing */
	{8000, 45, 30, 50},           /* semi-finishing */
	{9500, 24, 30, 50},           /* finishing */
};
enum { OPERATIONS = sizeof operations / sizeof operations[0] };

static const double SPEED_RAMP = 2000;        /* 1/min in a second */
static const double LOAD_RAMP = 40;           /* % in a second */
static const double SPEED_NOMINAL = 6000;
static const double HALL_CEL = 22;
static const double FRICTION = 7e-5;          /* K per (1/min * %): steady rise of a sound bearing */
static const double THERMAL_S = 50;           /* time constant of bearing and housing */
static const double IMBALANCE = 1.5e-4;       /* mm/s per 1/min */
static const double WEAR_HEAT = 20;           /* K at wear 1 and nominal speed */
static const double WEAR_VIBRATION = 2.9;     /* mm/s at wear 1 and nominal speed */
static const double WEAR_MAX = 1.3;

static void next_operation(struct floor_spindle *spindle)
{
	spindle->operation = (spindle->operation + 1) % OPERATIONS;
	size_t i = spindle->operation;
	spindle->left_s = floor_between(&spindle->random, operations[i].shortest_s, operations[i].longest_s);
	spindle->speed_target = operations[i].speed * floor_between(&spindle->random, 0.95, 1.05);
	spindle->load_target = operations[i].load * floor_between(&spindle->random, 0.9, 1.1);
}

void floor_spindle_begin(struct floor_spindle *spindle, uint64_t seed)
{
	*spindle = (struct floor_spindle){
		.random = random_of(seed),
		.left_s = operations[0].shortest_s,
		.speed_target = operations[0].speed,
		.load_target = operations[0].load,
		.speed = operations[0].speed,
		.load = operations[0].load,
	};
	spindle->temperature = HALL_CEL + FRICTION * spindle->speed * spindle->load;
}

/* Damage grows with the square of the speed, and faster the more of it there is. */
static void wear_grow(struct floor_spindle *spindle, double wear_time_s)
{
	double speed = spindle->speed / SPEED_NOMINAL;
	spindle->wear += PERIOD_S / wear_time_s * (0.5 + 0.65 * spindle->wear) * speed * speed;
	if (spindle->wear > WEAR_MAX)
		spindle->wear = WEAR_MAX;
}

void floor_spindle_sample(struct floor_spindle *spindle, double share, double wear_time_s, double values[SPINDLE_VALUES])
{
	struct random *random = &spindle->random;
	spindle->left_s -= PERIOD_S;
	if (spindle->left_s < 0)
		next_operation(spindle);
	spindle->speed = floor_approach(spindle->speed, share * spindle->speed_target, SPEED_RAMP * PERIOD_S);
	spindle->load = floor_approach(spindle->load, share * spindle->load_target, LOAD_RAMP * PERIOD_S);
	spindle->cutting = floor_wander(random, spindle->cutting, 0.02, PERIOD_S, 2);
	spindle->hall = floor_wander(random, spindle->hall, 0.05, PERIOD_S, 300);
	if (wear_time_s > 0)
		wear_grow(spindle, wear_time_s);

	double speed = spindle->speed;
	double load = spindle->load * (1 + spindle->cutting);
	double worn = spindle->wear * speed / SPEED_NOMINAL;
	double warm = HALL_CEL + spindle->hall + FRICTION * speed * load + WEAR_HEAT * worn;
	spindle->temperature = floor_follow(spindle->temperature, warm, PERIOD_S, THERMAL_S);

	values[SPINDLE_SPEED] = speed + 1.5 * random_normal(random);
	values[SPINDLE_LOAD] = load + 0.15 * random_normal(random);
	values[SPINDLE_VIBRATION] = 0.4 + IMBALANCE * speed + WEAR_VIBRATION * worn + 0.06 * random_normal(random);
	values[SPINDLE_TEMPERATURE] = spindle->temperature + 0.25 * random_normal(random);
	/* The coolant pump's speed goes with the spindle's. */
	values[SPINDLE_COOLANT] = 2 + 0.0012 * speed + 0.12 * random_normal(random);
}
