/* The machines inside the floor: each advances one sampling period at a time and gives its
 * values in the units of its registration. Every step is the exact solution of a first-order
 * process for inputs that are constant within the period, plus small disturbances that no
 * model knows. Private to this room. */
#ifndef TALLY_FLOOR_MACHINE_H
#define TALLY_FLOOR_MACHINE_H

#include "base/random.h"

#include <stddef.h>

/* One pole: the state moves towards its target with this time constant. */
double floor_follow(double state, double target, double period_s, double time_constant_s);
/* Move towards target by at most `step`. */
double floor_approach(double state, double target, double step);
/* A slow wander around zero with this standard deviation. */
double floor_wander(struct random *random, double state, double deviation, double period_s, double time_constant_s);
double floor_between(struct random *random, double low, double high);

/* -- spindle-1: a CNC milling spindle, every 100 ms ------------------------------------ */
enum { SPINDLE_SPEED, SPINDLE_LOAD, SPINDLE_VIBRATION, SPINDLE_TEMPERATURE, SPINDLE_COOLANT, SPINDLE_VALUES };

struct floor_spindle {
	struct random random;
	size_t operation;             /* of the job program */
	double left_s;                /* of this operation */
	double speed_target, load_target;
	double speed;                 /* 1/min */
	double load;                  /* % without the cutting's own variation */
	double cutting;               /* that variation, % */
	double temperature;           /* Cel */
	double hall;                  /* wander of the hall's temperature, K */
	double wear;                  /* of the bearing: 0 new, 1 at the end of its life */
};
void floor_spindle_begin(struct floor_spindle *spindle, uint64_t seed);
/* share: of the programmed speed and load. wear_time_s: 0 for a sound bearing, else the time from the
 * first damage to wear 1 at the nominal speed. */
void floor_spindle_sample(struct floor_spindle *spindle, double share, double wear_time_s, double values[SPINDLE_VALUES]);

/* -- autoclave-1: cures composite parts, every second ----------------------------------- */
enum { AUTOCLAVE_THERMOCOUPLES = 3 };
enum { AUTOCLAVE_PRESSURE = AUTOCLAVE_THERMOCOUPLES, AUTOCLAVE_VACUUM, AUTOCLAVE_HEATER, AUTOCLAVE_VALUES };

struct floor_autoclave {
	struct random random;
	size_t stage;                 /* of the cure cycle */
	double left_s;
	double heater_target, heater_step; /* %, % per sample */
	double heater;                /* % */
	double part[AUTOCLAVE_THERMOCOUPLES]; /* true temperature where each thermocouple sits, Cel */
	double pressure;              /* kPa absolute */
	double hall;
};
void floor_autoclave_begin(struct floor_autoclave *autoclave, uint64_t seed);
/* offset: the error of each thermocouple, K. Values in Cel, kPa and %. */
void floor_autoclave_sample(struct floor_autoclave *autoclave, const double offset[AUTOCLAVE_THERMOCOUPLES],
	double values[AUTOCLAVE_VALUES]);

/* -- robot-1: a drilling robot, every 200 ms -------------------------------------------- */
enum { ROBOT_JOINTS = 6 };
enum { ROBOT_SPEED = ROBOT_JOINTS, ROBOT_POSITION, ROBOT_ERROR, ROBOT_VALUES };

struct floor_robot {
	struct random random;
	size_t motion;                /* approach, drill, retract, index */
	double wait_s;
	double goal;                  /* m */
	double speed_max;             /* m/s, of this motion */
	double speed, position;
};
void floor_robot_begin(struct floor_robot *robot, uint64_t seed);
/* Values in N.m, m/s, m; the position error in mm. */
void floor_robot_sample(struct floor_robot *robot, double share, double values[ROBOT_VALUES]);

/* -- power-1: the hall's power meter, every second -------------------------------------- */
enum { POWER_VOLTAGE, POWER_CURRENT, POWER_POWER, POWER_VALUES };

struct floor_power {
	struct random random;
	double left_s;
	double current_target, current; /* A */
};
void floor_power_begin(struct floor_power *power, uint64_t seed);
void floor_power_sample(struct floor_power *power, double values[POWER_VALUES]);

/* -- fire-1, door-1, camera-9, ghost-7: two slow housekeeping values each --------------- */
enum { KEEPER_VALUES = 2 };

struct floor_keeper {
	struct random random;
};
void floor_keeper_begin(struct floor_keeper *keeper, uint64_t seed);
void floor_fire_sample(struct floor_keeper *keeper, double values[KEEPER_VALUES]);   /* temperature Cel, battery V */
void floor_door_sample(struct floor_keeper *keeper, bool open, double values[KEEPER_VALUES]); /* open 0 or 1, temperature Cel */
void floor_camera_sample(struct floor_keeper *keeper, double values[KEEPER_VALUES]); /* frame rate Hz, temperature Cel */

#endif
