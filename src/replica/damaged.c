/* Recovery from a log that has holes (LOG_FRAME_HOLE). What was in a hole is unknown: perhaps the ids of statements whose
 * signatures did not verify, or the end of a frame of which the rest looks like a frame by somebody's design. So behind
 * the first hole the log is no more than a store of bytes, each of which must prove itself. docs/decisions/0007-damaged-log.md */
#include "replica/state.h"

#include <stdlib.h>

void damaged_hole(struct replica *replica)
{
	replica->damaged = true;
	replica->settled = epoch_now(replica)->settled = false;
	map_free(&replica->forged);
	consensus_own_blocks_lost(replica->consensus);
}

bool damaged_block_holds(struct replica *replica, const struct block *block)
{
	struct block_signer signer = signer_of(replica);
	return signer.verify(signer.context, block->author, &block->digest, block->signature) == OK && block_body_check(block, NULL) == OK;
}

/* With any of our keys: who we are in that epoch is not known yet. */
static bool is_ours(struct replica *replica, const struct block *block)
{
	for (size_t i = 0; i < replica->key_count; i++) {
		const struct verifying_key *key = epoch_key(replica, signing_key_public(replica->keys[i].node));
		if (key && replica->signatures->block_verify(key, &block->digest, block->signature) == OK)
			return true;
	}
	return false;
}

void damaged_later_keep(struct replica *replica, const struct block *block, struct span bytes, uint64_t position)
{
	if (!is_ours(replica, block) || block_body_check(block, NULL) != OK)
		return;
	ARRAY_GROW(replica->later, replica->later_count, replica->later_capacity);
	struct later_block *later = &replica->later[replica->later_count++];
	*later = (struct later_block){.epoch = block->epoch, .position = position};
	buffer_append_span(&later->bytes, bytes);
}

void damaged_later_give(struct replica *replica)
{
	uint64_t number = epoch_number(replica);
	for (size_t i = 0; i < replica->later_count && epoch_number(replica) == number; i++) {
		struct span bytes = buffer_span(&replica->later[i].bytes);
		struct block block;
		CHECK(block_parse(bytes, &block, NULL) == OK); /* it was, when it was kept */
		if (block.epoch != number || block.author != epoch_now(replica)->own || !damaged_block_holds(replica, &block))
			continue;
		bodies_add(&replica->bodies, &block);
		replica->position = replica->later[i].position;
		(void)replica_give(replica, CONSENSUS_RECOVERED, 0, bytes);
	}
}

bool damaged_later_of(const struct replica *replica, uint64_t epoch)
{
	for (size_t i = 0; i < replica->later_count; i++)
		if (replica->later[i].epoch >= epoch)
			return true;
	return false;
}

void damaged_free(struct replica *replica)
{
	for (size_t i = 0; i < replica->later_count; i++)
		buffer_free(&replica->later[i].bytes);
	free(replica->later);
}
