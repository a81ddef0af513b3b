/* A liar floods a member: far-future rounds, blocks whose ancestors do not exist, twins, the largest blocks, messages of the
 * greatest size and nonsense. What the member holds in memory stays within the liar's share, whatever and however much comes,
 * and meanwhile transactions commit. TALLY_FLOOD=n: so many messages of each kind. */
#include "consensus/machine.h"
#include "consensus_cluster.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum flood {
	FLOOD_FAR_FUTURE,             /* beyond what is kept */
	FLOOD_FUTURE,                 /* within it: they wait for ancestors that do not exist */
	FLOOD_MISSING_PARENTS,        /* in the next rounds */
	FLOOD_TWINS,                  /* of one slot, with real ancestors */
	FLOOD_AHEAD_OF_TIME,          /* held until a time that does not come */
	FLOOD_LARGE,                  /* the largest bodies */
	FLOOD_OVERSIZE,               /* more than a block may be */
	FLOOD_CLAIMS,                 /* to have everything; asks for everything */
	FLOOD_NONSENSE,
	FLOODS
};

static const char *const flood_names[FLOODS] = {"far future", "future", "missing parents", "twins", "ahead of time", "large", "oversize", "claims", "nonsense"};

enum { LIAR = 3, MESSAGES = 12000, LARGE_SHARE = 60, WARM_ROUNDS = 300, SLACK = 1 << 20 };

static uint32_t messages_wanted(enum flood flood)
{
	const char *messages = getenv("TALLY_FLOOD");
	uint32_t count = messages ? (uint32_t)strtoul(messages, NULL, 10) : MESSAGES;
	return flood == FLOOD_LARGE || flood == FLOOD_OVERSIZE ? count / LARGE_SHARE : count;
}

/* -- what the liar says ------------------------------------------------------------------------------------------- */

/* The liar's last block before a round, as node 0 has it. */
static struct block_ref before(const struct dag *dag, uint32_t round)
{
	struct dag_tip tip = dag_tip(dag, LIAR);
	uint32_t id = DAG_NONE;
	for (uint32_t at = round - 1; tip.ref.round >= round && id == DAG_NONE; at--)
		id = dag_slot(dag, at, LIAR);
	return id == DAG_NONE ? tip.ref : dag_reference(dag, id);
}

/* A round's blocks as node 0 has them, or ancestors that nobody has. */
static void ancestors(struct cluster *cluster, struct block *block, bool real, uint64_t salt)
{
	const struct dag *dag = &cluster->node[0].machine->dag;
	for (uint16_t i = 0; i < 4; i++) {
		uint16_t author = i == 0 ? LIAR : (uint16_t)(i - 1);
		uint64_t words[] = {salt, block->round, author};
		uint32_t id = real ? dag_slot(dag, block->round - 1, author) : DAG_NONE;
		if (real && author == LIAR) {
			block->ancestors[block->ancestor_count++] = before(dag, block->round);
			continue;
		}
		if (real && id == DAG_NONE)
			continue;
		block->ancestors[block->ancestor_count++] =
			real ? dag_reference(dag, id) : (struct block_ref){block->round - 1, author, sha256(span_of(words, sizeof words))};
	}
}

static void flood_block(struct cluster *cluster, enum flood flood, uint32_t number, struct buffer *out)
{
	static uint8_t large[BLOCK_TRANSACTION_MAX];
	uint32_t highest = node_numbers(cluster, 0).highest_round;
	struct block block = {.author = LIAR, .timestamp_ms = (uint64_t)cluster->now + number};
	struct block_signer signer = {&cluster->signer_ids[LIAR], fake_sign, fake_verify};
	struct buffer body = {0};
	bool real = flood == FLOOD_TWINS || flood == FLOOD_AHEAD_OF_TIME;
	block.round = flood == FLOOD_FAR_FUTURE ? highest + cluster->config.rounds_ahead_max + 1 + number % 100000
		: flood == FLOOD_FUTURE ? highest + 1 + number % cluster->config.rounds_ahead_max
		: real ? highest : highest + 1 + number % 20;
	if (flood == FLOOD_AHEAD_OF_TIME)
		block.timestamp_ms += 3600 * 1000;
	ancestors(cluster, &block, real, number);
	while (flood == FLOOD_LARGE && body.size + sizeof large + 8 < BLOCK_BODY_MAX) {
		write_block(&body, span_of(large, sizeof large));
		block.tx_count++;
	}
	if (!real) { /* what is accepted is executed */
		write_block(&body, span_of(&number, sizeof number));
		block.tx_count++;
	}
	block.body = buffer_span(&body);
	write_u8(out, MESSAGE_BLOCK);
	assert_int_equal(block_seal(&block, &signer, out), OK);
	buffer_free(&body);
}

static void flood_claim(struct cluster *cluster, uint32_t number, struct buffer *out)
{
	static const enum message_kind kinds[] = {MESSAGE_HAVE, MESSAGE_SYNC, MESSAGE_SYNC_END, MESSAGE_FETCH, MESSAGE_TIP_REQUEST, MESSAGE_TIP};
	struct message *message = memory_new_array(1, sizeof *message);
	message->kind = kinds[number % (sizeof kinds / sizeof *kinds)];
	message->number = number;
	message->flag = true;
	message->ref_count = message->kind == MESSAGE_FETCH ? MESSAGE_REFS_MAX : 1;
	for (uint16_t i = 0; i < 4; i++)
		message->rounds[i] = number % 2 ? 0 : UINT32_MAX - 1 - number;
	for (uint16_t i = 0; i < message->ref_count; i++)
		message->refs[i] = (struct block_ref){1 + number % 400, i % 4, {{(uint8_t)i, (uint8_t)number}}};
	message_encode(message, cluster->members, out);
	free(message);
}

