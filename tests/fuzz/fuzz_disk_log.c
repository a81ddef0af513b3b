/* A log file of any content is opened, cut or refused; what was accepted is found again, and more can be appended. */
#include "host/disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct heard {
	uint64_t count, next;
};

static void on_frame(void *context, const struct log_frame *frame)
{
	struct heard *heard = context;
	CHECK(frame->position == heard->next || heard->count == 0);
	heard->count++;
	heard->next = frame->position + LOG_FRAME_OVERHEAD + frame->bytes.size;
}

static void append_and_read(struct disk_log *log)
{
	struct buffer frame = {0}, back = {0};
	uint64_t position = disk_log_end(log);
	uint8_t kind;
	log_frame_write(&frame, position, 9, span_of_text("more"));
	CHECK(disk_log_append(log, buffer_span(&frame), NULL) == OK);
	CHECK(disk_log_read(log, position, &back, &kind, NULL) == OK && kind == 9 && span_is_text(buffer_span(&back), "more"));
	buffer_free(&frame);
	buffer_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char folder[64], path[96];
	snprintf(folder, sizeof folder, "/dev/shm/tally-fuzz-%ld", (long)getpid());
	CHECK(disk_folder(folder, NULL) == OK);
	snprintf(path, sizeof path, "%s/log.000000", folder);
	FILE *file = fopen(path, "wb");
	CHECK(file && fwrite(data, 1, size, file) == size);
	fclose(file);
	struct heard first = {0}, second = {0};
	struct disk_log *log = NULL;
	enum status status = disk_log_open(folder, "log", on_frame, &first, &log, NULL);
	CHECK(status == OK || status == E_CORRUPT);
	if (status == OK) {
		append_and_read(log);
		uint64_t end = disk_log_end(log);
		disk_log_close(log);
		CHECK(disk_log_open(folder, "log", on_frame, &second, &log, NULL) == OK);
		CHECK(second.count == first.count + 1 && disk_log_end(log) == end);
		disk_log_close(log);
	}
	unlink(path);
	rmdir(folder);
	return 0;
}
