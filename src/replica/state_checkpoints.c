#include "replica/state.h"

#include <stdlib.h>

/* -- what is kept --------------------------------------------------------------------------------------- */

void state_checkpoints_init(struct replica *replica)
{
	struct state_checkpoints *state = &replica->state;
	state->held = memory_new_array((size_t)LEDGER_SEATS_MAX * STATE_HELD_PER_MEMBER, sizeof *state->held);
	state->asked_interval = UINT64_MAX;
	checkpoint_state_origin(replica->genesis->network, state->origin);
}

static void version_free(struct replica *replica, struct state_version *version)
{
	uint16_t members = epoch_of_size(replica, version->size)->members;
	for (uint16_t i = 0; i < members; i++)
		free(version->lines[i]);
	free(version->lines);
	state_tree_free(&version->tree);
}

void state_checkpoints_free(struct replica *replica)
{
	for (size_t i = 0; i < replica->state.count; i++)
		version_free(replica, &replica->state.versions[i]);
	free(replica->state.held);
}

static void version_drop(struct replica *replica, size_t position)
{
	struct state_checkpoints *state = &replica->state;
	version_free(replica, &state->versions[position]);
	state->count--;
	memmove(&state->versions[position], &state->versions[position + 1], (state->count - position) * sizeof state->versions[0]);
}

static bool is_proven(const struct replica *replica, const struct state_version *version)
{
	return version->line_count >= epoch_belief(epoch_of_size(replica, version->size));
}

const struct state_version *state_checkpoints_newest(const struct replica *replica)
{
	for (size_t i = replica->state.count; i-- > 0;)
		if (is_proven(replica, &replica->state.versions[i]))
			return &replica->state.versions[i];
	return NULL;
}

/* Proofs are served of the newest proven one: nobody asks for what is older than it. */
static void drop_outdated(struct replica *replica)
{
	struct state_checkpoints *state = &replica->state;
	const struct state_version *newest = state_checkpoints_newest(replica);
	for (size_t older = newest ? (size_t)(newest - state->versions) : 0; older > 0; older--)
		version_drop(replica, 0);
}

/* Makes room: the oldest that waits for lines goes, the proven one stays. */
static void make_room(struct replica *replica)
{
	struct state_checkpoints *state = &replica->state;
	if (state->count == STATE_VERSIONS_MAX)
		version_drop(replica, is_proven(replica, &state->versions[0]) ? 1 : 0);
}

void state_checkpoints_made(struct replica *replica, uint64_t size, uint64_t timestamp_s)
{
	struct state_checkpoints *state = &replica->state;
	if (size != ledger_size(replica->ledger))
		return; /* found in our log after the ledger had gone on: its state is past */
	make_room(replica);
	struct state_tree *tree = ledger_state(replica->ledger);
	struct state_version *version = &state->versions[state->count++];
	*version = (struct state_version){.size = size, .timestamp_s = timestamp_s, .root = state_tree_root(tree), .tree = state_tree_copy(tree)};
	version->lines = memory_new_array(epoch_of_size(replica, size)->members, sizeof(struct cosignature *));
	state->roots[state->root_count++ % STATE_ROOTS_MAX] = (struct state_root){.size = size, .root = version->root};
}

static struct state_version *newest_version(struct state_checkpoints *state)
{
	return state->count ? &state->versions[state->count - 1] : NULL;
}

static struct state_version *version_of_size(struct state_checkpoints *state, uint64_t size)
{
	for (size_t i = 0; i < state->count; i++)
		if (state->versions[i].size == size)
			return &state->versions[i];
	return NULL;
}

/* Size of the newest; 0 before there is any. */
static uint64_t reached(const struct state_checkpoints *state)
{
	return state->root_count ? state->roots[(state->root_count - 1) % STATE_ROOTS_MAX].size : 0;
}

static const struct digest *root_of_size(const struct state_checkpoints *state, uint64_t size)
{
	for (size_t i = 0; i < STATE_ROOTS_MAX && i < state->root_count; i++)
		if (state->roots[i].size == size)
			return &state->roots[i].root;
	return NULL;
}

/* -- lines ------------------------------------------------------------------------------------------------ */

static void line_add(struct replica *replica, struct state_version *version, uint16_t member, const struct cosignature *cosignature)
{
	version->lines[member] = memory_new(sizeof *cosignature);
	*version->lines[member] = *cosignature;
	version->line_count++;
	drop_outdated(replica); /* `version` may have moved */
}

/* Has it our line? */
static bool is_ours(const struct replica *replica, const struct state_version *version)
{
	uint16_t own = epoch_of_size(replica, version->size)->own;
	return own != REPLICA_NOBODY && version->lines[own];
}

