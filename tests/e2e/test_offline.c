/* A gateway of the built program that starts while its node is down, on state proofs: it hears the device that is proven active,
 * refuses the revoked one and those without a valid proof; and the node, once it is back, replaces what was proven. */
#include "host/disk.h"
#include "base/time.h"
#include "host/http.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <yyjson.h>

enum { PATIENCE_MS = 60000, PATH_SIZE = 300 };

static const char *program;
static char folder[] = "/tmp/tally-test-offline-XXXXXX";
static unsigned wire_port, node_port, floor_port, broker_port;
static pid_t node, broker, gateway, floor_process;

static const char *in(const char *name)
{
	static char paths[16][PATH_SIZE];
	static unsigned next;
	char *path = paths[next++ % 16];
	snprintf(path, PATH_SIZE, "%s/%s", folder, name);
	return path;
}

static pid_t start(const char *log, const char *const *arguments)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int out = open(in(log), O_WRONLY | O_CREAT | O_APPEND, 0600);
		dup2(out, STDERR_FILENO);
		dup2(out, STDOUT_FILENO);
		execvp(arguments[0], (char *const *)(uintptr_t)arguments);
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

#define START(log, ...) start(log, (const char *const[]){__VA_ARGS__, NULL})
#define RUN(...) wait_code(START("commands.log", program, __VA_ARGS__))

