#include "cluster_checks.h"
#include "founded.h"

/* -- tests ------------------------------------------------------------------------------------------------------ */

static void four_members_agree(void **state)
{
	(void)state;
	struct cluster cluster;
	struct issuer issuers[4];
	struct pile piles[4];
	cluster_begin(&cluster, &four, 1);
	cluster_up(&cluster);
	for (uint16_t i = 0; i < 4; i++) {
		issuers[i] = organisation(&four, i);
		piles[i] = pile_of_events(&four, &issuers[i], 6);
	}
	/* Each organisation at its own node, its statements in a row without waiting. */
	for (size_t k = 0; k < 6; k++) {
		for (uint16_t i = 0; i < 4; i++) {
			cluster_submit(&cluster, i, buffer_span(&piles[i].bytes[k]));
			cluster_submit(&cluster, i, buffer_span(&piles[i].bytes[k])); /* twice: one outcome */
		}
		cluster_run(&cluster, 100);
	}
	cluster_run(&cluster, 2000);
	logs_are_equal(&cluster, 4 + 24);
	for (uint16_t i = 0; i < 4; i++) {
		struct replica_numbers numbers = numbers_of(&cluster, i);
		assert_int_equal(numbers.log_size, 28);
		assert_int_equal(numbers.transactions, 24);
		assert_int_equal(numbers.refused, 0);
		assert_int_equal(numbers.submitted_waiting, 0);
		assert_int_equal(cluster.member[i].final_count, 24);
		assert_int_equal(cluster.member[i].outcome_count, 6);
		for (size_t k = 0; k < 6; k++)
			assert_int_equal(cluster_outcome_of(&cluster, i, &piles[i].ids[k]), OK);
		/* What is final already is told so, at any member. */
		cluster_submit(&cluster, i, buffer_span(&piles[(i + 1) % 4].bytes[2]));
		assert_int_equal(cluster_outcome_of(&cluster, i, &piles[(i + 1) % 4].ids[2]), E_DUPLICATE);
	}
	/* One more a few seconds later: a checkpoint covers it, with a line of each member. */
	struct buffer body = {0}, late = {0}, note = {0};
	struct digest id = issue(&four, &issuers[0], STATEMENT_EVENT, text("order:2"), event_body(&body, 9), NULL, 0, &late);
	cluster_run(&cluster, 3000);
	cluster_submit(&cluster, 0, buffer_span(&late));
	cluster_run(&cluster, 3000);
	assert_int_equal(cluster_outcome_of(&cluster, 0, &id), OK);
	for (uint16_t i = 0; i < 4; i++) {
		uint64_t size, index;
		struct replica_numbers numbers = numbers_of(&cluster, i);
		assert_int_equal(numbers.checkpoint_size, 29);
		assert_int_equal(numbers.checkpoint_lines, 4);
		assert_int_equal(cluster.member[i].checkpoint_size, 29);
		assert_int_equal(ledger_index_of(replica_ledger(cluster.member[i].replica), &id, &index), OK);
		buffer_clear(&note);
		assert_int_equal(replica_checkpoint(cluster.member[i].replica, index, false, &note, &size), OK);
		assert_true(size > index);
		note_verifies(&cluster, i, buffer_span(&note), size);
		buffer_clear(&note);
		assert_int_equal(replica_checkpoint(cluster.member[i].replica, 0, false, &note, &size), OK);
		assert_true(size < 29);
		note_verifies(&cluster, i, buffer_span(&note), size);
		buffer_clear(&note);
		assert_int_equal(replica_checkpoint(cluster.member[i].replica, 0, true, &note, &size), OK);
		assert_true(size == 29);
		note_verifies(&cluster, i, buffer_span(&note), size);
		assert_int_equal(replica_checkpoint(cluster.member[i].replica, 29, false, &note, &size), E_NOT_FOUND);
		assert_int_equal(replica_checkpoint(cluster.member[i].replica, UINT64_MAX, false, &note, &size), E_NOT_FOUND);
	}
	/* Heartbeats make no checkpoints. */
	uint64_t frames = cluster.member[0].appends;
	cluster_run(&cluster, 40000);
	assert_true(cluster.member[0].appends - frames <= 4 * 40000 / 5000 + 8);
	logs_are_equal(&cluster, 29);
	for (uint16_t i = 0; i < 4; i++)
		pile_free(&piles[i]);
	buffer_free(&body);
	buffer_free(&late);
	buffer_free(&note);
	cluster_end(&cluster);
}

