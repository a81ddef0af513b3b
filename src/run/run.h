/* Inside `tally run`: the whole example on one machine, its processes, and the check of it. */
#ifndef TALLY_RUN_RUN_H
#define TALLY_RUN_RUN_H

#include "base/buffer.h"
#include "base/random.h"
#include "base/time.h"

#include <sys/types.h>

enum { RUN_MEMBERS = 4, RUN_CHILDREN_MAX = 8, RUN_ARGUMENTS_MAX = 32, RUN_PORTS = 20 };

struct run_child {
	char name[32];
	char *arguments[RUN_ARGUMENTS_MAX]; /* owned, NULL-terminated */
	pid_t pid;                    /* 0: not running */
	bool wanted;
	int64_t restart_ms;           /* monotonic; when a killed one comes back */
	unsigned failures;            /* ends that nobody asked for */
};

struct run_options {
	const char *state, *examples, *program;
	const char *replay;           /* file; NULL: the simulated floor */
	uint64_t seed;
	bool check, chaos;
	uint64_t chaos_seed;
};

struct run {
	struct run_options options;
	int port;                     /* first of RUN_PORTS */
	struct run_child children[RUN_CHILDREN_MAX];
	size_t child_count;
	int64_t origin_ns, wall_ns;   /* the floor's clock */
	int rate_percent;
	int64_t duration_s;           /* simulated */
	uint64_t kills;
};

/* Addresses: ports are given out from run->port. */
int run_node_port(const struct run *run, int member);      /* wire */
void run_node_url(const struct run *run, int member, char out[64]);
void run_gateway_url(const struct run *run, char out[64]);
const char *run_member(int member);                        /* "manufacturer" ... */

/* process.c */
struct run_child *run_child_add(struct run *run, const char *name, ...);
MUST_USE enum status run_child_start(struct run *run, struct run_child *child, struct fault *fault);
struct run_child *run_child_find(struct run *run, const char *name);
/* Notice ends, restart what should run. E_IO: one keeps failing. */
MUST_USE enum status run_supervise(struct run *run, struct fault *fault);
void run_child_kill(struct run *run, struct run_child *child, int64_t back_in_ms);
/* SIGTERM to all in reverse order, SIGKILL after ten seconds. */
void run_stop(struct run *run);
/* Run the program's own command to its end; its output goes to logs/setup.log. */
MUST_USE enum status run_command(struct run *run, struct fault *fault, ...);
bool run_interrupted(void);
void run_catch_signals(void);
void run_sleep_ms(int64_t ms);

/* setup.c: keys, genesis, configuration, registrations; each done once. */
MUST_USE enum status run_prepare(struct run *run, struct fault *fault);
MUST_USE enum status run_register(struct run *run, struct fault *fault);
MUST_USE enum status run_start_floor(struct run *run, struct fault *fault);

/* watch.c: the live summary, one block or one line. */
void run_watch(struct run *run);

/* chaos.c */
struct run_chaos {
	struct random random;
	int64_t next_ms, until_ms;
};
struct run_chaos run_chaos_of(uint64_t seed, int64_t from_ms, int64_t until_ms);
void run_chaos_tick(struct run *run, struct run_chaos *chaos, int64_t now_ms);

/* check.c, replay_check.c: ask the nodes, print, judge. 0 when everything holds. */
int run_check(struct run *run);
int run_replay_check(struct run *run);

#endif
