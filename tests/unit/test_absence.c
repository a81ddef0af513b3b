/* Members that were away, and come back. f of them for very many rounds: these are empty blocks, as fast as they go, with a small depth of
 * collection, so that a minute of one core sees a million. Meanwhile the others' memory stays what it was; whoever returns is
 * back within a bound and its transactions commit. And catching up that is cut at each of its steps, by a restart of either
 * end or by a connection that breaks, while what was under way still comes.
 *
 * TALLY_ROUNDS=n: so many rounds (1000000: two minutes, and some gigabytes for the logs). TALLY_ALL=1: every step, not some; these are
 * 8,500 stories. */
#include "consensus/machine.h"
#include "consensus_cluster.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { GC_DEPTH = 8, BEAT_MS = 2, WARM_ROUNDS = 2000, ROUNDS = 30000, BACK_MS_LEAST = 12000, ROUNDS_A_SECOND = 5000 };

static void check(const struct cluster *cluster)
{
	if (cluster->failure)
		fail_msg("%s", cluster->failure);
}

static void begin(struct cluster *cluster, uint64_t seed, uint16_t members, uint32_t gc_depth)
{
	cluster_init(cluster, seed, members, false);
	cluster->config.gc_depth = gc_depth;
	cluster->config.round_delay_ms = 1;
	cluster->config.heartbeat_ms = BEAT_MS;
	cluster->delay_max = 1;
	cluster_start(cluster);
}

static uint32_t rounds_wanted(void)
{
	const char *rounds = getenv("TALLY_ROUNDS");
	return rounds ? (uint32_t)strtoul(rounds, NULL, 10) : ROUNDS;
}

/* Until the first member has accepted a block of that round; bounded all the way. */
static void rounds_pass(struct cluster *cluster, uint32_t round)
{
	while (cluster_round(cluster) < round && !cluster->failure) {
		uint32_t before = cluster_round(cluster);
		cluster_run(cluster, cluster->now + 1000);
		assert_true(cluster_round(cluster) > before);
		for (uint16_t i = 0; i < cluster->nodes; i++) {
			struct consensus_numbers numbers = node_numbers(cluster, i);
			assert_true(numbers.blocks <= (uint64_t)cluster->members * (cluster->config.gc_depth + MACHINE_COLLECT_ROUNDS + 20));
			assert_true(numbers.suspended == 0 || i >= cluster->members - validity_faulty_max(cluster->members));
		}
	}
	check(cluster);
}

static void returns(struct cluster *cluster, uint16_t index)
{
	node_start(cluster, index);
	int64_t begin = cluster->now, bound = BACK_MS_LEAST + (int64_t)cluster_round(cluster) * 1000 / ROUNDS_A_SECOND;
	while (node_numbers(cluster, index).round + 4 < cluster_round(cluster) && !cluster->failure) {
		cluster_run(cluster, cluster->now + 50);
		assert_true(cluster->now - begin < bound);
	}
	print_message("         member %u is back after %lld ms, at round %u\n", (unsigned)index, (long long)(cluster->now - begin),
		(unsigned)cluster_round(cluster));
}

