/* Signatures that are verified before the commit: the commit finds them verified, and comes to the same log as who had no time. */
#include "cluster_checks.h"

enum { EACH = 12 };

static struct consortium four;

/* Statements' signatures that were verified, and where. */
static uint64_t verified, verified_at_commits;
static bool commits; /* the step is no submission and does not look ahead */

static enum status count_verified(const struct statement *statement, const struct verifying_key *key, struct fault *fault)
{
	verified++;
	verified_at_commits += commits;
	return ledger_verify(statement, key, fault);
}

static struct replica_signatures counting(void)
{
	struct replica_signatures signatures = *replica_signatures_real();
	signatures.statement_verify = count_verified;
	return signatures;
}

static void run(struct cluster *cluster, int64_t duration_ms)
{
	int64_t until = cluster->now_ms + duration_ms;
	for (;;) {
		commits = true;
		bool more = cluster_advance(cluster, until);
		commits = false;
		cluster_look_ahead(cluster);
		if (!more)
			return;
	}
}

static void nothing_is_verified_at_a_commit(void **state)
{
	(void)state;
	const struct replica_signatures signatures = counting();
	struct cluster cluster;
	struct issuer issuers[4];
	struct pile piles[4];
	cluster_begin(&cluster, &four, 21);
	cluster.signatures = &signatures;
	cluster.looks_ahead[0] = cluster.looks_ahead[1] = cluster.looks_ahead[2] = true; /* the last one has no time */
	cluster_up(&cluster);
	for (uint16_t i = 0; i < 4; i++) {
		issuers[i] = organisation(&four, i);
		piles[i] = pile_of_events(&four, &issuers[i], EACH);
	}
	verified = verified_at_commits = 0;
	for (size_t k = 0; k < EACH; k++) {
		for (uint16_t i = 0; i < 4; i++)
			cluster_submit(&cluster, i, buffer_span(&piles[i].bytes[k]));
		run(&cluster, k % 3 * 50);
	}
	run(&cluster, 3000);
	logs_are_equal(&cluster, 4 + 4 * EACH);
	/* Each once at each member. Only the last one verifies what others submitted when it applies it. */
	assert_int_equal(verified, 4 * 4 * EACH);
	assert_int_equal(verified_at_commits, 3 * EACH);
	for (uint16_t i = 0; i < 4; i++) {
		assert_int_equal(replica_has_ahead(cluster.member[i].replica), false);
		pile_free(&piles[i]);
	}
	cluster_end(&cluster);
}

/* A liar's block has a good statement, one that is signed with another key than it names, one with a damaged signature, and bytes
 * that are none. Whoever looked at them ahead refuses the same as whoever did not. */
static void what_is_forged_stays_forged(void **state)
{
	(void)state;
	struct cluster cluster;
	struct issuer maker = organisation(&four, 0), forger = maker;
	struct pile pile = pile_of_events(&four, &maker, 1);
	struct buffer body = {0}, forged = {0}, twisted = {0};
	cluster_begin(&cluster, &four, 22);
	cluster.looks_ahead[0] = cluster.looks_ahead[1] = true;
	cluster_make_liar(&cluster, 3);
	cluster_up(&cluster);
	forger.key = four.record[3];
	issue(&four, &forger, STATEMENT_EVENT, text("order:9"), event_body(&body, 5), NULL, 0, &forged);
	struct digest wrong = key_thumbprint(signing_key_public(four.record[3])), right = key_thumbprint(signing_key_public(four.record[0]));
	size_t at = 0;
	while (memcmp(forged.data + at, wrong.bytes, DIGEST_SIZE) != 0)
		at++;
	memcpy(forged.data + at, right.bytes, DIGEST_SIZE);
	buffer_append_span(&twisted, buffer_span(&pile.bytes[0]));
	twisted.data[twisted.size - 9] ^= 0x10;
	cluster_lie(&cluster, 3, text("nonsense"));
	cluster_lie(&cluster, 3, buffer_span(&forged));
	cluster_lie(&cluster, 3, buffer_span(&twisted));
	cluster_lie(&cluster, 3, buffer_span(&pile.bytes[0]));
	run(&cluster, 3000);
	logs_are_equal(&cluster, 5);
	for (uint16_t i = 0; i < 3; i++) {
		assert_int_equal(numbers_of(&cluster, i).refused, 3);
		assert_int_equal(replica_has_ahead(cluster.member[i].replica), false);
	}
	restart_all(&cluster);
	run(&cluster, 1000);
	logs_are_equal(&cluster, 5);
	buffer_free(&body);
	buffer_free(&forged);
	buffer_free(&twisted);
	pile_free(&pile);
	cluster_end(&cluster);
}

static int found(void **state)
{
	(void)state;
	consortium_found(&four, 4);
	return 0;
}

static int dissolve(void **state)
{
	(void)state;
	consortium_free(&four);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_verified_at_a_commit),
		cmocka_unit_test(what_is_forged_stays_forged),
	};
	return cmocka_run_group_tests(tests, found, dissolve);
}
