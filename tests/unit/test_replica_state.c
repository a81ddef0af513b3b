/* State checkpoints: every member cosigns the same root of the state, and what it proves holds for outsiders. */
#include "cluster_checks.h"
#include "founded.h"
#include "crypto/hash.h"
#include "record/state_proof.h"

#define GATEWAY "gw:maker/hall-1"
#define SPINDLE "dev:maker/spindle-1"

/* What a node serves about `name` as a file: verifies it, and returns what it found. *keep owns the bytes. */
static struct state_finding ask(const struct cluster *cluster, uint16_t index, const char *name, struct buffer *keep)
{
	struct replica_state *said = memory_new(sizeof *said);
	struct state_proof *proof = memory_new_array(1, sizeof *proof);
	struct state_finding found;
	struct buffer note = {0};
	struct fault fault = {{0}};
	assert_int_equal(replica_state(cluster->member[index].replica, text(name), said, &note), OK);
	*proof = (struct state_proof){.name = text(name), .present = said->present, .path = said->path, .note = buffer_span(&note)};
	if (said->present)
		proof->value = said->value;
	buffer_clear(keep);
	state_proof_encode(proof, keep);
	assert_true(state_proof_is(buffer_span(keep)));
	assert_int_equal(state_proof_decode(buffer_span(keep), proof, &fault), OK);
	struct epochs epochs;
	epochs_begin(&epochs, &cluster->consortium->genesis);
	if (state_proof_verify(proof, &(struct trust){.epochs = &epochs}, &found, NULL, &fault) != OK)
		fail_msg("%s", fault.text);
	epochs_free(&epochs);
	assert_true(found.size == said->size);
	free(said);
	free(proof);
	buffer_free(&note);
	return found;
}

/* A gateway and a device of org:maker, and then its revocation: four statements. */
static struct pile pile_of_a_life(struct issuer *maker)
{
	struct pile pile = {memory_new_array(4, sizeof(struct buffer)), memory_new_array(4, sizeof(struct digest)), 4};
	struct buffer body = {0};
	pile.ids[0] = issue(&four, maker, STATEMENT_DEVICE, text(GATEWAY), gateway_body(&body, signing_key_public(four.node[3]), 77), NULL, 0,
		&pile.bytes[0]);
	pile.ids[1] = issue(&four, maker, STATEMENT_DEVICE, text(SPINDLE), machine_body(&body, GATEWAY), NULL, 0, &pile.bytes[1]);
	struct span bounds = BODY_OF(bounds, &body, .version = 1,
		.bounds = {{.signal = text("temperature"), .unit = text("Cel"), .low = {5, 0}, .high = {80, 0}, .deadline_ms = 5000}}, .bound_count = 1);
	pile.ids[2] = issue(&four, maker, STATEMENT_BOUNDS, text(SPINDLE), bounds, NULL, 0, &pile.bytes[2]);
	struct span gone = BODY_OF(device_state, &body, .state = DEVICE_REVOKED, .reason = text("stolen"));
	pile.ids[3] = issue(&four, maker, STATEMENT_DEVICE_STATE, text(SPINDLE), gone, NULL, 0, &pile.bytes[3]);
	buffer_free(&body);
	return pile;
}

static size_t state_frames(const struct buffer *log)
{
	size_t at = 0, count = 0, size;
	struct log_frame frame;
	for (; log_frame_read(span_after(buffer_span(log), at), at, &frame, &size) == OK; at += size)
		count += frame.kind == REPLICA_FRAME_STATE_COSIGNATURE;
	return count;
}

