/* Submissions over HTTP: the answer waits until the fate of every statement is known, or for NODE_API_WAIT_MS, or for as long
 * as ?wait= says. */
#include "api/node_inner.h"
#include "crypto/hash.h"
#include "record/cbor.h"
#include "trace/json.h"

#include <stdlib.h>

struct submission {
	struct node_post *post;
	bool known;
	enum status status;
	struct digest id;
	uint64_t index;
	char *reason;
};

enum post_kind { POST_ONE, POST_BATCH, POST_ENTRY };

struct node_post {
	struct node_api *api;
	struct node_post *next, **link;
	struct http_request *request; /* NULL: answered */
	struct loop_timer *timer;
	enum post_kind kind;
	struct submission *submissions;
	size_t count;
	size_t unknown;               /* fates still to come: the post lives until 0 */
};

static void post_free(struct node_post *post)
{
	*post->link = post->next;
	if (post->next)
		post->next->link = post->link;
	loop_timer_free(post->timer);
	for (size_t i = 0; i < post->count; i++)
		free(post->submissions[i].reason);
	free(post->submissions);
	free(post);
}

static bool is_accepted(enum status status)
{
	return status == OK || status == E_DUPLICATE;
}

/* -- Answers ----------------------------------------------------------------------------- */

static void answer_json(struct http_request *request, int code, struct buffer *body)
{
	http_answer(request, code, "application/json", NULL, buffer_span(body));
	buffer_free(body);
}

static void answer_one(struct http_request *request, const struct submission *submission)
{
	if (!submission->known) {
		node_answer_fault_as(request, 504, E_BUSY, "not final in time; it may still become so: ask again with the same statement");
		return;
	}
	if (!is_accepted(submission->status)) {
		node_answer_fault(request, submission->status, submission->reason ? submission->reason : "");
		return;
	}
	struct buffer body = {0};
	struct json json = json_of(&body);
	json_object(&json, NULL);
	json_digest(&json, "id", &submission->id);
	json_uint(&json, "index", submission->index);
	json_object_end(&json);
	answer_json(request, submission->status == OK ? 201 : 200, &body);
}

static void answer_batch(struct http_request *request, const struct node_post *post)
{
	struct buffer body = {0};
	struct json json = json_of(&body);
	json_object(&json, NULL);
	json_array(&json, "results");
	for (size_t i = 0; i < post->count; i++) {
		const struct submission *submission = &post->submissions[i];
		bool accepted = submission->known && is_accepted(submission->status);
		json_object(&json, NULL);
		json_word(&json, "status", submission->known ? status_name(submission->status) : "pending");
		json_digest(&json, "id", &submission->id);
		if (accepted)
			json_uint(&json, "index", submission->index);
		else
			json_null(&json, "index");
		json_word(&json, "reason", accepted ? NULL : submission->reason);
		json_object_end(&json);
	}
	json_array_end(&json);
	json_object_end(&json);
	answer_json(request, 200, &body);
}

static void post_answer(struct node_post *post)
{
	struct http_request *request = post->request;
	if (!request)
		return;
	post->request = NULL;
	const struct submission *first = &post->submissions[0];
	if (post->kind == POST_BATCH)
		answer_batch(request, post);
	else if (post->kind == POST_ENTRY)
		node_log_answer(post->api, request, first->known, first->status, first->reason, &first->id);
	else
		answer_one(request, first);
}

/* -- What happens to a post ---------------------------------------------------------------- */

static void post_late(void *context)
{
	post_answer(context);
}

static void fate_known(void *context, enum status status, const char *reason, const struct digest *id, uint64_t index)
{
	struct submission *submission = context;
	struct node_post *post = submission->post;
	CHECK(!submission->known);
	submission->known = true;
	submission->status = status;
	submission->index = index;
	if (id)
		submission->id = *id;
	if (!is_accepted(status) && reason)
		submission->reason = memory_text(span_of_text(reason));
	if (--post->unknown > 0)
		return;
	post_answer(post);
	post_free(post);
}

