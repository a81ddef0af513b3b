#include "small_node.h"

#include "command/answer.h"
#include "command/command.h"
#include "command/submitter.h"
#include "base/map.h"
#include "host/disk.h"
#include "record/base64.h"
#include "record/bundle.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>
#include <yyjson.h>

enum { CHECKPOINT_PATIENCE = 100 };

static struct consortium consortium;
static char folder[] = "/tmp/tally-api-XXXXXX";
static char base[64];
static pid_t node;

static void at(char out[128], const char *name)
{
	snprintf(out, 128, "%s/%s", folder, name);
}

static void write_file(const char *name, struct span bytes, unsigned mode)
{
	char path[128];
	struct fault fault;
	at(path, name);
	assert_int_equal(disk_write(path, bytes, mode, &fault), OK);
}

static void write_organisation(void)
{
	char path[128];
	struct fault fault;
	struct buffer key = {0};
	at(path, "keys");
	assert_int_equal(disk_folder(path, &fault), OK);
	write_file("org.cose", consortium.genesis.members[0].statement, 0644);
	write_file("genesis.cbor", buffer_span(&consortium.bytes), 0644);
	buffer_append_text(&key, "tally-key-v1 ");
	base64_write(&key, span_of(signing_key_seed(consortium.record[0]), ML_DSA_44_SEED));
	buffer_append_byte(&key, '\n');
	write_file("keys/record.key", buffer_span(&key), 0600);
	buffer_clear(&key);
	struct signing_key *gateway = key_of(900);
	buffer_append_text(&key, "{\"id\":\"gw:maker/hall-1\",\"kind\":\"gateway\",\"model\":\"box\",\"site\":\"plant\",\"firmware\":\"f\",\"tls_key\":\"");
	buffer_printf(&key, "%064d\",\"key\":\"", 7);
	base64_write(&key, span_of(signing_key_public(gateway)->bytes, ML_DSA_44_PUBLIC));
	buffer_append_text(&key, "\"}");
	write_file("gateway.json", buffer_span(&key), 0644);
	signing_key_free(gateway);
	buffer_free(&key);
	static const char machine[] = "{\"id\":\"spindle-1\",\"kind\":\"machine\",\"model\":\"M\",\"firmware\":\"1\",\"format\":\"json\",\"gateway\":\"hall-1\",\"signals\":"
		"[{\"id\":\"a\",\"unit\":\"Cel\",\"low\":0,\"high\":10}],\"model_parameters\":{\"a.offset\":3}}";
	write_file("machine.json", span_of(machine, sizeof machine - 1), 0644);
}

static int begin(void **state)
{
	(void)state;
	static const char *const gateways[] = {"gw:maker/hall-1", NULL}, *const urls[] = {"http://127.0.0.1:9", NULL};
	assert_non_null(mkdtemp(folder));
	consortium_found(&consortium, 1);
	write_organisation();
	int ends[2];
	uint32_t port = 0;
	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	node = fork();
	assert_true(node >= 0);
	if (node == 0) {
		char path[128];
		at(path, "view.sqlite");
		exit(small_node_run(&consortium, path, gateways, urls, ends[1]));
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &port, sizeof port), sizeof port);
	close(ends[0]);
	snprintf(base, sizeof base, "http://127.0.0.1:%u", port);
	return 0;
}

static int end(void **state)
{
	(void)state;
	int status = 0;
	kill(node, SIGTERM);
	waitpid(node, &status, 0);
	static const char *const names[] = {"keys/record.key", "keys", "org.cose", "genesis.cbor", "gateway.json", "machine.json", "view.sqlite", "view.sqlite-wal",
		"view.sqlite-shm", "bundle", "policy", "note", "out", ""};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char path[128];
		at(path, names[i]);
		remove(path);
	}
	consortium_free(&consortium);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}

/* -- asking ------------------------------------------------------------------------------ */

static long get(const char *path, struct buffer *out)
{
	struct buffer url = {0};
	struct fault fault;
	long code = 0;
	answer_url(base, path, &url);
	buffer_clear(out);
	assert_int_equal(http_get((const char *)url.data, ANSWER_MAX, out, &code, &fault), OK);
	buffer_free(&url);
	return code;
}

static long post(const char *path, struct span body, struct buffer *out)
{
	struct buffer url = {0};
	struct fault fault;
	long code = 0;
	answer_url(base, path, &url);
	buffer_clear(out);
	assert_int_equal(http_post((const char *)url.data, "application/cose", body, ANSWER_MAX, out, &code, &fault), OK);
	buffer_free(&url);
	return code;
}

static yyjson_doc *parsed(const struct buffer *json)
{
	yyjson_doc *document = yyjson_read((const char *)json->data, json->size, 0);
	if (!document)
		print_message("%.*s\n", (int)json->size, (const char *)json->data);
	assert_non_null(document);
	return document;
}

