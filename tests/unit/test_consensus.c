#include "consensus/machine.h"
#include "consensus_cluster.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

static void check(const struct cluster *cluster, uint64_t seed)
{
	if (cluster->failure)
		fail_msg("seed %llu: %s", (unsigned long long)seed, cluster->failure);
}

/* Storms: faults of every kind, then calm, in which everything must come to an end. */

static void fault(struct cluster *cluster)
{
	struct random *random = &cluster->random;
	uint16_t faulty = cluster->nodes > cluster->members ? 2 : 0; /* a double member's machines stay up */
	uint16_t a = (uint16_t)random_below(random, (uint64_t)(cluster->nodes - faulty));
	uint16_t b = (uint16_t)random_below(random, cluster->nodes);
	switch (random_below(random, 9)) {
	case 0:
		if (cluster->node[a].machine)
			node_down(cluster, a);
		break;
	case 1: /* in the middle of a step to come */
		cluster->node[a].crash_countdown = (int)random_below(random, 12);
		break;
	case 2:
	case 3:
		for (uint16_t i = 0; i < cluster->nodes - faulty; i++)
			if (!cluster->node[i].machine)
				node_start(cluster, i);
		break;
	case 4:
		link_set(cluster, a, b, false);
		break;
	case 5: /* partition */
		for (uint16_t i = 0; i < cluster->nodes; i++)
			for (uint16_t k = 0; k < i; k++)
				link_set(cluster, i, k, (i % 2) == (k % 2) || random_chance(random, 0.1));
		break;
	case 6:
		for (uint16_t i = 0; i < cluster->nodes; i++)
			for (uint16_t k = 0; k < i; k++)
				link_set(cluster, i, k, true);
		break;
	case 7:
		cluster->node[a].clock_offset = (int64_t)random_below(random, 2000) - 1000;
		break;
	default:
		cluster->side[a] = !cluster->side[a];
	}
}

static void calm(struct cluster *cluster)
{
	cluster->loss = cluster->duplicate = 0;
	for (uint16_t i = 0; i < cluster->nodes; i++) {
		cluster->node[i].crash_countdown = -1;
		if (!cluster->node[i].machine)
			node_start(cluster, i);
		for (uint16_t k = 0; k < i; k++)
			link_set(cluster, i, k, true);
	}
}

struct total {
	uint64_t commits_in_storm, commits, crashes, transactions, evidence, rounds_after, ranges, collected;
};

static bool waiting_anywhere(const struct cluster *cluster)
{
	uint64_t count = 0;
	for (uint16_t i = 0; i < cluster->nodes; i++)
		count += node_numbers(cluster, i).missing + node_numbers(cluster, i).suspended;
	return count > 0;
}

