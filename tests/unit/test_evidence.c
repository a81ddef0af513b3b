/* Evidence: what convicts a member, and that nothing else does. */
#include "lie.h"
#include "ledger/evidence.h"
#include "ledger_world.h"
#include "founded.h"

static void refused(struct world *world, struct statement statement, enum status status)
{
	struct digest before = merkle_tree_root(ledger_tree(world->ledger), ledger_size(world->ledger));
	assert_int_equal(put(world, &statement), status);
	assert_true(world->fault.text[0]);
	struct digest after = merkle_tree_root(ledger_tree(world->ledger), ledger_size(world->ledger));
	assert_true(digest_equal(&before, &after));
}

struct proof {
	struct buffer first, second, body;
};

static struct proof equivocation(uint16_t member, uint64_t one_ms, uint64_t other_ms)
{
	struct proof proof = {0};
	lie_header(&four.genesis, member, four.node[member], one_ms, &proof.first);
	lie_header(&four.genesis, member, four.node[member], other_ms, &proof.second);
	return proof;
}

static void proof_free(struct proof *proof)
{
	buffer_free(&proof->first);
	buffer_free(&proof->second);
	buffer_free(&proof->body);
}

static struct span body_of(struct proof *proof, const char *accused, enum lie lie)
{
	buffer_clear(&proof->body);
	lie_body(accused, lie, buffer_span(&proof->first), buffer_span(&proof->second), &proof->body);
	return buffer_span(&proof->body);
}

/* What the proof alone says; with the parts as they are. */
static enum status judged(const struct proof *proof, const char *accused, enum lie lie)
{
	struct body_evidence body = {.accused = text(accused), .lie = lie, .first = buffer_span(&proof->first), .second = buffer_span(&proof->second)};
	struct evidence_proves proves;
	struct fault fault = {{0}};
	struct epochs epochs;
	epochs_begin(&epochs, &four.genesis);
	enum status status = evidence_proof(&epochs, &body, &proves, &fault);
	epochs_free(&epochs);
	assert_true((status == OK) == (fault.text[0] == 0));
	return status;
}

static void two_blocks_of_a_slot_convict(void **state)
{
	(void)state;
	struct world world = {.consortium = &four, .ledger = ledger_new(&four.genesis)};
	struct proof proof = equivocation(3, 1000, 1001), third = equivocation(3, 1001, 1002);
	const struct entity *liar = ledger_entity(world.ledger, text("org:repair"));
	assert_true(digest_is_zero(&liar->lied) && liar->lies == 0);
	struct digest id = must(&world, draft(&world, "org:supplier", STATEMENT_EVIDENCE, "org:repair", body_of(&proof, "org:repair", LIE_EQUIVOCATION)));
	assert_true(digest_equal(&liar->lied, &id) && liar->lies == 1);
	uint64_t size = ledger_size(world.ledger);
	/* The same slot once only, whoever says it, in whichever order, with whichever twins. */
	refused(&world, draft(&world, "org:maker", STATEMENT_EVIDENCE, "org:repair", body_of(&proof, "org:repair", LIE_EQUIVOCATION)), E_FORBIDDEN);
	assert_non_null(strstr(world.fault.text, "proven already"));
	struct buffer swapped = proof.first;
	proof.first = proof.second;
	proof.second = swapped;
	refused(&world, draft(&world, "org:supplier", STATEMENT_EVIDENCE, "org:repair", body_of(&proof, "org:repair", LIE_EQUIVOCATION)), E_FORBIDDEN);
	refused(&world, draft(&world, "org:supplier", STATEMENT_EVIDENCE, "org:repair", body_of(&third, "org:repair", LIE_EQUIVOCATION)), E_FORBIDDEN);
	assert_true(ledger_size(world.ledger) == size && liar->lies == 1);
	/* Another member is another matter. */
	struct proof other = equivocation(1, 1000, 1001);
	must(&world, draft(&world, "org:supplier", STATEMENT_EVIDENCE, "org:supplier", body_of(&other, "org:supplier", LIE_EQUIVOCATION)));
	assert_int_equal(ledger_entity(world.ledger, text("org:supplier"))->lies, 1);
	assert_int_equal(ledger_entity(world.ledger, text("org:maker"))->lies, 0);
	proof_free(&proof);
	proof_free(&third);
	proof_free(&other);
	buffer_free(&world.body);
	ledger_free(world.ledger);
}

