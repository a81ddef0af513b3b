/* A disk that holds one log: what was appended, what was flushed, and what of it a power cut, a lie or decay leaves. */
#include "sim/state.h"

#include "store/log_repair.h"

#include <stdlib.h>

enum { TORN_ZEROS = 300, SCATTERED_PERMILLE = 500 };

bool disk_append(struct sim_disk *disk, struct span frame)
{
	if (frame.size > disk->space - (disk->bytes.size < disk->space ? disk->bytes.size : disk->space))
		return false;
	bool first = disk->segment_count == 0;
	if (first || disk->bytes.size - disk->segments[disk->segment_count - 1] >= disk->segment_size) {
		ARRAY_GROW(disk->segments, disk->segment_count, disk->segment_capacity);
		disk->segments[disk->segment_count++] = first ? 0 : disk->bytes.size;
	}
	buffer_append_span(&disk->bytes, frame);
	return true;
}

bool disk_frame_is_portable(struct span frame)
{
	enum { CHECKSUM = 4 };
	struct reader in = reader_of(span_after(frame, frame.size - CHECKSUM));
	return read_u32(&in) == crc32c_portable(span_of(frame.data, frame.size - CHECKSUM));
}

static void segments_cut(struct sim_disk *disk)
{
	while (disk->segment_count && disk->segments[disk->segment_count - 1] > disk->bytes.size)
		disk->segment_count--;
}

static void cut(struct sim_disk *disk, size_t size)
{
	disk->bytes.size = size;
	segments_cut(disk);
	if (disk->holes_to > size)
		disk->holes_to = size > disk->holes_from ? size : disk->holes_from;
	if (disk->start > size) /* a disk that lied about a flush lost even what was to be kept */
		disk->start = size;
	if (disk->flushed > size)
		disk->flushed = size;
	if (disk->safe > size)
		disk->safe = size;
}

struct stretch {
	size_t at, size;
};

/* A random frame, between two places, of what was found out about statements: those are few, and whoever loses one must not believe the
 * statements. Size 0: there is none. */
static struct stretch verdict_choose(struct sim *sim, const struct sim_disk *disk, size_t from, size_t to)
{
	struct stretch chosen = {0};
	struct log_frame frame;
	uint64_t seen = 0;
	for (size_t at = from, size; at < to; at += size) {
		if (log_frame_read(span_of(disk->bytes.data + at, to - at), at, &frame, &size) != OK)
			break;
		if (frame.kind == REPLICA_FRAME_FORGED && sim_below(sim, ++seen) == 0)
			chosen = (struct stretch){at, size};
	}
	return chosen;
}

/* Of what was not flushed any beginning may be there; the file may also be longer than what reached it. */
void disk_power_cut(struct sim *sim, struct sim_disk *disk)
{
	size_t loose = disk->bytes.size - disk->safe;
	size_t left = loose ? (size_t)sim_below(sim, loose + 1) : 0;
	if (left < loose)
		sim->counters[SIM_TORN]++;
	cut(disk, disk->safe + left);
	/* Pages reach the disk in any order: some of these may be missing, and later ones there. */
	if (left > 0 && sim->founders > 1 && sim_permille(sim, SCATTERED_PERMILLE)) {
		struct stretch hole = verdict_choose(sim, disk, disk->safe, disk->bytes.size);
		if (hole.size == 0 || sim_permille(sim, 500)) {
			hole.at = disk->safe + (size_t)sim_below(sim, left);
			hole.size = 1 + (size_t)sim_below(sim, disk->bytes.size - hole.at);
		}
		memset(disk->bytes.data + hole.at, 0, hole.size);
		disk->scattered = true;
		sim->counters[SIM_SCATTERED]++;
	}
	/* The log of entries is written without flushes. A disk that lies about them keeps it all the same. */
	if (!disk->lies && disk->entries.size > disk->entries_safe)
		disk->entries.size = disk->entries_safe + (size_t)sim_below(sim, disk->entries.size - disk->entries_safe + 1);
	if (left < loose && sim_permille(sim, 300)) {
		static const uint8_t zeros[TORN_ZEROS];
		buffer_append(&disk->bytes, zeros, 1 + (size_t)sim_below(sim, sizeof zeros));
	}
}

