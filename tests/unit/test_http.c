/* The HTTP server runs in this process; clients run in children, so that they may block. */
#include "host/http.h"
#include "host/http_load.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 8000, KEPT_MAX = 128 };

struct scene {
	struct loop *loop;
	struct http_server *server;
	struct http_request *kept[KEPT_MAX];
	size_t kept_count, gone_count, post_count;
	struct loop_timer *poll, *later;
	bool (*reached)(struct scene *scene);
	int64_t give_up_ms;
	pid_t child;
	int code;
};

static void on_gone(void *context)
{
	struct scene *scene = context;
	scene->gone_count++;
}

static void on_later(void *context)
{
	struct scene *scene = context;
	while (scene->kept_count)
		http_answer(scene->kept[--scene->kept_count], 201, "text/plain", NULL, span_of_text("later"));
}

static void on_request(void *context, struct http_request *request)
{
	struct scene *scene = context;
	const char *path = http_request_path(request);
	scene->post_count += http_request_method(request) == HTTP_POST;
	if (strcmp(path, "/echo") == 0) {
		const char *name = http_request_query(request, "name");
		struct buffer out = {0};
		buffer_append_span(&out, http_request_body(request));
		buffer_printf(&out, "|%s", name ? name : "-");
		http_answer(request, 200, "text/plain", NULL, buffer_span(&out));
		buffer_free(&out);
	} else if (strcmp(path, "/later") == 0) {
		assert_true(scene->kept_count < KEPT_MAX);
		scene->kept[scene->kept_count++] = request;
		http_request_on_gone(request, on_gone, scene);
		loop_timer_set(scene->later, 50);
	} else if (strcmp(path, "/never") == 0) {
		scene->kept[scene->kept_count++] = request;
		http_request_on_gone(request, on_gone, scene);
	} else if (strcmp(path, "/events") == 0)
		http_stream_open(request, 1);
	else
		http_answer_error(request, E_NOT_FOUND, "there is no \"such\" path\n");
}

static int scene_open(void **state)
{
	struct scene *scene = memory_new(sizeof *scene);
	struct fault fault = {0};
	scene->loop = loop_new();
	scene->later = loop_timer_new(scene->loop, on_later, scene);
	assert_int_equal(http_server_new(scene->loop, "127.0.0.1:0", on_request, scene, &scene->server, &fault), OK);
	*state = scene;
	return 0;
}

static int scene_close(void **state)
{
	struct scene *scene = *state;
	http_server_free(scene->server);
	loop_timer_free(scene->poll);
	loop_timer_free(scene->later);
	loop_free(scene->loop);
	free(scene);
	return 0;
}

static void on_poll(void *context)
{
	struct scene *scene = context;
	if (scene->reached(scene) || clock_monotonic_ns() / NS_PER_MS > scene->give_up_ms)
		loop_stop(scene->loop);
	else
		loop_timer_set(scene->poll, 2);
}

static bool scene_run(struct scene *scene, bool (*reached)(struct scene *scene), int64_t patience_ms)
{
	if (!scene->poll)
		scene->poll = loop_timer_new(scene->loop, on_poll, scene);
	scene->reached = reached;
	scene->give_up_ms = clock_monotonic_ns() / NS_PER_MS + patience_ms;
	loop_timer_set(scene->poll, 0);
	loop_run(scene->loop);
	return reached(scene);
}

static bool child_ended(struct scene *scene)
{
	int how;
	if (scene->child && waitpid(scene->child, &how, WNOHANG) == scene->child) {
		scene->child = 0;
		scene->code = WIFEXITED(how) ? WEXITSTATUS(how) : 200;
	}
	return scene->child == 0;
}

/* Runs `client` in a child; 0: it was content, else the line where it was not. */
typedef int client(unsigned port);

static int client_run(struct scene *scene, client *run)
{
	unsigned port = http_server_port(scene->server);
	scene->child = fork();
	assert_true(scene->child >= 0);
	if (scene->child == 0) {
		alarm(PATIENCE_MS / 1000 + 4);
		_exit(run(port));
	}
	assert_true(scene_run(scene, child_ended, PATIENCE_MS + 4000));
	return scene->code;
}

#define WANT(condition)                    \
	do {                               \
		if (!(condition))          \
			return __LINE__ % 200 + 1; \
	} while (0)

static void url_of(unsigned port, const char *path, char out[128])
{
	snprintf(out, 128, "http://127.0.0.1:%u%s", port, path);
}

