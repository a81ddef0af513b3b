/* Scheduling, tried on the twin first: what would each action lead to? Pure. */
#ifndef TALLY_TWIN_SCHEDULING_H
#define TALLY_TWIN_SCHEDULING_H

#include "twin/twin.h"

enum { SCHEDULE_OPTIONS_MAX = 8, SCHEDULE_HORIZON_S = 600 };

struct schedule_option {
	const char *action;           /* "continue" "reduce_speed" "start_maintenance" "stop" */
	double setting;               /* reduce_speed: share of the nominal speed */
	double predicted;             /* worst modelled signal at the horizon, in its unit */
	double remaining_s;           /* until the bound, +inf: not reached */
	double cost;                  /* nominal production lost within the horizon, 0..1 */
	bool feasible;                /* no bound is crossed within the horizon */
};

struct schedule {
	struct schedule_option options[SCHEDULE_OPTIONS_MAX];
	size_t count;
	size_t chosen;                /* cheapest feasible one */
	bool found;                   /* false: nothing feasible but stopping; chosen is then "stop", obeyed or not */
	char explanation[240];
};

/* commands: the words the machine obeys (body_device.commands). signal: the one that showed the fault. The
 * twin's model is run forward on a copy of its state with the present trend of its residual. A signal out of range
 * (a finding about the whole machine) asks for the machine as such. */
void twin_schedule(const struct twin *twin, size_t signal, struct span commands, struct schedule *out);

#endif
