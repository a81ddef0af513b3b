/* A twin that nobody would miss: of a slot that all have decided, named by one later block of its author only. Whoever was away then
 * lacks it, and everything that came after waits for it there. It must be given, from disk, by members that have collected it, and by
 * members that are in the next epoch already.
 *
 * The author is an honest replica that is down while its key makes the twin and the block that names it. As after a lost disk, it
 * learns from the others that this is its newest block, and goes on from there. */
#include "cluster.h"
#include "cluster_checks.h"

static struct consortium four;

enum { LIAR = 1, AWAY = 3, FIRST = 0, SECOND = 2, EPOCH_BYTES = 6000000 };
/* Blocks are taken out of memory every so many rounds. */
enum { COLLECTED_EVERY = 64 };

/* Statements at the first member, for so long, or until one of the others is in that epoch. */
static void work(struct cluster *cluster, struct issuer *issuer, int64_t duration_ms, uint64_t epoch)
{
	struct buffer body = {0};
	int64_t until = cluster->now_ms + duration_ms;
	while (cluster->now_ms < until && numbers_of(cluster, FIRST).epoch < epoch) {
		struct buffer bytes = {0};
		issue(&four, issuer, STATEMENT_EVENT, text("order:1"), event_body(&body, (unsigned)cluster->now_ms), NULL, 0, &bytes);
		cluster_submit(cluster, FIRST, buffer_span(&bytes));
		cluster_run(cluster, 50);
		buffer_free(&bytes);
	}
	buffer_free(&body);
}

/* The first block of a slot in a member's log; false: none. Its spans point into the log. */
static bool block_of(const struct cluster *cluster, uint16_t index, uint16_t author, uint32_t round, struct block *out)
{
	struct span log = buffer_span(&cluster->member[index].log);
	struct log_frame frame;
	for (size_t at = 0, size; log_frame_read(span_after(log, at), at, &frame, &size) == OK; at += size)
		if (frame.kind == REPLICA_FRAME_BLOCK && block_decode(frame.bytes, out, NULL) == OK && out->epoch == 0 && out->author == author
			&& out->round == round)
			return true;
	return false;
}

static bool block_is_in(const struct cluster *cluster, uint16_t index, const struct digest *digest)
{
	struct span log = buffer_span(&cluster->member[index].log);
	struct log_frame frame;
	struct block block;
	for (size_t at = 0, size; log_frame_read(span_after(log, at), at, &frame, &size) == OK; at += size)
		if (frame.kind == REPLICA_FRAME_BLOCK && block_parse(frame.bytes, &block, NULL) == OK && digest_equal(&block.digest, digest))
			return true;
	return false;
}

static struct block_ref sealed(const struct block *block, struct buffer *out)
{
	struct block_signer signer = {.context = four.node[LIAR], .sign = liar_sign, .verify = liar_verify};
	struct block made;
	assert_int_equal(block_seal(block, &signer, out), OK);
	assert_int_equal(block_decode(buffer_span(out), &made, NULL), OK);
	return block_reference(&made);
}

/* The highest round of which the liar's two listeners have a block of everybody but the liar. */
static uint32_t round_of_all(const struct cluster *cluster)
{
	static const uint16_t others[] = {FIRST, SECOND, AWAY};
	uint32_t round = numbers_of(cluster, FIRST).consensus.highest_round;
	struct block block;
	for (bool found = false; !found; round -= !found) {
		found = true;
		for (size_t i = 0; i < 3; i++)
			found = found && block_of(cluster, FIRST, others[i], round, &block) && block_of(cluster, SECOND, others[i], round, &block);
		assert_true(round > 1);
	}
	return round;
}

static void push(struct cluster *cluster, struct span block)
{
	static const uint16_t listeners[] = {FIRST, SECOND};
	struct buffer message = {0};
	replica_message_of_block(block, &message);
	for (size_t i = 0; i < 2; i++)
		cluster_step(cluster, listeners[i], (struct replica_event){.kind = REPLICA_MESSAGE, .peer = LIAR, .bytes = buffer_span(&message)});
	buffer_free(&message);
}

/* The twin of the author's last block, which is decided everywhere, and a newest block of its that stands on the twin. */
static struct block_ref twin_make(struct cluster *cluster, uint32_t twin_round)
{
	struct buffer twin_bytes = {0}, last_bytes = {0};
	struct block twin, last = {.author = LIAR}, other;
	assert_true(block_of(cluster, FIRST, LIAR, twin_round, &twin));
	assert_true(twin_round <= numbers_of(cluster, FIRST).consensus.decided_round);
	twin.timestamp_ms++;
	struct block_ref ref = sealed(&twin, &twin_bytes);

