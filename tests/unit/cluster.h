/* A cluster in one thread: replicas, a simulated network and logs in memory, from a seed. A member can be killed at
 * any of its appends: before it, in the middle of it, or after it. One member may be a liar: consensus alone, without a
 * ledger, that proposes whatever it is given. */
#ifndef TEST_CLUSTER_H
#define TEST_CLUSTER_H

#include "base/random.h"
#include "consortium.h"
#include "crypto/hash.h"
#include "replica/replica.h"
#include "store/log_repair.h"

enum { CLUSTER_MAX = 4, NOBODY = 0xffff };
enum kill_moment { KILL_BEFORE, KILL_TORN, KILL_AFTER, KILL_MOMENTS };

struct letter {
	int64_t at_ms;
	uint64_t number; /* ties in the order of sending */
	uint16_t from, to;
	struct buffer bytes;
};

struct member {
	struct replica *replica;      /* NULL: down */
	struct consensus *liar;       /* instead of it */
	struct buffer log;
	struct buffer entries;        /* the log of entries ... */
	struct buffer stage;          /* ... and what is to follow it */
	uint64_t pruned;
	uint64_t rebased;
	int64_t timer_ms;
	uint64_t appends;
	struct digest *finals;        /* in order, over all lives */
	size_t final_count, final_capacity;
	size_t finals_of_this_life;
	struct map outcomes;          /* id to status + 1 */
	uint64_t outcome_count;
	uint64_t checkpoint_size;
	uint64_t evidence;
	struct buffer convicts;       /* the body of the statement that the last evidence is for */
};

struct cluster {
	const struct consortium *consortium;
	uint16_t members;
	struct member member[CLUSTER_MAX];
	struct consensus_config consensus;
	struct letter *letters;
	size_t letter_count, letter_capacity;
	uint64_t letter_number;
	struct random random;
	int64_t now_ms;
	double loss;
	void (*twist)(void *context, uint16_t from, uint16_t to, struct buffer *bytes); /* a liar's hand on each letter; may be NULL */
	void *twist_context;
	const struct replica_signatures *signatures; /* NULL: the real ones */
	bool looks_ahead[CLUSTER_MAX]; /* always has time to */
	bool repairs;                 /* logs that are damaged in the middle are repaired, as on disk */
	/* the plan to kill */
	uint16_t victim;
	uint64_t kill_at;             /* this append, counted from 1 over its life */
	enum kill_moment moment;
	bool killed;
};

static inline void cluster_member_down(struct cluster *cluster, uint16_t index);
static inline void cluster_rebase(struct cluster *cluster, uint16_t index, bool blocks_stay);

/* -- the network ---------------------------------------------------------------------------------------- */

static inline void cluster_post(struct cluster *cluster, uint16_t from, uint16_t to, struct span bytes)
{
	if (random_chance(&cluster->random, cluster->loss))
		return;
	ARRAY_GROW(cluster->letters, cluster->letter_count, cluster->letter_capacity);
	struct letter *letter = &cluster->letters[cluster->letter_count++];
	*letter = (struct letter){.at_ms = cluster->now_ms + 1 + (int64_t)random_below(&cluster->random, 6),
		.number = cluster->letter_number++, .from = from, .to = to};
	buffer_append_span(&letter->bytes, bytes);
	if (cluster->twist)
		cluster->twist(cluster->twist_context, from, to, &letter->bytes);
}

/* Position of the next letter; count when there is none. */
static inline size_t cluster_next(const struct cluster *cluster)
{
	size_t best = cluster->letter_count;
	for (size_t i = 0; i < cluster->letter_count; i++) {
		const struct letter *a = &cluster->letters[i];
		const struct letter *b = best < cluster->letter_count ? &cluster->letters[best] : NULL;
		if (!b || a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a->number < b->number))
			best = i;
	}
	return best;
}

/* -- what a replica asks for ------------------------------------------------------------------------------ */

