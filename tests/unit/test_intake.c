/* What one machine takes from its peers, and what it does not. */
#include "consensus/evidence.h"
#include "consensus_cluster.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* One machine, A of four; the test plays the others. */

struct stage {
	struct cluster cluster;
	struct validity validity;
	struct consensus_actions actions;
};

static void stage_init(struct stage *stage)
{
	cluster_init(&stage->cluster, 1, 4, false);
	struct consensus_config *config = &stage->cluster.config;
	stage->validity = validity_of(4, FAULTS_BYZANTINE, config->network, config->epoch, &config->genesis, 0);
	node_start(&stage->cluster, 0);
}

/* A signed block of B, C or D; `mark` tells twins apart. */
static struct buffer stage_block(struct stage *stage, uint32_t round, uint16_t author, uint64_t mark, const struct block_ref *refs,
	uint16_t count)
{
	struct block block = {.round = round, .author = author, .ancestor_count = count};
	struct block_signer signer = {&stage->cluster.signer_ids[author], fake_sign, fake_verify};
	struct buffer body = {0}, bytes = {0};
	block.timestamp_ms = CLUSTER_GENESIS_TIME + mark;
	memcpy(block.ancestors, refs, count * sizeof *refs);
	write_block(&body, span_of(&mark, sizeof mark));
	block.tx_count = 1;
	block.body = buffer_span(&body);
	assert_int_equal(block_seal(&block, &signer, &bytes), OK);
	buffer_free(&body);
	return bytes;
}

/* In round 1 all ancestors are genesis blocks. */
static struct buffer stage_first(struct stage *stage, uint16_t author, uint64_t mark)
{
	struct block_ref refs[4];
	for (uint16_t i = 0; i < 4; i++) {
		uint16_t other = i == 0 ? author : i <= author ? i - 1 : i;
		refs[i] = (struct block_ref){.author = other, .digest = stage->validity.genesis[other]};
	}
	return stage_block(stage, 1, author, mark, refs, 4);
}

static struct block_ref stage_ref(const struct buffer *bytes)
{
	struct block block;
	assert_int_equal(block_parse(buffer_span(bytes), &block, NULL), OK);
	return block_reference(&block);
}

static void stage_hear(struct stage *stage, uint16_t peer, struct span message)
{
	struct consensus_event event = {.kind = CONSENSUS_MESSAGE, .peer = peer, .bytes = message,
		.now_ms = CLUSTER_GENESIS_TIME};
	consensus_step(stage->cluster.node[0].machine, &event, &stage->actions, NULL);
	for (uint32_t i = 0; i < stage->actions.count; i++)
		if (stage->actions.items[i].kind == CONSENSUS_PERSIST)
			action_run(&stage->cluster, 0, &stage->actions.items[i]);
}

/* How many actions of a kind the last message caused. */
static uint32_t stage_actions(const struct stage *stage, enum consensus_action_kind kind)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < stage->actions.count; i++)
		count += stage->actions.items[i].kind == kind;
	return count;
}

static uint64_t stage_push(struct stage *stage, uint16_t peer, const struct buffer *block)
{
	uint64_t before = node_numbers(&stage->cluster, 0).blocks;
	struct buffer message = {0};
	consensus_message_of_block(buffer_span(block), &message);
	stage_hear(stage, peer, buffer_span(&message));
	buffer_free(&message);
	return node_numbers(&stage->cluster, 0).blocks - before;
}

static uint64_t stage_refused(struct stage *stage)
{
	return node_numbers(&stage->cluster, 0).refused;
}

static void pushed_blocks_are_their_senders_own(void **state)
{
	(void)state;
	struct stage stage;
	stage_init(&stage);
	struct buffer block = stage_first(&stage, 2, 0);
	assert_int_equal(stage_push(&stage, 1, &block), 0);
	assert_int_equal(stage_refused(&stage), 1);
	assert_int_equal(stage_push(&stage, 2, &block), 1);
	assert_int_equal(stage_actions(&stage, CONSENSUS_PERSIST), 1);
	/* Again is nothing, and not an offence. */
	assert_int_equal(stage_push(&stage, 2, &block), 0);
	assert_int_equal(stage_actions(&stage, CONSENSUS_PERSIST), 0);
	assert_int_equal(stage_refused(&stage), 1);
	buffer_free(&block);
	cluster_free(&stage.cluster);
}