/* Every path "a.b" must be there. */
static void has(yyjson_val *root, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!yyjson_obj_get(root, names[i]))
			fail_msg("%s is not there", names[i]);
}

#define HAS(root, ...) has(root, (const char *const[]){__VA_ARGS__}, sizeof(const char *const[]){__VA_ARGS__} / sizeof(char *))

/* Run a command as the program would; what it prints goes to the file "out". */
static int run(app_command *command, const char *const *words, struct buffer *out)
{
	char *arguments[16];
	int count = 0;
	for (; words[count]; count++)
		arguments[count] = memory_text(span_of_text(words[count]));
	arguments[count] = NULL;
	char path[128];
	at(path, "out");
	fflush(stdout);
	int before = dup(STDOUT_FILENO), file = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	dup2(file, STDOUT_FILENO);
	char *given[16];
	memcpy(given, arguments, sizeof given);
	int code = command(count, given);
	fflush(stdout);
	dup2(before, STDOUT_FILENO);
	close(file);
	close(before);
	for (int i = 0; i < count; i++)
		free(arguments[i]);
	struct fault fault;
	buffer_clear(out);
	assert_int_equal(disk_read(path, 1 << 20, out, &fault), OK);
	buffer_append_byte(out, 0);
	return code;
}

#define RUN(command, out, ...) run(command, (const char *const[]){__VA_ARGS__, NULL}, out)

/* -- tests ---------------------------------------------------------------------------------- */

static void documents_are_registered(void **state)
{
	(void)state;
	struct buffer out = {0};
	char gateway[128], machine[128];
	at(gateway, "gateway.json");
	at(machine, "machine.json");
	assert_int_equal(RUN(command_register, &out, "register", "--node", base, "--folder", folder, gateway, machine), 0);
	assert_non_null(strstr((const char *)out.data, "gw:maker/hall-1"));
	assert_non_null(strstr((const char *)out.data, "bounds"));
	assert_non_null(strstr((const char *)out.data, "model"));
	/* Again: the next versions. */
	assert_int_equal(RUN(command_register, &out, "register", "--node", base, "--folder", folder, machine), 0);
	assert_int_equal(get("/api/v1/entities?kind=device", &out), 200);
	yyjson_doc *document = parsed(&out);
	yyjson_val *entity = yyjson_arr_get_first(yyjson_obj_get(yyjson_doc_get_root(document), "entities"));
	HAS(entity, "name", "kind", "state", "role", "owner", "gateway", "registration", "bounds", "bounds_version", "model", "model_version", "last_seq", "last_id");
	assert_string_equal(yyjson_get_str(yyjson_obj_get(entity, "name")), "dev:maker/spindle-1");
	assert_string_equal(yyjson_get_str(yyjson_obj_get(entity, "gateway")), "gw:maker/hall-1");
	assert_string_equal(yyjson_get_str(yyjson_obj_get(entity, "owner")), "org:maker");
	assert_int_equal(yyjson_get_uint(yyjson_obj_get(entity, "bounds_version")), 2);
	assert_int_equal(yyjson_get_uint(yyjson_obj_get(entity, "model_version")), 2);
	yyjson_doc_free(document);
	/* A document twice, and one that is not there. */
	assert_int_equal(RUN(command_register, &out, "register", "--node", base, "--folder", folder, machine, machine), 1);
	assert_int_equal(RUN(command_register, &out, "register", "--node", base, "--folder", folder, "/nonexistent.json"), 1);
	assert_int_equal(RUN(command_register, &out, "register", "--node", base), 2);
	buffer_free(&out);
}

