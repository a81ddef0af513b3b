/* The node's interface for outsiders: SCRAPI, checkpoints, tiles; and the commands that use it. */
#include "small_node.h"

#include "command/command.h"
#include "host/disk.h"
#include "record/base64.h"
#include "record/cbor.h"
#include "record/receipt_check.h"
#include "record/tile.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>

#include <cmocka.h>

enum { STATEMENTS = 300, PATIENCE = 200 };

static struct consortium consortium;
static struct issuer maker;
static char folder[] = "/tmp/tally-log-XXXXXX";
static char base[64];
static unsigned node_port;
static pid_t node;

static void at(char out[128], const char *name)
{
	snprintf(out, 128, "%s/%s", folder, name);
}

static int begin(void **state)
{
	(void)state;
	int ends[2];
	uint32_t got = 0;
	assert_non_null(mkdtemp(folder));
	consortium_found(&consortium, 1);
	maker = organisation(&consortium, 0);
	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	node = fork();
	assert_true(node >= 0);
	if (node == 0) {
		char path[128];
		at(path, "view.sqlite");
		exit(small_node_run(&consortium, path, NULL, NULL, ends[1]));
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &got, sizeof got), sizeof got);
	close(ends[0]);
	node_port = got;
	snprintf(base, sizeof base, "http://127.0.0.1:%u", node_port);
	struct fault fault;
	char path[128];
	at(path, "genesis.cbor");
	return disk_write(path, buffer_span(&consortium.bytes), 0644, &fault) == OK ? 0 : 1;
}

static int end(void **state)
{
	(void)state;
	int status = 0;
	kill(node, SIGTERM);
	waitpid(node, &status, 0);
	char command[160];
	snprintf(command, sizeof command, "rm -rf %s", folder);
	if (system(command) != 0)
		return 1;
	consortium_free(&consortium);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}

/* -- asking, with the headers of the answer ------------------------------------------------------- */

struct answer {
	int code;
	struct buffer head, body;     /* head: terminated */
};

static void answer_free(struct answer *answer)
{
	buffer_free(&answer->head);
	buffer_free(&answer->body);
}

static struct answer ask(const char *method, const char *path, const char *type, struct span body)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)node_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct buffer request = {0};
	struct answer answer = {0};
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	buffer_printf(&request, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n", method, path, body.size);
	if (type)
		buffer_printf(&request, "Content-Type: %s\r\n", type);
	buffer_append_text(&request, "\r\n");
	buffer_append_span(&request, body);
	assert_int_equal(write(fd, request.data, request.size), request.size);
	char bytes[4096];
	for (ssize_t size; (size = read(fd, bytes, sizeof bytes)) > 0;)
		buffer_append(&answer.head, bytes, (size_t)size);
	close(fd);
	buffer_free(&request);
	const uint8_t *gap = memmem(answer.head.data, answer.head.size, "\r\n\r\n", 4);
	assert_non_null(gap);
	size_t head = (size_t)(gap - answer.head.data) + 2;
	buffer_append(&answer.body, gap + 4, answer.head.size - head - 2);
	answer.head.size = head;
	buffer_append_byte(&answer.head, 0);
	assert_int_equal(sscanf((char *)answer.head.data, "HTTP/1.1 %d", &answer.code), 1);
	return answer;
}

static struct answer get(const char *path)
{
	return ask("GET", path, NULL, (struct span){0});
}

static struct answer post(struct span body)
{
	return ask("POST", "/entries", "application/cose", body);
}

static void assert_head(const struct answer *answer, const char *line)
{
	if (!strstr((char *)answer->head.data, line))
		fail_msg("no \"%s\" in %s", line, (char *)answer->head.data);
}

