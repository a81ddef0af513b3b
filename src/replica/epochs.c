/* Epochs as a replica lives through them: which seats and keys they have, how one ends and the next begins, the lines under
 * their records, and what is left on the disk of those that are over. docs/decisions/0008-epochs.md. */
#include "replica/state.h"

#include <stdlib.h>

/* -- who is who ------------------------------------------------------------------------------------------- */

uint64_t epoch_number(const struct replica *replica)
{
	return replica->epoch_count - 1;
}

struct replica_epoch *epoch_now(const struct replica *replica)
{
	return replica->epochs[epoch_number(replica)];
}

struct replica_epoch *epoch_of_size(const struct replica *replica, uint64_t size)
{
	return replica->epochs[epochs_of_size(ledger_epochs(replica->ledger), size)->number];
}

const struct genesis *epoch_members(const struct replica *replica, const struct replica_epoch *epoch)
{
	for (size_t i = replica->epoch_count; i-- > 0;)
		if (replica->epochs[i] == epoch)
			return ledger_epochs(replica->ledger)->items[i].members;
	CHECK(false);
	return NULL;
}

uint16_t epoch_index(const struct replica_epoch *epoch, uint16_t seat)
{
	for (uint16_t i = 0; i < epoch->members; i++)
		if (epoch->seats[i] == seat)
			return i;
	return REPLICA_NOBODY;
}

uint16_t epoch_belief(const struct replica_epoch *epoch)
{
	return (uint16_t)faults_belief(epoch->members, epoch->faults);
}

void epoch_place(struct replica_epoch *epoch, uint64_t position)
{
	if (!epoch->placed) {
		epoch->placed = true;
		epoch->position = position;
	}
}

uint16_t replica_seat(const struct replica *replica)
{
	const struct entity *own = ledger_entity(replica->ledger, replica->name);
	return own && own->seat != LEDGER_NO_MEMBER ? own->seat : REPLICA_NOBODY;
}

bool replica_is_member(const struct replica *replica)
{
	return epoch_now(replica)->own != REPLICA_NOBODY;
}

const struct verifying_key *epoch_key(struct replica *replica, const struct public_key *public)
{
	for (size_t i = 0; i < replica->pool_count; i++)
		if (memcmp(replica->pool[i].public.bytes, public->bytes, sizeof public->bytes) == 0)
			return replica->pool[i].key;
	struct verifying_key *key = verifying_key_new(public);
	if (!key)
		return NULL;
	ARRAY_GROW(replica->pool, replica->pool_count, replica->pool_capacity);
	replica->pool[replica->pool_count++] = (struct pooled_key){.public = *public, .key = key};
	return key;
}

static bool is_key(const struct signing_key *key, const struct public_key *public)
{
	return memcmp(signing_key_public(key)->bytes, public->bytes, sizeof public->bytes) == 0;
}

/* The newest epoch of the ledger's chain: its seats and keys. */
static void epoch_enter(struct replica *replica)
{
	const struct genesis *members = epochs_newest(ledger_epochs(replica->ledger))->members;
	struct replica_epoch *epoch = memory_new_array(1, sizeof *epoch);
	epoch->placed = replica->log_end > 0 || replica->epoch_count == 0;
	epoch->members = (uint16_t)members->member_count;
	epoch->faults = genesis_faults(members);
	epoch->own = REPLICA_NOBODY;
	epoch->history = (struct consensus_history){.members = epoch->members, .epoch = replica->epoch_count};
	epoch->position = replica->log_end;
	for (uint16_t i = 0; i < epoch->members; i++) {
		const struct body_org *org = &members->members[i].org;
		epoch->seats[i] = ledger_entity(replica->ledger, members->members[i].header.iss)->seat;
		epoch->node_keys[i] = epoch_key(replica, &org->node_key);
		epoch->checkpoint_keys[i] = epoch_key(replica, &org->checkpoint_key);
		for (size_t k = 0; k < replica->key_count && span_equal(members->members[i].header.iss, replica->name); k++)
			if (is_key(replica->keys[k].node, &org->node_key) && is_key(replica->keys[k].checkpoint, &org->checkpoint_key)) {
				epoch->own = i;
				epoch->keys = &replica->keys[k];
			}
	}
	ARRAY_GROW(replica->epochs, replica->epoch_count, replica->epoch_capacity);
	replica->epochs[replica->epoch_count++] = epoch;
	replica->speaking = epoch_number(replica);
}

