#include "base/buffer.h"
#include "base/random.h"
#include "host/disk.h"
#include "host/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { HEADER = 36 }; /* header frame of a segment file */

struct room {
	char folder[64];
	struct fault fault;
};

static int room_open(void **state)
{
	struct room *room = memory_new(sizeof *room);
	strcpy(room->folder, "/tmp/tally-test-disk-XXXXXX");
	assert_non_null(mkdtemp(room->folder));
	*state = room;
	return 0;
}

static int room_close(void **state)
{
	struct room *room = *state;
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", room->folder);
	assert_int_equal(system(command), 0);
	free(room);
	return 0;
}

/* What a log said when it was opened. */
struct heard {
	uint64_t count, sum, next;
	bool wrong;
};

static uint8_t content_byte(uint64_t position, size_t at)
{
	return (uint8_t)(position * 7 + at * 13 + 1);
}

static void on_frame(void *context, const struct log_frame *frame)
{
	struct heard *heard = context;
	if (frame->position != heard->next || frame->kind != 1 + frame->position % 5)
		heard->wrong = true;
	for (size_t i = 0; i < frame->bytes.size; i++)
		if (frame->bytes.data[i] != content_byte(frame->position, i))
			heard->wrong = true;
	heard->count++;
	heard->sum += frame->bytes.size;
	heard->next = frame->position + LOG_FRAME_OVERHEAD + frame->bytes.size;
}

static enum status append(struct disk_log *log, size_t size, struct fault *fault)
{
	uint64_t position = disk_log_end(log);
	uint8_t *bytes = memory_new(size + 1);
	for (size_t i = 0; i < size; i++)
		bytes[i] = content_byte(position, i);
	struct buffer frame = {0};
	log_frame_write(&frame, position, (uint8_t)(1 + position % 5), span_of(bytes, size));
	enum status status = disk_log_append(log, buffer_span(&frame), fault);
	buffer_free(&frame);
	free(bytes);
	return status;
}

static struct disk_log *must_open(struct room *room, struct heard *heard)
{
	struct disk_log *log = NULL;
	*heard = (struct heard){0};
	if (disk_log_open(room->folder, "log", on_frame, heard, &log, &room->fault) != OK)
		fail_msg("%s", room->fault.text);
	assert_false(heard->wrong);
	return log;
}

static void path_of(const struct room *room, const char *name, char out[128])
{
	snprintf(out, 128, "%s/%s", room->folder, name);
}

static size_t file_size(const struct room *room, const char *name)
{
	char path[128];
	struct stat facts;
	path_of(room, name, path);
	assert_int_equal(stat(path, &facts), 0);
	return (size_t)facts.st_size;
}

static void file_cut(const struct room *room, const char *name, size_t size)
{
	char path[128];
	path_of(room, name, path);
	assert_int_equal(truncate(path, (off_t)size), 0);
}

static void file_flip(const struct room *room, const char *name, size_t at)
{
	char path[128];
	uint8_t byte;
	path_of(room, name, path);
	int fd = open(path, O_RDWR);
	assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
	close(fd);
}

