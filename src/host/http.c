#include "host/http.h"

#include "host/address.h"
#include "host/note.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

enum { HEADER_MAX = 64 << 10, TIMEOUT_S = 60, STREAM_TIMEOUT_S = 7 * 86400, COMMENT_MS = 15000, UNREAD_MAX = 4096, TICK_MS = 1000 };

struct http_request {
	struct http_server *server;
	struct evhttp_request *raw;
	struct evhttp_connection *connection; /* NULL: the client is gone */
	char *path;
	struct evkeyvalq query;
	loop_callback *gone;
	void *gone_context;
	unsigned topic;
	bool is_stream;
	struct http_request *next, *previous; /* all that are not answered */
};

struct http_server {
	struct evhttp *raw;
	http_handler *handler;
	void *context;
	unsigned port;
	struct http_request *first;
	size_t stream_count;
	struct loop_timer *comment;   /* so that streams whose client has vanished fail some day */
	struct evconnlistener *listener;
	struct loop_timer *tick;
};

static void request_free(struct http_request *request)
{
	struct http_server *server = request->server;
	if (request->previous)
		request->previous->next = request->next;
	else
		server->first = request->next;
	if (request->next)
		request->next->previous = request->previous;
	if (request->is_stream)
		server->stream_count--;
	evhttp_clear_headers(&request->query);
	free(request->path);
	free(request);
}

/* evhttp closes a connection whose request we still hold. It then either has let go of the raw request, which is ours to
 * free, or frees it itself. */
static void on_closed(struct evhttp_connection *connection, void *context)
{
	(void)connection;
	struct http_request *request = context;
	request->connection = NULL;
	bool ours = evhttp_request_get_connection(request->raw) == NULL;
	if (!ours)
		request->raw = NULL;
	if (request->is_stream) {
		if (ours)
			evhttp_request_free(request->raw);
		request_free(request);
	} else if (request->gone)
		request->gone(request->gone_context);
}

/* evhttp stops reading while a request waits for its answer, and so would not notice that the client left. Reading goes on
 * here, with evhttp's own callback for errors, but what arrives is neither looked at nor gathered. */
static void leaving_watch(struct http_request *request)
{
	struct bufferevent *stream = evhttp_connection_get_bufferevent(request->connection);
	bufferevent_data_cb read, write;
	bufferevent_event_cb event;
	void *context;
	bufferevent_getcb(stream, &read, &write, &event, &context);
	bufferevent_setcb(stream, NULL, write, event, context);
	bufferevent_setwatermark(stream, EV_READ, 0, UNREAD_MAX);
	bufferevent_enable(stream, EV_READ);
}

static void headers_add(struct http_request *request, const char *type, const char *encoding)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request->raw);
	if (type)
		evhttp_add_header(headers, "Content-Type", type);
	if (encoding)
		evhttp_add_header(headers, "Content-Encoding", encoding);
	if (!evhttp_find_header(headers, "Cache-Control"))
		evhttp_add_header(headers, "Cache-Control", "no-cache");
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	evhttp_add_header(headers, "Access-Control-Allow-Origin", "*");
}

void http_answer(struct http_request *request, int status, const char *type, const char *encoding, struct span body)
{
	CHECK(!request->is_stream);
	if (request->connection) {
		evhttp_connection_set_closecb(request->connection, NULL, NULL);
		bufferevent_setwatermark(evhttp_connection_get_bufferevent(request->connection), EV_READ, 0, 0);
		headers_add(request, type, encoding);
		struct evbuffer *bytes = evbuffer_new();
		CHECK(bytes && evbuffer_add(bytes, body.data, body.size) == 0);
		evhttp_send_reply(request->raw, status, NULL, bytes);
		evbuffer_free(bytes);
	} else if (request->raw)
		evhttp_request_free(request->raw);
	request_free(request);
}

static int status_code(enum status status)
{
	switch (status) {
	case OK:
		return 200;
	case E_NOT_FOUND:
		return 404;
	case E_DUPLICATE:
	case E_SEQUENCE:
	case E_PARENT:
		return 409;
	case E_SIGNATURE:
	case E_UNKNOWN:
	case E_REVOKED:
	case E_FORBIDDEN:
		return 403;
	case E_BUSY:
	case E_CLOSED:
		return 503;
	case E_IO:
	case E_CORRUPT:
	case E_ENTROPY:
		return 500;
	default:
		return 400;
	}
}

