/* The node's logs (replica/replica.h): data/log holds blocks, data/entries what is final, data/incoming what is fetched beyond that
 * until it is proven. A process that ends at any point leaves what the next start can read: frames of the entries that are there
 * twice are known by their number, and blocks of epochs that are over are passed by. */
#include "node/node.h"

#include "host/note.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

enum { PATH_SIZE = 1200, OUT_MAX = 1 << 20, RECOVERY_NOTE_MS = 2000 };

static void data_path(const struct node *node, char out[PATH_SIZE])
{
	snprintf(out, PATH_SIZE, "%.1000s/data", node->self.settings.folder);
}

/* ---- where entries lie ---- */

static uint64_t first_entry(const struct node *node)
{
	return node->self.genesis.member_count;
}

/* Of an entry that stands twice the first place counts; the search goes on from there. */
static void place_note(struct node *node, uint64_t position, struct span entry)
{
	struct node_disk *disk = &node->disk;
	uint64_t index;
	if (replica_entry_index(entry, &index) != OK || index != first_entry(node) + disk->every_count * NODE_DISK_EVERY)
		return;
	ARRAY_GROW(disk->every, disk->every_count, disk->every_capacity);
	disk->every[disk->every_count++] = position;
}

static void segment_size_set(const struct node *node, struct disk_log *log)
{
	disk_log_segment_size(log, (uint64_t)node->self.settings.segment_bytes);
}

/* ---- appending ---- */

static void append(struct node *node, struct disk_log *log, struct buffer *frames)
{
	struct fault fault;
	if (frames->size && !node->failed && disk_log_append(log, buffer_span(frames), &fault) != OK)
		node_fail(node, &fault);
	buffer_clear(frames);
}

void node_disk_write(struct node *node)
{
	append(node, node->disk.entries, &node->disk.entries_out);
	append(node, node->disk.incoming, &node->disk.incoming_out);
}

static void keep_in(struct disk_log *log, struct buffer *out, uint8_t kind, struct span bytes)
{
	log_frame_write(out, disk_log_end(log) + out->size, kind, bytes);
}

void node_disk_keep(struct node *node, uint8_t kind, struct span bytes)
{
	struct node_disk *disk = &node->disk;
	if (kind == REPLICA_FRAME_ENTRY)
		place_note(node, disk_log_end(disk->entries) + disk->entries_out.size, bytes);
	keep_in(disk->entries, &disk->entries_out, kind, bytes);
	if (disk->entries_out.size > OUT_MAX)
		node_disk_write(node);
}

void node_disk_stage(struct node *node, uint8_t kind, struct span bytes)
{
	keep_in(node->disk.incoming, &node->disk.incoming_out, kind, bytes);
	if (node->disk.incoming_out.size > OUT_MAX)
		node_disk_write(node);
}

static enum status incoming_open(struct node *node, struct fault *fault)
{
	char path[PATH_SIZE];
	data_path(node, path);
	disk_log_close(node->disk.incoming);
	node->disk.incoming = NULL;
	buffer_clear(&node->disk.incoming_out);
	TRY(disk_log_remove(path, "incoming", fault));
	TRY(disk_log_open(path, "incoming", NULL, NULL, &node->disk.incoming, fault));
	segment_size_set(node, node->disk.incoming);
	return OK;
}

void node_disk_stage_clear(struct node *node)
{
	struct fault fault;
	buffer_clear(&node->disk.incoming_out);
	if (disk_log_end(node->disk.incoming) && incoming_open(node, &fault) != OK)
		node_fail(node, &fault);
}

/* ---- less blocks ---- */

void node_disk_prune(struct node *node, uint64_t position)
{
	struct fault fault;
	uint64_t keep = (uint64_t)node->self.settings.keep_blocks;
	node_disk_write(node);
	if (node->failed)
		return;
	enum status status = disk_log_flush(node->disk.entries, &fault);
	if (status == OK && position > keep)
		status = disk_log_prune(node->log, position - keep, &fault);
	if (status != OK)
		node_fail(node, &fault);
}

/* Behind the entries comes what was fetched. */
static enum status incoming_move(struct node *node, struct fault *fault)
{
	struct node_disk *disk = &node->disk;
	struct buffer bytes = {0};
	enum status status = OK;
	for (uint64_t at = 0; status == OK && at < disk_log_end(disk->incoming); at += LOG_FRAME_OVERHEAD + bytes.size) {
		uint8_t kind;
		buffer_clear(&bytes);
		status = disk_log_read(disk->incoming, at, &bytes, &kind, fault);
		if (status == OK)
			node_disk_keep(node, kind, buffer_span(&bytes));
		if (node->failed)
			status = fault_set(fault, E_IO, "the log of entries could not be written; see above");
	}
	buffer_free(&bytes);
	return status;
}

