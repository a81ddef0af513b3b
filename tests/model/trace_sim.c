/* Runs a consortium of four in the simulator from a seed, and prints what its honest members did (watch.h). The linker puts
 * the functions below in the way of consensus_new and consensus_step, so the simulator and the product are as they are.
 * Ends with 3 if it is no run for the model: more than two blocks in a slot, two of a member that is not the liar (it
 * lost its disk, or made one that never left it), more liars than one, or so small a depth of collection that blocks of
 * the watched rounds are collected. */
#include "watch.h"

#include "replica/state.h"
#include "sim/state.h"

#include <stdlib.h>

struct consensus *__real_consensus_new(const struct consensus_config *config, const struct block_signer *signer);
struct consensus *__wrap_consensus_new(const struct consensus_config *config, const struct block_signer *signer);
void __real_consensus_step(struct consensus *machine, const struct consensus_event *event, struct consensus_actions *actions, enum status *refused);
void __wrap_consensus_step(struct consensus *machine, const struct consensus_event *event, struct consensus_actions *actions, enum status *refused);

enum { NOT_FOR_THE_MODEL = 3 };

static struct watch watch;
static struct sim *watched;
static const struct consensus *machines[WATCH_MEMBERS]; /* of the life of each that is being watched */

/* A machine that is made where one was before is another one. */
struct consensus *__wrap_consensus_new(const struct consensus_config *config, const struct block_signer *signer)
{
	struct consensus *machine = __real_consensus_new(config, signer);
	for (int member = 0; member < WATCH_MEMBERS; member++)
		if (machines[member] == machine)
			machines[member] = NULL;
	return machine;
}

static int member_of(const struct consensus *machine)
{
	for (int member = 0; watched && member < WATCH_MEMBERS; member++)
		if (watched->member[member].replica && watched->member[member].replica->consensus == machine && is_honest(&watched->member[member]))
			return member;
	return -1;
}

void __wrap_consensus_step(struct consensus *machine, const struct consensus_event *event, struct consensus_actions *actions, enum status *refused)
{
	int member = member_of(machine);
	if (member >= 0 && machines[member] != machine) {
		machines[member] = machine;
		watch_life(&watch, member);
	}
	__real_consensus_step(machine, event, actions, refused);
	if (member >= 0)
		watch_step(&watch, member, machine, event, actions);
}

static bool watched_enough(void)
{
	for (int member = 0; member < WATCH_MEMBERS; member++)
		if (is_honest(&watched->member[member]) && !watch.ended[member])
			return false;
	return true;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("trace_sim SEED\n", stderr);
		return 2;
	}
	struct sim_options options = {.seed = strtoull(argv[1], NULL, 10), .members = WATCH_MEMBERS};
	struct sim_keys *keys = sim_keys_new();
	struct sim *sim = sim_new(&options, keys);
	int liar = 0;
	while (liar < WATCH_MEMBERS - 1 && is_honest(&sim->member[liar]))
		liar++;
	watch_begin(&watch, liar, sim->consensus.leaders);
	watch.outside = sim->consensus.gc_depth > 0 && sim->consensus.gc_depth < WATCH_ROUNDS;
	watched = sim;
	while (!watch.outside && !watched_enough() && sim_step(sim))
		;
	struct sim_report report;
	sim_report(sim, &report);
	bool broken = report.verdict != SIM_RUNNING && report.verdict != SIM_PASS;
	if (broken)
		fprintf(stderr, "trace_sim: %s: %s\n", sim_verdict_name(report.verdict), report.text);
	watched = NULL;
	sim_free(sim);
	sim_keys_free(keys);
	return broken ? 1 : watch.outside ? NOT_FOR_THE_MODEL : 0;
}
