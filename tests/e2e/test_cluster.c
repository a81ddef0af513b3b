/* Four nodes of the built program on loopback: they agree, survive kill -9, and serve gateways. */
#include "ask.h"
#include "process.h"

#include "client/client.h"
#include "host/disk.h"
#include "host/keys.h"
#include "host/wire.h"
#include "record/genesis.h"
#include "../unit/lie.h"

#include <sys/resource.h>
#include <sys/stat.h>

enum { NODES = 4, PATIENCE_MS = 60000, FOLDER_SIZE = 100, PATH_SIZE = 200, URL_SIZE = 120 };

static const char *const names[NODES] = {"manufacturer", "supplier", "repair", "regulator"};

struct member {
	char folder[FOLDER_SIZE];
	unsigned wire_port, http_port;
	pid_t process;                /* 0: not running */
	/* as an issuer */
	struct signing_key *key;
	uint64_t seq;
	struct digest last;
};

struct cluster {
	const char *program;
	char folder[64];
	struct member members[NODES];
	uint8_t network[NETWORK_ID_SIZE];
};

static void path_of(const char *folder, const char *name, char out[PATH_SIZE])
{
	snprintf(out, PATH_SIZE, "%.99s/%.99s", folder, name);
}

/* ---- processes ---- */

#define COMMAND(cluster, ...) RUN((cluster)->program, __VA_ARGS__)

static void node_start(struct cluster *cluster, int which)
{
	struct member *member = &cluster->members[which];
	char config[PATH_SIZE], log[PATH_SIZE];
	path_of(member->folder, "node.ini", config);
	path_of(member->folder, "node.log", log);
	assert_int_equal(member->process, 0);
	member->process = START(log, cluster->program, "node", "--config", config);
}

static int node_end(struct cluster *cluster, int which, int signal_number)
{
	struct member *member = &cluster->members[which];
	assert_true(member->process > 0);
	return process_stop(&member->process, signal_number);
}

/* ---- asking ---- */

struct answer {
	bool alive;
	unsigned connected;
	uint64_t log_size;
	char log_root[DIGEST_HEX_SIZE];
};

static struct answer look(struct cluster *cluster, int which)
{
	struct answer answer = {0};
	yyjson_doc *document = ask(cluster->members[which].http_port, "/api/v1/node");
	if (!document)
		return answer;
	yyjson_val *root = yyjson_doc_get_root(document), *member;
	answer.alive = true;
	answer.log_size = yyjson_get_uint(yyjson_obj_get(root, "log_size"));
	const char *log_root = yyjson_get_str(yyjson_obj_get(root, "log_root"));
	snprintf(answer.log_root, sizeof answer.log_root, "%s", log_root ? log_root : "none");
	size_t i, max;
	yyjson_arr_foreach(yyjson_obj_get(root, "members"), i, max, member)
		answer.connected += yyjson_get_bool(yyjson_obj_get(member, "connected"));
	yyjson_doc_free(document);
	return answer;
}

/* Until all that run are connected with each other and have at least `size` entries and one root. */
static void wait_equal(struct cluster *cluster, uint64_t size)
{
	struct answer answers[NODES] = {0};
	for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end; usleep(20000)) {
		unsigned running = 0, good = 0;
		const char *root = NULL;
		for (int i = 0; i < NODES; i++)
			running += cluster->members[i].process != 0;
		for (int i = 0; i < NODES; i++) {
			if (!cluster->members[i].process)
				continue;
			answers[i] = look(cluster, i);
			if (!root)
				root = answers[i].log_root;
			good += answers[i].alive && answers[i].connected == running && answers[i].log_size >= size && strcmp(answers[i].log_root, root) == 0;
		}
		if (good == running)
			return;
	}
	for (int i = 0; i < NODES; i++) {
		fprintf(stderr, "node %d: alive %d connected %u size %llu root %s\n", i, answers[i].alive, answers[i].connected,
			(unsigned long long)answers[i].log_size, answers[i].log_root);
		file_show(in(cluster->members[i].folder, "node.log"));
	}
	fail_msg("the nodes did not come to agree on %llu entries", (unsigned long long)size);
}

/* ---- submitting ---- */

static void statement_make(struct cluster *cluster, struct member *member, const char *name, struct buffer *out, struct digest *id)
{
	char iss[60], sub[60];
	struct buffer body = {0};
	struct body_event event = {.kind = span_of_text("order"), .type = span_of_text("TransactionEvent"), .step = span_of_text("accepting"),
		.time_ms = 1767225600000, .place = span_of_text("urn:site:1"), .items = {span_of_text("part-1")}, .item_count = 1};
	body_event_encode(&event, &body);
	snprintf(iss, sizeof iss, "org:%s", name);
	snprintf(sub, sizeof sub, "dev:%s/machine-1", name);
	struct statement statement = {.type = STATEMENT_EVENT, .seq = member->seq + 1, .prev = member->last, .iss = span_of_text(iss),
		.sub = span_of_text(sub), .iat = 1767225600, .body = buffer_span(&body)};
	memcpy(statement.network, cluster->network, NETWORK_ID_SIZE);
	assert_int_equal(statement_sign(&statement, member->key, NULL, out, id), OK);
	buffer_free(&body);
}