static void file_add(const struct room *room, const char *name, const void *bytes, size_t size)
{
	char path[128];
	path_of(room, name, path);
	int fd = open(path, O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	close(fd);
}

/* ---- files ---- */

static void files_are_replaced_whole(void **state)
{
	struct room *room = *state;
	char folder[100], path[128];
	snprintf(folder, sizeof folder, "%s/a/b/c", room->folder);
	assert_int_equal(disk_folder(folder, &room->fault), OK);
	assert_int_equal(disk_folder(folder, &room->fault), OK);
	snprintf(path, sizeof path, "%s/file", folder);
	struct buffer bytes = {0};
	assert_int_equal(disk_read(path, 10, &bytes, &room->fault), E_NOT_FOUND);
	struct stat facts;
	mode_t mask = umask(077); /* what is asked for counts, not the mask */
	assert_int_equal(disk_write(path, span_of_text("first"), 0644, &room->fault), OK);
	umask(mask);
	assert_int_equal(stat(path, &facts), 0);
	assert_int_equal(facts.st_mode & 0777, 0644);
	assert_int_equal(disk_write(path, span_of_text("second, longer"), 0600, &room->fault), OK);
	assert_int_equal(disk_read(path, 10, &bytes, &room->fault), E_LIMIT);
	assert_int_equal(bytes.size, 0);
	assert_int_equal(disk_read(path, 14, &bytes, &room->fault), OK);
	assert_true(span_is_text(buffer_span(&bytes), "second, longer"));
	assert_int_equal(stat(path, &facts), 0);
	assert_int_equal(facts.st_mode & 0777, 0600);
	assert_int_equal(disk_folder(path, &room->fault), E_IO); /* a file is in the way */
	assert_int_equal(disk_write(room->folder, span_of_text("x"), 0600, &room->fault), E_IO);
	buffer_free(&bytes);
}

static void a_folder_has_one_owner(void **state)
{
	struct room *room = *state;
	int ready[2], leave[2];
	assert_int_equal(pipe(ready) | pipe(leave), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		alarm(10);
		char byte = disk_lock(room->folder, NULL) == OK ? 'y' : 'n';
		if (write(ready[1], &byte, 1) != 1 || read(leave[0], &byte, 1) < 0)
			_exit(1);
		_exit(0);
	}
	char byte = 0;
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	assert_int_equal(disk_lock(room->folder, &room->fault), E_BUSY);
	assert_non_null(strstr(room->fault.text, room->folder));
	/* However the owner ends, the lock ends with it. */
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(disk_lock(room->folder, &room->fault), OK);
	for (int i = 0; i < 2; i++) {
		close(ready[i]);
		close(leave[i]);
	}
}

static void keys_survive_and_are_private(void **state)
{
	struct room *room = *state;
	char path[128];
	path_of(room, "test.key", path);
	struct signing_key *first = NULL, *again = NULL;
	assert_int_equal(keys_load(path, false, &first, &room->fault), E_NOT_FOUND);
	assert_int_equal(keys_load(path, true, &first, &room->fault), OK);
	assert_int_equal(keys_load(path, true, &again, &room->fault), OK);
	assert_memory_equal(signing_key_public(first), signing_key_public(again), sizeof(struct public_key));
	signing_key_free(again);
	chmod(path, 0640);
	assert_int_equal(keys_load(path, true, &again, &room->fault), E_CONFIG);
	assert_non_null(strstr(room->fault.text, "chmod 600"));
	chmod(path, 0600);
	struct buffer text = {0};
	assert_int_equal(disk_read(path, 1000, &text, &room->fault), OK);
	const char *bad[] = {"", "tally-key-v1 ", "tally-key-v1 AAAA\n", "tally-key-v2 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
		"tally-key-v1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n", "tally-key-v1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA AA=\n"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(disk_write(path, span_of_text(bad[i]), 0600, &room->fault), OK);
		assert_int_equal(keys_load(path, true, &again, &room->fault), E_MALFORMED);
	}
	for (size_t size = 0; size + 1 < text.size; size++) {
		assert_int_equal(disk_write(path, span_of(text.data, size), 0600, &room->fault), OK);
		assert_int_equal(keys_load(path, false, &again, &room->fault), E_MALFORMED);
	}
	buffer_free(&text);
	signing_key_free(first);
}

/* ---- the log ---- */

static void a_log_returns_what_was_appended(void **state)
{
	struct room *room = *state;
	struct heard heard;
	struct random random = random_of(2);
	struct disk_log *log = must_open(room, &heard);
	uint64_t positions[300];
	size_t sizes[300];
	for (int i = 0; i < 300; i++) {
		if (i % 50 == 49) {
			disk_log_close(log);
			log = must_open(room, &heard);
			assert_true(heard.count == (uint64_t)i);
		}
		positions[i] = disk_log_end(log);
		sizes[i] = i == 100 ? LOG_FRAME_MAX : random_below(&random, 5000);
		assert_int_equal(append(log, sizes[i], &room->fault), OK);
		if (i % 7 == 0)
			assert_int_equal(disk_log_flush(log, &room->fault), OK);
	}
	for (int i = 299; i >= 0; i--) {
		struct buffer bytes = {0};
		uint8_t kind;
		assert_int_equal(disk_log_read(log, positions[i], &bytes, &kind, &room->fault), OK);
		assert_true(bytes.size == sizes[i] && kind == 1 + positions[i] % 5);
		assert_true(sizes[i] == 0 || bytes.data[sizes[i] - 1] == content_byte(positions[i], sizes[i] - 1));
		buffer_free(&bytes);
	}
	struct buffer bytes = {0};
	uint8_t kind;
	assert_int_equal(disk_log_read(log, disk_log_end(log), &bytes, &kind, &room->fault), E_NOT_FOUND);
	assert_int_equal(disk_log_read(log, positions[5] + 1, &bytes, &kind, &room->fault), E_CORRUPT);
	disk_log_close(log);
}

/* Linked in place of the C library's, see meson.build. */
int __wrap_fdatasync(int fd);
int __real_fdatasync(int fd);
static unsigned flushes;

int __wrap_fdatasync(int fd)
{
	flushes++;
	return __real_fdatasync(fd);
}

/* A process that was killed leaves frames that no flush covered. The next one reads them and acts on them, so they must be
 * safe before it goes on: a power cut may follow. */
static void what_is_read_back_is_flushed(void **state)
{
	struct room *room = *state;
	struct heard heard;
	struct disk_log *log = must_open(room, &heard);
	assert_int_equal(append(log, 100, &room->fault), OK);
	disk_log_close(log);
	flushes = 0;
	log = must_open(room, &heard);
	assert_int_equal(heard.count, 1);
	assert_int_equal(flushes, 1);
	/* Once is enough. */
	assert_int_equal(disk_log_flush(log, &room->fault), OK);
	assert_int_equal(flushes, 1);
	assert_int_equal(append(log, 100, &room->fault), OK);
	assert_int_equal(disk_log_flush(log, &room->fault), OK);
	assert_int_equal(flushes, 2);
	disk_log_close(log);
}

ssize_t __wrap_pread64(int fd, void *out, size_t size, off_t offset);
ssize_t __real_pread64(int fd, void *out, size_t size, off_t offset);
static int reads_left = -1;

ssize_t __wrap_pread64(int fd, void *out, size_t size, off_t offset)
{
	if (reads_left == 0) {
		errno = EIO;
		return -1;
	}
	reads_left -= reads_left > 0;
	return __real_pread64(fd, out, size > 64 ? 64 : size, offset); /* little at once, so that there are many */
}

/* What cannot be read may be there: the log is neither taken for shorter nor cut, whichever read it is that fails. */
static void a_read_that_fails_is_not_the_end(void **state)
{
	struct room *room = *state;
	struct heard heard;
	struct disk_log *log = must_open(room, &heard);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(append(log, 90, &room->fault), OK);
	disk_log_close(log);
	size_t size = file_size(room, "log.000000");
	unsigned failed = 0;
	for (int after = 0;; after++) {
		heard = (struct heard){0};
		reads_left = after;
		enum status status = disk_log_open(room->folder, "log", on_frame, &heard, &log, &room->fault);
		reads_left = -1;
		assert_int_equal(file_size(room, "log.000000"), size);
		if (status == OK)
			break;
		assert_int_equal(status, E_IO);
		failed++;
	}
	assert_int_equal(heard.count, 5);
	assert_true(failed > 5);
	disk_log_close(log);
}

static void a_tail_cut_anywhere_is_repaired(void **state)
{
	struct room *room = *state;
	struct heard heard;
	enum { FRAMES = 6 };
	struct disk_log *log = must_open(room, &heard);
	uint64_t ends[FRAMES + 1] = {0};
	for (size_t i = 0; i < FRAMES; i++) {
		assert_int_equal(append(log, 40 * i, &room->fault), OK);
		ends[i + 1] = disk_log_end(log);
	}
	disk_log_close(log);
	char path[128];
	path_of(room, "log.000000", path);
	struct buffer whole = {0};
	assert_int_equal(disk_read(path, 1 << 20, &whole, &room->fault), OK);
	for (size_t size = 0; size <= whole.size; size++) {
		assert_int_equal(disk_write(path, span_of(whole.data, size), 0600, &room->fault), OK);
		/* What a file system may leave after a power cut: the length is there, the bytes are not. */
		if (size % 3 == 1) {
			static const uint8_t zeros[100];
			file_add(room, "log.000000", zeros, sizeof zeros);
		}
		uint64_t kept = 0;
		while (kept < FRAMES && HEADER + ends[kept + 1] <= size)
			kept++;
		log = must_open(room, &heard);
		assert_true(heard.count == kept && disk_log_end(log) == ends[kept]);
		/* It goes on from there. */
		assert_int_equal(append(log, 10, &room->fault), OK);
		disk_log_close(log);
		log = must_open(room, &heard);
		assert_true(heard.count == kept + 1);
		disk_log_close(log);
	}
	buffer_free(&whole);
}

static void a_damaged_middle_is_not_cut(void **state)
{
	struct room *room = *state;
	struct heard heard;
	struct disk_log *log = must_open(room, &heard);
	assert_int_equal(append(log, 100, &room->fault), OK);
	disk_log_close(log);
	for (size_t at = 0; at < HEADER; at++) { /* the header alone, before one good frame */
		file_flip(room, "log.000000", at);
		assert_int_equal(disk_log_open(room->folder, "log", NULL, NULL, &log, &room->fault), E_CORRUPT);
		file_flip(room, "log.000000", at);
	}
	log = must_open(room, &heard);
	for (int i = 0; i < 19; i++)
		assert_int_equal(append(log, 100, &room->fault), OK);
	disk_log_close(log);
	size_t size = file_size(room, "log.000000");
	for (size_t at = 0; at < size - 120; at += 7) {
		file_flip(room, "log.000000", at);
		assert_int_equal(disk_log_open(room->folder, "log", NULL, NULL, &log, &room->fault), E_CORRUPT);
		assert_non_null(strstr(room->fault.text, "copy"));
		assert_int_equal(file_size(room, "log.000000"), size);
		file_flip(room, "log.000000", at);
	}
	/* Zeros up to far behind the window of the reader, then data again: damage, too. */
	log = must_open(room, &heard);
	for (int i = 0; i < 3; i++)
		assert_int_equal(append(log, 1 << 20, &room->fault), OK);
	disk_log_close(log);
	char path[128];
	path_of(room, "log.000000", path);
	int fd = open(path, O_WRONLY);
	uint8_t *zeros = memory_new((1 << 20) + 5000);
	assert_int_equal(pwrite(fd, zeros, (1 << 20) + 5000, (off_t)size), (1 << 20) + 5000);
	close(fd);
	free(zeros);
	assert_int_equal(disk_log_open(room->folder, "log", NULL, NULL, &log, &room->fault), E_CORRUPT);
}

enum { SEGMENT = 64 << 10, PART = 10000 };

/* Four small segments. */
static void fill_segments(struct room *room, uint64_t starts[4])
{
	struct heard heard;
	struct disk_log *log = must_open(room, &heard);
	disk_log_segment_size(log, SEGMENT);
	unsigned number = 0;
	starts[0] = 0;
	while (number < 3) {
		uint64_t before = disk_log_end(log);
		assert_int_equal(append(log, PART, &room->fault), OK);
		char name[32], path[128];
		snprintf(name, sizeof name, "log.%06u", number + 1);
		path_of(room, name, path);
		if (access(path, F_OK) == 0)
			starts[++number] = before;
	}
	assert_int_equal(disk_log_flush(log, &room->fault), OK);
	disk_log_close(log);
}

static void segments_follow_each_other(void **state)
{
	struct room *room = *state;
	uint64_t starts[4] = {0};
	fill_segments(room, starts);
	struct heard heard;
	struct disk_log *log = must_open(room, &heard);
	uint64_t end = disk_log_end(log);
	assert_true(heard.next == end);
	for (int i = 0; i < 4; i++) {
		struct buffer bytes = {0};
		uint8_t kind;
		assert_int_equal(disk_log_read(log, starts[i], &bytes, &kind, &room->fault), OK);
		assert_true(bytes.data[77] == content_byte(starts[i], 77));
		buffer_free(&bytes);
	}
	disk_log_close(log);

	char first[128], second[128], aside[128];
	path_of(room, "log.000000", first);
	path_of(room, "log.000001", second);
	path_of(room, "aside", aside);
	/* A missing segment: in the middle, at the beginning. */
	assert_int_equal(rename(second, aside), 0);
	assert_int_equal(disk_log_open(room->folder, "log", NULL, NULL, &log, &room->fault), E_CORRUPT);
	assert_non_null(strstr(room->fault.text, "000001"));
	assert_int_equal(rename(aside, second), 0);
	assert_int_equal(rename(first, aside), 0);
	assert_int_equal(disk_log_open(room->folder, "log", NULL, NULL, &log, &room->fault), E_CORRUPT);
	assert_int_equal(rename(aside, first), 0);
	/* A full segment cut at a frame's end: no frame is bad, yet data is missing. */
	size_t size = file_size(room, "log.000001");
	file_cut(room, "log.000001", size - PART - LOG_FRAME_OVERHEAD);
	assert_int_equal(disk_log_open(room->folder, "log", NULL, NULL, &log, &room->fault), E_CORRUPT);
	file_cut(room, "log.000001", HEADER + 5);
	assert_int_equal(disk_log_open(room->folder, "log", NULL, NULL, &log, &room->fault), E_CORRUPT);
	/* One segment in the place of another. */
	assert_int_equal(unlink(second), 0);
	assert_int_equal(link(first, second), 0);
	assert_int_equal(disk_log_open(room->folder, "log", NULL, NULL, &log, &room->fault), E_CORRUPT);
}

static void pruning_deletes_whole_segments(void **state)
{
	struct room *room = *state;
	uint64_t starts[4] = {0};
	fill_segments(room, starts);
	struct heard heard;
	struct disk_log *log = must_open(room, &heard);
	uint64_t end = disk_log_end(log);
	assert_int_equal(disk_log_prune(log, starts[1] - 1, &room->fault), OK);
	assert_true(file_size(room, "log.000000") > 0);
	assert_int_equal(disk_log_prune(log, starts[2] + 1, &room->fault), OK);
	struct buffer bytes = {0};
	uint8_t kind;
	assert_int_equal(disk_log_read(log, 0, &bytes, &kind, &room->fault), E_NOT_FOUND);
	assert_int_equal(disk_log_read(log, starts[2], &bytes, &kind, &room->fault), OK);
	buffer_free(&bytes);
	assert_int_equal(append(log, 5, &room->fault), OK);
	disk_log_close(log);
	heard = (struct heard){.next = starts[2]};
	assert_int_equal(disk_log_open(room->folder, "log", on_frame, &heard, &log, &room->fault), OK);
	assert_false(heard.wrong);
	assert_true(disk_log_end(log) == end + 5 + LOG_FRAME_OVERHEAD);
	disk_log_close(log);
	/* More is missing than was pruned. */
	char path[128];
	path_of(room, "log.000002", path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(disk_log_open(room->folder, "log", NULL, NULL, &log, &room->fault), E_CORRUPT);
}

static void a_log_is_cut_anywhere(void **state)
{
	struct room *room = *state;
	uint64_t starts[4] = {0};
	fill_segments(room, starts);
	struct heard heard;
	struct disk_log *log = must_open(room, &heard);
	uint64_t end = disk_log_end(log);
	/* Nothing; a frame; a whole segment and the next one's beginning; all. */
	const uint64_t cuts[] = {end, starts[3] + PART + LOG_FRAME_OVERHEAD, starts[3], starts[1] + PART + LOG_FRAME_OVERHEAD, 0};
	for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
		assert_int_equal(disk_log_cut(log, cuts[i], &room->fault), OK);
		assert_true(disk_log_end(log) == cuts[i]);
		disk_log_close(log);
		log = must_open(room, &heard);
		assert_true(heard.next == cuts[i] && disk_log_end(log) == cuts[i]);
		struct buffer bytes = {0};
		uint8_t kind;
		assert_int_equal(disk_log_read(log, cuts[i], &bytes, &kind, &room->fault), E_NOT_FOUND);
		buffer_free(&bytes);
	}
	/* What is appended comes where the cut was. */
	assert_int_equal(append(log, 5, &room->fault), OK);
	assert_int_equal(disk_log_cut(log, disk_log_end(log), &room->fault), OK);
	assert_int_equal(append(log, 7, &room->fault), OK);
	disk_log_close(log);
	disk_log_close(must_open(room, &heard));
	assert_true(heard.count == 2 && heard.sum == 12);
}

static void a_removed_log_is_a_new_one(void **state)
{
	struct room *room = *state;
	uint64_t starts[4] = {0};
	struct heard heard;
	char path[128];
	/* What was pruned of the old one is not asked of the new one. */
	for (int pruned = 0; pruned < 2; pruned++) {
		fill_segments(room, starts);
		struct disk_log *log = must_open(room, &heard);
		if (pruned)
			assert_int_equal(disk_log_prune(log, starts[2], &room->fault), OK);
		disk_log_close(log);
		assert_int_equal(disk_log_remove(room->folder, "log", &room->fault), OK);
		path_of(room, "log.pruned", path);
		assert_int_equal(access(path, F_OK), -1);
		log = must_open(room, &heard);
		assert_true(heard.count == 0 && disk_log_end(log) == 0);
		disk_log_close(log);
		assert_int_equal(disk_log_remove(room->folder, "log", &room->fault), OK);
	}
	assert_int_equal(disk_log_remove(room->folder, "log", &room->fault), OK); /* nothing is there */
	/* Interrupted: before the mark was deleted, and with some segments left. */
	fill_segments(room, starts);
	struct disk_log *log = must_open(room, &heard);
	assert_int_equal(disk_log_prune(log, starts[2], &room->fault), OK);
	disk_log_close(log);
	path_of(room, "log.000003", path);
	assert_int_equal(unlink(path), 0);
	heard = (struct heard){.next = starts[2]};
	assert_int_equal(disk_log_open(room->folder, "log", on_frame, &heard, &log, &room->fault), OK);
	assert_false(heard.wrong);
	disk_log_close(log);
	path_of(room, "log.000002", path);
	assert_int_equal(unlink(path), 0);
	log = must_open(room, &heard);
	assert_true(disk_log_end(log) == 0);
	path_of(room, "log.pruned", path);
	assert_int_equal(access(path, F_OK), -1);
	disk_log_close(log);
}

static void an_unfinished_segment_is_made_again(void **state)
{
	struct room *room = *state;
	uint64_t starts[4] = {0};
	fill_segments(room, starts);
	for (size_t size = 0; size <= HEADER; size += 4) {
		file_cut(room, "log.000003", size);
		struct heard heard;
		struct disk_log *log = must_open(room, &heard);
		assert_true(disk_log_end(log) == starts[3]);
		assert_int_equal(append(log, 100, &room->fault), OK);
		disk_log_close(log);
	}
}

/* A full disk, by way of a limit on file sizes, in a child so that the limit stays there. */
static int append_until_full(const struct room *room)
{
	struct fault fault = {0};
	struct disk_log *log;
	signal(SIGXFSZ, SIG_IGN);
	if (disk_log_open(room->folder, "log", NULL, NULL, &log, &fault) != OK)
		return 1;
	for (int i = 0; i < 10; i++)
		if (append(log, 1000, &fault) != OK)
			return 2;
	if (disk_log_flush(log, &fault) != OK)
		return 3;
	struct rlimit limit = {.rlim_cur = HEADER + 15 * 1020 + 300, .rlim_max = RLIM_INFINITY};
	if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
		return 4;
	for (int i = 0; i < 10; i++) {
		enum status status = append(log, 1000, &fault);
		if (status == E_IO && i == 5 && strstr(fault.text, "start again"))
			return 0;
		if (status != OK)
			return 5;
	}
	return 6;
}

static void a_full_disk_is_told_and_loses_nothing(void **state)
{
	struct room *room = *state;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(append_until_full(room));
	int how;
	assert_int_equal(waitpid(child, &how, 0), child);
	assert_int_equal(how, 0);
	struct heard heard;
	struct disk_log *log = must_open(room, &heard);
	assert_true(heard.count == 15);
	assert_int_equal(append(log, 1000, &room->fault), OK);
	disk_log_close(log);
}

/* Bytes of a file that the system holds in memory. */
static size_t resident(const char *path)
{
	struct stat facts;
	int fd = open(path, O_RDONLY);
	assert_true(fd >= 0 && fstat(fd, &facts) == 0);
	size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = ((size_t)facts.st_size + page - 1) / page, held = 0;
	void *map = mmap(NULL, (size_t)facts.st_size, PROT_READ, MAP_SHARED, fd, 0);
	unsigned char *there = memory_new(pages);
	assert_true(map != MAP_FAILED && mincore(map, (size_t)facts.st_size, there) == 0);
	for (size_t i = 0; i < pages; i++)
		held += there[i] & 1;
	munmap(map, (size_t)facts.st_size);
	close(fd);
	free(there);
	return held * page;
}

static void written_frames_leave_the_memory(void **state)
{
	enum { FRAMES = 48, FRAME = 1 << 20 };
	struct room *room = *state;
	struct statfs disk;
	struct disk_log *log;
	char path[128];
	assert_int_equal(statfs(room->folder, &disk), 0);
	if (disk.f_type == TMPFS_MAGIC)
		skip(); /* it is memory */
	assert_int_equal(disk_log_open(room->folder, "log", NULL, NULL, &log, &room->fault), OK);
	for (int i = 0; i < FRAMES; i++) {
		assert_int_equal(append(log, FRAME, &room->fault), OK);
		assert_int_equal(disk_log_flush(log, &room->fault), OK);
	}
	snprintf(path, sizeof path, "%s/log.000000", room->folder);
	size_t held = resident(path);
	assert_true(held >= 4 << 20 && held <= 16 << 20); /* what came last is likely to be asked for */
	disk_log_close(log);

	struct heard heard = {0};
	assert_int_equal(disk_log_open(room->folder, "log", on_frame, &heard, &log, &room->fault), OK);
	assert_true(heard.count == FRAMES && !heard.wrong);
	/* A new segment: of the one before it nothing stays. */
	disk_log_segment_size(log, FRAME);
	assert_int_equal(append(log, FRAME, &room->fault), OK);
	assert_true(resident(path) <= 1 << 20);
	disk_log_close(log);
}

int main(void)
{
#define DISK_TEST(name) cmocka_unit_test_setup_teardown(name, room_open, room_close)
	const struct CMUnitTest tests[] = {
		DISK_TEST(files_are_replaced_whole),
		DISK_TEST(a_folder_has_one_owner),
		DISK_TEST(keys_survive_and_are_private),
		DISK_TEST(a_log_returns_what_was_appended),
		DISK_TEST(what_is_read_back_is_flushed),
		DISK_TEST(a_read_that_fails_is_not_the_end),
		DISK_TEST(a_tail_cut_anywhere_is_repaired),
		DISK_TEST(a_damaged_middle_is_not_cut),
		DISK_TEST(segments_follow_each_other),
		DISK_TEST(written_frames_leave_the_memory),
		DISK_TEST(pruning_deletes_whole_segments),
		DISK_TEST(a_log_is_cut_anywhere),
		DISK_TEST(a_removed_log_is_a_new_one),
		DISK_TEST(an_unfinished_segment_is_made_again),
		DISK_TEST(a_full_disk_is_told_and_loses_nothing),
	};
	return cmocka_run_group_tests_name("disk", tests, NULL, NULL);
}
