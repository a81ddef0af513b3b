#include "command/mqtt_watch.h"

#include <poll.h>
#include <stdlib.h>

enum { MESSAGES_A_TURN = 256 };

struct mqtt_watch {
	struct loop *loop;
	struct mqtt *mqtt;
	struct loop_watch *watch;
	int fd;
	int io;
	loop_callback *after;
	void *context;
};

static void on_ready(void *context)
{
	struct mqtt_watch *watch = context;
	struct pollfd poll_fd = {.fd = watch->fd, .events = POLLIN | POLLOUT};
	(void)poll(&poll_fd, 1, 0);
	bool readable = poll_fd.revents & (POLLIN | POLLHUP | POLLERR), writable = mqtt_wants_write(watch->mqtt) && (poll_fd.revents & POLLOUT);
	mqtt_ready(watch->mqtt, readable, writable, MESSAGES_A_TURN);
	if (watch->after)
		watch->after(watch->context);
	mqtt_watch_update(watch);
}

struct mqtt_watch *mqtt_watch_new(struct loop *loop, struct mqtt *mqtt, loop_callback *after, void *context)
{
	struct mqtt_watch *watch = memory_new(sizeof *watch);
	*watch = (struct mqtt_watch){.loop = loop, .mqtt = mqtt, .fd = -1, .after = after, .context = context};
	return watch;
}

void mqtt_watch_free(struct mqtt_watch *watch)
{
	if (!watch)
		return;
	if (watch->watch)
		loop_watch_free(watch->watch);
	free(watch);
}

void mqtt_watch_update(struct mqtt_watch *watch)
{
	int fd = mqtt_socket(watch->mqtt);
	int io = LOOP_READ | (fd >= 0 && mqtt_wants_write(watch->mqtt) ? LOOP_WRITE : 0);
	if (fd != watch->fd) {
		if (watch->watch)
			loop_watch_free(watch->watch);
		watch->watch = fd >= 0 ? loop_watch_new(watch->loop, fd, io, on_ready, watch) : NULL;
		watch->fd = fd;
		watch->io = io;
	} else if (watch->watch && io != watch->io) {
		loop_watch_set(watch->watch, io);
		watch->io = io;
	}
}