/* ?wait=MILLISECONDS, not longer than without. */
static enum status wait_of(struct http_request *request, int64_t *ms)
{
	const char *text = http_request_query(request, "wait");
	*ms = 0;
	size_t size = text ? strspn(text, "0123456789") : 0;
	if (text && (size == 0 || size > 9 || text[size]))
		return E_MALFORMED;
	for (size_t i = 0; i < size; i++)
		*ms = *ms * 10 + (text[i] - '0');
	if (!text || *ms > NODE_API_WAIT_MS)
		*ms = NODE_API_WAIT_MS;
	return OK;
}

/* The fates may become known while this still runs, and the last of them frees the post. */
static void post_submit(struct node_api *api, struct http_request *request, enum post_kind kind, const struct span *statements, size_t count)
{
	int64_t wait_ms;
	if (wait_of(request, &wait_ms) != OK) {
		node_answer_fault(request, E_MALFORMED, "wait is a number of milliseconds");
		return;
	}
	struct node_post *post = memory_new_array(1, sizeof *post);
	*post = (struct node_post){.api = api, .next = api->posts, .link = &api->posts, .request = request, .kind = kind, .count = count, .unknown = count};
	if (post->next)
		post->next->link = &post->next;
	api->posts = post;
	post->submissions = memory_new_array(count, sizeof *post->submissions);
	struct submission *submissions = post->submissions;
	for (size_t i = 0; i < count; i++) {
		submissions[i].post = post;
		submissions[i].id = sha256(statements[i]);
	}
	post->timer = loop_timer_new(api->loop, post_late, post);
	loop_timer_set(post->timer, kind == POST_ENTRY && wait_ms > NODE_API_ENTRY_WAIT_MS ? NODE_API_ENTRY_WAIT_MS : wait_ms);
	for (size_t i = 0; i < count; i++)
		api->source.submit(api->source.context, statements[i], fate_known, &submissions[i]);
}

void node_post_one(struct node_api *api, struct http_request *request)
{
	struct span body = http_request_body(request);
	struct statement statement;
	struct fault fault;
	enum status status = statement_decode(body, &statement, &fault);
	if (status != OK)
		node_answer_fault(request, status, fault.text);
	else
		post_submit(api, request, POST_ONE, &body, 1);
}

void node_post_batch(struct node_api *api, struct http_request *request)
{
	struct span *statements = memory_new_array(NODE_API_BATCH_MAX, sizeof *statements);
	size_t count = 0;
	struct span rest = http_request_body(request);
	bool good = rest.size > 0;
	while (good && rest.size > 0 && count < NODE_API_BATCH_MAX) {
		/* Each on its own: a reader over them all would have to be told where one ends. */
		struct cbor_reader in = cbor_reader_of(rest);
		statements[count] = cbor_read_item(&in);
		good = !in.failed && statements[count].size > 0 && statements[count].size <= rest.size;
		if (good)
			rest = span_of(rest.data + statements[count].size, rest.size - statements[count].size);
		count++;
	}
	if (!good)
		node_answer_fault(request, E_MALFORMED, "the body must be statements (COSE_Sign1 in canonical CBOR) one after another");
	else if (rest.size > 0)
		node_answer_fault(request, E_LIMIT, "at most 512 statements in one request; send the others in a further one");
	else
		post_submit(api, request, POST_BATCH, statements, count);
	free(statements);
}

void node_post_entry(struct node_api *api, struct http_request *request, struct span statement)
{
	post_submit(api, request, POST_ENTRY, &statement, 1);
}

bool node_post_waits(const struct node_api *api, const struct digest *id)
{
	for (const struct node_post *post = api->posts; post; post = post->next)
		for (size_t i = 0; i < post->count; i++)
			if (!post->submissions[i].known && digest_equal(&post->submissions[i].id, id))
				return true;
	return false;
}

void node_post_free_all(struct node_api *api)
{
	while (api->posts)
		post_free(api->posts);
}
