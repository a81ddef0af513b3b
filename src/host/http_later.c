#include "host/http_later.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

struct later_post {
	struct later_post *next, **link;
	struct http_later *later;
	CURL *client;
	struct curl_slist *headers;
	struct buffer body, out;
	size_t max;
	bool too_much;
	http_later_answer *answer;
	void *context;
};

struct http_later {
	struct loop *loop;
	struct loop_timer *timer;
	CURLM *multi;
	struct later_post *posts;
};

/* A socket that curl wants watched. */
struct later_socket {
	struct http_later *later;
	curl_socket_t fd;
	struct loop_watch *watch;
};

static void post_free(struct later_post *post)
{
	*post->link = post->next;
	if (post->next)
		post->next->link = post->link;
	curl_multi_remove_handle(post->later->multi, post->client);
	curl_easy_cleanup(post->client);
	curl_slist_free_all(post->headers);
	buffer_free(&post->body);
	buffer_free(&post->out);
	free(post);
}

static void post_end(struct later_post *post, CURLcode result)
{
	char sentence[300] = "";
	long code = 0;
	struct span out = buffer_span(&post->out);
	if (result == CURLE_OK)
		curl_easy_getinfo(post->client, CURLINFO_RESPONSE_CODE, &code);
	else
		snprintf(sentence, sizeof sentence, "%s", post->too_much ? "the answer is too long" : curl_easy_strerror(result));
	post->answer(post->context, result == CURLE_OK ? OK : E_CLOSED, code, out, sentence);
	post_free(post);
}

static void ended_take(struct http_later *later)
{
	int left;
	for (CURLMsg *message; (message = curl_multi_info_read(later->multi, &left));) {
		struct later_post *post = NULL;
		CURLcode result = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &post);
		post_end(post, result);
	}
}

static void act(struct http_later *later, curl_socket_t fd)
{
	int running;
	curl_multi_socket_action(later->multi, fd, 0, &running);
	ended_take(later);
}

static void on_timer(void *context)
{
	act(context, CURL_SOCKET_TIMEOUT);
}

/* May free the socket that it is called for. */
static void on_ready(void *context)
{
	const struct later_socket *socket = context;
	act(socket->later, socket->fd);
}

static int on_socket(CURL *client, curl_socket_t fd, int what, void *context, void *known)
{
	(void)client;
	struct http_later *later = context;
	struct later_socket *socket = known;
	int io = (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0);
	if (what == CURL_POLL_REMOVE) {
		if (socket)
			loop_watch_free(socket->watch);
		free(socket);
	} else if (socket) {
		loop_watch_set(socket->watch, io);
	} else {
		socket = memory_new(sizeof *socket);
		*socket = (struct later_socket){.later = later, .fd = fd};
		socket->watch = loop_watch_new(later->loop, fd, io, on_ready, socket);
		curl_multi_assign(later->multi, fd, socket);
	}
	return 0;
}

static int on_timeout(CURLM *multi, long timeout_ms, void *context)
{
	(void)multi;
	struct http_later *later = context;
	if (timeout_ms < 0)
		loop_timer_clear(later->timer);
	else
		loop_timer_set(later->timer, timeout_ms);
	return 0;
}

static size_t on_bytes(char *bytes, size_t one, size_t count, void *context)
{
	struct later_post *post = context;
	if (count * one > post->max - post->out.size) {
		post->too_much = true;
		return 0;
	}
	buffer_append(&post->out, bytes, count * one);
	return count * one;
}

struct http_later *http_later_new(struct loop *loop)
{
	struct http_later *later = memory_new(sizeof *later);
	later->loop = loop;
	later->timer = loop_timer_new(loop, on_timer, later);
	later->multi = curl_multi_init();
	CHECK(later->multi);
	curl_multi_setopt(later->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(later->multi, CURLMOPT_SOCKETDATA, later);
	curl_multi_setopt(later->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
	curl_multi_setopt(later->multi, CURLMOPT_TIMERDATA, later);
	return later;
}

void http_later_free(struct http_later *later)
{
	if (!later)
		return;
	while (later->posts)
		post_free(later->posts);
	curl_multi_cleanup(later->multi);
	loop_timer_free(later->timer);
	free(later);
}

void http_later_post(struct http_later *later, const char *url, const char *type, struct span body, size_t max, http_later_answer *answer,
	void *context)
{
	struct later_post *post = memory_new(sizeof *post);
	char line[160];
	*post = (struct later_post){.next = later->posts, .link = &later->posts, .later = later, .max = max, .answer = answer, .context = context};
	if (post->next)
		post->next->link = &post->next;
	later->posts = post;
	buffer_append_span(&post->body, body);
	snprintf(line, sizeof line, "Content-Type: %.120s", type);
	post->headers = curl_slist_append(curl_slist_append(NULL, line), "Expect:");
	post->client = curl_easy_init();
	CHECK(post->client);
	curl_easy_setopt(post->client, CURLOPT_URL, url);
	curl_easy_setopt(post->client, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(post->client, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(post->client, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(post->client, CURLOPT_TIMEOUT, (long)HTTP_LATER_TIMEOUT_S);
	curl_easy_setopt(post->client, CURLOPT_HTTPHEADER, post->headers);
	curl_easy_setopt(post->client, CURLOPT_POST, 1L);
	curl_easy_setopt(post->client, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->body.size);
	curl_easy_setopt(post->client, CURLOPT_POSTFIELDS, post->body.size ? (const char *)post->body.data : "");
	curl_easy_setopt(post->client, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(post->client, CURLOPT_WRITEDATA, post);
	curl_easy_setopt(post->client, CURLOPT_PRIVATE, post);
	CHECK(curl_multi_add_handle(later->multi, post->client) == CURLM_OK);
}
