/* Wire over real sockets on loopback. Raw TLS clients run in a child process, so that they may block. */
#include "base/buffer.h"
#include "base/random.h"
#include "crypto/hash.h"
#include "host/certificate.h"
#include "host/keys.h"
#include "host/wire.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ENDS = 3, PATIENCE_MS = 8000, GREETING_SIZE = 22, HELLO_AND_WELCOME = 27 };

/* One end of a conversation: a wire and what happened to it. */
struct end {
	struct end_world *world;
	struct signing_key *key;
	struct digest digest;
	struct wire *wire;
	struct wire_link *link;       /* the newest that is up */
	unsigned ups, downs, frames;
	unsigned refusals, calls;     /* told about a twin */
	uint32_t witness;             /* by whom, the last time */
	bool wrong;                   /* a frame was not what was sent */
	bool leave_errors;            /* fill OpenSSL's error queue, as a failed check elsewhere would */
	uint64_t bytes;
	struct random pattern;        /* of received frames */
};

struct end_world {
	struct loop *loop;
	struct end ends[ENDS];
	bool known[ENDS];             /* by all */
	char address[32];
	struct loop_timer *poll;
	bool (*reached)(struct end_world *world);
	int64_t give_up_ms;
};

static bool on_identify(void *context, const struct digest *key, uint32_t *identity)
{
	struct end *end = context;
	for (uint32_t i = 0; i < ENDS; i++)
		if (digest_equal(key, &end->world->ends[i].digest) && end->world->known[i]) {
			*identity = i;
			return true;
		}
	return false;
}

static void on_up(void *context, struct wire_link *link, uint32_t identity)
{
	struct end *end = context;
	assert_true(digest_equal(wire_link_key(link), &end->world->ends[identity].digest));
	assert_int_equal(end->ups, end->downs); /* they alternate */
	end->ups++;
	end->link = link;
	wire_link_set(link, end);
}

static void on_down(void *context, struct wire_link *link, uint32_t identity)
{
	(void)identity;
	struct end *end = context;
	assert_ptr_equal(wire_link_get(link), end);
	assert_ptr_equal(end->link, link);
	end->downs++;
	assert_int_equal(end->ups, end->downs);
	end->link = NULL;
}

static uint8_t pattern_byte(uint64_t seed, size_t at)
{
	return (uint8_t)(seed + at * 31 + (at >> 8));
}

static void on_frame(void *context, struct wire_link *link, uint32_t identity, uint8_t kind, struct span bytes)
{
	(void)link;
	(void)identity;
	struct end *end = context;
	uint64_t seed = random_next(&end->pattern);
	if (kind != (uint8_t)(16 + seed % 200))
		end->wrong = true;
	for (size_t i = 0; i < bytes.size; i++)
		if (bytes.data[i] != pattern_byte(seed, i))
			end->wrong = true;
	end->frames++;
	end->bytes += bytes.size;
	if (end->leave_errors)
		ERR_raise(ERR_LIB_USER, 7);
}

static void on_twin(void *context, enum wire_twin what, uint32_t identity, const char *address)
{
	struct end *end = context;
	assert_int_equal(strncmp(address, "127.0.0.1:", 10), 0);
	*(what == WIRE_TWIN_REFUSES ? &end->refusals : &end->calls) += 1;
	end->witness = identity;
}

static enum status send_pattern(struct wire_link *link, struct random *random, size_t size)
{
	uint8_t *bytes = memory_new(size + 1);
	uint64_t seed = random_next(random);
	for (size_t i = 0; i < size; i++)
		bytes[i] = pattern_byte(seed, i);
	enum status status = wire_send(link, (uint8_t)(16 + seed % 200), span_of(bytes, size));
	free(bytes);
	return status;
}

static void wire_make(struct end *end)
{
	struct fault fault = {0};
	struct wire_callbacks callbacks = {.context = end, .identify = on_identify, .up = on_up, .down = on_down, .frame = on_frame,
		.twin = on_twin};
	assert_int_equal(wire_new(end->world->loop, end->key, &callbacks, &end->wire, &fault), OK);
}

static void wire_serve(struct end *end)
{
	struct fault fault = {0};
	if (wire_listen(end->wire, end->world->address, &fault) != OK)
		fail_msg("%s", fault.text);
	snprintf(end->world->address, sizeof end->world->address, "127.0.0.1:%u", wire_port(end->wire));
}

