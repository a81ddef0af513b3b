/* For tests that run the built program: child processes, their logs, free ports, time. */
#ifndef TEST_E2E_PROCESS_H
#define TEST_E2E_PROCESS_H

#include "host/loop.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { IN_SIZE = 300 };

/* A program with these words, the last of them NULL. What it says is appended to the file `log`; NULL: to none. */
static inline pid_t process_start(const char *log, const char *const *words)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int out = open(log ? log : "/dev/null", O_WRONLY | O_CREAT | O_APPEND, 0600);
		dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
		dup2(out, STDERR_FILENO);
		dup2(out, STDOUT_FILENO);
		execvp(words[0], (char *const *)(uintptr_t)words);
		_exit(127);
	}
	return child;
}

/* Until it ends: its exit code, or 128 and its signal. */
static inline int process_wait(pid_t process)
{
	int how;
	assert_int_equal(waitpid(process, &how, 0), process);
	return WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
}

/* Its code. *process is 0 from then on; if it was 0 before nothing happens. */
static inline int process_stop(pid_t *process, int signal_number)
{
	if (*process <= 0) /* 0 would be all of us */
		return 0;
	kill(*process, signal_number);
	int code = process_wait(*process);
	*process = 0;
	return code;
}

#define START(log, ...) process_start(log, (const char *const[]){__VA_ARGS__, NULL})
/* A command from start to end. */
#define RUN(...) process_wait(START(NULL, __VA_ARGS__))

static inline int64_t now_ms(void)
{
	return clock_monotonic_ns() / NS_PER_MS;
}

/* On loopback. Nobody holds it: another one may take it before it is used. */
static inline unsigned free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	close(fd);
	return ntohs(address.sin_port);
}

/* The path of a file in a folder. It stays for 16 calls. */
static inline const char *in(const char *folder, const char *name)
{
	static char paths[16][IN_SIZE];
	static unsigned next;
	char *path = paths[next++ % 16];
	snprintf(path, IN_SIZE, "%s/%s", folder, name);
	return path;
}

/* The end of a file, for whoever wants to know why a test failed. */
static inline void file_show(const char *path)
{
	char command[IN_SIZE + 40];
	snprintf(command, sizeof command, "tail -n 20 %s >&2", path);
	if (system(command) != 0)
		fprintf(stderr, "%s cannot be shown\n", path);
}

/* With all that is in it. */
static inline int folder_remove(const char *folder)
{
	return RUN("rm", "-rf", folder);
}

#endif
