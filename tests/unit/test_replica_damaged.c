/* Members whose disk lost what was in the middle of their log: they fetch it from the others, come to the same log, and
 * fill no slot twice. */
#include "cluster_checks.h"
#include "founded.h"

/* The frames of a member's log. */
struct frames {
	struct log_frame *items;
	size_t *at, *size;
	size_t count;
};

static struct frames frames_of(const struct member *member)
{
	size_t capacity = member->log.size / LOG_FRAME_OVERHEAD + 1, at = 0;
	struct frames frames = {memory_new_array(capacity, sizeof *frames.items), memory_new_array(capacity, sizeof *frames.at),
		memory_new_array(capacity, sizeof *frames.size), 0};
	while (at < member->log.size) {
		size_t i = frames.count++;
		frames.at[i] = at;
		assert_int_equal(log_frame_read(span_after(buffer_span(&member->log), at), at, &frames.items[i], &frames.size[i]), OK);
		at += frames.size[i];
	}
	return frames;
}

static void frames_free(struct frames *frames)
{
	free(frames->items);
	free(frames->at);
	free(frames->size);
}

static uint16_t author_of(const struct log_frame *frame)
{
	struct block block;
	return frame->kind == REPLICA_FRAME_BLOCK && block_parse(frame->bytes, &block, NULL) == OK ? block.author : NOBODY;
}

static void flip(struct cluster *cluster, struct member *member, const struct frames *frames, size_t which)
{
	member->log.data[frames->at[which] + random_below(&cluster->random, frames->size[which])] ^= (uint8_t)(1 << random_below(&cluster->random, 8));
}

struct story {
	struct cluster cluster;
	struct issuer issuers[4];
	struct pile piles[4];
	size_t told;
};

static void story_begin(struct story *story, uint64_t seed, size_t each)
{
	*story = (struct story){0};
	cluster_begin(&story->cluster, &four, seed);
	story->cluster.repairs = true;
	for (uint16_t i = 0; i < 4; i++) {
		story->issuers[i] = organisation(&four, i);
		story->piles[i] = pile_of_events(&four, &story->issuers[i], each);
	}
}

/* Each issuer's next statement, at members that are up. */
static void story_go_on(struct story *story, size_t count)
{
	for (; count; count--, story->told++) {
		for (uint16_t i = 0; i < 4; i++)
			for (uint16_t at = 0; at < 4; at++) {
				uint16_t member = (uint16_t)((i + at) % 4);
				if (!story->cluster.member[member].replica)
					continue;
				cluster_submit(&story->cluster, member, buffer_span(&story->piles[i].bytes[story->told]));
				break;
			}
		cluster_run(&story->cluster, 250);
	}
}

static void story_end(struct story *story)
{
	for (uint16_t i = 0; i < 4; i++)
		pile_free(&story->piles[i]);
	cluster_end(&story->cluster);
}

static void nobody_filled_a_slot_twice(const struct cluster *cluster)
{
	for (uint16_t i = 0; i < 4; i++)
		if (cluster->member[i].replica) {
			assert_int_equal(numbers_of(cluster, i).consensus.equivocations, 0);
			assert_int_equal(cluster->member[i].evidence, 0);
		}
}