static void wire_call(struct end *end, const struct digest *expected)
{
	struct fault fault = {0};
	assert_int_equal(wire_dial(end->wire, end->world->address, expected, &fault), OK);
}

static void wire_drop(struct end *end)
{
	wire_free(end->wire);
	end->wire = NULL;
	if (end->link)
		end->downs++;
	end->link = NULL;
}

static int world_open(void **state)
{
	struct end_world *world = memory_new(sizeof *world);
	world->loop = loop_new();
	strcpy(world->address, "127.0.0.1:0");
	for (int i = 0; i < ENDS; i++) {
		struct end *end = &world->ends[i];
		uint8_t seed[ML_DSA_44_SEED] = {(uint8_t)(i + 1)};
		end->world = world;
		world->known[i] = true;
		end->pattern = random_of(5);
		assert_int_equal(signing_key_from_seed(seed, &end->key), OK);
		end->digest = keys_tls_digest(signing_key_public(end->key));
		wire_make(end);
	}
	*state = world;
	return 0;
}

static int world_close(void **state)
{
	struct end_world *world = *state;
	for (int i = 0; i < ENDS; i++) {
		wire_free(world->ends[i].wire);
		signing_key_free(world->ends[i].key);
	}
	loop_timer_free(world->poll);
	loop_free(world->loop);
	free(world);
	return 0;
}

static void on_poll(void *context)
{
	struct end_world *world = context;
	if (world->reached(world) || clock_monotonic_ns() / NS_PER_MS > world->give_up_ms)
		loop_stop(world->loop);
	else
		loop_timer_set(world->poll, 2);
}

/* Run the loop until it is so; false: it did not come. */
static bool world_run(struct end_world *world, bool (*reached)(struct end_world *world), int64_t patience_ms)
{
	if (!world->poll)
		world->poll = loop_timer_new(world->loop, on_poll, world);
	world->reached = reached;
	world->give_up_ms = clock_monotonic_ns() / NS_PER_MS + patience_ms;
	loop_timer_set(world->poll, 0);
	loop_run(world->loop);
	return reached(world);
}

static bool both_up(struct end_world *world)
{
	return world->ends[0].link && world->ends[1].link;
}

static bool first_down(struct end_world *world)
{
	return world->ends[0].downs > 0 && !world->ends[0].link;
}

static bool first_up(struct end_world *world)
{
	return world->ends[0].link;
}

static bool never(struct end_world *world)
{
	(void)world;
	return false;
}

static void open_pair(struct end_world *world)
{
	wire_serve(&world->ends[0]);
	wire_call(&world->ends[1], &world->ends[0].digest);
	assert_true(world_run(world, both_up, PATIENCE_MS));
}

/* ---- tests ---- */

static bool all_came(struct end_world *world)
{
	return world->ends[0].frames == 400 && world->ends[1].frames == 400;
}

static void frames_of_all_sizes_cross_both_ways(void **state)
{
	struct end_world *world = *state;
	open_pair(world);
	world->ends[0].leave_errors = true;
	struct random sizes = random_of(9), out[2] = {random_of(5), random_of(5)};
	for (int i = 0; i < 400; i++) {
		size_t size = i < 20 ? (size_t)i : i < 380 ? random_below(&sizes, (uint64_t)1 << random_below(&sizes, 18)) : (size_t)16384 - 10 + (size_t)i - 380;
		if (i == 390)
			size = WIRE_FRAME_MAX;
		for (int end = 0; end < 2; end++)
			assert_int_equal(send_pattern(world->ends[end].link, &out[end], size), OK);
	}
	assert_true(world_run(world, all_came, PATIENCE_MS));
	assert_false(world->ends[0].wrong || world->ends[1].wrong);
	assert_true(world->ends[0].bytes == world->ends[1].bytes);
	assert_int_equal(world->ends[0].downs, 0);
}

static void an_unknown_key_is_refused(void **state)
{
	struct end_world *world = *state;
	world->known[2] = false;
	wire_serve(&world->ends[0]);
	wire_call(&world->ends[2], &world->ends[0].digest);
	assert_false(world_run(world, never, 1200));
	assert_int_equal(world->ends[0].ups + world->ends[2].ups, 0);
	/* Known later, it gets in without being asked again. */
	world->known[2] = true;
	assert_true(world_run(world, first_up, PATIENCE_MS));
}

