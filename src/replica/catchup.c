/* Going after members that are in a later epoch, and helping those that are in an earlier one.
 *
 * Whoever is behind asks one member at a time for the blocks of its own epoch that it lacks, and comes to the commit that ends
 * the epoch by the ordinary rules: nothing has to be believed. Where these blocks are pruned, it asks for the record of the next
 * epoch, which a quorum of its own epoch signed, and for the log's entries up to there, until their root is the record's. They are
 * staged beside the log; when no further record is to be had, the replica is begun anew from them (REBASE).
 * docs/decisions/0008-epochs.md. */
#include "replica/state.h"

#include "consensus/dag.h"
#include "crypto/hash.h"

#include <stdlib.h>

enum {
	ANSWER_MS = 3000,             /* without anything from the one asked */
	LATE_MS = 300,                /* what overtakes is waited for */
	TURN_MS = 30000,              /* questions to one member in a row; then it is another's turn, whatever comes */
	PAUSE_MS = 200,               /* after an answer that brought nothing; doubles ... */
	FRUITLESS_MAX = 3,            /* ... so many times */
	TELL_MS = 500,                /* a peer in an earlier epoch is told ours so often */
	LINES_MS = 2000,              /* missing lines are asked for; doubles ... */
	LINES_DOUBLINGS_MAX = 5,      /* ... so many times */
	SERVE_RATE = 16 << 20,        /* bytes a second read from disk for one peer ... */
	SERVE_BURST = 32 << 20,       /* ... after as many at once */
	SERVE_COST = 4 << 20,         /* of one answer, at most */
};

enum history_end { HISTORY_OVER = 0, HISTORY_GONE = 1, HISTORY_END_END };

static void early_forget(struct catchup *catchup)
{
	catchup->early_bytes = 0;
	while (catchup->early_count)
		buffer_free(&catchup->early[--catchup->early_count].bytes);
}

static void stage_forget(struct catchup *catchup)
{
	early_forget(catchup);
	if (catchup->chain.count)
		epochs_free(&catchup->chain);
	merkle_tree_free(&catchup->tree);
	buffer_free(&catchup->chain_lines);
}

void catchup_free(struct replica *replica)
{
	early_forget(&replica->catchup);
	free(replica->catchup.early);
	stage_forget(&replica->catchup);
}

/* -- answers to others --------------------------------------------------------------------------------------- */

bool catchup_may_serve(struct replica *replica, uint16_t peer)
{
	return allowance_take(&replica->catchup.allowance[peer], SERVE_COST, SERVE_BURST, SERVE_RATE, replica->steady_ms);
}

/* The epoch up to whose beginning a peer is told everything: that is ours for members, and for those that are none any more
 * the one that removed them. It is all they need to know that they are. */
static uint64_t open_to(const struct replica *replica, uint16_t peer)
{
	uint64_t newest = epoch_number(replica);
	for (uint64_t number = newest + 1; number-- > 0;)
		if (epoch_index(replica->epochs[number], peer) != REPLICA_NOBODY)
			return number < newest ? number + 1 : newest;
	return newest;
}

static void where_tell(struct replica *replica, uint16_t peer)
{
	struct buffer bytes = {0};
	replica->catchup.told_ms[peer] = replica->steady_ms;
	write_u64(&bytes, open_to(replica, peer));
	step_send(replica, peer, MESSAGE_WHERE, step_keep(replica, &bytes));
}

static void history_end_send(struct replica *replica, uint16_t peer, uint64_t number, enum history_end end)
{
	struct buffer bytes = {0};
	write_u64(&bytes, number);
	write_u8(&bytes, (uint8_t)end);
	step_send(replica, peer, MESSAGE_HISTORY_END, step_keep(replica, &bytes));
}

