#include "replica/state.h"

#include <stdlib.h>

/* -- what is kept --------------------------------------------------------------------------------------- */

static void kept_free(struct replica *replica, struct kept_checkpoint *kept)
{
	uint16_t members = epoch_of_size(replica, kept->size)->members;
	for (uint16_t i = 0; i < members; i++)
		free(kept->lines[i]);
	free(kept->lines);
}

void checkpoints_init(struct replica *replica)
{
	struct checkpoints *checkpoints = &replica->checkpoints;
	size_t by_lines = CHECKPOINT_LINES_MAX / replica->genesis->member_count;
	checkpoints->count_max = by_lines > CHECKPOINTS_LEAST ? by_lines : CHECKPOINTS_LEAST;
	checkpoints->kept = memory_new_array(checkpoints->count_max, sizeof *checkpoints->kept);
	checkpoints->held = memory_new_array((size_t)LEDGER_SEATS_MAX * HELD_PER_MEMBER, sizeof *checkpoints->held);
	checkpoints->interval = UINT64_MAX;
	checkpoints->asked_interval = UINT64_MAX;
	checkpoints->size = ledger_size(replica->ledger);
	checkpoints->grown_size = checkpoints->size;
	checkpoint_origin(replica->genesis->network, checkpoints->origin);
	state_checkpoints_init(replica);
}

void checkpoints_free(struct replica *replica)
{
	struct checkpoints *checkpoints = &replica->checkpoints;
	for (size_t i = 0; i < checkpoints->count; i++)
		kept_free(replica, &checkpoints->kept[i]);
	free(checkpoints->kept);
	free(checkpoints->held);
	state_checkpoints_free(replica);
}

/* Drop every second one of those that are not among the newest; the very first stays. */
static void thin_out(struct replica *replica)
{
	struct checkpoints *checkpoints = &replica->checkpoints;
	size_t old = checkpoints->count - CHECKPOINTS_NEWEST, left = 0;
	for (size_t i = 0; i < checkpoints->count; i++) {
		if (i < old && i % 2 == 1)
			kept_free(replica, &checkpoints->kept[i]);
		else
			checkpoints->kept[left++] = checkpoints->kept[i];
	}
	checkpoints->count = left;
}

static void kept_add(struct replica *replica, uint64_t size, uint64_t timestamp_s)
{
	struct checkpoints *checkpoints = &replica->checkpoints;
	if (checkpoints->count == checkpoints->count_max)
		thin_out(replica);
	struct kept_checkpoint *kept = &checkpoints->kept[checkpoints->count++];
	*kept = (struct kept_checkpoint){.size = size, .timestamp_s = timestamp_s};
	kept->lines = memory_new_array(epoch_of_size(replica, size)->members, sizeof(struct cosignature *));
	state_checkpoints_made(replica, size, timestamp_s);
}

/* Size of the newest one, or of the log before there was any. */
static uint64_t kept_size(const struct replica *replica)
{
	const struct checkpoints *checkpoints = &replica->checkpoints;
	return checkpoints->count ? checkpoints->kept[checkpoints->count - 1].size : replica->genesis->member_count;
}