/* "send me yours", then the line: a message. Without its first byte it is a log frame. */
static struct span line_message(struct replica *replica, const struct state_version *version, bool wanted)
{
	uint16_t own = epoch_of_size(replica, version->size)->own;
	struct cosigned cosigned = {.member = own, .size = version->size, .root = version->root, .cosignature = *version->lines[own]};
	struct buffer bytes = {0};
	write_u8(&bytes, wanted);
	cosigned_encode(&cosigned, &bytes);
	return step_keep(replica, &bytes);
}

static void line_send(struct replica *replica, const struct state_version *version, uint16_t peer, bool wanted)
{
	if (is_ours(replica, version))
		step_send(replica, peer, MESSAGE_STATE_COSIGNATURE, line_message(replica, version, wanted));
}

static struct span line_append(struct replica *replica, const struct cosigned *cosigned)
{
	struct buffer bytes = {0};
	cosigned_encode(cosigned, &bytes);
	struct span frame = step_keep(replica, &bytes);
	step_append(replica, REPLICA_FRAME_STATE_COSIGNATURE, frame);
	return frame;
}

/* Only of the newest: the line's time says that its signer knew of nothing newer then. While catching up after an absence that
 * would make old states look fresh: then the time is the commit's. */
static void cosign(struct replica *replica, struct state_version *version, int64_t now_ms)
{
	uint64_t now_s = now_ms > 0 ? ((uint64_t)now_ms + 999) / 1000 : 0;
	const struct replica_epoch *epoch = epoch_of_size(replica, version->size);
	struct cosigned made = {.member = epoch->own, .size = version->size, .root = version->root};
	bool is_late = now_s > version->timestamp_s + STATE_LATE_S;
	uint64_t time_s = now_s > version->timestamp_s && !is_late ? now_s : version->timestamp_s;
	/* Fails only when the crypto library does: then nothing that this node signs can be relied on. */
	CHECK(replica->signatures->cosign(epoch->keys->checkpoint, replica->name, span_of_text(replica->state.origin), made.size, &made.root, time_s, replica->signer.randomness, &made.cosignature) == OK);
	line_append(replica, &made);
	line_add(replica, version, epoch->own, &made.cosignature);
	step_send_all(replica, MESSAGE_STATE_COSIGNATURE, line_message(replica, newest_version(&replica->state), false));
}

/* A member signed another state for a log that we have: it, or we, do not apply the agreed rules. */
static void fork_found(struct replica *replica, const struct cosigned *cosigned, bool trusted)
{
	const struct replica_epoch *epoch = epoch_of_size(replica, cosigned->size);
	uint16_t *logged = &replica->checkpoints.forks_logged[epoch->seats[cosigned->member]];
	if (*logged >= FORKS_LOGGED_MAX || (!trusted && !cosigned_verifies(replica, epoch, replica->state.origin, cosigned)))
		return;
	(*logged)++;
	replica->forks++;
	if (trusted)
		return;
	const struct state_version *version = version_of_size(&replica->state, cosigned->size);
	struct replica_action *action;
	struct span theirs = line_append(replica, cosigned), ours = {0};
	if (version && is_ours(replica, version)) {
		ours = line_message(replica, version, false);
		ours = span_of(ours.data + 1, ours.size - 1);
	}
	action = step_action(replica, REPLICA_EVIDENCE);
	action->peer = epoch->seats[cosigned->member];
	action->size = cosigned->size;
	action->of_state = true;
	action->evidence[0] = theirs;
	action->evidence[1] = ours;
}

/* Of a size that we have reached. What is neither kept nor another root than ours is of no use. */
static void line_accept(struct replica *replica, const struct cosigned *cosigned, bool trusted)
{
	const struct replica_epoch *epoch = epoch_of_size(replica, cosigned->size);
	if (cosigned->member >= epoch->members) {
		replica->messages_refused++;
		return;
	}
	const struct digest *root = root_of_size(&replica->state, cosigned->size);
	if (root && !digest_equal(root, &cosigned->root)) {
		fork_found(replica, cosigned, trusted);
		return;
	}
	struct state_version *version = version_of_size(&replica->state, cosigned->size);
	if (!version || version->lines[cosigned->member] || (!trusted && !cosigned_verifies(replica, epoch, replica->state.origin, cosigned)))
		return;
	line_add(replica, version, cosigned->member, &cosigned->cosignature);
	if (!trusted)
		line_append(replica, cosigned);
}

static void line_hold(struct replica *replica, uint16_t seat, const struct cosigned *cosigned, bool trusted)
{
	struct held_state_line *held = &replica->state.held[(size_t)seat * STATE_HELD_PER_MEMBER];
	uint8_t *next = &replica->state.held_next[seat];
	for (size_t i = 0; i < STATE_HELD_PER_MEMBER; i++)
		if (held[i].used && held[i].cosigned.size == cosigned->size && held[i].cosigned.member == cosigned->member)
			return;
	held[*next] = (struct held_state_line){.cosigned = *cosigned, .used = true, .trusted = trusted};
	*next = (uint8_t)((*next + 1) % STATE_HELD_PER_MEMBER);
}