void http_answer_error(struct http_request *request, enum status status, const char *reason)
{
	struct buffer body = {0};
	buffer_printf(&body, "{\"error\":\"%s\",\"reason\":\"", status_name(status));
	for (const char *at = reason; *at; at++) {
		unsigned char character = (unsigned char)*at;
		if (character == '"' || character == '\\')
			buffer_printf(&body, "\\%c", character);
		else if (character < 0x20)
			buffer_printf(&body, "\\u%04x", character);
		else
			buffer_append_byte(&body, character);
	}
	buffer_append_text(&body, "\"}");
	http_answer(request, status_code(status), "application/json", NULL, buffer_span(&body));
	buffer_free(&body);
}

void http_request_on_gone(struct http_request *request, loop_callback *gone, void *context)
{
	request->gone = gone;
	request->gone_context = context;
}

enum http_method http_request_method(const struct http_request *request)
{
	return evhttp_request_get_command(request->raw) == EVHTTP_REQ_POST ? HTTP_POST : HTTP_GET;
}

const char *http_request_path(const struct http_request *request)
{
	return request->path;
}

const char *http_request_query(struct http_request *request, const char *name)
{
	return evhttp_find_header(&request->query, name);
}

struct span http_request_body(const struct http_request *request)
{
	struct evbuffer *body = request->raw ? evhttp_request_get_input_buffer(request->raw) : NULL;
	size_t size = body ? evbuffer_get_length(body) : 0;
	return size ? span_of(evbuffer_pullup(body, -1), size) : (struct span){0};
}

const char *http_request_header(const struct http_request *request, const char *name)
{
	return request->raw ? evhttp_find_header(evhttp_request_get_input_headers(request->raw), name) : NULL;
}

void http_answer_header(struct http_request *request, const char *name, const char *value)
{
	if (request->connection)
		evhttp_add_header(evhttp_request_get_output_headers(request->raw), name, value);
}

/* ---- streams ---- */

static void on_comment(void *context);

void http_stream_open(struct http_request *request, unsigned topic)
{
	struct http_server *server = request->server;
	if (server->stream_count >= HTTP_STREAMS_MAX) {
		http_answer_error(request, E_BUSY, "too many event streams are open; close some pages, then try again");
		return;
	}
	request->is_stream = true;
	request->topic = topic;
	server->stream_count++;
	if (!request->connection) {
		if (request->raw)
			evhttp_request_free(request->raw);
		request_free(request);
		return;
	}
	headers_add(request, "text/event-stream", NULL);
	evhttp_connection_set_timeout(request->connection, STREAM_TIMEOUT_S);
	evhttp_send_reply_start(request->raw, 200, NULL);
	leaving_watch(request);
	if (server->stream_count == 1)
		loop_timer_set(server->comment, 0);
}

static void stream_write(struct http_request *stream, struct span bytes)
{
	struct evbuffer *waiting = bufferevent_get_output(evhttp_connection_get_bufferevent(stream->connection));
	if (evbuffer_get_length(waiting) + bytes.size > HTTP_STREAM_BEHIND_MAX) {
		note(NOTE_INFO, "stream_closed", "reason=\"the client is too slow\"");
		evhttp_connection_free(stream->connection); /* calls on_closed */
		return;
	}
	struct evbuffer *chunk = evbuffer_new();
	CHECK(chunk && evbuffer_add(chunk, bytes.data, bytes.size) == 0);
	evhttp_send_reply_chunk(stream->raw, chunk);
	evbuffer_free(chunk);
}

static void streams_write(struct http_server *server, bool all, unsigned topic, struct span bytes)
{
	for (struct http_request *request = server->first, *next; request; request = next) {
		next = request->next;
		if (request->is_stream && (all || request->topic == topic))
			stream_write(request, bytes);
	}
}

static void on_comment(void *context)
{
	struct http_server *server = context;
	streams_write(server, true, 0, span_of_text(":\n\n"));
	if (server->stream_count)
		loop_timer_set(server->comment, COMMENT_MS);
}

void http_stream_send(struct http_server *server, unsigned topic, const char *event, struct span data)
{
	if (!http_stream_count(server, topic))
		return;
	struct buffer text = {0};
	buffer_printf(&text, "event: %s\ndata: ", event);
	while (data.size) {
		const uint8_t *line_end = memchr(data.data, '\n', data.size);
		size_t size = line_end ? (size_t)(line_end - data.data) : data.size;
		buffer_append(&text, data.data, size);
		if (line_end)
			buffer_append_text(&text, "\ndata: ");
		size += line_end != NULL;
		data = span_of(data.data + size, data.size - size);
	}
	buffer_append_text(&text, "\n\n");
	streams_write(server, false, topic, buffer_span(&text));
	buffer_free(&text);
}

