/* What `tally export --transparent` makes of the answers of several nodes. They are played by one process, each under a path of
 * its own. */
#include "app/export.h"
#include "base/map.h"
#include "host/disk.h"
#include "host/http.h"
#include "record/receipt.h"
#include "record/transparent.h"

#include "sample_epochs.h"
#include "sample_log.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { FIRST = 9, SECOND = 12, BEFORE = 8, AFTER = 10, LATE = 13, NODES_MAX = 6, URL_SIZE = 80 };

enum flaw { GOOD, ABSENT, EARLY, BROKEN, DAMAGED, OTHER_STATEMENT, OTHER_PLACE, OTHER_CHAIN };

/* A node: whose it is, at which size of the log it signs, how many changes of members it knows of, what is wrong with it. */
static const struct node {
	const char *path;
	size_t seat;                  /* in epoch 0, or in epoch 1 when it signs there */
	uint64_t size;
	size_t links;
	enum flaw flaw;
} nodes[] = {
	{"maker", 0, BEFORE, 0, GOOD},
	{"supplier", 1, BEFORE, 0, GOOD},
	{"regulator", 3, BEFORE, 0, GOOD},
	{"newcomer", 4, AFTER, 1, GOOD},
	{"rotated", 1, AFTER, 2, GOOD},
	{"leaver", 2, LATE, 1, GOOD}, /* no member any more at that size, and its chain does not say so */
	{"absent", 2, BEFORE, 0, ABSENT},
	{"early", 2, BEFORE, 0, EARLY},
	{"broken", 2, BEFORE, 0, BROKEN},
	{"damaged", 2, BEFORE, 0, DAMAGED},
	{"liar", 2, BEFORE, 0, OTHER_STATEMENT},
	{"forker", 2, BEFORE, 0, OTHER_PLACE},
	{"lost", 2, BEFORE, 2, OTHER_CHAIN},
};

static struct sample_consortium *consortium;
static struct sample_log *log_;
static struct sample_epochs *sample;
static char folder[] = "/tmp/tally-transparent-XXXXXX";
static char genesis[64], nothing[64], id[DIGEST_HEX_SIZE];
static unsigned port;
static pid_t child;

/* -- the nodes ---------------------------------------------------------------------------------------------- */

static void receipt_of(const struct node *node, struct buffer *out)
{
	char origin[CHECKPOINT_ORIGIN_SIZE];
	const struct sample_seat *seat = &sample->sets[node->size > FIRST].seats[node->seat];
	struct merkle_tree tree = {0};
	struct receipt *receipt = memory_new_array(1, sizeof *receipt);
	uint64_t index = node->flaw == OTHER_PLACE ? LOG_DEVICE - 1 : LOG_DEVICE;
	/* Who tells another place has two entries the other way round. */
	for (uint64_t i = 0; i < node->size; i++) {
		uint64_t entry = node->flaw == OTHER_PLACE && (i == index || i == LOG_DEVICE) ? 2 * LOG_DEVICE - 1 - i : i;
		struct digest leaf = merkle_leaf(digest_span(&log_->ids[entry]));
		merkle_tree_append(&tree, &leaf);
	}
	checkpoint_origin(consortium->genesis.network, origin);
	*receipt = (struct receipt){.kind = RECEIPT_INCLUSION, .iss = span_of_text(seat->iss), .sub = span_of_text(origin), .proof_count = 1};
	receipt->proofs[0].first = index;
	receipt->proofs[0].size = node->size;
	CHECK(merkle_tree_inclusion(&tree, index, node->size, &receipt->proofs[0].path) == OK);
	struct digest root = merkle_tree_root(&tree, node->size);
	CHECK(receipt_sign(receipt, &root, seat->keys[SAMPLE_CHECKPOINT_KEY], NULL, out) == OK);
	if (node->flaw == DAMAGED)
		out->data[out->size - 1] ^= 1;
	merkle_tree_free(&tree);
	free(receipt);
}

static void epochs_of(const struct node *node, struct buffer *out)
{
	sample_epochs_file(sample, node->links, out);
	if (node->flaw == OTHER_CHAIN)
		out->data[out->size - 5] ^= 1;
}

