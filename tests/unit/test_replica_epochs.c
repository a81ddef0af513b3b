/* Epochs and whole replicas: one that comes back after several of them, from members that have pruned their blocks, with liars
 * among these; and the chain of records that outsiders get. `tally sim` does the same at random. */
#include "cluster.h"
#include "cluster_checks.h"
#include "replica/state.h"

static struct consortium four;

enum { EPOCH_BYTES = 600000, AWAY = 3 };

/* The outer kinds of messages that are looked for. */
enum { KIND_HISTORY_END = 8, KIND_CHAIN_IS = 10, KIND_ENTRY = 12 };

/* The first so many answers of a kind are false, whoever gives them. */
struct liar {
	uint8_t kind;
	unsigned lies_left;
	unsigned lies;
	bool cut;                     /* takes the last signature away rather than changing a byte */
};

static void lie(void *context, uint16_t from, uint16_t to, struct buffer *bytes)
{
	struct liar *liar = context;
	(void)from;
	if (to != AWAY || bytes->data[0] != liar->kind || !liar->lies_left || bytes->size < 100)
		return;
	liar->lies_left--;
	liar->lies++;
	if (liar->cut)
		bytes->size -= COSIGNED_SIZE;
	else
		bytes->data[bytes->size / 2] ^= 1;
}

/* Statements at member 0 until that many epochs are over and signed. */
static void epochs_pass(struct cluster *cluster, struct issuer *issuer, uint64_t epochs)
{
	struct buffer body = {0};
	for (int i = 0; i < 4000 && numbers_of(cluster, 0).epoch_signed < epochs; i++) {
		struct buffer bytes = {0};
		BODY_OF(event, &body, .kind = text("order"), .type = text("TransactionEvent"), .step = text("accepting"), .time_ms = i);
		issue(&four, issuer, STATEMENT_EVENT, text("order:1"), buffer_span(&body), NULL, 0, &bytes);
		cluster_submit(cluster, 0, buffer_span(&bytes));
		cluster_run(cluster, 200);
		buffer_free(&bytes);
	}
	buffer_free(&body);
	assert_true(numbers_of(cluster, 0).epoch_signed >= epochs);
}

static void begin(struct cluster *cluster, uint64_t seed)
{
	cluster_begin(cluster, &four, seed);
	for (uint16_t i = 0; i < 4; i++)
		cluster_member_up(cluster, i);
	cluster_run(cluster, 500);
}

static void all_agree(struct cluster *cluster)
{
	struct replica_numbers first = numbers_of(cluster, 0);
	for (uint16_t i = 1; i < 4; i++) {
		struct replica_numbers numbers = numbers_of(cluster, i);
		assert_int_equal(numbers.epoch, first.epoch);
		assert_int_equal(numbers.log_size, first.log_size);
		assert_true(digest_equal(&numbers.log_root, &first.log_root));
	}
}

/* A member is away for some epochs, comes back to `liar`s, and has everything within `patience_ms`. */
static void comes_back(uint64_t seed, struct liar *liar, int64_t patience_ms)
{
	struct cluster cluster;
	struct issuer maker = organisation(&four, 0);
	begin(&cluster, seed);
	cluster_member_down(&cluster, AWAY);
	epochs_pass(&cluster, &maker, 4);
	for (uint16_t i = 0; i < AWAY; i++)
		assert_true(cluster.member[i].pruned > 0);
	if (liar) {
		cluster.twist = lie;
		cluster.twist_context = liar;
	}
	cluster_member_up(&cluster, AWAY);
	cluster_run(&cluster, patience_ms);
	assert_true(cluster.member[AWAY].rebased > 0);
	all_agree(&cluster);
	/* And takes part: with another one away a quorum needs it. */
	cluster_member_down(&cluster, 1);
	uint64_t before = numbers_of(&cluster, 0).log_size;
	epochs_pass(&cluster, &maker, numbers_of(&cluster, 0).epoch_signed + 1);
	assert_true(numbers_of(&cluster, AWAY).log_size > before);
	cluster_member_up(&cluster, 1);
	cluster_run(&cluster, 20000);
	all_agree(&cluster);
	cluster_end(&cluster);
}

static void whoever_was_away_for_epochs_begins_anew(void **state)
{
	(void)state;
	comes_back(1, NULL, 20000);
}

static void false_entries_are_found_out(void **state)
{
	(void)state;
	struct liar liar = {.kind = KIND_ENTRY, .lies_left = 3};
	comes_back(2, &liar, 60000);
	assert_true(liar.lies > 0);
}