static void one_member_is_a_signed_log(void **state)
{
	(void)state;
	struct cluster cluster;
	struct issuer maker = organisation(&one, 0);
	struct pile pile = pile_of_events(&one, &maker, 5);
	struct buffer note = {0};
	uint64_t size;
	cluster_begin(&cluster, &one, 2);
	cluster_up(&cluster);
	for (size_t k = 0; k < 5; k++)
		cluster_submit(&cluster, 0, buffer_span(&pile.bytes[k]));
	cluster_run(&cluster, 1000);
	for (size_t k = 0; k < 5; k++)
		assert_int_equal(cluster_outcome_of(&cluster, 0, &pile.ids[k]), OK);
	struct replica_numbers before = numbers_of(&cluster, 0);
	assert_int_equal(before.log_size, 6);
	assert_int_equal(replica_checkpoint(cluster.member[0].replica, 0, true, &note, &size), OK);
	note_verifies(&cluster, 0, buffer_span(&note), size);
	cluster_member_down(&cluster, 0);
	cluster_member_up(&cluster, 0);
	struct replica_numbers after = numbers_of(&cluster, 0);
	assert_true(digest_equal(&before.log_root, &after.log_root));
	assert_int_equal(after.checkpoint_size, before.checkpoint_size);
	assert_int_equal(after.signature_checks, 0);
	buffer_free(&note);
	pile_free(&pile);
	cluster_end(&cluster);
}

static void what_cannot_be_accepted_is_refused_at_once(void **state)
{
	(void)state;
	struct cluster cluster;
	struct issuer maker = organisation(&four, 0), forger = organisation(&four, 1), stranger = {.name = "gw:maker/none", .key = four.record[2]};
	struct buffer body = {0}, bytes = {0};
	cluster_begin(&cluster, &four, 3);
	cluster_up(&cluster);

	struct digest id = sha256(text("no statement"));
	cluster_submit(&cluster, 0, text("no statement"));
	assert_int_equal(cluster_outcome_of(&cluster, 0, &id), E_MALFORMED);
	struct digest empty = sha256((struct span){0});
	cluster_submit(&cluster, 0, (struct span){0});
	assert_int_equal(cluster_outcome_of(&cluster, 0, &empty), E_MALFORMED);

	forger.name = "org:maker";
	forger.last = maker.last;
	id = issue(&four, &forger, STATEMENT_EVENT, text("order:1"), event_body(&body, 1), NULL, 0, &bytes);
	cluster_submit(&cluster, 0, buffer_span(&bytes));
	assert_int_equal(cluster_outcome_of(&cluster, 0, &id), E_SIGNATURE);

	buffer_clear(&bytes);
	id = issue(&four, &stranger, STATEMENT_EVENT, text("order:1"), event_body(&body, 1), NULL, 0, &bytes);
	cluster_submit(&cluster, 0, buffer_span(&bytes));
	assert_int_equal(cluster_outcome_of(&cluster, 0, &id), E_UNKNOWN);

	/* A good one whose signature was damaged on the way. */
	buffer_clear(&bytes);
	issue(&four, &maker, STATEMENT_EVENT, text("order:1"), event_body(&body, 1), NULL, 0, &bytes);
	bytes.data[bytes.size - 1] ^= 1;
	id = sha256(buffer_span(&bytes));
	cluster_submit(&cluster, 0, buffer_span(&bytes));
	assert_int_equal(cluster_outcome_of(&cluster, 0, &id), E_SIGNATURE);
	bytes.data[bytes.size - 1] ^= 1;
	cluster_submit(&cluster, 0, buffer_span(&bytes));

	struct replica_numbers numbers = numbers_of(&cluster, 0);
	assert_int_equal(numbers.submitted_waiting, 1);
	/* The same again waits for the same outcome, and its signature is not looked at again. */
	cluster_submit(&cluster, 0, buffer_span(&bytes));
	assert_true(numbers_of(&cluster, 0).signature_checks == numbers.signature_checks);
	cluster_run(&cluster, 1000);
	assert_int_equal(cluster_outcome_of(&cluster, 0, &maker.last), OK);
	numbers = numbers_of(&cluster, 0);
	assert_int_equal(numbers.transactions, 1);
	assert_int_equal(numbers.submitted_waiting, 0);
	buffer_free(&body);
	buffer_free(&bytes);
	cluster_end(&cluster);
}

