#include "floor/machine.h"

#include <math.h>

static const double PERIOD_S = 0.2;
enum { SUBSTEPS = 20 };               /* the motion is followed every 10 ms */

enum { MOTION_APPROACH, MOTION_DRILL, MOTION_RETRACT, MOTION_INDEX, MOTIONS };

static const double ACCELERATION = 0.5;       /* m/s2 */

/* Torque of each joint in the drilling pose: holding, and what speed and position of the stroke add. */
static const struct {
	double hold;                  /* N.m */
	double on_speed;              /* N.m per m/s */
	double on_position;           /* N.m per m */
	double noise;                 /* N.m */
} joints[ROBOT_JOINTS] = {
	{12, 18, 4, 0.5},
	{185, 46, 38, 0.9},
	{96, 30, 27, 0.7},
	{14, 7, 3, 0.25},
	{21, 5, 8, 0.25},
	{4.5, 1.2, 0.6, 0.1},
};

static void next_motion(struct floor_robot *robot)
{
	struct random *random = &robot->random;
	robot->motion = (robot->motion + 1) % MOTIONS;
	robot->wait_s = 0;
	switch (robot->motion) {
	case MOTION_APPROACH:
		robot->goal = floor_between(random, 0.55, 0.65);
		robot->speed_max = 0.25;
		break;
	case MOTION_DRILL:
		robot->goal += floor_between(random, 0.03, 0.05);
		robot->speed_max = floor_between(random, 0.008, 0.012);
		break;
	case MOTION_RETRACT:
		robot->goal = 0;
		robot->speed_max = 0.25;
		break;
	default:
		robot->wait_s = floor_between(random, 2, 4);
	}
}

void floor_robot_begin(struct floor_robot *robot, uint64_t seed)
{
	*robot = (struct floor_robot){.random = random_of(seed), .motion = MOTION_INDEX, .wait_s = 2};
}

/* A trapezoid of speed: never faster than what can still be braked before the goal. */
static void move(struct floor_robot *robot, double share)
{
	double step_s = PERIOD_S / SUBSTEPS;
	double left = robot->goal - robot->position;
	double limit = sqrt(2 * ACCELERATION * fabs(left));
	double target = fmin(share * robot->speed_max, limit);
	robot->speed = floor_approach(robot->speed, left < 0 ? -target : target, ACCELERATION * step_s);
	if (fabs(robot->speed) * step_s >= fabs(left)) {
		robot->position = robot->goal;
		robot->speed = 0;
	} else {
		robot->position += robot->speed * step_s;
	}
	robot->wait_s -= step_s;
	if (robot->position == robot->goal && robot->wait_s <= 0 && share > 0)
		next_motion(robot);
}

void floor_robot_sample(struct floor_robot *robot, double share, double values[ROBOT_VALUES])
{
	struct random *random = &robot->random;
	for (int i = 0; i < SUBSTEPS; i++)
		move(robot, share);
	for (int i = 0; i < ROBOT_JOINTS; i++)
		values[i] = joints[i].hold + joints[i].on_speed * robot->speed + joints[i].on_position * robot->position +
			joints[i].noise * random_normal(random);
	values[ROBOT_SPEED] = robot->speed + 0.0005 * random_normal(random);
	values[ROBOT_POSITION] = robot->position + 0.0001 * random_normal(random);
	/* The path lags behind its command the more, the faster it goes. */
	values[ROBOT_ERROR] = 0.02 + 0.12 * robot->speed + 0.004 * random_normal(random);
}