/* Sign the next statement of an organisation and post it at a node; 201 when it is final. */
static long submit(struct cluster *cluster, int issuer, int at, bool again)
{
	struct member *member = &cluster->members[issuer];
	struct buffer statement = {0}, out = {0};
	struct digest id;
	struct fault fault = {0};
	char url[URL_SIZE];
	long code = 0;
	statement_make(cluster, member, names[issuer], &statement, &id);
	snprintf(url, sizeof url, "http://127.0.0.1:%u/api/v1/statements", cluster->members[at].http_port);
	for (int round = 0; round <= again; round++) {
		buffer_clear(&out);
		if (http_post(url, "application/cose", buffer_span(&statement), 1 << 16, &out, &code, &fault) != OK)
			fprintf(stderr, "%s\n", fault.text);
		if (code != 201 && code != 200)
			fprintf(stderr, "submit: %ld %.*s\n", code, (int)out.size, out.data ? (const char *)out.data : "");
	}
	if (code == 201 || code == 200) {
		member->seq++;
		member->last = id;
	}
	buffer_free(&statement);
	buffer_free(&out);
	return code;
}

/* ---- setting up ---- */

static void file_copy(const char *from, const char *to)
{
	struct buffer bytes = {0};
	struct fault fault;
	assert_int_equal(disk_read(from, 1 << 20, &bytes, &fault), OK);
	assert_int_equal(disk_write(to, buffer_span(&bytes), 0644, &fault), OK);
	buffer_free(&bytes);
}

static void org_make(struct cluster *cluster, int which)
{
	struct member *member = &cluster->members[which];
	char id[60], wire[40], http[40], path[PATH_SIZE];
	struct fault fault;
	snprintf(member->folder, sizeof member->folder, "%s/%s", cluster->folder, names[which]);
	member->wire_port = free_port();
	member->http_port = free_port();
	snprintf(id, sizeof id, "org:%s", names[which]);
	snprintf(wire, sizeof wire, "127.0.0.1:%u", member->wire_port);
	snprintf(http, sizeof http, "127.0.0.1:%u", member->http_port);
	/* The last one has a root, and its node shows certificates that the root issued. */
	assert_int_equal(COMMAND(cluster, "init", "org", "--folder", member->folder, "--id", id, "--role", names[which], "--address", wire, "--http", http,
		which == NODES - 1 ? "--root" : NULL, "slh-dsa"), 0);
	path_of(member->folder, "keys/record.key", path);
	assert_int_equal(keys_load(path, false, &member->key, &fault), OK);
}

static void genesis_make(struct cluster *cluster)
{
	char out[100], from[NODES][PATH_SIZE], to[PATH_SIZE];
	snprintf(out, sizeof out, "%s/genesis.cbor", cluster->folder);
	for (int i = 0; i < NODES; i++)
		path_of(cluster->members[i].folder, "org.cose", from[i]);
	assert_int_equal(COMMAND(cluster, "init", "genesis", "--name", "test", "--out", out, from[0], from[1], from[2], from[3]), 0);
	struct buffer bytes = {0};
	struct genesis genesis;
	struct fault fault;
	assert_int_equal(disk_read(out, 1 << 20, &bytes, &fault), OK);
	assert_int_equal(genesis_decode(buffer_span(&bytes), &genesis, &fault), OK);
	memcpy(cluster->network, genesis.network, NETWORK_ID_SIZE);
	for (int i = 0; i < NODES; i++) {
		path_of(cluster->members[i].folder, "genesis.cbor", to);
		file_copy(out, to);
		cluster->members[i].seq = 1;
		cluster->members[i].last = genesis.members[i].header.id;
	}
	genesis_free(&genesis);
	buffer_free(&bytes);
}

static int cluster_open(void **state)
{
	struct cluster *cluster = memory_new(sizeof *cluster);
	cluster->program = getenv("TALLY_PROGRAM");
	if (!cluster->program) {
		fprintf(stderr, "TALLY_PROGRAM does not name the program to test\n");
		return 1;
	}
	strcpy(cluster->folder, "/tmp/tally-test-cluster-XXXXXX");
	assert_non_null(mkdtemp(cluster->folder));
	for (int i = 0; i < NODES; i++)
		org_make(cluster, i);
	genesis_make(cluster);
	for (int i = 0; i < NODES; i++)
		node_start(cluster, i);
	*state = cluster;
	return 0;
}

static int cluster_close(void **state)
{
	struct cluster *cluster = *state;
	for (int i = 0; i < NODES; i++) {
		if (cluster->members[i].process)
			node_end(cluster, i, SIGKILL);
		signing_key_free(cluster->members[i].key);
	}
	int code = folder_remove(cluster->folder);
	free(cluster);
	return code;
}

/* ---- the story: each part begins where the one before ended ---- */

static void four_nodes_find_each_other_and_agree(void **state)
{
	struct cluster *cluster = *state;
	wait_equal(cluster, NODES);
	assert_int_equal(submit(cluster, 0, 0, false), 201);
	wait_equal(cluster, NODES + 1);
	/* Any node takes anybody's statement, and a repetition is harmless. */
	assert_int_equal(submit(cluster, 1, 3, true), 200);
	wait_equal(cluster, NODES + 2);
	yyjson_doc *document = ask(cluster->members[2].http_port, "/api/v1/statements?type=event");
	assert_non_null(document);
	assert_int_equal(yyjson_arr_size(yyjson_obj_get(yyjson_doc_get_root(document), "statements")), 2);
	yyjson_doc_free(document);
}