static void held_accept(struct replica *replica)
{
	struct held_state_line *held = replica->state.held;
	for (size_t i = 0; i < ledger_seat_count(replica->ledger) * STATE_HELD_PER_MEMBER; i++)
		if (held[i].used && held[i].cosigned.size <= reached(&replica->state)) {
			held[i].used = false;
			line_accept(replica, &held[i].cosigned, held[i].trusted);
		}
}

/* -- events --------------------------------------------------------------------------------------------------- */

/* As for the log's lines: while some are missing and the log stands still, ask for them. */
static void lines_ask(struct replica *replica)
{
	struct state_checkpoints *state = &replica->state;
	const struct state_version *newest = newest_version(state);
	if (!newest || state->asked_interval == replica->checkpoints.commit_interval)
		return;
	state->asked_interval = replica->checkpoints.commit_interval;
	const struct replica_epoch *epoch = epoch_of_size(replica, newest->size);
	for (uint16_t i = 0; i < epoch->members; i++)
		if (!newest->lines[i] && i != epoch->own)
			line_send(replica, newest, epoch->seats[i], true);
}

void state_checkpoints_settle(struct replica *replica, int64_t now_ms)
{
	struct state_checkpoints *state = &replica->state;
	held_accept(replica);
	if (!replica->started)
		return;
	struct state_version *newest = newest_version(state);
	if (newest && !is_ours(replica, newest) && epoch_of_size(replica, newest->size)->own != REPLICA_NOBODY) {
		state->asked_interval = replica->checkpoints.commit_interval;
		cosign(replica, newest, now_ms);
	}
	lines_ask(replica);
}

void state_checkpoints_peer(struct replica *replica, uint16_t peer)
{
	const struct state_version *newest = newest_version(&replica->state);
	if (!newest)
		return;
	uint16_t index = epoch_index(epoch_of_size(replica, newest->size), peer);
	line_send(replica, newest, peer, index != REPLICA_NOBODY && !newest->lines[index]);
}

void state_checkpoints_message(struct replica *replica, uint16_t peer, struct span bytes)
{
	struct reader in = reader_of(bytes);
	uint8_t wanted = read_u8(&in);
	struct cosigned cosigned;
	if (in.failed || wanted > 1 || cosigned_decode(in.rest, &cosigned) != OK || cosigned.size < replica->genesis->member_count
		|| cosigned.member >= BLOCK_MEMBERS_MAX || peer == replica_seat(replica)) {
		replica->messages_refused++;
		return;
	}
	if (cosigned.size > reached(&replica->state)) {
		line_hold(replica, peer, &cosigned, false); /* perhaps of an epoch that we have not reached */
		return;
	}
	if (cosigned_seat(replica, &cosigned) != peer) {
		replica->messages_refused++;
		return;
	}
	line_accept(replica, &cosigned, false);
	const struct state_version *version = version_of_size(&replica->state, cosigned.size);
	if (wanted && version)
		line_send(replica, version, peer, false);
}

enum status state_checkpoints_recovered(struct replica *replica, struct span bytes)
{
	struct cosigned cosigned;
	TRY(cosigned_decode(bytes, &cosigned));
	if (cosigned.member >= BLOCK_MEMBERS_MAX || cosigned.size < replica->genesis->member_count)
		return E_CORRUPT;
	uint16_t seat = cosigned_seat(replica, &cosigned);
	if (seat == REPLICA_NOBODY)
		return OK; /* of an epoch that this log does not reach */
	if (replica->damaged && !cosigned_verifies(replica, epoch_of_size(replica, cosigned.size), replica->state.origin, &cosigned))
		return E_SIGNATURE;
	if (cosigned.size > reached(&replica->state))
		line_hold(replica, seat, &cosigned, true);
	else
		line_accept(replica, &cosigned, true);
	return OK;
}

/* -- proofs ----------------------------------------------------------------------------------------------------- */

enum status replica_state(const struct replica *replica, struct span name, struct replica_state *out, struct buffer *note)
{
	const struct state_version *version = state_checkpoints_newest(replica);
	struct digest key = state_entry_key(name);
	if (!version)
		return E_NOT_FOUND;
	out->size = version->size;
	out->root = version->root;
	out->present = state_tree_prove(&version->tree, &key, &out->value, &out->path);
	struct lined_root lined = {.origin = replica->state.origin, .size = version->size, .root = version->root, .lines = version->lines,
		.epoch = epoch_of_size(replica, version->size)};
	checkpoint_note(replica, &lined, note);
	return OK;
}