static void a_false_record_is_found_out(void **state)
{
	(void)state;
	struct liar liar = {.kind = KIND_CHAIN_IS, .lies_left = 2};
	comes_back(3, &liar, 60000);
	assert_true(liar.lies > 0);
}

static void a_record_without_a_quorum_is_not_believed(void **state)
{
	(void)state;
	struct liar liar = {.kind = KIND_CHAIN_IS, .lies_left = 2, .cut = true};
	comes_back(4, &liar, 60000);
	assert_true(liar.lies > 0);
}

static void restarts_tell_the_same_story(void **state)
{
	(void)state;
	struct cluster cluster;
	struct issuer maker = organisation(&four, 0);
	begin(&cluster, 5);
	epochs_pass(&cluster, &maker, 2);
	for (uint16_t i = 0; i < 4; i++) {
		cluster_member_down(&cluster, i);
		cluster_member_up(&cluster, i);
		cluster_run(&cluster, 3000);
	}
	epochs_pass(&cluster, &maker, 3);
	cluster_run(&cluster, 10000);
	all_agree(&cluster);
	cluster_end(&cluster);
}

/* What is said by the member that is going to be removed is not heard. */
static void mute(void *context, uint16_t from, uint16_t to, struct buffer *bytes)
{
	(void)context, (void)to;
	if (from == AWAY)
		bytes->size = 0;
}

static struct digest say(struct cluster *cluster, uint16_t at, struct issuer *issuer, uint32_t type, struct span body, const struct digest *parent)
{
	struct buffer bytes = {0};
	struct digest id = issue(&four, issuer, type, text(type == STATEMENT_EVENT ? "order:1" : organisation_names[AWAY]), body, parent, parent != NULL, &bytes);
	cluster_submit(cluster, at, buffer_span(&bytes));
	cluster_run(cluster, 1000);
	buffer_free(&bytes);
	return id;
}

static void who_waits_at_a_removed_member_is_sent_elsewhere(void **state)
{
	(void)state;
	struct cluster cluster;
	struct issuer maker = organisation(&four, 0), supplier = organisation(&four, 1), regulator = organisation(&four, 2);
	struct buffer body = {0}, waits = {0};
	begin(&cluster, 7);
	struct digest proposal = say(&cluster, 0, &maker, STATEMENT_MEMBER, BODY_OF(member, &body, .change = MEMBER_REMOVE, .reason = text("agreed")), NULL);
	say(&cluster, 1, &supplier, STATEMENT_VOTE, BODY_OF(vote, &body, .proposal = proposal, .yes = true), &proposal);
	cluster.twist = mute;
	struct digest id = issue(&four, &maker, STATEMENT_EVENT, text("order:1"), event_body(&body, 1), NULL, 0, &waits);
	cluster_submit(&cluster, AWAY, buffer_span(&waits));
	cluster_run(&cluster, 1000);
	assert_int_equal(cluster_outcome_of(&cluster, AWAY, &id), STATUS_COUNT);
	say(&cluster, 2, &regulator, STATEMENT_VOTE, BODY_OF(vote, &body, .proposal = proposal, .yes = true), &proposal);
	cluster_run(&cluster, 5000);
	assert_int_equal(numbers_of(&cluster, AWAY).epoch, 1);
	assert_int_equal(cluster_outcome_of(&cluster, AWAY, &id), E_BUSY);
	assert_int_equal(numbers_of(&cluster, AWAY).submitted_waiting, 0);
	/* Who comes only now is told the same; and at another member it becomes final. */
	struct issuer again = maker;
	id = say(&cluster, AWAY, &again, STATEMENT_EVENT, event_body(&body, 2), NULL);
	assert_int_equal(cluster_outcome_of(&cluster, AWAY, &id), E_BUSY);
	cluster_submit(&cluster, 0, buffer_span(&waits));
	cluster_run(&cluster, 1000);
	assert_int_equal(cluster_outcome_of(&cluster, 0, &maker.last), OK);
	buffer_free(&body);
	buffer_free(&waits);
	cluster_end(&cluster);
}

/* Whom AWAY asks: from some question on it gives nothing, but says something again and again. */
struct staller {
	uint16_t who;
	uint8_t kept_back;            /* answers of this kind and above */
};