static void forged_blocks_do_no_lasting_harm(void **state)
{
	(void)state;
	struct stage stage;
	stage_init(&stage);
	struct buffer block = stage_first(&stage, 1, 0);
	for (size_t back = 1; back <= block.size; back += 11) {
		block.data[block.size - back] ^= 0x20;
		assert_int_equal(stage_push(&stage, 1, &block), 0);
		block.data[block.size - back] ^= 0x20;
	}
	assert_int_equal(stage_refused(&stage), (block.size + 10) / 11);
	assert_int_equal(node_numbers(&stage.cluster, 0).suspended, 0);
	/* A bad signature says nothing about the block: the true one is welcome. */
	assert_int_equal(stage_push(&stage, 1, &block), 1);
	buffer_free(&block);
	cluster_free(&stage.cluster);
}

static void unknown_messages_and_strangers_are_counted(void **state)
{
	(void)state;
	struct stage stage;
	stage_init(&stage);
	static const char *const junk[] = {"", "\x08", "\xff what", "\x02\xff\xff", "\x06 short"};
	for (size_t i = 0; i < 5; i++)
		stage_hear(&stage, 1, span_of_text(junk[i]));
	assert_int_equal(stage_refused(&stage), 5);
	struct buffer block = stage_first(&stage, 1, 0);
	assert_int_equal(stage_push(&stage, 9, &block), 0);
	assert_int_equal(stage_push(&stage, 0, &block), 0);
	assert_int_equal(stage_refused(&stage), 7);
	buffer_free(&block);
	cluster_free(&stage.cluster);
}

/* Blocks of rounds far ahead are not kept, those a little ahead are. */
static void the_far_future_is_not_kept(void **state)
{
	(void)state;
	struct stage stage;
	struct block_ref refs[3] = {{0, 1, {{1}}}, {0, 0, {{2}}}, {0, 2, {{3}}}};
	cluster_init(&stage.cluster, 1, 4, false);
	stage.cluster.config.suspended_max = 1000;
	node_start(&stage.cluster, 0);
	for (uint32_t round = 2; round < 2000; round++) {
		for (int i = 0; i < 3; i++)
			refs[i].round = round - 1;
		struct buffer block = stage_block(&stage, round, 1, round, refs, 3);
		assert_int_equal(stage_push(&stage, 1, &block), 0);
		buffer_free(&block);
	}
	struct consensus_numbers numbers = node_numbers(&stage.cluster, 0);
	assert_int_equal(numbers.suspended, stage.cluster.config.rounds_ahead_max - 1);
	assert_int_equal(numbers.dropped, 1998 - numbers.suspended);
	assert_int_equal(numbers.refused, 0);
	cluster_free(&stage.cluster);
}

/* The second block of a slot is proof, once, and not accepted; unless another's block names it. */
static void twins_are_proof_and_come_in_only_when_named(void **state)
{
	(void)state;
	struct stage stage;
	stage_init(&stage);
	struct buffer first = stage_first(&stage, 1, 0), second = stage_first(&stage, 1, 1), third = stage_first(&stage, 1, 2);
	struct buffer other[2] = {stage_first(&stage, 2, 0), stage_first(&stage, 3, 0)};
	assert_int_equal(stage_push(&stage, 1, &first), 1);
	assert_int_equal(stage_push(&stage, 1, &second), 0);
	assert_int_equal(stage_actions(&stage, CONSENSUS_EVIDENCE), 1);
	for (uint32_t i = 0; i < stage.actions.count; i++) {
		struct consensus_action *action = &stage.actions.items[i];
		if (action->kind != CONSENSUS_EVIDENCE)
			continue;
		struct block stored;
		struct block_signer verifier = {NULL, fake_sign, fake_verify};
		struct fault fault;
		uint16_t author;
		assert_int_equal(action->peer, 1);
		assert_int_equal(action->evidence[0].size, 0);
		assert_int_equal(action->position_count, 1);
		consensus_positions_resolve(stage.cluster.node[0].machine, action);
		struct span frame = buffer_span(&stage.cluster.node[0].log[action->positions[0]]);
		assert_int_equal(block_decode(frame, &stored, NULL), OK);
		assert_true(digest_equal(&stored.digest, &action->digest));
		struct span half = block_signed_header(&stored);
		assert_int_equal(evidence_check(half, action->evidence[1], &stage.validity, &verifier, &author, &fault), OK);
		assert_int_equal(author, 1);
		assert_int_equal(evidence_check(half, half, &stage.validity, &verifier, &author, &fault), E_MALFORMED);
		((uint8_t *)(uintptr_t)action->evidence[1].data)[action->evidence[1].size - 1] ^= 1;
		assert_int_equal(evidence_check(half, action->evidence[1], &stage.validity, &verifier, &author, &fault), E_SIGNATURE);
	}
	assert_int_equal(stage_push(&stage, 1, &third), 0);
	assert_int_equal(stage_actions(&stage, CONSENSUS_EVIDENCE), 0);
	assert_int_equal(node_numbers(&stage.cluster, 0).equivocations, 1);
	for (uint16_t i = 0; i < 2; i++)
		assert_int_equal(stage_push(&stage, (uint16_t)(2 + i), &other[i]), 1);
	/* C's block of round 2 names the second: then it is asked for and taken, from whomever. */
	struct block_ref refs[3] = {stage_ref(&other[0]), stage_ref(&second), stage_ref(&other[1])};
	struct buffer naming = stage_block(&stage, 2, 2, 5, refs, 3);
	assert_int_equal(stage_push(&stage, 2, &naming), 0);
	assert_int_equal(node_numbers(&stage.cluster, 0).missing, 1);
	assert_int_equal(stage_push(&stage, 3, &second), 2);
	assert_int_equal(stage_actions(&stage, CONSENSUS_PERSIST), 2);
	assert_int_equal(stage_actions(&stage, CONSENSUS_EVIDENCE), 0);
	buffer_free(&first);
	buffer_free(&second);
	buffer_free(&third);
	buffer_free(&other[0]);
	buffer_free(&other[1]);
	buffer_free(&naming);
	cluster_free(&stage.cluster);
}