/* An issuer that talks to two nodes at once: the later number may come first. It is told, and may simply try again. */
static void a_gap_is_told_and_can_be_closed(void **state)
{
	(void)state;
	struct cluster cluster;
	struct issuer maker = organisation(&four, 0);
	struct pile pile = pile_of_events(&four, &maker, 3);
	cluster_begin(&cluster, &four, 4);
	cluster_up(&cluster);
	cluster_submit(&cluster, 1, buffer_span(&pile.bytes[1]));
	cluster_run(&cluster, 1000);
	assert_int_equal(cluster_outcome_of(&cluster, 1, &pile.ids[1]), E_SEQUENCE);
	logs_are_equal(&cluster, 4);
	assert_int_equal(numbers_of(&cluster, 2).refused, 1);
	cluster_submit(&cluster, 0, buffer_span(&pile.bytes[0]));
	cluster_submit(&cluster, 0, buffer_span(&pile.bytes[1]));
	cluster_submit(&cluster, 0, buffer_span(&pile.bytes[2]));
	cluster_run(&cluster, 1000);
	for (size_t k = 0; k < 3; k++)
		assert_int_equal(cluster_outcome_of(&cluster, 0, &pile.ids[k]), OK);
	/* The same at two nodes at the same time: final once, and both are told. */
	struct buffer body = {0}, bytes = {0};
	struct digest id = issue(&four, &maker, STATEMENT_EVENT, text("order:2"), event_body(&body, 9), NULL, 0, &bytes);
	cluster_submit(&cluster, 2, buffer_span(&bytes));
	cluster_submit(&cluster, 3, buffer_span(&bytes));
	cluster_run(&cluster, 1000);
	assert_int_equal(cluster_outcome_of(&cluster, 2, &id), OK);
	assert_int_equal(cluster_outcome_of(&cluster, 3, &id), OK);
	logs_are_equal(&cluster, 8);
	assert_int_equal(numbers_of(&cluster, 0).log_size, 8);
	buffer_free(&body);
	buffer_free(&bytes);
	pile_free(&pile);
	cluster_end(&cluster);
}

static void too_much_is_refused_as_busy(void **state)
{
	(void)state;
	struct cluster cluster;
	struct issuer maker = organisation(&four, 0);
	struct pile pile = pile_of_events(&four, &maker, 8);
	cluster_begin(&cluster, &four, 5);
	cluster.consensus.pending_bytes_max = 12000;
	cluster_up(&cluster);
	size_t busy = 0;
	for (size_t k = 0; k < 8; k++) {
		cluster_submit(&cluster, 0, buffer_span(&pile.bytes[k]));
		busy += cluster_outcome_of(&cluster, 0, &pile.ids[k]) == E_BUSY;
	}
	assert_true(busy > 0 && busy < 8);
	assert_int_equal(numbers_of(&cluster, 0).submitted_waiting, 8 - busy);
	cluster_run(&cluster, 1000);
	for (size_t k = 8 - busy; k < 8; k++)
		cluster_submit(&cluster, 0, buffer_span(&pile.bytes[k]));
	cluster_run(&cluster, 1000);
	for (size_t k = 0; k < 8; k++)
		assert_int_equal(cluster_outcome_of(&cluster, 0, &pile.ids[k]), OK);

	/* Many that wait, made up here because it would take long to sign them. */
	struct buffer body = {0}, bytes = {0};
	struct digest id = issue(&four, &maker, STATEMENT_EVENT, text("order:2"), event_body(&body, 9), NULL, 0, &bytes);
	for (uint32_t i = 0; i < REPLICA_SUBMITTED_MAX; i++)
		map_put(&cluster.member[1].replica->submitted, span_of(&i, sizeof i), 1);
	cluster_submit(&cluster, 1, buffer_span(&bytes));
	assert_int_equal(cluster_outcome_of(&cluster, 1, &id), E_BUSY);
	buffer_free(&body);
	buffer_free(&bytes);
	pile_free(&pile);
	cluster_end(&cluster);
}