static void storm(uint64_t seed, struct total *total)
{
	static const uint16_t sizes[] = {4, 4, 4, 5, 7, 3, 2, 1};
	struct cluster cluster;
	uint16_t members = seed % 24 == 8 ? 10 : sizes[seed % 8];
	cluster_init(&cluster, seed, members, seed % 4 == 1 && members == 4);
	struct random *random = &cluster.random;
	cluster.loss = random_chance(random, 0.5) ? 0.1 * random_unit(random) : 0;
	cluster.duplicate = random_chance(random, 0.3) ? 0.1 : 0;
	cluster.delay_max = 2 + (int64_t)random_below(random, 60);
	cluster.config.suspended_max = random_chance(random, 0.5) ? 128 : 8;
	static const uint32_t depths[] = {60, 8, 20, 0};
	cluster.config.gc_depth = depths[random_below(random, 4)];
	for (uint16_t i = 0; i < members; i++)
		cluster.node[i].clock_offset = (int64_t)random_below(random, 2000) - 1000;
	cluster_start(&cluster);
	cluster_run(&cluster, cluster.now + 200);
	int64_t begin = cluster.now;
	while (cluster.now < begin + 12000 && !cluster.failure) {
		cluster_run(&cluster, cluster.now + 1 + (int64_t)random_below(random, 300));
		if (random_chance(random, 0.7))
			transaction_new(&cluster, (uint16_t)random_below(random, members == cluster.nodes ? members : 3));
		if (random_chance(random, 0.4))
			fault(&cluster);
	}
	total->commits_in_storm += cluster.chain_count;
	calm(&cluster);
	cluster.loss = random_chance(random, 0.3) ? 0.05 : 0; /* some loss is ordinary */
	uint32_t before = cluster_round(&cluster);
	int64_t limit = cluster.now + 40000;
	while (!cluster.failure && cluster.now < limit && !transactions_done(&cluster))
		cluster_run(&cluster, cluster.now + 100);
	transactions_once(&cluster);
	CLUSTER_CHECK(&cluster, transactions_done(&cluster) && "everything commits after the storm");
	uint32_t rounds = cluster_round(&cluster) - before;
	CLUSTER_CHECK(&cluster, rounds < 120 && "within a bounded number of rounds");
	if (rounds > total->rounds_after)
		total->rounds_after = rounds;
	/* Nothing is left over. (A double member's rejected blocks may name what nobody has.) */
	cluster.loss = 0;
	limit = cluster.now + 10000;
	while (!cluster.failure && cluster.now < limit && waiting_anywhere(&cluster))
		cluster_run(&cluster, cluster.now + 50);
	CLUSTER_CHECK(&cluster, cluster.nodes > members || !waiting_anywhere(&cluster));
	check(&cluster, seed);
	total->commits += cluster.chain_count;
	total->crashes += cluster.crashes;
	total->ranges += cluster.ranges;
	total->collected += cluster.collected;
	total->transactions += cluster.transaction_count;
	for (uint16_t i = 0; i < cluster.nodes; i++)
		total->evidence += cluster.node[i].evidence;
	cluster_free(&cluster);
}

static void storms_pass_and_everything_commits_once(void **state)
{
	(void)state;
	struct total total = {0};
	const char *one = getenv("TALLY_SEED"), *many = getenv("TALLY_SEEDS");
	uint64_t seed = one ? strtoull(one, NULL, 10) : 0;
	uint64_t end = many ? strtoull(many, NULL, 10) : seed + (one ? 1 : 240);
	for (; seed < end; seed++)
		storm(seed, &total);
	print_message("         %llu crashes, %llu transactions, %llu commits (%llu of them in the storm), %llu proofs, "
		"at most %llu rounds to the last one, %llu ranges read, %llu blocks collected\n",
		(unsigned long long)total.crashes, (unsigned long long)total.transactions, (unsigned long long)total.commits,
		(unsigned long long)total.commits_in_storm, (unsigned long long)total.evidence, (unsigned long long)total.rounds_after,
		(unsigned long long)total.ranges, (unsigned long long)total.collected);
	if (!one)
		assert_true(total.crashes > 100 && total.commits_in_storm > 1000 && total.evidence > 10 && total.ranges > 3 && total.collected > 100);
}

/* Equal seeds give equal histories, to the byte. */
static void a_seed_is_a_history(void **state)
{
	(void)state;
	uint64_t bytes[2], packets[2];
	struct digest last[2];
	for (int i = 0; i < 2; i++) {
		struct cluster cluster;
		cluster_init(&cluster, 5, 4, false);
		cluster.loss = 0.05;
		cluster_start(&cluster);
		for (int k = 0; k < 100; k++) {
			transaction_new(&cluster, (uint16_t)(k % 4));
			cluster_run(&cluster, cluster.now + 37);
		}
		check(&cluster, 5);
		assert_true(cluster.chain_count > 10);
		bytes[i] = cluster.bytes_sent;
		packets[i] = cluster.packets_sent;
		last[i] = cluster.chain[cluster.chain_count - 1];
		cluster_free(&cluster);
	}
	assert_true(bytes[0] == bytes[1] && packets[0] == packets[1]);
	assert_true(digest_equal(&last[0], &last[1]));
}

