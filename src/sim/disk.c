/* A disk that holds one log: what was appended, what was flushed, and what of it a power cut, a lie or decay leaves. */
#include "sim/state.h"

enum { TORN_ZEROS = 300 };

bool disk_append(struct sim_disk *disk, struct span frame)
{
	if (frame.size > disk->space - (disk->bytes.size < disk->space ? disk->bytes.size : disk->space))
		return false;
	buffer_append_span(&disk->bytes, frame);
	return true;
}

static void cut(struct sim_disk *disk, size_t size)
{
	disk->bytes.size = size;
	if (disk->start > size) /* a disk that lied about a flush lost even what was to be kept */
		disk->start = size;
	if (disk->flushed > size)
		disk->flushed = size;
	if (disk->safe > size)
		disk->safe = size;
}

/* Of what was not flushed any beginning may be there; the file may also be longer than what reached it. */
void disk_power_cut(struct sim *sim, struct sim_disk *disk)
{
	size_t loose = disk->bytes.size - disk->safe;
	size_t left = loose ? (size_t)sim_below(sim, loose + 1) : 0;
	if (left < loose)
		sim->counters[SIM_TORN]++;
	cut(disk, disk->safe + left);
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
	disk->decayed = true;
	if (disk->bytes.size)
		disk->bytes.data[sim_below(sim, disk->bytes.size)] ^= (uint8_t)(1u << sim_below(sim, 8));
}

/* Sectors that were written to another sector's place. */
void disk_misdirect(struct sim *sim, struct sim_disk *disk)
{
	enum { SECTOR = 512 };
	size_t sectors = disk->bytes.size / SECTOR;
	disk->decayed = true;
	if (sectors < 2)
		return;
	size_t meant = (size_t)sim_below(sim, sectors) * SECTOR, hit = (size_t)sim_below(sim, sectors) * SECTOR;
	memmove(disk->bytes.data + hit, disk->bytes.data + meant, SECTOR);
	memset(disk->bytes.data + meant, 0, SECTOR);
}

void disk_keep(struct buffer *log, uint8_t kind, struct span bytes)
{
	log_frame_write(log, log->size, kind, bytes);
}

void disk_empty(struct sim_disk *disk)
{
	disk->bytes.size = disk->flushed = disk->safe = disk->noted = disk->start = 0;
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
}

/* The log of entries may have a torn end. */
static void entries_check(struct sim_disk *disk)
{
	struct log_frame frame;
	size_t at = 0, size;
	while (log_frame_read(span_after(buffer_span(&disk->entries), at), at, &frame, &size) == OK)
		at += size;
	disk->entries.size = at;
	disk->stage.size = 0;
}

enum disk_state disk_check(struct sim_disk *disk)
{
	size_t at = disk->start;
	entries_check(disk);
	for (;;) {
		struct log_frame frame;
		size_t size;
		struct span rest = span_after(buffer_span(&disk->bytes), at);
		enum status status = log_frame_read(rest, at, &frame, &size);
		if (status == OK) {
			at += size;
			continue;
		}
		if (rest.size == 0)
			return DISK_GOOD;
		if (status == E_CORRUPT && !log_tail_is_torn(rest, at))
			return DISK_DAMAGED;
		cut(disk, at);
		return DISK_CUT;
	}
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
