#include "consensus/validity.h"

struct validity validity_of(uint16_t members, enum faults faults, const uint8_t network[BLOCK_NETWORK_SIZE], uint64_t epoch,
	const struct digest *genesis, uint32_t gc_depth)
{
	CHECK(members >= 1 && members <= BLOCK_MEMBERS_MAX);
	struct validity validity = {.members = members, .faults = faults, .epoch = epoch, .gc_depth = gc_depth};
	memcpy(validity.network, network, BLOCK_NETWORK_SIZE);
	for (uint16_t author = 0; author < members; author++)
		validity.genesis[author] = block_genesis_digest(network, epoch, author, genesis);
	return validity;
}

static enum status ancestor_check(const struct validity *validity, const struct block *block, int i, struct fault *fault)
{
	const struct block_ref *ancestor = &block->ancestors[i];
	if (ancestor->author >= validity->members)
		return fault_set(fault, E_MALFORMED, "ancestor of unknown member %u", ancestor->author);
	if (i == 0 && ancestor->author != block->author)
		return fault_set(fault, E_MALFORMED, "first ancestor is not the author's own block");
	/* Ascending authors after the own one: one encoding, and no author twice. */
	if (i > 0 && ancestor->author == block->author)
		return fault_set(fault, E_MALFORMED, "two ancestors of the author itself");
	if (i > 1 && ancestor->author <= block->ancestors[i - 1].author)
		return fault_set(fault, E_MALFORMED, "ancestors are not in the order of their authors");
	if (ancestor->round >= block->round)
		return fault_set(fault, E_MALFORMED, "ancestor of round %u in a block of round %u", ancestor->round, block->round);
	if (ancestor->round == 0 && !digest_equal(&ancestor->digest, &validity->genesis[ancestor->author]))
		return fault_set(fault, E_MALFORMED, "ancestor of round 0 is not the genesis block of member %u", ancestor->author);
	/* The own ancestor is exempt, so that a member that was away can propose again. */
	if (i > 0 && validity->gc_depth > 0 && ancestor->round + validity->gc_depth < block->round)
		return fault_set(fault, E_MALFORMED, "ancestor of round %u is too old for round %u", ancestor->round, block->round);
	return OK;
}

enum status validity_check(const struct validity *validity, const struct block *block, struct fault *fault)
{
	if (memcmp(block->network, validity->network, BLOCK_NETWORK_SIZE) != 0 || block->epoch != validity->epoch)
		return fault_set(fault, E_NETWORK, "block belongs to another network or epoch");
	if (block->author >= validity->members)
		return fault_set(fault, E_MALFORMED, "block of unknown member %u", block->author);
	if (block->round == 0 || block->round > BLOCK_ROUND_MAX)
		return fault_set(fault, E_MALFORMED, "block of impossible round %u", block->round);
	if (block->timestamp_ms > BLOCK_TIMESTAMP_MAX)
		return fault_set(fault, E_MALFORMED, "block of impossible time");
	if (block->ancestor_count == 0 || block->ancestor_count > validity->members)
		return fault_set(fault, E_MALFORMED, "block names %u ancestors among %u members", block->ancestor_count, validity->members);
	int previous = 0;
	for (int i = 0; i < block->ancestor_count; i++) {
		TRY(ancestor_check(validity, block, i, fault));
		previous += block->ancestors[i].round == block->round - 1;
	}
	if (previous < validity_quorum(validity))
		return fault_set(fault, E_MALFORMED, "block names only %d blocks of the round before", previous);
	for (int i = 1; i < block->vote_count; i++)
		if (block->votes[i].index <= block->votes[i - 1].index)
			return fault_set(fault, E_MALFORMED, "commit votes are not in order");
	return OK;
}
