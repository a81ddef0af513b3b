#include "cluster_checks.h"
#include "founded.h"

static void cosignature_post(struct cluster *cluster, uint16_t signer, uint16_t peer, uint64_t size, const struct digest *root, bool wanted,
	uint16_t to)
{
	struct cosigned cosigned = {.member = signer, .size = size, .root = *root};
	char origin[CHECKPOINT_ORIGIN_SIZE];
	struct buffer message = {0};
	checkpoint_origin(four.genesis.network, origin);
	assert_int_equal(cosignature_sign(four.checkpoint[signer], text(organisation_names[signer]), text(origin), size, root, 1700000100, NULL,
		&cosigned.cosignature), OK);
	write_u8(&message, 2);
	write_u8(&message, wanted);
	cosigned_encode(&cosigned, &message);
	cluster_step(cluster, to, (struct replica_event){.kind = REPLICA_MESSAGE, .peer = peer, .bytes = buffer_span(&message)});
	/* Cut and lengthened ones are refused, whatever is in them. */
	uint64_t refused = numbers_of(cluster, to).messages_refused;
	message.size--;
	cluster_step(cluster, to, (struct replica_event){.kind = REPLICA_MESSAGE, .peer = peer, .bytes = buffer_span(&message)});
	buffer_append_text(&message, "xy");
	cluster_step(cluster, to, (struct replica_event){.kind = REPLICA_MESSAGE, .peer = peer, .bytes = buffer_span(&message)});
	assert_int_equal(numbers_of(cluster, to).messages_refused, refused + 2);
	buffer_free(&message);
}

static void a_fork_is_noticed_and_proven(void **state)
{
	(void)state;
	struct cluster cluster;
	struct issuer maker = organisation(&four, 0);
	struct pile pile = pile_of_events(&four, &maker, 4);
	struct digest other = {{1, 2, 3}};
	cluster_begin(&cluster, &four, 8);
	cluster_make_liar(&cluster, 3);
	cluster_up(&cluster);
	cluster_submit(&cluster, 0, buffer_span(&pile.bytes[0]));
	cluster_run(&cluster, 3000);
	cluster_submit(&cluster, 0, buffer_span(&pile.bytes[1]));
	cluster_run(&cluster, 3000);
	struct replica *replica = cluster.member[0].replica;
	assert_int_equal(numbers_of(&cluster, 0).checkpoint_lines, 3);
	uint64_t log_end = replica_log_end(replica), size = numbers_of(&cluster, 0).checkpoint_size;
	struct digest root = merkle_tree_root(ledger_tree(replica_ledger(replica)), size);

	/* In another member's name, or for another size than any checkpoint's: not counted as a line, nothing is stored. */
	cosignature_post(&cluster, 3, 2, size, &root, false, 0);
	cosignature_post(&cluster, 3, 3, 4, &root, false, 0); /* another root at size 4: a fork */
	assert_int_equal(numbers_of(&cluster, 0).forks, 1);
	assert_int_equal(cluster.member[0].evidence, 1);
	log_end += LOG_FRAME_OVERHEAD + COSIGNED_SIZE;
	assert_true(replica_log_end(replica) == log_end);
	struct digest root4 = merkle_tree_root(ledger_tree(replica_ledger(replica)), 4);
	cosignature_post(&cluster, 3, 3, 4, &root4, false, 0);
	assert_int_equal(numbers_of(&cluster, 0).forks, 1);
	assert_true(replica_log_end(replica) == log_end);
	/* Another root at a checkpoint's size, and again. */
	cosignature_post(&cluster, 3, 3, size, &other, false, 0);
	assert_int_equal(numbers_of(&cluster, 0).forks, 2);
	assert_int_equal(numbers_of(&cluster, 0).checkpoint_lines, 3);
	log_end = replica_log_end(replica);
	for (int i = 0; i < 2 * FORKS_LOGGED_MAX; i++)
		cosignature_post(&cluster, 3, 3, size, &other, false, 0);
	assert_true(replica_log_end(replica) <= log_end + FORKS_LOGGED_MAX * (LOG_FRAME_OVERHEAD + COSIGNED_SIZE));
	assert_int_equal(numbers_of(&cluster, 0).forks, FORKS_LOGGED_MAX);
	/* One that nobody signed. */
	struct cosigned cosigned = {.member = 3, .size = size, .root = root, .cosignature = {.timestamp_s = 5}};
	struct buffer message = {0};
	write_u8(&message, 2);
	write_u8(&message, 0);
	cosigned_encode(&cosigned, &message);
	uint64_t refused = numbers_of(&cluster, 0).messages_refused;
	cluster_step(&cluster, 0, (struct replica_event){.kind = REPLICA_MESSAGE, .peer = 3, .bytes = buffer_span(&message)});
	assert_int_equal(numbers_of(&cluster, 0).messages_refused, refused + 1);
	assert_int_equal(numbers_of(&cluster, 0).checkpoint_lines, 3);
	buffer_free(&message);
	/* The right one is a line, and is answered with ours when that is asked for. */
	size_t letters = cluster.letter_count;
	cosignature_post(&cluster, 3, 3, size, &root, true, 0);
	assert_int_equal(numbers_of(&cluster, 0).checkpoint_lines, 4);
	assert_true(cluster.letter_count == letters + 1 && cluster.letters[letters].to == 3 && cluster.letters[letters].bytes.data[0] == 2);
	log_end = replica_log_end(replica);
	cosignature_post(&cluster, 3, 3, size, &root, false, 0);
	assert_true(replica_log_end(replica) == log_end);
	/* Sizes that are not reached yet wait, and are judged when they are. */
	cosignature_post(&cluster, 3, 3, size + 1, &other, false, 1);
	assert_int_equal(numbers_of(&cluster, 1).forks, 0);
	cluster_submit(&cluster, 0, buffer_span(&pile.bytes[2]));
	cluster_run(&cluster, 3000);
	assert_int_equal(numbers_of(&cluster, 1).forks, 1);
	/* The evidence survives. */
	restart_all(&cluster);
	pile_free(&pile);
	cluster_end(&cluster);
}