static void history_asked(struct replica *replica, uint16_t peer, struct span bytes)
{
	struct reader in = reader_of(bytes);
	uint64_t number = read_u64(&in), epoch = read_u64(&in);
	uint32_t rounds[BLOCK_MEMBERS_MAX];
	if (in.failed || epoch >= open_to(replica, peer))
		return;
	const struct replica_epoch *asked = replica->epochs[epoch];
	for (uint16_t i = 0; i < asked->members; i++)
		rounds[i] = read_u32(&in);
	struct block_ref refs[CONSENSUS_RANGE_REFS_MAX];
	uint16_t ref_count = 0;
	for (; in.rest.size && !in.failed && ref_count < CONSENSUS_RANGE_REFS_MAX; ref_count++) {
		refs[ref_count].round = read_u32(&in);
		refs[ref_count].author = read_u16(&in);
		refs[ref_count].digest = read_digest(&in);
	}
	if (reader_end(&in) != OK) {
		replica->messages_refused++;
		return;
	}
	if (!catchup_may_serve(replica, peer))
		return;
	struct consensus_range named = consensus_history_named(&asked->history, refs, ref_count);
	if (named.position != DAG_NOWHERE && named.position >= replica->pruned)
		step_send_range(replica, peer, &named);
	struct consensus_range range = consensus_history_above(&asked->history, rounds);
	if (!asked->history.index || (range.position != DAG_NOWHERE && range.position < replica->pruned)) {
		history_end_send(replica, peer, number, HISTORY_GONE);
		return;
	}
	if (range.position != DAG_NOWHERE)
		step_send_range(replica, peer, &range);
	history_end_send(replica, peer, number, HISTORY_OVER);
}

static void chain_asked(struct replica *replica, uint16_t peer, struct span bytes)
{
	struct reader in = reader_of(bytes);
	uint64_t number = read_u64(&in), epoch = read_u64(&in);
	struct buffer answer = {0};
	if (reader_end(&in) != OK) {
		replica->messages_refused++;
		return;
	}
	if (!catchup_may_serve(replica, peer))
		return;
	write_u64(&answer, number);
	if (epoch == 0 || epoch > open_to(replica, peer) || !epoch_is_signed(replica->epochs[epoch - 1])) {
		write_u32(&answer, 0);
	} else {
		const struct epoch *record = &ledger_epochs(replica->ledger)->items[epoch];
		const struct replica_epoch *signers = replica->epochs[epoch - 1];
		write_block(&answer, record->record);
		for (uint16_t i = 0; i < signers->members; i++)
			if (signers->lines[i])
				cosigned_encode(&(struct cosigned){.member = i, .size = record->number, .root = record->digest,
					.cosignature = *signers->lines[i]}, &answer);
	}
	step_send(replica, peer, MESSAGE_CHAIN_IS, step_keep(replica, &answer));
}

static void entries_asked(struct replica *replica, uint16_t peer, struct span bytes)
{
	struct reader in = reader_of(bytes);
	uint64_t number = read_u64(&in), first = read_u64(&in), end = read_u64(&in);
	struct buffer answer = {0};
	if (reader_end(&in) != OK) {
		replica->messages_refused++;
		return;
	}
	bool is_member = epoch_index(epoch_now(replica), peer) != REPLICA_NOBODY;
	uint64_t most = is_member ? ledger_size(replica->ledger) : ledger_epochs(replica->ledger)->items[open_to(replica, peer)].log_size;
	if (first >= end || end > most || first < replica->genesis->member_count || !catchup_may_serve(replica, peer))
		return;
	struct replica_action *action = step_action(replica, REPLICA_SEND_ENTRIES);
	action->peer = peer;
	action->index = first;
	action->entry_count = end - first < REPLICA_ENTRIES_MAX ? (uint32_t)(end - first) : REPLICA_ENTRIES_MAX;
	write_u64(&answer, number);
	step_send(replica, peer, MESSAGE_ENTRIES_END, step_keep(replica, &answer));
}

/* -- questions of our own --------------------------------------------------------------------------------------- */

/* More than the blocks or the entries of any epoch weigh. */
static uint64_t epoch_most(const struct replica *replica)
{
	return replica->genesis->settings.epoch_bytes + (uint64_t)BLOCK_MEMBERS_MAX * BLOCK_BODY_MAX;
}

static uint64_t accepted(const struct replica *replica)
{
	struct consensus_numbers numbers;
	consensus_numbers(replica->consensus, &numbers);
	return numbers.accepted;
}

