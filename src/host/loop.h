/* The event loop: timers, signals and sockets, over libevent. One thread. */
#ifndef TALLY_HOST_LOOP_H
#define TALLY_HOST_LOOP_H

#include "base/status.h"
#include "base/time.h"

struct event_base;
struct loop;

struct loop *loop_new(void);
void loop_free(struct loop *loop);
/* Runs until loop_stop. SIGINT and SIGTERM stop it; SIGPIPE and SIGXFSZ are ignored. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
struct event_base *loop_base(struct loop *loop);

typedef void loop_callback(void *context);

struct loop_timer;
struct loop_timer *loop_timer_new(struct loop *loop, loop_callback *callback, void *context);
void loop_timer_free(struct loop_timer *timer);
/* Fire once in `delay_ms` (0: as soon as possible); replaces an earlier setting. */
void loop_timer_set(struct loop_timer *timer, int64_t delay_ms);
void loop_timer_clear(struct loop_timer *timer);

/* A timer that loop_last_run fires once everything that is ready now (sockets, timers) has been served: where work is
 * gathered, such as one flush for many appends. Freed with loop_timer_free. */
struct loop_timer *loop_last_new(struct loop *loop, loop_callback *callback, void *context);
void loop_last_run(struct loop_timer *timer);
/* Fire it when everything that is ready has been served, and look again what is ready before it fires once more. */
void loop_last_again(struct loop_timer *timer);

enum loop_io { LOOP_READ = 1, LOOP_WRITE = 2 };
struct loop_watch;
/* Call back while `fd` is ready for any of `io`. */
struct loop_watch *loop_watch_new(struct loop *loop, int fd, int io, loop_callback *callback, void *context);
void loop_watch_set(struct loop_watch *watch, int io);
void loop_watch_free(struct loop_watch *watch);

int64_t clock_now_ns(void);       /* wall clock, since 1970 */
int64_t clock_monotonic_ns(void);
int64_t clock_process_cpu_ns(void);

#endif
