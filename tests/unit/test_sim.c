/* The simulator: seeds that pass, equal traces of equal seeds, and that it notices what it is there to notice. */
#include "crypto/hash.h"
#include "replica/cosigned.h"
#include "sim/sim.h"
#include "sim/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct sim_keys *keys;

static struct sim_report run(struct sim_options options, struct buffer *text)
{
	struct sim_report report;
	struct sim *sim = sim_new(&options, keys);
	bool more;
	do {
		more = sim_step(sim);
		struct span part = sim_trace_take(sim);
		if (text)
			buffer_append_span(text, part);
	} while (more);
	sim_report(sim, &report);
	sim_free(sim);
	return report;
}

static void must_pass(const struct sim_report *report)
{
	if (report->verdict != SIM_PASS)
		fail_msg("seed %llu step %llu: %s, invariant %u: %s (%s)", (unsigned long long)report->seed, (unsigned long long)report->step,
			sim_verdict_name(report->verdict), report->invariant, report->text, report->setting);
}

static void seeds_pass_and_the_rare_happens(void **state)
{
	(void)state;
	enum { SEEDS = 200 };
	uint64_t counters[SIM_COUNTERS] = {0};
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct sim_report report = run((struct sim_options){.seed = seed}, NULL);
		must_pass(&report);
		for (int i = 0; i < SIM_COUNTERS; i++)
			counters[i] += report.counters[i];
	}
	for (int i = 0; i < SIM_COUNTERS; i++)
		if (i != SIM_AMNESIA_TWINS && i != SIM_REPLACED && counters[i] == 0)
			fail_msg("in %d seeds there was never any: %s", SEEDS, sim_counter_name((enum sim_counter)i));
}

static void equal_seeds_give_equal_traces(void **state)
{
	(void)state;
	struct digest before = {0};
	for (uint64_t seed = 101; seed <= 106; seed++) {
		struct buffer text = {0}, again = {0};
		struct sim_report first = run((struct sim_options){.seed = seed, .traced = true}, &text);
		struct sim_report second = run((struct sim_options){.seed = seed, .traced = true}, &again);
		/* Keeping the text changes nothing. */
		struct sim_report third = run((struct sim_options){.seed = seed}, NULL);
		must_pass(&first);
		assert_true(text.size > 1000 && span_equal(buffer_span(&text), buffer_span(&again)));
		assert_true(digest_equal(&first.trace, &second.trace) && digest_equal(&first.trace, &third.trace));
		assert_false(digest_equal(&first.trace, &before));
		before = first.trace;
		buffer_free(&text);
		buffer_free(&again);
	}
}

static void a_run_can_be_stopped_at_a_step(void **state)
{
	(void)state;
	struct sim_report report = run((struct sim_options){.seed = 7, .until = 500}, NULL);
	assert_int_equal(report.verdict, SIM_STOPPED);
	assert_int_equal(report.step, 500);
}

static void every_size_of_consortium_runs(void **state)
{
	(void)state;
	static const uint16_t sizes[] = {1, 2, 3, 4, 5, 7, 10, 13};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct sim_report report = run((struct sim_options){.seed = 30 + i, .members = sizes[i]}, NULL);
		must_pass(&report);
		assert_int_equal(report.members, sizes[i]);
	}
}

static void real_signatures_run_too(void **state)
{
	(void)state;
	struct sim_report report = run((struct sim_options){.seed = 3, .members = 4, .real_signatures = true, .until = 1500}, NULL);
	assert_int_equal(report.verdict, SIM_STOPPED);
	assert_true(report.counters[SIM_FINAL] > 0);
}

/* -- calm runs --------------------------------------------------------------------------------------------------- */

/* What a message with a block weighs beside references and commit votes, from docs/ledger.md: two bytes of kind, the header's
 * fields, the signature and its length. */
enum { PUSH_FIXED = 10 + (2 + 16 + 8 + 4 + 2 + 8 + 2 + 2 + 2 + 32 + 4 + 4) + 2 + 2420, REFERENCE = 38, VOTE = 40 };