void node_disk_rebase(struct node *node, bool blocks_stay)
{
	char path[PATH_SIZE];
	struct fault fault;
	data_path(node, path);
	node->rebased = true;
	node_disk_write(node);
	enum status status = node->failed ? E_IO : incoming_move(node, &fault);
	node_disk_write(node);
	if (node->failed)
		return;
	if (status == OK)
		status = disk_log_flush(node->disk.entries, &fault);
	disk_log_close(node->log);
	node->log = NULL;
	if (status == OK && !blocks_stay)
		status = disk_log_remove(path, "log", &fault);
	if (status != OK) {
		node_fail(node, &fault);
		return;
	}
	note(NOTE_INFO, "rebased", "reason=\"the members are in a later epoch, and its entries are here and proven: the node begins from them\"");
	node->again = true;
	loop_stop(node->self.loop);
}

/* ---- reading and sending entries ---- */

/* The content of a frame ENTRY into `entry`. */
static enum status entry_read(struct node *node, uint64_t index, struct buffer *entry, struct fault *fault)
{
	struct node_disk *disk = &node->disk;
	uint64_t first = first_entry(node), place = (index - first) / NODE_DISK_EVERY, number = 0;
	node_disk_write(node);
	if (index < first || place >= disk->every_count)
		return fault_set(fault, E_NOT_FOUND, "entry %" PRIu64 " is not in the log", index);
	uint64_t at = index == disk->next_index && disk->next_place ? disk->next_place : disk->every[place];
	uint8_t kind;
	do {
		buffer_clear(entry);
		TRY(disk_log_read(disk->entries, at, entry, &kind, fault));
		at += LOG_FRAME_OVERHEAD + entry->size;
	} while (kind != REPLICA_FRAME_ENTRY || replica_entry_index(buffer_span(entry), &number) != OK || number != index);
	disk->next_index = index + 1;
	disk->next_place = at;
	return OK;
}

enum status node_disk_entry(void *context, uint64_t index, struct buffer *out)
{
	struct node *node = context;
	struct buffer entry = {0};
	struct span statement;
	struct fault fault;
	if (index < first_entry(node)) {
		buffer_append_span(out, node->self.genesis.members[index].statement);
		return OK;
	}
	enum status status = entry_read(node, index, &entry, &fault);
	if (status == OK)
		status = replica_entry_statement(buffer_span(&entry), &statement);
	if (status == OK)
		buffer_append_span(out, statement);
	else if (status != E_NOT_FOUND)
		note(NOTE_ERROR, "entry_unreadable", "entry=%" PRIu64 " reason=\"%s\"", index, fault.text);
	buffer_free(&entry);
	return status;
}

void node_disk_send_entries(struct node *node, uint16_t peer, uint64_t index, uint32_t count)
{
	struct buffer entry = {0}, message = {0};
	struct wire_link *link = peer < LEDGER_SEATS_MAX ? node->members[peer] : NULL;
	size_t bytes = 0;
	for (uint32_t sent = 0; link && sent < count && bytes < REPLICA_ENTRIES_BYTES_MAX; sent++) {
		struct fault fault;
		enum status status = entry_read(node, index + sent, &entry, &fault);
		if (status != OK && status != E_NOT_FOUND)
			note(NOTE_ERROR, "entry_unreadable", "entry=%" PRIu64 " reason=\"%s\"", index + sent, fault.text);
		buffer_clear(&message);
		if (status == OK)
			replica_message_of_entry(buffer_span(&entry), &message);
		if (status != OK || wire_send(link, WIRE_REPLICA, buffer_span(&message)) != OK)
			break;
		bytes += message.size;
	}
	buffer_free(&entry);
	buffer_free(&message);
}

/* ---- at the start ---- */

static void recovery_tell(struct node *node, uint64_t position)
{
	int64_t now = clock_monotonic_ns();
	if (now - node->told_ns < RECOVERY_NOTE_MS * NS_PER_MS)
		return;
	node->told_ns = now;
	note(NOTE_INFO, "recovering", "percent=%u mib=%" PRIu64 " statements=%" PRIu64,
		node->recovery_bytes ? (unsigned)(position * 100 / node->recovery_bytes) : 0, position >> 20, ledger_size(replica_ledger(node->replica)));
}

/* Tell the replica what a log says, and the view what it lacks. */
static void recovered(struct node *node, const struct log_frame *frame, bool sealed)
{
	struct replica_event event = {.kind = REPLICA_RECOVERED, .now_ms = clock_now_ns() / NS_PER_MS, .frame_kind = frame->kind,
		.position = frame->position, .bytes = frame->bytes, .sealed = sealed};
	struct replica_actions actions;
	if (node->failed)
		return;
	replica_step(node->replica, &event, &actions);
	for (uint32_t i = 0; i < actions.count; i++) {
		const struct replica_action *action = &actions.items[i];
		if (action->kind == REPLICA_FINAL)
			node_view_feed(node, action->index, action->commit_index, action->commit_ms, action->statement);
		else if (action->kind == REPLICA_KEEP)
			node_disk_keep(node, action->frame_kind, action->bytes);
	}
}