static inline bool cluster_append(struct cluster *cluster, uint16_t index, const struct replica_action *action)
{
	struct member *member = &cluster->member[index];
	CHECK(action->position == member->log.size);
	member->appends++;
	bool kill = cluster->victim == index && !cluster->killed && member->appends == cluster->kill_at;
	size_t size = action->bytes.size;
	if (kill)
		size = cluster->moment == KILL_BEFORE ? 0 : cluster->moment == KILL_TORN ? 1 + random_below(&cluster->random, size - 1) : size;
	buffer_append(&member->log, action->bytes.data, size);
	if (!kill)
		return true;
	cluster->killed = true;
	return false;
}

static inline void cluster_send_stored(struct cluster *cluster, uint16_t index, const struct replica_action *action)
{
	const struct buffer *log = &cluster->member[index].log;
	for (uint32_t i = 0; i < action->position_count; i++) {
		struct log_frame frame;
		size_t size, at = action->positions[i];
		struct buffer message = {0};
		CHECK(log_frame_read(span_of(log->data + at, log->size - at), at, &frame, &size) == OK && frame.kind == REPLICA_FRAME_BLOCK);
		replica_message_of_block(frame.bytes, &message);
		cluster_post(cluster, index, action->peer, buffer_span(&message));
		buffer_free(&message);
	}
}

static inline void cluster_send_range(struct cluster *cluster, uint16_t index, uint16_t peer, struct consensus_range range)
{
	const struct buffer *log = &cluster->member[index].log;
	while (!range.done && range.position < log->size) {
		struct log_frame frame;
		size_t size;
		CHECK(log_frame_read(span_of(log->data + range.position, log->size - range.position), range.position, &frame, &size) == OK);
		range.position += size;
		if (frame.kind != REPLICA_FRAME_BLOCK || !consensus_range_takes(&range, frame.bytes))
			continue;
		struct buffer message = {0};
		replica_message_of_block(frame.bytes, &message);
		cluster_post(cluster, index, peer, buffer_span(&message));
		buffer_free(&message);
	}
}

static inline void cluster_send_entries(struct cluster *cluster, uint16_t index, const struct replica_action *action)
{
	struct span entries = buffer_span(&cluster->member[index].entries);
	struct log_frame frame;
	uint64_t wanted = action->index, number;
	for (size_t at = 0, size; log_frame_read(span_after(entries, at), at, &frame, &size) == OK; at += size) {
		if (frame.kind != REPLICA_FRAME_ENTRY || replica_entry_index(frame.bytes, &number) != OK || number != wanted
			|| wanted == action->index + action->entry_count)
			continue;
		struct buffer message = {0};
		replica_message_of_entry(frame.bytes, &message);
		cluster_post(cluster, index, action->peer, buffer_span(&message));
		buffer_free(&message);
		wanted++;
	}
}

/* A life after a restart tells the same story again, as far as the log goes, and goes on from there. */
static inline void cluster_final(struct cluster *cluster, struct member *member, const struct replica_action *action)
{
	struct digest id = sha256(action->bytes);
	CHECK(digest_equal(&id, &action->id));
	CHECK(action->index == cluster->members + member->finals_of_this_life);
	if (member->finals_of_this_life == member->final_count) {
		ARRAY_GROW(member->finals, member->final_count, member->final_capacity);
		member->finals[member->final_count++] = id;
	}
	CHECK(digest_equal(&member->finals[member->finals_of_this_life], &id));
	member->finals_of_this_life++;
}

static inline void cluster_outcome(struct member *member, const struct replica_action *action)
{
	CHECK(action->reason && (action->status == OK) == (action->reason[0] == 0));
	map_put(&member->outcomes, digest_span(&action->id), (uint64_t)action->status + 1);
	member->outcome_count++;
}