/* RFC 9290 with the title of the draft. */
static void assert_problem(struct answer answer, int code, const char *title)
{
	struct cbor_reader in = cbor_reader_of(buffer_span(&answer.body));
	assert_int_equal(answer.code, code);
	assert_head(&answer, "Content-Type: application/concise-problem-details+cbor\r\n");
	assert_int_equal(cbor_enter_map(&in, 2), 2);
	assert_true(cbor_key_is(&in, -1));
	struct span got = cbor_read_text(&in);
	if (!span_is_text(got, title))
		fail_msg("%.*s, not %s", (int)got.size, (const char *)got.data, title);
	assert_true(cbor_key_is(&in, -2));
	assert_true(cbor_read_text(&in).size > 0);
	cbor_leave(&in);
	assert_int_equal(cbor_end(&in), OK);
	answer_free(&answer);
}

static struct digest next(struct buffer *bytes, unsigned number)
{
	struct buffer body = {0};
	struct digest id = issue(&consortium, &maker, STATEMENT_EVENT, text("x"), event_body(&body, number), NULL, 0, bytes);
	buffer_free(&body);
	return id;
}

static void entry_path(const struct digest *id, char out[128])
{
	char hex[DIGEST_HEX_SIZE];
	span_hex(span_of(id->bytes, DIGEST_SIZE), hex);
	snprintf(out, 128, "/entries/%s", hex);
}

static void assert_receipt(const struct answer *answer, struct span statement)
{
	struct buffer report = {0};
	struct fault fault = {0};
	assert_head(answer, "Content-Type: application/cose\r\n");
	struct epochs epochs;
	epochs_begin(&epochs, &consortium.genesis);
	if (receipt_check(buffer_span(&answer->body), statement, &(struct trust){.epochs = &epochs}, &report, &fault) != OK)
		fail_msg("%s", fault.text);
	epochs_free(&epochs);
	buffer_free(&report);
}

/* -- SCRAPI ----------------------------------------------------------------------------------------- */

static void a_statement_posted_is_answered_with_its_receipt(void **state)
{
	(void)state;
	struct buffer bytes = {0};
	char path[128], line[160];
	struct digest id = next(&bytes, 1);
	entry_path(&id, path);
	assert_problem(get(path), 404, "Not Found");
	struct answer answer = post(buffer_span(&bytes));
	assert_int_equal(answer.code, 201);
	snprintf(line, sizeof line, "Location: %s\r\n", path);
	assert_head(&answer, line);
	assert_receipt(&answer, buffer_span(&bytes));
	answer_free(&answer);
	/* Once more is the same. */
	answer = post(buffer_span(&bytes));
	assert_int_equal(answer.code, 201);
	assert_receipt(&answer, buffer_span(&bytes));
	answer_free(&answer);
	answer = get(path);
	assert_int_equal(answer.code, 200);
	assert_receipt(&answer, buffer_span(&bytes));
	answer_free(&answer);
	/* Unprotected headers are no part of it: { 394: [] } in the place of {}. */
	struct buffer extended = {0};
	struct digest second;
	buffer_clear(&bytes);
	second = next(&bytes, 2);
	const uint8_t *payload = memmem(bytes.data, bytes.size, "\xa0\x58", 2);
	assert_non_null(payload);
	buffer_append(&extended, bytes.data, (size_t)(payload - bytes.data));
	buffer_append(&extended, "\xa1\x19\x01\x8a\x80", 5);
	buffer_append(&extended, payload + 1, (size_t)(bytes.data + bytes.size - payload - 1));
	answer = post(buffer_span(&extended));
	assert_int_equal(answer.code, 201);
	assert_receipt(&answer, buffer_span(&bytes));
	answer_free(&answer);
	entry_path(&second, path);
	answer = get(path);
	assert_int_equal(answer.code, 200);
	answer_free(&answer);
	buffer_free(&extended);
	buffer_free(&bytes);
}

