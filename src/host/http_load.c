#include "host/http_load.h"
#include "host/loop.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { CONNECT_TIMEOUT_S = 5, ANSWER_TIMEOUT_S = 30, STREAMS_MAX = 256 };

/* One request under way after the other, with one handle. */
struct slot {
	CURL *client;
	struct buffer body;
	bool trailer_good;
	char trailer[120];            /* what it said instead */
};

struct run {
	const struct http_load *load;
	struct http_load_result *result;
	CURLM *multi;
	struct slot *slots;
	struct curl_slist *headers;
	int64_t start_ns;
	unsigned running;
};

static size_t on_bytes(char *bytes, size_t one, size_t count, void *context)
{
	(void)bytes, (void)context;
	return one * count;
}

static size_t on_header(char *bytes, size_t one, size_t count, void *context)
{
	struct slot *slot = context;
	size_t size = one * count;
	if (size > 12 && strncasecmp(bytes, "grpc-status:", 12) == 0)
		slot->trailer_good = size >= 14 && bytes[12] == ' ' && bytes[13] == '0';
	if (size > 5 && strncasecmp(bytes, "grpc-", 5) == 0 && !slot->trailer_good)
		snprintf(slot->trailer, sizeof slot->trailer, "%.*s", (int)(size < 100 ? size : 100), bytes);
	return size;
}

static void slot_new(struct run *run, struct slot *slot, size_t number)
{
	const struct http_load *load = run->load;
	slot->client = curl_easy_init();
	CHECK(slot->client);
	curl_easy_setopt(slot->client, CURLOPT_URL, load->urls[number % load->url_count]);
	curl_easy_setopt(slot->client, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(slot->client, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(slot->client, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
	curl_easy_setopt(slot->client, CURLOPT_TIMEOUT, (long)ANSWER_TIMEOUT_S);
	curl_easy_setopt(slot->client, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(slot->client, CURLOPT_HTTPHEADER, run->headers);
	curl_easy_setopt(slot->client, CURLOPT_POST, 1L);
	curl_easy_setopt(slot->client, CURLOPT_PRIVATE, slot);
	curl_easy_setopt(slot->client, CURLOPT_HTTP_VERSION, load->grpc ? (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE : (long)CURL_HTTP_VERSION_1_1);
	if (load->grpc) {
		curl_easy_setopt(slot->client, CURLOPT_PIPEWAIT, 1L);
		curl_easy_setopt(slot->client, CURLOPT_HEADERFUNCTION, on_header);
		curl_easy_setopt(slot->client, CURLOPT_HEADERDATA, slot);
	}
}

static void slot_begin(struct run *run, struct slot *slot)
{
	buffer_clear(&slot->body);
	run->load->body(run->load->context, &slot->body);
	slot->trailer_good = !run->load->grpc;
	slot->trailer[0] = '\0';
	curl_easy_setopt(slot->client, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)slot->body.size);
	curl_easy_setopt(slot->client, CURLOPT_POSTFIELDS, (const char *)slot->body.data);
	CHECK(curl_multi_add_handle(run->multi, slot->client) == CURLM_OK);
	run->running++;
}

static void slot_end(struct run *run, struct slot *slot, CURLcode code)
{
	struct http_load_result *result = run->result;
	long http = 0;
	curl_easy_getinfo(slot->client, CURLINFO_RESPONSE_CODE, &http);
	curl_multi_remove_handle(run->multi, slot->client);
	run->running--;
	bool good = code == CURLE_OK && http >= 200 && http < 300 && slot->trailer_good;
	result->good += good;
	result->bad += !good;
	if (!good && !result->first_bad[0])
		snprintf(result->first_bad, sizeof result->first_bad, "%s, HTTP status %ld %s", code == CURLE_OK ? "answered" : curl_easy_strerror(code), http, slot->trailer);
}

static enum status turn(struct run *run, struct fault *fault)
{
	int running, left;
	CURLMcode code = curl_multi_perform(run->multi, &running);
	bool open = (double)(clock_monotonic_ns() - run->start_ns) < run->load->seconds * 1e9;
	for (CURLMsg *message; (message = curl_multi_info_read(run->multi, &left));) {
		struct slot *slot = NULL;
		CURLcode ended = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
		slot_end(run, slot, ended);
		if (open)
			slot_begin(run, slot);
	}
	if (code == CURLM_OK && run->running)
		code = curl_multi_poll(run->multi, NULL, 0, 100, NULL);
	return code == CURLM_OK ? OK : fault_set(fault, E_IO, "the HTTP client failed: %s", curl_multi_strerror(code));
}

enum status http_load_run(const struct http_load *load, struct http_load_result *out, struct fault *fault)
{
	if (load->parallel < 1 || load->parallel > HTTP_LOAD_PARALLEL_MAX)
		return fault_set(fault, E_LIMIT, "between 1 and %d requests can be under way", HTTP_LOAD_PARALLEL_MAX);
	struct run run = {.load = load, .result = out, .multi = curl_multi_init(), .slots = memory_new_array(load->parallel, sizeof *run.slots)};
	char type[160];
	enum status status = OK;
	CHECK(run.multi);
	*out = (struct http_load_result){0};
	curl_multi_setopt(run.multi, CURLMOPT_MAX_CONCURRENT_STREAMS, (long)STREAMS_MAX);
	curl_multi_setopt(run.multi, CURLMOPT_MAXCONNECTS, (long)load->parallel + 1);
	snprintf(type, sizeof type, "Content-Type: %.120s", load->type);
	run.headers = curl_slist_append(curl_slist_append(NULL, type), "Expect:");
	if (load->grpc)
		run.headers = curl_slist_append(run.headers, "TE: trailers");
	for (unsigned i = 0; i < load->parallel; i++)
		slot_new(&run, &run.slots[i], i);
	run.start_ns = clock_monotonic_ns();
	for (unsigned i = 0; i < load->parallel; i++)
		slot_begin(&run, &run.slots[i]);
	while (status == OK && run.running)
		status = turn(&run, fault);
	out->elapsed_s = (double)(clock_monotonic_ns() - run.start_ns) / 1e9;
	for (unsigned i = 0; i < load->parallel; i++) {
		if (status != OK)
			curl_multi_remove_handle(run.multi, run.slots[i].client);
		curl_easy_cleanup(run.slots[i].client);
		buffer_free(&run.slots[i].body);
	}
	curl_multi_cleanup(run.multi);
	curl_slist_free_all(run.headers);
	free(run.slots);
	return status;
}
