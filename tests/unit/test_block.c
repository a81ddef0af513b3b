/* Blocks and messages: form, validity, and what must be refused. */
#include "consensus/message.h"
#include "consensus/validity.h"

#include "base/random.h"
#include "consensus_cluster.h"
#include "crypto/merkle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint8_t network[BLOCK_NETWORK_SIZE] = "test network 16";
static const struct digest genesis = {{7}};

static struct validity rules(uint16_t members, uint32_t gc_depth)
{
	return validity_of(members, network, 3, &genesis, gc_depth);
}

/* A block of member `author` that names all blocks of the round before. */
static struct block sample(const struct validity *validity, uint16_t author, uint32_t round)
{
	struct block block = {.epoch = 3, .round = round, .author = author, .timestamp_ms = 1700000000000};
	memcpy(block.network, network, sizeof network);
	for (uint16_t i = 0; i < validity->members; i++) {
		uint16_t other = i == 0 ? author : i <= author ? i - 1 : i;
		struct block_ref *ref = &block.ancestors[block.ancestor_count++];
		*ref = (struct block_ref){.round = round - 1, .author = other};
		ref->digest = round == 1 ? validity->genesis[other] : sha256(span_of(&other, sizeof other));
	}
	return block;
}

static struct buffer seal(const struct block *block)
{
	uint16_t author = block->author;
	struct block_signer signer = {&author, fake_sign, fake_verify};
	struct buffer bytes = {0};
	assert_int_equal(block_seal(block, &signer, &bytes), OK);
	return bytes;
}

static void random_body(struct random *random, struct buffer *body, uint32_t *count)
{
	*count = (uint32_t)random_below(random, 12);
	for (uint32_t i = 0; i < *count; i++) {
		uint8_t bytes[200];
		size_t size = 1 + random_below(random, sizeof bytes - 1);
		for (size_t k = 0; k < size; k++)
			bytes[k] = (uint8_t)random_next(random);
		write_block(body, span_of(bytes, size));
	}
}

static void a_block_comes_back_as_written(void **state)
{
	(void)state;
	struct random random = random_of(1);
	for (int i = 0; i < 300; i++) {
		uint16_t members = (uint16_t)(1 + random_below(&random, BLOCK_MEMBERS_MAX));
		struct validity validity = rules(members, 0);
		uint32_t round = 1 + (uint32_t)random_below(&random, 1000);
		struct block block = sample(&validity, (uint16_t)random_below(&random, members), round), back;
		struct buffer body = {0};
		random_body(&random, &body, &block.tx_count);
		block.body = buffer_span(&body);
		block.vote_count = (uint16_t)random_below(&random, BLOCK_VOTES_MAX + 1);
		for (uint16_t k = 0; k < block.vote_count; k++)
			block.votes[k] = (struct commit_vote){.index = 5u + k, .digest = {{(uint8_t)k}}};
		struct buffer bytes = seal(&block);
		struct fault fault;
		assert_int_equal(block_decode(buffer_span(&bytes), &back, &fault), OK);
		assert_int_equal(validity_check(&validity, &back, &fault), OK);
		assert_int_equal(fake_verify(NULL, back.author, &back.digest, back.signature), OK);
		assert_int_equal(back.round, block.round);
		assert_int_equal(back.author, block.author);
		assert_true(back.timestamp_ms == block.timestamp_ms);
		assert_int_equal(back.ancestor_count, block.ancestor_count);
		for (int k = 0; k < back.ancestor_count; k++)
			assert_int_equal(block_ref_compare(&back.ancestors[k], &block.ancestors[k]), 0);
		assert_int_equal(back.vote_count, block.vote_count);
		assert_int_equal(back.tx_count, block.tx_count);
		assert_int_equal(back.tx_bytes, body.size);
		assert_true(span_equal(back.body, block.body));
		struct block half;
		assert_int_equal(block_signed_header_parse(block_signed_header(&back), &half, &fault), OK);
		assert_true(digest_equal(&half.digest, &back.digest));
		buffer_free(&body);
		buffer_free(&bytes);
	}
}