static void another_key_than_the_dialled_one_is_refused(void **state)
{
	struct end_world *world = *state;
	wire_serve(&world->ends[0]);
	wire_call(&world->ends[1], &world->ends[2].digest);
	assert_false(world_run(world, never, 800));
	assert_int_equal(world->ends[0].ups + world->ends[1].ups, 0);
}

static unsigned port_of(const struct end_world *world)
{
	return (unsigned)atoi(strrchr(world->address, ':') + 1);
}

static int child_connect(unsigned port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
		_exit(90);
	return fd;
}

typedef void client_setup(SSL_CTX *context);
typedef int client_talk(SSL *tls, int fd);

/* A raw TLS client in a child: exit code 10 handshake refused by us or the server, else what `talk` returns. */
static pid_t client_start(struct end_world *world, struct end *end, client_setup *setup, client_talk *talk)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child > 0)
		return child;
	alarm(PATIENCE_MS / 1000 + 4);
	struct fault fault;
	SSL_CTX *context;
	if (certificate_context(end->key, &context, &fault) != OK)
		_exit(91);
	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	if (setup)
		setup(context);
	SSL *tls = SSL_new(context);
	int fd = child_connect(port_of(world));
	SSL_set_fd(tls, fd);
	if (SSL_connect(tls) != 1)
		_exit(10);
	_exit(talk(tls, fd));
}

static pid_t waited_child;
static int waited_code;

static bool child_ended(struct end_world *world)
{
	(void)world;
	int how;
	if (waited_child && waitpid(waited_child, &how, WNOHANG) == waited_child) {
		waited_child = 0;
		waited_code = WIFEXITED(how) ? WEXITSTATUS(how) : 200;
	}
	return waited_child == 0;
}

static int client_result(struct end_world *world, pid_t child)
{
	waited_child = child;
	assert_true(world_run(world, child_ended, PATIENCE_MS + 4000));
	return waited_code;
}

/* In TLS 1.3 a client learns only by reading that its side was refused. 10: refused, 0: the server greeted. */
static int talk_read_greeting(SSL *tls, int fd)
{
	(void)fd;
	uint8_t bytes[64];
	int got = SSL_read(tls, bytes, sizeof bytes);
	return got == GREETING_SIZE ? 0 : 10;
}

static void setup_classical(SSL_CTX *context)
{
	if (SSL_CTX_set1_groups_list(context, "X25519:P-256") != 1)
		_exit(92);
}

static void setup_older_tls(SSL_CTX *context)
{
	if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 || SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION) != 1)
		_exit(93);
	SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0");
	SSL_CTX_set1_sigalgs_list(context, "ECDSA+SHA256:RSA+SHA256:rsa_pss_rsae_sha256");
	SSL_CTX_set1_groups_list(context, "X25519:P-256");
}

static void only_the_agreed_cryptography_is_spoken(void **state)
{
	struct end_world *world = *state;
	struct end *client = &world->ends[1];
	wire_serve(&world->ends[0]);
	assert_int_equal(client_result(world, client_start(world, client, NULL, talk_read_greeting)), 0);
	assert_int_equal(client_result(world, client_start(world, client, setup_classical, talk_read_greeting)), 10);
	assert_int_equal(client_result(world, client_start(world, client, setup_older_tls, talk_read_greeting)), 10);
	/* None of these greeted back, so nobody came up. */
	assert_int_equal(world->ends[0].ups, 0);
}

static void a_client_without_certificate_is_refused(void **state)
{
	struct end_world *world = *state;
	wire_serve(&world->ends[0]);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		SSL_CTX *context = SSL_CTX_new(TLS_method());
		if (SSL_CTX_set1_groups_list(context, "X25519MLKEM768") != 1)
			_exit(95);
		SSL *tls = SSL_new(context);
		int fd = child_connect(port_of(world));
		SSL_set_fd(tls, fd);
		_exit(SSL_connect(tls) == 1 ? talk_read_greeting(tls, fd) : 10);
	}
	assert_int_equal(client_result(world, child), 10);
}

static X509 *certificate_by(EVP_PKEY *subject, EVP_PKEY *issuer, const EVP_MD *hash)
{
	X509 *certificate = X509_new();
	X509_set_version(certificate, X509_VERSION_3);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	assert_int_equal(X509_set_pubkey(certificate, subject), 1);
	assert_true(X509_sign(certificate, issuer, hash) > 0);
	return certificate;
}

