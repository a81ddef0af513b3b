#include "command/command.h"
#include "run/run.h"

#include "host/disk.h"
#include "host/loop.h"

#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info, (void)kind, (void)walk;
	return remove(path);
}

/* Only a folder that this program made is ever deleted. */
static enum status state_remove(const char *folder, struct fault *fault)
{
	char mark[1024];
	snprintf(mark, sizeof mark, "%s/port", folder);
	if (access(folder, F_OK) != 0)
		return OK;
	if (access(mark, F_OK) != 0 && rmdir(folder) != 0)
		return fault_set(fault, E_CONFIG, "%s was not made by tally run; delete it yourself if it may go", folder);
	nftw(folder, remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	return access(folder, F_OK) == 0 ? fault_set(fault, E_IO, "%s cannot be deleted", folder) : OK;
}

static int run_all(struct run *run, struct fault *fault)
{
	enum status status = run_prepare(run, fault);
	if (status == OK)
		status = run_register(run, fault);
	if (status == OK && !run_interrupted())
		status = run_start_floor(run, fault);
	int code = 1;
	if (status == OK && run->options.check) {
		code = run->options.replay ? run_replay_check(run) : run_check(run);
	} else if (status == OK) {
		char url[64];
		run_node_url(run, 0, url);
		printf("\nDashboard: %s/   (Ctrl-C ends everything; state stays in %s)\n\n", url, run->options.state);
		fflush(stdout);
		run_watch(run);
		code = 0;
	}
	run_stop(run);
	return status == OK || run_interrupted() ? code : app_fail(fault);
}

int command_run(int count, char **arguments)
{
	const char *state = NULL, *fresh = NULL, *check = NULL, *chaos = NULL, *replay = NULL, *seed = "1", *examples = "examples/shopfloor";
	const struct option_spec options[] = {
		{"state", "FOLDER", "where keys, logs and chunks live (default state, or state-check with --check)", &state},
		{"fresh", NULL, "delete that folder and begin anew", &fresh},
		{"check", NULL, "run faster than real time, ask the nodes what they found, judge it, end", &check},
		{"chaos", "SEED", "with --check: kill -9 nodes, gateway and broker at moments drawn from SEED", &chaos},
		{"replay", "FILE", "recorded C-MAPSS engines instead of the simulated machines", &replay},
		{"seed", "S", "seed of the simulated machines and their faults (default 1)", &seed},
		{"examples", "FOLDER", "machine documents (default examples/shopfloor)", &examples},
		{0}};
	char **words, program[1024];
	int word_count, code;
	struct fault fault = {0};
	if (!options_parse(count, arguments, "Start the whole example: four nodes, a broker, a gateway, a shop floor.", "", options, &words, &word_count, &code))
		return code;
	ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
	char *folder = NULL;
	if (!state)
		state = check ? "state-check" : "state";
	if (size <= 0 || (chaos && !check)) {
		fault_set(&fault, E_CONFIG, "--chaos goes with --check");
		app_fail(&fault);
		return 2;
	}
	program[size] = '\0';
	if ((fresh || check) && state_remove(state, &fault) != OK)
		return app_fail(&fault);
	if (disk_folder(state, &fault) != OK || !(folder = realpath(state, NULL))) {
		free(folder);
		return app_fail(&fault);
	}
	struct run run = {.rate_percent = 100};
	run.options = (struct run_options){.state = folder, .examples = examples, .program = program, .replay = replay, .seed = strtoull(seed, NULL, 10),
		.check = check != NULL, .chaos = chaos != NULL, .chaos_seed = chaos ? strtoull(chaos, NULL, 10) : 0};
	run_catch_signals();
	code = run_all(&run, &fault);
	free(folder);
	return code;
}