/* What a node says of a member's place among the leaders. */
static bool stands(struct cluster *cluster, int at, int member, const char *word)
{
	yyjson_doc *document = ask(cluster->members[at].http_port, "/api/v1/members");
	yyjson_val *told = yyjson_arr_get(yyjson_obj_get(yyjson_doc_get_root(document), "members"), (size_t)member);
	const char *standing = yyjson_get_str(yyjson_obj_get(told, "standing"));
	bool equal = standing && strcmp(standing, word) == 0;
	yyjson_doc_free(document);
	return equal;
}

/* With every 64th commit it is counted who leads. */
static void commit_until_stands(struct cluster *cluster, int member, const char *word)
{
	int64_t end = now_ms() + PATIENCE_MS;
	for (int i = 0; !stands(cluster, 0, member, word); i++) {
		assert_true(now_ms() < end);
		assert_int_equal(submit(cluster, i % 3, (i + 1) % 3, false), 201);
	}
}

static void a_killed_node_catches_up(void **state)
{
	struct cluster *cluster = *state;
	uint64_t size = look(cluster, 0).log_size;
	assert_true(stands(cluster, 0, 3, "leads"));
	node_end(cluster, 3, SIGKILL);
	for (int i = 0; i < 20; i++)
		assert_int_equal(submit(cluster, i % 3, (i + 1) % 3, false), 201);
	commit_until_stands(cluster, 3, "late");
	assert_true(stands(cluster, 0, 0, "leads") && stands(cluster, 1, 3, "late"));
	/* Its last write was cut short. */
	char path[PATH_SIZE];
	path_of(cluster->members[3].folder, "data/log.000000", path);
	int fd = open(path, O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "\x90\x01\x00\x00\x01torn", 9), 9);
	close(fd);
	node_start(cluster, 3);
	wait_equal(cluster, size + 20);
	assert_int_equal(submit(cluster, 3, 3, false), 201);
	commit_until_stands(cluster, 3, "leads");
}

static void a_lost_log_is_fetched_again(void **state)
{
	struct cluster *cluster = *state;
	uint64_t size = look(cluster, 0).log_size;
	node_end(cluster, 2, SIGKILL);
	char path[PATH_SIZE];
	path_of(cluster->members[2].folder, "data/log.000000", path);
	assert_int_equal(unlink(path), 0);
	node_start(cluster, 2);
	wait_equal(cluster, size);
	assert_int_equal(submit(cluster, 2, 2, false), 201);
	wait_equal(cluster, size + 1);
}

static void file_flip(const char *path, off_t at)
{
	uint8_t byte;
	int fd = open(path, O_RDWR);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x20;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static bool node_log_says(const struct member *member, const char *words)
{
	char path[PATH_SIZE];
	struct buffer log = {0};
	struct fault fault;
	path_of(member->folder, "node.log", path);
	assert_int_equal(disk_read(path, 1 << 20, &log, &fault), OK);
	buffer_append_byte(&log, 0);
	bool says = strstr((char *)log.data, words) != NULL;
	buffer_free(&log);
	return says;
}

/* The disk returns other bytes than were written, at a dozen places: the node says so and comes back with everything. */
static void a_damaged_log_is_repaired_from_the_others(void **state)
{
	struct cluster *cluster = *state;
	struct member *member = &cluster->members[3];
	uint64_t size = look(cluster, 0).log_size;
	assert_int_equal(node_end(cluster, 3, SIGTERM), 0);
	char path[PATH_SIZE];
	struct stat facts;
	path_of(member->folder, "data/log.000000", path);
	assert_int_equal(stat(path, &facts), 0);
	for (int i = 0; i < 12; i++)
		file_flip(path, 36 + (facts.st_size - 36) / 14 * i + 3 * i);
	assert_int_equal(submit(cluster, 0, 0, false), 201);
	assert_false(node_log_says(member, "event=log_damaged"));
	node_start(cluster, 3);
	wait_equal(cluster, size + 1);
	assert_true(node_log_says(member, "level=error event=log_damaged"));
	char damaged[PATH_SIZE];
	path_of(member->folder, "data/damaged", damaged);
	assert_int_equal(access(damaged, F_OK), 0);
	assert_int_equal(submit(cluster, 3, 3, false), 201);
	/* Nothing is left to repair. */
	assert_int_equal(node_end(cluster, 3, SIGTERM), 0);
	char log[PATH_SIZE];
	path_of(member->folder, "node.log", log);
	assert_int_equal(truncate(log, 0), 0);
	node_start(cluster, 3);
	wait_equal(cluster, size + 2);
	assert_false(node_log_says(member, "event=log_damaged"));
}

/* By way of a limit on file sizes: the node stops with 1 and a sentence, and comes back with everything. */
static void a_full_disk_stops_the_node_honestly(void **state)
{
	struct cluster *cluster = *state;
	struct member *member = &cluster->members[1];
	uint64_t size = look(cluster, 0).log_size;
	assert_int_equal(node_end(cluster, 1, SIGTERM), 0);
	char path[PATH_SIZE];
	struct stat facts;
	path_of(member->folder, "data/log.000000", path);
	assert_int_equal(stat(path, &facts), 0);
	struct rlimit limit, low;
	getrlimit(RLIMIT_FSIZE, &limit);
	low = (struct rlimit){.rlim_cur = (rlim_t)facts.st_size + 20000, .rlim_max = limit.rlim_max};
	setrlimit(RLIMIT_FSIZE, &low);
	node_start(cluster, 1);
	setrlimit(RLIMIT_FSIZE, &limit);
	for (int i = 0; i < 12; i++)
		assert_int_equal(submit(cluster, 0, 0, false), 201);
	assert_int_equal(process_wait(member->process), 1);
	member->process = 0;
	struct buffer log = {0};
	struct fault fault;
	path_of(member->folder, "node.log", path);
	assert_int_equal(disk_read(path, 1 << 20, &log, &fault), OK);
	buffer_append_byte(&log, 0);
	assert_non_null(strstr((char *)log.data, "event=node_stops"));
	assert_non_null(strstr((char *)log.data, "then start again"));
	buffer_free(&log);
	node_start(cluster, 1);
	wait_equal(cluster, size + 12);
}

/* Old blocks that go bad under running nodes, each of them at one: who serves them goes on, and others have them. */
static void damage_under_running_nodes_stops_nobody(void **state)
{
	struct cluster *cluster = *state;
	uint64_t size = look(cluster, 0).log_size;
	char path[PATH_SIZE];
	bool told = false;
	struct stat facts;
	assert_int_equal(node_end(cluster, 3, SIGTERM), 0);
	for (int i = 0; i < 3; i++) {
		path_of(cluster->members[i].folder, "data/log.000000", path);
		assert_int_equal(stat(path, &facts), 0);
		for (int k = 0; k < 6; k++)
			file_flip(path, 36 + facts.st_size / 8 + (facts.st_size / 24) * (3 * k + i) / 2);
	}
	path_of(cluster->members[3].folder, "data/log.000000", path);
	assert_int_equal(unlink(path), 0);
	node_start(cluster, 3);
	wait_equal(cluster, size);
	for (int i = 0; i < 3; i++)
		told = told || node_log_says(&cluster->members[i], "event=block_unreadable");
	assert_true(told);
	/* One after the other they start again, and repair. */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(node_end(cluster, i, SIGTERM), 0);
		node_start(cluster, i);
		wait_equal(cluster, size);
		assert_true(node_log_says(&cluster->members[i], "event=log_damaged"));
	}
	assert_int_equal(submit(cluster, 1, 1, false), 201);
	wait_equal(cluster, size + 1);
}