static void only_self_signed_ml_dsa_44_certificates_identify(void **state)
{
	(void)state;
	EVP_PKEY *own = EVP_PKEY_Q_keygen(NULL, NULL, "ML-DSA-44"), *other = EVP_PKEY_Q_keygen(NULL, NULL, "ML-DSA-44");
	EVP_PKEY *stronger = EVP_PKEY_Q_keygen(NULL, NULL, "ML-DSA-65"), *classical = EVP_EC_gen("P-256");
	X509 *certificates[] = {certificate_by(own, own, NULL), certificate_by(own, other, NULL), certificate_by(stronger, stronger, NULL),
		certificate_by(classical, classical, EVP_sha256())};
	struct digest digest;
	assert_int_equal(certificate_identify(NULL, &digest), E_SIGNATURE);
	for (int i = 0; i < 4; i++)
		assert_int_equal(certificate_identify(certificates[i], &digest), i ? E_SIGNATURE : OK);
	/* The digest is that of the SubjectPublicKeyInfo as OpenSSL itself writes it. */
	unsigned char *der = NULL;
	int size = i2d_PUBKEY(own, &der);
	struct digest expected = sha256(span_of(der, (size_t)size));
	assert_int_equal(certificate_identify(certificates[0], &digest), OK);
	assert_true(digest_equal(&digest, &expected));
	OPENSSL_free(der);
	for (int i = 0; i < 4; i++)
		X509_free(certificates[i]);
	EVP_PKEY_free(own);
	EVP_PKEY_free(other);
	EVP_PKEY_free(stronger);
	EVP_PKEY_free(classical);
}

/* As instance 0 of whoever it is. */
static bool say_hello(SSL *tls)
{
	static const uint8_t greeting[HELLO_AND_WELCOME] = {17, 0, 0, 0, WIRE_HELLO, 1, [GREETING_SIZE + 4] = WIRE_WELCOME};
	return SSL_write(tls, greeting, sizeof greeting) == sizeof greeting;
}

static int read_to_end(SSL *tls)
{
	uint8_t bytes[64];
	while (SSL_read(tls, bytes, sizeof bytes) > 0)
		continue;
	return 0;
}

static int talk_too_much(SSL *tls, int fd)
{
	(void)fd;
	static const uint8_t huge[5] = {1, 0, 0x40, 0, 1};
	return say_hello(tls) && SSL_write(tls, huge, 5) == 5 ? read_to_end(tls) : 1;
}

static int talk_without_hello(SSL *tls, int fd)
{
	(void)fd;
	static const uint8_t frame[6] = {1, 0, 0, 0, WIRE_REPLICA, 7};
	return SSL_write(tls, frame, 6) == 6 ? read_to_end(tls) : 1;
}

static int talk_another_version(SSL *tls, int fd)
{
	(void)fd;
	static const uint8_t greeting[HELLO_AND_WELCOME] = {17, 0, 0, 0, WIRE_HELLO, 2, [GREETING_SIZE + 4] = WIRE_WELCOME};
	return SSL_write(tls, greeting, sizeof greeting) == sizeof greeting ? read_to_end(tls) : 1;
}

static void who_does_not_greet_is_turned_away(void **state)
{
	struct end_world *world = *state;
	wire_serve(&world->ends[0]);
	assert_int_equal(client_result(world, client_start(world, &world->ends[1], NULL, talk_without_hello)), 0);
	assert_int_equal(client_result(world, client_start(world, &world->ends[1], NULL, talk_another_version)), 0);
	assert_int_equal(world->ends[0].ups + world->ends[0].frames, 0);
}

static void an_oversize_frame_closes_the_link(void **state)
{
	struct end_world *world = *state;
	wire_serve(&world->ends[0]);
	pid_t child = client_start(world, &world->ends[1], NULL, talk_too_much);
	assert_true(world_run(world, first_down, PATIENCE_MS));
	assert_int_equal(client_result(world, child), 0);
	assert_int_equal(world->ends[0].frames, 0);
}

