/* What the tests of a cluster look at. */
#ifndef TEST_CLUSTER_CHECKS_H
#define TEST_CLUSTER_CHECKS_H

#include "cluster.h"
#include "replica/state.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static inline struct replica_numbers numbers_of(const struct cluster *cluster, uint16_t index)
{
	struct replica_numbers numbers;
	replica_numbers(cluster->member[index].replica, &numbers);
	return numbers;
}

/* All that are up have the same log, at least `size` long. */
static inline void logs_are_equal(const struct cluster *cluster, uint64_t size)
{
	const struct replica_numbers *first = NULL;
	struct replica_numbers numbers[CLUSTER_MAX];
	for (uint16_t i = 0; i < cluster->members; i++) {
		if (!cluster->member[i].replica)
			continue;
		numbers[i] = numbers_of(cluster, i);
		if (first)
			assert_true(digest_equal(&first->log_root, &numbers[i].log_root));
		else
			first = &numbers[i];
		assert_true(numbers[i].log_size == first->log_size);
		assert_int_equal(numbers[i].forks, 0);
		const struct checkpoints *checkpoints = &cluster->member[i].replica->checkpoints;
		for (size_t k = 1; k < checkpoints->count; k++)
			assert_true(checkpoints->kept[k - 1].size < checkpoints->kept[k].size);
	}
	assert_non_null(first);
	assert_true(first->log_size >= size);
}

/* Every line of the note verifies under the member's checkpoint key, the root is the log's, and there are enough. */
static inline void note_verifies(const struct cluster *cluster, uint16_t index, struct span note, uint64_t size)
{
	struct checkpoint *checkpoint = memory_new_array(1, sizeof *checkpoint);
	struct buffer again = {0};
	struct fault fault;
	const struct genesis *genesis = &cluster->consortium->genesis;
	const struct ledger *ledger = replica_ledger(cluster->member[index].replica);
	assert_int_equal(checkpoint_decode(note, checkpoint, &fault), OK);
	assert_true(checkpoint->size == size);
	struct digest root = merkle_tree_root(ledger_tree(ledger), size);
	assert_true(digest_equal(&checkpoint->root, &root));
	assert_true(checkpoint->line_count >= (genesis->member_count - 1) / 3 + 1);
	for (size_t i = 0; i < checkpoint->line_count; i++) {
		const struct checkpoint_line *line = &checkpoint->lines[i];
		size_t member = 0;
		while (member < genesis->member_count && !span_equal(genesis->members[member].header.iss, line->name))
			member++;
		assert_true(member < genesis->member_count);
		uint8_t key_id[4];
		checkpoint_key_id(line->name, &genesis->members[member].org.checkpoint_key, key_id);
		assert_memory_equal(key_id, line->key_id, sizeof key_id);
		struct verifying_key *key = verifying_key_new(&genesis->members[member].org.checkpoint_key);
		assert_int_equal(cosignature_verify(key, line->name, checkpoint->origin, checkpoint->size, &checkpoint->root, &line->cosignature), OK);
		verifying_key_free(key);
	}
	checkpoint_encode(checkpoint, &again);
	assert_true(span_equal(buffer_span(&again), note));
	buffer_free(&again);
	free(checkpoint);
}

/* An issuer's statements, each in a buffer of its own. */
struct pile {
	struct buffer *bytes;
	struct digest *ids;
	size_t count;
};

static inline struct pile pile_of_events(const struct consortium *consortium, struct issuer *issuer, size_t count)
{
	struct pile pile = {memory_new_array(count, sizeof(struct buffer)), memory_new_array(count, sizeof(struct digest)), count};
	struct buffer body = {0};
	for (size_t i = 0; i < count; i++) {
		event_body(&body, (unsigned)i);
		pile.ids[i] = issue(consortium, issuer, STATEMENT_EVENT, text("order:1"), buffer_span(&body), NULL, 0, &pile.bytes[i]);
	}
	buffer_free(&body);
	return pile;
}

static inline void pile_free(struct pile *pile)
{
	for (size_t i = 0; i < pile->count; i++)
		buffer_free(&pile->bytes[i]);
	free(pile->bytes);
	free(pile->ids);
}

static inline void cluster_up(struct cluster *cluster)
{
	for (uint16_t i = 0; i < cluster->members; i++)
		if (!cluster->member[i].liar)
			cluster_member_up(cluster, i);
}

static inline void restart_all(struct cluster *cluster)
{
	for (uint16_t i = 0; i < cluster->members; i++)
		if (cluster->member[i].replica) {
			struct replica_numbers before = numbers_of(cluster, i);
			cluster_member_down(cluster, i);
			cluster_member_up(cluster, i);
			struct replica_numbers after = numbers_of(cluster, i);
			assert_true(after.log_size == before.log_size && digest_equal(&after.log_root, &before.log_root));
			assert_true(after.transactions == before.transactions && after.refused == before.refused);
			assert_true(after.commits == before.commits);
			assert_true(after.checkpoint_size == before.checkpoint_size && after.checkpoint_lines >= before.checkpoint_lines);
			assert_true(after.forks == before.forks);
		}
}

#endif