/* Something came from the one asked: how long is more waited for? */
static void deadline_set(struct replica *replica)
{
	struct catchup *catchup = &replica->catchup;
	int64_t deadline_ms = replica->steady_ms + (catchup->ended ? LATE_MS : ANSWER_MS);
	catchup->deadline_ms = deadline_ms < catchup->turn_ms ? deadline_ms : catchup->turn_ms;
}

static void ask(struct replica *replica, enum message_kind kind, struct buffer *body)
{
	struct catchup *catchup = &replica->catchup;
	struct buffer bytes = {0};
	write_u64(&bytes, ++catchup->number);
	buffer_append_span(&bytes, buffer_span(body));
	buffer_free(body);
	early_forget(catchup);
	catchup->ended = false;
	deadline_set(replica);
	step_send(replica, catchup->from, kind, step_keep(replica, &bytes));
}

static void history_ask(struct replica *replica)
{
	struct buffer body = {0};
	uint32_t rounds[BLOCK_MEMBERS_MAX];
	struct consensus_numbers numbers;
	consensus_numbers(replica->consensus, &numbers);
	consensus_rounds(replica->consensus, rounds);
	write_u64(&body, epoch_number(replica));
	/* When that was in vain: the others may have decided by twins that nobody names. Then all that is not decided is asked for. */
	for (uint16_t i = 0; i < epoch_now(replica)->members; i++)
		write_u32(&body, replica->catchup.fruitless > 0 && numbers.decided_round < rounds[i] ? numbers.decided_round : rounds[i]);
	struct block_ref refs[CONSENSUS_RANGE_REFS_MAX];
	uint16_t count = consensus_missing(replica->consensus, refs);
	for (uint16_t i = 0; i < count; i++) {
		write_u32(&body, refs[i].round);
		write_u16(&body, refs[i].author);
		write_digest(&body, &refs[i].digest);
	}
	replica->catchup.phase = CATCHUP_HISTORY;
	replica->catchup.accepted_before = accepted(replica);
	ask(replica, MESSAGE_HISTORY, &body);
}

/* The record after the last one whose entries are staged. */
static void chain_ask(struct replica *replica)
{
	struct catchup *catchup = &replica->catchup;
	struct buffer body = {0};
	write_u64(&body, catchup->chain.count ? catchup->chain.count : epoch_number(replica) + 1);
	catchup->phase = CATCHUP_CHAIN;
	ask(replica, MESSAGE_CHAIN, &body);
}

static void entries_ask(struct replica *replica)
{
	struct catchup *catchup = &replica->catchup;
	struct buffer body = {0};
	catchup->next_before = catchup->next;
	write_u64(&body, catchup->next);
	write_u64(&body, epochs_newest(&catchup->chain)->log_size);
	catchup->phase = CATCHUP_ENTRIES;
	ask(replica, MESSAGE_ENTRIES, &body);
}

static void stage_seal(struct replica *replica);

static void entries_go_on(struct replica *replica)
{
	if (replica->catchup.next >= epochs_newest(&replica->catchup.chain)->log_size)
		stage_seal(replica);
	else
		entries_ask(replica);
}

/* The answer is over; the next member is asked after a while if it brought nothing. */
static void session_end(struct replica *replica, bool fruitful)
{
	struct catchup *catchup = &replica->catchup;
	catchup->phase = CATCHUP_IDLE;
	catchup->number++; /* what still comes does not count */
	catchup->fruitless = fruitful ? 0 : catchup->fruitless < FRUITLESS_MAX ? catchup->fruitless + 1 : FRUITLESS_MAX;
	catchup->pause_ms = replica->steady_ms + (fruitful ? 0 : PAUSE_MS << catchup->fruitless);
}

static void stage_drop(struct replica *replica)
{
	stage_forget(&replica->catchup);
	replica->catchup.sealed = 0;
	step_action(replica, REPLICA_STAGE_CLEAR);
}

/* A peer that is ahead; the one after the last asked. */
static uint16_t peer_ahead(const struct replica *replica)
{
	const struct catchup *catchup = &replica->catchup;
	uint16_t seats = (uint16_t)ledger_seat_count(replica->ledger);
	for (uint16_t i = 1; i <= seats; i++) {
		uint16_t seat = (uint16_t)((catchup->from + i) % seats);
		if (replica->up[seat] && seat != replica_seat(replica) && catchup->ahead[seat] > epoch_number(replica))
			return seat;
	}
	return REPLICA_NOBODY;
}