/* Some frames anywhere; the others go on meanwhile or not; then it is back, and a second start works as well. */
static void random_damage(uint64_t seed)
{
	struct story story;
	story_begin(&story, seed, 14);
	struct cluster *cluster = &story.cluster;
	cluster_up(cluster);
	story_go_on(&story, 6);
	if (seed % 2)
		cluster_run(cluster, 3000);
	uint16_t victim = (uint16_t)(seed % 4);
	struct member *member = &cluster->member[victim];
	cluster_member_down(cluster, victim);
	struct frames frames = frames_of(member);
	for (uint64_t k = 1 + random_below(&cluster->random, 12); k; k--)
		flip(cluster, member, &frames, (size_t)random_below(&cluster->random, frames.count));
	frames_free(&frames);
	if (seed % 3)
		story_go_on(&story, 2);
	cluster_member_up(cluster, victim);
	cluster_run(cluster, 4000);
	story_go_on(&story, 2);
	cluster_run(cluster, 3000);
	logs_are_equal(cluster, 4);
	nobody_filled_a_slot_twice(cluster);
	uint64_t size = numbers_of(cluster, victim).log_size;
	assert_true(size == 4 + 4 * story.told);
	/* The log is one without damage again: a start needs nobody to come to the same root. */
	struct digest root = numbers_of(cluster, victim).log_root;
	frames = frames_of(member);
	frames_free(&frames);
	restart_all(cluster);
	struct digest again = numbers_of(cluster, victim).log_root;
	assert_true(digest_equal(&again, &root));
	story_go_on(&story, 2);
	cluster_run(cluster, 3000);
	logs_are_equal(cluster, 4 + 4 * story.told);
	nobody_filled_a_slot_twice(cluster);
	story_end(&story);
}

static void frames_damaged_anywhere(void **state)
{
	(void)state;
	const char *wish = getenv("TALLY_SEEDS");
	uint64_t seeds = wish ? strtoull(wish, NULL, 10) : 16;
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		print_message("seed %u\n", (unsigned)seed);
		random_damage(seed);
	}
}

/* All own blocks from `first` on are lost, the last one included, or all but that. */
static void own_blocks_lost(bool last_too)
{
	struct story story;
	story_begin(&story, last_too ? 71 : 72, 9);
	struct cluster *cluster = &story.cluster;
	cluster_up(cluster);
	story_go_on(&story, 5);
	struct member *member = &cluster->member[2];
	cluster_member_down(cluster, 2);
	struct frames frames = frames_of(member);
	size_t own = 0, seen = 0, lost = 0;
	for (size_t i = 0; i < frames.count; i++)
		own += author_of(&frames.items[i]) == 2;
	for (size_t i = 0; i < frames.count; i++)
		if (author_of(&frames.items[i]) == 2 && (++seen < own || last_too) && seen > 3) {
			flip(cluster, member, &frames, i);
			lost++;
		}
	assert_true(lost > 5);
	frames_free(&frames);
	cluster_member_down(cluster, 0); /* so that not all answer */
	cluster_member_up(cluster, 2);
	cluster_run(cluster, 500);
	/* An own block behind all holes is the highest; without one it is not known what is missing. */
	assert_true(numbers_of(cluster, 2).consensus.tip_known == !last_too);
	cluster_member_up(cluster, 0);
	story_go_on(&story, 2);
	cluster_run(cluster, 4000);
	assert_true(numbers_of(cluster, 2).consensus.tip_known);
	logs_are_equal(cluster, 4 + 4 * 7);
	nobody_filled_a_slot_twice(cluster);
	story_go_on(&story, 2);
	cluster_run(cluster, 3000);
	logs_are_equal(cluster, 4 + 4 * 9);
	nobody_filled_a_slot_twice(cluster);
	story_end(&story);
}

static void own_blocks_come_back(void **state)
{
	(void)state;
	own_blocks_lost(false);
	own_blocks_lost(true);
}

