/* Runs four real members from a seed, the last of whom is two machines with one key, and prints what the honest ones did,
 * for the model to judge (ledger.pml, docs/model.md):
 *
 *   block BLOCK : BLOCK...        a block and its ancestors, when an honest member first accepts it
 *   see MEMBER BLOCK              this member has accepted it
 *   decide MEMBER ROUND WHAT      it has decided this round: skip, or the number of the leader's block
 *   step MEMBER                   its step is over: it has decided all that it can
 *
 * BLOCK is ROUND.AUTHOR.NUMBER; number 1 is the second block of a slot. A member's part ends with its first block above
 * the last round. */
#include "consensus/consensus.h"

/* Every step of every machine passes here. */
static void step_and_watch(struct consensus *machine, const struct consensus_event *event, struct consensus_actions *actions, enum status *refused);
#define consensus_step step_and_watch
#include "../unit/consensus_cluster.h"
#undef consensus_step

enum { MEMBERS = 4, HONEST = 3, ROUNDS = 12, TWINS = 2 };

struct watch {
	struct cluster *cluster;
	struct digest blocks[ROUNDS + 1][MEMBERS][TWINS];
	uint8_t counts[ROUNDS + 1][MEMBERS];
	uint32_t decided[HONEST];
	bool ended[HONEST];
};

static struct watch watch;

static bool block_number(const struct block_ref *ref, int *number)
{
	for (*number = 0; *number < watch.counts[ref->round][ref->author]; ++*number)
		if (digest_equal(&watch.blocks[ref->round][ref->author][*number], &ref->digest))
			return true;
	return false;
}

static void block_name_print(const struct block_ref *ref)
{
	int number;
	CHECK(block_number(ref, &number));
	printf(" %u.%u.%d", ref->round, ref->author, number);
}

static void block_watch(int member, struct span bytes)
{
	struct block block;
	int number;
	CHECK(block_parse(bytes, &block, NULL) == OK);
	watch.ended[member] |= block.round > ROUNDS;
	if (watch.ended[member])
		return;
	struct block_ref ref = {.round = block.round, .author = block.author, .digest = block.digest};
	if (!block_number(&ref, &number)) {
		CHECK(number < TWINS);
		watch.blocks[ref.round][ref.author][watch.counts[ref.round][ref.author]++] = ref.digest;
		printf("block");
		block_name_print(&ref);
		printf(" :");
		for (int i = 0; i < block.ancestor_count; i++)
			if (block.ancestors[i].round > 0)
				block_name_print(&block.ancestors[i]);
		putchar('\n');
	}
	printf("see %d", member);
	block_name_print(&ref);
	putchar('\n');
}

static void decisions_watch(int member, const struct consensus *machine, const struct consensus_actions *actions)
{
	struct consensus_numbers numbers;
	uint32_t next = 0;
	consensus_numbers(machine, &numbers);
	for (uint32_t round = watch.decided[member] + 1; round <= numbers.decided_round; round++) {
		while (next < actions->count && (actions->items[next].kind != CONSENSUS_COMMIT || actions->items[next].commit.leader.round < round))
			next++;
		const struct block_ref *leader = next < actions->count ? &actions->items[next].commit.leader : NULL;
		int number;
		if (!leader || leader->round != round) {
			printf("decide %d %u skip\n", member, round);
		} else {
			CHECK(block_number(leader, &number));
			printf("decide %d %u %d\n", member, round, number);
		}
	}
	watch.decided[member] = numbers.decided_round;
	printf("step %d\n", member);
}

static void step_and_watch(struct consensus *machine, const struct consensus_event *event, struct consensus_actions *actions, enum status *refused)
{
	int member = 0;
	consensus_step(machine, event, actions, refused);
	while (member < HONEST && watch.cluster->node[member].machine != machine)
		member++;
	if (member == HONEST || watch.ended[member])
		return;
	bool accepted = false;
	for (uint32_t i = 0; i < actions->count; i++)
		if (actions->items[i].kind == CONSENSUS_PERSIST) {
			block_watch(member, actions->items[i].bytes);
			accepted = true;
		}
	if (accepted && !watch.ended[member])
		decisions_watch(member, machine, actions);
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
	cluster_init(&cluster, strtoull(argv[1], NULL, 10), MEMBERS, true);
	struct random *random = &cluster.random;
	cluster.loss = 0.15 * random_unit(random);
	cluster.delay_max = 2 + (int64_t)random_below(random, 120);
	watch.cluster = &cluster;
	cluster_start(&cluster);
	for (int i = 0; i < 400 && !(watch.ended[0] && watch.ended[1] && watch.ended[2]); i++) {
		transaction_new(&cluster, (uint16_t)random_below(random, HONEST));
		cluster_run(&cluster, cluster.now + 1 + (int64_t)random_below(random, 60));
		if (random_chance(random, 0.5))
			weather_change(&cluster);
	}
	const char *failure = cluster.failure;
	cluster_free(&cluster);
	if (failure)
		fprintf(stderr, "trace: %s\n", failure);
	return failure ? 1 : 0;
}