/* -- killing ---------------------------------------------------------------------------------------------------- */

/* Statements at the victim and at another member while the victim dies at one of its appends; it comes back, and
 * whoever got no outcome submits again. Returns how many appends it makes when it lives. */
static uint64_t kill_story(const struct consortium *consortium, uint16_t victim, uint64_t kill_at, enum kill_moment moment,
	struct pile *piles)
{
	uint16_t members = (uint16_t)consortium->members;
	size_t story = piles[0].count;
	struct cluster cluster;
	cluster_begin(&cluster, consortium, 77);
	cluster.victim = victim;
	cluster.kill_at = kill_at;
	cluster.moment = moment;
	cluster_up(&cluster);
	for (size_t k = 0; k < story; k++) {
		for (uint16_t i = 0; i < 2 && i < members; i++)
			cluster_submit(&cluster, i, buffer_span(&piles[i].bytes[k]));
		cluster_run(&cluster, 60);
	}
	cluster_run(&cluster, 2500);
	uint64_t appends = cluster.member[victim].appends;
	assert_int_equal(cluster.killed, kill_at <= appends && kill_at > 0);
	/* What was promised before the crash must hold after it. */
	if (cluster.killed) {
		cluster_member_up(&cluster, victim);
		cluster_run(&cluster, 1000);
	}
	for (int attempt = 0; attempt < 2; attempt++) {
		for (uint16_t i = 0; i < 2 && i < members; i++)
			for (size_t k = 0; k < story; k++)
				if (cluster_outcome_of(&cluster, i, &piles[i].ids[k]) != OK)
					cluster_submit(&cluster, i, buffer_span(&piles[i].bytes[k]));
		cluster_run(&cluster, 1000);
	}
	logs_are_equal(&cluster, (uint64_t)members + (members > 1 ? 2 : 1) * story);
	for (uint16_t i = 0; i < members; i++)
		for (uint16_t k = 0; k < 2 && k < members; k++)
			for (size_t m = 0; m < story; m++) {
				uint64_t index;
				enum status status = cluster_outcome_of(&cluster, k, &piles[k].ids[m]);
				assert_true(status == OK || status == E_DUPLICATE);
				assert_int_equal(ledger_index_of(replica_ledger(cluster.member[i].replica), &piles[k].ids[m], &index), OK);
			}
	/* Nobody was seen to sign two blocks for one slot. */
	for (uint16_t i = 0; i < members; i++) {
		assert_int_equal(numbers_of(&cluster, i).consensus.equivocations, 0);
		assert_int_equal(cluster.member[i].evidence, 0);
		assert_int_equal(numbers_of(&cluster, i).messages_refused, 0);
	}
	cluster_end(&cluster);
	return appends;
}

static void kill_everywhere(const struct consortium *consortium, uint16_t victim, size_t story)
{
	size_t members = consortium->members;
	struct issuer a = organisation(consortium, 0), b = organisation(consortium, members > 1);
	struct pile piles[2] = {pile_of_events(consortium, &a, story), pile_of_events(consortium, &b, story)};
	uint64_t appends = kill_story(consortium, victim, 0, KILL_AFTER, piles);
	assert_true(appends > 10);
	for (uint64_t at = 1; at <= appends; at++)
		for (enum kill_moment moment = 0; moment < KILL_MOMENTS; moment++)
			/* "After one" is "before the next", except when the same step goes on: take turns to save time. */
			if (moment == KILL_TORN || (at % 2 == 0) == (moment == KILL_AFTER))
				kill_story(consortium, victim, at, moment, piles);
	print_message("member %u of %zu killed at each of %u appends\n", victim, members, (unsigned)appends);
	pile_free(&piles[0]);
	pile_free(&piles[1]);
}

static void a_kill_at_any_append_loses_nothing(void **state)
{
	(void)state;
	kill_everywhere(&one, 0, 4);
	kill_everywhere(&four, 0, 2);
}

/* -- a liar -------------------------------------------------------------------------------------------------------- */

/* Whatever a member puts into its blocks, the others refuse it alike, and remember that they did: recovery, which
 * verifies no signatures, must come to the same log. */