static const struct sim_calm calm = {.speakers = 2, .pause_us = 30000, .load_us = 600000, .delay_us = 5000, .jitter_us = 3000};

static void blocks_have_the_real_size(const struct sim_sent *sent)
{
	assert_int_equal(sent->bytes, sent->messages * PUSH_FIXED + sent->references * REFERENCE + sent->votes * VOTE);
}

static void a_calm_run_measures_what_is_sent(void **state)
{
	(void)state;
	for (int real = 0; real < 2; real++) {
		struct sim_options options = {.seed = 5, .members = 4, .calm = calm, .real_signatures = real};
		struct sim *sim = sim_new(&options, keys);
		while (sim_step(sim))
			;
		const struct sim_measured *measured = sim_measured(sim);
		assert_int_equal(sim->verdict, SIM_PASS);
		for (enum sim_counter fault = SIM_CRASHES; fault <= SIM_FLOODED; fault++)
			assert_int_equal(sim->counters[fault], 0);
		blocks_have_the_real_size(&measured->empty);
		blocks_have_the_real_size(&measured->full);
		/* Each block goes to the three others. */
		assert_true(measured->blocks > 40);
		assert_int_equal(measured->empty.messages + measured->full.messages, 3 * measured->blocks);
		/* With nobody away a block stands on one of each member, and each block is committed as a leader's. */
		uint64_t references = measured->empty.references + measured->full.references, messages = measured->empty.messages + measured->full.messages;
		assert_in_range(references, messages * 39 / 10, messages * 4);
		assert_in_range(measured->commits, measured->blocks - 16, measured->blocks + 4);
		/* Every statement is in one block, with four bytes of length, that was sent three times. */
		assert_true(measured->statements > 20);
		assert_true(measured->body_bytes <= 3 * (measured->statement_bytes + 4 * measured->statements));
		assert_int_equal(measured->finality_count, measured->statements);
		for (size_t i = 0; i < measured->finality_count; i++)
			assert_in_range(measured->finality[i].rounds, 2, 6);
		sim_free(sim);
	}
}

static void calm_runs_have_equal_traces(void **state)
{
	(void)state;
	struct sim_report first = run((struct sim_options){.seed = 9, .members = 7, .calm = calm}, NULL);
	struct sim_report second = run((struct sim_options){.seed = 9, .members = 7, .calm = calm}, NULL);
	struct sim_report other = run((struct sim_options){.seed = 10, .members = 7, .calm = calm}, NULL);
	must_pass(&first);
	must_pass(&other);
	assert_true(digest_equal(&first.trace, &second.trace));
	assert_false(digest_equal(&first.trace, &other.trace));
}

static void the_largest_consortium_is_calm_too(void **state)
{
	(void)state;
	struct sim_options options = {.seed = 1, .members = SIM_MEMBERS_MAX, .calm = calm};
	options.calm.load_us = 200000;
	struct sim_report report = run(options, NULL);
	must_pass(&report);
	assert_true(report.counters[SIM_FINAL] > 0);
}

/* -- does it notice? --------------------------------------------------------------------------------------------- */

/* A run without liars and faults, up to where a few statements are final. */
static struct sim *halfway(void)
{
	struct sim_options options = {.members = 4};
	for (options.seed = 1;; options.seed++) {
		struct sim *sim = sim_new(&options, keys);
		if (sim->knobs.byzantine == 0) {
			sim->knobs.enabled = 0;
			while (sim->checks.final_count < 5 && sim_step(sim))
				;
			return sim;
		}
		sim_free(sim);
	}
}

static void must_notice(struct sim *sim, unsigned invariant)
{
	while (sim_step(sim))
		;
	assert_int_equal(sim->invariant, invariant);
	sim_free(sim);
}