static uint64_t own_blocks(const struct cluster *cluster)
{
	uint64_t count = 0;
	for (uint16_t i = 0; i < cluster->nodes; i++)
		count += cluster->node[i].own_blocks;
	return count;
}

static void an_idle_cluster_only_beats(void **state)
{
	(void)state;
	for (uint16_t members = 1; members <= 7; members++) {
		struct cluster cluster;
		cluster_init(&cluster, members, members, false);
		cluster_start(&cluster);
		transaction_new(&cluster, 0);
		cluster_run(&cluster, cluster.now + 3000);
		assert_true(transactions_done(&cluster));
		uint64_t blocks = own_blocks(&cluster), packets = cluster.packets_sent;
		cluster_run(&cluster, cluster.now + 180000);
		blocks = own_blocks(&cluster) - blocks;
		packets = cluster.packets_sent - packets;
		/* A block a member every fifteen seconds, each sent to the others, and nothing else. */
		assert_in_range(blocks, 11u * members, 12u * members + members);
		assert_int_equal(packets, blocks * (members - 1u));
		check(&cluster, members);
		cluster_free(&cluster);
	}
}

static void an_idle_cluster_wakes_at_once(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct cluster cluster;
		uint16_t members = (uint16_t)(1 + seed % 5);
		cluster_init(&cluster, seed, members, false);
		cluster_start(&cluster);
		cluster_run(&cluster, cluster.now + 4000 + (int64_t)random_below(&cluster.random, 20000));
		for (int i = 0; i < 5; i++) {
			uint16_t node = (uint16_t)random_below(&cluster.random, members);
			uint64_t blocks = cluster.node[node].own_blocks;
			transaction_new(&cluster, node);
			/* In the same step, unless a heartbeat was just made. */
			bool at_once = cluster.node[node].own_blocks > blocks;
			cluster_run(&cluster, cluster.now + 30);
			assert_true(at_once || cluster.node[node].own_blocks > blocks);
			cluster_run(&cluster, cluster.now + 220);
			assert_true(transactions_done(&cluster));
			cluster_run(&cluster, cluster.now + (int64_t)random_below(&cluster.random, 12000));
		}
		transactions_once(&cluster);
		check(&cluster, seed);
		cluster_free(&cluster);
	}
}

/* A quorum goes on without the others; the time of a dead leader is not paid when it is known to
 * be away. */
static void absent_members_do_not_stop_the_others(void **state)
{
	(void)state;
	struct cluster cluster;
	cluster_init(&cluster, 3, 4, false);
	cluster_start(&cluster);
	cluster_run(&cluster, cluster.now + 1000);
	node_down(&cluster, 2);
	int64_t begin = cluster.now;
	for (int i = 0; i < 40; i++) {
		uint32_t number = transaction_new(&cluster, (uint16_t)(i % 2));
		cluster_run(&cluster, cluster.now + 300);
		assert_int_equal(cluster.node[3].executed[number], 1);
	}
	assert_true(cluster.now - begin == 40 * 300);
	assert_int_equal(node_numbers(&cluster, 0).leader_timeouts, 0);
	check(&cluster, 3);
	cluster_free(&cluster);
}

static void busy_until(struct cluster *cluster, uint16_t nodes, uint32_t round);

static enum consensus_standing standing(const struct cluster *cluster, uint16_t index, uint16_t member)
{
	return consensus_standing(cluster->node[index].machine, member);
}

static bool leads(const struct cluster *cluster, uint16_t index, uint16_t member)
{
	return standing(cluster, index, member) == CONSENSUS_LEADS;
}

