/* Members that bear a crash and no lie (FAULTS_CRASH): two quorums share one member only, so that one must not forget which blocks it
 * made. Whether the log of blocks has them all cannot be told from the blocks in it, which may have come back from others after
 * the disk was lost. So the log says it: a frame SETTLED stands in it, in each epoch, since the own tip was known, and before
 * anything that follows from that is said. A log without one is one that was lost. docs/decisions/0010-crash-mode.md. */
#include "replica/state.h"

void settled_note(struct replica *replica)
{
	struct replica_epoch *epoch = epoch_now(replica);
	if (epoch->faults != FAULTS_CRASH || epoch->own == REPLICA_NOBODY || epoch->settled)
		return;
	if (!replica->settled && !consensus_tip_known(replica->consensus))
		return;
	struct buffer bytes = {0};
	write_u64(&bytes, epoch_number(replica));
	replica->settled = epoch->settled = true;
	step_append(replica, REPLICA_FRAME_SETTLED, step_keep(replica, &bytes));
}

enum status settled_recovered(struct replica *replica, struct span bytes, uint64_t position)
{
	struct reader in = reader_of(bytes);
	uint64_t number = read_u64(&in);
	if (reader_end(&in) != OK || number > epoch_number(replica))
		return E_CORRUPT;
	epoch_place(replica->epochs[number], position);
	/* Behind a hole it proves nothing. That of the epoch before will do: had an own block been made since, another one stood here. */
	if (replica->damaged || number + 1 < epoch_number(replica) || epoch_now(replica)->faults != FAULTS_CRASH)
		return OK;
	replica->settled = true;
	epoch_now(replica)->settled = number == epoch_number(replica);
	consensus_own_blocks_kept(replica->consensus);
	return OK;
}
