#include "gateway/gateway.h"

#include "host/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct control {
	int fd;
	struct buffer line;
};

enum status control_open(const char *folder, struct control **out, struct fault *fault)
{
	char path[1024];
	snprintf(path, sizeof path, "%s/control", folder);
	TRY(disk_folder(path, fault));
	snprintf(path, sizeof path, "%s/control/alarms.log", folder);
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return fault_set(fault, E_IO, "%s cannot be opened: %s", path, strerror(errno));
	struct control *control = memory_new(sizeof *control);
	control->fd = fd;
	*out = control;
	return OK;
}

void control_close(struct control *control)
{
	if (!control)
		return;
	close(control->fd);
	buffer_free(&control->line);
	free(control);
}

/* Quotes and control characters would break the line's form. */
static void append_quoted(struct buffer *line, struct span text)
{
	buffer_append_byte(line, '"');
	for (size_t i = 0; i < text.size; i++)
		buffer_append_byte(line, text.data[i] < 0x20 || text.data[i] == '"' || text.data[i] == '\\' ? '_' : text.data[i]);
	buffer_append_byte(line, '"');
}

enum status control_record(struct control *control, int64_t time_ns, const char *device, const char *kind, struct span detail, struct fault *fault)
{
	char time[TIME_TEXT_SIZE];
	time_text(time_ns, time);
	buffer_clear(&control->line);
	buffer_printf(&control->line, "time=%s kind=%s device=%s action=informed detail=", time, kind, device);
	append_quoted(&control->line, detail);
	buffer_append_byte(&control->line, '\n');
	if (write(control->fd, control->line.data, control->line.size) != (ssize_t)control->line.size || fdatasync(control->fd) != 0)
		return fault_set(fault, E_IO, "the control unit's record could not be written: %s; free space on its disk", strerror(errno));
	return OK;
}

void latency_add(struct latency *latency, int64_t ns)
{
	latency->ns[latency->count++ % (sizeof latency->ns / sizeof *latency->ns)] = ns;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

double latency_quantile_us(const struct latency *latency, double quantile)
{
	enum { KEPT = sizeof latency->ns / sizeof *latency->ns };
	size_t count = latency->count < KEPT ? latency->count : KEPT;
	if (count == 0)
		return 0;
	int64_t *sorted = memory_new_array(count, sizeof *sorted);
	memcpy(sorted, latency->ns, count * sizeof *sorted);
	qsort(sorted, count, sizeof *sorted, compare);
	double us = (double)sorted[(size_t)(quantile * (double)(count - 1) + 0.5)] / 1000.0;
	free(sorted);
	return us;
}