static void answer(const struct node *node, const char *path, struct http_request *request)
{
	struct buffer out = {0};
	bool known = false;
	if (strcmp(path, "/api/v1/epochs") == 0) {
		known = node->links > 0;
		epochs_of(node, &out);
	} else if (strncmp(path, "/api/v1/statements/", 19) == 0) {
		known = node->flaw != ABSENT;
		buffer_append_span(&out, buffer_span(&log_->entries[node->flaw == OTHER_STATEMENT ? LOG_BOUNDS : LOG_DEVICE]));
	} else if (strncmp(path, "/entries/", 9) == 0 && strcmp(path + 9, id) == 0) {
		known = node->flaw != ABSENT && node->flaw != EARLY;
		receipt_of(node, &out);
	}
	if (node->flaw == BROKEN && strncmp(path, "/entries/", 9) == 0)
		http_answer_error(request, E_IO, "the disk failed");
	else if (!known)
		http_answer_error(request, E_NOT_FOUND, "there is no such thing here");
	else
		http_answer(request, 200, "application/cose", NULL, buffer_span(&out));
	buffer_free(&out);
}

static void on_request(void *context, struct http_request *request)
{
	(void)context;
	const char *path = http_request_path(request) + 1;
	for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
		size_t size = strlen(nodes[i].path);
		if (strncmp(path, nodes[i].path, size) == 0 && path[size] == '/') {
			answer(&nodes[i], path + size, request);
			return;
		}
	}
	http_answer_error(request, E_NOT_FOUND, "there is no such node");
}

static void nodes_run(int port_out)
{
	struct http_server *server;
	struct fault fault;
	struct loop *loop = loop_new();
	alarm(60);
	CHECK(http_server_new(loop, "127.0.0.1:0", on_request, NULL, &server, &fault) == OK);
	unsigned number = http_server_port(server);
	CHECK(write(port_out, &number, sizeof number) == sizeof number);
	loop_run(loop);
}

/* -- the export ------------------------------------------------------------------------------------------------ */

struct wish {
	const char *paths[NODES_MAX]; /* of nodes, in order; "": nobody listens there */
	const char *genesis;          /* NULL: the right one */
	const char *id;               /* NULL: the whole id */
};

static enum status export_wish(const struct wish *wish, struct buffer *out, struct fault *fault)
{
	char urls[NODES_MAX][URL_SIZE];
	const char *given[NODES_MAX];
	size_t count = 0;
	for (; count < NODES_MAX && wish->paths[count]; count++) {
		snprintf(urls[count], URL_SIZE, "http://127.0.0.1:%u/%s", wish->paths[count][0] ? port : 1, wish->paths[count]);
		given[count] = urls[count];
	}
	fault->text[0] = 0;
	return export_transparent(wish->genesis ? wish->genesis : genesis, given, count, wish->id ? wish->id : id, out, fault);
}

/* The statement with the receipts of these organisations, in this order, behind what was in the buffer. */
static void exported(struct wish wish, const char *const *organisations, size_t count)
{
	struct buffer out = {0};
	struct fault fault;
	struct transparent read;
	buffer_append_text(&out, "before");
	if (export_wish(&wish, &out, &fault) != OK)
		fail_msg("%s", fault.text);
	assert_memory_equal(out.data, "before", 6);
	struct span file = span_after(buffer_span(&out), 6);
	assert_int_equal(transparent_decode(file, &read, &fault), OK);
	assert_true(span_equal(buffer_span(&read.statement), buffer_span(&log_->entries[LOG_DEVICE])));
	assert_int_equal(read.receipt_count, count);
	for (size_t i = 0; i < count; i++) {
		struct receipt *receipt = memory_new(sizeof *receipt);
		assert_int_equal(receipt_decode(read.receipts[i], receipt, &fault), OK);
		assert_true(span_is_text(receipt->iss, organisations[i]));
		free(receipt);
	}
	transparent_free(&read);
	buffer_free(&out);
}

#define EXPORTED(wish, ...) exported(wish, (const char *const[]){__VA_ARGS__}, sizeof(const char *const[]){__VA_ARGS__} / sizeof(char *))

static void failed(struct wish wish, enum status expected, const char *says, int line)
{
	struct buffer out = {0};
	struct fault fault;
	enum status status = export_wish(&wish, &out, &fault);
	if (status != expected || !strstr(fault.text, says) || out.size)
		fail_msg("line %d: %s, %zu bytes: %s", line, status_name(status), out.size, fault.text);
}

#define FAILED(expected, says, ...) failed((struct wish){__VA_ARGS__}, expected, says, __LINE__)

/* -- the tests ----------------------------------------------------------------------------------------------------- */