static void many_become_final_together(void **state)
{
	(void)state;
	struct submitter *submitter = NULL;
	struct submitter_batch batch = {0};
	struct fault fault = {{0}};
	struct buffer body = {0}, out = {0};
	if (submitter_open(folder, base, &submitter, &fault) != OK)
		fail_msg("%s", fault.text);
	struct body_device device = {.kind = DEVICE_MACHINE, .model = text("M"), .gateway = text("gw:maker/hall-1"), .format = FORMAT_JSON,
		.signals = {{.id = text("a"), .field = text("a"), .raw_unit = text("Cel"), .unit = text("Cel")}}, .signal_count = 1};
	struct body_bounds bounds = {.bounds = {{.signal = text("a"), .unit = text("Cel"), .high = {9, 0}}}, .bound_count = 1};
	for (unsigned i = 0; i < 300; i++) {
		char name[64];
		snprintf(name, sizeof name, "dev:maker/engine-%u", i);
		submitter_batch_device(&batch, submitter, text(name), &device, &bounds, NULL);
	}
	/* Someone else speaks for the organisation meanwhile: what is left is signed anew. */
	struct submitter *other;
	struct digest id;
	assert_int_equal(submitter_open(folder, base, &other, &fault), OK);
	body_event_encode(&(struct body_event){.kind = text("order"), .type = text("TransactionEvent")}, &body);
	assert_int_equal(submitter_send(other, STATEMENT_EVENT, text("x"), buffer_span(&body), NULL, 0, &id, &fault), OK);
	submitter_close(other);
	if (submitter_send_many(submitter, &batch, &fault) != OK)
		fail_msg("%s", fault.text);
	for (size_t i = 0; i < batch.count; i++) {
		assert_true(batch.items[i].final);
		assert_true(i == 0 || batch.items[i].index == batch.items[i - 1].index + 1);
	}
	/* Few commits, not one for each. */
	assert_int_equal(get("/api/v1/statements?type=bounds&limit=1000", &out), 200);
	yyjson_doc *document = parsed(&out);
	yyjson_val *statements = yyjson_obj_get(yyjson_doc_get_root(document), "statements"), *statement;
	size_t i, max, commits = 0;
	uint64_t last = UINT64_MAX;
	yyjson_arr_foreach(statements, i, max, statement) {
		uint64_t commit = yyjson_get_uint(yyjson_obj_get(statement, "commit"));
		commits += commit != last;
		last = commit;
	}
	assert_true(max >= 300);
	print_message("600 statements in %zu commits\n", commits);
	assert_true(commits < 60);
	yyjson_doc_free(document);
	/* One that the node refuses, in the middle: those before it are final, those after it are not. */
	struct submitter_batch wrong = {0};
	submitter_batch_add(&wrong, STATEMENT_EVENT, text("good"), buffer_span(&body));
	submitter_batch_add(&wrong, STATEMENT_ANCHOR, text("bad"), buffer_span(&body));
	submitter_batch_add(&wrong, STATEMENT_EVENT, text("after"), buffer_span(&body));
	assert_int_not_equal(submitter_send_many(submitter, &wrong, &fault), OK);
	assert_non_null(strstr(fault.text, "anchor statement about bad"));
	assert_true(wrong.items[0].final && !wrong.items[1].final && !wrong.items[2].final);
	submitter_batch_free(&wrong);
	submitter_batch_free(&batch);
	submitter_close(submitter);
	buffer_free(&body);
	buffer_free(&out);
}

static void the_node_tells_about_itself(void **state)
{
	(void)state;
	struct buffer out = {0};
	assert_int_equal(get("/api/v1/node", &out), 200);
	yyjson_doc *document = parsed(&out);
	yyjson_val *root = yyjson_doc_get_root(document);
	HAS(root, "org", "role", "member", "network", "genesis", "epoch_bytes", "uptime_s", "round", "highest_round", "decided_round", "commits", "skipped", "leader_timeouts",
		"equivocations", "log_size", "log_root", "refused", "readings", "anchors", "by_type", "finality_ms", "checkpoint", "state_checkpoint", "members", "tolerance", "floors", "pending",
		"resident_kb", "profile");
	HAS(yyjson_obj_get(root, "finality_ms"), "p50", "p99", "count");
	HAS(yyjson_obj_get(root, "checkpoint"), "size", "lines");
	HAS(yyjson_obj_get(root, "state_checkpoint"), "size", "lines");
	HAS(yyjson_obj_get(root, "profile"), "signature_checks", "signature_ns", "cpu_ns");
	HAS(yyjson_arr_get_first(yyjson_obj_get(root, "members")), "index", "iss", "name", "role", "address", "connected", "round", "self");
	HAS(yyjson_arr_get_first(yyjson_obj_get(root, "floors")), "gateway", "url");
	yyjson_val *tolerance = yyjson_obj_get(root, "tolerance");
	assert_string_equal(yyjson_get_str(yyjson_obj_get(tolerance, "mode")), "single");
	assert_int_equal(yyjson_get_uint(yyjson_obj_get(tolerance, "may_lie")), 0);
	assert_int_equal(yyjson_get_uint(yyjson_obj_get(tolerance, "may_be_away")), 0);
	assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "org")), "org:maker");
	assert_true(yyjson_get_uint(yyjson_obj_get(yyjson_obj_get(root, "by_type"), "device")) >= 300);
	assert_true(yyjson_get_uint(yyjson_obj_get(root, "resident_kb")) > 1000);
	assert_true(yyjson_get_num(yyjson_obj_get(root, "uptime_s")) > 0);
	yyjson_doc_free(document);
	assert_int_equal(RUN(command_status, &out, "status", "--node", base), 0);
	assert_non_null(strstr((const char *)out.data, "org:maker"));
	assert_non_null(strstr((const char *)out.data, "A single member: a signed log"));
	assert_int_equal(RUN(command_status, &out, "status", "--node", base, base), 0);
	assert_non_null(strstr((const char *)out.data, "equal"));
	assert_int_equal(RUN(command_status, &out, "status", "--node", base, "http://127.0.0.1:1"), 1);
	assert_non_null(strstr((const char *)out.data, "no answer"));
	buffer_free(&out);
}