/* As far as somebody may be asked in vain. */
static uint32_t peers_ahead(const struct replica *replica)
{
	uint32_t count = 0;
	for (uint16_t seat = 0; seat < ledger_seat_count(replica->ledger); seat++)
		count += replica->up[seat] && replica->catchup.ahead[seat] > epoch_number(replica);
	return count < FRUITLESS_MAX ? count : FRUITLESS_MAX;
}

/* Lines under the first record that lacks a quorum's are asked of the others in turn. */
static bool lines_are_missing(const struct replica *replica)
{
	return epoch_signed(replica) < epoch_number(replica);
}

static void lines_look(struct replica *replica)
{
	struct catchup *catchup = &replica->catchup;
	uint16_t seats = (uint16_t)ledger_seat_count(replica->ledger);
	if (!lines_are_missing(replica) || replica->steady_ms < catchup->lines_ms)
		return;
	catchup->lines_ms = replica->steady_ms + (LINES_MS << (catchup->lines_asked < LINES_DOUBLINGS_MAX ? catchup->lines_asked : LINES_DOUBLINGS_MAX));
	catchup->lines_asked++;
	for (uint16_t i = 1; i <= seats; i++) {
		uint16_t seat = (uint16_t)((catchup->lines_from + i) % seats);
		if (!replica->up[seat] || seat == replica_seat(replica))
			continue;
		struct buffer bytes = {0};
		write_u64(&bytes, epoch_signed(replica) + 1);
		catchup->lines_from = seat;
		step_send(replica, seat, MESSAGE_EPOCH_LINES, step_keep(replica, &bytes));
		return;
	}
}

/* Nothing more comes. Of history that is here and leads nowhere, perhaps another has more. */
static void answer_over(struct replica *replica)
{
	const struct catchup *catchup = &replica->catchup;
	bool may_go_on = catchup->ended && replica->steady_ms < catchup->turn_ms;
	if (catchup->phase == CATCHUP_HISTORY && may_go_on && catchup->fruitless >= peers_ahead(replica))
		chain_ask(replica);
	else
		session_end(replica, false);
}

void catchup_look(struct replica *replica)
{
	struct catchup *catchup = &replica->catchup;
	if (!replica->started || replica->rebased)
		return;
	lines_look(replica);
	if (catchup->phase != CATCHUP_IDLE && replica->steady_ms >= catchup->deadline_ms)
		answer_over(replica);
	uint16_t peer = peer_ahead(replica);
	if (catchup->phase != CATCHUP_IDLE || replica->steady_ms < catchup->pause_ms || peer == REPLICA_NOBODY)
		return;
	catchup->from = peer;
	catchup->turn_ms = replica->steady_ms + TURN_MS;
	if (catchup->chain.count && catchup->sealed < catchup->chain.count)
		entries_go_on(replica);
	else if (catchup->chain.count || catchup->history_bytes > epoch_most(replica))
		chain_ask(replica);
	else
		history_ask(replica);
}

int64_t catchup_due(const struct replica *replica)
{
	const struct catchup *catchup = &replica->catchup;
	int64_t due = INT64_MAX;
	if (replica->rebased)
		return due;
	if (catchup->phase != CATCHUP_IDLE)
		due = catchup->deadline_ms;
	else if (peer_ahead(replica) != REPLICA_NOBODY)
		due = catchup->pause_ms;
	if (lines_are_missing(replica) && catchup->lines_ms < due)
		due = catchup->lines_ms;
	return due;
}

void catchup_lines_came(struct replica *replica)
{
	replica->catchup.lines_asked = 0;
	replica->catchup.lines_ms = replica->steady_ms;
}

