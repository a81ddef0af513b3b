/* A node of the built program and the openssl program as its foreign peer: whatever is not TLS 1.3 with X25519MLKEM768
 * and a known ML-DSA-44 key is refused, whoever calls, and the log says why. */
#include "process.h"

#include "host/disk.h"

enum { PATIENCE_MS = 30000, LOG_MAX = 1 << 20 };

struct world {
	const char *program;
	char folder[64];
	unsigned port, other_port;    /* the node's; where it expects the other member */
	pid_t node;
};

static void org_make(const struct world *world, const char *name, unsigned port)
{
	char id[40], address[40], http[40];
	snprintf(id, sizeof id, "org:%s", name);
	snprintf(address, sizeof address, "127.0.0.1:%u", port);
	snprintf(http, sizeof http, "127.0.0.1:%u", free_port());
	assert_int_equal(RUN(world->program, "init", "org", "--folder", in(world->folder, name), "--id", id, "--address", address, "--http", http), 0);
}

/* A self-signed certificate of some kind: NAME.pem and NAME.key. */
static void certificate_make(const struct world *world, const char *name, const char *kind, const char *option)
{
	char key[40], certificate[40];
	snprintf(key, sizeof key, "%s.key", name);
	snprintf(certificate, sizeof certificate, "%s.pem", name);
	assert_int_equal(RUN("openssl", "req", "-x509", "-newkey", kind, option ? "-pkeyopt" : "-nodes", option ? option : "-nodes", "-nodes", "-keyout",
		in(world->folder, key), "-out", in(world->folder, certificate), "-subj", "/CN=foreign", "-days", "30"), 0);
}

static int world_open(void **state)
{
	struct world *world = memory_new(sizeof *world);
	*world = (struct world){.program = getenv("TALLY_PROGRAM"), .folder = "/tmp/tally-test-foreign-XXXXXX", .port = free_port(), .other_port = free_port()};
	if (!world->program || !mkdtemp(world->folder)) {
		fprintf(stderr, "TALLY_PROGRAM does not name the program to test, or there is no /tmp\n");
		return 1;
	}
	org_make(world, "maker", world->port);
	org_make(world, "other", world->other_port);
	assert_int_equal(RUN(world->program, "init", "genesis", "--name", "test", "--out", in(world->folder, "maker/genesis.cbor"), in(world->folder, "maker/org.cose"),
		in(world->folder, "other/org.cose")), 0);
	certificate_make(world, "mldsa", "ML-DSA-44", NULL);
	certificate_make(world, "ecdsa", "EC", "ec_paramgen_curve:P-256");
	certificate_make(world, "rsa", "rsa:2048", NULL);
	world->node = START(in(world->folder, "node.log"), world->program, "node", "--config", in(world->folder, "maker/node.ini"));
	*state = world;
	return 0;
}

static int world_close(void **state)
{
	struct world *world = *state;
	process_stop(&world->node, SIGKILL);
	int code = folder_remove(world->folder);
	free(world);
	return code;
}

static size_t log_size(const struct world *world)
{
	struct buffer text = {0};
	struct fault fault;
	size_t size = disk_read(in(world->folder, "node.log"), LOG_MAX, &text, &fault) == OK ? text.size : 0;
	buffer_free(&text);
	return size;
}

/* Does a line behind the first `skip` bytes of the log hold both? */
static bool log_tells(const struct world *world, size_t skip, const char *event, const char *reason)
{
	struct buffer text = {0};
	struct fault fault;
	bool found = false;
	if (disk_read(in(world->folder, "node.log"), LOG_MAX, &text, &fault) == OK) {
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
	char connect[40], pem[40], key[40];
	snprintf(connect, sizeof connect, "127.0.0.1:%u", world->port);
	snprintf(pem, sizeof pem, "%s.pem", certificate);
	snprintf(key, sizeof key, "%s.key", certificate);
	size_t skip = log_size(world);
	for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end; usleep(300000)) {
		RUN("openssl", "s_client", "-connect", connect, "-cert", in(world->folder, pem), "-key", in(world->folder, key), option, value);
		if (log_tells(world, skip, "connection_refused", reason))
			return;
	}
	fail_msg("no line tells: %s", reason);
}

/* openssl as the server that the node dials. */
static void server_is_refused(struct world *world, const char *certificate, const char *option, const char *value, const char *reason)
{
	char address[40], pem[40], key[40];
	snprintf(address, sizeof address, "127.0.0.1:%u", world->other_port);
	snprintf(pem, sizeof pem, "%s.pem", certificate);
	snprintf(key, sizeof key, "%s.key", certificate);
	size_t skip = log_size(world);
	pid_t server = START(NULL, "openssl", "s_server", "-accept", address, "-cert", in(world->folder, pem), "-key", in(world->folder, key), "-www",
		option, value);
	bool told = false;
	for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end && !told; usleep(100000))
		told = log_tells(world, skip, "dial_failed", reason);
	process_stop(&server, SIGKILL);
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