/* The newest epoch's consensus. */
static void consensus_begin(struct replica *replica, bool continued)
{
	const struct epoch *newest = epochs_newest(ledger_epochs(replica->ledger));
	const struct replica_epoch *epoch = epoch_now(replica);
	struct consensus_config config = replica->consensus_config;
	config.members = epoch->members;
	config.own = epoch->own == REPLICA_NOBODY ? CONSENSUS_NOBODY : epoch->own;
	config.epoch = newest->number;
	config.genesis = newest->digest;
	config.begun_ms = newest->number ? newest->time_ms : 0;
	config.continued = continued;
	config.faults = epoch->faults;
	memcpy(config.network, replica->genesis->network, BLOCK_NETWORK_SIZE);
	replica->wake_ms = INT64_MAX;
	struct block_signer signer = signer_of(replica);
	replica->consensus = consensus_new(&config, &signer);
	replica->settled = continued && epoch->faults == FAULTS_CRASH;
	if (replica->damaged && !replica->settled)
		consensus_own_blocks_lost(replica->consensus);
}

void epochs_open(struct replica *replica)
{
	epoch_enter(replica);
	consensus_begin(replica, false);
}

void epochs_retire(struct replica *replica)
{
	while (replica->retired_count)
		consensus_free(replica->retired[--replica->retired_count]);
}

void epochs_close(struct replica *replica)
{
	for (size_t i = 0; i < replica->epoch_count; i++) {
		struct replica_epoch *epoch = replica->epochs[i];
		for (uint16_t k = 0; k < epoch->members; k++)
			free(epoch->lines[k]);
		free(epoch->history.index);
		free(epoch);
	}
	free(replica->epochs);
	for (size_t i = 0; i < replica->pool_count; i++)
		verifying_key_free(replica->pool[i].key);
	free(replica->pool);
	consensus_free(replica->consensus);
	epochs_retire(replica);
}

/* -- the end of one ------------------------------------------------------------------------------------------ */

static void epoch_told(struct replica *replica)
{
	step_action(replica, REPLICA_EPOCH)->recovered = !replica->started;
}

void epoch_look(struct replica *replica, const struct consensus_commit *commit)
{
	bool heavy = replica->epoch_cost >= replica->genesis->settings.epoch_bytes;
	if (!ledger_is_closing(replica->ledger) && !heavy)
		return;
	uint64_t commits = epochs_newest(ledger_epochs(replica->ledger))->commits + commit->index;
	ledger_close(replica->ledger, commits, &commit->digest, commit->timestamp_ms);
	/* The last checkpoint that these members sign; those of the next epoch are of larger logs. Its state has the new members,
	 * who would else not be seen in it before the next entry. */
	checkpoints_force(replica);
	struct buffer record = {0};
	buffer_append_span(&record, epochs_newest(ledger_epochs(replica->ledger))->record);
	step_keep_entry(replica, REPLICA_KEEP, REPLICA_FRAME_EPOCH, step_keep(replica, &record));
	replica->closing = true;
}

/* Statements that were not committed are proposed again in the next epoch. */
static void rescue(struct replica *replica)
{
	bodies_take_own(&replica->bodies, epoch_now(replica)->own, &replica->again);
	consensus_drain(replica->consensus, &replica->again);
	bodies_free(&replica->bodies);
	replica->rescued = replica->again.size > 0;
}

void epoch_switch(struct replica *replica)
{
	struct replica_epoch *old = epoch_now(replica);
	struct consensus_numbers numbers;
	consensus_numbers(replica->consensus, &numbers);
	bool known = old->faults == FAULTS_CRASH ? replica->settled : replica->started && numbers.tip_known;
	bool continued = old->own != REPLICA_NOBODY && known;
	rescue(replica);
	old->history = consensus_history_take(replica->consensus);
	CHECK(replica->retired_count < RETIRED_MAX);
	replica->retired[replica->retired_count++] = replica->consensus;
	replica->closing = false;
	replica->epoch_cost = 0;
	epoch_enter(replica);
	consensus_begin(replica, continued);
	epoch_told(replica);
	uint64_t number = epoch_number(replica);
	damaged_later_give(replica);
	if (!replica->started || epoch_number(replica) != number)
		return;
	if (!replica_is_member(replica))
		submissions_end(replica);
	epoch_sign(replica);
	consensus_start(replica);
	catchup_moved(replica);
}

/* -- lines under the records ------------------------------------------------------------------------------------ */

static struct cosigned line_of(const struct replica *replica, uint64_t number, uint16_t member)
{
	const struct epoch *next = &ledger_epochs(replica->ledger)->items[number + 1];
	return (struct cosigned){.member = member, .size = next->number, .root = next->digest, .cosignature = *replica->epochs[number]->lines[member]};
}