	uint32_t round = round_of_all(cluster);
	assert_true(round > twin_round && round < twin_round + cluster->consensus.gc_depth);
	memcpy(last.network, four.genesis.network, BLOCK_NETWORK_SIZE);
	last.round = round + 1;
	last.ancestors[last.ancestor_count++] = ref;
	for (uint16_t author = 0; author < 4; author++) {
		if (author == LIAR)
			continue;
		assert_true(block_of(cluster, FIRST, author, round, &other));
		last.ancestors[last.ancestor_count++] = block_reference(&other);
		last.timestamp_ms = other.timestamp_ms > last.timestamp_ms ? other.timestamp_ms : last.timestamp_ms;
	}
	(void)sealed(&last, &last_bytes);
	push(cluster, buffer_span(&last_bytes));
	push(cluster, buffer_span(&twin_bytes));
	assert_true(block_is_in(cluster, FIRST, &ref.digest) && block_is_in(cluster, SECOND, &ref.digest));
	buffer_free(&twin_bytes);
	buffer_free(&last_bytes);
	return ref;
}

/* Up to where one is away, and another one's newest block stands on a twin that it lacks. */
static struct block_ref begin(struct cluster *cluster, struct issuer *issuer, uint64_t seed)
{
	cluster_begin(cluster, &four, seed);
	cluster_up(cluster);
	work(cluster, issuer, 1500, 1);
	uint32_t twin_round = numbers_of(cluster, LIAR).consensus.round;
	cluster_member_down(cluster, LIAR);
	work(cluster, issuer, 800, 1);
	assert_int_equal(numbers_of(cluster, FIRST).epoch, 0);
	assert_true(twin_round <= numbers_of(cluster, AWAY).consensus.decided_round);
	cluster_member_down(cluster, AWAY);
	struct block_ref twin = twin_make(cluster, twin_round);
	cluster_member_up(cluster, LIAR);
	return twin;
}

/* It comes back, without anything but blocks, and has the twin. */
static void comes_back(struct cluster *cluster, const struct block_ref *twin)
{
	assert_false(block_is_in(cluster, AWAY, &twin->digest));
	cluster_member_up(cluster, AWAY);
	cluster_run(cluster, 10000);
	assert_int_equal(cluster->member[AWAY].rebased, 0);
	assert_true(block_is_in(cluster, AWAY, &twin->digest));
	logs_are_equal(cluster, 10);
	for (uint16_t i = 0; i < 4; i++) {
		assert_int_equal(numbers_of(cluster, i).epoch, numbers_of(cluster, FIRST).epoch);
		assert_int_equal(numbers_of(cluster, i).consensus.suspended, 0);
	}
}

static void a_collected_twin_is_read_from_disk(void **state)
{
	(void)state;
	struct cluster cluster;
	struct issuer maker = organisation(&four, 0);
	struct block_ref twin = begin(&cluster, &maker, 1);
	uint32_t gone = twin.round + cluster.consensus.gc_depth + 2 * COLLECTED_EVERY;
	for (int i = 0; i < 60 && numbers_of(&cluster, FIRST).consensus.decided_round < gone; i++)
		work(&cluster, &maker, 500, 1);
	assert_true(numbers_of(&cluster, FIRST).consensus.decided_round >= gone);
	assert_int_equal(numbers_of(&cluster, FIRST).epoch, 0);
	comes_back(&cluster, &twin);
	assert_int_equal(numbers_of(&cluster, AWAY).epoch, 0);
	cluster_end(&cluster);
}

static void a_twin_of_a_past_epoch_is_given(void **state)
{
	(void)state;
	struct cluster cluster;
	struct issuer maker = organisation(&four, 0);
	struct block_ref twin = begin(&cluster, &maker, 2);
	work(&cluster, &maker, 120000, 1);
	cluster_run(&cluster, 3000);
	assert_int_equal(numbers_of(&cluster, FIRST).epoch, 1);
	assert_int_equal(cluster.member[FIRST].pruned, 0);
	comes_back(&cluster, &twin);
	assert_int_equal(numbers_of(&cluster, AWAY).epoch, 1);
	cluster_end(&cluster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_collected_twin_is_read_from_disk),
		cmocka_unit_test(a_twin_of_a_past_epoch_is_given),
	};
	consortium_found(&four, 4);
	four.genesis.settings.epoch_bytes = EPOCH_BYTES;
	cmocka_set_test_filter(getenv("TALLY_TEST"));
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	consortium_free(&four);
	return failed;
}