static void flood_bytes(struct cluster *cluster, size_t size, struct buffer *out)
{
	write_u8(out, (uint8_t)random_below(&cluster->random, 9));
	while (out->size < size)
		write_u64(out, random_next(&cluster->random));
}

static void flood_once(struct cluster *cluster, enum flood flood, uint32_t number)
{
	struct buffer message = {0};
	if (flood == FLOOD_CLAIMS)
		flood_claim(cluster, number, &message);
	else if (flood == FLOOD_OVERSIZE)
		flood_bytes(cluster, BLOCK_BYTES_MAX + 1000, &message);
	else if (flood == FLOOD_NONSENSE)
		flood_bytes(cluster, 1 + random_below(&cluster->random, 400), &message);
	else
		flood_block(cluster, flood, number, &message);
	node_step(cluster, 0, (struct consensus_event){.kind = CONSENSUS_MESSAGE, .peer = LIAR, .bytes = buffer_span(&message)}, NULL);
	buffer_free(&message);
}

/* -- what it costs ------------------------------------------------------------------------------------------------- */

static void go_on(struct cluster *cluster)
{
	uint32_t until = cluster_round(cluster) + WARM_ROUNDS;
	for (int i = 0; cluster_round(cluster) < until && !cluster->failure; i++) {
		assert_true(i < 10000);
		transaction_new(cluster, (uint16_t)(i % LIAR));
		cluster_run(cluster, cluster->now + 40);
	}
}

/* It is connected, and heard; what it is sent does not matter. */
static void liar_connects(struct cluster *cluster)
{
	for (uint16_t i = 0; i < LIAR; i++)
		node_step(cluster, i, (struct consensus_event){.kind = CONSENSUS_PEER_UP, .peer = LIAR}, NULL);
}

static bool done_by_the_honest(const struct cluster *cluster)
{
	for (uint16_t i = 0; i < LIAR; i++)
		for (uint32_t k = 0; k < cluster->transaction_count; k++)
			if (cluster->node[i].executed[k] == 0)
				return false;
	return true;
}

/* A share: so many blocks, with what is kept of each beside its bytes (a table entry, ancestors that are wanted). */
static size_t share(const struct cluster *cluster)
{
	enum { BESIDES = 4 * 400 + 600 };
	return WAITING_BYTES_MAX + cluster->config.suspended_max * (size_t)BESIDES;
}

static void flood(enum flood flood, uint64_t seed)
{
	struct cluster cluster;
	cluster_init(&cluster, seed, 4, true); /* member 3 may be convicted; its machines never start */
	cluster.config.round_delay_ms = 5;
	for (uint16_t i = 0; i < LIAR; i++)
		node_start(&cluster, i);
	liar_connects(&cluster);
	cluster_run(&cluster, cluster.now + 4000); /* its silence about tips is waited for */
	go_on(&cluster);
	size_t before = node_memory(&cluster, 0);
	liar_connects(&cluster);
	uint32_t messages = messages_wanted(flood), every = messages / 100 + 1;
	for (uint32_t i = 0; i < messages && !cluster.failure; i++) {
		flood_once(&cluster, flood, i);
		if (i % every == 0) {
			transaction_new(&cluster, (uint16_t)(i / every % LIAR));
			cluster_run(&cluster, cluster.now + 40);
		}
	}
	struct consensus_numbers numbers = node_numbers(&cluster, 0);
	assert_true(numbers.suspended <= cluster.config.suspended_max && (flood != FLOOD_FAR_FUTURE || numbers.suspended == 0));
	assert_true(numbers.blocks < 4 * (60 + MACHINE_COLLECT_ROUNDS + 40)); /* no twin came in */
	size_t after = node_memory(&cluster, 0);
	print_message("         %-16s %6u messages: %zu KiB before, %zu KiB after, %llu waiting, %llu refused, %llu dropped\n", flood_names[flood],
		(unsigned)messages, before >> 10, after >> 10, (unsigned long long)numbers.suspended, (unsigned long long)numbers.refused,
		(unsigned long long)numbers.dropped);
	assert_true(after < before + share(&cluster) + SLACK);
	cluster_run(&cluster, cluster.now + 3000);
	CLUSTER_CHECK(&cluster, done_by_the_honest(&cluster) && "everything commits under a flood");
	transactions_once(&cluster);
	if (cluster.failure)
		fail_msg("%s: %s", flood_names[flood], cluster.failure);
	cluster_free(&cluster);
}

static void floods_are_bounded_and_stop_nobody(void **state)
{
	(void)state;
	for (int kind = 0; kind < FLOODS; kind++)
		flood((enum flood)kind, 17 + (uint64_t)kind);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(floods_are_bounded_and_stop_nobody),
	};
	cmocka_set_test_filter(getenv("TALLY_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
