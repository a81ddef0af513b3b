/* A member that lies is caught by whoever sees it, and convicted by all. */
#include "cluster_checks.h"
#include "founded.h"
#include "lie.h"

/* The member's newest block once more, with another time and so another digest. */
static void twin_make(const struct cluster *cluster, uint16_t liar, struct buffer *out)
{
	const struct member *member = &cluster->member[liar];
	const struct block_signer signer = {.context = four.node[liar], .sign = lie_sign};
	struct block block, newest = {0};
	struct log_frame frame;
	size_t size;
	for (size_t at = 0; at < member->log.size; at += size) {
		assert_int_equal(log_frame_read(span_after(buffer_span(&member->log), at), at, &frame, &size), OK);
		if (frame.kind == REPLICA_FRAME_BLOCK && block_parse(frame.bytes, &block, NULL) == OK && block.author == liar && block.round > newest.round)
			newest = block;
	}
	assert_true(newest.round > 0);
	newest.timestamp_ms++;
	assert_int_equal(block_seal(&newest, &signer, out), OK);
}

static void an_equivocator_is_convicted(void **state)
{
	(void)state;
	struct cluster cluster;
	struct issuer maker = organisation(&four, 0), supplier = organisation(&four, 1);
	struct pile pile = pile_of_events(&four, &maker, 2);
	struct buffer twin = {0}, message = {0}, statement = {0};
	cluster_begin(&cluster, &four, 81);
	cluster_make_liar(&cluster, 3);
	cluster_up(&cluster);
	cluster_submit(&cluster, 0, buffer_span(&pile.bytes[0]));
	cluster_run(&cluster, 1000);
	/* Member 1 alone is told another story. */
	twin_make(&cluster, 3, &twin);
	replica_message_of_block(buffer_span(&twin), &message);
	cluster_post(&cluster, 3, 1, buffer_span(&message));
	cluster_run(&cluster, 1000);
	assert_int_equal(cluster.member[1].evidence, 1);
	assert_int_equal(cluster.member[0].evidence + cluster.member[2].evidence, 0);
	/* What it saw is all that the others need. */
	struct digest id = issue(&four, &supplier, STATEMENT_EVIDENCE, text("org:repair"), buffer_span(&cluster.member[1].convicts), NULL, 0, &statement);
	cluster_submit(&cluster, 1, buffer_span(&statement));
	cluster_run(&cluster, 2000);
	assert_int_equal(cluster_outcome_of(&cluster, 1, &id), OK);
	/* Once is enough. */
	buffer_clear(&statement);
	maker = (struct issuer){.name = maker.name, .key = maker.key, .seq = 2, .last = pile.ids[0]}; /* its first event is final */
	struct digest again = issue(&four, &maker, STATEMENT_EVIDENCE, text("org:repair"), buffer_span(&cluster.member[1].convicts), NULL, 0, &statement);
	cluster_submit(&cluster, 2, buffer_span(&statement));
	cluster_run(&cluster, 1000);
	assert_int_equal(cluster_outcome_of(&cluster, 2, &again), E_FORBIDDEN);
	for (int life = 0; life < 2; life++) {
		logs_are_equal(&cluster, 6);
		for (uint16_t i = 0; i < 3; i++) {
			const struct entity *liar = ledger_entity(replica_ledger(cluster.member[i].replica), text("org:repair"));
			assert_true(digest_equal(&liar->lied, &id) && liar->lies == 1);
		}
		restart_all(&cluster);
		cluster_run(&cluster, 1000);
	}
	/* It is marked, and goes on being heard: that is for people to end. */
	cluster_submit(&cluster, 0, buffer_span(&pile.bytes[1]));
	cluster_run(&cluster, 2000);
	assert_int_equal(cluster_outcome_of(&cluster, 0, &pile.ids[1]), OK);
	buffer_free(&twin);
	buffer_free(&message);
	buffer_free(&statement);
	pile_free(&pile);
	cluster_end(&cluster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_equivocator_is_convicted),
	};
	return cmocka_run_group_tests(tests, founded_begin, founded_end);
}