static void another_entry_is_noticed(void **state)
{
	(void)state;
	struct sim *sim = halfway();
	sim->checks.finals[sim->checks.final_count - 1].id.bytes[0] ^= 1;
	struct replica_action final = {.kind = REPLICA_FINAL, .index = 4 + sim->checks.final_count - 1,
		.commit_index = sim->member[2].commits_told};
	sim->member[2].finals = sim->checks.final_count - 1;
	check_final(sim, 2, &final);
	must_notice(sim, 1);
}

static void a_second_block_of_a_slot_is_noticed(void **state)
{
	(void)state;
	struct sim *sim = halfway();
	assert_true(sim->checks.slot_count > 0);
	for (size_t i = 0; i < sim->checks.slot_count; i++)
		sim->checks.slot_digests[i].bytes[0] ^= 1;
	uint16_t member = 0;
	while (sim->member[member].own_round == 0)
		member++;
	sim->member[member].disk.noted = 0;
	map_free(&sim->member[member].disk.stored);
	check_stored(sim, member);
	must_notice(sim, 2);
}

static void speaking_before_storing_is_noticed(void **state)
{
	(void)state;
	struct sim *sim = halfway();
	/* It forgets where its blocks lie, and sends the next it has. */
	struct buffer message = {0};
	struct span block = {0};
	struct log_frame frame;
	size_t size, at = 0;
	for (struct block parsed; at < sim->member[0].disk.bytes.size; at += size) {
		assert_int_equal(log_frame_read(span_after(buffer_span(&sim->member[0].disk.bytes), at), at, &frame, &size), OK);
		if (frame.kind == REPLICA_FRAME_BLOCK && block_parse(frame.bytes, &parsed, NULL) == OK && parsed.author == 0)
			block = frame.bytes;
	}
	replica_message_of_block(block, &message);
	check_send(sim, 0, &(struct deed){.disk_end = sim->member[0].disk.bytes.size}, buffer_span(&message));
	assert_int_equal(sim->verdict, SIM_RUNNING);
	check_send(sim, 0, &(struct deed){.disk_end = 10}, buffer_span(&message));
	buffer_free(&message);
	must_notice(sim, 9);
}

static void a_lost_statement_is_noticed(void **state)
{
	(void)state;
	struct sim *sim = halfway();
	/* Nobody ever gets this one, and its client waits for it. */
	sim->clients[3].wanted = sim->clients[3].count;
	statement_make(sim, 3);
	struct payload *payload = &sim->payloads[sim->clients[3].payloads[sim->clients[3].count - 1]];
	payload->retry_us = INT64_MAX;
	must_notice(sim, 14);
}

static void another_log_is_noticed(void **state)
{
	(void)state;
	struct sim *sim = halfway();
	for (size_t i = 0; i < sim->observers[0]->commit_count; i++)
		sim->observers[0]->commits[i].root.bytes[0] ^= 1;
	for (uint16_t i = 0; i < 4; i++)
		sim->member[i].commits = 0;
	for (uint16_t i = 0; i < 4; i++)
		if (sim->member[i].replica)
			check_step(sim, i);
	must_notice(sim, 11);
}

static void two_roots_of_one_size_are_noticed(void **state)
{
	(void)state;
	struct sim *sim = halfway();
	for (uint8_t root = 0; root < 2; root++) {
		struct buffer message = {0};
		write_u16(&message, 2); /* a cosignature that asks for nothing */
		write_u16(&message, 1);
		write_u64(&message, 99);
		write_digest(&message, &(struct digest){{root}});
		check_send(sim, 1, &(struct deed){0}, buffer_span(&message));
		buffer_free(&message);
		assert_int_equal(sim->verdict, root ? SIM_BROKEN : SIM_RUNNING);
	}
	must_notice(sim, 12);
}