static void stop(pid_t *process)
{
	if (*process <= 0)
		return;
	kill(*process, SIGTERM);
	wait_code(*process);
	*process = 0;
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

static yyjson_doc *ask(unsigned port, const char *path)
{
	char url[120];
	struct buffer out = {0};
	struct fault fault;
	long code = 0;
	yyjson_doc *document = NULL;
	snprintf(url, sizeof url, "http://127.0.0.1:%u%s", port, path);
	if (http_get(url, 16 << 20, &out, &code, &fault) == OK && code == 200)
		document = yyjson_read((const char *)out.data, out.size, 0);
	buffer_free(&out);
	return document;
}

struct floor_answer {
	bool there, from_proofs, caught_up;
	uint64_t spindle_messages, revoked, unregistered, waiting, anchored, outbox;
};

static struct floor_answer look(void)
{
	struct floor_answer answer = {0};
	yyjson_doc *document = ask(floor_port, "/api/v1/floor");
	if (!document)
		return answer;
	yyjson_val *root = yyjson_doc_get_root(document), *totals = yyjson_obj_get(root, "totals"), *refused = yyjson_obj_get(totals, "refused"), *machine;
	size_t i, max;
	answer.there = true;
	answer.from_proofs = yyjson_get_bool(yyjson_obj_get(root, "from_proofs"));
	answer.caught_up = yyjson_get_bool(yyjson_obj_get(root, "caught_up"));
	answer.revoked = yyjson_get_uint(yyjson_obj_get(refused, "revoked"));
	answer.unregistered = yyjson_get_uint(yyjson_obj_get(refused, "unregistered"));
	answer.waiting = yyjson_get_uint(yyjson_obj_get(refused, "waiting"));
	answer.anchored = yyjson_get_uint(yyjson_obj_get(totals, "anchored"));
	answer.outbox = yyjson_get_uint(yyjson_obj_get(totals, "outbox"));
	yyjson_arr_foreach(yyjson_obj_get(root, "machines"), i, max, machine) {
		const char *name = yyjson_get_str(yyjson_obj_get(machine, "device"));
		if (name && strcmp(name, "dev:manufacturer/spindle-1") == 0)
			answer.spindle_messages = yyjson_get_uint(yyjson_obj_get(machine, "messages"));
	}
	yyjson_doc_free(document);
	return answer;
}

static bool hears_and_refuses(const struct floor_answer *answer)
{
	return answer->from_proofs && answer->spindle_messages > 5 && answer->revoked > 0 && answer->unregistered > 0;
}

/* The counts begin anew with the ledger: what was heard before may be anchored before the next message is heard. */
static bool follows_again(const struct floor_answer *answer)
{
	return answer->caught_up && !answer->from_proofs && answer->anchored > 0 && answer->spindle_messages > 0;
}

static struct floor_answer floor_wait(bool (*reached)(const struct floor_answer *answer))
{
	struct floor_answer answer = {0};
	for (int64_t end = clock_monotonic_ns() / NS_PER_MS + PATIENCE_MS; clock_monotonic_ns() / NS_PER_MS < end; usleep(50000)) {
		answer = look();
		if (reached(&answer))
			return answer;
	}
	char command[PATH_SIZE + 40];
	snprintf(command, sizeof command, "tail -n 20 %s >&2", in("gateway.log"));
	if (system(command) != 0)
		fprintf(stderr, "no log\n");
	fail_msg("there %d from_proofs %d caught_up %d spindle %llu revoked %llu unregistered %llu waiting %llu anchored %llu", answer.there, answer.from_proofs,
		answer.caught_up, (unsigned long long)answer.spindle_messages, (unsigned long long)answer.revoked, (unsigned long long)answer.unregistered,
		(unsigned long long)answer.waiting, (unsigned long long)answer.anchored);
	return answer;
}

static void node_start(void)
{
	node = START("node.log", program, "node", "--config", in("manufacturer/node.ini"));
	for (int64_t end = clock_monotonic_ns() / NS_PER_MS + PATIENCE_MS; clock_monotonic_ns() / NS_PER_MS < end; usleep(50000)) {
		yyjson_doc *document = ask(node_port, "/api/v1/node");
		if (document) {
			yyjson_doc_free(document);
			return;
		}
	}
	fail_msg("the node does not answer");
}

static void file_copy(const char *from, const char *to, size_t change)
{
	struct buffer bytes = {0};
	struct fault fault;
	assert_int_equal(disk_read(from, 1 << 20, &bytes, &fault), OK);
	assert_true(bytes.size > change);
	if (change)
		bytes.data[change] ^= 1;
	assert_int_equal(disk_write(to, buffer_span(&bytes), 0644, &fault), OK);
	buffer_free(&bytes);
}

static void proof_export(const char *name, const char *file)
{
	char url[80], out[PATH_SIZE];
	snprintf(url, sizeof url, "http://127.0.0.1:%u", node_port);
	snprintf(out, sizeof out, "%s", in(file));
	for (int i = 0; i < 100; i++) {
		if (RUN("export", "--node", url, "--state", name, "--out", out) == 0)
			return;
		usleep(100000);
	}
	fail_msg("no proof of %s", name);
}

static void consortium_make(void)
{
	char address[40], http[40];
	snprintf(address, sizeof address, "127.0.0.1:%u", wire_port);
	snprintf(http, sizeof http, "127.0.0.1:%u", node_port);
	assert_int_equal(RUN("init", "org", "--folder", in("manufacturer"), "--id", "org:manufacturer", "--role", "manufacturer", "--address", address,
		"--http", http), 0);
	assert_int_equal(RUN("init", "genesis", "--name", "test", "--out", in("manufacturer/genesis.cbor"), in("manufacturer/org.cose")), 0);
}

static void floor_make(void)
{
	char url[80], listen[40], mqtt[40];
	const char *examples = getenv("TALLY_EXAMPLES");
	struct fault fault;
	assert_non_null(examples);
	snprintf(url, sizeof url, "http://127.0.0.1:%u", node_port);
	snprintf(listen, sizeof listen, "127.0.0.1:%u", floor_port);
	snprintf(mqtt, sizeof mqtt, "127.0.0.1:%u", broker_port);
	assert_int_equal(RUN("init", "gateway", "--folder", in("hall-1"), "--id", "gw:manufacturer/hall-1", "--site", "airframe/plant-1/hall-1", "--genesis",
		in("manufacturer/genesis.cbor"), "--broker", mqtt, "--http", listen), 0);
	assert_int_equal(RUN("register", "--node", url, "--folder", in("manufacturer"), in("hall-1/gateway.json")), 0);
	static const char *const devices[] = {"spindle-1", "autoclave-1", "robot-1", "power-1", "fire-1", "door-1", "camera-9"};
	for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
		char document[PATH_SIZE], name[80];
		snprintf(document, sizeof document, "%s/%s.json", examples, devices[i]);
		snprintf(name, sizeof name, "dev:manufacturer/%s", devices[i]);
		assert_int_equal(RUN("register", "--node", url, "--folder", in("manufacturer"), "--gateway", "hall-1", document), 0);
		assert_int_equal(RUN("provision", "--gateway", in("hall-1"), "--node", url, "--out", in("keys"), name), 0);
	}
	assert_int_equal(RUN("register", "--node", url, "--folder", in("manufacturer"), "--state", "revoked", "--subject", "robot-1", "--reason", "test"), 0);
	sleep(3); /* a checkpoint of the state that has it all */
	assert_int_equal(disk_folder(in("proofs"), &fault), OK);
	proof_export("gw:manufacturer/hall-1", "proofs/gateway");
	proof_export("dev:manufacturer/spindle-1", "proofs/spindle");
	proof_export("dev:manufacturer/robot-1", "proofs/robot");
	proof_export("dev:manufacturer/autoclave-1", "autoclave");
	file_copy(in("autoclave"), in("proofs/autoclave"), 700); /* one changed byte */
	assert_int_equal(RUN("verify", "--genesis", in("manufacturer/genesis.cbor"), in("proofs/robot")), 0);
	assert_int_equal(RUN("verify", "--genesis", in("manufacturer/genesis.cbor"), in("autoclave")), 0);
	assert_int_equal(RUN("verify", "--genesis", in("manufacturer/genesis.cbor"), in("proofs/autoclave")), 1);
	assert_int_equal(RUN("export", "--node", url, "--epochs", "--out", in("epochs.cbor")), 0);
	struct buffer ini = {0};
	assert_int_equal(disk_read(in("hall-1/gateway.ini"), 1 << 16, &ini, &fault), OK);
	buffer_printf(&ini, "\n[state]\nproofs = %s\nafter = 1s\nmax_age = 1h\n\n[gateway]\nepochs = %s\n", in("proofs"), in("epochs.cbor"));
	assert_int_equal(disk_write(in("hall-1/gateway.ini"), buffer_span(&ini), 0644, &fault), OK);
	buffer_free(&ini);
}

