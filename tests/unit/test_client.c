/* The client against a node that plays a part: the first word of the path says which. Statements are eight bytes here, their
 * number. */
#include "client/answer.h"
#include "client/client.h"
#include "crypto/hash.h"
#include "host/http.h"

#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIZE = 8, MANY = 2000, PATIENCE_MS = 20000 };

/* -- the node -------------------------------------------------------------------------------------------------- */

struct node {
	struct http_server *server;
	unsigned asked[16];           /* by part */
};

static bool plays(struct http_request *request, const char *part)
{
	size_t size = strlen(part);
	const char *path = http_request_path(request);
	return strncmp(path, part, size) == 0 && strcmp(path + size, "/api/v1/statements/batch") == 0;
}

/* The word for the statement at `at` of `count`. */
static const char *word_of(struct http_request *request, unsigned time, uint64_t number, size_t at, size_t count)
{
	if (plays(request, "/busy"))
		return time <= 4 || (time <= 7 && at >= count / 2) ? "busy" : "ok";
	if (plays(request, "/small"))
		return count > 20 ? "busy" : "ok";
	if (plays(request, "/pending"))
		return time <= 2 ? "pending" : "duplicate";
	if (plays(request, "/parted"))
		return "pending";
	if (plays(request, "/refuse"))
		return number < 2 ? "ok" : number == 2 ? "forbidden" : "sequence";
	if (plays(request, "/removed"))
		return "busy";
	if (plays(request, "/behind"))
		return "sequence";
	return "ok";
}

static void on_request(void *context, struct http_request *request)
{
	static const char *const parts[] = {"/busy", "/pending", "/full", "/other", "/short", "/parted"};
	struct node *node = context;
	struct span body = http_request_body(request);
	struct buffer out = {0};
	unsigned time = 0;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (plays(request, parts[i]))
			time = ++node->asked[i];
	if (plays(request, "/nonsense") || !http_request_query(request, "wait")) {
		http_answer(request, 200, "application/json", NULL, span_of_text("{\"results\": 7}"));
		return;
	}
	if (plays(request, "/full") && time <= 3) {
		http_answer_error(request, E_BUSY, "too much");
		return;
	}
	size_t count = body.size / SIZE;
	buffer_append_text(&out, "{\"results\":[");
	for (size_t i = 0; i < count - (plays(request, "/short") ? 1 : 0); i++) {
		uint64_t number;
		char hex[DIGEST_HEX_SIZE];
		struct digest id = sha256(span_part(body, i * SIZE, SIZE));
		memcpy(&number, body.data + i * SIZE, SIZE);
		id.bytes[0] ^= plays(request, "/other");
		span_hex(span_of(id.bytes, DIGEST_SIZE), hex);
		const char *word = word_of(request, time, number, i, count);
		buffer_printf(&out, "%s{\"status\":\"%s\",\"id\":\"%s\",\"reason\":\"because\",\"index\":", i ? "," : "", word, hex);
		if (strcmp(word, "ok") == 0 || strcmp(word, "duplicate") == 0)
			buffer_printf(&out, "%" PRIu64 "}", 1000 + number);
		else
			buffer_append_text(&out, "null}");
	}
	buffer_append_text(&out, "]}");
	http_answer(request, 200, "application/json", NULL, buffer_span(&out));
	buffer_free(&out);
}

/* -- a scene: the node in a process of its own ------------------------------------------------------------------- */

struct scene {
	pid_t node;
	unsigned port;
	char urls[2][80];
	struct client *client;
	uint64_t numbers[MANY];
	struct client_item items[MANY];
	unsigned accepted, final;
};

static int scene_open(void **state)
{
	struct scene *scene = memory_new_array(1, sizeof *scene);
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	scene->node = fork();
	assert_true(scene->node >= 0);
	if (scene->node == 0) {
		struct node node = {0};
		struct fault fault;
		struct loop *loop = loop_new();
		alarm(60);
		if (http_server_new(loop, "127.0.0.1:0", on_request, &node, &node.server, &fault) != OK)
			_exit(1);
		unsigned port = http_server_port(node.server);
		if (write(ends[1], &port, sizeof port) != sizeof port)
			_exit(1);
		loop_run(loop);
		_exit(0);
	}
	assert_int_equal(read(ends[0], &scene->port, sizeof scene->port), sizeof scene->port);
	close(ends[0]);
	close(ends[1]);
	for (uint64_t i = 0; i < MANY; i++) {
		scene->numbers[i] = i;
		scene->items[i].bytes = span_of(&scene->numbers[i], SIZE);
	}
	*state = scene;
	return 0;
}

