#include "host/wire_part.h"

#include "base/buffer.h"
#include "crypto/hash.h"
#include "host/certificate.h"
#include "host/frame.h"
#include "host/keys.h"
#include "host/note.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	TICK_MS = 1000,
	KEEPALIVE_MS = 5000,
	SILENCE_MS = 15000,
	HANDSHAKE_MS = 10000,
	BACKOFF_FIRST_MS = 250,
	BACKOFF_LAST_MS = 5000,
	STEADY_MS = 5000,             /* a link that was up for so long was a good one */
};

static uint32_t jitter(uint32_t below)
{
	uint32_t value = 0;
	if (entropy_fill((uint8_t *)&value, sizeof value) != OK)
		return 0;
	return value % below;
}

/* ---- who is it ---- */

/* NULL, or why this certificate is refused. What is cheap to look at comes first: a stranger costs no verification. */
static const char *refusal_of(struct wire_link *link, X509_STORE_CTX *store, struct fault *fault)
{
	struct wire *wire = link->wire;
	const struct wire_callbacks *callbacks = &wire->callbacks;
	X509 *leaf = X509_STORE_CTX_get0_cert(store);
	struct digest root;
	if (certificate_key(leaf, &link->key) != OK)
		return "its certificate is not for an ML-DSA-44 key";
	if (link->dial && !digest_equal(&link->key, &link->dial->key))
		return "its TLS key is not the one that is expected at this address";
	if (digest_equal(&link->key, &wire->own))
		return NULL; /* its hello tells whether it is ourselves; it never comes up */
	if (!callbacks->identify(callbacks->context, &link->key, &link->identity))
		return "its TLS key is not known here, or was revoked";
	bool rooted = callbacks->root && callbacks->root(callbacks->context, link->identity, &root);
	return certificate_check(leaf, X509_STORE_CTX_get0_untrusted(store), rooted ? &root : NULL, fault) == OK ? NULL : fault->text;
}

/* Replaces OpenSSL's chain building: the key is the identity, and it is pinned. */
static int verify_peer(X509_STORE_CTX *store, void *context)
{
	(void)context;
	struct fault fault;
	SSL *tls = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct wire_link *link = SSL_get_app_data(tls);
	const char *refusal = refusal_of(link, store, &fault);
	if (!refusal)
		return 1;
	snprintf(link->refusal, sizeof link->refusal, "%.*s", REASON_MAX - 1, refusal);
	X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
	return 0;
}

static void complain(struct wire_link *link, const char *why)
{
	struct wire *wire = link->wire;
	if (link->dial) {
		/* Nobody at our own address is how it should be. */
		if (digest_equal(&link->dial->key, &wire->own))
			return;
		if (strcmp(link->dial->complaint, why) != 0)
			note(NOTE_WARNING, "dial_failed", "address=%s reason=\"%s\" next=\"tried again until it works\"", link->address, why);
		snprintf(link->dial->complaint, REASON_MAX, "%s", why);
		return;
	}
	int64_t now = wire_now_ms();
	if (now - wire->complained_ms < TICK_MS && wire->complained_ms) {
		wire->complaints_kept++;
		return;
	}
	note(NOTE_WARNING, "connection_refused", "address=%s reason=\"%s\" not_shown=%u", link->address, why, wire->complaints_kept);
	wire->complained_ms = now;
	wire->complaints_kept = 0;
}

/* ---- links ---- */

static void dial_again(struct wire_dial *dial)
{
	unsigned shift = dial->failures < 8 ? dial->failures : 8;
	uint32_t delay = (uint32_t)BACKOFF_FIRST_MS << shift;
	if (delay > BACKOFF_LAST_MS)
		delay = BACKOFF_LAST_MS;
	dial->failures++;
	loop_timer_set(dial->timer, delay / 2 + jitter(delay));
}

struct wire_link *wire_link_of_key(const struct wire *wire, const struct digest *key)
{
	for (size_t i = 0; i < wire->link_count; i++)
		if (wire->links[i]->state == LINK_UP && digest_equal(&wire->links[i]->key, key))
			return wire->links[i];
	return NULL;
}