static int client_simple(unsigned port)
{
	char url[128];
	struct buffer out = {0};
	struct fault fault = {0};
	long code = 0;
	url_of(port, "/echo?name=a%20b%26c&other=1", url);
	WANT(http_get(url, 100, &out, &code, &fault) == OK && code == 200 && span_is_text(buffer_span(&out), "|a b&c"));
	buffer_clear(&out);
	WANT(http_get(url, 3, &out, &code, &fault) == E_LIMIT);
	url_of(port, "/%65cho", url);
	buffer_clear(&out);
	WANT(http_post(url, "application/cose", span_of("\0x\0", 3), 100, &out, &code, &fault) == OK && code == 200);
	WANT(span_equal(buffer_span(&out), span_of("\0x\0|-", 5)));
	url_of(port, "/nothing", url);
	buffer_clear(&out);
	WANT(http_get(url, 200, &out, &code, &fault) == OK && code == 404);
	WANT(span_is_text(buffer_span(&out), "{\"error\":\"not_found\",\"reason\":\"there is no \\\"such\\\" path\\u000a\"}"));
	url_of(port, "/later", url);
	buffer_clear(&out);
	WANT(http_get(url, 200, &out, &code, &fault) == OK && code == 201 && span_is_text(buffer_span(&out), "later"));
	WANT(http_get("gopher://127.0.0.1/", 200, &out, &code, &fault) == E_CONFIG);
	WANT(http_get("http://127.0.0.1:1/", 200, &out, &code, &fault) == E_CLOSED);
	return 0;
}

static void requests_are_answered_now_or_later(void **state)
{
	assert_int_equal(client_run(*state, client_simple), 0);
}

static int client_connect(unsigned port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	return fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? fd : -1;
}

/* Send text and read until the server closes, or `until` was seen. */
static size_t client_talk(int fd, const char *text, const char *until, char *out, size_t max)
{
	size_t size = 0;
	if (write(fd, text, strlen(text)) < 0)
		return 0;
	for (;;) {
		ssize_t got = read(fd, out + size, max - 1 - size);
		if (got <= 0)
			break;
		size += (size_t)got;
		out[size] = 0;
		if (until && strstr(out, until))
			break;
	}
	out[size] = 0;
	return size;
}