/* Cut off without a word: its time is paid for, until it has lost its turn. Back again, it leads again. */
static void a_leader_without_votes_loses_its_turn(void **state)
{
	(void)state;
	struct cluster cluster;
	cluster_init(&cluster, 3, 4, false);
	cluster_start(&cluster);
	busy_until(&cluster, 4, 20);
	for (uint16_t i = 0; i < 4; i++)
		cluster.link[2][i] = cluster.link[i][2] = false;
	busy_until(&cluster, 1, 220);
	uint64_t paid = node_numbers(&cluster, 0).leader_timeouts;
	assert_true(paid > 0);
	busy_until(&cluster, 1, 420);
	assert_int_equal(node_numbers(&cluster, 0).leader_timeouts, paid);
	uint64_t skipped = node_numbers(&cluster, 0).skipped_leaders;
	for (uint16_t i = 0; i < 4; i++)
		cluster.link[2][i] = cluster.link[i][2] = true;
	busy_until(&cluster, 4, 700);
	assert_true(node_numbers(&cluster, 2).round + 5 > cluster_round(&cluster));
	assert_true(node_numbers(&cluster, 0).skipped_leaders < skipped + 20);
	check(&cluster, 3);
	cluster_free(&cluster);
}

/* Its blocks come when the others could be five rounds on: it takes part, but does not lead, and nobody waits for it. In time again, it leads
 * again. */
static void who_is_late_does_not_lead(void **state)
{
	(void)state;
	struct cluster cluster;
	cluster_init(&cluster, 4, 4, false);
	cluster_start(&cluster);
	busy_until(&cluster, 4, 20);
	cluster.late[3] = 100;
	busy_until(&cluster, 4, 100);
	assert_true(standing(&cluster, 0, 3) == CONSENSUS_LATE && leads(&cluster, 0, 0) && leads(&cluster, 0, 1) && leads(&cluster, 0, 2));
	int64_t begin_ms = cluster.now;
	uint32_t begin_round = cluster_round(&cluster);
	busy_until(&cluster, 4, 200);
	assert_true(cluster.now - begin_ms < 30 * (cluster_round(&cluster) - begin_round)); /* waiting for it would make them 40 */
	uint32_t number = transaction_new(&cluster, 3);
	cluster_run(&cluster, cluster.now + 400);
	assert_int_equal(cluster.node[0].executed[number], 1);
	cluster.late[3] = 0;
	busy_until(&cluster, 4, 300);
	assert_true(leads(&cluster, 0, 3));
	check(&cluster, 4);
	cluster_free(&cluster);
}

/* However long the members go on, what they hold in memory stays the same; and what they tell again after a restart, too. */
static void memory_does_not_grow_with_rounds(void **state)
{
	(void)state;
	struct cluster cluster;
	cluster_init(&cluster, 5, 4, false);
	cluster_start(&cluster);
	for (uint32_t round = 500; round <= 3000; round += 500) {
		busy_until(&cluster, 4, round);
		for (uint16_t i = 0; i < 4; i++)
			assert_true(node_numbers(&cluster, i).blocks < 4 * (60 + 64 + 40));
	}
	uint64_t commits = cluster.node[1].commits;
	node_down(&cluster, 1);
	node_start(&cluster, 1);
	assert_int_equal(cluster.node[1].commits, commits);
	busy_until(&cluster, 4, 3100);
	check(&cluster, 5);
	cluster_free(&cluster);
}

/* Away while thousands of rounds pass: the others read what it lacks from their disks, and its next block stands on
 * one that nobody has in memory any more. */
static void a_member_away_for_long_comes_back(void **state)
{
	(void)state;
	for (int wiped = 0; wiped < 2; wiped++) {
		struct cluster cluster;
		cluster_init(&cluster, 6 + (uint64_t)wiped, 4, false);
		cluster_start(&cluster);
		busy_until(&cluster, 4, 100);
		node_down(&cluster, 3);
		busy_until(&cluster, 3, 3000);
		uint64_t ranges = cluster.ranges;
		if (wiped)
			while (cluster.node[3].log_count > 0)
				buffer_free(&cluster.node[3].log[--cluster.node[3].log_count]);
		cluster.node[3].synced = cluster.node[3].log_count;
		node_start(&cluster, 3);
		cluster_run(&cluster, cluster.now + 20000);
		assert_true(cluster.ranges > ranges);
		uint32_t number = transaction_new(&cluster, 3);
		cluster_run(&cluster, cluster.now + 1000);
		for (uint16_t i = 0; i < 4; i++)
			assert_int_equal(cluster.node[i].executed[number], 1);
		check(&cluster, 6);
		cluster_free(&cluster);
	}
}

