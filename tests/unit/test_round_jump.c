/* Why nobody jumps rounds. The clock of the first published protocol took a member to the next round as soon as it saw a
 * quorum of one. A network that is only a little late for whoever leads next then makes every leader jump over its own round,
 * and nothing is ever committed. Here: such a graph, which is valid, commits nothing; and the same network against real
 * members, who make every block (A2, C3), commits every round. tools/mutants/old-clock.sed brings the old clock back. */
#include "consensus/machine.h"
#include "consensus_cluster.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { MEMBERS = 4, ROUNDS = 400, LATE_MS = 30, RUN_MS = 20000 };

/* A block on its author's last one and on the round before; appended to `out`. */
static struct block_ref block_make(struct cluster *cluster, uint32_t round, uint16_t author, const struct block_ref *last, struct buffer *out)
{
	struct block block = {.round = round, .author = author, .timestamp_ms = CLUSTER_GENESIS_TIME + round};
	struct block_signer signer = {&cluster->signer_ids[author], fake_sign, fake_verify};
	struct block made;
	block.ancestors[block.ancestor_count++] = last[author];
	for (uint16_t other = 0; other < MEMBERS; other++)
		if (other != author && last[other].round + 1 == round)
			block.ancestors[block.ancestor_count++] = last[other];
	assert_int_equal(block_seal(&block, &signer, out), OK);
	assert_int_equal(block_parse(buffer_span(out), &made, NULL), OK);
	return block_reference(&made);
}

/* Rounds without, or with, the block of whoever leads; how many commits? */
static uint64_t commits_of_graph(bool leaders_jump)
{
	struct cluster cluster;
	uint64_t position = 0;
	cluster_init(&cluster, 1, MEMBERS, false);
	struct consensus_config config = cluster.config;
	config.leaders = 1;
	struct block_signer signer = {&cluster.signer_ids[0], fake_sign, fake_verify};
	struct validity validity = validity_of(MEMBERS, FAULTS_BYZANTINE, config.network, config.epoch, &config.genesis, config.gc_depth);
	struct consensus *machine = consensus_new(&config, &signer);
	struct block_ref last[MEMBERS], next[MEMBERS];
	for (uint16_t i = 0; i < MEMBERS; i++)
		last[i] = next[i] = (struct block_ref){.author = i, .digest = validity.genesis[i]};
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		for (uint16_t author = 0; author < MEMBERS; author++) {
			struct buffer bytes = {0};
			struct consensus_actions actions;
			if (leaders_jump && round % MEMBERS == author)
				continue;
			next[author] = block_make(&cluster, round, author, last, &bytes);
			consensus_step(machine, &(struct consensus_event){.kind = CONSENSUS_RECOVERED, .now_ms = CLUSTER_GENESIS_TIME,
				.bytes = buffer_span(&bytes), .position = position++}, &actions, NULL);
			buffer_free(&bytes);
		}
		memcpy(last, next, sizeof last);
	}
	struct consensus_numbers numbers;
	consensus_numbers(machine, &numbers);
	assert_int_equal(numbers.refused, 0);
	assert_int_equal(numbers.highest_round, ROUNDS);
	assert_true(numbers.decided_round + 3 >= ROUNDS); /* every round is decided: to be skipped */
	consensus_free(machine);
	cluster_free(&cluster);
	return numbers.commits;
}

static void rounds_that_their_leaders_jump_over_commit_nothing(void **state)
{
	(void)state;
	assert_int_equal(commits_of_graph(true), 0);
	assert_true(commits_of_graph(false) + 3 >= ROUNDS);
}

/* What the leader of a round needs to know of the round before comes late to it alone. */
static void delay_what_leaders_need(struct cluster *cluster, uint64_t from)
{
	struct packet *packets = memory_new_array(cluster->heap_count + 1, sizeof *packets);
	const struct schedule *schedule = &cluster->node[0].machine->committer.schedule;
	uint32_t count = 0;
	bool changed = false;
	for (uint32_t i = 0; i < cluster->heap_count; i++)
		changed |= cluster->heap[i].order >= from;
	while (changed && cluster->heap_count > 0) {
		struct message message;
		struct block block;
		struct packet packet = heap_pop(cluster);
		if (packet.order >= from && message_decode(buffer_span(&packet.bytes), MEMBERS, &message) == OK && message.kind == MESSAGE_BLOCK
			&& block_parse(message.block, &block, NULL) == OK && schedule->members[(block.round + 1) % schedule->count] == packet.to)
			packet.at += LATE_MS;
		packets[count++] = packet;
	}
	for (uint32_t i = 0; i < count; i++)
		heap_push(cluster, packets[i]);
	free(packets);
}

static void members_who_make_every_block_commit_every_round(void **state)
{
	(void)state;
	struct cluster cluster;
	cluster_init(&cluster, 2, MEMBERS, false);
	cluster.config.leaders = 1; /* or the others' blocks are committed all the same */
	cluster_start(&cluster);
	cluster_run(&cluster, cluster.now + 3000);
	uint32_t round = cluster_round(&cluster);
	uint64_t commits = cluster.chain_count, order = cluster.order;
	for (int i = 0; i < RUN_MS && !cluster.failure; i++) {
		if (i % 50 == 0)
			transaction_new(&cluster, (uint16_t)(i / 50 % MEMBERS));
		cluster_run(&cluster, cluster.now + 1);
		delay_what_leaders_need(&cluster, order);
		order = cluster.order;
	}
	uint32_t rounds = cluster_round(&cluster) - round;
	commits = cluster.chain_count - commits;
	print_message("         %u rounds, %llu commits in %d s\n", (unsigned)rounds, (unsigned long long)commits, RUN_MS / 1000);
	if (cluster.failure)
		fail_msg("%s", cluster.failure);
	assert_true(commits > 100 && commits + 5 > rounds);
	cluster_free(&cluster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rounds_that_their_leaders_jump_over_commit_nothing),
		cmocka_unit_test(members_who_make_every_block_commit_every_round),
	};
	cmocka_set_test_filter(getenv("TALLY_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