static void receipts_come_in_the_order_of_the_nodes(void **state)
{
	(void)state;
	EXPORTED(((struct wish){.paths = {"maker", "regulator", "supplier"}}), "org:manufacturer", "org:regulator", "org:supplier");
	EXPORTED(((struct wish){.paths = {"supplier"}}), "org:supplier");
	char begin[11] = "";
	memcpy(begin, id, 10);
	EXPORTED(((struct wish){.paths = {"supplier", "maker"}, .id = begin}), "org:supplier", "org:manufacturer");
}

static void nodes_that_give_nothing_good_are_left_out(void **state)
{
	(void)state;
	EXPORTED(((struct wish){.paths = {"", "absent", "maker", "early", "broken", "damaged"}}), "org:manufacturer");
	/* The first that answers has another statement: the next one is asked. */
	EXPORTED(((struct wish){.paths = {"liar", "regulator"}}), "org:repair", "org:regulator");
}

static void the_longest_chain_that_is_true_counts(void **state)
{
	(void)state;
	EXPORTED(((struct wish){.paths = {"newcomer", "maker"}}), "org:newcomer", "org:manufacturer");
	EXPORTED(((struct wish){.paths = {"rotated", "newcomer", "lost"}}), "org:supplier", "org:newcomer", "org:repair");
	EXPORTED(((struct wish){.paths = {"leaver", "newcomer"}}), "org:repair", "org:newcomer");
	EXPORTED(((struct wish){.paths = {"leaver", "rotated"}}), "org:supplier");
	EXPORTED(((struct wish){.paths = {"rotated", "leaver"}}), "org:supplier");
}

static void without_a_good_receipt_nothing_is_written(void **state)
{
	(void)state;
	FAILED(E_CLOSED, "none of the 3 nodes gave a good receipt", .paths = {"early", "broken", "damaged"});
}

static void without_the_statement_nothing_is_asked(void **state)
{
	(void)state;
	FAILED(E_NOT_FOUND, "there is no such thing here", .paths = {"", "absent"});
	FAILED(E_CLOSED, "", .paths = {"absent", ""});
	FAILED(E_CORRUPT, "gave another statement than", .paths = {"liar"});
	FAILED(E_CORRUPT, "gave another statement than", .paths = {"maker"}, .id = "00");
}

static void receipts_that_do_not_go_together_are_refused(void **state)
{
	(void)state;
	FAILED(E_DUPLICATE, "org:manufacturer", .paths = {"maker", "supplier", "maker"});
	FAILED(E_SIGNATURE, "one of them lies", .paths = {"maker", "forker"});
}

static void the_genesis_must_be_one(void **state)
{
	(void)state;
	FAILED(E_NOT_FOUND, "/nowhere", .paths = {"maker"}, .genesis = "/nowhere/genesis.cbor");
	FAILED(E_MALFORMED, "genesis", .paths = {"maker"}, .genesis = nothing);
}

static int begin(void **state)
{
	(void)state;
	int ends[2];
	struct fault fault;
	consortium = sample_consortium_new();
	log_ = sample_log_new(consortium);
	sample = sample_epochs_new(consortium, FIRST, SECOND);
	span_hex(digest_span(&log_->ids[LOG_DEVICE]), id);
	if (!mkdtemp(folder) || pipe(ends) != 0)
		return 1;
	snprintf(genesis, sizeof genesis, "%s/genesis.cbor", folder);
	snprintf(nothing, sizeof nothing, "%s/nothing.cbor", folder);
	assert_int_equal(disk_write(genesis, buffer_span(&consortium->genesis_bytes), 0600, &fault), OK);
	assert_int_equal(disk_write(nothing, span_of_text("nothing"), 0600, &fault), OK);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		nodes_run(ends[1]);
		_exit(0);
	}
	assert_int_equal(read(ends[0], &port, sizeof port), sizeof port);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static int end(void **state)
{
	(void)state;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	unlink(genesis);
	unlink(nothing);
	sample_epochs_free(sample);
	sample_log_free(log_);
	sample_consortium_free(consortium);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(receipts_come_in_the_order_of_the_nodes),
		cmocka_unit_test(nodes_that_give_nothing_good_are_left_out),
		cmocka_unit_test(the_longest_chain_that_is_true_counts),
		cmocka_unit_test(without_a_good_receipt_nothing_is_written),
		cmocka_unit_test(without_the_statement_nothing_is_asked),
		cmocka_unit_test(receipts_that_do_not_go_together_are_refused),
		cmocka_unit_test(the_genesis_must_be_one),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
