/* A log on a disk that lies: damage anywhere is replaced by holes, kept as evidence, and told once; and a flush that
 * fails is the last thing that a log does. */
#include "base/random.h"
#include "host/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

enum { HEADER = 36, FRAME = 100 + LOG_FRAME_OVERHEAD, FRAMES = 14, SEGMENT_FRAMES = 4, SEGMENTS = 4 };

struct room {
	char folder[64];
	struct fault fault;
	struct buffer files[SEGMENTS]; /* as they were */
};

/* ---- a disk that fails to flush: this definition is found before the C library's ---- */

static bool flush_fails;
static unsigned flushes;

int fdatasync(int fd)
{
	flushes++;
	if (flush_fails) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

/* ---- what a log says ---- */

struct heard {
	uint64_t next;
	unsigned good, holes;
	uint64_t hole_bytes;
	bool wrong;
};

static void on_frame(void *context, const struct log_frame *frame)
{
	struct heard *heard = context;
	uint64_t size = LOG_FRAME_OVERHEAD + frame->bytes.size;
	heard->wrong = heard->wrong || frame->position != heard->next;
	heard->next = frame->position + size;
	if (frame->kind == LOG_FRAME_HOLE) {
		heard->holes++;
		heard->hole_bytes += size;
		return;
	}
	heard->good++;
	heard->wrong = heard->wrong || size != FRAME || frame->kind != 1 + frame->position / FRAME;
	for (size_t i = 0; i < frame->bytes.size; i++)
		heard->wrong = heard->wrong || frame->bytes.data[i] != (uint8_t)(frame->position + i);
}

static enum status append(struct disk_log *log, struct fault *fault)
{
	uint64_t position = disk_log_end(log);
	uint8_t bytes[FRAME - LOG_FRAME_OVERHEAD];
	struct buffer frame = {0};
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(position + i);
	log_frame_write(&frame, position, (uint8_t)(1 + position / FRAME), span_of(bytes, sizeof bytes));
	enum status status = disk_log_append(log, buffer_span(&frame), fault);
	buffer_free(&frame);
	return status;
}

static void path_of(const struct room *room, unsigned segment, char out[128])
{
	snprintf(out, 128, "%s/log.%06u", room->folder, segment);
}

/* The files as they were, but for what a test changes. */
static void files_put(struct room *room)
{
	for (unsigned i = 0; i < SEGMENTS; i++) {
		char path[128];
		path_of(room, i, path);
		assert_int_equal(disk_write(path, buffer_span(&room->files[i]), 0600, &room->fault), OK);
	}
	char command[128];
	snprintf(command, sizeof command, "%s/damaged", room->folder);
	if (access(command, F_OK) != 0)
		return;
	DIR *folder = opendir(command);
	for (struct dirent *entry; (entry = readdir(folder));)
		(void)unlinkat(dirfd(folder), entry->d_name, 0);
	closedir(folder);
}

static void flip(const struct room *room, unsigned segment, size_t byte)
{
	char path[128];
	uint8_t value;
	path_of(room, segment, path);
	int fd = open(path, O_RDWR);
	assert_int_equal(pread(fd, &value, 1, (off_t)byte), 1);
	value ^= 0x10;
	assert_int_equal(pwrite(fd, &value, 1, (off_t)byte), 1);
	close(fd);
}

static unsigned kept(const struct room *room)
{
	char path[128];
	unsigned count = 0;
	snprintf(path, sizeof path, "%s/damaged", room->folder);
	DIR *folder = opendir(path);
	if (!folder)
		return 0;
	for (struct dirent *entry; (entry = readdir(folder));)
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

static int room_open(void **state)
{
	struct room *room = memory_new(sizeof *room);
	struct disk_log *log;
	/* In memory, where there is such a place: thousands of small files are flushed. */
	snprintf(room->folder, sizeof room->folder, "%s/tally-test-repair-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(room->folder));
	assert_int_equal(disk_log_open(room->folder, "log", NULL, NULL, &log, &room->fault), OK);
	disk_log_segment_size(log, SEGMENT_FRAMES * FRAME);
	for (int i = 0; i < FRAMES; i++)
		assert_int_equal(append(log, &room->fault), OK);
	assert_int_equal(disk_log_flush(log, &room->fault), OK);
	disk_log_close(log);
	for (unsigned i = 0; i < SEGMENTS; i++) {
		char path[128];
		path_of(room, i, path);
		assert_int_equal(disk_read(path, 1 << 20, &room->files[i], &room->fault), OK);
	}
	*state = room;
	return 0;
}

static int room_close(void **state)
{
	struct room *room = *state;
	char command[128];
	for (unsigned i = 0; i < SEGMENTS; i++)
		buffer_free(&room->files[i]);
	snprintf(command, sizeof command, "rm -rf %s", room->folder);
	assert_int_equal(system(command), 0);
	free(room);
	return 0;
}

/* Opens and repairs; the frames that were not damaged are all there, and no start after it finds anything to repair. */
static void opens(struct room *room, unsigned good, unsigned holes, uint64_t end)
{
	struct disk_log *log;
	for (int start = 0; start < 3; start++) {
		struct heard heard = {0};
		/* The third time as somebody who repairs nothing. */
		enum status status = start < 2 ? disk_log_open_repairing(room->folder, "log", on_frame, &heard, &log, &room->fault)
			: disk_log_open(room->folder, "log", on_frame, &heard, &log, &room->fault);
		if (status != OK)
			fail_msg("%s", room->fault.text);
		assert_false(heard.wrong);
		assert_int_equal(heard.good, good);
		assert_int_equal(heard.holes, holes);
		assert_true(heard.next == end && disk_log_end(log) == end);
		disk_log_close(log);
	}
}

/* ---- tests ---- */

static void every_byte_of_every_segment(void **state)
{
	struct room *room = *state;
	for (unsigned segment = 0; segment < SEGMENTS; segment++)
		for (size_t byte = 0; byte < room->files[segment].size; byte++) {
			bool header = byte < HEADER, tail = segment + 1 == SEGMENTS && byte >= room->files[segment].size - FRAME;
			files_put(room);
			flip(room, segment, byte);
			if (!tail) {
				struct disk_log *log;
				assert_int_equal(disk_log_open(room->folder, "log", NULL, NULL, &log, &room->fault), E_CORRUPT);
			}
			opens(room, FRAMES - !header, !header && !tail, (uint64_t)(FRAMES - tail) * FRAME);
			assert_int_equal(kept(room), !tail);
		}
}

static void every_truncation_of_every_segment(void **state)
{
	struct room *room = *state;
	for (unsigned segment = 0; segment < SEGMENTS; segment++)
		for (size_t size = 0; size < room->files[segment].size; size++) {
			char path[128];
			files_put(room);
			path_of(room, segment, path);
			assert_int_equal(truncate(path, (off_t)size), 0);
			unsigned left = size < HEADER ? 0 : (unsigned)((size - HEADER) / FRAME);
			unsigned lost = (unsigned)((room->files[segment].size - HEADER) / FRAME) - left;
			bool last = segment + 1 == SEGMENTS;
			opens(room, FRAMES - lost, !last, (uint64_t)(FRAMES - (last ? lost : 0)) * FRAME);
		}
}

static void many_at_once(void **state)
{
	struct room *room = *state;
	struct random random = random_of(5);
	for (int round = 0; round < 300; round++) {
		bool lost[FRAMES] = {0};
		unsigned good = FRAMES, holes = 0;
		files_put(room);
		for (int k = 0; k < 6; k++) {
			unsigned frame = (unsigned)random_below(&random, FRAMES - 1); /* the last one stays: no torn tail */
			if (lost[frame])
				continue;
			flip(room, frame / SEGMENT_FRAMES, HEADER + frame % SEGMENT_FRAMES * FRAME + random_below(&random, FRAME));
			lost[frame] = true;
			good--;
		}
		for (int i = 0; i < FRAMES; i++)
			holes += lost[i] && (i % SEGMENT_FRAMES == 0 || !lost[i - 1]);
		opens(room, good, holes, FRAMES * FRAME);
		assert_int_equal(kept(room), holes);
	}
}

/* What is kept are the bytes as the disk returned them. */
static void the_damaged_bytes_are_kept(void **state)
{
	struct room *room = *state;
	struct buffer bytes = {0};
	char path[160];
	flip(room, 1, HEADER + FRAME + 50);
	opens(room, FRAMES - 1, 1, FRAMES * FRAME);
	snprintf(path, sizeof path, "%s/damaged/log.000001.%d", room->folder, HEADER + FRAME);
	assert_int_equal(disk_read(path, 1 << 20, &bytes, &room->fault), OK);
	assert_int_equal(bytes.size, FRAME);
	for (size_t i = 0; i < bytes.size; i++)
		assert_int_equal(bytes.data[i], room->files[1].data[HEADER + FRAME + i] ^ (i == 50 ? 0x10 : 0));
	buffer_free(&bytes);
}

/* Of files that keep appearing there is an end. */
static void no_more_is_kept_than_has_room(void **state)
{
	struct room *room = *state;
	char path[160];
	snprintf(path, sizeof path, "%s/damaged", room->folder);
	assert_int_equal(disk_folder(path, &room->fault), OK);
	for (int i = 0; i < 63; i++) {
		snprintf(path, sizeof path, "%s/damaged/earlier.%d", room->folder, i);
		assert_int_equal(disk_write(path, span_of_text("x"), 0600, &room->fault), OK);
	}
	for (unsigned frame = 0; frame < FRAMES - 1; frame += 2)
		flip(room, frame / SEGMENT_FRAMES, HEADER + frame % SEGMENT_FRAMES * FRAME + 40);
	opens(room, FRAMES - 7, 7, FRAMES * FRAME);
	assert_int_equal(kept(room), 64);
}

static void what_cannot_be_repaired_is_left_alone(void **state)
{
	struct room *room = *state;
	struct disk_log *log;
	char first[128], second[128];
	path_of(room, 1, first);
	path_of(room, 2, second);
	/* A file that is missing. */
	assert_int_equal(unlink(first), 0);
	assert_int_equal(disk_log_open_repairing(room->folder, "log", NULL, NULL, &log, &room->fault), E_CORRUPT);
	assert_non_null(strstr(room->fault.text, "000001"));
	/* One in the place of another. */
	files_put(room);
	assert_int_equal(disk_write(second, buffer_span(&room->files[1]), 0600, &room->fault), OK);
	assert_int_equal(disk_log_open_repairing(room->folder, "log", NULL, NULL, &log, &room->fault), E_CORRUPT);
	struct buffer now = {0};
	assert_int_equal(disk_read(second, 1 << 20, &now, &room->fault), OK);
	assert_true(span_equal(buffer_span(&now), buffer_span(&room->files[1])));
	buffer_free(&now);
	/* One that nobody knows the beginning of: its header and its first frame are damaged, and so is the end before it. */
	files_put(room);
	flip(room, 2, 20);
	flip(room, 2, HEADER + 20);
	flip(room, 1, room->files[1].size - 20);
	assert_int_equal(disk_log_open_repairing(room->folder, "log", NULL, NULL, &log, &room->fault), E_CORRUPT);
	files_put(room);
	opens(room, FRAMES, 0, FRAMES * FRAME);
}

/* Damage that comes while the log is open: the reader goes on behind it. */
static void a_reader_skips(void **state)
{
	struct room *room = *state;
	struct disk_log *log;
	struct buffer bytes = {0};
	uint8_t kind;
	uint64_t next;
	assert_int_equal(disk_log_open_repairing(room->folder, "log", NULL, NULL, &log, &room->fault), OK);
	flip(room, 1, HEADER + FRAME + 3);      /* frames 5 and 6 */
	flip(room, 1, HEADER + 2 * FRAME + 70);
	flip(room, 2, HEADER + 3 * FRAME + 70); /* frame 11, the last of its segment */
	for (int again = 0; again < 2; again++) {
		assert_int_equal(disk_log_read(log, 5 * FRAME, &bytes, &kind, &room->fault), E_CORRUPT);
		assert_int_equal(disk_log_skip(log, 5 * FRAME, &next), OK);
		assert_true(next == 7 * FRAME);
		assert_int_equal(disk_log_read(log, next, &bytes, &kind, &room->fault), OK);
		assert_int_equal(kind, 8);
		assert_int_equal(disk_log_read(log, 11 * FRAME, &bytes, &kind, &room->fault), E_CORRUPT);
		assert_int_equal(disk_log_skip(log, 11 * FRAME, &next), OK);
		assert_true(next == 12 * FRAME);
	}
	assert_int_equal(disk_log_skip(log, FRAMES * FRAME, &next), E_NOT_FOUND);
	disk_log_close(log);
	buffer_free(&bytes);
	opens(room, FRAMES - 3, 2, FRAMES * FRAME);
}

static void a_failed_flush_is_the_end(void **state)
{
	struct room *room = *state;
	struct disk_log *log;
	assert_int_equal(disk_log_open(room->folder, "log", NULL, NULL, &log, &room->fault), OK);
	assert_int_equal(append(log, &room->fault), OK);
	flush_fails = true;
	assert_int_equal(disk_log_flush(log, &room->fault), E_IO);
	assert_non_null(strstr(room->fault.text, "cannot be flushed to the disk"));
	flush_fails = false;
	/* The disk says that all is well again; what it dropped is not told. */
	unsigned before = flushes;
	room->fault.text[0] = 0;
	assert_int_equal(disk_log_flush(log, &room->fault), E_IO);
	assert_non_null(strstr(room->fault.text, "flush"));
	assert_int_equal(append(log, &room->fault), E_IO);
	assert_int_equal(flushes, before);
	disk_log_close(log);
}

int main(void)
{
#define REPAIR_TEST(name) cmocka_unit_test_setup_teardown(name, room_open, room_close)
	const struct CMUnitTest tests[] = {
		REPAIR_TEST(every_byte_of_every_segment),
		REPAIR_TEST(every_truncation_of_every_segment),
		REPAIR_TEST(many_at_once),
		REPAIR_TEST(the_damaged_bytes_are_kept),
		REPAIR_TEST(no_more_is_kept_than_has_room),
		REPAIR_TEST(what_cannot_be_repaired_is_left_alone),
		REPAIR_TEST(a_reader_skips),
		REPAIR_TEST(a_failed_flush_is_the_end),
	};
	return cmocka_run_group_tests_name("disk_repair", tests, NULL, NULL);
}