void catchup_moved(struct replica *replica)
{
	struct catchup *catchup = &replica->catchup;
	catchup->lines_asked = 0;
	catchup->lines_ms = replica->steady_ms + LINES_MS;
	catchup->history_bytes = 0;
	if (catchup->phase != CATCHUP_IDLE)
		session_end(replica, true);
	if (catchup->chain.count)
		stage_drop(replica); /* it went without */
	for (uint16_t seat = 0; seat < ledger_seat_count(replica->ledger); seat++)
		if (replica->up[seat] && seat != replica_seat(replica))
			where_tell(replica, seat);
}

void catchup_peer(struct replica *replica, uint16_t peer, bool up)
{
	struct catchup *catchup = &replica->catchup;
	catchup->ahead[peer] = 0;
	if (catchup->phase != CATCHUP_IDLE && catchup->from == peer)
		session_end(replica, true);
	if (up) {
		where_tell(replica, peer);
		catchup->allowance[peer] = allowance_full(SERVE_BURST, replica->steady_ms);
		catchup->lines_asked = 0;
	}
}

void catchup_elsewhere(struct replica *replica, uint16_t peer, uint64_t epoch)
{
	if (epoch > epoch_number(replica))
		replica->catchup.ahead[peer] = epoch;
	else if (replica->steady_ms >= replica->catchup.told_ms[peer] + TELL_MS)
		where_tell(replica, peer);
}

/* -- answers to us ------------------------------------------------------------------------------------------------ */

/* Blocks that consensus has, be they accepted or not. */
static uint64_t taken(const struct replica *replica)
{
	struct consensus_numbers numbers;
	consensus_numbers(replica->consensus, &numbers);
	return numbers.accepted + numbers.suspended;
}

bool catchup_block(struct replica *replica, uint16_t peer, struct span message)
{
	struct catchup *catchup = &replica->catchup;
	struct span block;
	if (catchup->phase != CATCHUP_HISTORY || catchup->from != peer || !consensus_block_of_message(message, &block))
		return false;
	/* Here twins are taken that nobody names, and a liar has as many of its own as it likes. */
	if (catchup->history_bytes > epoch_most(replica))
		return false;
	uint64_t epoch = epoch_number(replica), before = taken(replica);
	(void)replica_give(replica, CONSENSUS_HISTORY, 0, block);
	if (epoch_number(replica) != epoch)
		return true;
	if (taken(replica) > before)
		catchup->history_bytes += block.size + REPLICA_BLOCK_COST;
	deadline_set(replica);
	if (catchup->ended && accepted(replica) > catchup->accepted_before)
		history_ask(replica);
	return true;
}

static bool is_answer(const struct replica *replica, uint16_t peer, int phase, uint64_t number)
{
	const struct catchup *catchup = &replica->catchup;
	return catchup->phase == phase && catchup->from == peer && catchup->number == number;
}

static enum status history_ended(struct replica *replica, uint16_t peer, struct span bytes)
{
	struct reader in = reader_of(bytes);
	uint64_t number = read_u64(&in);
	uint8_t end = read_u8(&in);
	TRY(reader_end(&in));
	if (end >= HISTORY_END_END)
		return E_MALFORMED;
	if (!is_answer(replica, peer, CATCHUP_HISTORY, number))
		return OK;
	replica->catchup.ended = true;
	deadline_set(replica);
	if (end == HISTORY_GONE)
		chain_ask(replica);
	else if (accepted(replica) > replica->catchup.accepted_before)
		history_ask(replica);
	return OK;
}

/* The chain as far as we have it ourselves; what is staged comes after it. */
static void stage_begin(struct replica *replica)
{
	struct catchup *catchup = &replica->catchup;
	const struct epochs *own = ledger_epochs(replica->ledger);
	if (catchup->chain.count)
		return;
	stage_drop(replica);
	epochs_begin(&catchup->chain, replica->genesis);
	for (size_t i = 1; i < own->count; i++)
		CHECK(epochs_add(&catchup->chain, own->items[i].record, NULL) == OK); /* as it was, once */
	catchup->sealed = catchup->chain.count;
	catchup->next = ledger_size(replica->ledger);
	for (uint64_t i = 0; i < catchup->next; i++)
		merkle_tree_append(&catchup->tree, merkle_tree_node(ledger_tree(replica->ledger), 0, i));
}