static struct span line_bytes(struct replica *replica, uint64_t number, uint16_t member)
{
	struct cosigned line = line_of(replica, number, member);
	struct buffer bytes = {0};
	cosigned_encode(&line, &bytes);
	return step_keep(replica, &bytes);
}

bool epoch_is_signed(const struct replica_epoch *epoch)
{
	return epoch->line_count >= faults_quorum(epoch->members, epoch->faults);
}

static void line_add(struct replica *replica, uint64_t number, uint16_t member, const struct cosignature *cosignature)
{
	struct replica_epoch *epoch = replica->epochs[number];
	epoch->lines[member] = memory_new(sizeof *cosignature);
	*epoch->lines[member] = *cosignature;
	epoch->line_count++;
}

void epoch_sign(struct replica *replica)
{
	char origin[EPOCH_ORIGIN_SIZE];
	epoch_origin(replica->genesis->network, origin);
	for (uint64_t number = 0; number + 1 < replica->epoch_count; number++) {
		struct replica_epoch *epoch = replica->epochs[number];
		if (epoch->own == REPLICA_NOBODY || epoch->lines[epoch->own] || epoch_is_signed(epoch))
			continue;
		const struct epoch *next = &ledger_epochs(replica->ledger)->items[number + 1];
		uint64_t now_s = replica->now_ms > next->time_ms ? ((uint64_t)replica->now_ms + 999) / 1000 : (uint64_t)next->time_ms / 1000 + 1;
		struct cosignature made;
		/* Fails only when the crypto library does: then nothing that this node signs can be relied on. */
		CHECK(replica->signatures->cosign(epoch->keys->checkpoint, replica->name, span_of_text(origin), next->number, &next->digest, now_s,
			replica->signer.randomness, &made) == OK);
		line_add(replica, number, epoch->own, &made);
		struct span bytes = line_bytes(replica, number, epoch->own);
		step_keep_entry(replica, REPLICA_KEEP, REPLICA_FRAME_EPOCH_LINE, bytes);
		step_send_all(replica, MESSAGE_EPOCH_LINE, bytes);
	}
	epoch_prune(replica);
}

bool epoch_line_holds(struct replica *replica, const struct genesis *members, const struct cosigned *line, uint64_t number,
	const struct digest *digest)
{
	char origin[EPOCH_ORIGIN_SIZE];
	if (line->member >= members->member_count || line->size != number || !digest_equal(&line->root, digest))
		return false;
	epoch_origin(replica->genesis->network, origin);
	const struct genesis_member *member = &members->members[line->member];
	const struct verifying_key *key = epoch_key(replica, &member->org.checkpoint_key);
	uint64_t start = signer_clock(replica);
	bool holds = key && replica->signatures->cosignature_verify(key, member->header.iss, span_of_text(origin), number, digest, &line->cosignature) == OK;
	signer_count(replica, start);
	return holds;
}

/* False: it is of no use. */
static bool line_take(struct replica *replica, const struct cosigned *line, bool trusted)
{
	const struct epochs *chain = ledger_epochs(replica->ledger);
	if (line->size == 0 || line->size >= chain->count)
		return false;
	struct replica_epoch *signers = replica->epochs[line->size - 1];
	if (line->member >= signers->members || signers->lines[line->member])
		return false;
	const struct epoch *record = &chain->items[line->size];
	if (!trusted && !epoch_line_holds(replica, chain->items[line->size - 1].members, line, record->number, &record->digest)) {
		replica->messages_refused++;
		return false;
	}
	line_add(replica, line->size - 1, line->member, &line->cosignature);
	return true;
}

void epoch_line_message(struct replica *replica, struct span bytes)
{
	struct cosigned line;
	if (cosigned_decode(bytes, &line) != OK) {
		replica->messages_refused++;
		return;
	}
	if (!line_take(replica, &line, false))
		return;
	step_keep_entry(replica, REPLICA_KEEP, REPLICA_FRAME_EPOCH_LINE, line_bytes(replica, line.size - 1, line.member));
	if (epoch_is_signed(replica->epochs[line.size - 1]))
		catchup_lines_came(replica);
	epoch_prune(replica);
}

void epoch_lines_asked(struct replica *replica, uint16_t peer, struct span bytes)
{
	struct reader in = reader_of(bytes);
	uint64_t number = read_u64(&in);
	if (reader_end(&in) != OK) {
		replica->messages_refused++;
		return;
	}
	if (number == 0 || number >= replica->epoch_count || !catchup_may_serve(replica, peer))
		return;
	const struct replica_epoch *signers = replica->epochs[number - 1];
	for (uint16_t i = 0; i < signers->members; i++)
		if (signers->lines[i])
			step_send(replica, peer, MESSAGE_EPOCH_LINE, line_bytes(replica, number - 1, i));
}