void wire_close(struct wire_link *link, const char *why)
{
	if (link->state == LINK_CLOSED)
		return;
	struct wire *wire = link->wire;
	bool was_up = link->state == LINK_UP, was_refused = link->state == LINK_REFUSED;
	int64_t lasted = wire_now_ms() - link->since_ms;
	link->state = LINK_CLOSED;
	if (was_up) {
		note(NOTE_INFO, "link_down", "address=%s reason=\"%s\"", link->address, why);
		bufferevent_disable(link->stream, EV_READ);
		wire->callbacks.down(wire->callbacks.context, link, link->identity);
		loop_timer_set(wire->contest, 0);
	} else if (!was_refused)
		complain(link, why);
	/* Whichever end had dialled: our own dial to this key, if there is one, wakes up. */
	for (size_t i = 0; i < wire->dial_count; i++) {
		struct wire_dial *dial = wire->dials[i];
		bool own = dial->link == link;
		if (own)
			dial->link = NULL;
		if (was_up && digest_equal(&dial->key, &link->key)) {
			if (lasted >= STEADY_MS)
				dial->failures = 0;
			dial_again(dial);
		} else if (own)
			dial_again(dial);
	}
	loop_timer_set(wire->reaper, 0);
}

static void link_free(struct wire_link *link)
{
	SSL *tls = bufferevent_openssl_get_ssl(link->stream);
	if (tls && SSL_is_init_finished(tls)) {
		/* Say goodbye without waiting for the answer. */
		SSL_set_shutdown(tls, SSL_RECEIVED_SHUTDOWN);
		SSL_shutdown(tls);
	}
	ERR_clear_error();
	bufferevent_free(link->stream);
	free(link);
}

static void on_reap(void *context)
{
	struct wire *wire = context;
	size_t kept = 0;
	for (size_t i = 0; i < wire->link_count; i++) {
		if (wire->links[i]->state == LINK_CLOSED)
			link_free(wire->links[i]);
		else
			wire->links[kept++] = wire->links[i];
	}
	wire->link_count = kept;
}

enum status wire_send(struct wire_link *link, uint8_t kind, struct span bytes)
{
	if (link->state != LINK_UP && !(link->state == LINK_GREETING && kind <= WIRE_TWIN && kind != WIRE_REPLICA))
		return E_CLOSED;
	CHECK(bytes.size <= WIRE_FRAME_MAX);
	struct evbuffer *queue = bufferevent_get_output(link->stream);
	if (evbuffer_get_length(queue) + bytes.size + FRAME_HEAD > WIRE_QUEUE_MAX)
		return E_BUSY;
	frame_append(queue, kind, bytes);
	link->sent_ms = wire_now_ms();
	return OK;
}

/* Two connections with one key: which stays? True: the older one gives way. */
static bool newer_wins(const struct wire *wire, const struct wire_link *older, const struct wire_link *newer)
{
	if (wire_now_ms() - older->since_ms > STEADY_MS)
		return true;
	if (!older->dial == !newer->dial)
		return true;
	bool we_are_smaller = memcmp(wire->own.bytes, newer->key.bytes, DIGEST_SIZE) < 0;
	return we_are_smaller == (newer->dial != NULL);
}

void wire_link_drop(struct wire_link *link)
{
	link->state = LINK_CLOSED;
	if (link->dial)
		link->dial->link = NULL;
	loop_timer_set(link->wire->reaper, 0);
}

void wire_link_settle(struct wire_link *link)
{
	struct wire *wire = link->wire;
	struct wire_link *older = wire_link_of_key(wire, &link->key);
	if (older && !newer_wins(wire, older, link)) {
		/* Not a failure: quietly. Its dial sleeps while the other connection is up. */
		wire_link_drop(link);
		return;
	}
	if (older)
		wire_close(older, "replaced by a newer connection");
	link->state = LINK_UP;
	link->since_ms = wire_now_ms();
	for (size_t i = 0; i < wire->dial_count; i++)
		if (digest_equal(&wire->dials[i]->key, &link->key))
			wire->dials[i]->complaint[0] = 0;
	note(NOTE_INFO, "link_up", "address=%s direction=%s", link->address, link->dial ? "out" : "in");
	wire->callbacks.up(wire->callbacks.context, link, link->identity);
}

static void frame_received(struct wire_link *link, uint8_t kind, struct span bytes)
{
	if (kind == WIRE_KEEPALIVE || link->state == LINK_REFUSED)
		return;
	if (kind >= WIRE_HELLO && kind <= WIRE_TWIN)
		wire_instance_frame(link, kind, bytes);
	else if (link->state == LINK_UP)
		link->wire->callbacks.frame(link->wire->callbacks.context, link, link->identity, kind, bytes);
	else
		wire_close(link, "it did not say hello first: both ends must run versions that fit");
}

