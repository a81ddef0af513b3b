/* Three members that bear a crash and no lie: one of them may be away for ever, a disk may be lost while the others are there, and a
 * lie is still found out. The same three, strict, stop. docs/decisions/0010-crash-mode.md; `tally sim --crash` does it at random. */
#include "cluster_checks.h"
#include "consensus/reputation.h"
#include "lie.h"

static struct consortium three;

enum { LIAR = 1, AWAY = 2, EPOCH_BYTES = 300000 };

struct story {
	struct cluster cluster;
	struct issuer issuer;
	struct pile pile;
	size_t told;
};

static void story_begin(struct story *story, uint64_t seed, bool crash, size_t statements)
{
	three.genesis.settings = (struct genesis_settings){.epoch_bytes = GENESIS_EPOCH_BYTES, .crash = crash};
	story->issuer = organisation(&three, 0);
	story->pile = pile_of_events(&three, &story->issuer, statements);
	story->told = 0;
	cluster_begin(&story->cluster, &three, seed);
	cluster_up(&story->cluster);
	cluster_run(&story->cluster, 1000);
}

static void story_end(struct story *story)
{
	cluster_end(&story->cluster);
	pile_free(&story->pile);
}

/* One more statement, at that member. */
static void say(struct story *story, uint16_t at)
{
	assert_true(story->told < story->pile.count);
	cluster_submit(&story->cluster, at, buffer_span(&story->pile.bytes[story->told++]));
}

static bool said(const struct story *story, uint16_t at)
{
	return cluster_outcome_of(&story->cluster, at, &story->pile.ids[story->told - 1]) == OK;
}

/* It becomes final there. */
static void say_and_wait(struct story *story, uint16_t at)
{
	say(story, at);
	cluster_run(&story->cluster, 5000);
	assert_true(said(story, at));
}

static void restart(struct cluster *cluster, uint16_t index)
{
	cluster_member_down(cluster, index);
	cluster_run(cluster, 300);
	cluster_member_up(cluster, index);
	cluster_run(cluster, 300);
}

static void disk_lost(struct cluster *cluster, uint16_t index)
{
	cluster_member_down(cluster, index);
	cluster->member[index].log.size = cluster->member[index].entries.size = cluster->member[index].pruned = 0;
	cluster_member_up(cluster, index);
}

static bool tip_known(const struct cluster *cluster, uint16_t index)
{
	return numbers_of(cluster, index).consensus.tip_known;
}

static void two_of_three_go_on(void **state)
{
	(void)state;
	struct story story;
	struct cluster *cluster = &story.cluster;
	story_begin(&story, 31, true, 40);
	say_and_wait(&story, 0);
	cluster_member_down(cluster, AWAY);
	for (int i = 0; i < 4; i++)
		say_and_wait(&story, (uint16_t)(i % 2));
	/* Both start anew, and nobody else is there to ask. */
	for (uint16_t i = 0; i < 2; i++) {
		restart(cluster, i);
		assert_true(tip_known(cluster, i));
		say_and_wait(&story, i);
	}
	/* What they sign is worth something, two lines at least. */
	cluster_run(cluster, 5000);
	assert_true(numbers_of(cluster, 0).checkpoint_size == 3 + story.told && numbers_of(cluster, 0).checkpoint_lines == 2);
	while (story.told < story.pile.count - 1)
		say_and_wait(&story, 0);
	assert_true(numbers_of(cluster, 0).commits > 64);
	cluster_member_up(cluster, AWAY);
	cluster_run(cluster, 5000);
	say_and_wait(&story, AWAY);
	cluster_run(cluster, 2000);
	logs_are_equal(cluster, 3 + story.told);
	story_end(&story);
}