uint64_t epoch_signed(const struct replica *replica)
{
	uint64_t number = 0;
	while (number + 1 < replica->epoch_count && epoch_is_signed(replica->epochs[number]))
		number++;
	return number;
}

void epoch_prune(struct replica *replica)
{
	/* One more is kept, so that whoever is just behind need not begin anew. */
	uint64_t number = epoch_signed(replica);
	uint64_t position = replica->epochs[number > 0 ? number - 1 : 0]->position;
	if (!replica->started || position <= replica->pruned)
		return;
	replica->pruned = position;
	step_action(replica, REPLICA_PRUNE)->position = position;
}

void replica_epochs(const struct replica *replica, struct buffer *out)
{
	uint64_t count = epoch_signed(replica);
	const struct epochs *chain = ledger_epochs(replica->ledger);
	struct epoch_link *links = memory_new_array(count + 1, sizeof *links);
	struct buffer *notes = memory_new_array(count + 1, sizeof *notes);
	char origin[EPOCH_ORIGIN_SIZE];
	epoch_origin(replica->genesis->network, origin);
	for (uint64_t i = 0; i < count; i++) {
		const struct epoch *next = &chain->items[i + 1];
		struct lined_root lined = {.origin = origin, .size = next->number, .root = next->digest, .lines = replica->epochs[i]->lines,
			.epoch = replica->epochs[i]};
		checkpoint_note(replica, &lined, &notes[i]);
		links[i] = (struct epoch_link){.record = next->record, .note = buffer_span(&notes[i])};
	}
	epochs_encode(links, count, out);
	for (uint64_t i = 0; i < count; i++)
		buffer_free(&notes[i]);
	free(notes);
	free(links);
}

/* -- from the log of entries ---------------------------------------------------------------------------------------- */

void entry_encode(const struct entry *entry, struct buffer *out)
{
	write_u64(out, entry->index);
	write_u64(out, entry->commit_index);
	write_i64(out, entry->commit_ms);
	buffer_append_span(out, entry->statement);
}

enum status entry_decode(struct span bytes, struct entry *out)
{
	struct reader in = reader_of(bytes);
	out->index = read_u64(&in);
	out->commit_index = read_u64(&in);
	out->commit_ms = read_i64(&in);
	out->statement = in.rest;
	return in.failed || in.rest.size == 0 ? E_MALFORMED : OK;
}

enum status replica_entry_index(struct span bytes, uint64_t *index)
{
	struct entry entry;
	TRY(entry_decode(bytes, &entry));
	*index = entry.index;
	return OK;
}

enum status replica_entry_statement(struct span bytes, struct span *statement)
{
	struct entry entry;
	TRY(entry_decode(bytes, &entry));
	*statement = entry.statement;
	return OK;
}

void replica_message_of_entry(struct span entry, struct buffer *out)
{
	write_u8(out, MESSAGE_ENTRY);
	buffer_append_span(out, entry);
}

enum status entry_recovered(struct replica *replica, struct span bytes, bool sealed)
{
	struct entry entry;
	struct statement statement;
	uint64_t index;
	TRY(entry_decode(bytes, &entry));
	if (entry.index < replica->entries_kept) /* an interrupted move left it twice */
		return OK;
	if (entry.index > replica->entries_kept)
		return E_CORRUPT;
	replica->entries_kept++;
	if (!sealed) /* its epoch's blocks are in the other log, and bring it again */
		return OK;
	TRY(statement_decode(entry.statement, &statement, NULL));
	TRY(ledger_apply(replica->ledger, &statement, true, &index, NULL));
	if (index != entry.index)
		return E_CORRUPT;
	struct replica_action *action = step_final(replica, &statement, entry.statement);
	action->index = index;
	action->commit_index = entry.commit_index;
	action->commit_ms = entry.commit_ms;
	action->recovered = true;
	return OK;
}

enum status epoch_recovered(struct replica *replica, struct span record)
{
	struct epoch_end end;
	TRY(epoch_read(record, &end, NULL));
	checkpoints_reached(replica, end.time_ms);
	TRY(ledger_enter(replica->ledger, record, NULL));
	checkpoints_force(replica);
	consensus_free(replica->consensus);
	epoch_enter(replica);
	consensus_begin(replica, false);
	replica->commits = end.commits;
	epoch_told(replica);
	return OK;
}

enum status epoch_line_recovered(struct replica *replica, struct span bytes)
{
	struct cosigned line;
	TRY(cosigned_decode(bytes, &line));
	(void)line_take(replica, &line, false); /* of an epoch that was not sealed: it comes again */
	return OK;
}