static int scene_close(void **state)
{
	struct scene *scene = *state;
	client_free(scene->client);
	kill(scene->node, SIGKILL);
	waitpid(scene->node, NULL, 0);
	free(scene);
	return 0;
}

static void on_changed(void *context, const struct client_item *item)
{
	struct scene *scene = context;
	scene->accepted += item->state == CLIENT_ACCEPTED;
	scene->final += item->state == CLIENT_FINAL;
}

/* A client of nodes that play these parts; NULL: none; "-": nobody listens there. */
static void meet(struct scene *scene, const char *first, const char *second, int64_t patience_ms)
{
	const char *const parts[2] = {first, second};
	const char *urls[2];
	struct client_config config = {.urls = urls, .patience_ms = patience_ms, .wait_ms = 100, .changed = on_changed, .context = scene};
	struct fault fault;
	for (int i = 0; i < 2 && parts[i]; i++) {
		if (strcmp(parts[i], "-") == 0)
			snprintf(scene->urls[i], sizeof scene->urls[i], "127.0.0.1:1/");
		else
			snprintf(scene->urls[i], sizeof scene->urls[i], "http://127.0.0.1:%u%s", scene->port, parts[i]);
		urls[config.url_count++] = scene->urls[i];
	}
	assert_int_equal(client_new(&config, &scene->client, &fault), OK);
}

static enum status send(struct scene *scene, size_t count)
{
	struct fault fault = {{0}};
	enum status status = client_send(scene->client, scene->items, count, &fault);
	assert_true((status == OK) == (fault.text[0] == '\0'));
	return status;
}

static void all_final(const struct scene *scene, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(scene->items[i].state, CLIENT_FINAL);
		assert_int_equal(scene->items[i].index, 1000 + i);
	}
}

/* -- tests --------------------------------------------------------------------------------------------------------- */

static void many_become_final_in_few_requests(void **state)
{
	struct scene *scene = *state;
	meet(scene, "/good/", NULL, PATIENCE_MS);
	assert_int_equal(send(scene, MANY), OK);
	all_final(scene, MANY);
	assert_int_equal(scene->final, MANY);
	struct client_numbers numbers = client_numbers(scene->client);
	/* 64, 96, 128, ... up to 512. */
	assert_true(numbers.requests >= MANY / 512 && numbers.requests < 16 && numbers.window > 256 && numbers.busy == 0 && numbers.moves == 0);
}

static void a_busy_node_is_sent_less_and_then_more_again(void **state)
{
	struct scene *scene = *state;
	meet(scene, "/busy", NULL, PATIENCE_MS);
	int64_t start_ns = clock_monotonic_ns();
	assert_int_equal(send(scene, 300), OK);
	/* Pauses of 50, 100, 200, 400 ms and more, each of which may be halved. */
	assert_true(clock_monotonic_ns() - start_ns > 375 * INT64_C(1000000));
	all_final(scene, 300);
	struct client_numbers before = client_numbers(scene->client);
	assert_true(before.busy == 7 && before.window < 256);
	assert_int_equal(send(scene, MANY), OK);
	assert_true(client_numbers(scene->client).busy == 7 && client_numbers(scene->client).window > 256);
}

static void what_a_node_can_take_is_found(void **state)
{
	struct scene *scene = *state;
	meet(scene, "/small", NULL, 3000);
	assert_int_equal(send(scene, 100), OK);
	all_final(scene, 100);
	assert_true(client_numbers(scene->client).busy >= 2);
}

static void a_refused_request_is_sent_again(void **state)
{
	struct scene *scene = *state;
	meet(scene, "/full", NULL, PATIENCE_MS);
	assert_int_equal(send(scene, 100), OK);
	all_final(scene, 100);
	assert_int_equal(client_numbers(scene->client).busy, 3);
}