static void garbage_instead_of_tls_harms_nobody(void **state)
{
	struct end_world *world = *state;
	wire_serve(&world->ends[0]);
	struct random random = random_of(3);
	for (int round = 0; round < 20; round++) {
		uint8_t bytes[600];
		size_t size = 1 + random_below(&random, sizeof bytes);
		for (size_t i = 0; i < size; i++)
			bytes[i] = (uint8_t)random_next(&random);
		if (round % 2) /* something that begins like TLS */
			memcpy(bytes, "\x16\x03\x01\x02\x00\x01", size < 6 ? size : 6);
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			int fd = child_connect(port_of(world));
			_exit(write(fd, bytes, size) == (ssize_t)size ? 0 : 1);
		}
		assert_int_equal(client_result(world, child), 0);
	}
	wire_call(&world->ends[1], &world->ends[0].digest);
	assert_true(world_run(world, both_up, PATIENCE_MS));
	assert_int_equal(world->ends[0].ups, 1);
}

static bool second_down(struct end_world *world)
{
	return !world->ends[1].link;
}

static bool one_frame(struct end_world *world)
{
	return world->ends[0].frames == 1;
}

static void a_dial_comes_back_after_the_other_end_was_away(void **state)
{
	struct end_world *world = *state;
	open_pair(world);
	wire_drop(&world->ends[0]);
	assert_true(world_run(world, second_down, PATIENCE_MS));
	wire_make(&world->ends[0]);
	wire_serve(&world->ends[0]);
	assert_true(world_run(world, both_up, PATIENCE_MS));
	assert_int_equal(world->ends[1].ups, 2);
	struct random out = random_of(5);
	assert_int_equal(send_pattern(world->ends[1].link, &out, 1000), OK);
	assert_true(world_run(world, one_frame, PATIENCE_MS));
	assert_false(world->ends[0].wrong);
}

static void what_is_not_dialled_any_more_stays_away(void **state)
{
	struct end_world *world = *state;
	open_pair(world);
	wire_undial(world->ends[1].wire, world->address, &world->ends[2].digest); /* was not dialled */
	assert_int_equal(world->ends[1].downs, 0);
	wire_undial(world->ends[1].wire, world->address, &world->ends[0].digest);
	assert_int_equal(world->ends[1].downs, 1);
	assert_true(world_run(world, first_down, PATIENCE_MS));
	assert_false(world_run(world, first_up, 1000));
	/* Nobody answers there yet: it is given up while it waits. */
	wire_drop(&world->ends[0]);
	wire_call(&world->ends[1], &world->ends[0].digest);
	assert_false(world_run(world, first_up, 300));
	wire_undial(world->ends[1].wire, world->address, &world->ends[0].digest);
	wire_make(&world->ends[0]);
	wire_serve(&world->ends[0]);
	assert_false(world_run(world, first_up, 1000));
	wire_call(&world->ends[1], &world->ends[0].digest);
	assert_true(world_run(world, both_up, PATIENCE_MS));
}

static int talk_hello_then_sleep(SSL *tls, int fd)
{
	(void)fd;
	if (!say_hello(tls))
		return 1;
	pause();
	return 0;
}

static void a_peer_that_does_not_read_fills_a_bounded_queue(void **state)
{
	struct end_world *world = *state;
	wire_serve(&world->ends[0]);
	pid_t child = client_start(world, &world->ends[1], NULL, talk_hello_then_sleep);
	assert_true(world_run(world, first_up, PATIENCE_MS));
	struct random out = random_of(5);
	enum status status = OK;
	int sent = 0;
	while (sent < 1000 && (status = send_pattern(world->ends[0].link, &out, 1 << 20)) == OK)
		sent++;
	assert_int_equal(status, E_BUSY);
	assert_in_range(sent, 60, 64);
	assert_true(wire_link_queued(world->ends[0].link) <= WIRE_QUEUE_MAX);
	/* It stays up: being slow is no crime, being silent is. */
	assert_false(world_run(world, first_down, 200));
	wire_patience(world->ends[0].wire, 100, 400);
	assert_true(world_run(world, first_down, PATIENCE_MS));
	kill(child, SIGKILL);
	client_result(world, child);
}

static void keep_alives_hold_an_idle_link_and_miss_a_silent_one(void **state)
{
	struct end_world *world = *state;
	wire_patience(world->ends[0].wire, 100, 500);
	wire_patience(world->ends[1].wire, 100, 500);
	open_pair(world);
	assert_false(world_run(world, never, 1500));
	assert_int_equal(world->ends[0].downs + world->ends[1].downs, 0);
	/* One end stops talking: the other one notices, though no socket closed. */
	wire_patience(world->ends[1].wire, 100000, 100000);
	assert_true(world_run(world, first_down, 3000));
}