static void too_few_halt_safely_and_go_on_later(void **state)
{
	(void)state;
	struct cluster cluster;
	cluster_init(&cluster, 4, 4, false);
	cluster_start(&cluster);
	cluster_run(&cluster, cluster.now + 16000); /* a heartbeat: nobody's disk is empty */
	node_down(&cluster, 2);
	node_down(&cluster, 3);
	uint64_t commits = cluster.chain_count;
	uint64_t blocks = own_blocks(&cluster);
	transaction_new(&cluster, 0);
	cluster_run(&cluster, cluster.now + 20000);
	assert_int_equal(cluster.chain_count, commits);
	assert_int_equal(own_blocks(&cluster), blocks);
	node_start(&cluster, 3);
	cluster_run(&cluster, cluster.now + 2000);
	assert_int_equal(cluster.node[1].executed[0], 1);
	check(&cluster, 4);
	cluster_free(&cluster);
}

/* Keep the members below `nodes` busy until round `round`. */
static void busy_until(struct cluster *cluster, uint16_t nodes, uint32_t round)
{
	for (int i = 0; cluster_round(cluster) < round && !cluster->failure; i++) {
		assert_true(i < 100000);
		transaction_new(cluster, (uint16_t)(i % nodes));
		cluster_run(cluster, cluster->now + 60);
	}
}

static void a_lagging_member_catches_up(void **state)
{
	(void)state;
	struct cluster cluster;
	cluster_init(&cluster, 6, 4, false);
	cluster_start(&cluster);
	busy_until(&cluster, 3, 50);
	node_down(&cluster, 3);
	busy_until(&cluster, 3, 2050);
	uint64_t own = cluster.node[3].own_blocks;
	node_start(&cluster, 3);
	int64_t begin = cluster.now;
	for (int i = 0; i < 50; i++) {
		transaction_new(&cluster, (uint16_t)(i % 4));
		cluster_run(&cluster, cluster.now + 60);
	}
	cluster_run(&cluster, cluster.now + 500);
	assert_true(transactions_done(&cluster));
	transactions_once(&cluster);
	assert_true(cluster.now - begin < 5000);
	struct consensus_numbers numbers = node_numbers(&cluster, 3);
	assert_int_equal(numbers.missing, 0);
	assert_int_equal(numbers.suspended, 0);
	assert_true(numbers.round + 3 > cluster_round(&cluster));
	/* It jumped once, over rounds that nobody needs its blocks of. */
	assert_true(cluster.node[3].own_blocks - own < 400);
	check(&cluster, 6);
	cluster_free(&cluster);
}

/* Fewer rounds behind than a jump: no round of its own is left out (A2, C3). */
static void a_slow_member_makes_every_block(void **state)
{
	(void)state;
	struct cluster cluster;
	cluster_init(&cluster, 7, 4, false);
	cluster_start(&cluster);
	busy_until(&cluster, 3, 40);
	for (uint16_t i = 0; i < 3; i++)
		link_set(&cluster, i, 3, false);
	uint32_t from = node_numbers(&cluster, 3).round;
	busy_until(&cluster, 3, from + 45);
	for (uint16_t i = 0; i < 3; i++)
		link_set(&cluster, i, 3, true);
	busy_until(&cluster, 3, from + 80);
	check(&cluster, 7);
	for (uint32_t round = 1; round < from + 60; round++) {
		uint8_t key[6];
		uint16_t author = 3;
		memcpy(key, &round, 4);
		memcpy(key + 4, &author, 2);
		assert_true(map_get(&cluster.slots, span_of(key, sizeof key), NULL));
	}
	cluster_free(&cluster);
}