static void members_away_for_very_long_come_back(void **state)
{
	(void)state;
	static const uint16_t sizes[] = {4, 7};
	for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
		struct cluster cluster;
		uint16_t members = sizes[k], away = validity_faulty_max(members), last = (uint16_t)(members - 1);
		uint32_t rounds = members == 4 ? rounds_wanted() : rounds_wanted() / 8;
		begin(&cluster, 15 + k, members, GC_DEPTH);
		rounds_pass(&cluster, 100);
		for (uint16_t i = 0; i < away; i++)
			node_down(&cluster, (uint16_t)(last - i));
		rounds_pass(&cluster, WARM_ROUNDS);
		size_t before = node_memory(&cluster, 0);
		uint64_t commits = cluster.chain_count;
		uint32_t from = cluster_round(&cluster);
		rounds_pass(&cluster, rounds);
		assert_true(cluster.chain_count - commits + 10 > cluster_round(&cluster) - from); /* nobody who is away leads */
		size_t after = node_memory(&cluster, 0);
		print_message("         %u members, %u away for %u rounds: %zu bytes after %d rounds, %zu after all\n", (unsigned)members, (unsigned)away,
			(unsigned)rounds, before, WARM_ROUNDS, after);
		/* The places in the log, 8 bytes for every 64 rounds, in an array that doubles. */
		assert_true(after < before + before / 4 + 2 * 8 * (size_t)rounds / 64);
		for (uint16_t i = 0; i < away; i++)
			returns(&cluster, (uint16_t)(last - i));
		for (uint16_t i = 0; i < members; i++)
			transaction_new(&cluster, i);
		cluster_run(&cluster, cluster.now + 2000);
		assert_true(transactions_done(&cluster));
		transactions_once(&cluster);
		for (uint16_t i = 0; i < away; i++) {
			struct consensus_numbers numbers = node_numbers(&cluster, (uint16_t)(last - i));
			assert_true(numbers.missing == 0 && numbers.suspended == 0);
			assert_true(numbers.blocks <= (uint64_t)members * (GC_DEPTH + MACHINE_COLLECT_ROUNDS + 20));
		}
		check(&cluster);
		cluster_free(&cluster);
	}
}

/* A member that was away leaves rounds without blocks of its own, more than one answer looks through. Who then fetches
 * everything, with an empty disk, gets past them, too. */
static void an_absence_before_hinders_nobody(void **state)
{
	(void)state;
	static const uint32_t depths[] = {GC_DEPTH, 60};
	for (size_t k = 0; k < sizeof depths / sizeof *depths; k++) {
		struct cluster cluster;
		begin(&cluster, 25 + k, 4, depths[k]);
		rounds_pass(&cluster, 100);
		node_down(&cluster, 3);
		rounds_pass(&cluster, 6000);
		returns(&cluster, 3);
		rounds_pass(&cluster, 6600);
		node_down(&cluster, 2);
		while (cluster.node[2].log_count > 0)
			buffer_free(&cluster.node[2].log[--cluster.node[2].log_count]);
		cluster.node[2].synced = 0;
		returns(&cluster, 2);
		transaction_new(&cluster, 2);
		cluster_run(&cluster, cluster.now + 2000);
		assert_true(transactions_done(&cluster));
		check(&cluster);
		cluster_free(&cluster);
	}
}

/* -- catching up, cut at each step ----------------------------------------------------------------------------------- */

enum cut { CUT_RESTART, CUT_RESTART_LATE, CUT_HELPER, CUT_LINK, CUTS };
enum { AWAY_ROUNDS = 800, NOBODY = CLUSTER_NODES_MAX, CUT_BOUND_MS = 1000 };

/* The next thing that happens, as in cluster_run. True: it was a message to node 3. */
static bool one_event(struct cluster *cluster)
{
	int64_t at = cluster->heap_count ? cluster->heap[0].at : INT64_MAX;
	uint16_t timer = NOBODY;
	for (uint16_t i = 0; i < cluster->nodes; i++)
		if (cluster->node[i].machine && cluster->node[i].timer_at < at) {
			at = cluster->node[i].timer_at;
			timer = i;
		}
	if (at > cluster->now)
		cluster->now = at;
	if (timer != NOBODY) {
		cluster->node[timer].timer_at = INT64_MAX;
		node_step(cluster, timer, (struct consensus_event){.kind = CONSENSUS_TICK}, NULL);
		return false;
	}
	struct packet packet = heap_pop(cluster);
	packet_deliver(cluster, &packet);
	return packet.to == 3;
}

static bool is_back(const struct cluster *cluster)
{
	struct consensus_numbers numbers = node_numbers(cluster, 3);
	return numbers.tip_known && numbers.round + 4 >= cluster_round(cluster) && numbers.missing == 0 && numbers.suspended == 0;
}

/* Whom node 3 is catching up from; else any. */
static uint16_t helper_of(const struct cluster *cluster)
{
	const struct sync *sync = &cluster->node[3].machine->sync;
	return sync->from == SYNC_NOBODY ? 1 : sync->from;
}