/* The root in the header is the Merkle root that everybody else computes. */
static void the_body_root_is_the_tree_of_rfc_9162(void **state)
{
	(void)state;
	struct validity validity = rules(4, 0);
	for (uint32_t count = 0; count < 40; count++) {
		struct block block = sample(&validity, 0, 1), back;
		struct merkle_tree tree = {0};
		struct buffer body = {0};
		for (uint32_t i = 0; i < count; i++) {
			struct span transaction = span_of(&i, sizeof i);
			struct digest leaf = merkle_leaf(transaction);
			merkle_tree_append(&tree, &leaf);
			write_block(&body, transaction);
		}
		block.tx_count = count;
		block.body = buffer_span(&body);
		struct buffer bytes = seal(&block);
		struct digest root = merkle_tree_root(&tree, count);
		assert_int_equal(block_decode(buffer_span(&bytes), &back, NULL), OK);
		assert_true(digest_equal(&root, &back.tx_root));
		merkle_tree_free(&tree);
		buffer_free(&body);
		buffer_free(&bytes);
	}
}

/* Any changed bit is noticed: by the form, the rules, the signature or the body's root. */
static void any_changed_bit_is_noticed(void **state)
{
	(void)state;
	struct validity validity = rules(4, 0);
	struct block block = sample(&validity, 1, 9), back;
	struct buffer body = {0};
	write_block(&body, span_of_text("first"));
	write_block(&body, span_of_text("second"));
	block.tx_count = 2;
	block.body = buffer_span(&body);
	block.vote_count = 1;
	struct buffer bytes = seal(&block);
	for (size_t bit = 0; bit < 8 * bytes.size; bit++) {
		bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		bool accepted = block_decode(buffer_span(&bytes), &back, NULL) == OK && validity_check(&validity, &back, NULL) == OK &&
			fake_verify(NULL, back.author, &back.digest, back.signature) == OK;
		assert_false(accepted);
		bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t size = 0; size < bytes.size; size++)
		assert_int_not_equal(block_decode(span_of(bytes.data, size), &back, NULL), OK);
	buffer_append_byte(&bytes, 0);
	assert_int_not_equal(block_decode(buffer_span(&bytes), &back, NULL), OK);
	buffer_free(&body);
	buffer_free(&bytes);
}

/* Hedged signatures differ from call to call; a block is the same block under each. */
static void the_digest_is_not_over_the_signature(void **state)
{
	(void)state;
	struct validity validity = rules(4, 0);
	struct block block = sample(&validity, 1, 9), back, other;
	struct buffer bytes = seal(&block);
	assert_int_equal(block_parse(buffer_span(&bytes), &back, NULL), OK);
	struct buffer again = {0};
	buffer_append_span(&again, buffer_span(&bytes));
	again.data[again.size - 1] ^= 1;
	assert_int_equal(block_parse(buffer_span(&again), &other, NULL), OK);
	assert_true(digest_equal(&back.digest, &other.digest));
	assert_int_equal(fake_verify(NULL, 1, &other.digest, other.signature), E_SIGNATURE);
	buffer_free(&bytes);
	buffer_free(&again);
}

/* Each rule of validity, broken alone. */
struct broken {
	const char *what;
	void (*change)(struct block *block);
	enum status status;
};

static void break_network(struct block *b) { b->network[3] ^= 1; }
static void break_epoch(struct block *b) { b->epoch++; }
static void break_author(struct block *b) { b->author = b->ancestors[0].author = 7; }
static void break_round_zero(struct block *b) { b->round = 0; }
static void break_round_huge(struct block *b) { b->round = UINT32_MAX; }
static void break_time(struct block *b) { b->timestamp_ms = UINT64_MAX; }
static void break_none(struct block *b) { b->ancestor_count = 0; }
static void break_many(struct block *b) { b->ancestors[b->ancestor_count++] = (struct block_ref){.round = 1, .author = 8}; }
static void break_own_first(struct block *b) { struct block_ref r = b->ancestors[0]; b->ancestors[0] = b->ancestors[1]; b->ancestors[1] = r; }
static void break_own_twice(struct block *b) { b->ancestors[3] = b->ancestors[0]; b->ancestors[3].round = 2; }
static void break_twice(struct block *b) { b->ancestors[3] = b->ancestors[4]; }
static void break_order(struct block *b) { struct block_ref r = b->ancestors[3]; b->ancestors[3] = b->ancestors[4]; b->ancestors[4] = r; }
static void break_unknown(struct block *b) { b->ancestors[6].author = 9; }
static void break_same_round(struct block *b) { b->ancestors[2].round = b->round; }
static void break_quorum(struct block *b) { b->ancestors[1].round = b->ancestors[2].round = b->ancestors[3].round = 5; }
static void break_genesis(struct block *b) { b->ancestors[2].round = 0; }
static void break_votes(struct block *b) { b->vote_count = 2; b->votes[0].index = b->votes[1].index = 4; }
static void break_nothing(struct block *b) { b->ancestors[1].round = b->ancestors[2].round = 5; }
static void break_own_old(struct block *b) { b->ancestors[0].round = 1; }