size_t http_stream_count(const struct http_server *server, unsigned topic)
{
	size_t count = 0;
	for (const struct http_request *request = server->stream_count ? server->first : NULL; request; request = request->next)
		count += request->is_stream && request->topic == topic;
	return count;
}

/* ---- the server ---- */

static void answer_preflight(struct http_request *request)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request->raw);
	evhttp_add_header(headers, "Access-Control-Allow-Methods", "GET, POST");
	evhttp_add_header(headers, "Access-Control-Allow-Headers", "Content-Type");
	evhttp_add_header(headers, "Access-Control-Max-Age", "600");
	http_answer(request, 204, NULL, NULL, (struct span){0});
}

static void on_request(struct evhttp_request *raw, void *context)
{
	struct http_server *server = context;
	struct http_request *request = memory_new(sizeof *request);
	request->server = server;
	request->raw = raw;
	request->connection = evhttp_request_get_connection(raw);
	request->next = server->first;
	if (server->first)
		server->first->previous = request;
	server->first = request;
	TAILQ_INIT(&request->query);
	evhttp_connection_set_closecb(request->connection, on_closed, request);
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(raw);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL, *query = uri ? evhttp_uri_get_query(uri) : NULL;
	size_t size = 0;
	request->path = path ? evhttp_uridecode(path, 0, &size) : NULL;
	if (!request->path || strlen(request->path) != size || (query && *query && evhttp_parse_query_str(query, &request->query) != 0))
		http_answer_error(request, E_MALFORMED, "the address of the request is not well-formed; expected /path?name=value&...");
	else if (evhttp_request_get_command(raw) == EVHTTP_REQ_OPTIONS)
		answer_preflight(request);
	else {
		leaving_watch(request);
		server->handler(server->context, request);
	}
}

/* Out of descriptors, most likely: rest until the next tick rather than spin. The context is evhttp's. */
static void on_accept_error(struct evconnlistener *listener, void *context)
{
	(void)context;
	note(NOTE_ERROR, "accept_failed", "reason=\"%s\"", strerror(errno));
	evconnlistener_disable(listener);
}

static void on_tick(void *context)
{
	struct http_server *server = context;
	evconnlistener_enable(server->listener);
	loop_timer_set(server->tick, TICK_MS);
}

static unsigned port_of(evutil_socket_t fd)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof address;
	if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
		return 0;
	return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port : ((struct sockaddr_in *)&address)->sin_port);
}

enum status http_server_new(struct loop *loop, const char *address, http_handler *handler, void *context, struct http_server **out,
	struct fault *fault)
{
	struct sockaddr_storage parsed;
	socklen_t parsed_size;
	TRY(address_parse(address, &parsed, &parsed_size, fault));
	struct evconnlistener *listener = evconnlistener_new_bind(loop_base(loop), NULL, NULL,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, -1, (struct sockaddr *)&parsed, (int)parsed_size);
	if (!listener)
		return fault_set(fault, E_IO, "cannot listen on %s: %s; is another daemon using this port?", address, strerror(errno));
	struct http_server *server = memory_new(sizeof *server);
	server->raw = evhttp_new(loop_base(loop));
	CHECK(server->raw && evhttp_bind_listener(server->raw, listener));
	server->listener = listener;
	evconnlistener_set_error_cb(listener, on_accept_error);
	server->tick = loop_timer_new(loop, on_tick, server);
	loop_timer_set(server->tick, TICK_MS);
	server->port = port_of(evconnlistener_get_fd(listener));
	server->handler = handler;
	server->context = context;
	server->comment = loop_timer_new(loop, on_comment, server);
	evhttp_set_max_body_size(server->raw, HTTP_BODY_MAX);
	evhttp_set_max_headers_size(server->raw, HEADER_MAX);
	evhttp_set_timeout(server->raw, TIMEOUT_S);
	evhttp_set_default_content_type(server->raw, NULL);
	evhttp_set_allowed_methods(server->raw, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_OPTIONS);
	evhttp_set_gencb(server->raw, on_request, server);
	*out = server;
	return OK;
}

void http_server_free(struct http_server *server)
{
	if (!server)
		return;
	for (struct http_request *request = server->first; request; request = request->next)
		request->gone = NULL;
	evhttp_free(server->raw); /* closes every connection, so calls on_closed for every request */
	while (server->first) {
		if (server->first->raw)
			evhttp_request_free(server->first->raw);
		request_free(server->first);
	}
	loop_timer_free(server->comment);
	loop_timer_free(server->tick);
	free(server);
}

unsigned http_server_port(const struct http_server *server)
{
	return server->port;
}