/* As the node's shell does: a first block that is accepted lies in the log. */
static inline void cluster_evidence(struct cluster *cluster, struct member *member, const struct replica_action *action)
{
	struct body_evidence body = {.accused = cluster->consortium->genesis.members[action->peer].header.iss,
		.lie = action->size ? LIE_FORK : LIE_EQUIVOCATION, .first = action->evidence[0]};
	struct log_frame frame;
	struct block block;
	size_t size;
	member->evidence++;
	if (body.lie == LIE_EQUIVOCATION)
		body.second = action->evidence[1];
	if (!body.first.size) {
		uint64_t at = action->positions[0];
		CHECK(log_frame_read(span_after(buffer_span(&member->log), at), at, &frame, &size) == OK && block_parse(frame.bytes, &block, NULL) == OK);
		body.first = block_signed_header(&block);
	}
	buffer_clear(&member->convicts);
	body_evidence_encode(&body, &member->convicts);
}

static inline void cluster_step(struct cluster *cluster, uint16_t index, struct replica_event event)
{
	struct member *member = &cluster->member[index];
	struct replica_actions actions;
	bool starting = event.kind == REPLICA_RECOVERED;
	event.now_ms = cluster->now_ms;
	for (size_t i = 0; i < sizeof event.randomness; i++)
		event.randomness[i] = (uint8_t)random_next(&cluster->random);
	if (!member->replica)
		return;
	replica_step(member->replica, &event, &actions);
	bool spoken = false;
	for (uint32_t i = 0; i < actions.count; i++) {
		const struct replica_action *action = &actions.items[i];
		CHECK(!spoken || action->kind != REPLICA_APPEND || !replica_append_leads(action));
		spoken = spoken || action->kind != REPLICA_APPEND;
		CHECK(!starting || action->kind == REPLICA_FINAL || action->kind == REPLICA_CHECKPOINT || action->kind == REPLICA_KEEP
			|| action->kind == REPLICA_EPOCH);
		switch (action->kind) {
		case REPLICA_APPEND:
			if (!cluster_append(cluster, index, action)) {
				cluster_member_down(cluster, index);
				return;
			}
			break;
		case REPLICA_SEND: cluster_post(cluster, index, action->peer, action->bytes); break;
		case REPLICA_SEND_STORED: cluster_send_stored(cluster, index, action); break;
		case REPLICA_SEND_RANGE: cluster_send_range(cluster, index, action->peer, *action->range); break;
		case REPLICA_TIMER: member->timer_ms = action->at_ms; break;
		case REPLICA_FINAL:
			CHECK(action->recovered == starting);
			cluster_final(cluster, member, action);
			break;
		case REPLICA_OUTCOME: cluster_outcome(member, action); break;
		case REPLICA_CHECKPOINT:
			if (action->size > member->checkpoint_size)
				member->checkpoint_size = action->size;
			break;
		case REPLICA_EVIDENCE: cluster_evidence(cluster, member, action); break;
		case REPLICA_KEEP: log_frame_write(&member->entries, member->entries.size, action->frame_kind, action->bytes); break;
		case REPLICA_EPOCH: break;
		case REPLICA_PRUNE: member->pruned = action->position; break; /* the bytes stay; nobody reads them */
		case REPLICA_SEND_ENTRIES: cluster_send_entries(cluster, index, action); break;
		case REPLICA_STAGE: log_frame_write(&member->stage, member->stage.size, action->frame_kind, action->bytes); break;
		case REPLICA_STAGE_CLEAR: member->stage.size = 0; break;
		case REPLICA_REBASE: cluster_rebase(cluster, index, action->blocks_stay); return;
		}
	}
	CHECK(replica_log_end(member->replica) == member->log.size || starting);
}

/* -- the liar ------------------------------------------------------------------------------------------------ */

static inline enum status liar_sign(void *context, const struct digest *digest, struct buffer *signature)
{
	struct signature made;
	TRY(signing_key_sign(context, digest_span(digest), text("tally/block/v1"), NULL, &made));
	buffer_append(signature, made.bytes, sizeof made.bytes);
	return OK;
}

/* It believes everybody: only its own blocks matter here. */
static inline enum status liar_verify(void *context, uint16_t author, const struct digest *digest, struct span signature)
{
	(void)context, (void)author, (void)digest, (void)signature;
	return OK;
}