static void refusals_have_the_titles_of_the_draft(void **state)
{
	(void)state;
	struct buffer bytes = {0};
	struct issuer before = maker;
	next(&bytes, 3);
	maker = before;
	assert_problem(post(text("nonsense")), 400, "Rejected");
	assert_problem(ask("POST", "/entries", "text/plain", buffer_span(&bytes)), 415, "Rejected");
	assert_problem(ask("POST", "/entries", NULL, buffer_span(&bytes)), 415, "Rejected");
	assert_problem(get("/entries/xyz"), 400, "Invalid locator");
	assert_problem(get("/entries/"), 400, "Invalid locator");
	/* The header's algorithm, and its end. */
	uint8_t *algorithm = memmem(bytes.data, bytes.size, "\x01\x38\x2f", 3);
	assert_non_null(algorithm);
	algorithm[2] = 0x30;
	assert_problem(post(buffer_span(&bytes)), 400, "Bad Signature Algorithm");
	algorithm[2] = 0x2f;
	bytes.data[bytes.size - 1] ^= 1;
	assert_problem(post(buffer_span(&bytes)), 400, "Rejected");
	bytes.data[bytes.size - 1] ^= 1;
	/* The payload detached. */
	uint8_t *payload = memmem(bytes.data, bytes.size, "\xa0\x58", 2), *signature = memmem(bytes.data, bytes.size, "\x59\x09\x74", 3);
	assert_true(payload && signature);
	struct buffer detached = {0};
	buffer_append(&detached, bytes.data, (size_t)(payload - bytes.data) + 1);
	buffer_append_byte(&detached, 0xf6);
	buffer_append(&detached, signature, (size_t)(bytes.data + bytes.size - signature));
	assert_problem(post(buffer_span(&detached)), 400, "Payload Missing");
	struct answer answer = get("/entries");
	assert_int_equal(answer.code, 405);
	assert_head(&answer, "Allow: POST\r\n");
	answer_free(&answer);
	answer = ask("POST", "/checkpoint", NULL, (struct span){0});
	assert_int_equal(answer.code, 405);
	answer_free(&answer);
	buffer_free(&detached);
	buffer_free(&bytes);
}

static void keys_are_those_of_the_receipts(void **state)
{
	(void)state;
	struct answer set = get("/.well-known/scitt-keys");
	assert_int_equal(set.code, 200);
	assert_head(&set, "Content-Type: application/cbor\r\n");
	assert_int_equal(set.body.data[0], 0x81);
	struct cbor_reader in = cbor_reader_of(span_after(buffer_span(&set.body), 1));
	const struct public_key *expected = signing_key_public(consortium.checkpoint[0]);
	assert_int_equal(cbor_enter_map(&in, 4), 4);
	assert_true(cbor_key_is(&in, 1));
	assert_int_equal(cbor_read_uint(&in), 7);
	assert_true(cbor_key_is(&in, 2));
	struct digest kid = cbor_read_digest(&in), thumbprint = key_thumbprint(expected);
	assert_true(digest_equal(&kid, &thumbprint));
	assert_true(cbor_key_is(&in, 3));
	assert_int_equal(cbor_read_int(&in), -48);
	assert_true(cbor_key_is(&in, -1));
	assert_true(span_equal(cbor_read_bytes(&in), span_of(expected->bytes, sizeof expected->bytes)));
	/* Base64url (RFC 4648, 5): base64 with two other characters and no padding. */
	char path[128];
	struct buffer name = {0};
	base64_write(&name, digest_span(&kid));
	for (size_t i = 0; i < name.size; i++)
		name.data[i] = name.data[i] == '+' ? '-' : name.data[i] == '/' ? '_' : name.data[i] == '=' ? 0 : name.data[i];
	assert_int_equal(name.size, 44);
	snprintf(path, sizeof path, "/.well-known/scitt-keys/%s", (const char *)name.data);
	struct answer key = get(path);
	assert_int_equal(key.code, 200);
	assert_true(span_equal(buffer_span(&key.body), span_after(buffer_span(&set.body), 1)));
	answer_free(&key);
	path[strlen(path) - 1] ^= 4;
	assert_problem(get(path), 404, "No such key");
	buffer_free(&name);
	answer_free(&set);
}

