#include "host/passphrase.h"

#include "base/buffer.h"
#include "crypto/hash.h"
#include "host/key_file.h"
#include "host/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COMMAND_WORDS_MAX = 32, PROMPT_MAX = 300 };

struct passphrase {
	char *file, *command;
	size_t size;                  /* 0: not known yet */
	char text[PASSPHRASE_MAX + 1];
};

struct passphrase *passphrase_new(const char *file, const char *command)
{
	struct passphrase *passphrase = memory_new(sizeof *passphrase);
	*passphrase = (struct passphrase){.file = file ? memory_text(span_of_text(file)) : NULL,
		.command = command ? memory_text(span_of_text(command)) : NULL};
	return passphrase;
}

void passphrase_free(struct passphrase *passphrase)
{
	if (!passphrase)
		return;
	free(passphrase->file);
	free(passphrase->command);
	wipe(passphrase, sizeof *passphrase);
	free(passphrase);
}

/* What came, up to the end of its first line. */
static enum status text_take(struct passphrase *passphrase, size_t size, const char *source, struct fault *fault)
{
	passphrase->text[size] = 0;
	size_t line = strcspn(passphrase->text, "\r\n");
	bool whole = size <= PASSPHRASE_MAX - 1 || line < size;
	if (line == 0 || !whole || memchr(passphrase->text, 0, size)) {
		wipe(passphrase->text, sizeof passphrase->text);
		return fault_set(fault, E_CONFIG, "%.200s gives no passphrase: one line of at most %d bytes is expected", source, PASSPHRASE_MAX - 1);
	}
	wipe(passphrase->text + line, sizeof passphrase->text - line);
	passphrase->size = line;
	return OK;
}

static enum status file_ask(struct passphrase *passphrase, struct fault *fault)
{
	struct buffer text = {0};
	TRY(key_file_read(passphrase->file, &text, fault));
	size_t size = text.size < PASSPHRASE_MAX ? text.size : PASSPHRASE_MAX;
	if (size)
		memcpy(passphrase->text, text.data, size);
	key_file_wipe(&text);
	return text_take(passphrase, size, passphrase->file, fault);
}

/* ---- a command ---- */

static pid_t command_start(char *words, int *out)
{
	char *list[COMMAND_WORDS_MAX + 1] = {NULL};
	int ends[2], count = 0;
	for (char *rest = words, *word; count < COMMAND_WORDS_MAX && (word = strsep(&rest, " \t"));)
		if (*word)
			list[count++] = word;
	if (count == 0 || pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	pid_t child = fork();
	if (child == 0) {
		int nothing = open("/dev/null", O_RDONLY);
		/* Its own group, so that all of it can be ended. */
		setpgid(0, 0);
		if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(ends[1], STDOUT_FILENO) < 0)
			_exit(126);
		signal(SIGPIPE, SIG_DFL);
		execvp(list[0], list);
		_exit(127);
	}
	close(ends[1]);
	if (child < 0)
		close(ends[0]);
	*out = ends[0];
	return child;
}

/* All that it says until it closes its output; false: not in time. */
static bool command_read(int fd, int64_t end_ns, struct passphrase *passphrase, size_t *size)
{
	char more[64];
	*size = 0;
	for (;;) {
		int64_t left_ms = (end_ns - clock_monotonic_ns()) / NS_PER_MS;
		struct pollfd watch = {.fd = fd, .events = POLLIN};
		int ready = left_ms > 0 ? poll(&watch, 1, (int)left_ms) : 0;
		if (ready == 0)
			return false;
		if (ready < 0)
			continue;
		bool full = *size == PASSPHRASE_MAX;
		ssize_t got = read(fd, full ? more : passphrase->text + *size, full ? sizeof more : PASSPHRASE_MAX - *size);
		if (got <= 0)
			break;
		*size += full ? 0 : (size_t)got;
	}
	wipe(more, sizeof more);
	return true;
}

