#include "api/node_inner.h"

#include "api/export.h"
#include "api/node_query.h"
#include "trace/json.h"

#include <stdlib.h>

enum { ID_PREFIX_MIN = 4 };

static const char json_type[] = "application/json";

/* -- Errors -------------------------------------------------------------------------------- */

static int code_of(enum status status)
{
	switch (status) {
	case E_MALFORMED: case E_NOT_CANONICAL: case E_LIMIT: case E_NETWORK: case E_UNIT: return 400;
	case E_SIGNATURE: case E_UNKNOWN: case E_REVOKED: case E_FORBIDDEN: return 403;
	case E_NOT_FOUND: return 404;
	case E_SEQUENCE: case E_PARENT: case E_DUPLICATE: return 409;
	case E_BUSY: case E_CLOSED: return 503;
	default: return 500;
	}
}

void node_answer_fault_as(struct http_request *request, int code, enum status status, const char *reason)
{
	struct buffer body = {0};
	struct json json = json_of(&body);
	json_object(&json, NULL);
	json_word(&json, "error", status_name(status));
	json_word(&json, "reason", reason);
	json_object_end(&json);
	http_answer(request, code, json_type, NULL, buffer_span(&body));
	buffer_free(&body);
}

void node_answer_fault(struct http_request *request, enum status status, const char *reason)
{
	node_answer_fault_as(request, code_of(status), status, reason);
}

/* -- One statement --------------------------------------------------------------------------- */

/* An id, whole or as the beginning of it. */
static enum status id_of(struct node_api *api, struct span text, struct digest *id, struct fault *fault)
{
	if (span_from_hex(text, id->bytes, DIGEST_SIZE))
		return OK;
	if (text.size < ID_PREFIX_MIN)
		return fault_set(fault, E_MALFORMED, "give at least %d digits of the id", ID_PREFIX_MIN);
	return view_find(api->source.view, text, id, fault);
}

/* Its bytes and place; answers itself when that fails. */
static bool statement_of(struct node_api *api, struct http_request *request, struct span text, struct buffer *bytes, struct view_row *row)
{
	struct digest id;
	struct fault fault = {"no final statement has this id; check it, or wait until it is final"};
	enum status status = id_of(api, text, &id, &fault);
	if (status == OK)
		status = view_get(api->source.view, &id, bytes, row);
	if (status == OK)
		return true;
	node_answer_fault(request, status, status == E_IO || status == E_CORRUPT ? "the view cannot be read; see the node's notes" : fault.text);
	return false;
}

static void row_json(const struct view_row *row, bool with_body, struct buffer *out)
{
	struct statement statement;
	struct fault fault;
	if (statement_decode(row->bytes, &statement, &fault) == OK)
		trace_statement_json(&statement, row->index, row->commit_index, row->commit_ms, row->bytes.size, with_body, out);
	else
		buffer_append_text(out, "null");
}

static void get_statement(struct node_api *api, struct http_request *request, struct span text)
{
	struct buffer bytes = {0}, body = {0};
	struct view_row row;
	if (statement_of(api, request, text, &bytes, &row)) {
		row_json(&row, true, &body);
		http_answer(request, 200, json_type, NULL, buffer_span(&body));
	}
	buffer_free(&bytes);
	buffer_free(&body);
}

static void get_raw(struct node_api *api, struct http_request *request, struct span text)
{
	struct buffer bytes = {0};
	struct view_row row;
	if (statement_of(api, request, text, &bytes, &row))
		http_answer(request, 200, "application/cose", NULL, buffer_span(&bytes));
	buffer_free(&bytes);
}

static void get_trace(struct node_api *api, struct http_request *request, struct span text)
{
	const char *format = http_request_query(request, "format");
	uint64_t depth = 0;
	struct digest id;
	struct fault fault;
	struct trace trace;
	struct trace_source source = view_trace_source(api->source.view);
	enum status status = node_query_number("depth", http_request_query(request, "depth"), TRACE_NODES_MAX, &depth, &fault);
	bool is_text = format && strcmp(format, "text") == 0, is_dot = format && strcmp(format, "dot") == 0;
	if (status == OK && format && *format && !is_text && !is_dot && strcmp(format, "json") != 0)
		status = fault_set(&fault, E_MALFORMED, "format is json, text or dot");
	if (status == OK)
		status = id_of(api, text, &id, &fault);
	if (status == OK)
		status = trace_collect(&source, &id, (uint32_t)depth, &trace, &fault);
	if (status != OK) {
		node_answer_fault(request, status, fault.text);
		return;
	}
	struct buffer body = {0};
	if (is_text)
		trace_text(&trace, &body);
	else if (is_dot)
		trace_graphviz(&trace, &body);
	else
		trace_json(&trace, &body);
	http_answer(request, 200, is_text ? "text/plain; charset=utf-8" : is_dot ? "text/vnd.graphviz" : json_type, NULL, buffer_span(&body));
	buffer_free(&body);
	trace_free(&trace);
}

