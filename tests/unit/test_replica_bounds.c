/* What one member may make another keep: proofs against itself, blocks as history, entries before their time. */
#include "cluster.h"
#include "cluster_checks.h"
#include "replica/state.h"

static struct consortium four;

enum { EPOCH_BYTES = 600000, LIAR = 3, BIG = 1000000 };

/* A block by the LIAR, signed; `mark` tells twins apart. */
static struct buffer block_of(uint32_t round, const struct block_ref *ancestors, uint64_t mark, size_t body_size)
{
	struct block block = {.round = round, .author = LIAR, .ancestor_count = 4, .timestamp_ms = 1700000000000};
	struct block_signer signer = {.context = four.node[LIAR], .sign = liar_sign, .verify = liar_verify};
	struct buffer body = {0}, bytes = {0};
	memcpy(block.network, four.genesis.network, BLOCK_NETWORK_SIZE);
	memcpy(block.ancestors, ancestors, 4 * sizeof *ancestors);
	do {
		uint8_t transaction[50000] = {0};
		memcpy(transaction, &mark, sizeof mark);
		write_block(&body, span_of(transaction, body_size < sizeof transaction ? sizeof mark : sizeof transaction));
		block.tx_count++;
	} while (body.size < body_size);
	block.body = buffer_span(&body);
	assert_int_equal(block_seal(&block, &signer, &bytes), OK);
	buffer_free(&body);
	return bytes;
}

static void say_block(struct cluster *cluster, uint16_t to, struct buffer *block)
{
	struct buffer message = {0};
	replica_message_of_block(buffer_span(block), &message);
	cluster_step(cluster, to, (struct replica_event){.kind = REPLICA_MESSAGE, .peer = LIAR, .bytes = buffer_span(&message)});
	buffer_free(&message);
	buffer_free(block);
}

static void begin(struct cluster *cluster, uint64_t seed)
{
	cluster_begin(cluster, &four, seed);
	for (uint16_t i = 0; i < 4; i++)
		cluster_member_up(cluster, i);
	cluster_run(cluster, 500);
}

/* Each proof becomes a file at the node. */
static void proofs_against_one_member_are_bounded(void **state)
{
	(void)state;
	struct cluster cluster;
	begin(&cluster, 1);
	for (uint32_t round = 2 * TWINS_TOLD_MAX; round > 1; round--) { /* what waits gives way to lower rounds */
		struct block_ref unknown[4] = {{round - 1, LIAR, {{1}}}, {round - 1, 0, {{1}}}, {round - 1, 1, {{1}}}, {round - 1, 2, {{1}}}};
		struct buffer first = block_of(round, unknown, 1, 1), second = block_of(round, unknown, 2, 1);
		say_block(&cluster, 0, &first);
		say_block(&cluster, 0, &second);
	}
	assert_int_equal(cluster.member[0].evidence, TWINS_TOLD_MAX);
	cluster_end(&cluster);
}

/* Who claims to be in a later epoch is asked for the blocks of this one, and may answer with twins of its own, which nobody names. */
static void blocks_that_come_as_history_are_bounded(void **state)
{
	(void)state;
	struct cluster cluster;
	struct buffer where = {0};
	struct block_ref first[4];
	uint64_t most = EPOCH_BYTES + (uint64_t)BLOCK_MEMBERS_MAX * BLOCK_BODY_MAX;
	begin(&cluster, 2);
	write_u8(&where, MESSAGE_WHERE);
	write_u64(&where, 1);
	for (uint16_t i = 0; i < 4; i++) {
		uint16_t author = i == 0 ? LIAR : (uint16_t)(i - 1);
		first[i] = (struct block_ref){.author = author, .digest = block_genesis_digest(four.genesis.network, 0, author, &four.genesis.digest)};
	}
	for (uint64_t mark = 0; mark < most / BIG * 3 / 2; mark++) {
		cluster_step(&cluster, 0, (struct replica_event){.kind = REPLICA_MESSAGE, .peer = LIAR, .bytes = buffer_span(&where)});
		struct buffer block = block_of(1, first, mark, BIG);
		say_block(&cluster, 0, &block);
	}
	assert_in_range(cluster.member[0].log.size, most / 2, most + 4 * BLOCK_BYTES_MAX);
	buffer_free(&where);
	cluster_end(&cluster);
}

/* Entries that come before others that they follow wait in memory. */
static void entries_before_their_time_are_bounded(void **state)
{
	(void)state;
	struct cluster cluster;
	struct issuer maker = organisation(&four, 0);
	struct buffer body = {0}, entry = {0};
	begin(&cluster, 3);
	cluster_member_down(&cluster, LIAR);
	for (int i = 0; i < 4000 && numbers_of(&cluster, 0).epoch_signed < 3; i++) {
		struct buffer bytes = {0};
		issue(&four, &maker, STATEMENT_EVENT, text("order:1"), event_body(&body, (unsigned)i), NULL, 0, &bytes);
		cluster_submit(&cluster, 0, buffer_span(&bytes));
		cluster_run(&cluster, 200);
		buffer_free(&bytes);
	}
	cluster_member_up(&cluster, LIAR); /* an honest one, here: whom it asks is the liar */
	const struct catchup *catchup = &cluster.member[LIAR].replica->catchup;
	while (catchup->phase != CATCHUP_ENTRIES)
		assert_true(cluster_advance(&cluster, INT64_MAX - 1));
	uint64_t next = catchup->next;
	for (uint64_t i = 1; i < 64; i++) {
		buffer_clear(&entry);
		write_u8(&entry, MESSAGE_ENTRY);
		write_u64(&entry, next + i);
		write_u64(&entry, 0);
		write_i64(&entry, 0);
		for (int k = 0; k < BIG / 8; k++)
			write_u64(&entry, 0);
		cluster_step(&cluster, LIAR, (struct replica_event){.kind = REPLICA_MESSAGE, .peer = catchup->from, .bytes = buffer_span(&entry)});
	}
	uint64_t kept = 0;
	for (size_t i = 0; i < catchup->early_count; i++)
		kept += catchup->early[i].bytes.size;
	assert_in_range(kept, BIG, REPLICA_ENTRIES_BYTES_MAX + 2 * BIG);
	/* And all the same it comes after the others. */
	cluster_run(&cluster, 60000);
	assert_int_equal(numbers_of(&cluster, LIAR).log_size, numbers_of(&cluster, 0).log_size);
	buffer_free(&body);
	buffer_free(&entry);
	cluster_end(&cluster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proofs_against_one_member_are_bounded),
		cmocka_unit_test(blocks_that_come_as_history_are_bounded),
		cmocka_unit_test(entries_before_their_time_are_bounded),
	};
	consortium_found(&four, 4);
	four.genesis.settings.epoch_bytes = EPOCH_BYTES;
	int failed = cmocka_run_group_tests_name("replica bounds", tests, NULL, NULL);
	consortium_free(&four);
	return failed;
}