static void a_liars_transactions_change_nothing(void **state)
{
	(void)state;
	struct cluster cluster;
	struct issuer maker = organisation(&four, 0), forger = maker, repair = organisation(&four, 3);
	struct pile pile = pile_of_events(&four, &maker, 3), own = pile_of_events(&four, &repair, 2);
	struct buffer body = {0}, forged = {0}, twisted = {0};
	cluster_begin(&cluster, &four, 6);
	cluster_make_liar(&cluster, 3);
	cluster_up(&cluster);

	/* Signed with another key than the one it names. */
	forger.key = four.record[3];
	issue(&four, &forger, STATEMENT_EVENT, text("order:9"), event_body(&body, 5), NULL, 0, &forged);
	size_t at = 0;
	struct digest wrong = key_thumbprint(signing_key_public(four.record[3])), right = key_thumbprint(signing_key_public(four.record[0]));
	while (memcmp(forged.data + at, wrong.bytes, DIGEST_SIZE) != 0)
		at++;
	memcpy(forged.data + at, right.bytes, DIGEST_SIZE);
	struct digest forged_id = sha256(buffer_span(&forged));
	/* A good one with a damaged signature. */
	buffer_append_span(&twisted, buffer_span(&pile.bytes[0]));
	twisted.data[twisted.size - 9] ^= 0x10;
	struct digest twisted_id = sha256(buffer_span(&twisted));

	cluster_lie(&cluster, 3, text("nonsense"));
	cluster_lie(&cluster, 3, buffer_span(&forged));
	cluster_lie(&cluster, 3, buffer_span(&twisted));
	cluster_lie(&cluster, 3, buffer_span(&own.bytes[1])); /* before its time */
	cluster_lie(&cluster, 3, buffer_span(&own.bytes[0]));
	cluster_lie(&cluster, 3, buffer_span(&own.bytes[0])); /* again */
	cluster_run(&cluster, 500);
	cluster_submit(&cluster, 0, buffer_span(&pile.bytes[0]));
	cluster_run(&cluster, 500);
	cluster_lie(&cluster, 3, buffer_span(&twisted));
	cluster_lie(&cluster, 3, buffer_span(&pile.bytes[0]));
	cluster_lie(&cluster, 3, buffer_span(&forged));
	cluster_submit(&cluster, 0, buffer_span(&pile.bytes[1]));
	cluster_run(&cluster, 2500);
	/* A refusal in the liar's block is not the outcome of what was submitted here. */
	cluster_lie(&cluster, 3, buffer_span(&pile.bytes[2]));
	cluster_submit(&cluster, 1, buffer_span(&pile.bytes[2]));
	cluster_run(&cluster, 2500);

	logs_are_equal(&cluster, 8);
	for (uint16_t i = 0; i < 3; i++) {
		uint64_t index;
		struct replica_numbers numbers = numbers_of(&cluster, i);
		assert_int_equal(numbers.log_size, 8);
		assert_true(numbers.refused >= 5);
		assert_int_equal(ledger_index_of(replica_ledger(cluster.member[i].replica), &forged_id, &index), E_NOT_FOUND);
		assert_int_equal(ledger_index_of(replica_ledger(cluster.member[i].replica), &twisted_id, &index), E_NOT_FOUND);
	}
	for (size_t k = 0; k < 2; k++)
		assert_int_equal(cluster_outcome_of(&cluster, 0, &pile.ids[k]), OK);
	assert_int_equal(cluster_outcome_of(&cluster, 1, &pile.ids[2]), OK);
	restart_all(&cluster);
	cluster_run(&cluster, 1000);
	logs_are_equal(&cluster, 8);
	buffer_free(&body);
	buffer_free(&forged);
	buffer_free(&twisted);
	pile_free(&pile);
	pile_free(&own);
	cluster_end(&cluster);
}

/* -- logs that are not ours ------------------------------------------------------------------------------------------ */

