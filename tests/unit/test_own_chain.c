/* Own blocks that nobody else has, behind holes of the log that hide what they stand on: no slot is filled twice, and a member whose
 * chain is broken for good speaks again. */
#include "cluster.h"
#include "cluster_checks.h"

static struct consortium four;

enum { HURT = 3, EPOCH_SHORT = 600000, EPOCH_LONG = 60000000, GC_SHORT = 8, GC_LONG = 60 };

/* What the one that will be hurt says is not heard. */
static void mute(void *context, uint16_t from, uint16_t to, struct buffer *bytes)
{
	(void)context, (void)to;
	if (from == HURT)
		bytes->size = 0;
}

static void begin(struct cluster *cluster, uint64_t seed, uint32_t gc_depth, uint64_t epoch_bytes)
{
	four.genesis.settings.epoch_bytes = epoch_bytes;
	cluster_begin(cluster, &four, seed);
	cluster->repairs = true;
	cluster->consensus.gc_depth = gc_depth;
	cluster_up(cluster);
}

static void work(struct cluster *cluster, struct issuer *issuer, int64_t duration_ms)
{
	struct buffer body = {0};
	for (int64_t until = cluster->now_ms + duration_ms; cluster->now_ms < until;) {
		struct buffer bytes = {0};
		issue(&four, issuer, STATEMENT_EVENT, text("order:1"), event_body(&body, (unsigned)cluster->now_ms), NULL, 0, &bytes);
		cluster_submit(cluster, 0, buffer_span(&bytes));
		cluster_run(cluster, 50);
		buffer_free(&bytes);
	}
	buffer_free(&body);
}

/* It makes so many more blocks, which nobody hears of, and stops. The round of the last one. */
static uint32_t work_unheard(struct cluster *cluster, struct issuer *issuer, uint32_t rounds)
{
	uint32_t heard = numbers_of(cluster, HURT).consensus.round;
	cluster->twist = mute;
	for (int i = 0; i < 40 && numbers_of(cluster, HURT).consensus.round < heard + rounds; i++)
		work(cluster, issuer, 50);
	uint32_t last = numbers_of(cluster, HURT).consensus.round;
	assert_true(last >= heard + rounds);
	cluster_member_down(cluster, HURT);
	cluster->twist = NULL;
	return last;
}

/* Where the n-th last block of an author and an epoch lies in a log; SIZE_MAX: nowhere. */
static size_t block_from_end(const struct buffer *log, uint64_t epoch, uint16_t author, size_t n)
{
	size_t *places = memory_new_array(log->size / LOG_FRAME_OVERHEAD + 1, sizeof *places), count = 0;
	struct log_frame frame;
	struct block block;
	for (size_t at = 0, size; log_frame_read(span_after(buffer_span(log), at), at, &frame, &size) == OK; at += size)
		if (frame.kind == REPLICA_FRAME_BLOCK && block_parse(frame.bytes, &block, NULL) == OK && block.epoch == epoch && block.author == author)
			places[count++] = at;
	size_t found = n < count ? places[count - 1 - n] : SIZE_MAX;
	free(places);
	return found;
}

static void damage(struct buffer *log, size_t at)
{
	assert_true(at != SIZE_MAX);
	log->data[at + LOG_FRAME_OVERHEAD] ^= 1;
}

/* Of the log of entries nothing is left from its newest record on. */
static void record_lose(struct buffer *entries)
{
	struct log_frame frame;
	size_t record = SIZE_MAX;
	for (size_t at = 0, size; log_frame_read(span_after(buffer_span(entries), at), at, &frame, &size) == OK; at += size)
		record = frame.kind == REPLICA_FRAME_EPOCH ? at : record;
	assert_true(record != SIZE_MAX);
	entries->size = record;
}

static void slots_note(struct map *slots, struct span log)
{
	struct log_frame frame;
	struct block block;
	uint64_t before;
	for (size_t at = 0, size; log_frame_read(span_after(log, at), at, &frame, &size) == OK; at += size) {
		if (frame.kind != REPLICA_FRAME_BLOCK || block_parse(frame.bytes, &block, NULL) != OK || block.author != HURT)
			continue;
		uint32_t slot[2] = {(uint32_t)block.epoch, block.round}, mark;
		memcpy(&mark, block.digest.bytes, sizeof mark);
		if (map_get(slots, span_of(slot, sizeof slot), &before) && before != mark)
			fail_msg("two blocks of round %u of epoch %u", (unsigned)block.round, (unsigned)block.epoch);
		map_put(slots, span_of(slot, sizeof slot), mark);
	}
}

/* In its own log, read without any repair, and as the others saw it; `earlier`: that log before something happened to it. */
static void no_slot_is_filled_twice(const struct cluster *cluster, struct span earlier)
{
	struct map slots = {0};
	slots_note(&slots, earlier);
	for (uint16_t i = 0; i < cluster->members; i++) {
		slots_note(&slots, buffer_span(&cluster->member[i].log));
		assert_int_equal(cluster->member[i].evidence, 0);
	}
	map_free(&slots);
}