/* -- checkpoints and tiles ------------------------------------------------------------------------------ */

/* The newest checkpoint once it covers `size` entries. */
static struct answer checkpoint_of(uint64_t size, struct checkpoint *checkpoint)
{
	for (int i = 0; i < PATIENCE; i++) {
		struct answer answer = get("/checkpoint");
		if (answer.code == 200) {
			assert_head(&answer, "Content-Type: text/plain; charset=utf-8\r\n");
			assert_head(&answer, "Cache-Control: no-cache\r\n");
			assert_int_equal(checkpoint_decode(buffer_span(&answer.body), checkpoint, NULL), OK);
			if (checkpoint->size >= size)
				return answer;
		}
		answer_free(&answer);
		usleep(100000);
	}
	fail_msg("no checkpoint of %llu entries", (unsigned long long)size);
	return (struct answer){0};
}

static struct digest early;      /* the last entry of the first checkpoint that a test saw */

static uint64_t log_size(void)
{
	struct answer answer = get("/api/v1/node");
	buffer_append_byte(&answer.body, 0);
	const char *at = strstr((char *)answer.body.data, "\"log_size\":");
	assert_non_null(at);
	uint64_t size = strtoull(at + strlen("\"log_size\":"), NULL, 10);
	answer_free(&answer);
	return size;
}

/* Rebuild the tree from tiles and entries, as a monitor does. */
static void the_log_can_be_rebuilt_from_tiles(void **state)
{
	(void)state;
	struct checkpoint *checkpoint = memory_new(sizeof *checkpoint);
	struct buffer batch = {0};
	for (unsigned i = 0; i < STATEMENTS; i++)
		next(&batch, 100 + i);
	struct answer answer = ask("POST", "/api/v1/statements/batch", "application/cose", buffer_span(&batch));
	assert_int_equal(answer.code, 200);
	answer_free(&answer);
	struct answer note = checkpoint_of(STATEMENTS + 3, checkpoint);
	assert_int_equal(checkpoint->size, STATEMENTS + 3); /* the organisation, two entries before */
	struct merkle_tree tree = {0};
	unsigned left = STATEMENTS + 3 - 256;
	char path[128];
	for (int part = 0; part < 2; part++) {
		snprintf(path, sizeof path, part ? "/tile/entries/001.p/%u" : "/tile/entries/000", left);
		answer = get(path);
		assert_int_equal(answer.code, 200);
		assert_head(&answer, "Content-Type: application/octet-stream\r\n");
		assert_head(&answer, "Cache-Control: public, max-age=31536000, immutable\r\n");
		struct span rest = buffer_span(&answer.body);
		unsigned count = 0;
		while (rest.size) {
			size_t size = (size_t)rest.data[0] << 8 | rest.data[1];
			struct digest id = sha256(span_of(rest.data + 2, size));
			struct digest leaf = merkle_leaf(digest_span(&id));
			merkle_tree_append(&tree, &leaf);
			rest = span_after(rest, 2 + size);
			count++;
		}
		assert_int_equal(count, part ? left : 256);
		answer_free(&answer);
	}
	struct digest root = merkle_tree_root(&tree, checkpoint->size);
	assert_true(digest_equal(&root, &checkpoint->root));
	answer = get("/tile/0/000");
	assert_int_equal(answer.body.size, 8192);
	assert_memory_equal(answer.body.data + 32 * 255, merkle_tree_node(&tree, 0, 255)->bytes, 32);
	answer_free(&answer);
	answer = get("/tile/1/000.p/1");
	assert_int_equal(answer.body.size, 32);
	assert_memory_equal(answer.body.data, merkle_tree_node(&tree, 8, 0)->bytes, 32);
	answer_free(&answer);
	snprintf(path, sizeof path, "/tile/0/001.p/%u", left + 1);
	const char *const absent[] = {path, "/tile/0/001", "/tile/1/000", "/tile/1/000.p/2", "/tile/2/000.p/1", "/tile/0/1", "/tile/", "/tile/entries/002.p/1",
		"/tile/entries/001"};
	for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
		answer = get(absent[i]);
		if (answer.code != 404)
			fail_msg("%s: %d", absent[i], answer.code);
		answer_free(&answer);
	}
	early = maker.last;
	merkle_tree_free(&tree);
	buffer_free(&batch);
	answer_free(&note);
	free(checkpoint);
}