/* Do the lines hold a quorum of the chain's newest members under this record? */
static bool is_proven(struct replica *replica, struct span record, struct span lines)
{
	const struct epoch *before = epochs_newest(&replica->catchup.chain);
	struct digest digest = sha256(record);
	bool seen[BLOCK_MEMBERS_MAX] = {0};
	size_t count = 0;
	while (lines.size >= COSIGNED_SIZE) {
		struct cosigned line;
		if (cosigned_decode(span_of(lines.data, COSIGNED_SIZE), &line) == OK && line.member < BLOCK_MEMBERS_MAX && !seen[line.member]
			&& epoch_line_holds(replica, before->members, &line, before->number + 1, &digest)) {
			seen[line.member] = true;
			count++;
		}
		lines = span_after(lines, COSIGNED_SIZE);
	}
	return count >= epoch_quorum(before->members);
}

/* Of the entries that came, some are false. Whose? All are fetched again, from somebody else first. */
static void stage_refuse(struct replica *replica)
{
	replica->catchup.ahead[replica->catchup.from] = 0;
	stage_drop(replica);
	session_end(replica, false);
}

/* All entries of the newest record are staged. Do they lead to it? */
static void stage_seal(struct replica *replica)
{
	struct catchup *catchup = &replica->catchup;
	const struct epoch *record = epochs_newest(&catchup->chain);
	struct digest root = merkle_tree_root(&catchup->tree, record->log_size);
	if (!digest_equal(&root, &record->log_root)) {
		stage_refuse(replica);
		return;
	}
	struct buffer frame = {0};
	buffer_append_span(&frame, record->record);
	step_keep_entry(replica, REPLICA_STAGE, REPLICA_FRAME_EPOCH, step_keep(replica, &frame));
	for (struct span lines = buffer_span(&catchup->chain_lines); lines.size >= COSIGNED_SIZE; lines = span_after(lines, COSIGNED_SIZE)) {
		struct buffer line = {0};
		buffer_append(&line, lines.data, COSIGNED_SIZE);
		step_keep_entry(replica, REPLICA_STAGE, REPLICA_FRAME_EPOCH_LINE, step_keep(replica, &line));
	}
	catchup->sealed = catchup->chain.count;
	chain_ask(replica);
}

static enum status chain_told(struct replica *replica, uint16_t peer, struct span bytes)
{
	struct catchup *catchup = &replica->catchup;
	struct reader in = reader_of(bytes);
	uint64_t number = read_u64(&in);
	struct span record = read_block(&in, UINT32_MAX);
	if (in.failed || in.rest.size % COSIGNED_SIZE || (record.size == 0 && in.rest.size))
		return E_MALFORMED;
	if (!is_answer(replica, peer, CATCHUP_CHAIN, number))
		return OK;
	if (record.size == 0 && catchup->chain.count && catchup->sealed > replica->epoch_count) {
		replica->rebased = true; /* no further record: what is left comes from where it leads */
		step_action(replica, REPLICA_REBASE)->blocks_stay = damaged_later_of(replica, epochs_newest(&catchup->chain)->number);
		return OK;
	}
	if (record.size)
		stage_begin(replica);
	if (record.size == 0 || !is_proven(replica, record, in.rest) || epochs_add(&catchup->chain, record, NULL) != OK) {
		session_end(replica, false);
		return record.size ? E_SIGNATURE : OK;
	}
	buffer_clear(&catchup->chain_lines);
	buffer_append_span(&catchup->chain_lines, in.rest);
	catchup->staged_bytes = 0;
	entries_go_on(replica);
	return OK;
}

/* Networks may change the order of packets. */
static void early_keep(struct catchup *catchup, uint64_t index, struct span bytes)
{
	for (size_t i = 0; i < catchup->early_count; i++)
		if (catchup->early[i].index == index)
			return;
	if (catchup->early_count == REPLICA_ENTRIES_MAX || catchup->early_bytes > REPLICA_ENTRIES_BYTES_MAX)
		return; /* more than one answer holds */
	catchup->early_bytes += bytes.size;
	ARRAY_GROW(catchup->early, catchup->early_count, catchup->early_capacity);
	struct early_entry *early = &catchup->early[catchup->early_count++];
	*early = (struct early_entry){.index = index};
	buffer_append_span(&early->bytes, bytes);
}