static void lost_lines_are_asked_for(void **state)
{
	(void)state;
	struct cluster cluster;
	struct issuer maker = organisation(&four, 0);
	struct pile pile = pile_of_events(&four, &maker, 3);
	cluster_begin(&cluster, &four, 9);
	cluster_up(&cluster);
	cluster_submit(&cluster, 0, buffer_span(&pile.bytes[0]));
	/* Lose every cosignature, and nothing else, until the checkpoint was made everywhere. */
	int64_t until = cluster.now_ms + 3000;
	do {
		for (size_t i = 0; i < cluster.letter_count;) {
			if (cluster.letters[i].bytes.data[0] != 2) {
				i++;
				continue;
			}
			buffer_free(&cluster.letters[i].bytes);
			cluster.letters[i] = cluster.letters[--cluster.letter_count];
		}
	} while (cluster_advance(&cluster, until));
	for (uint16_t i = 0; i < 4; i++) {
		assert_int_equal(numbers_of(&cluster, i).log_size, 5);
		assert_int_equal(numbers_of(&cluster, i).checkpoint_lines, 0);
		/* One signature, our own, convinces nobody. */
		struct buffer note = {0};
		uint64_t size;
		assert_int_equal(replica_checkpoint(cluster.member[i].replica, 0, true, &note, &size), E_NOT_FOUND);
		assert_int_equal(replica_checkpoint(cluster.member[i].replica, 0, false, &note, &size), E_NOT_FOUND);
	}
	/* Nothing new is said, only heartbeats pass; the lines come all the same. */
	cluster_run(&cluster, 60000);
	for (uint16_t i = 0; i < 4; i++) {
		assert_int_equal(numbers_of(&cluster, i).checkpoint_size, 5);
		assert_int_equal(numbers_of(&cluster, i).checkpoint_lines, 4);
	}
	pile_free(&pile);
	cluster_end(&cluster);
}

/* Old checkpoints get fewer, newest stay, and every entry stays covered by one. */
static void old_checkpoints_thin_out(void **state)
{
	(void)state;
	struct cluster cluster;
	cluster_begin(&cluster, &one, 10);
	cluster_up(&cluster);
	struct replica *replica = cluster.member[0].replica;
	replica->checkpoints.count_max = CHECKPOINTS_LEAST;
	static const uint8_t randomness[32] = {7};
	struct buffer body = {0}, note = {0};
	event_body(&body, 1);
	enum { MANY = 700 };
	for (uint64_t n = 1; n <= MANY; n++) {
		const struct entity *maker = ledger_entity(replica->ledger, text("org:maker"));
		struct statement statement = {.type = STATEMENT_EVENT, .seq = maker->last_seq + 1, .prev = maker->last_id, .kid = maker->kid,
			.iss = text("org:maker"), .sub = text("x"), .body = buffer_span(&body), .id = sha256(span_of(&n, sizeof n))};
		uint64_t index;
		struct fault fault;
		memcpy(statement.network, one.genesis.network, NETWORK_ID_SIZE);
		assert_int_equal(ledger_apply(replica->ledger, &statement, true, &index, &fault), OK);
		step_begin(replica);
		replica->signer.randomness = randomness;
		checkpoints_commit(replica, (int64_t)n * REPLICA_CHECKPOINT_MS);
		checkpoints_settle(replica, 0);
		assert_true(replica->checkpoints.count <= CHECKPOINTS_LEAST);
	}
	uint64_t size, before = 0;
	for (uint64_t index = 0; index <= MANY; index++) {
		buffer_clear(&note);
		assert_int_equal(replica_checkpoint(replica, index, false, &note, &size), OK);
		assert_true(size > index && size >= before);
		assert_true(index < MANY + 1 - CHECKPOINTS_NEWEST || size == index + 1);
		if (size != before)
			note_verifies(&cluster, 0, buffer_span(&note), size);
		before = size;
	}
	assert_int_equal(replica_checkpoint(replica, MANY + 1, false, &note, &size), E_NOT_FOUND);
	assert_true(replica->checkpoints.kept[0].size == 2);
	replica->signer.randomness = NULL;
	buffer_free(&body);
	buffer_free(&note);
	cluster_end(&cluster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fork_is_noticed_and_proven),
		cmocka_unit_test(lost_lines_are_asked_for),
		cmocka_unit_test(old_checkpoints_thin_out),
	};
	return cmocka_run_group_tests(tests, founded_begin, founded_end);
}
