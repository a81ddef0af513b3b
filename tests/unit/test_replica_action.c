/* Copies of actions that outlive their step; which appends come first. */
#include "consortium.h"
#include "replica/replica.h"
#include "store/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* What a step points at, and forgets when the next one begins. */
struct step_memory {
	uint8_t bytes[40];
	uint8_t evidence[2][20];
	uint64_t positions[3];
	struct consensus_range range;
	char reason[12];
};

static struct step_memory memory_filled(void)
{
	struct step_memory memory = {.positions = {11, 22, 33}, .reason = "not allowed", .range = {.position = 77}};
	memset(memory.bytes, 'b', sizeof memory.bytes);
	memset(memory.evidence[0], '0', sizeof memory.evidence[0]);
	memset(memory.evidence[1], '1', sizeof memory.evidence[1]);
	return memory;
}

static void a_copy_outlives_its_step(void **state)
{
	(void)state;
	struct step_memory memory = memory_filled();
	const struct replica_action action = {.kind = REPLICA_SEND_STORED, .peer = 3, .position = 5, .bytes = span_of(memory.bytes, sizeof memory.bytes),
		.positions = memory.positions, .position_count = 3, .range = &memory.range, .reason = memory.reason, .size = 9, .of_state = true,
		.evidence = {span_of(memory.evidence[0], 20), span_of(memory.evidence[1], 20)}};
	struct replica_action copy = replica_action_copy(&action);
	memset(&memory, 0xee, sizeof memory);
	const struct step_memory before = memory_filled();
	assert_true(copy.kind == REPLICA_SEND_STORED && copy.peer == 3 && copy.position == 5 && copy.size == 9 && copy.of_state);
	assert_true(span_equal(copy.bytes, span_of(before.bytes, sizeof before.bytes)));
	assert_true(copy.position_count == 3);
	assert_memory_equal(copy.positions, before.positions, sizeof before.positions);
	assert_true(copy.range->position == 77);
	assert_string_equal(copy.reason, "not allowed");
	for (size_t i = 0; i < 2; i++)
		assert_true(span_equal(copy.evidence[i], span_of(before.evidence[i], 20)));
	replica_action_free(&copy);
	assert_true(!copy.positions && !copy.bytes.data);
}

static void a_copy_of_nothing_points_at_nothing(void **state)
{
	(void)state;
	struct replica_action copy = replica_action_copy(&(struct replica_action){.kind = REPLICA_TIMER, .at_ms = 4});
	assert_true(copy.at_ms == 4 && !copy.bytes.data && !copy.positions && !copy.range && !copy.reason && !copy.statement);
	replica_action_free(&copy);
}

static void a_final_statement_brings_its_bytes(void **state)
{
	(void)state;
	struct consortium consortium;
	struct statement statement;
	consortium_found(&consortium, 1);
	struct span stated = consortium.genesis.members[0].statement;
	uint8_t *bytes = memory_new(stated.size);
	memcpy(bytes, stated.data, stated.size);
	assert_int_equal(statement_decode(span_of(bytes, stated.size), &statement, NULL), OK);
	struct replica_action copy = replica_action_copy(&(struct replica_action){.kind = REPLICA_FINAL, .statement = &statement,
		.bytes = span_of(bytes, stated.size), .id = statement.id});
	memset(bytes, 0xee, stated.size);
	memset(&statement, 0xee, sizeof statement);
	assert_int_equal(copy.bytes.size, 0);
	assert_true(digest_equal(&copy.statement->id, &copy.id));
	assert_true(span_equal(copy.statement->iss, consortium.genesis.members[0].header.iss));
	assert_true(span_equal(copy.statement->body, consortium.genesis.members[0].header.body));
	replica_action_free(&copy);
	free(bytes);
	consortium_free(&consortium);
}

static bool leads(uint8_t kind)
{
	struct buffer frame = {0};
	log_frame_write(&frame, 100, kind, text("content"));
	bool first = replica_append_leads(&(struct replica_action){.kind = REPLICA_APPEND, .position = 100, .bytes = buffer_span(&frame)});
	buffer_free(&frame);
	return first;
}

static void blocks_and_verdicts_come_first(void **state)
{
	(void)state;
	assert_true(leads(REPLICA_FRAME_BLOCK));
	assert_true(leads(REPLICA_FRAME_FORGED));
	assert_false(leads(REPLICA_FRAME_COSIGNATURE));
	assert_false(leads(REPLICA_FRAME_STATE_COSIGNATURE));
	assert_false(leads(REPLICA_FRAME_SETTLED));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_outlives_its_step),
		cmocka_unit_test(a_copy_of_nothing_points_at_nothing),
		cmocka_unit_test(a_final_statement_brings_its_bytes),
		cmocka_unit_test(blocks_and_verdicts_come_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
