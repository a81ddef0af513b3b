/* Recovery from a log that has holes (LOG_FRAME_HOLE). What was in a hole is unknown: perhaps the ids of statements whose
 * signatures did not verify, or the end of a frame of which the rest looks like a frame by somebody's design. So behind
 * the first hole the log is no more than a store of bytes, each of which must prove itself. docs/decisions/0007-damaged-log.md */
#include "replica/state.h"

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

/* Signed by us? Which place we have in that epoch is not known yet. */
static bool is_own(struct replica *replica, const struct block *block)
{
	for (size_t i = 0; i < replica->key_count; i++) {
		const struct verifying_key *key = epoch_key(replica, signing_key_public(replica->keys[i].node));
		if (key && replica->signatures->block_verify(key, &block->digest, block->signature) == OK)
			return true;
	}
	return false;
}

void damaged_block_ahead(struct replica *replica, const struct block *block, struct span bytes, uint64_t position)
{
	struct block kept;
	bool is_newer = replica->own_ahead.size == 0 || block_parse(buffer_span(&replica->own_ahead), &kept, NULL) != OK || kept.epoch < block->epoch
		|| (kept.epoch == block->epoch && kept.round < block->round);
	if (!is_newer || !is_own(replica, block) || block_body_check(block, NULL) != OK)
		return;
	buffer_clear(&replica->own_ahead);
	buffer_append_span(&replica->own_ahead, bytes);
	replica->own_ahead_position = position;
}

/* It may have reached nobody, so the others' answers alone would not keep us from filling its slot again. */
void damaged_own_ahead(struct replica *replica)
{
	struct block block;
	if (replica->own_ahead.size == 0)
		return;
	CHECK(block_parse(buffer_span(&replica->own_ahead), &block, NULL) == OK); /* it was, when it was kept */
	if (block.epoch > epoch_number(replica))
		return;
	struct buffer own = replica->own_ahead;
	replica->own_ahead = (struct buffer){0};
	struct span bytes = step_keep(replica, &own);
	if (block.epoch < epoch_number(replica) || block.author != epoch_now(replica)->own)
		return;
	bodies_add(&replica->bodies, &block);
	replica->position = replica->own_ahead_position;
	(void)replica_give(replica, CONSENSUS_RECOVERED, 0, bytes);
}