static void two_ends_that_dial_each_other_agree_on_one_link(void **state)
{
	struct end_world *world = *state;
	struct fault fault = {0};
	char other[32] = "127.0.0.1:0";
	wire_serve(&world->ends[0]);
	strcpy(other, world->address);
	strcpy(world->address, "127.0.0.1:0");
	wire_serve(&world->ends[1]);
	wire_call(&world->ends[0], &world->ends[1].digest);
	assert_int_equal(wire_dial(world->ends[1].wire, other, &world->ends[0].digest, &fault), OK);
	assert_true(world_run(world, both_up, PATIENCE_MS));
	/* When the dust has settled it stays so. */
	world_run(world, never, 700);
	unsigned ups = world->ends[0].ups;
	assert_true(world_run(world, both_up, PATIENCE_MS));
	assert_false(world_run(world, never, 1000));
	assert_true(both_up(world));
	assert_int_equal(world->ends[0].ups, ups);
	assert_true(ups <= 2);
	struct random out = random_of(5);
	assert_int_equal(send_pattern(world->ends[1].link, &out, 1000), OK);
	assert_true(world_run(world, one_frame, PATIENCE_MS));
}

static bool second_up(struct end_world *world)
{
	return world->ends[1].link;
}

static void replace_connection(struct end_world *world, struct end *server, struct end *caller, bool (*server_up)(struct end_world *world))
{
	wire_serve(server);
	wire_patience(server->wire, 500, 2500);
	pid_t first = client_start(world, caller, NULL, talk_hello_then_sleep);
	assert_true(world_run(world, server_up, PATIENCE_MS));
	wire_call(caller, &server->digest);
	assert_true(world_run(world, both_up, PATIENCE_MS));
	assert_int_equal(server->ups, 2);
	assert_int_equal(server->downs, 1);
	/* Silence was no life. */
	assert_int_equal(caller->refusals, 0);
	kill(first, SIGKILL);
	client_result(world, first);
}

/* Whichever key is the smaller one. */
static void a_second_connection_of_a_caller_replaces_the_first(void **state)
{
	struct end_world *world = *state;
	replace_connection(world, &world->ends[0], &world->ends[1], first_up);
}

static void and_the_other_way_round(void **state)
{
	struct end_world *world = *state;
	replace_connection(world, &world->ends[1], &world->ends[0], second_up);
}

static void closing_one_side_is_seen_by_the_other(void **state)
{
	struct end_world *world = *state;
	open_pair(world);
	wire_close(world->ends[0].link, "asked to");
	assert_int_equal(world->ends[0].downs, 1);
	assert_true(world_run(world, second_down, PATIENCE_MS));
	assert_true(world_run(world, both_up, PATIENCE_MS));
}

static bool twin_refused(struct end_world *world)
{
	return world->ends[2].refusals > 0 && world->ends[1].calls > 0;
}

static bool twin_met(struct end_world *world)
{
	return world->ends[1].refusals > 0 && world->ends[0].calls > 0;
}

static bool third_up(struct end_world *world)
{
	return world->ends[2].link && world->ends[0].ups == 2;
}

/* From now on one end has the key of another one. */
static void take_key(struct end *end, const struct end *of)
{
	wire_drop(end);
	signing_key_free(end->key);
	assert_int_equal(signing_key_from_seed(signing_key_seed(of->key), &end->key), OK);
	end->digest = of->digest;
	wire_make(end);
}

static void a_second_process_with_a_live_key_is_refused(void **state)
{
	struct end_world *world = *state;
	take_key(&world->ends[2], &world->ends[1]);
	open_pair(world);
	wire_call(&world->ends[2], &world->ends[0].digest);
	assert_true(world_run(world, twin_refused, PATIENCE_MS));
	assert_int_equal(world->ends[1].witness, 0);
	assert_int_equal(world->ends[2].witness, 0);
	/* Again and again, and nothing happens to the first. */
	unsigned refusals = world->ends[2].refusals;
	assert_false(world_run(world, never, 1500));
	assert_true(world->ends[2].refusals > refusals);
	assert_int_equal(world->ends[2].ups, 0);
	assert_int_equal(world->ends[0].ups, 1);
	assert_int_equal(world->ends[1].downs, 0);
	/* When the first has gone, the second is let in without more ado. */
	wire_drop(&world->ends[1]);
	assert_true(world_run(world, third_up, PATIENCE_MS));
	assert_int_equal(world->ends[0].ups, 2);
}