static int client_headers(unsigned port)
{
	char out[4096];
	int fd = client_connect(port);
	client_talk(fd, "OPTIONS /echo HTTP/1.1\r\nHost: x\r\nOrigin: http://y\r\nAccess-Control-Request-Method: POST\r\n\r\n", "\r\n\r\n", out, sizeof out);
	WANT(strstr(out, "204") && strstr(out, "Access-Control-Allow-Origin: *") && strstr(out, "Access-Control-Allow-Methods: GET, POST"));
	client_talk(fd, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", "|-", out, sizeof out);
	WANT(strstr(out, "200 OK") && strstr(out, "Access-Control-Allow-Origin: *") && strstr(out, "Content-Type: text/plain"));
	client_talk(fd, "DELETE /echo HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\n", out, sizeof out);
	WANT(strstr(out, " 501 ") || strstr(out, " 405 "));
	return 0;
}

static void pages_of_others_may_read(void **state)
{
	assert_int_equal(client_run(*state, client_headers), 0);
}

static int client_large(unsigned port)
{
	char out[4096];
	struct buffer text = {0};
	int fd = client_connect(port);
	buffer_append_text(&text, "GET /echo HTTP/1.1\r\nHost: x\r\nX: ");
	for (int i = 0; i < 70000; i++)
		buffer_append_byte(&text, 'y');
	buffer_append_text(&text, "\r\n\r\n");
	buffer_append_byte(&text, 0);
	signal(SIGPIPE, SIG_IGN);
	client_talk(fd, (char *)text.data, NULL, out, sizeof out);
	WANT(!strstr(out, "200 OK"));
	close(fd);
	fd = client_connect(port);
	client_talk(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\nabc", NULL, out, sizeof out);
	WANT(strstr(out, " 413 "));
	close(fd);
	fd = client_connect(port);
	client_talk(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\nabc", NULL, out, sizeof out);
	WANT(!strstr(out, "200 OK"));
	close(fd);
	const char *bad[] = {"GET /echo?a HTTP/1.1\r\nHost: x\r\n\r\n", "GET /ec%00ho HTTP/1.1\r\nHost: x\r\n\r\n", "GET /echo?%=%%& HTTP/1.1\r\nHost: x\r\n\r\n"};
	for (int i = 0; i < 2; i++) {
		fd = client_connect(port);
		client_talk(fd, bad[i], "}", out, sizeof out);
		WANT(strstr(out, " 400 "));
		close(fd);
	}
	return 0;
}

static void too_much_and_nonsense_are_refused(void **state)
{
	struct scene *scene = *state;
	assert_int_equal(client_run(scene, client_large), 0);
	assert_int_equal(scene->post_count, 0);
	assert_int_equal(client_run(scene, client_simple), 0);
}

static int client_leaves(unsigned port)
{
	int fd = client_connect(port);
	const char *text = "GET /never HTTP/1.1\r\nHost: x\r\n\r\n";
	WANT(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	usleep(50000);
	return 0;
}

static bool one_gone(struct scene *scene)
{
	return scene->gone_count == 1;
}

static void a_client_that_leaves_is_noticed(void **state)
{
	struct scene *scene = *state;
	assert_int_equal(client_run(scene, client_leaves), 0);
	assert_true(scene_run(scene, one_gone, PATIENCE_MS));
	assert_int_equal(scene->kept_count, 1);
	on_later(scene); /* answering is harmless */
	assert_int_equal(client_run(scene, client_simple), 0);
}

static void requests_kept_at_the_end_are_freed(void **state)
{
	struct scene *scene = *state;
	assert_int_equal(client_run(scene, client_leaves), 0);
	assert_true(scene_run(scene, one_gone, PATIENCE_MS));
	/* scene_close frees it: the sanitizers watch. */
}

static bool is_streaming(struct scene *scene)
{
	return http_stream_count(scene->server, 1) == 1;
}

static bool no_stream(struct scene *scene)
{
	return http_stream_count(scene->server, 1) == 0;
}

static int client_events(unsigned port)
{
	char out[4096];
	int fd = client_connect(port);
	client_talk(fd, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n", "event: note\ndata: {\"a\":1}\ndata: second line\n\n", out, sizeof out);
	WANT(strstr(out, "text/event-stream") && strstr(out, "event: note\ndata: {\"a\":1}\ndata: second line\n\n"));
	WANT(!strstr(out, "other topic"));
	return 0;
}

static void streams_bring_events_until_the_client_leaves(void **state)
{
	struct scene *scene = *state;
	unsigned port = http_server_port(scene->server);
	http_stream_send(scene->server, 1, "note", span_of_text("nobody listens"));
	scene->child = fork();
	if (scene->child == 0) {
		alarm(PATIENCE_MS / 1000);
		_exit(client_events(port));
	}
	assert_true(scene_run(scene, is_streaming, PATIENCE_MS));
	http_stream_send(scene->server, 2, "note", span_of_text("other topic"));
	http_stream_send(scene->server, 1, "note", span_of_text("{\"a\":1}\nsecond line"));
	assert_true(scene_run(scene, child_ended, PATIENCE_MS));
	assert_int_equal(scene->code, 0);
	assert_true(scene_run(scene, no_stream, PATIENCE_MS));
}

static int client_sleeps(unsigned port)
{
	int fd = client_connect(port);
	const char *text = "GET /events HTTP/1.1\r\nHost: x\r\n\r\n";
	WANT(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	pause();
	return 0;
}

static bool stream_given_up(struct scene *scene)
{
	char line[4096];
	memset(line, 'x', sizeof line);
	for (int i = 0; i < 16; i++)
		http_stream_send(scene->server, 1, "note", span_of(line, sizeof line));
	return no_stream(scene);
}

static void a_slow_stream_is_closed(void **state)
{
	struct scene *scene = *state;
	unsigned port = http_server_port(scene->server);
	scene->child = fork();
	if (scene->child == 0) {
		alarm(PATIENCE_MS / 1000 + 4); /* it outlives the patience: only the server can end this stream */
		_exit(client_sleeps(port));
	}
	assert_true(scene_run(scene, is_streaming, PATIENCE_MS));
	assert_true(scene_run(scene, stream_given_up, PATIENCE_MS));
	kill(scene->child, SIGKILL);
	assert_true(scene_run(scene, child_ended, PATIENCE_MS));
}

static int client_many_streams(unsigned port)
{
	char out[4096];
	for (int i = 0; i < HTTP_STREAMS_MAX; i++) {
		int fd = client_connect(port);
		client_talk(fd, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\n", out, sizeof out);
		WANT(strstr(out, "200 OK"));
	}
	int fd = client_connect(port);
	client_talk(fd, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n", "}", out, sizeof out);
	WANT(strstr(out, " 503 "));
	return 0;
}

static void streams_are_limited(void **state)
{
	struct scene *scene = *state;
	assert_int_equal(client_run(scene, client_many_streams), 0);
	assert_true(scene_run(scene, no_stream, PATIENCE_MS));
	assert_int_equal(client_run(scene, client_simple), 0);
}

struct tally {
	bool seen[300];
	int wrong;
};

static void on_answer(void *context, size_t index, enum status status, long code, struct span answer, const char *sentence)
{
	(void)sentence;
	struct tally *tally = context;
	char expected[40];
	snprintf(expected, sizeof expected, "body %zu|-", index);
	if (status != OK || code != 200 || !span_is_text(answer, expected) || tally->seen[index])
		tally->wrong++;
	tally->seen[index] = true;
}

static int client_posts_many(unsigned port)
{
	static char texts[300][20];
	struct span bodies[300];
	struct tally tally = {0};
	struct fault fault = {0};
	char url[128];
	for (int i = 0; i < 300; i++) {
		snprintf(texts[i], sizeof texts[i], "body %d", i);
		bodies[i] = span_of_text(texts[i]);
	}
	url_of(port, "/echo", url);
	WANT(http_post_many(url, "text/plain", bodies, 300, 32, on_answer, &tally, &fault) == OK);
	for (int i = 0; i < 300; i++)
		WANT(tally.seen[i]);
	WANT(tally.wrong == 0);
	tally = (struct tally){0};
	WANT(http_post_many("http://127.0.0.1:1/", "text/plain", bodies, 3, 32, on_answer, &tally, &fault) == OK && tally.wrong == 3);
	return 0;
}

static void many_posts_go_side_by_side(void **state)
{
	assert_int_equal(client_run(*state, client_posts_many), 0);
}

static void load_body(void *context, struct buffer *out)
{
	buffer_printf(out, "body %d", ++*(int *)context);
}

static int client_loads(unsigned port)
{
	char urls[2][128];
	const char *const given[] = {urls[0], urls[1]};
	struct fault fault = {0};
	struct http_load_result result;
	int made = 0;
	url_of(port, "/echo", urls[0]);
	url_of(port, "/later", urls[1]);
	struct http_load load = {.urls = given, .url_count = 2, .type = "text/plain", .parallel = 6, .seconds = 0.2, .body = load_body, .context = &made};
	WANT(http_load_run(&load, &result, &fault) == OK);
	WANT(result.good > 6 && result.bad == 0 && result.good == (uint64_t)made && result.elapsed_s >= 0.2);
	/* What is refused is counted and told. */
	url_of(port, "/nowhere", urls[1]);
	load.seconds = 0;
	WANT(http_load_run(&load, &result, &fault) == OK && result.good == 3 && result.bad == 3 && strstr(result.first_bad, "404"));
	load.parallel = 0;
	WANT(http_load_run(&load, &result, &fault) == E_LIMIT);
	return 0;
}

static void load_is_kept_up(void **state)
{
	assert_int_equal(client_run(*state, client_loads), 0);
}

static bool never(struct scene *scene)
{
	(void)scene;
	return false;
}

/* Out of descriptors the server rests, instead of spinning, and comes back. */
static void exhausted_descriptors_cost_no_cpu(void **state)
{
	struct scene *scene = *state;
	unsigned port = http_server_port(scene->server);
	scene->child = fork();
	if (scene->child == 0) {
		usleep(100000);
		alarm(PATIENCE_MS / 1000);
		_exit(client_headers(port));
	}
	int held[2000], count = 0;
	struct rlimit limit, low;
	getrlimit(RLIMIT_NOFILE, &limit);
	low = (struct rlimit){.rlim_cur = 64, .rlim_max = limit.rlim_max};
	setrlimit(RLIMIT_NOFILE, &low);
	while (count < 2000 && (held[count] = dup(0)) >= 0)
		count++;
	int64_t cpu = clock_process_cpu_ns();
	assert_false(scene_run(scene, never, 1500));
	cpu = clock_process_cpu_ns() - cpu;
	while (count)
		close(held[--count]);
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_true(cpu < 100 * NS_PER_MS); /* spinning would take all 1500, or its share of them */
	assert_true(scene_run(scene, child_ended, PATIENCE_MS));
	assert_int_equal(scene->code, 0);
}

static void a_taken_port_is_told(void **state)
{
	struct scene *scene = *state;
	struct http_server *other = NULL;
	struct fault fault = {0};
	char address[32];
	snprintf(address, sizeof address, "127.0.0.1:%u", http_server_port(scene->server));
	assert_int_equal(http_server_new(scene->loop, address, on_request, scene, &other, &fault), E_IO);
	assert_non_null(strstr(fault.text, address));
	assert_int_equal(http_server_new(scene->loop, "localhost", on_request, scene, &other, &fault), E_CONFIG);
}

int main(void)
{
#define HTTP_TEST(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)
	const struct CMUnitTest tests[] = {
		HTTP_TEST(requests_are_answered_now_or_later),
		HTTP_TEST(pages_of_others_may_read),
		HTTP_TEST(too_much_and_nonsense_are_refused),
		HTTP_TEST(a_client_that_leaves_is_noticed),
		HTTP_TEST(requests_kept_at_the_end_are_freed),
		HTTP_TEST(streams_bring_events_until_the_client_leaves),
		HTTP_TEST(a_slow_stream_is_closed),
		HTTP_TEST(streams_are_limited),
		HTTP_TEST(many_posts_go_side_by_side),
		HTTP_TEST(load_is_kept_up),
		HTTP_TEST(exhausted_descriptors_cost_no_cpu),
		HTTP_TEST(a_taken_port_is_told),
	};
	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