static void on_readable(struct bufferevent *stream, void *context)
{
	struct wire_link *link = context;
	struct evbuffer *input = bufferevent_get_input(stream);
	link->received_ms = wire_now_ms();
	while (link->state != LINK_HANDSHAKE && link->state != LINK_CLOSED) {
		struct frame frame;
		enum status status = frame_first(input, WIRE_FRAME_MAX, &frame);
		if (status == E_NOT_FOUND)
			return;
		if (status != OK) {
			char why[REASON_MAX];
			snprintf(why, sizeof why, "it announced a frame of more than %u bytes, or it does not speak this protocol", (unsigned)WIRE_FRAME_MAX);
			wire_close(link, why);
			return;
		}
		frame_received(link, frame.kind, frame.bytes);
		frame_drop(input, &frame);
	}
}

static void on_drained(struct bufferevent *stream, void *context)
{
	(void)stream;
	struct wire_link *link = context;
	if (link->state == LINK_UP && link->wire->callbacks.drained)
		link->wire->callbacks.drained(link->wire->callbacks.context, link, link->identity);
}

static void on_handshake_done(struct wire_link *link)
{
	int one = 1;
	setsockopt(bufferevent_getfd(link->stream), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	link->state = LINK_GREETING;
	wire_instance_greet(link);
}

/* A sentence for why a stream ended, from what OpenSSL and the system left behind. */
static void reason_of(struct wire_link *link, short what, int error, char out[REASON_MAX])
{
	/* libevent mixes the kind of failure (a small number) into OpenSSL's codes. */
	unsigned long code = 0;
	for (unsigned long each; (each = bufferevent_get_openssl_error(link->stream));)
		if (ERR_SYSTEM_ERROR(each) || ERR_reason_error_string(each))
			code = each;
	if (link->refusal[0])
		snprintf(out, REASON_MAX, "%s", link->refusal);
	else if (code && ERR_SYSTEM_ERROR(code))
		snprintf(out, REASON_MAX, "%s", strerror(ERR_GET_REASON(code)));
	else if (certificate_reason(code))
		snprintf(out, REASON_MAX, "%s", certificate_reason(code));
	else if (code)
		snprintf(out, REASON_MAX, "TLS: %s", ERR_reason_error_string(code));
	else if (what & BEV_EVENT_EOF)
		snprintf(out, REASON_MAX, "%s", link->state == LINK_UP ? "the other end closed it" : "the other end closed it; it may not know our TLS key");
	else if (error)
		snprintf(out, REASON_MAX, "%s", strerror(error));
	else
		snprintf(out, REASON_MAX, "%s", "the connection broke");
}

static void on_event(struct bufferevent *stream, short what, void *context)
{
	(void)stream;
	int error = evutil_socket_geterror(bufferevent_getfd(stream));
	struct wire_link *link = context;
	if (link->state == LINK_CLOSED)
		return;
	if (what & BEV_EVENT_CONNECTED) {
		on_handshake_done(link);
		return;
	}
	char why[REASON_MAX];
	int dns = bufferevent_socket_get_dns_error(stream);
	if (dns)
		snprintf(why, sizeof why, "the host name is not known: %s", evutil_gai_strerror(dns));
	else
		reason_of(link, what, error, why);
	wire_close(link, why);
}

/* fd -1: to be dialled. NULL when OpenSSL or the system refuses. */
static struct wire_link *link_new(struct wire *wire, int fd, struct wire_dial *dial, const char *address)
{
	SSL *tls = SSL_new(wire->tls);
	if (!tls)
		return NULL;
	struct bufferevent *stream = bufferevent_openssl_socket_new(loop_base(wire->loop), fd, tls,
		dial ? BUFFEREVENT_SSL_CONNECTING : BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (!stream) {
		SSL_free(tls);
		return NULL;
	}
	struct wire_link *link = memory_new(sizeof *link);
	link->wire = wire;
	link->stream = stream;
	link->dial = dial;
	link->since_ms = link->received_ms = link->sent_ms = wire_now_ms();
	snprintf(link->address, sizeof link->address, "%s", address);
	SSL_set_app_data(tls, link);
	bufferevent_setcb(stream, on_readable, on_drained, on_event, link);
	bufferevent_setwatermark(stream, EV_WRITE, WIRE_QUEUE_LOW, 0);
	bufferevent_enable(stream, EV_READ | EV_WRITE);
	ARRAY_GROW(wire->links, wire->link_count, wire->link_capacity);
	wire->links[wire->link_count++] = link;
	return link;
}

/* ---- dialling ---- */

static void on_dial(void *context)
{
	struct wire_dial *dial = context;
	struct wire *wire = dial->wire;
	if (dial->link || dial->leads_home || wire_link_of_key(wire, &dial->key))
		return; /* closing that one wakes us */
	struct wire_link *link = link_new(wire, -1, dial, dial->address);
	if (!link) {
		dial_again(dial);
		return;
	}
	dial->link = link;
	struct sockaddr_storage address;
	socklen_t size;
	int failed;
	if (address_parse(dial->address, &address, &size, NULL) == OK)
		failed = bufferevent_socket_connect(link->stream, (struct sockaddr *)&address, (int)size);
	else {
		if (!wire->names)
			wire->names = evdns_base_new(loop_base(wire->loop), EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE);
		failed = bufferevent_socket_connect_hostname(link->stream, wire->names, AF_UNSPEC, dial->host, dial->port);
	}
	if (failed)
		wire_close(link, strerror(errno));
}

enum status wire_dial(struct wire *wire, const char *address, const struct digest *tls_key, struct fault *fault)
{
	char host[ADDRESS_HOST_MAX];
	unsigned port;
	if (!address_split(address, host, &port) || port == 0)
		return fault_set(fault, E_CONFIG, "\"%s\" is no address to dial; expected host:port, such as 127.0.0.1:7101 or [::1]:7101", address);
	struct wire_dial *dial = memory_new(sizeof *dial);
	dial->wire = wire;
	dial->address = memory_text(span_of_text(address));
	dial->host = memory_text(span_of_text(host));
	dial->port = (int)port;
	dial->key = *tls_key;
	dial->timer = loop_timer_new(wire->loop, on_dial, dial);
	loop_timer_set(dial->timer, 0);
	ARRAY_GROW(wire->dials, wire->dial_count, wire->dial_capacity);
	wire->dials[wire->dial_count++] = dial;
	return OK;
}

static void dial_free(struct wire_dial *dial)
{
	loop_timer_free(dial->timer);
	free(dial->address);
	free(dial->host);
	free(dial);
}

void wire_undial(struct wire *wire, const char *address, const struct digest *tls_key)
{
	size_t which = 0;
	while (which < wire->dial_count && (!digest_equal(&wire->dials[which]->key, tls_key) || strcmp(wire->dials[which]->address, address) != 0))
		which++;
	if (which == wire->dial_count)
		return;
	struct wire_dial *dial = wire->dials[which];
	wire->dials[which] = wire->dials[--wire->dial_count];
	if (dial->link)
		wire_close(dial->link, "this address is not called any more");
	for (size_t i = 0; i < wire->link_count; i++)
		if (wire->links[i]->dial == dial)
			wire->links[i]->dial = NULL; /* closed, and not yet freed */
	dial_free(dial);
}

/* ---- listening ---- */

/* Strangers who never finish their handshake must not keep members out: the oldest of them gives way. */
static bool room_make(struct wire *wire)
{
	struct wire_link *oldest = NULL;
	size_t open = 0;
	for (size_t i = 0; i < wire->link_count; i++) {
		struct wire_link *link = wire->links[i];
		open += link->state != LINK_CLOSED;
		if (link->state != LINK_UP && link->state != LINK_CLOSED && !link->dial && (!oldest || link->since_ms < oldest->since_ms))
			oldest = link;
	}
	if (open < WIRE_CONNECTIONS_MAX)
		return true;
	if (oldest)
		wire_close(oldest, "too many connections, and this one had not said who it is");
	return oldest != NULL;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int size, void *context)
{
	(void)listener;
	(void)size;
	struct wire *wire = context;
	char text[ADDRESS_TEXT_MAX];
	address_print(address, text);
	if (!room_make(wire) || !link_new(wire, fd, NULL, text)) {
		note(NOTE_WARNING, "connection_refused", "address=%s reason=\"%u connections are open already\"", text, (unsigned)wire->link_count);
		evutil_closesocket(fd);
	}
}

/* Out of descriptors, most likely: rest until the next tick rather than spin. */
static void on_accept_error(struct evconnlistener *listener, void *context)
{
	(void)context;
	note(NOTE_ERROR, "accept_failed", "reason=\"%s\"", strerror(errno));
	evconnlistener_disable(listener);
}

enum status wire_listen(struct wire *wire, const char *address, struct fault *fault)
{
	struct sockaddr_storage parsed;
	socklen_t size;
	TRY(address_parse(address, &parsed, &size, fault));
	CHECK(!wire->listener);
	wire->listener = evconnlistener_new_bind(loop_base(wire->loop), on_accept, wire,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, -1, (struct sockaddr *)&parsed, (int)size);
	if (!wire->listener)
		return fault_set(fault, E_IO, "cannot listen on %s: %s; is another daemon using this port?", address, strerror(errno));
	evconnlistener_set_error_cb(wire->listener, on_accept_error);
	size = sizeof parsed;
	if (getsockname(evconnlistener_get_fd(wire->listener), (struct sockaddr *)&parsed, &size) == 0)
		wire->port = ntohs(parsed.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&parsed)->sin6_port : ((struct sockaddr_in *)&parsed)->sin_port);
	return OK;
}

unsigned wire_port(const struct wire *wire)
{
	return wire->port;
}

/* ---- the whole ---- */

static void on_tick(void *context)
{
	struct wire *wire = context;
	int64_t now = wire_now_ms();
	/* wire_close may append nothing and frees nothing here, so the array holds still. */
	for (size_t i = 0; i < wire->link_count; i++) {
		struct wire_link *link = wire->links[i];
		if (link->state == LINK_CLOSED)
			continue;
		if (link->state != LINK_UP && now - link->since_ms > HANDSHAKE_MS)
			wire_close(link, "no connection within 10 s");
		else if (link->state == LINK_UP && now - link->received_ms > wire->silence_ms)
			wire_close(link, "nothing was heard from it for too long");
		else if (link->state == LINK_UP && now - link->sent_ms >= wire->keepalive_ms && wire_send(link, WIRE_KEEPALIVE, (struct span){0}) != OK)
			link->sent_ms = now;
	}
	if (wire->listener)
		evconnlistener_enable(wire->listener);
	loop_timer_set(wire->tick, wire->keepalive_ms < 2 * TICK_MS ? wire->keepalive_ms / 2 : TICK_MS);
}

void wire_patience(struct wire *wire, int64_t keepalive_ms, int64_t silence_ms)
{
	wire->keepalive_ms = keepalive_ms;
	wire->silence_ms = silence_ms;
	loop_timer_set(wire->tick, 0);
}

enum status wire_new(struct loop *loop, const struct signing_key *tls_key, const struct wire_callbacks *callbacks, struct wire **out,
	struct fault *fault)
{
	SSL_CTX *tls;
	struct instance instance;
	if (entropy_fill(instance.bytes, sizeof instance.bytes) != OK)
		return fault_set(fault, E_ENTROPY, "the operating system gives no randomness");
	TRY(certificate_context(tls_key, &tls, fault));
	struct wire *wire = memory_new(sizeof *wire);
	wire->loop = loop;
	wire->callbacks = *callbacks;
	wire->tls = tls;
	wire->own = keys_tls_digest(signing_key_public(tls_key));
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(tls, verify_peer, NULL);
	wire->tick = loop_timer_new(loop, on_tick, wire);
	wire->reaper = loop_timer_new(loop, on_reap, wire);
	wire->contest = loop_timer_new(loop, wire_instance_contest, wire);
	wire->instance = instance;
	wire_patience(wire, KEEPALIVE_MS, SILENCE_MS);
	*out = wire;
	return OK;
}

enum status wire_certify(struct wire *wire, struct span leaf, struct span root, const struct digest *root_digest, struct fault *fault)
{
	return certificate_context_issued(wire->tls, leaf, root, root_digest, fault);
}

void wire_free(struct wire *wire)
{
	if (!wire)
		return;
	if (wire->listener)
		evconnlistener_free(wire->listener);
	for (size_t i = 0; i < wire->link_count; i++)
		link_free(wire->links[i]);
	free(wire->links);
	for (size_t i = 0; i < wire->dial_count; i++)
		dial_free(wire->dials[i]);
	free(wire->dials);
	if (wire->names)
		evdns_base_free(wire->names, 0);
	loop_timer_free(wire->tick);
	loop_timer_free(wire->reaper);
	loop_timer_free(wire->contest);
	SSL_CTX_free(wire->tls);
	free(wire);
}

void wire_link_set(struct wire_link *link, void *data)
{
	link->data = data;
}

void *wire_link_get(const struct wire_link *link)
{
	return link->data;
}

size_t wire_link_queued(const struct wire_link *link)
{
	return evbuffer_get_length(bufferevent_get_output(link->stream));
}

const struct digest *wire_link_key(const struct wire_link *link)
{
	return &link->key;
}

const char *wire_link_address(const struct wire_link *link)
{
	return link->address;
}