static enum status checkpoint_of(void *context, uint64_t index, struct buffer *note, uint64_t *size)
{
	const struct node_api *api = context;
	return node_log_checkpoint(api, index, false, note, size);
}

static void get_export(struct node_api *api, struct http_request *request, struct span text)
{
	struct export_source source = {
		.view = api->source.view,
		.tree = ledger_tree(replica_ledger(api->source.replica)),
		.context = api,
		.checkpoint = checkpoint_of,
	};
	uint64_t depth = 0;
	struct digest id;
	struct fault fault;
	struct buffer body = {0};
	enum status status = node_query_number("depth", http_request_query(request, "depth"), TRACE_NODES_MAX, &depth, &fault);
	if (status == OK)
		status = id_of(api, text, &id, &fault);
	if (status == OK)
		status = export_bundle(&source, &id, (uint32_t)depth, &body, &fault);
	if (status == OK)
		http_answer(request, 200, "application/octet-stream", NULL, buffer_span(&body));
	else if (status == E_BUSY)
		node_answer_fault_as(request, 409, status, fault.text);
	else
		node_answer_fault(request, status, fault.text);
	buffer_free(&body);
}

/* -- Lists ----------------------------------------------------------------------------------- */

struct listing {
	struct buffer *out;
	uint32_t left;                /* rows still wanted */
	uint64_t last;
	bool more;
	bool follows;
};

static bool list_row(void *context, const struct view_row *row)
{
	struct listing *listing = context;
	if (listing->left == 0 || listing->out->size > NODE_API_ANSWER_MAX) {
		listing->more = true;
		return false;
	}
	if (listing->follows)
		buffer_append_byte(listing->out, ',');
	listing->follows = true;
	row_json(row, true, listing->out);
	listing->left--;
	listing->last = row->index;
	return true;
}

static void get_statements(struct node_api *api, struct http_request *request, struct span text)
{
	(void)text;
	struct node_query_texts texts = {
		.type = http_request_query(request, "type"), .iss = http_request_query(request, "iss"), .sub = http_request_query(request, "sub"),
		.after = http_request_query(request, "after"), .limit = http_request_query(request, "limit"), .order = http_request_query(request, "order"),
	};
	struct view_query query;
	struct fault fault;
	struct buffer body = {0};
	struct listing listing = {.out = &body};
	enum status status = node_query_parse(&texts, &query, &fault);
	if (status == OK) {
		listing.left = query.limit;
		query.limit++; /* one more tells whether there is a next page */
		buffer_append_text(&body, "{\"statements\":[");
		status = view_list(api->source.view, &query, list_row, &listing, &fault);
	}
	if (status == OK) {
		if (listing.more)
			buffer_printf(&body, "],\"next\":%llu}", (unsigned long long)listing.last);
		else
			buffer_append_text(&body, "],\"next\":null}");
		http_answer(request, 200, json_type, NULL, buffer_span(&body));
	} else {
		node_answer_fault(request, status, fault.text);
	}
	buffer_free(&body);
}

static void get_entities(struct node_api *api, struct http_request *request, struct span text)
{
	(void)text;
	struct buffer body = {0};
	struct fault fault;
	enum status status = node_entities_json(replica_ledger(api->source.replica), http_request_query(request, "kind"), &body, &fault);
	if (status == OK)
		http_answer(request, 200, json_type, NULL, buffer_span(&body));
	else
		node_answer_fault(request, status, fault.text);
	buffer_free(&body);
}

/* -- The node ---------------------------------------------------------------------------------- */

static void get_node(struct node_api *api, struct http_request *request, struct span text)
{
	(void)text;
	struct node_picture picture;
	struct buffer body = {0};
	node_picture_take(api, &picture);
	node_picture_json(&picture, &body);
	http_answer(request, 200, json_type, NULL, buffer_span(&body));
	buffer_free(&body);
}

static void get_metrics(struct node_api *api, struct http_request *request, struct span text)
{
	(void)text;
	struct node_picture picture;
	struct buffer body = {0};
	node_picture_take(api, &picture);
	node_picture_metrics(&picture, &body);
	http_answer(request, 200, "text/plain; version=0.0.4; charset=utf-8", NULL, buffer_span(&body));
	buffer_free(&body);
}

static void get_checkpoint(struct node_api *api, struct http_request *request, struct span text)
{
	(void)text;
	struct buffer note = {0};
	uint64_t size;
	if (node_log_checkpoint(api, 0, true, &note, &size) == OK)
		http_answer(request, 200, "text/plain; charset=utf-8", NULL, buffer_span(&note));
	else
		node_answer_fault(request, E_NOT_FOUND, "there is no checkpoint yet; the first one follows the first final statements within seconds");
	buffer_free(&note);
}