static void the_node_tells_who_decides(void **state)
{
	(void)state;
	struct buffer out = {0};
	assert_int_equal(get("/api/v1/members", &out), 200);
	yyjson_doc *document = parsed(&out);
	yyjson_val *root = yyjson_doc_get_root(document), *members = yyjson_obj_get(root, "members"), *member = yyjson_arr_get_first(members);
	HAS(root, "epoch", "quorum", "members", "proposals", "epochs");
	HAS(member, "index", "seat", "iss", "name", "role", "address", "since_epoch", "self", "connected", "standing", "keys");
	assert_int_equal(yyjson_arr_size(members), 1);
	assert_string_equal(yyjson_get_str(yyjson_obj_get(member, "iss")), "org:maker");
	assert_string_equal(yyjson_get_str(yyjson_obj_get(member, "standing")), "leads");
	yyjson_doc_free(document);
	buffer_free(&out);
}

/* Prometheus text: comment lines, then samples "name{labels} number", each name announced once before. */
static void metrics_are_well_formed(void **state)
{
	(void)state;
	struct buffer out = {0};
	assert_int_equal(get("/metrics", &out), 200);
	buffer_append_byte(&out, 0);
	char announced[80] = "";
	size_t samples = 0;
	char *rest = (char *)out.data;
	for (char *line; (line = strsep(&rest, "\n")) && *line;) {
		char name[80] = "", type[20] = "";
		if (sscanf(line, "# TYPE %79s %19s", name, type) == 2) {
			assert_true(strcmp(type, "counter") == 0 || strcmp(type, "gauge") == 0 || strcmp(type, "summary") == 0);
			assert_int_equal(strcmp(type, "counter") == 0, strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_total") == 0);
			memcpy(announced, name, sizeof announced);
		} else if (line[0] != '#') {
			char *end, *space = strrchr(line, ' ');
			assert_non_null(space);
			(void)!strtod(space + 1, &end);
			assert_int_equal(*end, 0);
			assert_int_equal(strncmp(line, announced, strlen(announced)), 0);
			assert_int_equal(strncmp(line, "tally_", 6), 0);
			samples++;
		}
	}
	assert_true(samples > 30);
	buffer_free(&out);
}

static void statements_are_listed_in_pages(void **state)
{
	(void)state;
	struct buffer out = {0}, path = {0};
	uint64_t expected = 0;
	buffer_append_text(&path, "/api/v1/statements?limit=100");
	for (int pages = 0; pages < 100; pages++) {
		buffer_append_byte(&path, 0);
		assert_int_equal(get((const char *)path.data, &out), 200);
		yyjson_doc *document = parsed(&out);
		yyjson_val *root = yyjson_doc_get_root(document), *next = yyjson_obj_get(root, "next"), *statement;
		size_t i, max;
		yyjson_arr_foreach(yyjson_obj_get(root, "statements"), i, max, statement) {
			HAS(statement, "id", "index", "type", "iss", "sub", "seq", "iat_s", "commit", "commit_ms", "parents", "prev", "body", "size", "label");
			assert_int_equal(yyjson_get_uint(yyjson_obj_get(statement, "index")), expected++);
		}
		bool last = yyjson_is_null(next);
		assert_true(last || max == 100);
		buffer_clear(&path);
		buffer_printf(&path, "/api/v1/statements?limit=100&after=%llu", (unsigned long long)yyjson_get_uint(next));
		yyjson_doc_free(document);
		if (last)
			break;
	}
	assert_true(expected > 600);
	assert_int_equal(get("/api/v1/statements?order=desc&limit=1&iss=org%3Amaker", &out), 200);
	yyjson_doc *document = parsed(&out);
	yyjson_val *newest = yyjson_arr_get_first(yyjson_obj_get(yyjson_doc_get_root(document), "statements"));
	assert_int_equal(yyjson_get_uint(yyjson_obj_get(newest, "index")), expected - 1);
	yyjson_doc_free(document);
	buffer_free(&out);
	buffer_free(&path);
}

/* The id of the newest statement of a type. */
static void newest_id(const char *type, char id[DIGEST_HEX_SIZE])
{
	struct buffer out = {0};
	char path[96];
	snprintf(path, sizeof path, "/api/v1/statements?order=desc&limit=1&type=%s", type);
	assert_int_equal(get(path, &out), 200);
	yyjson_doc *document = parsed(&out);
	yyjson_val *newest = yyjson_arr_get_first(yyjson_obj_get(yyjson_doc_get_root(document), "statements"));
	const char *text_of_id = yyjson_get_str(yyjson_obj_get(newest, "id"));
	CHECK(text_of_id);
	snprintf(id, DIGEST_HEX_SIZE, "%s", text_of_id);
	yyjson_doc_free(document);
	buffer_free(&out);
}

static void one_statement_is_found_and_traced(void **state)
{
	(void)state;
	struct buffer out = {0};
	char id[DIGEST_HEX_SIZE], path[160];
	newest_id("model", id);
	snprintf(path, sizeof path, "/api/v1/statements/%.16s", id);
	assert_int_equal(get(path, &out), 200);
	yyjson_doc *document = parsed(&out);
	assert_string_equal(yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(document), "id")), id);
	yyjson_doc_free(document);
	snprintf(path, sizeof path, "/api/v1/statements/%s/raw", id);
	assert_int_equal(get(path, &out), 200);
	struct digest digest = sha256(buffer_span(&out));
	char hex[DIGEST_HEX_SIZE];
	span_hex(digest_span(&digest), hex);
	assert_string_equal(hex, id);
	snprintf(path, sizeof path, "/api/v1/trace/%s", id);
	assert_int_equal(get(path, &out), 200);
	document = parsed(&out);
	HAS(yyjson_doc_get_root(document), "root", "nodes", "edges", "cut");
	yyjson_doc_free(document);
	assert_int_equal(RUN(command_trace, &out, "trace", "--node", base, id), 0);
	assert_non_null(strstr((const char *)out.data, "issuer: organisation: maker"));
	assert_int_equal(RUN(command_trace, &out, "trace", "--node", base, "--format=dot", id), 0);
	assert_int_equal(strncmp((const char *)out.data, "digraph", 7), 0);
	assert_int_equal(RUN(command_trace, &out, "trace", "--node", base, "--format", "picture", id), 1);
	buffer_free(&out);
}