void disk_flip(struct sim *sim, struct sim_disk *disk)
{
	bool blocks = sim_permille(sim, 600);
	uint8_t *bytes = blocks ? disk->bytes.data : disk->entries.data;
	size_t from = blocks ? disk->start : 0, size = blocks ? disk->flushed : disk->entries.size;
	struct stretch verdict = {0};
	disk->decayed = true;
	if (blocks && sim_permille(sim, 500))
		verdict = verdict_choose(sim, disk, disk->start, disk->flushed);
	if (verdict.size) {
		from = verdict.at;
		size = verdict.at + verdict.size;
	}
	if (size > from)
		bytes[from + sim_below(sim, size - from)] ^= (uint8_t)(1u << sim_below(sim, 8));
}

/* Sectors that were written to another sector's place. */
void disk_misdirect(struct sim *sim, struct sim_disk *disk)
{
	enum { SECTOR = 512 };
	bool blocks = sim_permille(sim, 600);
	uint8_t *bytes = blocks ? disk->bytes.data : disk->entries.data;
	size_t sectors = (blocks ? disk->flushed : disk->entries.size) / SECTOR;
	disk->decayed = true;
	if (sectors < 2)
		return;
	size_t meant = (size_t)sim_below(sim, sectors) * SECTOR, hit = (size_t)sim_below(sim, sectors) * SECTOR;
	memmove(bytes + hit, bytes + meant, SECTOR);
	memset(bytes + meant, 0, SECTOR);
}

void disk_keep(struct buffer *log, uint8_t kind, struct span bytes)
{
	log_frame_write(log, log->size, kind, bytes);
}

void disk_empty(struct sim_disk *disk)
{
	disk->bytes.size = disk->flushed = disk->safe = disk->noted = disk->start = 0;
	disk->segment_count = 0;
	disk->holes_from = disk->holes_to = 0;
	disk->start_epoch = 0;
	disk->entries.size = disk->entries_safe = disk->stage.size = 0;
}

void disk_free(struct sim_disk *disk)
{
	buffer_free(&disk->entries);
	buffer_free(&disk->stage);
	buffer_free(&disk->backup_entries);
	buffer_free(&disk->bytes);
	buffer_free(&disk->backup);
	map_free(&disk->stored);
	free(disk->segments);
}

/* -- before the logs are read ------------------------------------------------------------------------------------ */

/* Where good frames end. */
static size_t good_frames(struct span log, size_t from, size_t to)
{
	struct log_frame frame;
	size_t at = from, size;
	while (at < to && log_frame_read(span_of(log.data + at, to - at), at, &frame, &size) == OK)
		at += size;
	return at;
}

/* The end of a log from its first bad frame on: never finished, or of zeros. */
static bool is_torn(struct span log, size_t at)
{
	struct log_frame frame;
	size_t size;
	struct span rest = span_after(log, at);
	return log_frame_read(rest, at, &frame, &size) == E_NOT_FOUND || log_tail_is_torn(rest, at);
}

/* In place. False: it cannot be. */
static bool segment_mend(struct span log, size_t from, size_t to, uint64_t end, struct log_damages *damages)
{
	struct buffer mended = {0};
	bool done = log_repair(span_of(log.data + from, to - from), from, end, &mended, damages) == OK;
	if (done) {
		CHECK(mended.size == to - from);
		memcpy((void *)(uintptr_t)(log.data + from), mended.data, mended.size);
	}
	buffer_free(&mended);
	return done;
}