/* Position of the first one of at least this size; count when there is none. */
static size_t kept_from(const struct checkpoints *checkpoints, uint64_t size)
{
	size_t low = 0, high = checkpoints->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (checkpoints->kept[middle].size < size)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct kept_checkpoint *kept_of_size(const struct checkpoints *checkpoints, uint64_t size)
{
	size_t at = kept_from(checkpoints, size);
	return at < checkpoints->count && checkpoints->kept[at].size == size ? &checkpoints->kept[at] : NULL;
}

static bool is_believed(const struct replica *replica, const struct kept_checkpoint *kept)
{
	return kept->line_count >= epoch_belief(epoch_of_size(replica, kept->size));
}

const struct kept_checkpoint *checkpoints_newest(const struct replica *replica)
{
	const struct checkpoints *checkpoints = &replica->checkpoints;
	for (size_t i = checkpoints->count; i-- > 0;)
		if (is_believed(replica, &checkpoints->kept[i]))
			return &checkpoints->kept[i];
	return NULL;
}

static struct digest root_at(const struct replica *replica, uint64_t size)
{
	return merkle_tree_root(ledger_tree(replica->ledger), size);
}

/* Our place among the members that sign a checkpoint of this size; REPLICA_NOBODY: we do not. */
static uint16_t own_at(const struct replica *replica, uint64_t size)
{
	return epoch_of_size(replica, size)->own;
}

/* -- lines ------------------------------------------------------------------------------------------------ */

static void line_add(struct replica *replica, struct kept_checkpoint *kept, uint16_t member, const struct cosignature *cosignature)
{
	kept->lines[member] = memory_new(sizeof *cosignature);
	*kept->lines[member] = *cosignature;
	kept->line_count++;
	if (is_believed(replica, kept))
		step_action(replica, REPLICA_CHECKPOINT)->size = kept->size;
}

/* "send me yours", then the line: a message. Without its first byte it is a log frame. */
static struct span line_message(struct replica *replica, const struct kept_checkpoint *kept, uint16_t member, bool wanted)
{
	struct cosigned cosigned = {.member = member, .size = kept->size, .root = root_at(replica, kept->size),
		.cosignature = *kept->lines[member]};
	struct buffer bytes = {0};
	write_u8(&bytes, wanted);
	cosigned_encode(&cosigned, &bytes);
	return step_keep(replica, &bytes);
}

static struct span line_frame(struct replica *replica, const struct kept_checkpoint *kept, uint16_t member)
{
	struct span message = line_message(replica, kept, member, false);
	return span_of(message.data + 1, message.size - 1);
}

static void line_send(struct replica *replica, const struct kept_checkpoint *kept, uint16_t peer, bool wanted)
{
	uint16_t own = own_at(replica, kept->size);
	if (own != REPLICA_NOBODY && kept->lines[own])
		step_send(replica, peer, MESSAGE_COSIGNATURE, line_message(replica, kept, own, wanted));
}

/* The time is the signer's own, not the commit's: a commit's is a lower bound, and may be as old as the last heartbeat, while
 * whoever reads "final no later than" relies on an upper one. */
static void cosign(struct replica *replica, struct kept_checkpoint *kept, int64_t now_ms)
{
	struct digest root = root_at(replica, kept->size);
	uint64_t now_s = now_ms > 0 ? ((uint64_t)now_ms + 999) / 1000 : 0;
	uint64_t time_s = now_s > kept->timestamp_s ? now_s : kept->timestamp_s;
	const struct replica_epoch *epoch = epoch_of_size(replica, kept->size);
	struct cosignature made;
	/* Fails only when the crypto library does: then nothing that this node signs can be relied on. */
	CHECK(replica->signatures->cosign(epoch->keys->checkpoint, replica->name, span_of_text(replica->checkpoints.origin), kept->size, &root, time_s,
		replica->signer.randomness, &made) == OK);
	line_add(replica, kept, epoch->own, &made);
	step_append(replica, REPLICA_FRAME_COSIGNATURE, line_frame(replica, kept, epoch->own));
	step_send_all(replica, MESSAGE_COSIGNATURE, line_message(replica, kept, epoch->own, false));
}

bool cosigned_verifies(struct replica *replica, const struct replica_epoch *epoch, const char *origin, const struct cosigned *cosigned)
{
	uint64_t start = signer_clock(replica);
	enum status status = replica->signatures->cosignature_verify(epoch->checkpoint_keys[cosigned->member],
		epoch_members(replica, epoch)->members[cosigned->member].header.iss, span_of_text(origin), cosigned->size, &cosigned->root, &cosigned->cosignature);
	signer_count(replica, start);
	if (status != OK)
		replica->messages_refused++;
	return status == OK;
}

static struct span line_append(struct replica *replica, const struct cosigned *cosigned)
{
	struct buffer bytes = {0};
	cosigned_encode(cosigned, &bytes);
	struct span frame = step_keep(replica, &bytes);
	step_append(replica, REPLICA_FRAME_COSIGNATURE, frame);
	return frame;
}

/* A member signed another root for a size that we have reached: it, or we, do not keep the agreed log. */
static void fork_found(struct replica *replica, const struct cosigned *cosigned, bool trusted)
{
	struct checkpoints *checkpoints = &replica->checkpoints;
	const struct replica_epoch *epoch = epoch_of_size(replica, cosigned->size);
	uint16_t *logged = &checkpoints->forks_logged[epoch->seats[cosigned->member]];
	if (*logged >= FORKS_LOGGED_MAX || (!trusted && !cosigned_verifies(replica, epoch, checkpoints->origin, cosigned)))
		return;
	(*logged)++;
	replica->forks++;
	if (trusted)
		return;
	struct span theirs = line_append(replica, cosigned);
	const struct kept_checkpoint *kept = kept_of_size(checkpoints, cosigned->size);
	bool signed_by_us = kept && epoch->own != REPLICA_NOBODY && kept->lines[epoch->own];
	struct span ours = signed_by_us ? line_frame(replica, kept, epoch->own) : (struct span){0};
	struct replica_action *action = step_action(replica, REPLICA_EVIDENCE);
	action->peer = epoch->seats[cosigned->member];
	action->size = cosigned->size;
	action->evidence[0] = theirs;
	action->evidence[1] = ours;
}

/* A cosignature of a size that our checkpoints have reached. Only sizes of our own checkpoints are kept: the other
 * members make the same, and anything else would let one member fill the others' logs. */
static void line_accept(struct replica *replica, const struct cosigned *cosigned, bool trusted)
{
	const struct replica_epoch *epoch = epoch_of_size(replica, cosigned->size);
	if (cosigned->member >= epoch->members) {
		replica->messages_refused++;
		return;
	}
	struct digest root = root_at(replica, cosigned->size);
	if (!digest_equal(&root, &cosigned->root)) {
		fork_found(replica, cosigned, trusted);
		return;
	}
	struct kept_checkpoint *kept = kept_of_size(&replica->checkpoints, cosigned->size);
	if (!kept || kept->lines[cosigned->member] || (!trusted && !cosigned_verifies(replica, epoch, replica->checkpoints.origin, cosigned)))
		return;
	line_add(replica, kept, cosigned->member, &cosigned->cosignature);
	if (!trusted)
		line_append(replica, cosigned);
}

/* Each seat has room of its own. */
static void line_hold(struct replica *replica, uint16_t seat, const struct cosigned *cosigned, bool trusted)
{
	struct held_cosignature *held = &replica->checkpoints.held[(size_t)seat * HELD_PER_MEMBER];
	uint8_t *next = &replica->checkpoints.held_next[seat];
	for (size_t i = 0; i < HELD_PER_MEMBER; i++)
		if (held[i].used && held[i].cosigned.size == cosigned->size && held[i].cosigned.member == cosigned->member)
			return;
	held[*next] = (struct held_cosignature){.cosigned = *cosigned, .used = true, .trusted = trusted};
	*next = (uint8_t)((*next + 1) % HELD_PER_MEMBER);
}

static void held_accept(struct replica *replica)
{
	struct held_cosignature *held = replica->checkpoints.held;
	for (size_t i = 0; i < ledger_seat_count(replica->ledger) * HELD_PER_MEMBER; i++)
		if (held[i].used && held[i].cosigned.size <= kept_size(replica)) {
			held[i].used = false;
			line_accept(replica, &held[i].cosigned, held[i].trusted);
		}
}

/* -- events --------------------------------------------------------------------------------------------------- */

/* Messages get lost with connections. While the newest checkpoint lacks lines and the log stands still, ask for them. */
static void lines_ask(struct replica *replica)
{
	struct checkpoints *checkpoints = &replica->checkpoints;
	if (checkpoints->commit_interval == checkpoints->asked_interval || checkpoints->count == 0)
		return;
	checkpoints->asked_interval = checkpoints->commit_interval;
	const struct kept_checkpoint *newest = &checkpoints->kept[checkpoints->count - 1];
	const struct replica_epoch *epoch = epoch_of_size(replica, newest->size);
	for (uint16_t i = 0; i < epoch->members; i++)
		if (!newest->lines[i] && i != epoch->own)
			line_send(replica, newest, epoch->seats[i], true);
}

void checkpoints_reached(struct replica *replica, int64_t timestamp_ms)
{
	struct checkpoints *checkpoints = &replica->checkpoints;
	uint64_t time = timestamp_ms > 0 ? (uint64_t)timestamp_ms : 0;
	checkpoints->commit_interval = time / REPLICA_CHECKPOINT_MS;
	checkpoints->commit_s = time / 1000 ? time / 1000 : 1; /* a cosignature's time is never 0 */
}

void checkpoints_force(struct replica *replica)
{
	struct checkpoints *checkpoints = &replica->checkpoints;
	checkpoints->interval = checkpoints->commit_interval;
	checkpoints->asked_interval = checkpoints->commit_interval;
	checkpoints->size = ledger_size(replica->ledger);
	if (checkpoints->size > kept_size(replica)) /* else it was made while the log stood still */
		kept_add(replica, checkpoints->size, checkpoints->commit_s);
}

void checkpoints_commit(struct replica *replica, int64_t timestamp_ms)
{
	struct checkpoints *checkpoints = &replica->checkpoints;
	checkpoints_reached(replica, timestamp_ms);
	if (checkpoints->commit_interval != checkpoints->interval && ledger_size(replica->ledger) != checkpoints->size)
		checkpoints_force(replica);
}

int64_t checkpoints_due(const struct replica *replica)
{
	const struct checkpoints *checkpoints = &replica->checkpoints;
	return checkpoints->grown_size > kept_size(replica) ? checkpoints->grown_ms + REPLICA_CHECKPOINT_MS : INT64_MAX;
}

/* The log stands still, and its last entries have no checkpoint. */
static void standstill(struct replica *replica, int64_t now_ms)
{
	struct checkpoints *checkpoints = &replica->checkpoints;
	if (ledger_size(replica->ledger) != checkpoints->grown_size || now_ms < checkpoints->grown_ms) {
		checkpoints->grown_size = ledger_size(replica->ledger);
		checkpoints->grown_ms = now_ms;
	}
	if (now_ms >= checkpoints_due(replica))
		kept_add(replica, checkpoints->grown_size, checkpoints->commit_s);
}

/* Has it our line? */
static bool is_ours(const struct replica *replica, const struct kept_checkpoint *kept)
{
	uint16_t own = own_at(replica, kept->size);
	return own != REPLICA_NOBODY && kept->lines[own];
}

void checkpoints_settle(struct replica *replica, int64_t now_ms)
{
	struct checkpoints *checkpoints = &replica->checkpoints;
	if (replica->started)
		standstill(replica, now_ms);
	held_accept(replica);
	if (!replica->started) {
		state_checkpoints_settle(replica, now_ms);
		return;
	}
	size_t first = checkpoints->count;
	while (first > 0 && checkpoints->count - first < CHECKPOINTS_NEWEST && !is_ours(replica, &checkpoints->kept[first - 1]))
		first--;
	for (; first < checkpoints->count; first++)
		if (own_at(replica, checkpoints->kept[first].size) != REPLICA_NOBODY)
			cosign(replica, &checkpoints->kept[first], now_ms);
	state_checkpoints_settle(replica, now_ms);
	lines_ask(replica);
}

void checkpoints_peer(struct replica *replica, uint16_t peer)
{
	struct checkpoints *checkpoints = &replica->checkpoints;
	if (checkpoints->count == 0)
		return;
	const struct kept_checkpoint *newest = &checkpoints->kept[checkpoints->count - 1];
	uint16_t index = epoch_index(epoch_of_size(replica, newest->size), peer);
	line_send(replica, newest, peer, index != REPLICA_NOBODY && !newest->lines[index]);
	state_checkpoints_peer(replica, peer);
}

static bool cosigned_is_possible(const struct replica *replica, const struct cosigned *cosigned)
{
	return cosigned->member < BLOCK_MEMBERS_MAX && cosigned->size >= replica->genesis->member_count;
}

uint16_t cosigned_seat(const struct replica *replica, const struct cosigned *cosigned)
{
	const struct replica_epoch *epoch = epoch_of_size(replica, cosigned->size);
	return cosigned->member < epoch->members ? epoch->seats[cosigned->member] : REPLICA_NOBODY;
}

void checkpoints_message(struct replica *replica, uint16_t peer, struct span bytes)
{
	struct reader in = reader_of(bytes);
	uint8_t wanted = read_u8(&in);
	struct cosigned cosigned;
	if (in.failed || wanted > 1 || cosigned_decode(in.rest, &cosigned) != OK || !cosigned_is_possible(replica, &cosigned)
		|| peer == replica_seat(replica)) {
		replica->messages_refused++;
		return;
	}
	if (cosigned.size > kept_size(replica)) {
		line_hold(replica, peer, &cosigned, false); /* perhaps of an epoch that we have not reached */
		return;
	}
	if (cosigned_seat(replica, &cosigned) != peer) {
		replica->messages_refused++;
		return;
	}
	line_accept(replica, &cosigned, false);
	const struct kept_checkpoint *kept = kept_of_size(&replica->checkpoints, cosigned.size);
	if (wanted && kept)
		line_send(replica, kept, peer, false);
}

enum status checkpoints_recovered(struct replica *replica, struct span bytes)
{
	struct cosigned cosigned;
	TRY(cosigned_decode(bytes, &cosigned));
	if (!cosigned_is_possible(replica, &cosigned))
		return E_CORRUPT;
	uint16_t seat = cosigned_seat(replica, &cosigned);
	if (seat == REPLICA_NOBODY)
		return OK; /* of an epoch that this log does not reach */
	if (replica->damaged && !cosigned_verifies(replica, epoch_of_size(replica, cosigned.size), replica->checkpoints.origin, &cosigned))
		return E_SIGNATURE;
	/* Our own line for a checkpoint that no commit made. */
	if (seat == replica_seat(replica) && cosigned.size > kept_size(replica) && cosigned.size <= ledger_size(replica->ledger))
		kept_add(replica, cosigned.size, cosigned.cosignature.timestamp_s);
	if (cosigned.size > kept_size(replica))
		line_hold(replica, seat, &cosigned, true);
	else
		line_accept(replica, &cosigned, true);
	return OK;
}

/* -- notes ------------------------------------------------------------------------------------------------------ */

void checkpoint_note(const struct replica *replica, const struct lined_root *lined, struct buffer *note)
{
	struct checkpoint *checkpoint = memory_new_array(1, sizeof *checkpoint);
	checkpoint->origin = span_of_text(lined->origin);
	checkpoint->size = lined->size;
	checkpoint->root = lined->root;
	const struct genesis *members = epoch_members(replica, lined->epoch);
	for (uint16_t member = 0; member < lined->epoch->members; member++) {
		if (!lined->lines[member])
			continue;
		struct checkpoint_line *line = &checkpoint->lines[checkpoint->line_count++];
		line->name = members->members[member].header.iss;
		line->cosignature = *lined->lines[member];
		checkpoint_key_id(line->name, &members->members[member].org.checkpoint_key, line->key_id);
	}
	checkpoint_encode(checkpoint, note);
	free(checkpoint);
}

enum status replica_checkpoint(const struct replica *replica, uint64_t index, bool newest, struct buffer *note, uint64_t *size)
{
	const struct checkpoints *checkpoints = &replica->checkpoints;
	const struct kept_checkpoint *found = NULL;
	if (newest)
		found = checkpoints_newest(replica);
	else
		for (size_t i = index < UINT64_MAX ? kept_from(checkpoints, index + 1) : checkpoints->count; i < checkpoints->count && !found; i++)
			if (is_believed(replica, &checkpoints->kept[i]))
				found = &checkpoints->kept[i];
	if (!found)
		return E_NOT_FOUND;
	struct lined_root lined = {.origin = checkpoints->origin, .size = found->size, .root = root_at(replica, found->size), .lines = found->lines,
		.epoch = epoch_of_size(replica, found->size)};
	checkpoint_note(replica, &lined, note);
	*size = found->size;
	return OK;
}