const struct epochs *node_epochs(const struct node_api *api)
{
	return ledger_epochs(replica_ledger(api->source.replica));
}

static void get_epochs(struct node_api *api, struct http_request *request, struct span text)
{
	(void)text;
	struct buffer body = {0};
	replica_epochs(api->source.replica, &body);
	http_answer(request, 200, "application/cbor", NULL, buffer_span(&body));
	buffer_free(&body);
}

static void get_events(struct node_api *api, struct http_request *request, struct span text)
{
	(void)api;
	(void)text;
	http_stream_open(request, NODE_API_STREAM);
}

static void post_statement(struct node_api *api, struct http_request *request, struct span text)
{
	(void)text;
	node_post_one(api, request);
}

static void post_batch(struct node_api *api, struct http_request *request, struct span text)
{
	(void)text;
	node_post_batch(api, request);
}

void node_api_final(struct node_api *api, struct http_server *server, const struct statement *statement, uint64_t index, uint64_t commit_index,
	int64_t commit_ms)
{
	(void)api;
	if (http_stream_count(server, NODE_API_STREAM) == 0)
		return;
	struct buffer data = {0};
	trace_statement_json(statement, index, commit_index, commit_ms, trace_statement_size(statement), false, &data);
	http_stream_send(server, NODE_API_STREAM, "statement", buffer_span(&data));
	buffer_free(&data);
}

void node_api_second(struct node_api *api, struct http_server *server)
{
	if (http_stream_count(server, NODE_API_STREAM) == 0)
		return;
	struct node_picture picture;
	struct buffer data = {0};
	node_picture_take(api, &picture);
	node_picture_json(&picture, &data);
	http_stream_send(server, NODE_API_STREAM, "node", buffer_span(&data));
	buffer_free(&data);
}

/* -- Routes -------------------------------------------------------------------------------------- */

struct route {
	enum http_method method;
	const char *path;             /* up to the id */
	const char *rest;             /* after the id; NULL: there is no id; "*": the id is all that follows, slashes too */
	void (*answer)(struct node_api *api, struct http_request *request, struct span text);
};

static const struct route routes[] = {
	{HTTP_GET, "/api/v1/node", NULL, get_node},
	{HTTP_GET, "/api/v1/entities", NULL, get_entities},
	{HTTP_GET, "/api/v1/members", NULL, node_members_get},
	{HTTP_GET, "/api/v1/statements", NULL, get_statements},
	{HTTP_POST, "/api/v1/statements", NULL, post_statement},
	{HTTP_POST, "/api/v1/statements/batch", NULL, post_batch},
	{HTTP_GET, "/api/v1/statements/", "/raw", get_raw},
	{HTTP_GET, "/api/v1/statements/", "", get_statement},
	{HTTP_GET, "/api/v1/trace/", "", get_trace},
	{HTTP_GET, "/api/v1/export/", "", get_export},
	{HTTP_GET, "/api/v1/checkpoint", NULL, get_checkpoint},
	{HTTP_GET, "/api/v1/epochs", NULL, get_epochs},
	{HTTP_GET, "/api/v1/state/", "*", node_state_get},
	{HTTP_GET, "/api/v1/events", NULL, get_events},
	{HTTP_GET, "/metrics", NULL, get_metrics},
};

static bool route_fits(const struct route *route, const char *path, struct span *text)
{
	if (!route->rest)
		return strcmp(path, route->path) == 0;
	size_t before = strlen(route->path);
	if (strncmp(path, route->path, before) != 0)
		return false;
	if (strcmp(route->rest, "*") == 0) {
		*text = span_of_text(path + before);
		return text->size > 0;
	}
	size_t size = strcspn(path + before, "/");
	*text = span_of(path + before, size);
	return size > 0 && strcmp(path + before + size, route->rest) == 0;
}

bool node_api_handle(struct node_api *api, struct http_request *request)
{
	if (node_log_handle(api, request))
		return true;
	const char *path = http_request_path(request);
	bool known = false;
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
		struct span text = {0};
		if (!route_fits(&routes[i], path, &text))
			continue;
		known = true;
		if (routes[i].method == http_request_method(request)) {
			routes[i].answer(api, request, text);
			return true;
		}
	}
	if (known)
		node_answer_fault_as(request, 405, E_FORBIDDEN, "this address is not for that method; see docs/api.md");
	return known;
}

struct node_api *node_api_new(struct loop *loop, const struct node_api_source *source)
{
	struct node_api *api = memory_new_array(1, sizeof *api);
	api->loop = loop;
	api->source = *source;
	return api;
}

void node_api_free(struct node_api *api)
{
	if (!api)
		return;
	node_post_free_all(api);
	free(api);
}