static void what_proves_nothing_is_refused(void **state)
{
	(void)state;
	struct world world = {.consortium = &four, .ledger = ledger_new(&four.genesis)};
	struct proof proof = equivocation(3, 1000, 1001), same = equivocation(3, 1000, 1000), innocent = equivocation(2, 1000, 1001);
	/* Signed by somebody else than the accused; about somebody else than it accuses. */
	refused(&world, draft(&world, "org:maker", STATEMENT_EVIDENCE, "org:supplier", body_of(&proof, "org:supplier", LIE_EQUIVOCATION)), E_FORBIDDEN);
	refused(&world, draft(&world, "org:maker", STATEMENT_EVIDENCE, "org:supplier", body_of(&proof, "org:repair", LIE_EQUIVOCATION)), E_MALFORMED);
	refused(&world, draft(&world, "org:maker", STATEMENT_EVIDENCE, "org:nobody", body_of(&proof, "org:nobody", LIE_EQUIVOCATION)), E_UNKNOWN);
	/* One block twice; blocks of two members; a proof of another kind; one half. */
	assert_int_equal(judged(&same, "org:repair", LIE_EQUIVOCATION), E_MALFORMED);
	struct proof mixed = {.first = proof.first, .second = innocent.second};
	assert_int_equal(judged(&mixed, "org:repair", LIE_EQUIVOCATION), E_MALFORMED);
	assert_int_equal(judged(&proof, "org:repair", LIE_FORK), E_MALFORMED);
	struct proof half = {.first = proof.first};
	assert_int_equal(judged(&half, "org:repair", LIE_EQUIVOCATION), E_MALFORMED);
	/* Another consortium's blocks. */
	struct genesis elsewhere = four.genesis;
	elsewhere.network[3] ^= 1;
	struct proof foreign = {0};
	lie_header(&elsewhere, 3, four.node[3], 1000, &foreign.first);
	lie_header(&elsewhere, 3, four.node[3], 1001, &foreign.second);
	assert_int_equal(judged(&foreign, "org:repair", LIE_EQUIVOCATION), E_NETWORK);
	/* Signed with another key than the node's. */
	struct proof forged = {0};
	lie_header(&four.genesis, 3, four.node[2], 1000, &forged.first);
	lie_header(&four.genesis, 3, four.node[2], 1001, &forged.second);
	assert_int_equal(judged(&forged, "org:repair", LIE_EQUIVOCATION), E_SIGNATURE);
	refused(&world, draft(&world, "org:maker", STATEMENT_EVIDENCE, "org:repair", body_of(&forged, "org:repair", LIE_EQUIVOCATION)), E_SIGNATURE);
	assert_int_equal(ledger_entity(world.ledger, text("org:repair"))->lies, 0);
	/* Whoever is no organisation accuses nobody. */
	must(&world, draft(&world, "org:maker", STATEMENT_DEVICE, GATEWAY, gateway_body(&world.body, signing_key_public(four.record[1]), 77)));
	refused(&world, draft(&world, GATEWAY, STATEMENT_EVIDENCE, "org:repair", body_of(&proof, "org:repair", LIE_EQUIVOCATION)), E_FORBIDDEN);
	must(&world, draft(&world, "org:maker", STATEMENT_EVIDENCE, "org:repair", body_of(&proof, "org:repair", LIE_EQUIVOCATION)));
	proof_free(&proof);
	proof_free(&same);
	proof_free(&innocent);
	proof_free(&foreign);
	proof_free(&forged);
	buffer_free(&world.body);
	ledger_free(world.ledger);
}