static void each_rule_is_enforced(void **state)
{
	(void)state;
	static const struct broken broken[] = {
		{"network", break_network, E_NETWORK},
		{"epoch", break_epoch, E_NETWORK},
		{"author", break_author, E_MALFORMED},
		{"round 0", break_round_zero, E_MALFORMED},
		{"huge round", break_round_huge, E_MALFORMED},
		{"time", break_time, E_MALFORMED},
		{"no ancestor", break_none, E_MALFORMED},
		{"too many ancestors", break_many, E_MALFORMED},
		{"own ancestor first", break_own_first, E_MALFORMED},
		{"own ancestor twice", break_own_twice, E_MALFORMED},
		{"an author twice", break_twice, E_MALFORMED},
		{"order of authors", break_order, E_MALFORMED},
		{"unknown ancestor", break_unknown, E_MALFORMED},
		{"ancestor of the same round", break_same_round, E_MALFORMED},
		{"quorum of the round before", break_quorum, E_MALFORMED},
		{"false genesis", break_genesis, E_MALFORMED},
		{"votes in order", break_votes, E_MALFORMED},
		{"two old ancestors", break_nothing, OK},
		{"old own ancestor", break_own_old, OK},
	};
	struct validity validity = rules(7, 0);
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		struct block block = sample(&validity, 2, 9);
		broken[i].change(&block);
		struct fault fault;
		enum status status = validity_check(&validity, &block, &fault);
		if (status != broken[i].status)
			fail_msg("%s: %s", broken[i].what, status_name(status));
		if (status != OK)
			assert_true(strlen(fault.text) > 10);
	}
	/* With collection on, old ancestors are refused, except the own one. */
	struct validity collecting = rules(7, 3);
	struct block block = sample(&collecting, 2, 9);
	block.ancestors[0].round = 1;
	assert_int_equal(validity_check(&collecting, &block, NULL), OK);
	block.ancestors[1].round = 6;
	assert_int_equal(validity_check(&collecting, &block, NULL), OK);
	block.ancestors[1].round = 5;
	assert_int_equal(validity_check(&collecting, &block, NULL), E_MALFORMED);
}

static void quorums_are_those_of_the_table(void **state)
{
	(void)state;
	static const int table[][3] = {{1, 0, 1}, {2, 0, 2}, {3, 0, 3}, {4, 1, 3}, {5, 1, 4}, {6, 1, 5}, {7, 2, 5}, {10, 3, 7},
		{13, 4, 9}, {20, 6, 14}, {31, 10, 21}, {50, 16, 34}};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		assert_int_equal(validity_faulty_max((uint16_t)table[i][0]), table[i][1]);
		assert_int_equal(validity_quorum((uint16_t)table[i][0]), table[i][2]);
	}
}