static void disk_wipe(struct cluster_node *node, uint32_t left)
{
	while (node->log_count > left)
		buffer_free(&node->log[--node->log_count]);
	node->synced = node->log_count;
}

/* An empty or an old disk: the own tip comes back from the others. That no slot is filled twice
 * is checked with every block sent. */
static void a_lost_disk_does_not_make_an_equivocator(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct cluster cluster;
		uint16_t members = (uint16_t)(2 + seed % 4);
		cluster_init(&cluster, seed, members, false);
		cluster_start(&cluster);
		busy_until(&cluster, members, 30 + (uint32_t)random_below(&cluster.random, 100));
		uint16_t victim = (uint16_t)random_below(&cluster.random, members);
		/* What it has sent arrives: a block that nobody saw cannot be remembered by anybody. */
		cluster_run(&cluster, cluster.now + 1000);
		uint32_t round = node_numbers(&cluster, victim).round;
		node_down(&cluster, victim);
		disk_wipe(&cluster.node[victim], seed % 2 ? 0 : cluster.node[victim].log_count / 2);
		node_start(&cluster, victim);
		transaction_new(&cluster, (uint16_t)((victim + 1) % members));
		cluster_run(&cluster, cluster.now + 6000);
		transaction_new(&cluster, victim);
		cluster_run(&cluster, cluster.now + 1000);
		struct consensus_numbers numbers = node_numbers(&cluster, victim);
		assert_true(numbers.tip_known);
		assert_true(numbers.round > round);
		assert_true(transactions_done(&cluster));
		check(&cluster, seed);
		cluster_free(&cluster);
	}
}

/* No answers, no proposals, however long it takes. */
static void nothing_is_proposed_before_the_tip_is_known(void **state)
{
	(void)state;
	struct cluster cluster;
	cluster_init(&cluster, 8, 4, false);
	cluster_start(&cluster);
	busy_until(&cluster, 4, 20);
	cluster_run(&cluster, cluster.now + 1000);
	node_down(&cluster, 3);
	/* It hears everybody, but only one of them hears it. */
	node_start(&cluster, 3);
	cluster.link[3][1] = cluster.link[3][2] = false;
	uint64_t own = cluster.node[3].own_blocks;
	struct consensus_numbers before = node_numbers(&cluster, 3);
	assert_false(before.tip_known);
	cluster_run(&cluster, cluster.now + 20000);
	assert_int_equal(cluster.node[3].own_blocks, own);
	assert_false(node_numbers(&cluster, 3).tip_known);
	cluster.link[3][1] = true;
	cluster_run(&cluster, cluster.now + 10000);
	assert_true(node_numbers(&cluster, 3).tip_known);
	assert_true(cluster.node[3].own_blocks > own);
	check(&cluster, 8);
	cluster_free(&cluster);
}

/* The tip itself was written but never sent: only the own disk has it, and it must be used. */
static void a_block_that_only_the_own_disk_has_is_kept(void **state)
{
	(void)state;
	struct cluster cluster;
	cluster_init(&cluster, 9, 4, false);
	cluster_start(&cluster);
	cluster_run(&cluster, cluster.now + 1000);
	struct cluster_node *node = &cluster.node[1];
	uint32_t frames = node->log_count;
	node->crash_keeps = true;
	node->crash_countdown = 1; /* after the first action of the next step, PERSIST of the own block */
	transaction_new(&cluster, 1);
	assert_null(node->machine);
	assert_int_equal(node->log_count, frames + 1);
	cluster_run(&cluster, cluster.now + 1000);
	node_start(&cluster, 1);
	cluster_run(&cluster, cluster.now + 2000);
	assert_true(transactions_done(&cluster));
	transactions_once(&cluster);
	check(&cluster, 9);
	cluster_free(&cluster);
}