static void mistakes_have_their_codes(void **state)
{
	(void)state;
	static const struct { const char *path; long code; } cases[] = {
		{"/api/v1/statements/0123456789abcdef", 404}, {"/api/v1/statements/xyz1", 400}, {"/api/v1/statements/01", 400}, {"/api/v1/statements?limit=0", 400},
		{"/api/v1/statements?limit=1001", 400}, {"/api/v1/statements?type=poem", 400}, {"/api/v1/statements?order=up", 400}, {"/api/v1/statements?after=-1", 400},
		{"/api/v1/entities?kind=ghost", 400}, {"/api/v1/trace/0123456789abcdef", 404}, {"/api/v1/trace/0123?depth=x", 400}, {"/api/v1/export/0123456789abcdef", 404},
		{"/api/v1/nothing", 404}, {"/api/v1/statements/batch", 400}, {"/api/v1/trace/", 404}, {"/api/v1/statements/0123/more", 404},
	};
	struct buffer out = {0};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		long code = get(cases[i].path, &out);
		if (code != cases[i].code)
			fail_msg("%s: %ld, not %ld: %.*s", cases[i].path, code, cases[i].code, (int)out.size, (const char *)out.data);
		yyjson_doc *document = parsed(&out);
		HAS(yyjson_doc_get_root(document), "error", "reason");
		yyjson_doc_free(document);
	}
	assert_int_equal(post("/api/v1/node", text("x"), &out), 405);
	assert_int_equal(post("/api/v1/statements", text("not a statement"), &out), 400);
	assert_int_equal(post("/api/v1/statements/batch", text(""), &out), 400);
	assert_int_equal(post("/api/v1/statements/batch", text("\x83\x01\x02"), &out), 400);
	buffer_free(&out);
}

/* The organisation, where its chain has come to. */
static struct issuer maker_now(void)
{
	struct buffer out = {0};
	assert_int_equal(get("/api/v1/entities?kind=org", &out), 200);
	yyjson_doc *document = parsed(&out);
	yyjson_val *entity = yyjson_arr_get_first(yyjson_obj_get(yyjson_doc_get_root(document), "entities"));
	assert_string_equal(yyjson_get_str(yyjson_obj_get(entity, "kind")), "org");
	assert_string_equal(yyjson_get_str(yyjson_obj_get(entity, "state")), "active");
	struct issuer maker = organisation(&consortium, 0);
	maker.seq = yyjson_get_uint(yyjson_obj_get(entity, "last_seq"));
	assert_true(span_from_hex(text(yyjson_get_str(yyjson_obj_get(entity, "last_id"))), maker.last.bytes, DIGEST_SIZE));
	yyjson_doc_free(document);
	buffer_free(&out);
	return maker;
}