static inline void liar_step(struct cluster *cluster, uint16_t index, enum consensus_event_kind kind, uint16_t peer, struct span bytes)
{
	struct member *member = &cluster->member[index];
	struct consensus_event event = {.kind = kind, .now_ms = cluster->now_ms, .peer = peer, .bytes = bytes};
	struct consensus_actions actions;
	struct buffer message = {0};
	enum status refused;
	consensus_step(member->liar, &event, &actions, &refused);
	CHECK(refused == OK);
	for (uint32_t i = 0; i < actions.count; i++) {
		struct consensus_action *action = &actions.items[i];
		if (action->kind == CONSENSUS_PERSIST) {
			consensus_block_stored(member->liar, &action->digest, member->log.size);
			log_frame_write(&member->log, member->log.size, REPLICA_FRAME_BLOCK, action->bytes);
		} else if (action->kind == CONSENSUS_SEND) {
			buffer_clear(&message);
			write_u8(&message, 1);
			write_u64(&message, 0);
			buffer_append_span(&message, action->bytes);
			cluster_post(cluster, index, action->peer, buffer_span(&message));
		} else if (action->kind == CONSENSUS_SEND_STORED) {
			consensus_positions_resolve(member->liar, action);
			cluster_send_stored(cluster, index, &(struct replica_action){.peer = action->peer, .positions = action->positions,
				.position_count = action->position_count});
		} else if (action->kind == CONSENSUS_SEND_RANGE) {
			cluster_send_range(cluster, index, action->peer, action->range);
		} else if (action->kind == CONSENSUS_TIMER) {
			member->timer_ms = action->at_ms;
		}
	}
	buffer_free(&message);
}

static inline void cluster_lie(struct cluster *cluster, uint16_t index, struct span transaction)
{
	liar_step(cluster, index, CONSENSUS_SUBMIT, 0, transaction);
}

static inline void cluster_make_liar(struct cluster *cluster, uint16_t index)
{
	struct consensus_config config = cluster->consensus;
	struct block_signer signer = {.context = cluster->consortium->node[index], .sign = liar_sign, .verify = liar_verify};
	config.members = cluster->members;
	config.own = index;
	memcpy(config.network, cluster->consortium->genesis.network, BLOCK_NETWORK_SIZE);
	config.genesis = cluster->consortium->genesis.digest;
	cluster->member[index].liar = consensus_new(&config, &signer);
	liar_step(cluster, index, CONSENSUS_START, 0, (struct span){0});
	for (uint16_t peer = 0; peer < cluster->members; peer++)
		if (peer != index)
			liar_step(cluster, index, CONSENSUS_PEER_UP, peer, (struct span){0});
}

/* -- lives --------------------------------------------------------------------------------------------------- */

static inline void cluster_peer(struct cluster *cluster, uint16_t index, enum replica_event_kind kind)
{
	for (uint16_t peer = 0; peer < cluster->members; peer++) {
		if (peer == index || !cluster->member[peer].replica)
			continue;
		cluster_step(cluster, peer, (struct replica_event){.kind = kind, .peer = index});
	}
}

static inline void cluster_member_down(struct cluster *cluster, uint16_t index)
{
	struct member *member = &cluster->member[index];
	replica_free(member->replica);
	member->replica = NULL;
	member->timer_ms = INT64_MAX;
	size_t left = 0;
	for (size_t i = 0; i < cluster->letter_count; i++) /* its connections break */
		if (cluster->letters[i].to == index || cluster->letters[i].from == index)
			buffer_free(&cluster->letters[i].bytes);
		else
			cluster->letters[left++] = cluster->letters[i];
	cluster->letter_count = left;
	cluster_peer(cluster, index, REPLICA_PEER_DOWN);
}