static void every_byte_of_a_proof_counts(void **state)
{
	(void)state;
	struct proof proof = equivocation(3, 1000, 1001);
	assert_int_equal(judged(&proof, "org:repair", LIE_EQUIVOCATION), OK);
	for (int part = 0; part < 2; part++) {
		struct buffer *bytes = part ? &proof.second : &proof.first;
		/* Every byte of the header; of the signature some. */
		for (size_t i = 0; i < bytes->size; i += i < bytes->size - 2420 ? 1 : 97) {
			bytes->data[i] ^= 4;
			assert_int_not_equal(judged(&proof, "org:repair", LIE_EQUIVOCATION), OK);
			bytes->data[i] ^= 4;
		}
		size_t size = bytes->size;
		for (bytes->size = 0; bytes->size < size; bytes->size += 113)
			assert_int_not_equal(judged(&proof, "org:repair", LIE_EQUIVOCATION), OK);
		bytes->size = size;
		buffer_append_byte(bytes, 0);
		assert_int_not_equal(judged(&proof, "org:repair", LIE_EQUIVOCATION), OK);
		bytes->size = size;
	}
	assert_int_equal(judged(&proof, "org:repair", LIE_EQUIVOCATION), OK);
	proof_free(&proof);
}

static void another_root_than_the_logs_convicts(void **state)
{
	(void)state;
	struct world world = {.consortium = &four, .ledger = ledger_new(&four.genesis)};
	struct digest right = merkle_tree_root(ledger_tree(world.ledger), 3), wrong = {{1}};
	struct proof honest = {0}, fork = {0}, later = {0};
	lie_root(&four.genesis, 2, four.checkpoint[2], 3, &right, &honest.first);
	lie_root(&four.genesis, 2, four.checkpoint[2], 3, &wrong, &fork.first);
	lie_root(&four.genesis, 2, four.checkpoint[2], 5, &wrong, &later.first);
	refused(&world, draft(&world, "org:maker", STATEMENT_EVIDENCE, "org:regulator", body_of(&honest, "org:regulator", LIE_FORK)), E_FORBIDDEN);
	refused(&world, draft(&world, "org:maker", STATEMENT_EVIDENCE, "org:regulator", body_of(&later, "org:regulator", LIE_FORK)), E_SEQUENCE);
	for (size_t i = 0; i < fork.first.size; i += i < 50 ? 1 : 97) {
		fork.first.data[i] ^= 4;
		assert_int_not_equal(judged(&fork, "org:regulator", LIE_FORK), OK);
		fork.first.data[i] ^= 4;
	}
	struct digest id = must(&world, draft(&world, "org:maker", STATEMENT_EVIDENCE, "org:regulator", body_of(&fork, "org:regulator", LIE_FORK)));
	assert_true(digest_equal(&ledger_entity(world.ledger, text("org:regulator"))->lied, &id));
	refused(&world, draft(&world, "org:maker", STATEMENT_EVIDENCE, "org:regulator", body_of(&fork, "org:regulator", LIE_FORK)), E_FORBIDDEN);
	/* Now the log is long enough for the other one. */
	must(&world, draft(&world, "org:supplier", STATEMENT_EVIDENCE, "org:regulator", body_of(&later, "org:regulator", LIE_FORK)));
	assert_int_equal(ledger_entity(world.ledger, text("org:regulator"))->lies, 2);
	assert_true(digest_equal(&ledger_entity(world.ledger, text("org:regulator"))->lied, &id));
	proof_free(&honest);
	proof_free(&fork);
	proof_free(&later);
	ledger_free(world.ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_blocks_of_a_slot_convict),
		cmocka_unit_test(what_proves_nothing_is_refused),
		cmocka_unit_test(every_byte_of_a_proof_counts),
		cmocka_unit_test(another_root_than_the_logs_convicts),
	};
	return cmocka_run_group_tests(tests, founded_begin, founded_end);
}