static void accepted_is_told_and_is_not_final(void **state)
{
	struct scene *scene = *state;
	meet(scene, "/pending", NULL, PATIENCE_MS);
	assert_int_equal(send(scene, 10), OK);
	all_final(scene, 10);
	assert_int_equal(scene->accepted, 10);
	client_free(scene->client);
	memset(scene->items, 0, sizeof scene->items);
	for (size_t i = 0; i < 3; i++)
		scene->items[i].bytes = span_of(&scene->numbers[i], SIZE);
	meet(scene, "/parted", NULL, 300);
	assert_int_equal(send(scene, 3), E_BUSY);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(scene->items[i].state, CLIENT_ACCEPTED);
}

static void other_nodes_are_asked(void **state)
{
	struct scene *scene = *state;
	static const char *const useless[] = {"-", "/nonsense", "/other", "/short", "/parted", "/removed"};
	for (size_t i = 0; i < sizeof useless / sizeof *useless; i++) {
		client_free(scene->client);
		meet(scene, useless[i], "/good", PATIENCE_MS);
		for (size_t j = 0; j < MANY; j++)
			scene->items[j].state = CLIENT_UNSENT;
		assert_int_equal(send(scene, 100), OK);
		all_final(scene, 100);
		assert_int_equal(scene->items[99].node, 1);
		assert_int_equal(client_numbers(scene->client).moves, 1);
		assert_non_null(strstr(client_url(scene->client), "/good"));
	}
}

static void nobody_there_is_told_when_patience_ends(void **state)
{
	struct scene *scene = *state;
	meet(scene, "-", "-", 200);
	assert_int_equal(send(scene, 2), E_CLOSED);
	assert_int_equal(scene->items[0].state, CLIENT_UNSENT);
	struct client_config none = {0};
	struct client *client;
	struct fault fault;
	assert_int_equal(client_new(&none, &client, &fault), E_CONFIG);
}

static void a_refusal_ends_it_behind_what_is_final(void **state)
{
	struct scene *scene = *state;
	meet(scene, "/refuse", "/good", PATIENCE_MS);
	assert_int_equal(send(scene, 5), E_FORBIDDEN);
	assert_int_equal(scene->items[1].state, CLIENT_FINAL);
	assert_int_equal(scene->items[2].state, CLIENT_REFUSED);
	assert_int_equal(scene->items[2].status, E_FORBIDDEN);
	assert_int_equal(scene->items[3].state, CLIENT_UNSENT);
}

static void what_a_lagging_node_says_is_asked_elsewhere(void **state)
{
	struct scene *scene = *state;
	meet(scene, "/behind", "/good", PATIENCE_MS);
	assert_int_equal(send(scene, 100), OK);
	all_final(scene, 100);
	/* Two say so; one says so and the other does not answer; there is only one. */
	static const char *const second[] = {"/behind", "-", NULL};
	for (size_t i = 0; i < 3; i++) {
		client_free(scene->client);
		meet(scene, "/behind", second[i], PATIENCE_MS);
		scene->items[0].state = CLIENT_UNSENT;
		assert_int_equal(send(scene, 1), E_SEQUENCE);
		assert_int_equal(scene->items[0].state, CLIENT_REFUSED);
	}
}

int main(void)
{
#define CLIENT_TEST(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)
	const struct CMUnitTest tests[] = {
		CLIENT_TEST(many_become_final_in_few_requests),
		CLIENT_TEST(a_busy_node_is_sent_less_and_then_more_again),
		CLIENT_TEST(what_a_node_can_take_is_found),
		CLIENT_TEST(a_refused_request_is_sent_again),
		CLIENT_TEST(accepted_is_told_and_is_not_final),
		CLIENT_TEST(other_nodes_are_asked),
		CLIENT_TEST(nobody_there_is_told_when_patience_ends),
		CLIENT_TEST(a_refusal_ends_it_behind_what_is_final),
		CLIENT_TEST(what_a_lagging_node_says_is_asked_elsewhere),
	};
	return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