/* A library in front of the C library lets the flush of its log fail as soon as a file exists. */
static void a_failed_flush_stops_the_node_honestly(void **state)
{
	struct cluster *cluster = *state;
	struct member *member = &cluster->members[2];
	char trigger[PATH_SIZE];
	uint64_t size = look(cluster, 0).log_size;
	assert_int_equal(node_end(cluster, 2, SIGTERM), 0);
	path_of(cluster->folder, "flushes-fail", trigger);
	setenv("TALLY_TEST_FLUSH_FAILS", trigger, 1);
	setenv("LD_PRELOAD", getenv("TALLY_FLUSH_FAILS"), 1);
	node_start(cluster, 2);
	unsetenv("LD_PRELOAD");
	wait_equal(cluster, size);
	assert_int_equal(submit(cluster, 2, 2, false), 201);
	int fd = open(trigger, O_WRONLY | O_CREAT, 0600);
	close(fd);
	assert_int_equal(submit(cluster, 0, 0, false), 201); /* final without it */
	assert_int_equal(process_wait(member->process), 1);
	member->process = 0;
	assert_true(node_log_says(member, "event=node_stops"));
	assert_true(node_log_says(member, "cannot be flushed to the disk"));
	unlink(trigger);
	node_start(cluster, 2);
	wait_equal(cluster, size + 2);
}

static void nothing_is_lost_when_all_are_killed(void **state)
{
	struct cluster *cluster = *state;
	assert_int_equal(submit(cluster, 2, 0, false), 201);
	uint64_t size = look(cluster, 0).log_size;
	for (int i = 0; i < NODES; i++)
		kill(cluster->members[i].process, SIGKILL);
	for (int i = 0; i < NODES; i++)
		node_end(cluster, i, SIGKILL);
	for (int i = 0; i < NODES; i++)
		node_start(cluster, i);
	wait_equal(cluster, size);
	assert_int_equal(submit(cluster, 2, 1, false), 201);
	wait_equal(cluster, size + 1);
}

/* Two of four are no quorum: nothing becomes final, and nothing is pretended. */
static void without_a_quorum_nothing_is_final(void **state)
{
	struct cluster *cluster = *state;
	uint64_t size = look(cluster, 0).log_size;
	node_end(cluster, 2, SIGKILL);
	node_end(cluster, 3, SIGKILL);
	pid_t child = fork();
	if (child == 0) {
		alarm(PATIENCE_MS / 1000);
		_exit(submit(cluster, 0, 0, false) == 201 ? 0 : 1);
	}
	usleep(1500000);
	assert_true(look(cluster, 0).log_size == size);
	node_start(cluster, 2);
	assert_int_equal(process_wait(child), 0);
	/* The child's statement was ours: go on behind it. */
	struct buffer statement = {0};
	statement_make(cluster, &cluster->members[0], names[0], &statement, &cluster->members[0].last);
	cluster->members[0].seq++;
	buffer_free(&statement);
	node_start(cluster, 3);
	wait_equal(cluster, size + 1);
}

/* ---- the client ---- */

enum { CLIENT_MANY = 600 };

struct crowd {
	struct buffer bytes;
	size_t ends[CLIENT_MANY];
	struct client_item items[CLIENT_MANY];
};