/* Who is away leads no more, if so many may be away. */
static void the_one_away_does_not_lead(void **state)
{
	(void)state;
	for (uint16_t away = 0; away < 2; away++) {
		struct reputation reputation;
		const struct linearizer linearizer = {.index = REPUTATION_COMMITS};
		struct dag_block leader = {0};
		const struct dag dag = {.blocks = &leader};
		bool leads = false;
		reputation_init(&reputation, 3, away);
		reputation.punctual[0] = reputation.punctual[1] = 40;
		reputation_commit(&reputation, &dag, 0, &linearizer);
		for (uint16_t i = 0; i < reputation.schedule.count; i++)
			leads = leads || reputation.schedule.members[i] == AWAY;
		assert_true(leads == (away == 0));
	}
	assert_int_equal(faults_away(3, FAULTS_CRASH), 1);
	assert_int_equal(faults_away(3, FAULTS_STRICT), 0);
}

/* And who lied leads no more, however many may be away. */
static void who_lied_never_leads_again(void **state)
{
	(void)state;
	struct reputation reputation;
	const struct linearizer linearizer = {.index = REPUTATION_COMMITS};
	struct dag_block leader = {0};
	const struct dag dag = {.blocks = &leader};
	reputation_init(&reputation, 3, 0);
	reputation.lied[AWAY] = true;
	reputation_commit(&reputation, &dag, 0, &linearizer);
	assert_int_equal(reputation.schedule.count, 2);
	for (uint16_t i = 0; i < reputation.schedule.count; i++)
		assert_int_not_equal(reputation.schedule.members[i], AWAY);
}

static void strict_members_stop(void **state)
{
	(void)state;
	struct story story;
	struct cluster *cluster = &story.cluster;
	story_begin(&story, 32, false, 3);
	say_and_wait(&story, 0);
	cluster_member_down(cluster, AWAY);
	say(&story, 0);
	cluster_run(cluster, 60000);
	assert_false(said(&story, 0));
	assert_true(numbers_of(cluster, 0).log_size == 4);
	cluster_member_up(cluster, AWAY);
	cluster_run(cluster, 8000);
	assert_true(said(&story, 0));
	say_and_wait(&story, AWAY);
	cluster_run(cluster, 1000);
	logs_are_equal(cluster, 6);
	story_end(&story);
}

/* One alone says nothing final. */
static void one_of_three_stops(void **state)
{
	(void)state;
	struct story story;
	struct cluster *cluster = &story.cluster;
	story_begin(&story, 33, true, 2);
	say_and_wait(&story, 0);
	cluster_member_down(cluster, 1);
	cluster_member_down(cluster, AWAY);
	say(&story, 0);
	cluster_run(cluster, 60000);
	assert_false(said(&story, 0));
	cluster_member_up(cluster, 1);
	cluster_run(cluster, 8000);
	assert_true(said(&story, 0));
	logs_are_equal(cluster, 5);
	story_end(&story);
}

/* Members 0 and 2 decide something that 1 does not hear of. Then 2 is away, and 0 has lost its disk: of what it said only 2 knows. It
 * must not say something else with 1, however patient it was, and however often it starts anew with own blocks that 1 gave it. */
static void a_lost_disk_waits_for_both_others(void **state)
{
	(void)state;
	struct story story;
	struct cluster *cluster = &story.cluster;
	story_begin(&story, 34, true, 12);
	say_and_wait(&story, 0);
	cluster_member_down(cluster, 1);
	for (int i = 0; i < 3; i++)
		say_and_wait(&story, 0);
	cluster_member_down(cluster, AWAY);
	disk_lost(cluster, 0);
	cluster_member_up(cluster, 1);
	cluster_run(cluster, 20000);
	assert_false(tip_known(cluster, 0));
	assert_true(numbers_of(cluster, 0).consensus.accepted > 0); /* own blocks, too */
	for (int i = 0; i < 2; i++) {
		restart(cluster, 0);
		cluster_run(cluster, 10000);
		assert_false(tip_known(cluster, 0));
	}
	assert_true(numbers_of(cluster, 1).log_size == 4);
	cluster_member_up(cluster, AWAY);
	cluster_run(cluster, 8000);
	assert_true(tip_known(cluster, 0));
	logs_are_equal(cluster, 3 + story.told);
	/* From now on its disk is one like the others'. */
	cluster_member_down(cluster, 1);
	restart(cluster, 0);
	say_and_wait(&story, AWAY);
	cluster_member_up(cluster, 1);
	cluster_run(cluster, 5000);
	logs_are_equal(cluster, 3 + story.told);
	for (uint16_t i = 0; i < 3; i++)
		assert_int_equal(cluster->member[i].evidence, 0);
	story_end(&story);
}