static enum disk_state entries_check(struct sim_disk *disk)
{
	struct span log = buffer_span(&disk->entries);
	struct log_damages damages = {0};
	struct log_frame frame;
	size_t hole = SIZE_MAX, seal = 0, size, good = good_frames(log, 0, log.size);
	disk->stage.size = 0;
	disk->entries_cut = good != log.size;
	if (!disk->entries_cut)
		return DISK_GOOD;
	if (!is_torn(log, good)) {
		if (!segment_mend(log, 0, log.size, UINT64_MAX, &damages))
			return DISK_LOST;
		hole = damages.count ? (size_t)damages.items[0].offset : SIZE_MAX;
		log_damages_free(&damages);
		good = good_frames(log, 0, log.size);
	}
	for (size_t at = 0; at < good && log_frame_read(span_after(log, at), at, &frame, &size) == OK; at += size)
		seal = frame.kind == REPLICA_FRAME_EPOCH ? at : seal;
	disk->entries.size = hole < good ? hole : good;
	if (disk->entries_safe > disk->entries.size)
		disk->entries_safe = disk->entries.size;
	if (hole == SIZE_MAX)
		return DISK_CUT;
	return hole < seal ? DISK_LOST : DISK_MENDED;
}

static void hole_note(struct sim_disk *disk, const struct log_damages *damages, size_t from)
{
	size_t first = damages->count ? from + (size_t)damages->items[0].offset : disk->bytes.size;
	if (disk->holes_from == disk->holes_to || first < disk->holes_from)
		disk->holes_from = first;
	disk->holes_to = disk->bytes.size;
}

static enum disk_state segment_check(struct sim_disk *disk, size_t which)
{
	bool newest = which + 1 >= disk->segment_count;
	struct span log = buffer_span(&disk->bytes);
	size_t begin = which < disk->segment_count ? disk->segments[which] : 0, to = newest ? log.size : disk->segments[which + 1];
	size_t from = begin > disk->start ? begin : disk->start, good = good_frames(log, from, to);
	struct log_damages damages = {0};
	enum disk_state state = DISK_GOOD;
	if (good != to && !(newest && is_torn(log, good))) {
		bool mended = segment_mend(log, from, to, newest ? UINT64_MAX : to, &damages);
		if (mended)
			hole_note(disk, &damages, from);
		log_damages_free(&damages);
		if (!mended)
			return DISK_LOST;
		good = good_frames(log, from, to);
		state = DISK_MENDED;
	}
	if (good == to)
		return state;
	cut(disk, good);
	return state == DISK_GOOD ? DISK_CUT : state;
}

enum disk_state disk_check(struct sim_disk *disk)
{
	enum disk_state worst = entries_check(disk);
	size_t which = 0;
	segments_cut(disk);
	while (which + 1 < disk->segment_count && disk->segments[which + 1] <= disk->start)
		which++;
	do {
		enum disk_state state = segment_check(disk, which);
		worst = state > worst ? state : worst;
	} while (++which < disk->segment_count);
	return worst;
}

bool disk_has_holes(const struct sim_disk *disk)
{
	return disk->holes_from < disk->holes_to && disk->holes_to > disk->start;
}

uint64_t disk_skip(const struct sim_disk *disk, uint64_t position)
{
	size_t end = disk->bytes.size;
	for (size_t i = disk->segment_count; i-- > 0 && disk->segments[i] > position;)
		end = disk->segments[i];
	struct span rest = span_of(disk->bytes.data + position, end - (size_t)position);
	return position + (rest.size > LOG_FRAME_OVERHEAD ? log_frame_find(rest, position, LOG_FRAME_OVERHEAD) : rest.size);
}

bool disk_block(const struct sim_disk *disk, uint64_t position, struct span *block)
{
	struct log_frame frame;
	size_t size;
	if (position >= disk->bytes.size || position < disk->start)
		return false;
	if (log_frame_read(span_after(buffer_span(&disk->bytes), position), position, &frame, &size) != OK)
		return false;
	*block = frame.bytes;
	return frame.kind == REPLICA_FRAME_BLOCK;
}