/* Signed one behind the other, as the issuer's next. */
static void crowd_make(struct cluster *cluster, int issuer, size_t count, struct crowd *crowd)
{
	struct member *member = &cluster->members[issuer];
	*crowd = (struct crowd){0};
	for (size_t i = 0; i < count; i++) {
		struct digest id;
		statement_make(cluster, member, names[issuer], &crowd->bytes, &id);
		crowd->ends[i] = crowd->bytes.size;
		member->seq++;
		member->last = id;
	}
	for (size_t i = 0; i < count; i++)
		crowd->items[i].bytes = span_part(buffer_span(&crowd->bytes), i ? crowd->ends[i - 1] : 0, crowd->ends[i] - (i ? crowd->ends[i - 1] : 0));
}

/* Of the first `count` nodes. */
static struct client *client_of(struct cluster *cluster, unsigned count, int64_t patience_ms, int64_t wait_ms)
{
	char texts[NODES][URL_SIZE];
	const char *urls[NODES];
	struct client_config config = {.urls = urls, .url_count = count, .patience_ms = patience_ms, .wait_ms = wait_ms};
	struct client *client;
	struct fault fault;
	for (unsigned i = 0; i < count; i++) {
		snprintf(texts[i], sizeof texts[i], "http://127.0.0.1:%u", cluster->members[i].http_port);
		urls[i] = texts[i];
	}
	assert_int_equal(client_new(&config, &client, &fault), OK);
	return client;
}

/* The node that it speaks with is killed while a request is on its way: each statement is in the log once all the same. */
static void a_client_outlives_its_node(void **state)
{
	struct cluster *cluster = *state;
	uint64_t size = look(cluster, 0).log_size, again[CLIENT_MANY];
	struct crowd *crowd = memory_new(sizeof *crowd);
	struct fault fault = {{0}};
	crowd_make(cluster, 2, CLIENT_MANY, crowd);
	pid_t killer = fork();
	if (killer == 0) {
		alarm(PATIENCE_MS / 1000);
		while (look(cluster, 1).log_size < size + CLIENT_MANY / 4)
			usleep(2000);
		_exit(kill(cluster->members[0].process, SIGKILL) == 0 ? 0 : 1);
	}
	struct client *client = client_of(cluster, 3, PATIENCE_MS, 0);
	enum status status = client_send(client, crowd->items, CLIENT_MANY, &fault);
	if (status != OK)
		fprintf(stderr, "%s: %s\n", status_name(status), fault.text);
	assert_int_equal(status, OK);
	assert_int_equal(process_wait(killer), 0);
	assert_int_equal(process_wait(cluster->members[0].process), 128 + SIGKILL);
	cluster->members[0].process = 0;
	assert_true(client_numbers(client).moves >= 1);
	for (size_t i = 0; i < CLIENT_MANY; i++) {
		assert_int_equal(crowd->items[i].state, CLIENT_FINAL);
		assert_true(i == 0 || crowd->items[i].index > crowd->items[i - 1].index);
		again[i] = crowd->items[i].index;
	}
	node_start(cluster, 0);
	wait_equal(cluster, size + CLIENT_MANY);
	/* Once more, at whichever node: each is where it was. */
	assert_int_equal(client_send(client, crowd->items, CLIENT_MANY, &fault), OK);
	for (size_t i = 0; i < CLIENT_MANY; i++)
		assert_true(crowd->items[i].index == again[i]);
	assert_true(look(cluster, 1).log_size == size + CLIENT_MANY);
	client_free(client);
	buffer_free(&crowd->bytes);
	free(crowd);
}

static void a_client_tells_accepted_from_final(void **state)
{
	struct cluster *cluster = *state;
	uint64_t size = look(cluster, 0).log_size;
	struct crowd *crowd = memory_new(sizeof *crowd);
	struct fault fault;
	crowd_make(cluster, 0, 3, crowd);
	node_end(cluster, 2, SIGKILL);
	node_end(cluster, 3, SIGKILL);
	struct client *client = client_of(cluster, 2, 1000, 200);
	assert_int_equal(client_send(client, crowd->items, 3, &fault), E_BUSY);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(crowd->items[i].state, CLIENT_ACCEPTED);
	assert_true(look(cluster, 0).log_size == size);
	client_free(client);
	node_start(cluster, 2);
	node_start(cluster, 3);
	client = client_of(cluster, 2, PATIENCE_MS, 200);
	assert_int_equal(client_send(client, crowd->items, 3, &fault), OK);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(crowd->items[i].state, CLIENT_FINAL);
	wait_equal(cluster, size + 3);
	assert_true(look(cluster, 0).log_size == size + 3);
	client_free(client);
	buffer_free(&crowd->bytes);
	free(crowd);
}

/* ---- a gateway ---- */

struct guest {
	struct loop *loop;
	struct wire *wire;
	struct wire_link *link;
	struct loop_timer *poll;
	bool (*reached)(struct guest *guest);
	int64_t give_up_ms;
	uint64_t next, head, wanted;
	unsigned outcomes, downs;
	enum status last_status;
	bool gap;
};

static bool guest_identify(void *context, const struct digest *key, uint32_t *identity)
{
	(void)context;
	(void)key;
	*identity = 1;
	return true;
}

static void guest_up(void *context, struct wire_link *link, uint32_t identity)
{
	(void)identity;
	struct guest *guest = context;
	struct buffer frame = {0};
	guest->link = link;
	write_u64(&frame, guest->next);
	assert_int_equal(wire_send(link, WIRE_FOLLOW, buffer_span(&frame)), OK);
	buffer_free(&frame);
}

