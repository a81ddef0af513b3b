#include "run/run.h"

#include "host/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

bool run_interrupted(void)
{
	return interrupted != 0;
}

void run_catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

void run_sleep_ms(int64_t ms)
{
	struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
	nanosleep(&time, NULL);
}

static int64_t now_ms(void)
{
	return clock_monotonic_ns() / NS_PER_MS;
}

struct run_child *run_child_add(struct run *run, const char *name, ...)
{
	CHECK(run->child_count < RUN_CHILDREN_MAX);
	struct run_child *child = &run->children[run->child_count++];
	*child = (struct run_child){0};
	snprintf(child->name, sizeof child->name, "%s", name);
	va_list words;
	va_start(words, name);
	const char *word;
	for (size_t i = 0; (word = va_arg(words, const char *)); i++) {
		CHECK(i + 1 < RUN_ARGUMENTS_MAX);
		child->arguments[i] = memory_text(span_of_text(word));
	}
	va_end(words);
	return child;
}

struct run_child *run_child_find(struct run *run, const char *name)
{
	for (size_t i = 0; i < run->child_count; i++)
		if (strcmp(run->children[i].name, name) == 0)
			return &run->children[i];
	return NULL;
}

/* In the child: its own group, so that Ctrl-C reaches only us, and no life after ours. */
static _Noreturn void become(const struct run *run, const char *log, char *const *arguments)
{
	char path[1024];
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	snprintf(path, sizeof path, "%s/logs/%s.log", run->options.state, log);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	int nothing = open("/dev/null", O_RDONLY);
	if (fd < 0 || nothing < 0 || dup2(nothing, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		_exit(126);
	execvp(arguments[0], arguments);
	dprintf(2, "level=error event=exec_failed program=%s reason=\"%s\"\n", arguments[0], strerror(errno));
	_exit(127);
}

enum status run_child_start(struct run *run, struct run_child *child, struct fault *fault)
{
	pid_t pid = fork();
	if (pid < 0)
		return fault_set(fault, E_IO, "%s cannot be started: %s", child->name, strerror(errno));
	if (pid == 0)
		become(run, child->name, child->arguments);
	child->pid = pid;
	child->wanted = true;
	child->restart_ms = 0;
	return OK;
}

void run_child_kill(struct run *run, struct run_child *child, int64_t back_in_ms)
{
	(void)run;
	if (child->pid == 0)
		return;
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
	child->pid = 0;
	child->restart_ms = now_ms() + back_in_ms;
}

enum status run_supervise(struct run *run, struct fault *fault)
{
	for (size_t i = 0; i < run->child_count; i++) {
		struct run_child *child = &run->children[i];
		int state;
		if (child->pid && waitpid(child->pid, &state, WNOHANG) == child->pid) {
			child->pid = 0;
			child->restart_ms = now_ms() + 1000;
			if (++child->failures > 3)
				return fault_set(fault, E_IO, "%s ended again and again; its last words are in %s/logs/%s.log", child->name, run->options.state, child->name);
			fprintf(stderr, "run: %s ended (%s %d); starting it again\n", child->name, WIFSIGNALED(state) ? "signal" : "code",
				WIFSIGNALED(state) ? WTERMSIG(state) : WEXITSTATUS(state));
		}
		if (child->pid == 0 && child->wanted && now_ms() >= child->restart_ms)
			TRY(run_child_start(run, child, fault));
	}
	return OK;
}

void run_stop(struct run *run)
{
	for (size_t i = run->child_count; i-- > 0;) {
		struct run_child *child = &run->children[i];
		child->wanted = false;
		if (child->pid)
			kill(child->pid, SIGTERM);
	}
	int64_t patience = now_ms() + 10000;
	for (size_t i = run->child_count; i-- > 0;) {
		struct run_child *child = &run->children[i];
		while (child->pid && waitpid(child->pid, NULL, WNOHANG) == 0) {
			if (now_ms() > patience)
				kill(child->pid, SIGKILL);
			run_sleep_ms(20);
		}
		child->pid = 0;
		for (size_t a = 0; child->arguments[a]; a++)
			free(child->arguments[a]);
	}
	run->child_count = 0;
}

enum status run_command(struct run *run, struct fault *fault, ...)
{
	char *arguments[RUN_ARGUMENTS_MAX + 1];
	size_t count = 0;
	arguments[count++] = (char *)(uintptr_t)run->options.program;
	va_list words;
	va_start(words, fault);
	while (count < RUN_ARGUMENTS_MAX && (arguments[count] = va_arg(words, char *)))
		count++;
	va_end(words);
	arguments[count] = NULL;
	pid_t pid = fork();
	int state = 0;
	if (pid == 0)
		become(run, "setup", arguments);
	while (pid > 0 && waitpid(pid, &state, 0) < 0 && errno == EINTR)
		if (run_interrupted())
			kill(pid, SIGTERM);
	if (pid > 0 && WIFEXITED(state) && WEXITSTATUS(state) == 0)
		return OK;
	return fault_set(fault, E_IO, "\"tally %s %s\" failed; what it said is at the end of %s/logs/setup.log", arguments[1], count > 2 ? arguments[2] : "",
		run->options.state);
}