static void a_foreign_log_is_refused(void **state)
{
	(void)state;
	struct cluster cluster, other;
	struct issuer maker = organisation(&one, 0);
	struct pile pile = pile_of_events(&one, &maker, 1);
	struct fault fault;
	struct replica_actions actions;
	cluster_begin(&other, &one, 11);
	cluster_up(&other);
	cluster_submit(&other, 0, buffer_span(&pile.bytes[0]));
	cluster_run(&other, 500);
	cluster_begin(&cluster, &four, 12);
	struct replica_config config = {.genesis = &four.genesis, .name = four.genesis.members[0].header.iss, .consensus = consensus_config_default(),
		.keys = {{four.node[0], four.checkpoint[0]}}, .key_count = 1};
	struct log_frame frame;
	size_t size;
	assert_int_equal(log_frame_read(buffer_span(&other.member[0].log), 0, &frame, &size), OK);
	struct replica_event wrong[] = {
		{.kind = REPLICA_RECOVERED, .frame_kind = frame.kind, .bytes = frame.bytes},
		{.kind = REPLICA_RECOVERED, .frame_kind = 9, .bytes = frame.bytes},
		{.kind = REPLICA_RECOVERED, .frame_kind = REPLICA_FRAME_BLOCK, .bytes = text("no block")},
		{.kind = REPLICA_RECOVERED, .frame_kind = REPLICA_FRAME_COSIGNATURE, .bytes = text("no cosignature")},
		{.kind = REPLICA_RECOVERED, .frame_kind = REPLICA_FRAME_FORGED, .bytes = text("no digests")},
		{.kind = REPLICA_RECOVERED, .frame_kind = REPLICA_FRAME_STATE_COSIGNATURE, .bytes = text("no cosignature")},
		{.kind = REPLICA_RECOVERED, .frame_kind = REPLICA_FRAME_SETTLED, .bytes = text("no number")},
		{.kind = REPLICA_RECOVERED, .frame_kind = REPLICA_FRAME_SETTLED, .bytes = {(const uint8_t *)"\1\0\0\0\0\0\0\0", 8}}, /* an epoch that has not begun */
	};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct replica *replica = NULL;
		assert_int_equal(replica_new(&config, &replica, &fault), OK);
		assert_int_equal(replica_recovery(replica, &fault), OK);
		replica_step(replica, &wrong[i], &actions);
		assert_int_equal(replica_recovery(replica, &fault), E_CORRUPT);
		assert_non_null(strstr(fault.text, "kind"));
		replica_free(replica);
	}
	struct replica *replica = NULL;
	/* Keys that no epoch names: it follows, and signs nothing. */
	config.keys[0].node = four.node[1];
	assert_int_equal(replica_new(&config, &replica, &fault), OK);
	assert_false(replica_is_member(replica));
	replica_free(replica);
	config.keys[0] = (struct replica_keys){four.node[0], four.record[0]};
	assert_int_equal(replica_new(&config, &replica, &fault), OK);
	assert_false(replica_is_member(replica));
	replica_free(replica);
	config.name = text("org:nobody");
	assert_int_equal(replica_new(&config, &replica, &fault), OK);
	assert_int_equal(replica_seat(replica), REPLICA_NOBODY);
	replica_free(replica);
	config.name = (struct span){0};
	assert_int_equal(replica_new(&config, &replica, &fault), E_CONFIG);
	pile_free(&pile);
	cluster_end(&cluster);
	cluster_end(&other);
}

static void before_start_a_submission_is_told_to_wait(void **state)
{
	(void)state;
	struct issuer maker = organisation(&four, 0);
	struct pile pile = pile_of_events(&four, &maker, 1);
	struct replica_config config = {.genesis = &four.genesis, .name = four.genesis.members[0].header.iss, .consensus = consensus_config_default(),
		.keys = {{four.node[0], four.checkpoint[0]}}, .key_count = 1};
	struct replica *replica = NULL;
	struct fault fault;
	struct replica_actions actions;
	assert_int_equal(replica_new(&config, &replica, &fault), OK);
	replica_step(replica, &(struct replica_event){.kind = REPLICA_SUBMIT, .bytes = buffer_span(&pile.bytes[0])}, &actions);
	assert_int_equal(actions.count, 1);
	assert_int_equal(actions.items[0].kind, REPLICA_OUTCOME);
	assert_int_equal(actions.items[0].status, E_BUSY);
	replica_free(replica);
	pile_free(&pile);
}

/* -- a long and rough ride ------------------------------------------------------------------------------------------- */

static uint64_t ticks;

static uint64_t ticking_clock(void)
{
	return ticks++;
}