static void guest_down(void *context, struct wire_link *link, uint32_t identity)
{
	(void)link;
	(void)identity;
	struct guest *guest = context;
	guest->link = NULL;
	guest->downs++;
}

static void guest_frame(void *context, struct wire_link *link, uint32_t identity, uint8_t kind, struct span bytes)
{
	(void)link;
	(void)identity;
	struct guest *guest = context;
	struct reader reader = reader_of(bytes);
	struct statement statement;
	if (kind == WIRE_FINAL) {
		guest->gap = guest->gap || read_u64(&reader) != guest->next;
		assert_true(read_i64(&reader) > 0);
		assert_int_equal(statement_decode(reader.rest, &statement, NULL), OK);
		guest->next++;
	} else if (kind == WIRE_HEAD) {
		guest->head = read_u64(&reader);
		guest->gap = guest->gap || guest->head != guest->next;
	} else if (kind == WIRE_OUTCOME) {
		guest->last_status = (enum status)read_u32(&reader);
		guest->outcomes++;
	}
}

static void guest_poll(void *context)
{
	struct guest *guest = context;
	if (guest->reached(guest) || now_ms() > guest->give_up_ms)
		loop_stop(guest->loop);
	else
		loop_timer_set(guest->poll, 5);
}

static bool guest_run(struct guest *guest, bool (*reached)(struct guest *guest), int64_t patience_ms)
{
	guest->reached = reached;
	guest->give_up_ms = now_ms() + patience_ms;
	loop_timer_set(guest->poll, 0);
	loop_run(guest->loop);
	return reached(guest);
}

static bool guest_has_all(struct guest *guest)
{
	return guest->head >= guest->wanted;
}

static bool guest_has_outcome(struct guest *guest)
{
	return guest->outcomes > 0;
}

static bool guest_is_away(struct guest *guest)
{
	return !guest->link;
}

static bool guest_is_there(struct guest *guest)
{
	return guest->link;
}

static void gateway_register(struct cluster *cluster, const char *folder, const char *state)
{
	char document[PATH_SIZE], url[URL_SIZE];
	path_of(folder, "gateway.json", document);
	/* Nobody answers at the first address. */
	snprintf(url, sizeof url, "http://127.0.0.1:1,http://127.0.0.1:%u", cluster->members[0].http_port);
	if (!state)
		assert_int_equal(COMMAND(cluster, "register", "--node", url, "--folder", cluster->members[0].folder, document), 0);
	else
		assert_int_equal(COMMAND(cluster, "register", "--node", url, "--folder", cluster->members[0].folder, "--state", state, "--subject",
			"gw:manufacturer/hall-1", "--reason", "test"), 0);
}

static void a_registered_gateway_follows_and_submits_until_it_is_revoked(void **state)
{
	struct cluster *cluster = *state;
	char folder[FOLDER_SIZE], path[PATH_SIZE], address[40];
	struct signing_key *tls_key;
	struct fault fault;
	snprintf(folder, sizeof folder, "%s/hall-1", cluster->folder);
	assert_int_equal(COMMAND(cluster, "init", "gateway", "--folder", folder, "--id", "gw:manufacturer/hall-1", "--site", "airframe/plant-1/hall-1"), 0);
	path_of(folder, "keys/tls.key", path);
	assert_int_equal(keys_load(path, false, &tls_key, &fault), OK);

	struct guest guest = {.loop = loop_new(), .last_status = STATUS_COUNT};
	guest.poll = loop_timer_new(guest.loop, guest_poll, &guest);
	struct wire_callbacks callbacks = {.context = &guest, .identify = guest_identify, .up = guest_up, .down = guest_down, .frame = guest_frame};
	assert_int_equal(wire_new(guest.loop, tls_key, &callbacks, &guest.wire, &fault), OK);
	struct signing_key *node_tls;
	path_of(cluster->members[0].folder, "keys/tls.key", path);
	assert_int_equal(keys_load(path, false, &node_tls, &fault), OK);
	struct digest expected = keys_tls_digest(signing_key_public(node_tls));
	snprintf(address, sizeof address, "127.0.0.1:%u", cluster->members[0].wire_port);
	assert_int_equal(wire_dial(guest.wire, address, &expected, &fault), OK);

	/* Unknown to the ledger: not let in. */
	assert_false(guest_run(&guest, guest_is_there, 700));
	gateway_register(cluster, folder, NULL);
	guest.wanted = look(cluster, 0).log_size;
	assert_true(guest_run(&guest, guest_has_all, PATIENCE_MS));
	assert_false(guest.gap);
	/* What becomes final from now on comes by itself. */
	assert_int_equal(submit(cluster, 1, 2, false), 201);
	guest.wanted++;
	assert_true(guest_run(&guest, guest_has_all, PATIENCE_MS));
	assert_false(guest.gap);
	/* A statement, and one that is none. */
	struct buffer statement = {0};
	struct digest id;
	statement_make(cluster, &cluster->members[1], names[1], &statement, &id);
	cluster->members[1].seq++;
	cluster->members[1].last = id;
	assert_int_equal(wire_send(guest.link, WIRE_SUBMIT, buffer_span(&statement)), OK);
	assert_true(guest_run(&guest, guest_has_outcome, PATIENCE_MS));
	assert_int_equal(guest.last_status, OK);
	guest.outcomes = 0;
	assert_int_equal(wire_send(guest.link, WIRE_SUBMIT, span_of_text("nonsense")), OK);
	assert_true(guest_run(&guest, guest_has_outcome, PATIENCE_MS));
	assert_int_equal(guest.last_status, E_MALFORMED);
	/* Revoked: cut off, and not let in again. */
	gateway_register(cluster, folder, "revoked");
	assert_true(guest_run(&guest, guest_is_away, PATIENCE_MS));
	assert_false(guest_run(&guest, guest_is_there, 1500));
	buffer_free(&statement);
	wire_free(guest.wire);
	loop_timer_free(guest.poll);
	loop_free(guest.loop);
	signing_key_free(tls_key);
	signing_key_free(node_tls);
}

