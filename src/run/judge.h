/* Judging an example run: injected faults against the disturbances that the nodes hold. */
#ifndef TALLY_RUN_JUDGE_H
#define TALLY_RUN_JUDGE_H

#include "run/ask.h"

enum { JUDGE_FAULTS_MAX = 64, JUDGE_DISTURBANCES_MAX = 4096 };

struct judge_fault {
	char kind[32], device[128], signal[64];
	int64_t start_ms, end_ms;
	bool found, diagnosed;
	double late_s;                /* simulated seconds from its start to the first statement about it */
	char by[48];
};

struct judge_disturbance {
	char kind[32], device[128], signal[64], diagnosis[32], id[65];
	int64_t time_ms, detected_ms;
	bool explained;               /* belongs to a fault */
};

struct judge {
	struct judge_fault faults[JUDGE_FAULTS_MAX];
	size_t fault_count;
	struct judge_disturbance disturbances[JUDGE_DISTURBANCES_MAX];
	size_t disturbance_count;
	int64_t end_ms;               /* when the machines were switched off */
	size_t found, diagnosed, false_alarms;
};

/* truth: the report of `tally shopfloor`; node: asked for disturbances and critical events. False: no answer. */
bool judge_run(struct judge *judge, const char *truth_path, const char *organisation, const char *node);

#endif