/* Where the frame SETTLED of the newest epoch stands in a member's log. */
static size_t settled_place(const struct cluster *cluster, uint16_t index)
{
	const struct buffer *log = &cluster->member[index].log;
	struct log_frame frame;
	size_t place = SIZE_MAX;
	for (size_t at = 0, size; at < log->size; at += size) {
		assert_int_equal(log_frame_read(span_after(buffer_span(log), at), at, &frame, &size), OK);
		place = frame.kind == REPLICA_FRAME_SETTLED ? at : place;
	}
	assert_true(place < log->size);
	return place;
}

/* A log with a hole may have lost own blocks, whatever stands behind it. */
static void a_damaged_disk_waits_for_both_others(bool before)
{
	struct story story;
	struct cluster *cluster = &story.cluster;
	struct log_frame frame;
	size_t size, middle = 0;
	story_begin(&story, 35, true, 100);
	three.genesis.settings.epoch_bytes = EPOCH_BYTES;
	cluster->repairs = true;
	say_and_wait(&story, 0);
	while (before && numbers_of(cluster, 0).epoch == 0)
		say_and_wait(&story, 0);
	say_and_wait(&story, 0);
	cluster_member_down(cluster, AWAY);
	cluster_member_down(cluster, 0);
	struct buffer *log = &cluster->member[0].log;
	size_t settled = settled_place(cluster, 0), until = before ? settled : log->size / 2;
	for (size_t at = 0; at < until; at += size) {
		assert_int_equal(log_frame_read(span_after(buffer_span(log), at), at, &frame, &size), OK);
		middle = at;
	}
	assert_true((settled > middle) == before);
	log->data[middle + LOG_FRAME_OVERHEAD / 2] ^= 1;
	cluster_member_up(cluster, 0);
	cluster_run(cluster, 20000);
	assert_false(tip_known(cluster, 0));
	cluster_member_up(cluster, AWAY);
	cluster_run(cluster, 5000);
	assert_true(tip_known(cluster, 0));
	say_and_wait(&story, 0);
	cluster_run(cluster, 1000);
	logs_are_equal(cluster, 3 + story.told);
	story_end(&story);
}

static void damaged_disks_wait_for_both_others(void **state)
{
	(void)state;
	a_damaged_disk_waits_for_both_others(false);
	a_damaged_disk_waits_for_both_others(true);
}

/* An epoch ends by weight while one is away; whoever starts anew before it made a block there asks only the other one. */
static void epochs_end_with_one_away(void **state)
{
	(void)state;
	struct story story;
	struct cluster *cluster = &story.cluster;
	story_begin(&story, 36, true, 200);
	three.genesis.settings.epoch_bytes = EPOCH_BYTES;
	say_and_wait(&story, 0);
	cluster_member_down(cluster, AWAY);
	unsigned early = 0;
	for (uint64_t epoch = numbers_of(cluster, 0).epoch; epoch < 3;) {
		say(&story, 1);
		int64_t until = cluster->now_ms + 1000;
		while (numbers_of(cluster, 0).epoch == epoch && cluster_advance(cluster, until))
			;
		if (numbers_of(cluster, 0).epoch == epoch)
			continue;
		epoch = numbers_of(cluster, 0).epoch;
		bool is_early = numbers_of(cluster, 0).consensus.round == 0;
		cluster_member_down(cluster, 0);
		if (is_early) { /* so early that the log does not even say that it is settled there */
			cluster->member[0].log.size = settled_place(cluster, 0);
			early++;
		}
		cluster_member_up(cluster, 0);
		cluster_run(cluster, 5000);
		assert_true(tip_known(cluster, 0));
	}
	assert_true(early > 0);
	assert_true(numbers_of(cluster, 0).epoch_signed > 0); /* by two */
	cluster_run(cluster, 5000);
	logs_are_equal(cluster, 3 + story.told);
	cluster_member_up(cluster, AWAY);
	cluster_run(cluster, 15000);
	logs_are_equal(cluster, 3 + story.told);
	story_end(&story);
}