static bool file_says(const char *path, const char *words)
{
	struct buffer text = {0};
	struct fault fault;
	assert_int_equal(disk_read(path, 1 << 20, &text, &fault), OK);
	buffer_append_byte(&text, 0);
	bool says = strstr((char *)text.data, words) != NULL;
	buffer_free(&text);
	return says;
}

/* Two headers of one slot, signed by a node's key: what a node that sees them keeps in data/evidence. They become a
 * statement; every node marks the liar, and an outsider can check it with the genesis alone. */
static void a_liar_is_convicted(void **state)
{
	struct cluster *cluster = *state;
	struct genesis genesis;
	struct buffer genesis_bytes = {0}, first = {0}, second = {0}, body = {0};
	struct fault fault;
	struct signing_key *key = NULL;
	char genesis_path[PATH_SIZE], path[PATH_SIZE], url[URL_SIZE], out[PATH_SIZE];
	path_of(cluster->folder, "genesis.cbor", genesis_path);
	assert_int_equal(disk_read(genesis_path, 1 << 20, &genesis_bytes, &fault), OK);
	assert_int_equal(genesis_decode(buffer_span(&genesis_bytes), &genesis, &fault), OK);
	path_of(cluster->members[2].folder, "keys/node.key", path);
	assert_int_equal(keys_load(path, false, &key, &fault), OK);
	lie_header(&genesis, 2, key, 1000, &first);
	lie_header(&genesis, 2, key, 1001, &second);
	lie_body("org:repair", LIE_EQUIVOCATION, buffer_span(&first), buffer_span(&second), &body);
	path_of(cluster->folder, "evidence", path);
	path_of(cluster->folder, "out", out);
	assert_int_equal(disk_write(path, buffer_span(&body), 0600, &fault), OK);
	snprintf(url, sizeof url, "http://127.0.0.1:%u", cluster->members[1].http_port);
	uint64_t size = look(cluster, 0).log_size;
	assert_int_equal(COMMAND(cluster, "evidence", "--folder", cluster->members[0].folder, "--node", url, path), 0);
	assert_int_equal(COMMAND(cluster, "evidence", "--folder", cluster->members[1].folder, "--node", url, path), 1); /* once is enough */
	wait_equal(cluster, size + 1);
	cluster->members[0].seq++; /* it spoke */
	char id[DIGEST_HEX_SIZE] = "";
	for (int i = 0; i < NODES; i++) {
		yyjson_doc *document = ask(cluster->members[i].http_port, "/api/v1/node");
		yyjson_val *members = yyjson_obj_get(yyjson_doc_get_root(document), "members");
		for (int m = 0; m < NODES; m++)
			assert_int_equal(yyjson_get_uint(yyjson_obj_get(yyjson_arr_get(members, (size_t)m), "lies")), m == 2);
		snprintf(id, sizeof id, "%s", yyjson_get_str(yyjson_obj_get(yyjson_arr_get(members, 2), "lied")));
		yyjson_doc_free(document);
	}
	assert_true(span_from_hex(span_of_text(id), cluster->members[0].last.bytes, DIGEST_SIZE));
	assert_int_equal(process_wait(START(out, cluster->program, "status", "--node", url)), 0);
	assert_true(file_says(out, "lied, as is proven 1 times") && file_says(out, id));
	/* One more entry later a checkpoint covers it. */
	char bundle[PATH_SIZE];
	path_of(cluster->folder, "bundle", bundle);
	assert_int_equal(submit(cluster, 3, 3, false), 201);
	int code = 1;
	for (int64_t end = now_ms() + PATIENCE_MS; code != 0 && now_ms() < end; usleep(200000))
		code = COMMAND(cluster, "export", "--node", url, "--out", bundle, id);
	assert_int_equal(code, 0);
	assert_int_equal(unlink(out), 0);
	assert_int_equal(process_wait(START(out, cluster->program, "verify", "--genesis", genesis_path, bundle)), 0);
	assert_true(file_says(out, "org:repair lied: it signed two blocks of round 1"));
	genesis_free(&genesis);
	signing_key_free(key);
	buffer_free(&genesis_bytes);
	buffer_free(&first);
	buffer_free(&second);
	buffer_free(&body);
}

/* A fifth process with the keys of a member that runs. lost: it cannot find the original where the genesis says it is,
 * so that the other members must tell. */