/* What no checkpoint covers yet has no tile, though it is final. */
static void tiles_end_where_the_checkpoint_ends(void **state)
{
	(void)state;
	struct checkpoint *checkpoint = memory_new(sizeof *checkpoint);
	struct buffer bytes = {0};
	bool seen = false;
	for (unsigned i = 0; i < 40 && !seen; i++) {
		char path[128];
		buffer_clear(&bytes);
		next(&bytes, 2000 + i);
		struct answer answer = post(buffer_span(&bytes)), before = checkpoint_of(1, checkpoint);
		assert_int_equal(answer.code, 201);
		answer_free(&answer);
		uint64_t beyond = checkpoint->size + 1;
		snprintf(path, sizeof path, "/tile/entries/%03u.p/%u", (unsigned)(beyond / 256), (unsigned)(beyond % 256));
		answer = get(path);
		struct answer after = checkpoint_of(1, checkpoint);
		/* Unless a checkpoint came in between, or covers it already. */
		if (checkpoint->size + 1 == beyond && log_size() >= beyond) {
			assert_int_equal(answer.code, 404);
			seen = true;
		}
		answer_free(&answer);
		answer_free(&before);
		answer_free(&after);
	}
	assert_true(seen);
	/* A receipt is for the earliest checkpoint that covers its entry: so all organisations' receipts sign one root. */
	static struct receipt receipt;
	char path[128];
	entry_path(&early, path);
	struct answer answer = get(path);
	assert_int_equal(receipt_decode(buffer_span(&answer.body), &receipt, NULL), OK);
	assert_int_equal(receipt.proofs[0].first, STATEMENTS + 2);
	assert_int_equal(receipt.proofs[0].size, STATEMENTS + 3);
	assert_true(log_size() > STATEMENTS + 3);
	answer_free(&answer);
	buffer_free(&bytes);
	free(checkpoint);
}

/* -- commands ---------------------------------------------------------------------------------------------- */

static int run(app_command *command, const char *const *words, struct buffer *out)
{
	char *given[16], *kept[16], path[128];
	int count = 0;
	for (; words[count]; count++)
		kept[count] = given[count] = memory_text(text(words[count]));
	given[count] = NULL;
	at(path, "out");
	fflush(stdout);
	int before = dup(STDOUT_FILENO), file = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	dup2(file, STDOUT_FILENO);
	int code = command(count, given);
	fflush(stdout);
	dup2(before, STDOUT_FILENO);
	close(file);
	close(before);
	for (int i = 0; i < count; i++)
		free(kept[i]);
	struct fault fault;
	buffer_clear(out);
	assert_int_equal(disk_read(path, 1 << 20, out, &fault), OK);
	buffer_append_byte(out, 0);
	return code;
}

#define RUN(command, out, ...) run(command, (const char *const[]){__VA_ARGS__, NULL}, out)