/* Whoever lost its disk asks; here the others knew. */
static void a_forgotten_block_is_noticed(void **state)
{
	(void)state;
	for (int known = 0; known < 2; known++) {
		struct sim *sim = halfway();
		uint16_t member = 0;
		while (sim->member[member].own_round == 0)
			member++;
		check_word_lost(sim, member);
		assert_true(sim->member[member].lost.round > 0);
		sim->member[member].lost.holders = known ? 0xf ^ 1u << member : 0;
		for (size_t i = 0; i < sim->checks.slot_count; i++)
			sim->checks.slot_digests[i].bytes[0] ^= 1;
		sim->member[member].disk.noted = 0;
		check_stored(sim, member);
		assert_true(sim->counters[SIM_AMNESIA_TWINS] > 0);
		if (known) {
			must_notice(sim, 2);
		} else {
			assert_int_equal(sim->verdict, SIM_RUNNING);
			sim_free(sim);
		}
	}
}

static void another_last_commit_is_noticed(void **state)
{
	(void)state;
	struct sim_options options = {.members = 4};
	struct replica_numbers numbers = {0};
	struct sim *sim = NULL;
	/* Where the last epoch has a commit. */
	while (numbers.consensus.commits == 0) {
		sim_free(sim);
		options.seed++;
		sim = sim_new(&options, keys);
		while (sim_step(sim))
			;
		assert_int_equal(sim->verdict, SIM_PASS);
		if (is_honest(&sim->member[1]) && sim->member[1].replica)
			replica_numbers(sim->member[1].replica, &numbers);
	}
	struct observer *observer = sim->observers[numbers.epoch];
	assert_true(numbers.consensus.commits < observer->commit_count);
	observer->commits[numbers.consensus.commits].digest.bytes[0] ^= 1;
	sim->verdict = SIM_RUNNING;
	check_end(sim);
	assert_int_equal(sim->invariant, 1);
	sim_free(sim);
}

static void a_false_signature_is_noticed(void **state)
{
	(void)state;
	struct sim *sim = halfway();
	struct cosigned line = {.member = 1, .size = 99, .cosignature.timestamp_s = 1};
	struct buffer message = {0};
	write_u16(&message, 2);
	cosigned_encode(&line, &message);
	check_send(sim, 1, &(struct deed){0}, buffer_span(&message));
	buffer_free(&message);
	must_notice(sim, 12);
}

static void questions_without_end_are_noticed(void **state)
{
	(void)state;
	for (int timers = 0; timers < 2; timers++) {
		struct sim *sim = halfway();
		while (sim->phase != PHASE_SILENCE && sim_step(sim))
			;
		*(timers ? &sim->steps_before : &sim->delivered_before) -= 1000;
		must_notice(sim, 15);
	}
}

static int group_begin(void **state)
{
	(void)state;
	keys = sim_keys_new();
	return 0;
}

static int group_end(void **state)
{
	(void)state;
	sim_keys_free(keys);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seeds_pass_and_the_rare_happens),
		cmocka_unit_test(equal_seeds_give_equal_traces),
		cmocka_unit_test(a_run_can_be_stopped_at_a_step),
		cmocka_unit_test(every_size_of_consortium_runs),
		cmocka_unit_test(real_signatures_run_too),
		cmocka_unit_test(a_calm_run_measures_what_is_sent),
		cmocka_unit_test(calm_runs_have_equal_traces),
		cmocka_unit_test(the_largest_consortium_is_calm_too),
		cmocka_unit_test(another_entry_is_noticed),
		cmocka_unit_test(a_second_block_of_a_slot_is_noticed),
		cmocka_unit_test(speaking_before_storing_is_noticed),
		cmocka_unit_test(a_lost_statement_is_noticed),
		cmocka_unit_test(another_log_is_noticed),
		cmocka_unit_test(two_roots_of_one_size_are_noticed),
		cmocka_unit_test(a_forgotten_block_is_noticed),
		cmocka_unit_test(another_last_commit_is_noticed),
		cmocka_unit_test(a_false_signature_is_noticed),
		cmocka_unit_test(questions_without_end_are_noticed),
	};
	cmocka_set_test_filter(getenv("TALLY_TEST"));
	return cmocka_run_group_tests(tests, group_begin, group_end);
}