/* Each organisation has an outbox: it submits its statements in order, a few at a time, at random members, and again
 * until they are final, while members crash at random appends, come back, and messages get lost. */
static void a_rough_ride(uint64_t seed, size_t each)
{
	struct cluster cluster;
	struct issuer issuers[4];
	struct pile piles[4];
	size_t done[4] = {0};
	unsigned crashes = 0;
	cluster_begin(&cluster, &four, seed);
	cluster.loss = 0.01;
	cluster_up(&cluster);
	replica_profile(cluster.member[0].replica, ticking_clock);
	for (uint16_t i = 0; i < 4; i++) {
		issuers[i] = organisation(&four, i);
		piles[i] = pile_of_events(&four, &issuers[i], each);
	}
	for (int round = 0; round < 400; round++) {
		bool all = true;
		uint16_t down = NOBODY;
		for (uint16_t i = 0; i < 4; i++)
			if (!cluster.member[i].replica)
				down = i;
		for (uint16_t i = 0; i < 4; i++) {
			uint16_t at = (uint16_t)random_below(&cluster.random, 4);
			if (!cluster.member[at].replica)
				continue;
			uint64_t index;
			const struct ledger *ledger = replica_ledger(cluster.member[at].replica);
			while (done[i] < each && ledger_index_of(ledger, &piles[i].ids[done[i]], &index) == OK)
				done[i]++;
			for (size_t k = done[i]; k < each && k < done[i] + 2 && cluster.member[at].replica; k++)
				cluster_submit(&cluster, at, buffer_span(&piles[i].bytes[k]));
			all = all && done[i] == each;
		}
		if (all && down == NOBODY)
			break;
		if (down != NOBODY && random_chance(&cluster.random, 0.3)) {
			cluster_member_up(&cluster, down);
		} else if (down == NOBODY && !all && random_chance(&cluster.random, 0.4)) {
			uint16_t victim = (uint16_t)random_below(&cluster.random, 4);
			cluster.victim = victim;
			cluster.killed = false;
			cluster.kill_at = cluster.member[victim].appends + 1 + random_below(&cluster.random, 20);
			cluster.moment = (enum kill_moment)random_below(&cluster.random, KILL_MOMENTS);
			crashes++;
		}
		cluster_run(&cluster, 100);
	}
	cluster.victim = NOBODY;
	cluster.loss = 0;
	for (uint16_t i = 0; i < 4; i++)
		if (!cluster.member[i].replica)
			cluster_member_up(&cluster, i);
	cluster_run(&cluster, 8000);
	logs_are_equal(&cluster, 4 + 4 * each);
	assert_int_equal(numbers_of(&cluster, 0).log_size, 4 + 4 * each);
	for (uint16_t i = 0; i < 4; i++) {
		assert_int_equal(numbers_of(&cluster, i).consensus.equivocations, 0);
		assert_int_equal(numbers_of(&cluster, i).submitted_waiting, 0);
		assert_int_equal(cluster.member[i].final_count, 4 * each);
		/* Nothing is kept of what is over: bodies only of the last rounds. */
		size_t kept = cluster.member[i].replica->bodies.by_digest.count;
		assert_true(kept < 64);
	}
	print_message("seed %u: %u statements, %u crashes planned\n", (unsigned)seed, (unsigned)(4 * each), crashes);
	restart_all(&cluster);
	for (uint16_t i = 0; i < 4; i++)
		pile_free(&piles[i]);
	cluster_end(&cluster);
}

static void crashes_and_losses_lose_nothing(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++)
		a_rough_ride(seed, 40);
	assert_true(ticks > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_members_agree),
		cmocka_unit_test(one_member_is_a_signed_log),
		cmocka_unit_test(what_cannot_be_accepted_is_refused_at_once),
		cmocka_unit_test(a_gap_is_told_and_can_be_closed),
		cmocka_unit_test(too_much_is_refused_as_busy),
		cmocka_unit_test(a_kill_at_any_append_loses_nothing),
		cmocka_unit_test(a_liars_transactions_change_nothing),
		cmocka_unit_test(a_foreign_log_is_refused),
		cmocka_unit_test(before_start_a_submission_is_told_to_wait),
		cmocka_unit_test(crashes_and_losses_lose_nothing),
	};
	return cmocka_run_group_tests(tests, founded_begin, founded_end);
}