static void what_is_exported_verifies(void **state)
{
	(void)state;
	struct buffer out = {0}, bytes = {0};
	char genesis[128], receipt[128], statement[128], note[128], since[128], id[DIGEST_HEX_SIZE];
	struct checkpoint *checkpoint = memory_new(sizeof *checkpoint);
	at(genesis, "genesis.cbor");
	at(receipt, "a.receipt");
	at(statement, "a.statement");
	at(note, "old.note");
	at(since, "since.receipt");
	span_hex(digest_span(&maker.last), id);
	assert_int_equal(RUN(command_export, &out, "export", "--node", base, "--receipt", "--statement", statement, "--out", receipt, id), 0);
	assert_int_equal(RUN(command_verify, &out, "verify", "--genesis", genesis, receipt, statement), 0);
	assert_non_null(strstr((char *)out.data, "ok: receipt: issued by org:maker (manufacturer)"));
	assert_int_equal(RUN(command_verify, &out, "verify", "--genesis", genesis, statement, receipt), 0);
	id[10] = 0;
	assert_int_equal(RUN(command_export, &out, "export", "--node", base, "--from", base, "--receipt", "--out", receipt, id), 0);
	/* A checkpoint, and a larger log that continues it. */
	assert_int_equal(RUN(command_export, &out, "export", "--node", base, "--note", "--out", note), 0);
	assert_int_equal(RUN(command_verify, &out, "verify", "--genesis", genesis, note), 0);
	assert_non_null(strstr((char *)out.data, "of size 303, root "));
	struct fault fault;
	char size[24];
	next(&bytes, 999);
	struct answer answer = post(buffer_span(&bytes));
	assert_int_equal(answer.code, 201);
	answer_free(&answer);
	answer = checkpoint_of(STATEMENTS + 4, checkpoint);
	answer_free(&answer);
	snprintf(size, sizeof size, "%d", STATEMENTS + 3);
	assert_int_equal(RUN(command_export, &out, "export", "--node", base, "--since", size, "--out", since), 0);
	assert_int_equal(RUN(command_verify, &out, "verify", "--genesis", genesis, since, note), 0);
	assert_non_null(strstr((char *)out.data, "the log of size 304, root "));
	/* A policy is for checkpoints; a receipt is one organisation's word. */
	static const struct { const char *text; int note; } policies[] = {{"{\"required\": [\"org:maker\"]}", 0}, {"{\"max_age_s\": 1}", 1}};
	char policy[128];
	at(policy, "policy.json");
	usleep(2500000);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(disk_write(policy, text(policies[i].text), 0644, &fault), OK);
		assert_int_equal(RUN(command_verify, &out, "verify", "--genesis", genesis, "--policy", policy, note), policies[i].note);
		assert_int_equal(RUN(command_verify, &out, "verify", "--genesis", genesis, "--policy", policy, since, note), policies[i].note);
		assert_int_equal(RUN(command_verify, &out, "verify", "--genesis", genesis, "--policy", policy, receipt, statement), 1);
		assert_non_null(strstr((char *)out.data, "FAILED: policy: a receipt is the word of one organisation"));
	}
	/* Anybody can add a line: of one that the policy does not name nothing is claimed. */
	static struct checkpoint_line stranger;
	stranger = (struct checkpoint_line){.name = text("witness.example/stranger"), .cosignature = {.timestamp_s = 1}};
	char added[128];
	at(added, "added.note");
	buffer_clear(&bytes);
	assert_int_equal(disk_read(note, 1 << 20, &bytes, &fault), OK);
	checkpoint_line_encode(&stranger, &bytes);
	assert_int_equal(disk_write(added, buffer_span(&bytes), 0644, &fault), OK);
	assert_int_equal(disk_write(policy, text(policies[0].text), 0644, &fault), OK);
	for (int with = 0; with < 2; with++) {
		int code = with ? RUN(command_verify, &out, "verify", "--genesis", genesis, "--policy", policy, added)
				: RUN(command_verify, &out, "verify", "--genesis", genesis, added);
		assert_int_equal(code, 0);
		assert_non_null(strstr((char *)out.data, "witness.example/stranger is named by a line as a witness; it was not checked and does not count"));
		assert_null(strstr((char *)out.data, "witness.example/stranger signed"));
	}
	/* Not together: what does not belong together. */
	assert_int_equal(RUN(command_verify, &out, "verify", "--genesis", genesis, since, statement), 1);
	assert_int_equal(RUN(command_verify, &out, "verify", "--genesis", genesis, receipt, note), 1);
	assert_int_equal(RUN(command_verify, &out, "verify", "--genesis", genesis, receipt), 1);
	assert_non_null(strstr((char *)out.data, "FAILED: form: a receipt or a statement proves nothing alone"));
	assert_int_equal(RUN(command_verify, &out, "verify", "--genesis", genesis, statement, note), 1);
	assert_int_equal(RUN(command_verify, &out, "verify", "--genesis", genesis, note, note), 1);
	assert_int_equal(RUN(command_verify, &out, "verify", "--genesis", genesis), 2);
	buffer_clear(&bytes);
	assert_int_equal(disk_read(note, 1 << 20, &bytes, &fault), OK);
	bytes.data[60] ^= 1;
	assert_int_equal(disk_write(note, buffer_span(&bytes), 0644, &fault), OK);
	assert_int_equal(RUN(command_verify, &out, "verify", "--genesis", genesis, note), 1);
	assert_non_null(strstr((char *)out.data, "FAILED: The checkpoint"));
	assert_int_equal(RUN(command_export, &out, "export", "--node", base, "--receipt", "--note", "--out", receipt, id), 2);
	assert_int_equal(RUN(command_export, &out, "export", "--node", base, "--note", "--out", receipt, id), 2);
	assert_int_equal(RUN(command_export, &out, "export", "--node", base, "--since", "0", "--out", receipt), 1);
	assert_int_equal(RUN(command_export, &out, "export", "--node", base, "--since", "305", "--out", receipt), 1);
	buffer_free(&out);
	buffer_free(&bytes);
	free(checkpoint);
}