static void copy_stops(struct cluster *cluster, int which, bool lost)
{
	char folder[FOLDER_SIZE], path[PATH_SIZE], log[PATH_SIZE], command[3 * PATH_SIZE];
	struct buffer text = {0};
	struct fault fault;
	snprintf(folder, sizeof folder, "%s/copy-%d", cluster->folder, lost);
	snprintf(command, sizeof command, "mkdir %s && cp -r %s/keys %s/genesis.cbor %s", folder, cluster->members[which].folder,
		cluster->members[which].folder, folder);
	assert_int_equal(system(command), 0);
	buffer_printf(&text, "[wire]\nlisten = 127.0.0.1:%u\n", free_port());
	if (lost)
		buffer_printf(&text, "peer = org:%s 127.0.0.1:%u\n", names[which], free_port());
	buffer_printf(&text, "[http]\nlisten = 127.0.0.1:%u\n", free_port());
	path_of(folder, "node.ini", path);
	path_of(folder, "node.log", log);
	assert_int_equal(disk_write(path, buffer_span(&text), 0600, &fault), OK);
	pid_t copy = START(log, cluster->program, "node", "--config", path);
	int how = 0;
	pid_t ended = 0;
	for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end && !ended; usleep(20000))
		ended = waitpid(copy, &how, WNOHANG);
	if (!ended)
		kill(copy, SIGKILL);
	assert_int_equal(ended, copy);
	assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 1);
	buffer_clear(&text);
	assert_int_equal(disk_read(log, 1 << 20, &text, &fault), OK);
	buffer_append_byte(&text, 0);
	assert_non_null(strstr((char *)text.data, "another process runs with the keys of"));
	assert_non_null(strstr((char *)text.data, lost ? "other members hold a live link" : "it answers at 127.0.0.1"));
	buffer_free(&text);
}

static void a_copied_folder_does_not_become_a_second_member(void **state)
{
	struct cluster *cluster = *state;
	uint64_t size = look(cluster, 0).log_size;
	copy_stops(cluster, 1, false);
	copy_stops(cluster, 1, true);
	/* The original went on, and knows. */
	assert_int_equal(submit(cluster, 2, 1, false), 201);
	wait_equal(cluster, size + 1);
	char url[URL_SIZE], path[PATH_SIZE];
	struct buffer text = {0};
	struct fault fault;
	long code = 0;
	snprintf(url, sizeof url, "http://127.0.0.1:%u/metrics", cluster->members[1].http_port);
	assert_int_equal(http_get(url, 1 << 20, &text, &code, &fault), OK);
	buffer_append_byte(&text, 0);
	const char *metric = strstr((char *)text.data, "\ntally_duplicate_reports_total ");
	assert_non_null(metric);
	assert_true(atoi(strchr(metric, ' ')) > 0);
	buffer_clear(&text);
	path_of(cluster->members[1].folder, "node.log", path);
	assert_int_equal(disk_read(path, 16 << 20, &text, &fault), OK);
	buffer_append_byte(&text, 0);
	assert_non_null(strstr((char *)text.data, "event=duplicate_node"));
	/* The copies signed nothing that anybody saw. */
	for (int i = 0; i < NODES; i++) {
		buffer_clear(&text);
		path_of(cluster->members[i].folder, "node.log", path);
		assert_int_equal(disk_read(path, 16 << 20, &text, &fault), OK);
		buffer_append_byte(&text, 0);
		assert_null(strstr((char *)text.data, "event=member_lied"));
	}
	buffer_free(&text);
}

static void one_folder_one_node_and_good_settings(void **state)
{
	struct cluster *cluster = *state;
	char config[PATH_SIZE];
	path_of(cluster->members[0].folder, "node.ini", config);
	assert_int_equal(COMMAND(cluster, "node", "--config", config), 1);
	assert_int_equal(COMMAND(cluster, "node"), 2);
	assert_int_equal(COMMAND(cluster, "node", "--config", "/nowhere/node.ini"), 2);
	snprintf(config, sizeof config, "%s/bad.ini", cluster->folder);
	struct fault fault;
	assert_int_equal(disk_write(config, span_of_text("[node]\nfoldr = x\n"), 0644, &fault), OK);
	assert_int_equal(COMMAND(cluster, "node", "--config", config), 2);
	assert_int_equal(COMMAND(cluster, "nod"), 2);
	assert_int_equal(COMMAND(cluster, "node", "--help"), 0);
	wait_equal(cluster, NODES);
}

static void a_stopped_node_ends_well(void **state)
{
	struct cluster *cluster = *state;
	for (int i = 0; i < NODES; i++)
		assert_int_equal(node_end(cluster, i, SIGTERM), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_nodes_find_each_other_and_agree),
		cmocka_unit_test(a_killed_node_catches_up),
		cmocka_unit_test(a_lost_log_is_fetched_again),
		cmocka_unit_test(a_damaged_log_is_repaired_from_the_others),
		cmocka_unit_test(damage_under_running_nodes_stops_nobody),
		cmocka_unit_test(a_failed_flush_stops_the_node_honestly),
		cmocka_unit_test(a_full_disk_stops_the_node_honestly),
		cmocka_unit_test(nothing_is_lost_when_all_are_killed),
		cmocka_unit_test(without_a_quorum_nothing_is_final),
		cmocka_unit_test(a_client_outlives_its_node),
		cmocka_unit_test(a_client_tells_accepted_from_final),
		cmocka_unit_test(a_registered_gateway_follows_and_submits_until_it_is_revoked),
		cmocka_unit_test(a_liar_is_convicted),
		cmocka_unit_test(a_copied_folder_does_not_become_a_second_member),
		cmocka_unit_test(one_folder_one_node_and_good_settings),
		cmocka_unit_test(a_stopped_node_ends_well),
	};
	return cmocka_run_group_tests_name("cluster", tests, cluster_open, cluster_close);
}
