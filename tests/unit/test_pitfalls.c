/* Faults that others have met, each as small as it can be: docs/tests-of-the-ledger.md has the list. */
#include "consensus/machine.h"
#include "consensus_cluster.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void check(const struct cluster *cluster, unsigned number)
{
	if (cluster->failure)
		fail_msg("%u: %s", number, cluster->failure);
}

/* The machine of a node that runs in a cluster hears this; what it does about it is looked at, and not done. */
static struct consensus_actions hears_alone(struct cluster *cluster, uint16_t index, struct consensus_event event)
{
	struct consensus_actions actions;
	event.now_ms = cluster->now;
	consensus_step(cluster->node[index].machine, &event, &actions, NULL);
	return actions;
}

static void busy_each(struct cluster *cluster, uint16_t nodes, int64_t duration_ms, int64_t each_ms)
{
	int64_t until = cluster->now + duration_ms;
	for (uint32_t i = 0; cluster->now < until && !cluster->failure; i++) {
		transaction_new(cluster, (uint16_t)(i % nodes));
		cluster_run(cluster, cluster->now + each_ms);
	}
}

static void busy_for(struct cluster *cluster, uint16_t nodes, int64_t duration_ms)
{
	busy_each(cluster, nodes, duration_ms, 40);
}

/* It may have acknowledged our last block and lost it with its power, and nobody else may have it. */
static void who_connects_is_sent_the_last_own_block(void **state)
{
	(void)state;
	struct cluster cluster;
	cluster_init(&cluster, 1, 4, false);
	cluster_start(&cluster);
	cluster_run(&cluster, cluster.now + 3000);
	busy_for(&cluster, 4, 1000);
	cluster_run(&cluster, cluster.now + 2000); /* at rest */
	uint32_t own = node_numbers(&cluster, 0).round, sent = 0;
	assert_true(own > 5);
	hears_alone(&cluster, 0, (struct consensus_event){.kind = CONSENSUS_PEER_DOWN, .peer = 1});
	struct consensus_actions actions = hears_alone(&cluster, 0, (struct consensus_event){.kind = CONSENSUS_PEER_UP, .peer = 1});
	for (uint32_t i = 0; i < actions.count; i++) {
		struct consensus_action *action = &actions.items[i];
		struct block block;
		if (action->kind != CONSENSUS_SEND_STORED || action->peer != 1)
			continue;
		consensus_positions_resolve(cluster.node[0].machine, action);
		assert_int_equal(action->position_count, 1);
		assert_int_equal(block_parse(buffer_span(&cluster.node[0].log[action->positions[0]]), &block, NULL), OK);
		assert_true(block.author == 0 && block.round == own);
		sent++;
	}
	assert_int_equal(sent, 1);
	check(&cluster, 0);
	cluster_free(&cluster);
}

/* Nobody says anything to a consortium of one: its own clock takes it on, also right after an own block. And where a member is
 * connected and says nothing, the others' clocks do. */
static void timers_go_on_after_an_own_block(void **state)
{
	(void)state;
	for (uint16_t members = 1; members <= 4; members += 3) {
		struct cluster cluster;
		cluster_init(&cluster, 2, members, false);
		cluster_start(&cluster);
		cluster_run(&cluster, cluster.now + 3000);
		uint32_t number = transaction_new(&cluster, 0);
		cluster_run(&cluster, cluster.now + 500);
		assert_int_equal(cluster.node[0].executed[number], 1);
		for (uint16_t i = 0; i < 3; i++)
			cluster.link[3][i] = false;
		uint64_t commits = cluster.chain_count;
		busy_for(&cluster, members == 1 ? 1 : 3, 3000);
		assert_true(cluster.chain_count > commits + 5);
		check(&cluster, members);
		cluster_free(&cluster);
	}
}

static bool same_schedule(const struct cluster *cluster, uint16_t a, uint16_t b)
{
	const struct schedule *x = &cluster->node[a].machine->committer.schedule, *y = &cluster->node[b].machine->committer.schedule;
	return x->count == y->count && memcmp(x->members, y->members, x->count * sizeof *x->members) == 0;
}

/* Member 3 is away, so the 64th commit changes who leads. Member 1 dies at each action around it, and must come back with the
 * schedule that the others have. */