/* Both logs are damaged, so that it is back in the epoch before, while its newest block is of this one. */
static void blocks_of_an_epoch_not_yet_reached(void **state)
{
	(void)state;
	struct cluster cluster;
	struct issuer maker = organisation(&four, 0);
	begin(&cluster, 1, GC_LONG, EPOCH_SHORT);
	for (int i = 0; i < 200 && numbers_of(&cluster, HURT).epoch < 1; i++)
		work(&cluster, &maker, 100);
	work(&cluster, &maker, 300);
	assert_int_equal(numbers_of(&cluster, HURT).epoch, 1);
	uint32_t last = work_unheard(&cluster, &maker, 2);
	assert_int_equal(numbers_of(&cluster, 0).epoch, 1);
	struct member *member = &cluster.member[HURT];
	record_lose(&member->entries);
	damage(&member->log, block_from_end(&member->log, 0, 0, 12));
	cluster_member_up(&cluster, HURT);
	assert_int_equal(numbers_of(&cluster, HURT).epoch, 0);
	cluster_run(&cluster, 5000);
	work(&cluster, &maker, 1000);
	assert_true(numbers_of(&cluster, HURT).epoch >= 1);
	no_slot_is_filled_twice(&cluster, (struct span){0});
	assert_true(numbers_of(&cluster, HURT).epoch > 1 || numbers_of(&cluster, HURT).consensus.round > last);
	cluster_run(&cluster, 3000);
	logs_are_equal(&cluster, 10);
	cluster_end(&cluster);
}

/* It is two epochs back, whose blocks the others have pruned: it begins again from their entries, in the epoch of its newest blocks. */
static void blocks_of_the_epoch_that_a_rebase_reaches(void **state)
{
	(void)state;
	struct cluster cluster;
	struct issuer maker = organisation(&four, 0);
	struct buffer earlier = {0};
	begin(&cluster, 3, GC_LONG, EPOCH_SHORT);
	for (int i = 0; i < 200 && numbers_of(&cluster, HURT).epoch < 2; i++)
		work(&cluster, &maker, 100);
	work(&cluster, &maker, 300);
	uint32_t last = work_unheard(&cluster, &maker, 2);
	assert_int_equal(numbers_of(&cluster, 0).epoch, 2);
	struct member *member = &cluster.member[HURT];
	record_lose(&member->entries);
	record_lose(&member->entries);
	buffer_append_span(&earlier, buffer_span(&member->log));
	damage(&member->log, block_from_end(&member->log, 0, 0, 12));
	cluster_member_up(&cluster, HURT);
	assert_int_equal(numbers_of(&cluster, HURT).epoch, 0);
	cluster_run(&cluster, 5000);
	work(&cluster, &maker, 1000);
	assert_int_equal(member->rebased, 1);
	no_slot_is_filled_twice(&cluster, buffer_span(&earlier));
	assert_true(numbers_of(&cluster, HURT).epoch > 2 || numbers_of(&cluster, HURT).consensus.round > last);
	cluster_run(&cluster, 3000);
	logs_are_equal(&cluster, 10);
	buffer_free(&earlier);
	cluster_end(&cluster);
}

/* An own block is gone that nobody else ever got, and a later one is there. It waits for it until the round is collected. */
static void a_chain_that_is_broken_for_good(void **state)
{
	(void)state;
	struct cluster cluster;
	struct issuer maker = organisation(&four, 0);
	begin(&cluster, 2, GC_SHORT, EPOCH_LONG);
	work(&cluster, &maker, 1000);
	uint32_t last = work_unheard(&cluster, &maker, 3);
	struct member *member = &cluster.member[HURT];
	damage(&member->log, block_from_end(&member->log, 0, HURT, 1));
	/* And one that all others stand on: what comes meanwhile waits as well, and is taken at once. */
	damage(&member->log, block_from_end(&member->log, 0, 0, 6));
	work(&cluster, &maker, 2000);
	cluster_member_up(&cluster, HURT);
	cluster_run(&cluster, 5000);
	work(&cluster, &maker, 2000);
	no_slot_is_filled_twice(&cluster, (struct span){0});
	struct replica_numbers numbers = numbers_of(&cluster, HURT);
	assert_true(numbers.consensus.round > last && numbers.consensus.round + 8 > numbers.consensus.highest_round);
	cluster_run(&cluster, 3000);
	logs_are_equal(&cluster, 10);
	cluster_end(&cluster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_of_an_epoch_not_yet_reached),
		cmocka_unit_test(blocks_of_the_epoch_that_a_rebase_reaches),
		cmocka_unit_test(a_chain_that_is_broken_for_good),
	};
	consortium_found(&four, 4);
	cmocka_set_test_filter(getenv("TALLY_TEST"));
	int failed = cmocka_run_group_tests_name("own chain", tests, NULL, NULL);
	consortium_free(&four);
	return failed;
}