static void a_submission_has_a_fate(void **state)
{
	(void)state;
	struct buffer out = {0}, body = {0}, bytes = {0};
	struct issuer maker = maker_now();
	struct issuer before = maker;
	issue(&consortium, &maker, STATEMENT_EVENT, text("x"), event_body(&body, 1), NULL, 0, &bytes);
	/* A broken signature, then the statement, then the same again, then another of the same number. */
	bytes.data[bytes.size - 1] ^= 1;
	assert_int_equal(post("/api/v1/statements", buffer_span(&bytes), &out), 403);
	bytes.data[bytes.size - 1] ^= 1;
	assert_int_equal(post("/api/v1/statements", buffer_span(&bytes), &out), 201);
	yyjson_doc *document = parsed(&out);
	HAS(yyjson_doc_get_root(document), "id", "index");
	yyjson_doc_free(document);
	assert_int_equal(post("/api/v1/statements", buffer_span(&bytes), &out), 200);
	buffer_clear(&bytes);
	issue(&consortium, &before, STATEMENT_EVENT, text("y"), event_body(&body, 2), NULL, 0, &bytes);
	assert_int_equal(post("/api/v1/statements", buffer_span(&bytes), &out), 409);
	/* In a batch each has its own. */
	struct buffer both = {0};
	issue(&consortium, &maker, STATEMENT_EVENT, text("z"), event_body(&body, 3), NULL, 0, &both);
	buffer_append_span(&both, buffer_span(&bytes));
	long code = post("/api/v1/statements/batch", buffer_span(&both), &out);
	if (code != 200)
		fail_msg("%ld %.*s", code, (int)out.size, (const char *)out.data);
	document = parsed(&out);
	yyjson_val *results = yyjson_obj_get(yyjson_doc_get_root(document), "results");
	assert_int_equal(yyjson_arr_size(results), 2);
	assert_string_equal(yyjson_get_str(yyjson_obj_get(yyjson_arr_get(results, 0), "status")), "ok");
	assert_string_equal(yyjson_get_str(yyjson_obj_get(yyjson_arr_get(results, 1), "status")), "sequence");
	assert_true(yyjson_is_null(yyjson_obj_get(yyjson_arr_get(results, 1), "index")));
	assert_true(yyjson_is_str(yyjson_obj_get(yyjson_arr_get(results, 1), "reason")));
	yyjson_doc_free(document);
	buffer_free(&both);
	buffer_free(&bytes);
	buffer_free(&body);
	buffer_free(&out);
}

/* Nothing is final sooner than three rounds of 20 ms; ?wait= says how long to wait for it. */
static void a_submission_waits_as_long_as_it_says(void **state)
{
	(void)state;
	struct buffer out = {0}, body = {0}, bytes = {0};
	struct issuer maker = maker_now();
	issue(&consortium, &maker, STATEMENT_EVENT, text("x"), event_body(&body, 1), NULL, 0, &bytes);
	static const char *const wrong[] = {"x", "", "-1", "1.5", "10ms", "1234567890"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		char path[64];
		snprintf(path, sizeof path, "/api/v1/statements?wait=%s", wrong[i]);
		assert_int_equal(post(path, buffer_span(&bytes), &out), 400);
	}
	/* What was answered with 400 was not submitted. */
	assert_int_equal(post("/api/v1/statements?wait=1", buffer_span(&bytes), &out), 504);
	long code = post("/api/v1/statements", buffer_span(&bytes), &out); /* it went on, and is final now or will be */
	assert_true(code == 200 || code == 201);
	buffer_clear(&bytes);
	issue(&consortium, &maker, STATEMENT_EVENT, text("x"), event_body(&body, 2), NULL, 0, &bytes);
	assert_int_equal(post("/api/v1/statements/batch?wait=0", buffer_span(&bytes), &out), 200);
	assert_non_null(memmem(out.data, out.size, "\"pending\"", 9));
	assert_int_equal(post("/api/v1/statements/batch?wait=999999999", buffer_span(&bytes), &out), 200);
	assert_null(memmem(out.data, out.size, "\"index\":null", 12));
	buffer_clear(&bytes);
	issue(&consortium, &maker, STATEMENT_EVENT, text("x"), event_body(&body, 3), NULL, 0, &bytes);
	assert_int_equal(post("/api/v1/statements?wait=20000", buffer_span(&bytes), &out), 201);
	buffer_free(&bytes);
	buffer_free(&body);
	buffer_free(&out);
}

static void an_export_verifies_offline(void **state)
{
	(void)state;
	struct buffer out = {0};
	char id[DIGEST_HEX_SIZE], bundle[128], genesis[128];
	at(bundle, "bundle");
	at(genesis, "genesis.cbor");
	newest_id("model", id);
	int code = 1;
	for (int i = 0; i < CHECKPOINT_PATIENCE && code != 0; i++) {
		struct timespec pause = {0, 100 * NS_PER_MS};
		code = RUN(command_export, &out, "export", "--node", base, "--out", bundle, id);
		nanosleep(&pause, NULL);
	}
	assert_int_equal(code, 0);
	assert_int_equal(RUN(command_verify, &out, "verify", "--genesis", genesis, bundle), 0);
	assert_non_null(strstr((const char *)out.data, "ok"));
	struct buffer bytes = {0};
	struct fault fault;
	assert_int_equal(disk_read(bundle, BUNDLE_SIZE_MAX, &bytes, &fault), OK);
	bytes.data[bytes.size / 2] ^= 1;
	assert_int_equal(disk_write(bundle, buffer_span(&bytes), 0644, &fault), OK);
	assert_int_equal(RUN(command_verify, &out, "verify", "--genesis", genesis, bundle), 1);
	assert_non_null(strstr((const char *)out.data, "FAILED"));
	assert_int_equal(get("/api/v1/checkpoint", &out), 200);
	assert_int_equal(memcmp(out.data, "tally/", 6), 0);
	buffer_free(&bytes);
	buffer_free(&out);
}