static void a_process_meets_itself_and_its_twin(void **state)
{
	struct end_world *world = *state;
	take_key(&world->ends[1], &world->ends[0]);
	wire_serve(&world->ends[0]);
	wire_call(&world->ends[0], &world->ends[0].digest);
	assert_false(world_run(world, never, 800));
	assert_int_equal(world->ends[0].refusals + world->ends[0].calls + world->ends[0].ups, 0);
	wire_call(&world->ends[1], &world->ends[0].digest);
	assert_true(world_run(world, twin_met, PATIENCE_MS));
	assert_true(world->ends[0].witness == WIRE_IDENTITY_OWN && world->ends[1].witness == WIRE_IDENTITY_OWN);
	assert_int_equal(world->ends[0].ups + world->ends[1].ups, 0);
}

/* Strangers that connect and say nothing fill every place; a member still gets in. */
static void silent_strangers_keep_nobody_out(void **state)
{
	struct end_world *world = *state;
	wire_serve(&world->ends[0]);
	int fds[WIRE_CONNECTIONS_MAX + 20];
	for (int i = 0; i < WIRE_CONNECTIONS_MAX + 20; i++) {
		fds[i] = child_connect(port_of(world));
		if (i % 40 == 39)
			world_run(world, never, 5);
	}
	wire_call(&world->ends[1], &world->ends[0].digest);
	assert_true(world_run(world, both_up, PATIENCE_MS));
	for (int i = 0; i < WIRE_CONNECTIONS_MAX + 20; i++)
		close(fds[i]);
}

static void bad_addresses_are_named(void **state)
{
	struct end_world *world = *state;
	struct fault fault;
	const char *bad[] = {"", "127.0.0.1", "nowhere", ":9", "127.0.0.1:70000", "127.0.0.1:x", "::1:80", "127.0.0.1:0"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(wire_dial(world->ends[0].wire, bad[i], &world->ends[1].digest, &fault), E_CONFIG);
		if (i < 7)
			assert_int_equal(wire_listen(world->ends[0].wire, bad[i], &fault), E_CONFIG);
	}
	wire_serve(&world->ends[0]);
	assert_int_equal(wire_listen(world->ends[1].wire, world->address, &fault), E_IO);
	assert_non_null(strstr(fault.text, world->address));
}

int main(void)
{
#define WIRE_TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)
	const struct CMUnitTest tests[] = {
		WIRE_TEST(frames_of_all_sizes_cross_both_ways),
		WIRE_TEST(an_unknown_key_is_refused),
		WIRE_TEST(another_key_than_the_dialled_one_is_refused),
		WIRE_TEST(only_the_agreed_cryptography_is_spoken),
		WIRE_TEST(a_client_without_certificate_is_refused),
		cmocka_unit_test(only_self_signed_ml_dsa_44_certificates_identify),
		WIRE_TEST(an_oversize_frame_closes_the_link),
		WIRE_TEST(who_does_not_greet_is_turned_away),
		WIRE_TEST(garbage_instead_of_tls_harms_nobody),
		WIRE_TEST(a_dial_comes_back_after_the_other_end_was_away),
		WIRE_TEST(what_is_not_dialled_any_more_stays_away),
		WIRE_TEST(a_peer_that_does_not_read_fills_a_bounded_queue),
		WIRE_TEST(keep_alives_hold_an_idle_link_and_miss_a_silent_one),
		WIRE_TEST(two_ends_that_dial_each_other_agree_on_one_link),
		WIRE_TEST(a_second_connection_of_a_caller_replaces_the_first),
		WIRE_TEST(and_the_other_way_round),
		WIRE_TEST(closing_one_side_is_seen_by_the_other),
		WIRE_TEST(a_second_process_with_a_live_key_is_refused),
		WIRE_TEST(a_process_meets_itself_and_its_twin),
		WIRE_TEST(silent_strangers_keep_nobody_out),
		WIRE_TEST(bad_addresses_are_named),
	};
	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
