/* A gateway of the built program that starts while its node is down, on state proofs: it hears the device that is proven active,
 * refuses the revoked one and those without a valid proof; and the node, once it is back, replaces what was proven. */
#include "ask.h"
#include "process.h"

#include "host/disk.h"

#include <pwd.h>

enum { PATIENCE_MS = 60000, PATH_SIZE = 300 };

static const char *program;
static char folder[] = "/tmp/tally-test-offline-XXXXXX";
static unsigned wire_port, node_port, floor_port, broker_port;
static pid_t node, broker, gateway, floor_process;

#define COMMAND(...) process_wait(START(in(folder, "commands.log"), program, __VA_ARGS__))

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
	for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end; usleep(50000)) {
		answer = look();
		if (reached(&answer))
			return answer;
	}
	file_show(in(folder, "gateway.log"));
	fail_msg("there %d from_proofs %d caught_up %d spindle %llu revoked %llu unregistered %llu waiting %llu anchored %llu", answer.there, answer.from_proofs,
		answer.caught_up, (unsigned long long)answer.spindle_messages, (unsigned long long)answer.revoked, (unsigned long long)answer.unregistered,
		(unsigned long long)answer.waiting, (unsigned long long)answer.anchored);
	return answer;
}

static void node_start(void)
{
	node = START(in(folder, "node.log"), program, "node", "--config", in(folder, "manufacturer/node.ini"));
	for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end; usleep(50000)) {
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
	snprintf(out, sizeof out, "%s", in(folder, file));
	for (int i = 0; i < 100; i++) {
		if (COMMAND("export", "--node", url, "--state", name, "--out", out) == 0)
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
	assert_int_equal(COMMAND("init", "org", "--folder", in(folder, "manufacturer"), "--id", "org:manufacturer", "--role", "manufacturer", "--address", address,
		"--http", http), 0);
	assert_int_equal(COMMAND("init", "genesis", "--name", "test", "--out", in(folder, "manufacturer/genesis.cbor"), in(folder, "manufacturer/org.cose")), 0);
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
	assert_int_equal(COMMAND("init", "gateway", "--folder", in(folder, "hall-1"), "--id", "gw:manufacturer/hall-1", "--site", "airframe/plant-1/hall-1", "--genesis",
		in(folder, "manufacturer/genesis.cbor"), "--broker", mqtt, "--http", listen), 0);
	assert_int_equal(COMMAND("register", "--node", url, "--folder", in(folder, "manufacturer"), in(folder, "hall-1/gateway.json")), 0);
	static const char *const devices[] = {"spindle-1", "autoclave-1", "robot-1", "power-1", "fire-1", "door-1", "camera-9"};
	for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
		char document[PATH_SIZE], name[80];
		snprintf(document, sizeof document, "%s/%s.json", examples, devices[i]);
		snprintf(name, sizeof name, "dev:manufacturer/%s", devices[i]);
		assert_int_equal(COMMAND("register", "--node", url, "--folder", in(folder, "manufacturer"), "--gateway", "hall-1", document), 0);
		assert_int_equal(COMMAND("provision", "--gateway", in(folder, "hall-1"), "--node", url, "--out", in(folder, "keys"), name), 0);
	}
	assert_int_equal(COMMAND("register", "--node", url, "--folder", in(folder, "manufacturer"), "--state", "revoked", "--subject", "robot-1", "--reason", "test"), 0);
	sleep(3); /* a checkpoint of the state that has it all */
	assert_int_equal(disk_folder(in(folder, "proofs"), &fault), OK);
	proof_export("gw:manufacturer/hall-1", "proofs/gateway");
	proof_export("dev:manufacturer/spindle-1", "proofs/spindle");
	proof_export("dev:manufacturer/robot-1", "proofs/robot");
	proof_export("dev:manufacturer/autoclave-1", "autoclave");
	file_copy(in(folder, "autoclave"), in(folder, "proofs/autoclave"), 700); /* one changed byte */
	assert_int_equal(COMMAND("verify", "--genesis", in(folder, "manufacturer/genesis.cbor"), in(folder, "proofs/robot")), 0);
	assert_int_equal(COMMAND("verify", "--genesis", in(folder, "manufacturer/genesis.cbor"), in(folder, "autoclave")), 0);
	assert_int_equal(COMMAND("verify", "--genesis", in(folder, "manufacturer/genesis.cbor"), in(folder, "proofs/autoclave")), 1);
	assert_int_equal(COMMAND("export", "--node", url, "--epochs", "--out", in(folder, "epochs.cbor")), 0);
	struct buffer ini = {0};
	assert_int_equal(disk_read(in(folder, "hall-1/gateway.ini"), 1 << 16, &ini, &fault), OK);
	buffer_printf(&ini, "\n[state]\nproofs = %s\nafter = 1s\nmax_age = 1h\n\n[gateway]\nepochs = %s\n", in(folder, "proofs"), in(folder, "epochs.cbor"));
	assert_int_equal(disk_write(in(folder, "hall-1/gateway.ini"), buffer_span(&ini), 0644, &fault), OK);
	buffer_free(&ini);
}

static void broker_start(void)
{
	struct buffer text = {0};
	struct fault fault;
	const struct passwd *user = getpwuid(geteuid());
	buffer_printf(&text, "user %s\nlistener %u 127.0.0.1\nallow_anonymous true\npersistence false\n", user ? user->pw_name : "root", broker_port);
	assert_int_equal(disk_write(in(folder, "mosquitto.conf"), buffer_span(&text), 0644, &fault), OK);
	buffer_free(&text);
	broker = START(in(folder, "broker.log"), "mosquitto", "-c", in(folder, "mosquitto.conf"));
}

static void a_gateway_without_its_node_works_on_proofs(void **state)
{
	(void)state;
	char mqtt[40];
	node_start();
	floor_make();
	process_stop(&node, SIGTERM);
	broker_start();
	snprintf(mqtt, sizeof mqtt, "127.0.0.1:%u", broker_port);
	gateway = START(in(folder, "gateway.log"), program, "gateway", "--config", in(folder, "hall-1/gateway.ini"));
	floor_process = START(in(folder, "floor.log"), program, "shopfloor", "--broker", mqtt, "--keys", in(folder, "keys"));
	struct floor_answer answer = floor_wait(hears_and_refuses);
	assert_false(answer.caught_up);
	assert_int_equal(answer.anchored, 0);
	/* It says what it does, and which file it does not believe. */
	struct buffer log = {0};
	struct fault fault;
	assert_int_equal(disk_read(in(folder, "gateway.log"), 1 << 20, &log, &fault), OK);
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
	process_stop(&floor_process, SIGTERM);
	process_stop(&gateway, SIGTERM);
	process_stop(&node, SIGTERM);
	process_stop(&broker, SIGTERM);
	return folder_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_gateway_without_its_node_works_on_proofs),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