static void a_crash_as_the_leaders_change(void **state)
{
	(void)state;
	enum { ACTIONS = 160 };
	uint64_t just_before = 0, just_after = 0;
	for (int at = 0; at < ACTIONS; at++) {
		struct cluster cluster;
		cluster_init(&cluster, 3, 4, false);
		for (uint16_t i = 0; i < 3; i++)
			node_start(&cluster, i);
		cluster_run(&cluster, cluster.now + 3000);
		while (cluster.node[1].commits + 20 < REPUTATION_COMMITS)
			busy_for(&cluster, 3, 40);
		cluster.node[1].crash_countdown = at;
		while (cluster.node[1].machine && !cluster.failure)
			busy_for(&cluster, 3, 40);
		just_before += cluster.node[1].commits < REPUTATION_COMMITS;
		just_after += cluster.node[1].commits >= REPUTATION_COMMITS;
		cluster_run(&cluster, cluster.now + 100);
		node_start(&cluster, 1);
		busy_for(&cluster, 3, 1500);
		cluster_run(&cluster, cluster.now + 2000);
		check(&cluster, (unsigned)at);
		assert_true(cluster.node[1].commits == cluster.node[0].commits && cluster.node[1].commits > REPUTATION_COMMITS + 10);
		assert_true(same_schedule(&cluster, 0, 1) && same_schedule(&cluster, 0, 2));
		for (uint16_t i = 0; i < cluster.node[1].machine->committer.schedule.count; i++)
			assert_true(cluster.node[1].machine->committer.schedule.members[i] != 3);
		cluster_free(&cluster);
	}
	print_message("         died %llu times before, %llu times after\n", (unsigned long long)just_before, (unsigned long long)just_after);
	assert_true(just_before > 20 && just_after > 20);
}

/* One member's messages come later by so much; the others' take 10 to 15 ms. How long is a round, and does it lead? */
static double round_with_late(int64_t late_ms, bool *leads, uint64_t *skipped)
{
	struct cluster cluster;
	cluster_init(&cluster, 5, 4, false);
	cluster.delay_min = 10;
	cluster.delay_max = 15;
	cluster.late[3] = late_ms;
	cluster_start(&cluster);
	busy_each(&cluster, 4, 5000, 7);
	struct consensus_numbers before = node_numbers(&cluster, 0);
	int64_t begun = cluster.now;
	busy_each(&cluster, 4, 10000, 7);
	struct consensus_numbers after = node_numbers(&cluster, 0);
	*leads = cluster.node[0].machine->committer.schedule.count == 4;
	*skipped = after.skipped_leaders - before.skipped_leaders;
	double length_ms = (double)(cluster.now - begun) / (after.round - before.round);
	print_message("         late by %lld ms: rounds of %.1f ms, %s, %llu places skipped in 10 s\n", (long long)late_ms, length_ms,
		*leads ? "leads" : "does not lead", (unsigned long long)*skipped);
	check(&cluster, (unsigned)late_ms);
	cluster_free(&cluster);
	return length_ms;
}

/* Who is late by less than a round is waited for, and in time for that. Who is late by more leads no more, and costs nothing. */
static void late_members_cost_a_part_of_a_round_or_nothing(void **state)
{
	(void)state;
	bool leads;
	uint64_t skipped;
	double good = round_with_late(0, &leads, &skipped);
	assert_true(leads && skipped == 0);
	for (int64_t late_ms = 10; late_ms <= 30; late_ms += 10) {
		double length = round_with_late(late_ms, &leads, &skipped);
		assert_true(leads && skipped < 10 && length < good + 20);
	}
	for (int64_t late_ms = 60; late_ms <= 120; late_ms += 30) {
		double length = round_with_late(late_ms, &leads, &skipped);
		assert_true(!leads && length < good + 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_connects_is_sent_the_last_own_block),
		cmocka_unit_test(timers_go_on_after_an_own_block),
		cmocka_unit_test(a_crash_as_the_leaders_change),
		cmocka_unit_test(late_members_cost_a_part_of_a_round_or_nothing),
	};
	cmocka_set_test_filter(getenv("TALLY_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
