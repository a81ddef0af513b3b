/* A node of the built program and the openssl program as its foreign peer: whatever is not TLS 1.3 with X25519MLKEM768
 * and a known ML-DSA-44 key is refused, whoever calls, and the log says why. */
#include "host/disk.h"
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

enum { PATIENCE_MS = 30000, PATH_SIZE = 200, LOG_MAX = 1 << 20 };

struct world {
	const char *program;
	char folder[64];
	unsigned port, other_port;    /* the node's; where it expects the other member */
	pid_t node;
};

static void path_of(const struct world *world, const char *name, char out[PATH_SIZE])
{
	snprintf(out, PATH_SIZE, "%s/%s", world->folder, name);
}

static pid_t start(const char *log, const char *const *words)
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

static int wait_code(pid_t process)
{
	int how;
	assert_int_equal(waitpid(process, &how, 0), process);
	return WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
}

#define RUN(...) wait_code(start(NULL, (const char *const[]){__VA_ARGS__, NULL}))

static int64_t now_ms(void)
{
	return clock_monotonic_ns() / NS_PER_MS;
}

static unsigned free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	close(fd);
	return ntohs(address.sin_port);
}

static void org_make(const struct world *world, const char *name, unsigned port)
{
	char folder[PATH_SIZE], id[40], address[40], http[40];
	path_of(world, name, folder);
	snprintf(id, sizeof id, "org:%s", name);
	snprintf(address, sizeof address, "127.0.0.1:%u", port);
	snprintf(http, sizeof http, "127.0.0.1:%u", free_port());
	assert_int_equal(RUN(world->program, "init", "org", "--folder", folder, "--id", id, "--address", address, "--http", http), 0);
}

/* A self-signed certificate of some kind: NAME.pem and NAME.key. */
static void certificate_make(const struct world *world, const char *name, const char *kind, const char *option)
{
	char key[PATH_SIZE], certificate[PATH_SIZE], file[40];
	snprintf(file, sizeof file, "%s.key", name);
	path_of(world, file, key);
	snprintf(file, sizeof file, "%s.pem", name);
	path_of(world, file, certificate);
	assert_int_equal(RUN("openssl", "req", "-x509", "-newkey", kind, option ? "-pkeyopt" : "-nodes", option ? option : "-nodes", "-nodes", "-keyout",
		key, "-out", certificate, "-subj", "/CN=foreign", "-days", "30"), 0);
}

static int world_open(void **state)
{
	struct world *world = memory_new(sizeof *world);
	*world = (struct world){.program = getenv("TALLY_PROGRAM"), .folder = "/tmp/tally-test-foreign-XXXXXX", .port = free_port(), .other_port = free_port()};
	char first[PATH_SIZE], second[PATH_SIZE], genesis[PATH_SIZE], config[PATH_SIZE], log[PATH_SIZE];
	if (!world->program || !mkdtemp(world->folder)) {
		fprintf(stderr, "TALLY_PROGRAM does not name the program to test, or there is no /tmp\n");
		return 1;
	}
	org_make(world, "maker", world->port);
	org_make(world, "other", world->other_port);
	path_of(world, "maker/org.cose", first);
	path_of(world, "other/org.cose", second);
	path_of(world, "maker/genesis.cbor", genesis);
	assert_int_equal(RUN(world->program, "init", "genesis", "--name", "test", "--out", genesis, first, second), 0);
	certificate_make(world, "mldsa", "ML-DSA-44", NULL);
	certificate_make(world, "ecdsa", "EC", "ec_paramgen_curve:P-256");
	certificate_make(world, "rsa", "rsa:2048", NULL);
	path_of(world, "maker/node.ini", config);
	path_of(world, "node.log", log);
	world->node = start(log, (const char *const[]){world->program, "node", "--config", config, NULL});
	*state = world;
	return 0;
}

static int world_close(void **state)
{
	struct world *world = *state;
	kill(world->node, SIGKILL);
	wait_code(world->node);
	char command[100];
	snprintf(command, sizeof command, "rm -rf %s", world->folder);
	int code = system(command);
	free(world);
	return code;
}

static size_t log_size(const struct world *world)
{
	char path[PATH_SIZE];
	struct buffer text = {0};
	struct fault fault;
	path_of(world, "node.log", path);
	size_t size = disk_read(path, LOG_MAX, &text, &fault) == OK ? text.size : 0;
	buffer_free(&text);
	return size;
}