/* What `tally verify` says of the state of `name` as soon as it says `expected`. */
static void state_becomes(const char *name, const char *expected)
{
	char file[128], genesis[128];
	struct buffer out = {0};
	bool said = false;
	at(file, "bundle");
	at(genesis, "genesis.cbor");
	for (int i = 0; i < CHECKPOINT_PATIENCE && !said; i++) {
		struct timespec pause = {0, 100 * NS_PER_MS};
		if (RUN(command_export, &out, "export", "--node", base, "--out", file, "--state", name) == 0) {
			assert_int_equal(RUN(command_verify, &out, "verify", "--genesis", genesis, file), 0);
			buffer_append_byte(&out, 0);
			said = strstr((const char *)out.data, expected);
		}
		nanosleep(&pause, NULL);
	}
	if (!said)
		fail_msg("not said: %s\n%s", expected, (const char *)out.data);
	buffer_free(&out);
}

static void the_state_of_a_name_is_proven(void **state)
{
	(void)state;
	struct buffer out = {0};
	struct fault fault;
	char file[128], genesis[128], policy[128], note[128];
	at(file, "bundle");
	at(genesis, "genesis.cbor");
	at(policy, "policy");
	state_becomes("dev:maker/spindle-1", "ok: state: its bounds are version 2, statement ");
	state_becomes("dev:maker/ghost", "ok: state: there is no dev:maker/ghost: the ledger has never registered that name");
	/* For people. */
	assert_int_equal(get("/api/v1/state/dev%3Amaker%2Fspindle-1", &out), 200);
	yyjson_doc *document = parsed(&out);
	yyjson_val *root = yyjson_doc_get_root(document);
	HAS(root, "name", "present", "kind", "state", "role", "owner", "gateway", "registration", "key", "tls_key", "bounds", "bounds_version", "model",
		"model_version", "last_seq", "last_id", "log_size", "root", "checkpoint");
	assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "state")), "active");
	assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "kind")), "device");
	assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "gateway")), "gw:maker/hall-1");
	assert_non_null(strstr(yyjson_get_str(yyjson_obj_get(root, "checkpoint")), "/state\n"));
	yyjson_doc_free(document);
	assert_int_equal(get("/api/v1/state/dev:maker/ghost?form=json", &out), 200);
	document = parsed(&out);
	assert_false(yyjson_get_bool(yyjson_obj_get(yyjson_doc_get_root(document), "present")));
	yyjson_doc_free(document);
	assert_int_equal(get("/api/v1/state/x?form=xml", &out), 400);
	struct buffer longest = {0};
	buffer_append_text(&longest, "/api/v1/state/");
	for (int i = 0; i <= STATEMENT_NAME_MAX; i++)
		buffer_append_byte(&longest, 'x');
	buffer_append_byte(&longest, 0);
	assert_int_equal(get((const char *)longest.data, &out), 400);
	/* A policy that it satisfies, and one that it does not. */
	state_becomes("dev:maker/spindle-1", "it is active");
	write_file("policy", text("{\"required\": [\"org:maker\"], \"max_age_s\": 3600}"), 0644);
	assert_int_equal(RUN(command_verify, &out, "verify", "--policy", policy, "--genesis", genesis, file), 0);
	assert_non_null(memmem(out.data, out.size, "ok: policy: org:maker, whose signature it requires", 50));
	assert_int_equal(get("/api/v1/checkpoint", &out), 200);
	write_file("note", buffer_span(&out), 0644);
	at(note, "note");
	assert_int_equal(RUN(command_verify, &out, "verify", "--policy", policy, "--genesis", genesis, note), 0);
	assert_non_null(memmem(out.data, out.size, "ok: policy: org:maker, whose signature it requires", 50));
	write_file("policy", text("{\"required\": [\"org:regulator\"]}"), 0644);
	assert_int_equal(RUN(command_verify, &out, "verify", "--policy", policy, "--genesis", genesis, note), 1);
	assert_int_equal(RUN(command_verify, &out, "verify", "--policy", policy, "--genesis", genesis, file), 1);
	assert_null(memmem(out.data, out.size, "ok: ", 4));
	write_file("policy", text("{\"require\": 1}"), 0644);
	assert_int_equal(RUN(command_verify, &out, "verify", "--policy", policy, "--genesis", genesis, file), 1);
	/* A changed byte. */
	struct buffer bytes = {0};
	assert_int_equal(disk_read(file, BUNDLE_SIZE_MAX, &bytes, &fault), OK);
	bytes.data[bytes.size / 2] ^= 1;
	assert_int_equal(disk_write(file, buffer_span(&bytes), 0644, &fault), OK);
	assert_int_equal(RUN(command_verify, &out, "verify", "--genesis", genesis, file), 1);
	assert_non_null(memmem(out.data, out.size, "FAILED: ", 8));
	buffer_free(&bytes);
	buffer_free(&longest);
	buffer_free(&out);
}