/* A member with two machines: commits stay one chain (checked all along), and there is proof. */
static void an_equivocator_is_outvoted_and_reported(void **state)
{
	(void)state;
	uint64_t evidence = 0, deposed = 0;
	for (uint64_t seed = 0; seed < 12; seed++) {
		struct cluster cluster;
		cluster_init(&cluster, seed, 4, true);
		cluster_start(&cluster);
		for (int i = 0; i < 60; i++) {
			transaction_new(&cluster, (uint16_t)(i % 3));
			cluster_run(&cluster, cluster.now + 40);
			for (uint16_t k = 0; k < 3; k++) { /* with the end of the round, not only when the schedule is due */
				const struct consensus *machine = cluster.node[k].machine;
				assert_false(machine->reputation.lied[3] && !machine->reputation.changed && leads(&cluster, k, 3));
			}
			if (random_chance(&cluster.random, 0.3)) {
				uint16_t node = (uint16_t)random_below(&cluster.random, 3);
				cluster.side[node] = !cluster.side[node];
			}
		}
		cluster_run(&cluster, cluster.now + 5000);
		assert_true(transactions_done(&cluster));
		transactions_once(&cluster);
		for (uint16_t i = 0; i < 3; i++)
			evidence += cluster.node[i].evidence;
		/* Both twins in the order depose their author, for all at the same commit. */
		for (uint16_t i = 0; i < 3; i++) {
			assert_int_equal(cluster.node[i].commits, cluster.node[0].commits);
			assert_int_equal(standing(&cluster, i, 3), standing(&cluster, 0, 3));
			assert_true(leads(&cluster, i, 0) && leads(&cluster, i, 1) && leads(&cluster, i, 2));
		}
		deposed += standing(&cluster, 0, 3) == CONSENSUS_LIED;
		check(&cluster, seed);
		cluster_free(&cluster);
	}
	assert_true(evidence > 0 && deposed > 0);
}

/* One clock is an hour wrong, either way: the others go on, and its transactions commit when it
 * is behind; an hour ahead, they have to wait. */
static void a_wrong_clock_harms_only_its_owner(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct cluster cluster;
		cluster_init(&cluster, 10, 4, false);
		cluster.node[2].clock_offset = i ? 3600 * 1000 : -3600 * 1000;
		cluster_start(&cluster);
		for (int k = 0; k < 20; k++) {
			transaction_new(&cluster, (uint16_t)(k % 2));
			cluster_run(&cluster, cluster.now + 100);
		}
		cluster_run(&cluster, cluster.now + 10000);
		for (uint32_t k = 0; k < cluster.transaction_count; k++)
			for (uint16_t node = 0; node < 4; node++)
				assert_int_equal(cluster.node[node].executed[k], 1);
		if (!i) {
			transaction_new(&cluster, 2);
			cluster_run(&cluster, cluster.now + 5000);
			assert_true(transactions_done(&cluster));
		}
		int64_t last = cluster.commit_times[cluster.chain_count - 1];
		assert_true(last <= cluster.now + 2000 && last > cluster.now - 20000);
		/* It jumps to where it belongs, and nobody notices. */
		cluster.node[2].clock_offset = 0;
		cluster_run(&cluster, cluster.now + 10000);
		transaction_new(&cluster, 0);
		cluster_run(&cluster, cluster.now + 5000);
		assert_int_equal(cluster.node[0].executed[cluster.transaction_count - 1], 1);
		check(&cluster, 10);
		cluster_free(&cluster);
	}
}