static void all_members_sign_one_state(void **state)
{
	(void)state;
	struct cluster cluster;
	struct issuer maker = organisation(&four, 0);
	struct pile pile = pile_of_a_life(&maker);
	struct buffer keep = {0}, note = {0};
	struct replica_state *said = memory_new(sizeof *said);
	cluster_begin(&cluster, &four, 21);
	cluster_up(&cluster);
	assert_int_equal(replica_state(cluster.member[0].replica, text(SPINDLE), said, &note), E_NOT_FOUND);
	for (size_t i = 0; i < 3; i++)
		cluster_submit(&cluster, 0, buffer_span(&pile.bytes[i]));
	cluster_run(&cluster, 5000);
	for (uint16_t i = 0; i < 4; i++) {
		struct state_finding found = ask(&cluster, i, SPINDLE, &keep);
		assert_true(found.present && found.entry.state == DEVICE_ACTIVE && found.entry.bounds_version == 1 && found.size == 7);
		assert_true(digest_equal(&found.entry.registration, &pile.ids[1]) && digest_equal(&found.entry.bounds, &pile.ids[2]));
		assert_true(span_is_text(found.entry.gateway, GATEWAY) && span_is_text(found.entry.owner, "org:maker"));
		assert_true(found.fresh_s >= 1700000000 && found.fresh_s <= (uint64_t)cluster.now_ms / 1000 + 1);
		assert_false(ask(&cluster, i, "dev:maker/spindle-2", &keep).present);
		assert_int_equal(numbers_of(&cluster, i).state_lines, 4);
		assert_int_equal(numbers_of(&cluster, i).state_size, 7);
	}
	cluster_submit(&cluster, 0, buffer_span(&pile.bytes[3]));
	cluster_run(&cluster, 5000);
	for (uint16_t i = 0; i < 4; i++)
		assert_int_equal(ask(&cluster, i, SPINDLE, &keep).entry.state, DEVICE_REVOKED);
	/* After a restart the lines are there again, from the log: nothing is signed twice. */
	size_t frames = state_frames(&cluster.member[2].log);
	assert_true(frames >= 8);
	restart_all(&cluster);
	assert_int_equal(state_frames(&cluster.member[2].log), frames);
	for (uint16_t i = 0; i < 4; i++) {
		assert_int_equal(numbers_of(&cluster, i).state_lines, 4);
		assert_int_equal(ask(&cluster, i, SPINDLE, &keep).entry.state, DEVICE_REVOKED);
	}
	free(said);
	buffer_free(&keep);
	buffer_free(&note);
	pile_free(&pile);
	cluster_end(&cluster);
}

/* "Send me yours" or not, then the member's line as it should be. */
static void line_make(uint16_t signer, uint64_t size, const struct digest *root, bool wanted, struct buffer *message)
{
	struct cosigned cosigned = {.member = signer, .size = size, .root = *root};
	char origin[CHECKPOINT_STATE_ORIGIN_SIZE];
	checkpoint_state_origin(four.genesis.network, origin);
	assert_int_equal(cosignature_sign(four.checkpoint[signer], text(organisation_names[signer]), text(origin), size, root, 1700000100, NULL,
		&cosigned.cosignature), OK);
	write_u8(message, wanted);
	cosigned_encode(&cosigned, message);
}