static void stall(void *context, uint16_t from, uint16_t to, struct buffer *bytes)
{
	const struct staller *staller = context;
	if (from == staller->who && to == AWAY && bytes->size && bytes->data[0] >= staller->kept_back)
		bytes->size = 0;
}

/* Blocks that are none, or an entry that is not the next. */
static void stall_on(struct cluster *cluster, uint16_t who, struct buffer *bytes)
{
	const struct catchup *catchup = &cluster->member[AWAY].replica->catchup;
	buffer_clear(bytes);
	if (catchup->phase == CATCHUP_ENTRIES) {
		write_u8(bytes, KIND_ENTRY);
		write_u64(bytes, catchup->next + 1);
		write_u64(bytes, 0);
		write_i64(bytes, 0);
	} else {
		write_u8(bytes, 1);
		write_u64(bytes, numbers_of(cluster, AWAY).epoch);
		write_u8(bytes, 1);
	}
	buffer_append_text(bytes, "nothing");
	cluster_step(cluster, AWAY, (struct replica_event){.kind = REPLICA_MESSAGE, .peer = who, .bytes = buffer_span(bytes)});
}

static void stalled_by(uint64_t seed, int phase, uint8_t kept_back)
{
	struct cluster cluster;
	struct issuer maker = organisation(&four, 0);
	struct staller staller = {.who = NOBODY, .kept_back = kept_back};
	struct buffer bytes = {0};
	begin(&cluster, seed);
	cluster_member_down(&cluster, AWAY);
	epochs_pass(&cluster, &maker, 4);
	cluster.twist = stall;
	cluster.twist_context = &staller;
	cluster_member_up(&cluster, AWAY);
	const struct catchup *catchup = &cluster.member[AWAY].replica->catchup;
	while (catchup->phase != phase)
		assert_true(cluster_advance(&cluster, INT64_MAX - 1));
	staller.who = catchup->from;
	for (int i = 0; i < 100 && numbers_of(&cluster, AWAY).epoch < numbers_of(&cluster, 0).epoch; i++) {
		cluster_run(&cluster, 2000);
		stall_on(&cluster, staller.who, &bytes);
	}
	assert_int_equal(numbers_of(&cluster, AWAY).epoch, numbers_of(&cluster, 0).epoch);
	cluster_run(&cluster, 20000);
	all_agree(&cluster);
	buffer_free(&bytes);
	cluster_end(&cluster);
}

static void who_keeps_us_waiting_loses_its_turn(void **state)
{
	(void)state;
	stalled_by(8, CATCHUP_HISTORY, KIND_HISTORY_END);
	stalled_by(9, CATCHUP_ENTRIES, KIND_ENTRY);
}

/* The file that outsiders get is judged with the genesis alone. */
static void outsiders_follow_the_chain(void **state)
{
	(void)state;
	struct cluster cluster;
	struct issuer maker = organisation(&four, 0);
	struct buffer file = {0};
	struct epochs chain;
	struct fault fault;
	begin(&cluster, 6);
	epochs_pass(&cluster, &maker, 2);
	replica_epochs(cluster.member[2].replica, &file);
	epochs_begin(&chain, &four.genesis);
	if (epochs_decode(buffer_span(&file), &chain, &fault) != OK)
		fail_msg("%s", fault.text);
	assert_true(chain.count >= 3);
	const struct epochs *known = ledger_epochs(replica_ledger(cluster.member[0].replica));
	for (size_t i = 0; i < chain.count; i++)
		assert_true(digest_equal(&chain.items[i].digest, &known->items[i].digest));
	epochs_free(&chain);
	buffer_free(&file);
	cluster_end(&cluster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_was_away_for_epochs_begins_anew),
		cmocka_unit_test(false_entries_are_found_out),
		cmocka_unit_test(a_false_record_is_found_out),
		cmocka_unit_test(a_record_without_a_quorum_is_not_believed),
		cmocka_unit_test(restarts_tell_the_same_story),
		cmocka_unit_test(who_waits_at_a_removed_member_is_sent_elsewhere),
		cmocka_unit_test(who_keeps_us_waiting_loses_its_turn),
		cmocka_unit_test(outsiders_follow_the_chain),
	};
	consortium_found(&four, 4);
	four.genesis.settings.epoch_bytes = EPOCH_BYTES;
	cmocka_set_test_filter(getenv("TALLY_TEST"));
	int failed = cmocka_run_group_tests_name("replica epochs", tests, NULL, NULL);
	consortium_free(&four);
	return failed;
}