/* Does a line behind the first `skip` bytes of the log hold both? */
static bool log_tells(const struct world *world, size_t skip, const char *event, const char *reason)
{
	char path[PATH_SIZE];
	struct buffer text = {0};
	struct fault fault;
	bool found = false;
	path_of(world, "node.log", path);
	if (disk_read(path, LOG_MAX, &text, &fault) == OK) {
		buffer_append_byte(&text, 0);
		char *rest = (char *)text.data + (skip < text.size ? skip : 0);
		for (char *line; (line = strsep(&rest, "\n"));)
			found = found || (strstr(line, event) && strstr(line, reason));
	}
	buffer_free(&text);
	return found;
}

/* openssl as a client, with a certificate and what else; again until the log tells: refusals of strangers share a line a second. */
static void client_is_refused(struct world *world, const char *certificate, const char *option, const char *value, const char *reason)
{
	char connect[40], pem[PATH_SIZE], key[PATH_SIZE], file[40];
	snprintf(connect, sizeof connect, "127.0.0.1:%u", world->port);
	snprintf(file, sizeof file, "%s.pem", certificate);
	path_of(world, file, pem);
	snprintf(file, sizeof file, "%s.key", certificate);
	path_of(world, file, key);
	size_t skip = log_size(world);
	for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end; usleep(300000)) {
		RUN("openssl", "s_client", "-connect", connect, "-cert", pem, "-key", key, option, value);
		if (log_tells(world, skip, "connection_refused", reason))
			return;
	}
	fail_msg("no line tells: %s", reason);
}

/* openssl as the server that the node dials. */
static void server_is_refused(struct world *world, const char *certificate, const char *option, const char *value, const char *reason)
{
	char address[40], pem[PATH_SIZE], key[PATH_SIZE], file[40];
	snprintf(address, sizeof address, "127.0.0.1:%u", world->other_port);
	snprintf(file, sizeof file, "%s.pem", certificate);
	path_of(world, file, pem);
	snprintf(file, sizeof file, "%s.key", certificate);
	path_of(world, file, key);
	size_t skip = log_size(world);
	pid_t server = start(NULL, (const char *const[]){"openssl", "s_server", "-accept", address, "-cert", pem, "-key", key, "-www",
		option, value, NULL});
	bool told = false;
	for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end && !told; usleep(100000))
		told = log_tells(world, skip, "dial_failed", reason);
	kill(server, SIGKILL);
	wait_code(server);
	if (!told)
		fail_msg("no line tells: %s", reason);
	/* Gone again, so that the next complaint is another one. */
	for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end && !log_tells(world, skip, "dial_failed", "Connection refused"); usleep(100000))
		continue;
}

static void classical_key_exchange_is_refused(void **state)
{
	const char *const groups[] = {"X25519", "P-256", "X25519:P-256", "SecP256r1MLKEM768", "MLKEM768"};
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
		client_is_refused(*state, "mldsa", "-groups", groups[i], "post-quantum key exchange X25519MLKEM768");
	server_is_refused(*state, "mldsa", "-groups", "X25519", "nothing in common");
	server_is_refused(*state, "mldsa", "-groups", "P-256", "nothing in common");
}

static void older_tls_is_refused(void **state)
{
	client_is_refused(*state, "ecdsa", "-max_protocol", "TLSv1.2", "does not speak TLS 1.3");
	server_is_refused(*state, "ecdsa", "-max_protocol", "TLSv1.2", "does not speak TLS 1.3");
}

static void classical_certificates_are_refused(void **state)
{
	client_is_refused(*state, "ecdsa", "-groups", "X25519MLKEM768", "no ML-DSA-44 certificate");
	client_is_refused(*state, "rsa", "-groups", "X25519MLKEM768", "no ML-DSA-44 certificate");
	server_is_refused(*state, "ecdsa", "-groups", "X25519MLKEM768", "nothing in common");
	server_is_refused(*state, "rsa", "-groups", "X25519MLKEM768", "nothing in common");
}

/* Right in all but the key. */
static void a_key_that_is_not_pinned_is_refused(void **state)
{
	client_is_refused(*state, "mldsa", "-groups", "X25519MLKEM768", "its TLS key is not known here");
	server_is_refused(*state, "mldsa", "-groups", "X25519MLKEM768", "its TLS key is not the one that is expected");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classical_key_exchange_is_refused),
		cmocka_unit_test(older_tls_is_refused),
		cmocka_unit_test(classical_certificates_are_refused),
		cmocka_unit_test(a_key_that_is_not_pinned_is_refused),
	};
	return cmocka_run_group_tests_name("foreign_peer", tests, world_open, world_close);
}