/* Two blocks for one slot convict here as elsewhere, also blocks that stand on two. */
static void a_lie_is_found_out(void **state)
{
	(void)state;
	struct story story;
	struct cluster *cluster = &story.cluster;
	const struct block_signer signer = {.context = three.node[LIAR], .sign = lie_sign};
	struct buffer twin = {0}, message = {0}, statement = {0};
	struct block block, newest = {0};
	struct log_frame frame;
	size_t size;
	story_begin(&story, 37, true, 2);
	say_and_wait(&story, 0);
	cluster_member_down(cluster, AWAY);
	say_and_wait(&story, 0);
	const struct buffer *log = &cluster->member[0].log;
	for (size_t at = 0; at < log->size; at += size) {
		assert_int_equal(log_frame_read(span_after(buffer_span(log), at), at, &frame, &size), OK);
		if (frame.kind == REPLICA_FRAME_BLOCK && block_parse(frame.bytes, &block, NULL) == OK && block.author == LIAR && block.round > newest.round)
			newest = block;
	}
	assert_true(newest.round > 0 && newest.ancestor_count == 2);
	newest.timestamp_ms++;
	assert_int_equal(block_seal(&newest, &signer, &twin), OK);
	replica_message_of_block(buffer_span(&twin), &message);
	cluster_post(cluster, LIAR, 0, buffer_span(&message));
	cluster_run(cluster, 1000);
	assert_int_equal(cluster->member[0].evidence, 1);
	struct digest id = issue(&three, &story.issuer, STATEMENT_EVIDENCE, cluster->consortium->genesis.members[LIAR].header.iss,
		buffer_span(&cluster->member[0].convicts), NULL, 0, &statement);
	cluster_submit(cluster, 0, buffer_span(&statement));
	cluster_run(cluster, 3000);
	assert_int_equal(cluster_outcome_of(cluster, 0, &id), OK);
	cluster_member_up(cluster, AWAY);
	cluster_run(cluster, 5000);
	logs_are_equal(cluster, 6);
	const struct entity *liar = ledger_entity(replica_ledger(cluster->member[AWAY].replica), cluster->consortium->genesis.members[LIAR].header.iss);
	assert_true(digest_equal(&liar->lied, &id) && liar->lies == 1);
	buffer_free(&twin);
	buffer_free(&message);
	buffer_free(&statement);
	story_end(&story);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_of_three_go_on),
		cmocka_unit_test(the_one_away_does_not_lead),
		cmocka_unit_test(who_lied_never_leads_again),
		cmocka_unit_test(strict_members_stop),
		cmocka_unit_test(one_of_three_stops),
		cmocka_unit_test(a_lost_disk_waits_for_both_others),
		cmocka_unit_test(damaged_disks_wait_for_both_others),
		cmocka_unit_test(epochs_end_with_one_away),
		cmocka_unit_test(a_lie_is_found_out),
	};
	consortium_found(&three, 3);
	cmocka_set_test_filter(getenv("TALLY_TEST"));
	int failed = cmocka_run_group_tests_name("crash mode", tests, NULL, NULL);
	consortium_free(&three);
	return failed;
}