/* Counts and sizes in the header are limits before they are anything else. */
static void limits_hold(void **state)
{
	(void)state;
	struct validity validity = rules(4, 0);
	struct block block = sample(&validity, 0, 1), back;
	struct buffer bytes = seal(&block);
	/* version 2, network 16, epoch 8, round 4, author 2, time 8: then the count of ancestors. */
	size_t ancestors = 40, refs = 4 * 38, votes = ancestors + 2 + refs + 2;
	bytes.data[ancestors + 1] = 0xff;
	assert_int_equal(block_parse(buffer_span(&bytes), &back, NULL), E_LIMIT);
	bytes.data[ancestors + 1] = 0;
	bytes.data[votes] = BLOCK_VOTES_MAX + 1;
	assert_int_equal(block_parse(buffer_span(&bytes), &back, NULL), E_LIMIT);
	bytes.data[votes] = 0;
	bytes.data[ancestors + 2 + refs] = 1; /* acknowledgements */
	assert_int_equal(block_parse(buffer_span(&bytes), &back, NULL), E_MALFORMED);
	bytes.data[ancestors + 2 + refs] = 0;
	size_t count = votes + 2 + DIGEST_SIZE;
	bytes.data[count + 3] = 1;
	assert_int_equal(block_parse(buffer_span(&bytes), &back, NULL), E_LIMIT);
	bytes.data[count + 3] = 0;
	bytes.data[count + 7] = 1;
	assert_int_equal(block_parse(buffer_span(&bytes), &back, NULL), E_LIMIT);
	bytes.data[count + 7] = 0;
	bytes.data[0] = 1;
	assert_int_equal(block_parse(buffer_span(&bytes), &back, NULL), E_MALFORMED);
	bytes.data[0] = BLOCK_VERSION;
	assert_int_equal(block_parse(buffer_span(&bytes), &back, NULL), OK);
	buffer_free(&bytes);
	/* Rounds end where sums with them are safe, even of blocks that are well made. */
	block = sample(&validity, 0, BLOCK_ROUND_MAX);
	assert_int_equal(validity_check(&validity, &block, NULL), OK);
	block = sample(&validity, 0, BLOCK_ROUND_MAX + 1);
	assert_int_equal(validity_check(&validity, &block, NULL), E_MALFORMED);
	block = sample(&validity, 0, 1);
	/* An empty transaction is none. */
	struct buffer body = {0};
	uint16_t author = 0;
	struct block_signer signer = {&author, fake_sign, fake_verify};
	write_u32(&body, 0);
	block.body = buffer_span(&body);
	block.tx_count = 1;
	assert_int_equal(block_seal(&block, &signer, &bytes), E_MALFORMED);
	buffer_free(&body);
	buffer_free(&bytes);
}

static void messages_come_back_as_written(void **state)
{
	(void)state;
	struct random random = random_of(2);
	for (int i = 0; i < 2000; i++) {
		uint16_t members = (uint16_t)(1 + random_below(&random, BLOCK_MEMBERS_MAX));
		struct message message = {.kind = (enum message_kind)(1 + random_below(&random, 7)), .number = random_next(&random),
			.flag = random_chance(&random, 0.5), .ref_count = (uint16_t)random_below(&random, MESSAGE_REFS_MAX + 1)}, back;
		message.block = span_of_text("whatever");
		for (int k = 0; k < MESSAGE_REFS_MAX; k++)
			message.refs[k] = (struct block_ref){(uint32_t)random_next(&random), (uint16_t)k, {{(uint8_t)i}}};
		for (int k = 0; k < members; k++)
			message.rounds[k] = (uint32_t)random_next(&random);
		struct buffer bytes = {0}, again = {0};
		message_encode(&message, members, &bytes);
		assert_int_equal(message_decode(buffer_span(&bytes), members, &back), OK);
		message_encode(&back, members, &again);
		assert_true(span_equal(buffer_span(&bytes), buffer_span(&again)));
		if (message.kind != MESSAGE_BLOCK) {
			for (size_t size = 0; size < bytes.size; size++)
				assert_int_not_equal(message_decode(span_of(bytes.data, size), members, &back), OK);
			buffer_append_byte(&bytes, 0);
			assert_int_not_equal(message_decode(buffer_span(&bytes), members, &back), OK);
		}
		buffer_free(&bytes);
		buffer_free(&again);
	}
	struct message back;
	assert_int_equal(message_decode(span_of("\0", 1), 4, &back), E_MALFORMED);
	assert_int_equal(message_decode(span_of("\x08", 1), 4, &back), E_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_comes_back_as_written),
		cmocka_unit_test(the_body_root_is_the_tree_of_rfc_9162),
		cmocka_unit_test(any_changed_bit_is_noticed),
		cmocka_unit_test(the_digest_is_not_over_the_signature),
		cmocka_unit_test(each_rule_is_enforced),
		cmocka_unit_test(quorums_are_those_of_the_table),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(messages_come_back_as_written),
	};
	return cmocka_run_group_tests_name("block", tests, NULL, NULL);
}