/* It may close its output and go on: wait for its end, within the same limit. */
static bool command_end(pid_t child, int64_t end_ns, int *how)
{
	for (; clock_monotonic_ns() < end_ns; usleep(2000))
		if (waitpid(child, how, WNOHANG) == child)
			return true;
	return false;
}

static enum status command_ask(struct passphrase *passphrase, struct fault *fault)
{
	int fd = -1, how = 0;
	size_t size = 0;
	int64_t end_ns = clock_monotonic_ns() + PASSPHRASE_COMMAND_S * NS_PER_S;
	char *words = memory_text(span_of_text(passphrase->command));
	pid_t child = command_start(words, &fd);
	free(words);
	if (child < 0)
		return fault_set(fault, E_CONFIG, "the key command \"%.200s\" cannot be started", passphrase->command);
	bool in_time = command_read(fd, end_ns, passphrase, &size) && command_end(child, end_ns, &how);
	close(fd);
	if (!in_time) {
		kill(-child, SIGKILL);
		kill(child, SIGKILL);
		waitpid(child, &how, 0);
		wipe(passphrase->text, sizeof passphrase->text);
		return fault_set(fault, E_CONFIG, "the key command \"%.200s\" took longer than %d s and was ended", passphrase->command, PASSPHRASE_COMMAND_S);
	}
	if (!WIFEXITED(how) || WEXITSTATUS(how) != 0) {
		wipe(passphrase->text, sizeof passphrase->text);
		if (WIFEXITED(how) && WEXITSTATUS(how) == 127)
			return fault_set(fault, E_CONFIG, "the key command \"%.200s\" cannot be run: no such program; give its whole path", passphrase->command);
		return fault_set(fault, E_CONFIG, "the key command \"%.200s\" failed (%s %d); run it by hand to see why", passphrase->command,
			WIFEXITED(how) ? "exit code" : "signal", WIFEXITED(how) ? WEXITSTATUS(how) : WTERMSIG(how));
	}
	return text_take(passphrase, size, passphrase->command, fault);
}

/* ---- the terminal ---- */

static enum status terminal_ask(struct passphrase *passphrase, const char *what, bool twice, struct fault *fault)
{
	char prompt[PROMPT_MAX];
	if (!isatty(STDIN_FILENO))
		return fault_set(fault, E_CONFIG,
			"%.200s needs a passphrase and there is no terminal to ask; give a passphrase file or a key command ([keys] in the settings, "
			"--passphrase-file or --key-command on the command line)", what);
	snprintf(prompt, sizeof prompt, "%sassphrase for %.200s: ", twice ? "New p" : "P", what);
	if (EVP_read_pw_string_min(passphrase->text, 1, PASSPHRASE_MAX, prompt, twice) != 0) {
		wipe(passphrase->text, sizeof passphrase->text);
		return fault_set(fault, E_CONFIG, "no passphrase was given for %.200s%s", what, twice ? ", or the two were not equal" : "");
	}
	return text_take(passphrase, strlen(passphrase->text), "the terminal", fault);
}

static enum status ask(struct passphrase *passphrase, const char *what, bool twice, struct span *out, struct fault *fault)
{
	if (passphrase->size == 0) {
		if (passphrase->file && passphrase->command)
			return fault_set(fault, E_CONFIG, "a passphrase file and a key command are given; remove one of them");
		TRY(passphrase->file ? file_ask(passphrase, fault) : passphrase->command ? command_ask(passphrase, fault)
											  : terminal_ask(passphrase, what, twice, fault));
	}
	*out = span_of(passphrase->text, passphrase->size);
	return OK;
}

enum status passphrase_get(struct passphrase *passphrase, const char *what, struct span *out, struct fault *fault)
{
	return ask(passphrase, what, false, out, fault);
}

enum status passphrase_choose(struct passphrase *passphrase, const char *what, struct span *out, struct fault *fault)
{
	TRY(ask(passphrase, what, true, out, fault));
	if (out->size < PASSPHRASE_MIN)
		return fault_set(fault, E_CONFIG, "the passphrase is shorter than %d bytes; take a longer one", PASSPHRASE_MIN);
	return OK;
}