/* Both twins wait for an ancestor: the proof holds both halves, since neither is on disk. */
static void waiting_twins_are_proof_too(void **state)
{
	(void)state;
	struct stage stage;
	stage_init(&stage);
	struct buffer b = stage_first(&stage, 1, 0), c = stage_first(&stage, 2, 0), d = stage_first(&stage, 3, 0);
	struct block_ref refs[3] = {stage_ref(&b), stage_ref(&c), stage_ref(&d)};
	struct buffer one = stage_block(&stage, 2, 1, 1, refs, 3), two = stage_block(&stage, 2, 1, 2, refs, 3);
	assert_int_equal(stage_push(&stage, 1, &one), 0);
	assert_int_equal(stage_push(&stage, 1, &two), 0);
	assert_int_equal(node_numbers(&stage.cluster, 0).suspended, 1);
	assert_int_equal(stage_actions(&stage, CONSENSUS_EVIDENCE), 1);
	for (uint32_t i = 0; i < stage.actions.count; i++) {
		const struct consensus_action *action = &stage.actions.items[i];
		struct block_signer verifier = {NULL, fake_sign, fake_verify};
		uint16_t author;
		if (action->kind == CONSENSUS_EVIDENCE)
			assert_int_equal(evidence_check(action->evidence[0], action->evidence[1], &stage.validity, &verifier, &author, NULL), OK);
	}
	buffer_free(&b);
	buffer_free(&c);
	buffer_free(&d);
	buffer_free(&one);
	buffer_free(&two);
	cluster_free(&stage.cluster);
}

/* Who says that we have a higher block must show it. */
static void claims_about_the_own_tip_need_the_block(void **state)
{
	(void)state;
	struct stage stage;
	stage_init(&stage);
	struct message claim = {.kind = MESSAGE_TIP, .number = CLUSTER_GENESIS_TIME, .refs = {{7, 0, {{9}}}}};
	for (int lie = 1; lie >= 0; lie--) {
		if (!lie)
			claim.refs[0] = (struct block_ref){.digest = stage.validity.genesis[0]};
		for (uint16_t peer = 1; peer < 4; peer++) {
			struct buffer bytes = {0};
			message_encode(&claim, 4, &bytes);
			stage_hear(&stage, peer, buffer_span(&bytes));
			buffer_free(&bytes);
		}
		assert_int_equal(node_numbers(&stage.cluster, 0).tip_known, !lie);
	}
	cluster_free(&stage.cluster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pushed_blocks_are_their_senders_own),
		cmocka_unit_test(forged_blocks_do_no_lasting_harm),
		cmocka_unit_test(unknown_messages_and_strangers_are_counted),
		cmocka_unit_test(the_far_future_is_not_kept),
		cmocka_unit_test(twins_are_proof_and_come_in_only_when_named),
		cmocka_unit_test(waiting_twins_are_proof_too),
		cmocka_unit_test(claims_about_the_own_tip_need_the_block),
	};
	const char *filter = getenv("TALLY_TEST");
	if (filter)
		cmocka_set_test_filter(filter);
	return cmocka_run_group_tests_name("intake", tests, NULL, NULL);
}
