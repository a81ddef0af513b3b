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

/* A new block of its own, or so it seems: nobody has what it stands on. */
static void liar_pushes(struct cluster *cluster, uint32_t round)
{
	struct block block = {.epoch = cluster->config.epoch, .round = round, .author = LIAR, .ancestor_count = 4, .timestamp_ms = CLUSTER_GENESIS_TIME};
	struct block_signer signer = {&cluster->signer_ids[LIAR], fake_sign, fake_verify};
	struct buffer bytes = {0}, message = {0};
	for (uint16_t author = 0; author < 4; author++)
		block.ancestors[author] = (struct block_ref){round - 1, author, {{(uint8_t)round}}};
	assert_int_equal(block_seal(&block, &signer, &bytes), OK);
	consensus_message_of_block(buffer_span(&bytes), &message);
	node_step(cluster, BEHIND, (struct consensus_event){.kind = CONSENSUS_MESSAGE, .peer = LIAR, .bytes = buffer_span(&message)}, NULL);
	buffer_free(&bytes);
	buffer_free(&message);
}

/* It is asked, answers nothing, and goes on with blocks of its own as if it were well. */
static void who_only_pushes_does_not_hold_up_catching_up(void **state)
{
	(void)state;
	struct cluster cluster;
	behind_init(&cluster);
	struct sync *sync = &cluster.node[BEHIND].machine->sync;
	sync_end(sync, &cluster.node[BEHIND].machine->dag, 0); /* whoever was asked first */
	sync->last = BEHIND;
	sync->pause_ms = 0;
	liar_says(&cluster, &(struct message){.kind = MESSAGE_HAVE});
	assert_int_equal(sync->from, LIAR);
	int64_t until = cluster.now + 4000;
	for (uint32_t round = cluster_round(&cluster) + 20; cluster.now < until && is_behind(&cluster) && !cluster.failure; round++) {
		liar_pushes(&cluster, round);
		cluster_run(&cluster, cluster.now + 100);
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

/* A block by BEHIND that stands on one of its own that nobody has: it was lost with the disk. */
static struct buffer block_on_lost_one(const struct cluster *cluster, uint32_t *round)
{
	const struct dag *dag = &cluster->node[0].machine->dag;
	*round = dag_highest_round(dag) + 1;
	while (dag_authors(dag, *round - 1) < 3 || dag_slot(dag, *round, BEHIND) != DAG_NONE)
		--*round;
	struct block block = {.epoch = cluster->config.epoch, .round = *round, .author = BEHIND, .timestamp_ms = (uint64_t)cluster->now};
	struct block_signer signer = {(void *)&cluster->signer_ids[BEHIND], fake_sign, fake_verify};
	struct buffer bytes = {0};
	block.ancestors[block.ancestor_count++] = (struct block_ref){*round - 1, BEHIND, {{'l', 'o', 's', 't'}}};
	for (uint16_t author = 0; author < BEHIND; author++)
		if (dag_slot(dag, *round - 1, author) != DAG_NONE)
			block.ancestors[block.ancestor_count++] = dag_reference(dag, dag_slot(dag, *round - 1, author));
	assert_int_equal(block_seal(&block, &signer, &bytes), OK);
	return bytes;
}

static struct block first_own(const struct cluster_node *node, uint32_t round)
{
	struct block block = {.round = 0};
	for (uint32_t i = 0; i < node->log_count && (block.author != BEHIND || block.round <= round); i++)
		assert_int_equal(block_parse(buffer_span(&node->log[i]), &block, NULL), OK);
	return block;
}

/* When nobody can accept it, the others pass it by, and then its author goes on. Does its next one stand on that? */
static bool passed_by(uint64_t seed, uint32_t suspended_max)
{
	struct cluster cluster;
	struct buffer message = {0};
	uint32_t round;
	cluster_init(&cluster, seed, 4, false);
	cluster.config.suspended_max = suspended_max;
	cluster_start(&cluster);
	for (int i = 0; i < 50; i++) {
		transaction_new(&cluster, (uint16_t)(i % 3));
		cluster_run(&cluster, cluster.now + 40);
	}
	node_down(&cluster, BEHIND);
	cluster_run(&cluster, cluster.now + 1000);
	struct buffer block = block_on_lost_one(&cluster, &round);
	consensus_message_of_block(buffer_span(&block), &message);
	node_step(&cluster, 0, (struct consensus_event){.kind = CONSENSUS_PEER_UP, .peer = BEHIND}, NULL);
	node_step(&cluster, 0, (struct consensus_event){.kind = CONSENSUS_MESSAGE, .peer = BEHIND, .bytes = buffer_span(&message)}, NULL);
	assert_int_equal(node_numbers(&cluster, 0).suspended, 1);
	struct cluster_node *node = &cluster.node[BEHIND];
	while (node->log_count > 0)
		buffer_free(&node->log[--node->log_count]);
	node->synced = 0;
	node_start(&cluster, BEHIND);
	cluster.delay_max = 80; /* so that several rounds are decided at once */
	cluster.loss = 0.02;
	for (int i = 0; i < 200; i++) {
		transaction_new(&cluster, (uint16_t)(i % 3));
		cluster_run(&cluster, cluster.now + 40);
	}
	for (int i = 0; i < 1000 && node_numbers(&cluster, BEHIND).round <= round; i++) {
		transaction_new(&cluster, (uint16_t)(i % 3));
		cluster_run(&cluster, cluster.now + 40);
	}
	assert_null(cluster.failure);
	assert_in_range(node_numbers(&cluster, BEHIND).round, round + 1, UINT32_MAX);
	bool on_it = first_own(node, round).ancestors[0].round == round;
	buffer_free(&block);
	buffer_free(&message);
	cluster_free(&cluster);
	return on_it;
}

static void an_own_block_that_nobody_can_accept_is_passed_by(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++)
		assert_true(passed_by(seed, 128));
	/* Here it has to make room for what it waits for. */
	for (uint64_t seed = 1; seed <= 20; seed++)
		(void)passed_by(seed, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_only_claims_does_not_hold_up_catching_up),
		cmocka_unit_test(who_only_pushes_does_not_hold_up_catching_up),
		cmocka_unit_test(who_gives_little_does_not_hold_up_catching_up),
		cmocka_unit_test(an_own_block_that_nobody_can_accept_is_passed_by),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
