#include "host/http.h"
#include "base/time.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

enum { CONNECT_TIMEOUT_S = 5, ANSWER_TIMEOUT_S = 60, ANSWER_MAX = 1 << 20, PARALLEL_MAX = 64 };

struct answer {
	struct buffer *out;
	size_t max;
	bool too_much;
};

static size_t on_bytes(char *bytes, size_t one, size_t count, void *context)
{
	struct answer *answer = context;
	if (count * one > answer->max - answer->out->size) {
		answer->too_much = true;
		return 0;
	}
	buffer_append(answer->out, bytes, count * one);
	return count * one;
}

static CURL *client_new(const char *url, struct answer *answer)
{
	CURL *client = curl_easy_init();
	CHECK(client);
	curl_easy_setopt(client, CURLOPT_URL, url);
	curl_easy_setopt(client, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(client, CURLOPT_NOPROXY, "*"); /* daemons are asked directly */
	curl_easy_setopt(client, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(client, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
	curl_easy_setopt(client, CURLOPT_TIMEOUT, (long)ANSWER_TIMEOUT_S);
	curl_easy_setopt(client, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(client, CURLOPT_WRITEDATA, answer);
	return client;
}

static struct curl_slist *client_post(CURL *client, const char *type, struct span body)
{
	char line[160];
	snprintf(line, sizeof line, "Content-Type: %.120s", type);
	struct curl_slist *headers = curl_slist_append(curl_slist_append(NULL, line), "Expect:");
	curl_easy_setopt(client, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(client, CURLOPT_POST, 1L);
	curl_easy_setopt(client, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size);
	curl_easy_setopt(client, CURLOPT_POSTFIELDS, body.size ? (const char *)body.data : "");
	return headers;
}

static enum status client_result(CURLcode result, const struct answer *answer, const char *url, struct fault *fault)
{
	switch (result) {
	case CURLE_OK:
		return OK;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return fault_set(fault, E_CONFIG, "%s is not an address of a daemon; expected something like http://127.0.0.1:7201", url);
	case CURLE_WRITE_ERROR:
		if (answer->too_much)
			return fault_set(fault, E_LIMIT, "the answer of %s is larger than %zu bytes", url, answer->max);
		break;
	default:
		break;
	}
	return fault_set(fault, E_CLOSED, "%s does not answer (%s); is the daemon running, and is this its HTTP address?", url,
		curl_easy_strerror(result));
}

static enum status client_perform(CURL *client, struct answer *answer, const char *url, long *code, struct fault *fault)
{
	enum status status = client_result(curl_easy_perform(client), answer, url, fault);
	*code = 0;
	if (status == OK)
		curl_easy_getinfo(client, CURLINFO_RESPONSE_CODE, code);
	return status;
}

enum status http_get(const char *url, size_t max, struct buffer *out, long *code, struct fault *fault)
{
	struct answer answer = {.out = out, .max = out->size + max};
	CURL *client = client_new(url, &answer);
	enum status status = client_perform(client, &answer, url, code, fault);
	curl_easy_cleanup(client);
	return status;
}

enum status http_post(const char *url, const char *type, struct span body, size_t max, struct buffer *out, long *code, struct fault *fault)
{
	return http_post_within(url, type, body, max, ANSWER_TIMEOUT_S * MS_PER_S, out, code, fault);
}

enum status http_post_within(const char *url, const char *type, struct span body, size_t max, int64_t timeout_ms, struct buffer *out, long *code,
	struct fault *fault)
{
	struct answer answer = {.out = out, .max = out->size + max};
	CURL *client = client_new(url, &answer);
	curl_easy_setopt(client, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	struct curl_slist *headers = client_post(client, type, body);
	enum status status = client_perform(client, &answer, url, code, fault);
	curl_easy_cleanup(client);
	curl_slist_free_all(headers);
	return status;
}

/* ---- many ---- */

struct post {
	CURL *client;                 /* NULL: free */
	struct curl_slist *headers;
	struct answer answer;
	struct buffer out;
	size_t index;
};

struct posting {
	CURLM *multi;
	const char *url, *type;
	const struct span *bodies;
	size_t count, begun, ended;
	struct post posts[PARALLEL_MAX];
	unsigned parallel;
	http_post_answer *told;
	void *context;
};

static void post_begin(struct posting *posting, struct post *post)
{
	post->index = posting->begun++;
	post->answer = (struct answer){.out = &post->out, .max = ANSWER_MAX};
	buffer_clear(&post->out);
	post->client = client_new(posting->url, &post->answer);
	post->headers = client_post(post->client, posting->type, posting->bodies[post->index]);
	curl_easy_setopt(post->client, CURLOPT_PRIVATE, post);
	CHECK(curl_multi_add_handle(posting->multi, post->client) == CURLM_OK);
}

static void post_end(struct posting *posting, struct post *post, CURLcode result)
{
	struct fault fault = {0};
	long code = 0;
	enum status status = client_result(result, &post->answer, posting->url, &fault);
	if (status == OK)
		curl_easy_getinfo(post->client, CURLINFO_RESPONSE_CODE, &code);
	curl_multi_remove_handle(posting->multi, post->client);
	curl_easy_cleanup(post->client);
	curl_slist_free_all(post->headers);
	post->client = NULL;
	posting->ended++;
	posting->told(posting->context, post->index, status, code, buffer_span(&post->out), fault.text);
}

enum status http_post_many(const char *url, const char *type, const struct span *bodies, size_t count, unsigned parallel,
	http_post_answer *answer, void *context, struct fault *fault)
{
	struct posting *posting = memory_new(sizeof *posting);
	*posting = (struct posting){.multi = curl_multi_init(), .url = url, .type = type, .bodies = bodies, .count = count, .told = answer,
		.context = context, .parallel = parallel < 1 ? 1 : parallel > PARALLEL_MAX ? PARALLEL_MAX : parallel};
	CHECK(posting->multi);
	enum status status = OK;
	while (status == OK && posting->ended < count) {
		for (unsigned i = 0; i < posting->parallel && posting->begun < count; i++)
			if (!posting->posts[i].client)
				post_begin(posting, &posting->posts[i]);
		int running, left;
		CURLMcode result = curl_multi_perform(posting->multi, &running);
		for (CURLMsg *message; (message = curl_multi_info_read(posting->multi, &left));) {
			struct post *post = NULL;
			CURLcode ended = message->data.result;
			curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &post);
			post_end(posting, post, ended);
		}
		if (result == CURLM_OK && posting->ended < count && running)
			result = curl_multi_poll(posting->multi, NULL, 0, 1000, NULL);
		if (result != CURLM_OK)
			status = fault_set(fault, E_IO, "the HTTP client failed: %s", curl_multi_strerror(result));
	}
	for (unsigned i = 0; i < PARALLEL_MAX; i++) {
		if (posting->posts[i].client)
			post_end(posting, &posting->posts[i], CURLE_ABORTED_BY_CALLBACK);
		buffer_free(&posting->posts[i].out);
	}
	curl_multi_cleanup(posting->multi);
	free(posting);
	return status;
}