static void line_post(struct cluster *cluster, uint16_t signer, uint16_t peer, uint64_t size, const struct digest *root, bool wanted, uint16_t to)
{
	struct buffer message = {0};
	write_u8(&message, MESSAGE_STATE_COSIGNATURE);
	line_make(signer, size, root, wanted, &message);
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

static void a_forked_state_is_noticed_and_proven(void **state)
{
	(void)state;
	struct cluster cluster;
	struct issuer maker = organisation(&four, 0);
	struct pile pile = pile_of_events(&four, &maker, 4);
	struct digest other = {{1, 2, 3}};
	struct buffer keep = {0}, note = {0};
	struct replica_state *said = memory_new(sizeof *said);
	cluster_begin(&cluster, &four, 22);
	cluster_make_liar(&cluster, 3);
	cluster_up(&cluster);
	cluster_submit(&cluster, 0, buffer_span(&pile.bytes[0]));
	cluster_run(&cluster, 3000);
	cluster_submit(&cluster, 0, buffer_span(&pile.bytes[1]));
	cluster_run(&cluster, 3000);
	struct replica *replica = cluster.member[0].replica;
	assert_int_equal(replica_state(replica, text("org:maker"), said, &note), OK);
	assert_int_equal(numbers_of(&cluster, 0).state_lines, 3);
	assert_true(replica->state.root_count >= 2);
	uint64_t log_end = replica_log_end(replica);
	/* In another's name: refused. A root of no size of ours, or an older one that is right: of no use, and not stored. */
	line_post(&cluster, 3, 2, said->size, &said->root, false, 0);
	struct state_root first = replica->state.roots[0];
	assert_true(first.size < said->size);
	line_post(&cluster, 3, 3, first.size, &first.root, false, 0);
	line_post(&cluster, 3, 3, 4, &other, false, 0);
	assert_int_equal(numbers_of(&cluster, 0).forks, 0);
	assert_true(replica_log_end(replica) == log_end);
	/* Another state at the newest size, and late at the one before. */
	line_post(&cluster, 3, 3, said->size, &other, false, 0);
	assert_int_equal(numbers_of(&cluster, 0).forks, 1);
	assert_int_equal(cluster.member[0].evidence, 1);
	assert_int_equal(numbers_of(&cluster, 0).state_lines, 3);
	line_post(&cluster, 3, 3, first.size, &other, false, 0);
	assert_int_equal(numbers_of(&cluster, 0).forks, 2);
	assert_true(replica_log_end(replica) == log_end + 2 * (LOG_FRAME_OVERHEAD + COSIGNED_SIZE));
	/* A line of the log's root is none of the state's. */
	struct cosigned cosigned = {.member = 3, .size = said->size, .root = said->root};
	assert_int_equal(cosignature_sign(four.checkpoint[3], text(organisation_names[3]), text(replica->checkpoints.origin), said->size, &said->root,
		1700000100, NULL, &cosigned.cosignature), OK);
	write_u8(&keep, MESSAGE_STATE_COSIGNATURE);
	write_u8(&keep, 0);
	cosigned_encode(&cosigned, &keep);
	uint64_t refused = numbers_of(&cluster, 0).messages_refused;
	cluster_step(&cluster, 0, (struct replica_event){.kind = REPLICA_MESSAGE, .peer = 3, .bytes = buffer_span(&keep)});
	assert_int_equal(numbers_of(&cluster, 0).messages_refused, refused + 1);
	assert_int_equal(numbers_of(&cluster, 0).state_lines, 3);
	/* The right one counts, and is answered when that is asked for. */
	size_t letters = cluster.letter_count;
	line_post(&cluster, 3, 3, said->size, &said->root, true, 0);
	assert_int_equal(numbers_of(&cluster, 0).state_lines, 4);
	assert_true(cluster.letter_count == letters + 1 && cluster.letters[letters].to == 3
		&& cluster.letters[letters].bytes.data[0] == MESSAGE_STATE_COSIGNATURE);
	/* One of a size to come waits, and is judged then. */
	line_post(&cluster, 3, 3, said->size + 1, &other, false, 1);
	assert_int_equal(numbers_of(&cluster, 1).forks, 0);
	cluster_submit(&cluster, 0, buffer_span(&pile.bytes[2]));
	cluster_run(&cluster, 3000);
	assert_int_equal(numbers_of(&cluster, 1).forks, 1);
	/* One member cannot fill the others' logs with forks. */
	log_end = replica_log_end(replica);
	for (int i = 0; i < 2 * FORKS_LOGGED_MAX; i++)
		line_post(&cluster, 3, 3, said->size, &other, false, 0);
	assert_true(replica_log_end(replica) <= log_end + FORKS_LOGGED_MAX * (LOG_FRAME_OVERHEAD + COSIGNED_SIZE));
	restart_all(&cluster);
	free(said);
	buffer_free(&keep);
	buffer_free(&note);
	pile_free(&pile);
	cluster_end(&cluster);
}

static void lost_lines_are_asked_for(void **state)
{
	(void)state;
	struct cluster cluster;
	struct issuer maker = organisation(&four, 0);
	struct pile pile = pile_of_events(&four, &maker, 1);
	cluster_begin(&cluster, &four, 23);
	cluster_up(&cluster);
	cluster_submit(&cluster, 0, buffer_span(&pile.bytes[0]));
	int64_t until = cluster.now_ms + 3000;
	do {
		for (size_t i = 0; i < cluster.letter_count;) {
			if (cluster.letters[i].bytes.data[0] != MESSAGE_STATE_COSIGNATURE) {
				i++;
				continue;
			}
			buffer_free(&cluster.letters[i].bytes);
			cluster.letters[i] = cluster.letters[--cluster.letter_count];
		}
	} while (cluster_advance(&cluster, until));
	for (uint16_t i = 0; i < 4; i++) {
		assert_int_equal(numbers_of(&cluster, i).state_size, 0);
		assert_int_equal(numbers_of(&cluster, i).checkpoint_lines, 4);
	}
	/* Nothing new is said, only heartbeats pass. */
	cluster_run(&cluster, 60000);
	for (uint16_t i = 0; i < 4; i++)
		assert_int_equal(numbers_of(&cluster, i).state_lines, 4);
	pile_free(&pile);
	cluster_end(&cluster);
}

/* A log of before there were state lines: it is read, and the newest state is signed then. */
static void logs_without_state_lines_are_read(void **state)
{
	(void)state;
	struct cluster cluster;
	struct issuer maker = organisation(&four, 0);
	struct pile pile = pile_of_a_life(&maker);
	struct buffer keep = {0};
	cluster_begin(&cluster, &four, 24);
	cluster_up(&cluster);
	for (size_t i = 0; i < 4; i++) {
		cluster_submit(&cluster, 0, buffer_span(&pile.bytes[i]));
		cluster_run(&cluster, 3000);
	}
	for (uint16_t i = 0; i < 4; i++)
		cluster_member_down(&cluster, i);
	for (uint16_t i = 0; i < 4; i++) {
		struct buffer *log = &cluster.member[i].log, old = {0};
		struct log_frame frame;
		size_t at = 0, size;
		for (; log_frame_read(span_after(buffer_span(log), at), at, &frame, &size) == OK; at += size)
			if (frame.kind != REPLICA_FRAME_STATE_COSIGNATURE)
				log_frame_write(&old, old.size, frame.kind, frame.bytes);
		assert_true(old.size < log->size);
		buffer_free(log);
		*log = old;
	}
	for (uint16_t i = 0; i < 4; i++)
		cluster_member_up(&cluster, i);
	for (uint16_t i = 0; i < 4; i++)
		assert_int_equal(state_frames(&cluster.member[i].log), 1);
	cluster_run(&cluster, 1000);
	for (uint16_t i = 0; i < 4; i++) {
		assert_int_equal(numbers_of(&cluster, i).state_lines, 4);
		assert_int_equal(ask(&cluster, i, SPINDLE, &keep).entry.state, DEVICE_REVOKED);
	}
	buffer_free(&keep);
	pile_free(&pile);
	cluster_end(&cluster);
}

/* One more entry, and a checkpoint, in a ledger of four whose other members are silent. */
static void grow_at(struct replica *replica, uint64_t number, struct span body, int64_t now_ms)
{
	static const uint8_t randomness[32] = {7};
	const struct entity *maker = ledger_entity(replica->ledger, text("org:maker"));
	struct statement statement = {.type = STATEMENT_EVENT, .seq = maker->last_seq + 1, .prev = maker->last_id, .kid = maker->kid,
		.iss = text("org:maker"), .sub = text("x"), .body = body, .id = sha256(span_of(&number, sizeof number))};
	uint64_t index;
	struct fault fault;
	memcpy(statement.network, replica->genesis->network, NETWORK_ID_SIZE);
	assert_int_equal(ledger_apply(replica->ledger, &statement, true, &index, &fault), OK);
	step_begin(replica);
	replica->signer.randomness = randomness;
	checkpoints_commit(replica, (int64_t)number * REPLICA_CHECKPOINT_MS);
	checkpoints_settle(replica, now_ms);
	replica->signer.randomness = NULL;
}

static void grow(struct replica *replica, uint64_t number, struct span body)
{
	grow_at(replica, number, body, 0);
}

/* Whoever catches up signs old states, but does not make them look fresh. */
static void old_states_are_signed_as_old(void **state)
{
	(void)state;
	struct cluster cluster;
	struct buffer body = {0};
	static const int64_t delays_s[] = {0, 10, STATE_LATE_S, STATE_LATE_S + 1, 1000000};
	cluster_begin(&cluster, &one, 27);
	cluster_up(&cluster);
	event_body(&body, 1);
	struct replica *replica = cluster.member[0].replica;
	for (uint64_t number = 1; number <= 5; number++) {
		int64_t delay = delays_s[number - 1], commit_s = (int64_t)number * REPLICA_CHECKPOINT_MS / 1000;
		grow_at(replica, number, buffer_span(&body), (commit_s + delay) * 1000);
		const struct state_version *newest = &replica->state.versions[replica->state.count - 1];
		assert_int_equal(newest->size, number + 1);
		assert_int_equal(newest->lines[0]->timestamp_s, commit_s + (delay > STATE_LATE_S ? 0 : delay));
	}
	buffer_free(&body);
	cluster_end(&cluster);
}

/* Beside the cluster, whose disk knows nothing of `grow`. */
static void line_give(struct replica *replica, uint16_t signer, const struct state_root *root)
{
	struct buffer message = {0};
	line_make(signer, root->size, &root->root, false, &message);
	step_begin(replica);
	state_checkpoints_message(replica, signer, buffer_span(&message));
	buffer_free(&message);
}

/* However long the others are silent, the trees that are kept stay few; the proven one is kept and answers rightly. */
static void versions_stay_few(void **state)
{
	(void)state;
	struct cluster cluster;
	struct buffer body = {0}, keep = {0};
	cluster_begin(&cluster, &four, 25);
	cluster_member_up(&cluster, 0);
	struct replica *replica = cluster.member[0].replica;
	event_body(&body, 1);
	grow(replica, 1, buffer_span(&body));
	struct state_root proven = replica->state.roots[0];
	line_give(replica, 1, &proven);
	assert_int_equal(numbers_of(&cluster, 0).state_lines, 2);
	for (uint64_t number = 2; number < 200; number++) {
		grow(replica, number, buffer_span(&body));
		assert_true(replica->state.count <= STATE_VERSIONS_MAX);
		struct state_finding found = ask(&cluster, 0, "org:maker", &keep);
		assert_true(found.size == proven.size && found.entry.last_seq == 2);
	}
	assert_int_equal(replica->state.count, STATE_VERSIONS_MAX);
	/* A checkpoint that turns up after the ledger has gone on: nobody knows that state any more. */
	uint64_t roots = replica->state.root_count;
	state_checkpoints_made(replica, ledger_size(replica->ledger) - 1, 1);
	assert_int_equal(replica->state.root_count, roots);
	/* A line for the newest: the older ones go. */
	struct state_root newest = replica->state.roots[(replica->state.root_count - 1) % STATE_ROOTS_MAX];
	line_give(replica, 2, &newest);
	assert_int_equal(replica->state.count, 1);
	assert_int_equal(ask(&cluster, 0, "org:maker", &keep).entry.last_seq, 200);
	buffer_free(&body);
	buffer_free(&keep);
	cluster_end(&cluster);
	/* A company alone is its own quorum. */
	cluster_begin(&cluster, &one, 26);
	cluster_up(&cluster);
	event_body(&body, 1);
	for (uint64_t number = 1; number < 20; number++) {
		grow(cluster.member[0].replica, number, buffer_span(&body));
		assert_int_equal(cluster.member[0].replica->state.count, 1);
		assert_int_equal(ask(&cluster, 0, "org:maker", &keep).entry.last_seq, number + 1);
	}
	buffer_free(&body);
	buffer_free(&keep);
	cluster_end(&cluster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_members_sign_one_state),
		cmocka_unit_test(a_forked_state_is_noticed_and_proven),
		cmocka_unit_test(lost_lines_are_asked_for),
		cmocka_unit_test(logs_without_state_lines_are_read),
		cmocka_unit_test(old_states_are_signed_as_old),
		cmocka_unit_test(versions_stay_few),
	};
	return cmocka_run_group_tests(tests, founded_begin, founded_end);
}
