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