static void cut_now(struct cluster *cluster, enum cut cut)
{
	uint16_t helper = helper_of(cluster);
	uint32_t session;
	switch (cut) {
	case CUT_RESTART:
		node_down(cluster, 3);
		node_start(cluster, 3);
		return;
	case CUT_RESTART_LATE: /* what was sent to its life before still comes, and is believed to be an answer */
		session = cluster->node[3].session;
		node_down(cluster, 3);
		for (uint32_t i = 0; i < cluster->heap_count; i++)
			if (cluster->heap[i].to == 3 && cluster->heap[i].to_session == session)
				cluster->heap[i].to_session = cluster->node[3].session;
		node_start(cluster, 3);
		return;
	case CUT_HELPER:
		node_down(cluster, helper);
		node_start(cluster, helper);
		return;
	default: /* the same on a connection that breaks and is there again at once */
		link_set(cluster, helper, 3, false);
		link_set(cluster, helper, 3, true);
		return;
	}
}

/* How many messages it takes, cut after `at` of them. */
static uint32_t catch_up(enum cut cut, uint32_t at, int64_t *took_ms)
{
	struct cluster cluster;
	uint32_t messages = 0;
	begin(&cluster, 19, 4, GC_DEPTH);
	rounds_pass(&cluster, 50);
	node_down(&cluster, 3);
	while (cluster_round(&cluster) < AWAY_ROUNDS)
		cluster_run(&cluster, cluster.now + 10);
	cluster.delay_max = 3; /* not all in order */
	node_start(&cluster, 3);
	int64_t begin_ms = cluster.now;
	while (!cluster.failure && !is_back(&cluster)) {
		messages += one_event(&cluster);
		if (messages == at && at > 0) {
			cut_now(&cluster, cut);
			at = 0;
		}
		if (cluster.now - begin_ms > CUT_BOUND_MS)
			fail_msg("cut %d after %u messages: not back after %d ms", (int)cut, (unsigned)messages, CUT_BOUND_MS);
	}
	*took_ms = cluster.now - begin_ms;
	transaction_new(&cluster, 3);
	for (int64_t limit = cluster.now + 1000; cluster.now < limit && !transactions_done(&cluster);)
		cluster_run(&cluster, cluster.now + 10);
	assert_true(transactions_done(&cluster));
	cluster_run(&cluster, cluster.now + 100); /* time for a second time */
	transactions_once(&cluster);
	check(&cluster);
	cluster_free(&cluster);
	return messages;
}

static void catching_up_can_be_cut_at_each_step(void **state)
{
	(void)state;
	int64_t longest_ms[CUTS + 1] = {0};
	uint32_t messages = catch_up(CUTS, 0, &longest_ms[CUTS]), stride = getenv("TALLY_ALL") ? 1 : messages / 20, cuts = 0;
	assert_true(messages > SYNC_BLOCKS_MAX + 100); /* more than one answer */
	for (enum cut cut = CUT_RESTART; cut < CUTS; cut++)
		for (uint32_t at = 1 + cut; at < messages; at += at < 20 ? 1 : stride, cuts++) {
			int64_t took_ms;
			catch_up(cut, at, &took_ms);
			longest_ms[cut] = took_ms > longest_ms[cut] ? took_ms : longest_ms[cut];
		}
	print_message("         %u messages, cut %u times; back after %lld ms, restarted at most %lld, with late answers %lld, helper restarted %lld, "
		"connection broken %lld\n", (unsigned)messages, (unsigned)cuts, (long long)longest_ms[CUTS], (long long)longest_ms[CUT_RESTART],
		(long long)longest_ms[CUT_RESTART_LATE], (long long)longest_ms[CUT_HELPER], (long long)longest_ms[CUT_LINK]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_away_for_very_long_come_back),
		cmocka_unit_test(an_absence_before_hinders_nobody),
		cmocka_unit_test(catching_up_can_be_cut_at_each_step),
	};
	cmocka_set_test_filter(getenv("TALLY_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