/* The last own block was lost, and of the others only one knows it, which answers late: patience finds it. */
static void a_lost_tip_is_waited_for(void **state)
{
	(void)state;
	struct story story;
	story_begin(&story, 73, 6);
	struct cluster *cluster = &story.cluster;
	cluster_up(cluster);
	story_go_on(&story, 4);
	cluster_run(cluster, 20000); /* idle: the last own block is a heartbeat */
	struct member *member = &cluster->member[1];
	/* Members 2 and 3 never hear of the block that member 1 makes now. */
	for (int tries = 0; tries < 100; tries++) {
		uint32_t before = numbers_of(cluster, 1).consensus.round;
		cluster_submit(cluster, 1, buffer_span(&story.piles[1].bytes[4]));
		if (numbers_of(cluster, 1).consensus.round > before)
			break;
		cluster_run(cluster, 5);
	}
	size_t left = 0;
	for (size_t i = 0; i < cluster->letter_count; i++)
		if (cluster->letters[i].from == 1 && cluster->letters[i].to != 0)
			buffer_free(&cluster->letters[i].bytes);
		else
			cluster->letters[left++] = cluster->letters[i];
	cluster->letter_count = left;
	for (size_t i = 0; i < left;) /* member 0 gets it, and nothing more happens */
		if (cluster->letters[i].from == 1) {
			cluster_deliver(cluster, i);
			break;
		} else {
			i++;
		}
	cluster_member_down(cluster, 0);
	uint32_t tip = numbers_of(cluster, 1).consensus.round;
	cluster_member_down(cluster, 1);
	struct frames frames = frames_of(member);
	size_t last = 0;
	for (size_t i = 0; i < frames.count; i++)
		if (author_of(&frames.items[i]) == 1)
			last = i;
	flip(cluster, member, &frames, last);
	/* A frame behind it, or it were a torn tail: a cosignature of its own. */
	for (size_t i = 0; i < frames.count; i++)
		if (frames.items[i].kind == REPLICA_FRAME_COSIGNATURE) {
			struct buffer copy = {0};
			buffer_append_span(&copy, frames.items[i].bytes);
			log_frame_write(&member->log, member->log.size, REPLICA_FRAME_COSIGNATURE, buffer_span(&copy));
			buffer_free(&copy);
			break;
		}
	frames_free(&frames);
	cluster_member_up(cluster, 1);
	cluster_run(cluster, 1500); /* a quorum has answered */
	assert_false(numbers_of(cluster, 1).consensus.tip_known);
	cluster_member_up(cluster, 0);
	cluster_run(cluster, 4000);
	assert_true(numbers_of(cluster, 1).consensus.tip_known && numbers_of(cluster, 1).consensus.round >= tip);
	nobody_filled_a_slot_twice(cluster);
	logs_are_equal(cluster, 4 + 4 * 4 + 1);
	story_end(&story);
}

/* A statement whose signature does not verify: that it does not is remembered in a frame, which is lost. */
static void a_lost_verdict_is_found_again(void **state)
{
	(void)state;
	struct cluster cluster;
	struct issuer maker = organisation(&four, 0);
	struct pile pile = pile_of_events(&four, &maker, 3);
	struct buffer twisted = {0};
	uint64_t index;
	cluster_begin(&cluster, &four, 74);
	cluster.repairs = true;
	cluster_make_liar(&cluster, 3);
	cluster_up(&cluster);
	buffer_append_span(&twisted, buffer_span(&pile.bytes[0]));
	twisted.data[twisted.size - 9] ^= 0x10;
	struct digest twisted_id = sha256(buffer_span(&twisted));
	cluster_lie(&cluster, 3, buffer_span(&twisted));
	cluster_run(&cluster, 2500);
	cluster_submit(&cluster, 1, buffer_span(&pile.bytes[0]));
	cluster_run(&cluster, 2500);
	logs_are_equal(&cluster, 5);
	for (uint16_t victim = 0; victim < 3; victim++) {
		struct member *member = &cluster.member[victim];
		cluster_member_down(&cluster, victim);
		struct frames frames = frames_of(member);
		size_t verdicts = 0;
		for (size_t i = 0; i < frames.count; i++)
			if (frames.items[i].kind == REPLICA_FRAME_FORGED) {
				flip(&cluster, member, &frames, i);
				verdicts++;
			}
		assert_true(verdicts > 0);
		frames_free(&frames);
		for (int life = 0; life < 2; life++) {
			cluster_member_up(&cluster, victim);
			assert_int_equal(ledger_index_of(replica_ledger(member->replica), &twisted_id, &index), E_NOT_FOUND);
			assert_true(numbers_of(&cluster, victim).log_size == 5);
			cluster_run(&cluster, 1000);
			if (life == 0)
				cluster_member_down(&cluster, victim);
		}
	}
	cluster_submit(&cluster, 1, buffer_span(&pile.bytes[1]));
	cluster_run(&cluster, 2500);
	logs_are_equal(&cluster, 6);
	buffer_free(&twisted);
	pile_free(&pile);
	cluster_end(&cluster);
}