static inline void cluster_repair(struct member *member)
{
	struct buffer repaired = {0};
	struct log_damages damages = {0};
	CHECK(log_repair(buffer_span(&member->log), 0, UINT64_MAX, &repaired, &damages) == OK);
	buffer_free(&member->log);
	member->log = repaired;
	log_damages_free(&damages);
}

static inline void cluster_recover_entries(struct cluster *cluster, uint16_t index)
{
	struct buffer copy = {0}; /* steps append to it */
	struct log_frame frame;
	size_t size, seal = 0;
	buffer_append_span(&copy, buffer_span(&cluster->member[index].entries));
	struct span entries = buffer_span(&copy);
	for (size_t at = 0; log_frame_read(span_after(entries, at), at, &frame, &size) == OK; at += size)
		seal = frame.kind == REPLICA_FRAME_EPOCH ? at : seal;
	for (size_t at = 0; log_frame_read(span_after(entries, at), at, &frame, &size) == OK; at += size)
		cluster_step(cluster, index, (struct replica_event){.kind = REPLICA_RECOVERED, .frame_kind = frame.kind, .position = at,
			.bytes = frame.bytes, .sealed = at < seal});
	buffer_free(&copy);
}

/* Read the log back as a shell does: good frames in order, a torn tail is cut. */
static inline void cluster_recover(struct cluster *cluster, uint16_t index)
{
	struct member *member = &cluster->member[index];
	struct fault fault;
	size_t at = 0;
	if (cluster->repairs)
		cluster_repair(member);
	cluster_recover_entries(cluster, index);
	for (;;) {
		struct log_frame frame;
		size_t size;
		struct span rest = span_after(buffer_span(&member->log), at);
		enum status status = log_frame_read(rest, at, &frame, &size);
		if (status != OK) {
			CHECK(status == E_NOT_FOUND || log_tail_is_torn(rest, at));
			break;
		}
		cluster_step(cluster, index, (struct replica_event){.kind = REPLICA_RECOVERED, .frame_kind = frame.kind, .position = at,
			.bytes = frame.bytes});
		at += size;
	}
	member->log.size = at;
	CHECK(replica_recovery(member->replica, &fault) == OK && replica_log_end(member->replica) == at);
}

static inline void cluster_member_up(struct cluster *cluster, uint16_t index)
{
	struct member *member = &cluster->member[index];
	struct replica_config config = {.genesis = &cluster->consortium->genesis, .name = cluster->consortium->genesis.members[index].header.iss,
		.consensus = cluster->consensus, .signatures = cluster->signatures,
		.keys = {{cluster->consortium->node[index], cluster->consortium->checkpoint[index]}}, .key_count = 1};
	struct fault fault;
	CHECK(!member->replica && replica_new(&config, &member->replica, &fault) == OK);
	member->finals_of_this_life = 0;
	member->timer_ms = INT64_MAX;
	member->stage.size = 0;
	cluster_recover(cluster, index);
	cluster_step(cluster, index, (struct replica_event){.kind = REPLICA_START});
	for (uint16_t peer = 0; peer < cluster->members && member->replica; peer++)
		if (peer != index && (cluster->member[peer].replica || cluster->member[peer].liar))
			cluster_step(cluster, index, (struct replica_event){.kind = REPLICA_PEER_UP, .peer = peer});
	if (member->replica)
		cluster_peer(cluster, index, REPLICA_PEER_UP);
}

static inline void cluster_begin(struct cluster *cluster, const struct consortium *consortium, uint64_t seed)
{
	*cluster = (struct cluster){.consortium = consortium, .members = (uint16_t)consortium->members, .random = random_of(seed),
		.now_ms = 1700000000000, .consensus = consensus_config_default(), .victim = NOBODY};
	for (uint16_t i = 0; i < CLUSTER_MAX; i++)
		cluster->member[i].timer_ms = INT64_MAX;
}