/* Submissions: limits, and a full queue says so. */
static void too_much_is_refused(void **state)
{
	(void)state;
	struct cluster cluster;
	cluster_init(&cluster, 11, 4, false);
	cluster.config.pending_bytes_max = 4096;
	node_start(&cluster, 0);
	static uint8_t bytes[BLOCK_TRANSACTION_MAX + 1];
	enum status refused;
	struct consensus_event event = {.kind = CONSENSUS_SUBMIT};
	event.bytes = span_of(bytes, sizeof bytes);
	node_step(&cluster, 0, event, &refused);
	assert_int_equal(refused, E_LIMIT);
	event.bytes = span_of(bytes, 0);
	node_step(&cluster, 0, event, &refused);
	assert_int_equal(refused, E_MALFORMED);
	event.bytes = span_of(bytes, 1000);
	for (int i = 0; i < 4; i++) {
		node_step(&cluster, 0, event, &refused);
		assert_int_equal(refused, OK);
	}
	node_step(&cluster, 0, event, &refused);
	assert_int_equal(refused, E_BUSY);
	check(&cluster, 11);
	cluster_free(&cluster);
}

static double seconds(void)
{
	struct timespec time;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Printed, not asserted. TALLY_MEASURE=1 makes it long enough to mean something. */
static void recovery_gives_the_same_commits(void **state)
{
	(void)state;
	struct cluster cluster;
	uint32_t rounds = getenv("TALLY_MEASURE") ? 25000 : 1500;
	cluster_init(&cluster, 12, 4, false);
	cluster_start(&cluster);
	double begin = seconds();
	busy_until(&cluster, 4, rounds);
	double run = seconds() - begin;
	uint64_t commits = cluster.node[0].commits;
	struct consensus_numbers before = node_numbers(&cluster, 0);
	cluster.node[0].crash_keeps = true;
	node_crash(&cluster, 0);
	size_t memory = mallinfo2().uordblks + mallinfo2().hblkhd;
	begin = seconds();
	node_start(&cluster, 0);
	double recovery = seconds() - begin;
	memory = mallinfo2().uordblks + mallinfo2().hblkhd - memory;
	struct consensus_numbers numbers = node_numbers(&cluster, 0);
	assert_int_equal(cluster.node[0].commits, commits);
	assert_int_equal(numbers.decided_round, before.decided_round);
	assert_int_equal(numbers.blocks, before.blocks);
	print_message("         %llu blocks: %.1f us a block and member live (signatures faked), %.1f us in recovery, "
		"%.0f bytes of memory each\n", (unsigned long long)numbers.blocks, 1e6 * run / 4 / (double)numbers.blocks,
		1e6 * recovery / (double)numbers.blocks, (double)memory / (double)numbers.blocks);
	check(&cluster, 12);
	cluster_free(&cluster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(storms_pass_and_everything_commits_once),
		cmocka_unit_test(a_seed_is_a_history),
		cmocka_unit_test(an_idle_cluster_only_beats),
		cmocka_unit_test(an_idle_cluster_wakes_at_once),
		cmocka_unit_test(absent_members_do_not_stop_the_others),
		cmocka_unit_test(a_leader_without_votes_loses_its_turn),
		cmocka_unit_test(who_is_late_does_not_lead),
		cmocka_unit_test(memory_does_not_grow_with_rounds),
		cmocka_unit_test(a_member_away_for_long_comes_back),
		cmocka_unit_test(too_few_halt_safely_and_go_on_later),
		cmocka_unit_test(a_lagging_member_catches_up),
		cmocka_unit_test(a_slow_member_makes_every_block),
		cmocka_unit_test(a_lost_disk_does_not_make_an_equivocator),
		cmocka_unit_test(nothing_is_proposed_before_the_tip_is_known),
		cmocka_unit_test(a_block_that_only_the_own_disk_has_is_kept),
		cmocka_unit_test(an_equivocator_is_outvoted_and_reported),
		cmocka_unit_test(a_wrong_clock_harms_only_its_owner),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(recovery_gives_the_same_commits),
	};
	const char *filter = getenv("TALLY_TEST");
	if (filter)
		cmocka_set_test_filter(filter);
	return cmocka_run_group_tests_name("consensus", tests, NULL, NULL);
}
