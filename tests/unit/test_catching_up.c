/* A member that is behind, and a liar among those it could catch up from; and one whose own newest block cannot be accepted. */
#include "consensus/machine.h"
#include "consensus_cluster.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { LIAR = 0, BEHIND = 3 };

/* A cluster of four of whom BEHIND was away from the start; then the LIAR's machine stops, and the test speaks for it. */
static void behind_init(struct cluster *cluster)
{
	cluster_init(cluster, 1, 4, false);
	for (uint16_t i = 0; i < BEHIND; i++)
		node_start(cluster, i);
	for (int i = 0; i < 400; i++) {
		transaction_new(cluster, (uint16_t)(i % BEHIND));
		cluster_run(cluster, cluster->now + 40);
	}
	node_down(cluster, LIAR);
	node_start(cluster, BEHIND);
	node_step(cluster, BEHIND, (struct consensus_event){.kind = CONSENSUS_PEER_UP, .peer = LIAR}, NULL);
	assert_true(cluster_round(cluster) > 200 && !cluster->failure);
}

static void liar_says(struct cluster *cluster, struct message *message)
{
	struct buffer bytes = {0};
	for (uint16_t i = 0; i < 4; i++)
		message->rounds[i] = 100000;
	message_encode(message, 4, &bytes);
	node_step(cluster, BEHIND, (struct consensus_event){.kind = CONSENSUS_MESSAGE, .peer = LIAR, .bytes = buffer_span(&bytes)}, NULL);
	buffer_free(&bytes);
}

static bool is_behind(const struct cluster *cluster)
{
	return node_numbers(cluster, BEHIND).highest_round + 10 < node_numbers(cluster, 1).highest_round;
}

/* It claims everything, all the time, and answers nothing: the others must have their turn. */
static void who_only_claims_does_not_hold_up_catching_up(void **state)
{
	(void)state;
	struct cluster cluster;
	behind_init(&cluster);
	int64_t until = cluster.now + 4000;
	while (cluster.now < until && is_behind(&cluster) && !cluster.failure) {
		liar_says(&cluster, &(struct message){.kind = MESSAGE_HAVE});
		cluster_run(&cluster, cluster.now + 2);
	}
	assert_null(cluster.failure);
	assert_false(is_behind(&cluster));
	cluster_free(&cluster);
}

/* The next block that BEHIND lacks, as the LIAR's. */
static void liar_gives_one(struct cluster *cluster)
{
	const struct cluster_node *other = &cluster->node[1];
	for (uint32_t i = 0; i < other->log_count; i++) {
		struct block block;
		assert_int_equal(block_parse(buffer_span(&other->log[i]), &block, NULL), OK);
		struct block_ref ref = block_reference(&block);
		if (dag_has(&cluster->node[BEHIND].machine->dag, &ref))
			continue;
		struct buffer bytes = {0};
		consensus_message_of_block(buffer_span(&other->log[i]), &bytes);
		node_step(cluster, BEHIND, (struct consensus_event){.kind = CONSENSUS_MESSAGE, .peer = LIAR, .bytes = buffer_span(&bytes)}, NULL);
		buffer_free(&bytes);
		return;
	}
}

/* It answers each question, late, with one block, and says that there is more. */
static void who_gives_little_does_not_hold_up_catching_up(void **state)
{
	(void)state;
	struct cluster cluster;
	behind_init(&cluster);
	const struct sync *sync = &cluster.node[BEHIND].machine->sync;
	int64_t until = cluster.now + 30000;
	while (cluster.now < until && is_behind(&cluster) && !cluster.failure) {
		liar_says(&cluster, &(struct message){.kind = MESSAGE_HAVE});
		cluster_run(&cluster, cluster.now + 900);
		if (sync->from != LIAR)
			continue;
		liar_gives_one(&cluster);
		liar_says(&cluster, &(struct message){.kind = MESSAGE_SYNC_END, .number = sync->number, .flag = true});
	}
	assert_null(cluster.failure);
	assert_false(is_behind(&cluster));
	cluster_free(&cluster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_only_claims_does_not_hold_up_catching_up),
		cmocka_unit_test(who_gives_little_does_not_hold_up_catching_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