/* Nothing changed here since the genesis: the chain ends with it. */
static void the_chain_of_epochs_is_exported(void **state)
{
	(void)state;
	struct buffer out = {0};
	char genesis[128], epochs[128], note[128];
	struct answer answer = get("/api/v1/epochs");
	assert_int_equal(answer.code, 200);
	assert_head(&answer, "Content-Type: application/cbor\r\n");
	assert_true(epochs_is(buffer_span(&answer.body)));
	answer_free(&answer);
	at(genesis, "genesis.cbor");
	at(epochs, "epochs.cbor");
	at(note, "epochs.note");
	assert_int_equal(RUN(command_export, &out, "export", "--node", base, "--epochs", "--out", epochs), 0);
	assert_int_equal(RUN(command_verify, &out, "verify", "--genesis", genesis, epochs), 0);
	assert_non_null(strstr((char *)out.data, "ok: epoch 0: the genesis of test consortium, 2023-11-14T22:13:20Z: "));
	assert_non_null(strstr((char *)out.data, "ok: the chain reaches epoch 0, "));
	assert_int_equal(RUN(command_export, &out, "export", "--node", base, "--note", "--out", note), 0);
	assert_int_equal(RUN(command_verify, &out, "verify", "--genesis", genesis, "--epochs", epochs, note), 0);
	/* What is no chain is not passed over. */
	assert_int_equal(RUN(command_verify, &out, "verify", "--genesis", genesis, "--epochs", note, note), 1);
	assert_int_equal(RUN(command_verify, &out, "verify", "--genesis", genesis, "--epochs", "/nowhere", note), 1);
	assert_int_equal(RUN(command_export, &out, "export", "--node", base, "--epochs", "--note", "--out", epochs), 2);
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_statement_posted_is_answered_with_its_receipt),
		cmocka_unit_test(refusals_have_the_titles_of_the_draft),
		cmocka_unit_test(keys_are_those_of_the_receipts),
		cmocka_unit_test(the_log_can_be_rebuilt_from_tiles),
		cmocka_unit_test(what_is_exported_verifies),
		cmocka_unit_test(the_chain_of_epochs_is_exported),
		cmocka_unit_test(tiles_end_where_the_checkpoint_ends),
	};
	return cmocka_run_group_tests_name("node_log", tests, begin, end);
}