static void a_device_can_be_revoked(void **state)
{
	(void)state;
	struct buffer out = {0};
	assert_int_equal(RUN(command_register, &out, "register", "--node", base, "--folder", folder, "--state", "revoked", "--reason", "stolen", "--subject", "engine-7"), 0);
	assert_int_equal(get("/api/v1/entities?kind=device", &out), 200);
	yyjson_doc *document = parsed(&out);
	yyjson_val *entity;
	size_t i, max, revoked = 0;
	yyjson_arr_foreach(yyjson_obj_get(yyjson_doc_get_root(document), "entities"), i, max, entity)
		if (strcmp(yyjson_get_str(yyjson_obj_get(entity, "state")), "revoked") == 0) {
			revoked++;
			assert_string_equal(yyjson_get_str(yyjson_obj_get(entity, "name")), "dev:maker/engine-7");
		}
	assert_int_equal(revoked, 1);
	yyjson_doc_free(document);
	state_becomes("dev:maker/engine-7", "spoken for by gw:maker/hall-1; it is revoked\n");
	assert_int_equal(RUN(command_register, &out, "register", "--node", base, "--folder", folder, "--state", "lost", "--reason", "x", "--subject", "engine-7"), 1);
	assert_int_equal(RUN(command_register, &out, "register", "--node", base, "--folder", folder, "--state", "revoked", "--reason", "x", "--subject", "ghost"), 1);
	buffer_free(&out);
}

/* A browser's view of the stream: its lines until both kinds of event have come. */
static void events_are_streamed(void **state)
{
	(void)state;
	unsigned port = 0;
	assert_int_equal(sscanf(base, "http://127.0.0.1:%u", &port), 1);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	static const char request[] = "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n";
	assert_int_equal(write(fd, request, sizeof request - 1), sizeof request - 1);
	struct timeval patience = {.tv_sec = 10};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	struct buffer stream = {0};
	buffer_reserve(&stream, 1);
	bool sent = false;
	while (!memmem(stream.data, stream.size, "event: statement\n", 17) || !memmem(stream.data, stream.size, "event: node\n", 12)) {
		char bytes[4096];
		ssize_t size = read(fd, bytes, sizeof bytes);
		assert_true(size > 0);
		buffer_append(&stream, bytes, (size_t)size);
		if (!sent && memmem(stream.data, stream.size, "event: node\n", 12)) {
			struct submitter *submitter;
			struct buffer body = {0};
			struct digest id;
			struct fault fault;
			assert_int_equal(submitter_open(folder, base, &submitter, &fault), OK);
			assert_int_equal(submitter_send(submitter, STATEMENT_EVENT, text("x"), event_body(&body, 4), NULL, 0, &id, &fault), OK);
			submitter_close(submitter);
			buffer_free(&body);
			sent = true;
		}
	}
	assert_non_null(memmem(stream.data, stream.size, "\"label\":\"event: order", 21));
	assert_null(memmem(stream.data, stream.size, "\"body\"", 6));
	close(fd);
	buffer_free(&stream);
}

static void the_page_is_there(void **state)
{
	(void)state;
	struct buffer out = {0};
	assert_int_equal(get("/", &out), 200);
	/* gzip, RFC 1952 */
	assert_true(out.size > 100 && out.data[0] == 0x1f && out.data[1] == 0x8b);
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_are_registered),
		cmocka_unit_test(many_become_final_together),
		cmocka_unit_test(the_node_tells_about_itself),
		cmocka_unit_test(the_node_tells_who_decides),
		cmocka_unit_test(metrics_are_well_formed),
		cmocka_unit_test(statements_are_listed_in_pages),
		cmocka_unit_test(one_statement_is_found_and_traced),
		cmocka_unit_test(mistakes_have_their_codes),
		cmocka_unit_test(a_submission_has_a_fate),
		cmocka_unit_test(a_submission_waits_as_long_as_it_says),
		cmocka_unit_test(an_export_verifies_offline),
		cmocka_unit_test(the_state_of_a_name_is_proven),
		cmocka_unit_test(a_device_can_be_revoked),
		cmocka_unit_test(events_are_streamed),
		cmocka_unit_test(the_page_is_there),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