/* The kept one that comes next. */
static bool early_take(struct catchup *catchup, struct buffer *out)
{
	for (size_t i = 0; i < catchup->early_count; i++)
		if (catchup->early[i].index == catchup->next) {
			*out = catchup->early[i].bytes;
			catchup->early_bytes -= out->size;
			catchup->early[i] = catchup->early[--catchup->early_count];
			return true;
		}
	return false;
}

static enum status entry_stage(struct replica *replica, struct span bytes)
{
	struct catchup *catchup = &replica->catchup;
	struct entry entry;
	TRY(entry_decode(bytes, &entry));
	if (catchup->staged_bytes > epoch_most(replica)) {
		stage_refuse(replica);
		return E_LIMIT;
	}
	struct digest id = sha256(entry.statement);
	struct digest leaf = merkle_leaf(digest_span(&id));
	struct buffer frame = {0};
	merkle_tree_append(&catchup->tree, &leaf);
	buffer_append_span(&frame, bytes);
	step_keep_entry(replica, REPLICA_STAGE, REPLICA_FRAME_ENTRY, step_keep(replica, &frame));
	catchup->next++;
	catchup->staged_bytes += entry.statement.size;
	catchup->fruitless = 0;
	return OK;
}

static enum status entry_told(struct replica *replica, uint16_t peer, struct span bytes)
{
	struct catchup *catchup = &replica->catchup;
	struct entry entry;
	TRY(entry_decode(bytes, &entry));
	if (catchup->phase != CATCHUP_ENTRIES || catchup->from != peer || entry.index < catchup->next
		|| entry.index >= epochs_newest(&catchup->chain)->log_size || entry.index >= catchup->next_before + REPLICA_ENTRIES_MAX)
		return OK;
	deadline_set(replica);
	early_keep(catchup, entry.index, bytes);
	struct buffer next = {0};
	while (catchup->phase == CATCHUP_ENTRIES && early_take(catchup, &next)) {
		enum status status = entry_stage(replica, buffer_span(&next));
		buffer_free(&next);
		TRY(status);
	}
	if (catchup->phase == CATCHUP_ENTRIES && catchup->ended && catchup->early_count == 0)
		entries_go_on(replica);
	return OK;
}

static enum status entries_ended(struct replica *replica, uint16_t peer, struct span bytes)
{
	struct reader in = reader_of(bytes);
	uint64_t number = read_u64(&in);
	TRY(reader_end(&in));
	if (!is_answer(replica, peer, CATCHUP_ENTRIES, number))
		return OK;
	replica->catchup.ended = true;
	deadline_set(replica);
	if (replica->catchup.next > replica->catchup.next_before && replica->catchup.early_count == 0)
		entries_go_on(replica);
	return OK;
}

static enum status where_told(struct replica *replica, uint16_t peer, struct span bytes)
{
	struct reader in = reader_of(bytes);
	uint64_t epoch = read_u64(&in);
	TRY(reader_end(&in));
	if (epoch > epoch_number(replica))
		replica->catchup.ahead[peer] = epoch;
	return OK;
}

void catchup_message(struct replica *replica, uint16_t peer, enum message_kind kind, struct span bytes)
{
	enum status status = OK;
	switch (kind) {
	case MESSAGE_WHERE: status = where_told(replica, peer, bytes); break;
	case MESSAGE_HISTORY: history_asked(replica, peer, bytes); break;
	case MESSAGE_HISTORY_END: status = history_ended(replica, peer, bytes); break;
	case MESSAGE_CHAIN: chain_asked(replica, peer, bytes); break;
	case MESSAGE_CHAIN_IS: status = chain_told(replica, peer, bytes); break;
	case MESSAGE_ENTRIES: entries_asked(replica, peer, bytes); break;
	case MESSAGE_ENTRY: status = entry_told(replica, peer, bytes); break;
	case MESSAGE_ENTRIES_END: status = entries_ended(replica, peer, bytes); break;
	default: status = E_MALFORMED; break;
	}
	replica->messages_refused += status != OK;
}
