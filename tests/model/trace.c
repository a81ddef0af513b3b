/* Runs four members of the room `consensus` from a seed, the last of whom is two machines with one key, and prints what the
 * honest ones did (watch.h). */
#include "watch.h"

/* Every step of every machine passes here. */
static void step_and_watch(struct consensus *machine, const struct consensus_event *event, struct consensus_actions *actions, enum status *refused);
#define consensus_step step_and_watch
#include "../unit/consensus_cluster.h"
#undef consensus_step

enum { HONEST = WATCH_MEMBERS - 1 };

static struct watch watch;
static const struct cluster *watched;

static void step_and_watch(struct consensus *machine, const struct consensus_event *event, struct consensus_actions *actions, enum status *refused)
{
	int member = 0;
	consensus_step(machine, event, actions, refused);
	while (member < HONEST && watched->node[member].machine != machine)
		member++;
	if (member < HONEST)
		watch_step(&watch, member, machine, event, actions);
}

static void weather_change(struct cluster *cluster)
{
	struct random *random = &cluster->random;
	uint16_t a = (uint16_t)random_below(random, cluster->nodes), b = (uint16_t)random_below(random, cluster->nodes);
	switch (random_below(random, 4)) {
	case 0:
		link_set(cluster, a, b, false);
		break;
	case 1:
		for (uint16_t i = 0; i < cluster->nodes; i++)
			for (uint16_t k = 0; k < i; k++)
				link_set(cluster, i, k, true);
		break;
	default:
		cluster->side[a] = !cluster->side[a];
	}
}

int main(int argc, char **argv)
{
	struct cluster cluster;
	if (argc != 2) {
		fputs("trace SEED\n", stderr);
		return 2;
	}
	cluster_init(&cluster, strtoull(argv[1], NULL, 10), WATCH_MEMBERS, true);
	struct random *random = &cluster.random;
	cluster.loss = 0.15 * random_unit(random);
	cluster.delay_max = 2 + (int64_t)random_below(random, 120);
	watched = &cluster;
	cluster.config.leaders = (uint16_t)(random_chance(random, 0.5) ? WATCH_MEMBERS : 1 + random_below(random, WATCH_MEMBERS - 1));
	watch_begin(&watch, HONEST, cluster.config.leaders);
	cluster_start(&cluster);
	for (int i = 0; i < 400 && !(watch.ended[0] && watch.ended[1] && watch.ended[2]); i++) {
		transaction_new(&cluster, (uint16_t)random_below(random, HONEST));
		cluster_run(&cluster, cluster.now + 1 + (int64_t)random_below(random, 60));
		if (random_chance(random, 0.5))
			weather_change(&cluster);
	}
	CHECK(!watch.outside);
	const char *failure = cluster.failure;
	cluster_free(&cluster);
	if (failure)
		fprintf(stderr, "trace: %s\n", failure);
	return failure ? 1 : 0;
}