static void broker_start(void)
{
	struct buffer text = {0};
	struct fault fault;
	const struct passwd *user = getpwuid(geteuid());
	buffer_printf(&text, "user %s\nlistener %u 127.0.0.1\nallow_anonymous true\npersistence false\n", user ? user->pw_name : "root", broker_port);
	assert_int_equal(disk_write(in("mosquitto.conf"), buffer_span(&text), 0644, &fault), OK);
	buffer_free(&text);
	broker = START("broker.log", "mosquitto", "-c", in("mosquitto.conf"));
}

static void a_gateway_without_its_node_works_on_proofs(void **state)
{
	(void)state;
	char mqtt[40];
	node_start();
	floor_make();
	stop(&node);
	broker_start();
	snprintf(mqtt, sizeof mqtt, "127.0.0.1:%u", broker_port);
	gateway = START("gateway.log", program, "gateway", "--config", in("hall-1/gateway.ini"));
	floor_process = START("floor.log", program, "shopfloor", "--broker", mqtt, "--keys", in("keys"));
	struct floor_answer answer = floor_wait(hears_and_refuses);
	assert_false(answer.caught_up);
	assert_int_equal(answer.anchored, 0);
	/* It says what it does, and which file it does not believe. */
	struct buffer log = {0};
	struct fault fault;
	assert_int_equal(disk_read(in("gateway.log"), 1 << 20, &log, &fault), OK);
	buffer_append_byte(&log, 0);
	assert_non_null(strstr((const char *)log.data, "event=state_from_proofs names=3 refused=1 devices=2"));
	assert_non_null(strstr((const char *)log.data, "event=proof_refused"));
	buffer_free(&log);
	/* The node comes back: readings taken in between become final. */
	node_start();
	floor_wait(follows_again);
}

static int begin(void **state)
{
	(void)state;
	program = getenv("TALLY_PROGRAM");
	if (!program || !mkdtemp(folder))
		return 1;
	wire_port = free_port();
	node_port = free_port();
	floor_port = free_port();
	broker_port = free_port();
	consortium_make();
	return 0;
}

static int end(void **state)
{
	(void)state;
	char command[PATH_SIZE];
	stop(&floor_process);
	stop(&gateway);
	stop(&node);
	stop(&broker);
	snprintf(command, sizeof command, "rm -r %s", folder);
	return system(command) == 0 ? 0 : 1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_gateway_without_its_node_works_on_proofs),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