static inline void cluster_rebase(struct cluster *cluster, uint16_t index, bool blocks_stay)
{
	struct member *member = &cluster->member[index];
	struct log_frame frame;
	for (size_t at = 0, size; log_frame_read(span_after(buffer_span(&member->stage), at), at, &frame, &size) == OK; at += size)
		log_frame_write(&member->entries, member->entries.size, frame.kind, frame.bytes);
	member->stage.size = 0;
	if (!blocks_stay)
		member->log.size = member->pruned = 0;
	member->rebased++;
	cluster_member_down(cluster, index);
	cluster_member_up(cluster, index);
}

static inline void cluster_end(struct cluster *cluster)
{
	for (uint16_t i = 0; i < cluster->members; i++) {
		struct member *member = &cluster->member[i];
		replica_free(member->replica);
		consensus_free(member->liar);
		buffer_free(&member->log);
		buffer_free(&member->entries);
		buffer_free(&member->stage);
		buffer_free(&member->convicts);
		map_free(&member->outcomes);
		free(member->finals);
	}
	for (size_t i = 0; i < cluster->letter_count; i++)
		buffer_free(&cluster->letters[i].bytes);
	free(cluster->letters);
}

/* -- time ------------------------------------------------------------------------------------------------------- */

static inline void cluster_deliver(struct cluster *cluster, size_t position)
{
	struct letter letter = cluster->letters[position];
	cluster->letters[position] = cluster->letters[--cluster->letter_count];
	if (cluster->member[letter.to].liar)
		liar_step(cluster, letter.to, CONSENSUS_MESSAGE, letter.from,
			letter.bytes.data[0] == 1 ? span_after(buffer_span(&letter.bytes), 9) : (struct span){0});
	else
		cluster_step(cluster, letter.to,
			(struct replica_event){.kind = REPLICA_MESSAGE, .peer = letter.from, .bytes = buffer_span(&letter.bytes)});
	buffer_free(&letter.bytes);
}

/* The next thing that happens, if it happens before `until_ms`. */
static inline bool cluster_advance(struct cluster *cluster, int64_t until_ms)
{
	size_t letter = cluster_next(cluster);
	int64_t at = letter < cluster->letter_count ? cluster->letters[letter].at_ms : INT64_MAX;
	uint16_t timer = NOBODY;
	for (uint16_t i = 0; i < cluster->members; i++)
		if (cluster->member[i].timer_ms < at) {
			at = cluster->member[i].timer_ms;
			timer = i;
		}
	if (at > until_ms) {
		cluster->now_ms = until_ms;
		return false;
	}
	if (at > cluster->now_ms)
		cluster->now_ms = at;
	if (timer == NOBODY) {
		cluster_deliver(cluster, letter);
		return true;
	}
	cluster->member[timer].timer_ms = INT64_MAX;
	if (cluster->member[timer].liar)
		liar_step(cluster, timer, CONSENSUS_TICK, 0, (struct span){0});
	else
		cluster_step(cluster, timer, (struct replica_event){.kind = REPLICA_TICK});
	return true;
}

static inline void cluster_look_ahead(struct cluster *cluster)
{
	for (uint16_t i = 0; i < cluster->members; i++)
		while (cluster->looks_ahead[i] && cluster->member[i].replica && replica_has_ahead(cluster->member[i].replica))
			cluster_step(cluster, i, (struct replica_event){.kind = REPLICA_AHEAD});
}

static inline void cluster_run(struct cluster *cluster, int64_t duration_ms)
{
	int64_t until = cluster->now_ms + duration_ms;
	while (cluster_advance(cluster, until))
		cluster_look_ahead(cluster);
}

static inline void cluster_submit(struct cluster *cluster, uint16_t index, struct span bytes)
{
	cluster_step(cluster, index, (struct replica_event){.kind = REPLICA_SUBMIT, .bytes = bytes});
}

/* STATUS_COUNT: none yet. */
static inline enum status cluster_outcome_of(const struct cluster *cluster, uint16_t index, const struct digest *id)
{
	uint64_t value;
	return map_get(&cluster->member[index].outcomes, digest_span(id), &value) ? (enum status)(value - 1) : STATUS_COUNT;
}

#endif