static void on_surveyed(void *context, const struct log_frame *frame)
{
	struct node *node = context;
	struct node_disk *disk = &node->disk;
	if (frame->kind == LOG_FRAME_HOLE && !disk->holed) {
		disk->holed = true;
		disk->hole = frame->position;
	} else if (frame->kind == REPLICA_FRAME_EPOCH) {
		disk->sealed = frame->position;
		disk->sealed_hole = disk->holed;
	} else if (frame->kind == REPLICA_FRAME_ENTRY && !disk->holed) {
		place_note(node, frame->position, frame->bytes);
	}
}

static void on_entries(void *context, const struct log_frame *frame)
{
	struct node *node = context;
	recovered(node, frame, frame->position < node->disk.sealed);
	recovery_tell(node, frame->position);
}

static void on_blocks(void *context, const struct log_frame *frame)
{
	struct node *node = context;
	recovered(node, frame, false);
	recovery_tell(node, node->disk.sealed + frame->position);
}

/* What is not sealed, the blocks bring again. */
static enum status entries_mend(struct node *node, const char *path, struct fault *fault)
{
	struct node_disk *disk = &node->disk;
	if (disk->sealed_hole)
		return fault_set(fault, E_CORRUPT, "the log %.300s/entries is damaged, and the blocks that it came from are gone. Check the disk; then put "
			"the files back from a copy, or move all of entries.*, log.* and view.db away: this node then fetches everything from the other members",
			path);
	if (!disk->holed)
		return OK;
	note(NOTE_WARNING, "entries_cut", "log=%.300s/entries byte=%" PRIu64 " reason=\"what follows is made again from the blocks\"", path, disk->hole);
	return disk_log_cut(disk->entries, disk->hole, fault);
}

static enum status entries_open(struct node *node, const char *path, struct fault *fault)
{
	struct node_disk *disk = &node->disk;
	TRY(disk_log_open_repairing(path, "entries", on_surveyed, node, &disk->entries, fault));
	TRY(entries_mend(node, path, fault));
	disk_log_close(disk->entries);
	disk->entries = NULL;
	TRY(disk_log_open(path, "entries", on_entries, node, &disk->entries, fault));
	segment_size_set(node, disk->entries);
	return incoming_open(node, fault);
}

static enum status blocks_open(struct node *node, const char *path, struct fault *fault)
{
	/* What a damaged disk lost, the other members have; a member that is alone has nobody to ask. */
	bool alone = node_members(node)->member_count < 2;
	TRY((alone ? disk_log_open : disk_log_open_repairing)(path, "log", on_blocks, node, &node->log, fault));
	TRY(replica_recovery(node->replica, fault));
	if (disk_log_end(node->log) > replica_log_end(node->replica) && replica_log_end(node->replica) == 0) {
		/* Everything is pruned but an empty segment: positions begin again. */
		disk_log_close(node->log);
		node->log = NULL;
		TRY(disk_log_remove(path, "log", fault));
		TRY(disk_log_open(path, "log", NULL, NULL, &node->log, fault));
	}
	segment_size_set(node, node->log);
	CHECK(node->failed || replica_log_end(node->replica) == disk_log_end(node->log));
	return OK;
}

enum status node_disk_open(struct node *node, struct fault *fault)
{
	char path[PATH_SIZE];
	data_path(node, path);
	int64_t start = clock_monotonic_ns();
	node->told_ns = start;
	node->recovery_bytes = disk_log_bytes(path, "entries") + disk_log_bytes(path, "log");
	TRY(entries_open(node, path, fault));
	TRY(blocks_open(node, path, fault));
	node_disk_write(node);
	if (node->failed)
		return fault_set(fault, E_IO, "the view or the log of entries could not be written while the logs were read; see above");
	note(NOTE_INFO, "recovered", "statements=%" PRIu64 " epoch=%" PRIu64 " mib=%" PRIu64 " seconds=%.1f", ledger_size(replica_ledger(node->replica)),
		epochs_newest(ledger_epochs(replica_ledger(node->replica)))->number, node->recovery_bytes >> 20,
		(double)(clock_monotonic_ns() - start) / 1e9);
	malloc_trim(0);
	return OK;
}

void node_disk_close(struct node *node)
{
	struct node_disk *disk = &node->disk;
	disk_log_close(node->log);
	disk_log_close(disk->entries);
	disk_log_close(disk->incoming);
	buffer_free(&disk->entries_out);
	buffer_free(&disk->incoming_out);
	free(disk->every);
}
