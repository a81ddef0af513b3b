#include "host/loop.h"

#include "base/buffer.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum { PRIORITY_NORMAL = 1, PRIORITY_LAST = 2, PRIORITIES = 3 };

struct loop {
	struct event_base *base;
	struct event *interrupt, *terminate;
};

struct loop_timer {
	struct event *event;
	loop_callback *callback;
	void *context;
};

struct loop_watch {
	struct event *event;
	struct event_base *base;
	loop_callback *callback;
	void *context;
	int fd;
};

static void on_signal(evutil_socket_t number, short what, void *context)
{
	(void)number;
	(void)what;
	loop_stop(context);
}

struct loop *loop_new(void)
{
	struct loop *loop = memory_new(sizeof *loop);
	loop->base = event_base_new();
	CHECK(loop->base);
	CHECK(event_base_priority_init(loop->base, PRIORITIES) == 0);
	loop->interrupt = evsignal_new(loop->base, SIGINT, on_signal, loop);
	loop->terminate = evsignal_new(loop->base, SIGTERM, on_signal, loop);
	CHECK(loop->interrupt && loop->terminate);
	event_add(loop->interrupt, NULL);
	event_add(loop->terminate, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a write beyond the file size limit fails with a sentence instead */
	return loop;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	event_free(loop->interrupt);
	event_free(loop->terminate);
	/* Streams whose callbacks were under way when they were freed end with these. */
	event_base_loop(loop->base, EVLOOP_NONBLOCK);
	event_base_free(loop->base);
	free(loop);
}

void loop_run(struct loop *loop)
{
	event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

void loop_stop(struct loop *loop)
{
	event_base_loopbreak(loop->base);
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	struct loop_timer *timer = context;
	timer->callback(timer->context);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_callback *callback, void *context)
{
	struct loop_timer *timer = memory_new(sizeof *timer);
	timer->callback = callback;
	timer->context = context;
	timer->event = evtimer_new(loop->base, on_timer, timer);
	CHECK(timer->event);
	return timer;
}

void loop_timer_free(struct loop_timer *timer)
{
	if (!timer)
		return;
	event_free(timer->event);
	free(timer);
}

void loop_timer_set(struct loop_timer *timer, int64_t delay_ms)
{
	if (delay_ms < 0)
		delay_ms = 0;
	struct timeval delay = {.tv_sec = (time_t)(delay_ms / 1000), .tv_usec = (suseconds_t)(delay_ms % 1000 * 1000)};
	event_add(timer->event, &delay);
}

void loop_timer_clear(struct loop_timer *timer)
{
	event_del(timer->event);
}

struct loop_timer *loop_last_new(struct loop *loop, loop_callback *callback, void *context)
{
	struct loop_timer *timer = loop_timer_new(loop, callback, context);
	CHECK(event_priority_set(timer->event, PRIORITY_LAST) == 0);
	return timer;
}

void loop_last_run(struct loop_timer *timer)
{
	event_active(timer->event, EV_TIMEOUT, 1);
}

void loop_last_again(struct loop_timer *timer)
{
	loop_timer_set(timer, 0);
}

static short watched(int io)
{
	return (short)((io & LOOP_READ ? EV_READ : 0) | (io & LOOP_WRITE ? EV_WRITE : 0) | EV_PERSIST);
}

static void on_ready(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	struct loop_watch *watch = context;
	watch->callback(watch->context);
}

struct loop_watch *loop_watch_new(struct loop *loop, int fd, int io, loop_callback *callback, void *context)
{
	struct loop_watch *watch = memory_new(sizeof *watch);
	watch->base = loop->base;
	watch->fd = fd;
	watch->callback = callback;
	watch->context = context;
	watch->event = event_new(loop->base, fd, watched(io), on_ready, watch);
	CHECK(watch->event);
	if (io)
		event_add(watch->event, NULL);
	return watch;
}

void loop_watch_set(struct loop_watch *watch, int io)
{
	event_del(watch->event);
	if (!io)
		return;
	CHECK(event_assign(watch->event, watch->base, watch->fd, watched(io), on_ready, watch) == 0);
	event_add(watch->event, NULL);
}

void loop_watch_free(struct loop_watch *watch)
{
	if (!watch)
		return;
	event_free(watch->event);
	free(watch);
}

static int64_t clock_read_ns(clockid_t clock)
{
	struct timespec now;
	CHECK(clock_gettime(clock, &now) == 0);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t clock_now_ns(void)
{
	return clock_read_ns(CLOCK_REALTIME);
}

int64_t clock_monotonic_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

int64_t clock_process_cpu_ns(void)
{
	return clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
}