static void state_lines_verify(struct span note)
{
	struct checkpoint *checkpoint = memory_new_array(1, sizeof *checkpoint);
	assert_int_equal(checkpoint_decode(note, checkpoint, NULL), OK);
	for (size_t i = 0; i < checkpoint->line_count; i++) {
		size_t member = 0;
		while (!span_equal(four.genesis.members[member].header.iss, checkpoint->lines[i].name))
			member++;
		struct verifying_key *key = verifying_key_new(&four.genesis.members[member].org.checkpoint_key);
		assert_int_equal(cosignature_verify(key, checkpoint->lines[i].name, checkpoint->origin, checkpoint->size, &checkpoint->root,
			&checkpoint->lines[i].cosignature), OK);
		verifying_key_free(key);
	}
	free(checkpoint);
}

/* Behind a hole the log is believed nothing: blocks, lines and kinds that nobody wrote change nothing. */
static void nothing_unproven_is_taken_from_behind_a_hole(void **state)
{
	(void)state;
	struct story story;
	story_begin(&story, 75, 6);
	struct cluster *cluster = &story.cluster;
	cluster_up(cluster);
	story_go_on(&story, 4);
	cluster_run(cluster, 3000);
	struct member *member = &cluster->member[3];
	cluster_member_down(cluster, 3);
	struct frames frames = frames_of(member);
	struct buffer log = {0}, forged = {0};
	log_hole_write(&log, 0, 100);
	/* All that was there, with signatures that do not verify. */
	for (size_t i = 0; i < frames.count; i++) {
		buffer_clear(&forged);
		buffer_append_span(&forged, frames.items[i].bytes);
		if (frames.items[i].kind == REPLICA_FRAME_BLOCK) {
			struct block block;
			assert_int_equal(block_parse(buffer_span(&forged), &block, NULL), OK);
			forged.data[block.signature.data - forged.data] ^= 1;
		} else {
			forged.data[forged.size - 1] ^= 1;
		}
		log_frame_write(&log, log.size, frames.items[i].kind, buffer_span(&forged));
	}
	log_frame_write(&log, log.size, 77, span_of_text("no such kind"));
	log_frame_write(&log, log.size, REPLICA_FRAME_BLOCK, span_of_text("no block"));
	log_frame_write(&log, log.size, REPLICA_FRAME_COSIGNATURE, span_of_text("no line"));
	frames_free(&frames);
	buffer_free(&member->log);
	member->log = log;
	buffer_free(&forged);
	cluster_member_up(cluster, 3);
	assert_int_equal(numbers_of(cluster, 3).log_size, 4);
	assert_int_equal(numbers_of(cluster, 3).consensus.highest_round, 0);
	cluster_run(cluster, 8000);
	struct buffer note = {0};
	uint64_t size = 0;
	while (replica_checkpoint(member->replica, size, false, &note, &size) == OK) {
		note_verifies(cluster, 3, buffer_span(&note), size);
		buffer_clear(&note);
	}
	assert_true(size == 4 + 4 * 4);
	struct replica_state proof;
	assert_int_equal(replica_state(member->replica, text("org:maker"), &proof, &note), OK);
	state_lines_verify(buffer_span(&note));
	buffer_free(&note);
	story_go_on(&story, 2);
	cluster_run(cluster, 3000);
	logs_are_equal(cluster, 4 + 4 * 6);
	nobody_filled_a_slot_twice(cluster);
	story_end(&story);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_damaged_anywhere),
		cmocka_unit_test(own_blocks_come_back),
		cmocka_unit_test(a_lost_tip_is_waited_for),
		cmocka_unit_test(a_lost_verdict_is_found_again),
		cmocka_unit_test(nothing_unproven_is_taken_from_behind_a_hole),
	};
	return cmocka_run_group_tests(tests, founded_begin, founded_end);
}
