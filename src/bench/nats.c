/* NATS JetStream: three servers, one stream with three replicas in files, each message flushed before it is acknowledged
 * (sync_interval: always). A small client of our own for the text protocol: many messages are on their way, on two connections
 * to each server. */
#include "bench/peers.h"

#include "host/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 2 * PEER_MEMBERS, READY_S = 120, PATIENCE_S = 20, ASK_MS = 3000, READ_SIZE = 64 << 10, LINE_MAX_SIZE = 4096 };

struct nats;

struct connection {
	struct nats *nats;
	int number, fd;
	bool greeted;                 /* the answer to our first PING came */
	struct buffer in, out;
	uint64_t sent, acknowledged;
};

struct nats {
	struct bench_site *site;
	int client_ports[PEER_MEMBERS], cluster_ports[PEER_MEMBERS];
	struct connection connections[CONNECTIONS];
	uint64_t next;
	bool created;                 /* an answer of the interface without a fault came */
	char refusal[200];            /* the last one with a fault */
};

/* -- the protocol -------------------------------------------------------------------------------------------- */

/* An answer to the inbox: of the interface for streams, or an acknowledgement. */
static void answer_take(struct connection *connection, const char *subject, struct span payload)
{
	struct nats *nats = connection->nats;
	char text[200];
	snprintf(text, sizeof text, "%.*s", (int)(payload.size < 190 ? payload.size : 190), (const char *)payload.data);
	bool good = !strstr(text, "\"error\"");
	if (!good)
		snprintf(nats->refusal, sizeof nats->refusal, "%s", text);
	if (strstr(subject, ".create"))
		nats->created = nats->created || good;
	else
		connection->acknowledged += good && strstr(text, "\"seq\"");
}

/* One operation from the front of what came; false: there is no whole one. */
static bool operation_take(struct connection *connection, bool *good)
{
	struct buffer *in = &connection->in;
	const char *end = in->size ? memchr(in->data, '\n', in->size) : NULL;
	char line[LINE_MAX_SIZE], subject[128], second[64], third[64], fourth[64];
	if (!end)
		return false;
	size_t size = (size_t)(end - (const char *)in->data) + 1;
	snprintf(line, sizeof line, "%.*s", (int)(size < sizeof line ? size : sizeof line - 1), (const char *)in->data);
	if (strncmp(line, "MSG ", 4) == 0) {
		int words = sscanf(line, "MSG %127s %63s %63s %63s", subject, second, third, fourth);
		size_t payload = words < 3 ? 0 : strtoul(words == 4 ? fourth : third, NULL, 10);
		if (words < 3 || payload > READ_SIZE)
			*good = false;
		else if (in->size < size + payload + 2)
			return false;
		else
			answer_take(connection, subject, span_of(in->data + size, payload));
		size += payload + 2;
	} else if (strncmp(line, "PING", 4) == 0) {
		buffer_append_text(&connection->out, "PONG\r\n");
	} else if (strncmp(line, "PONG", 4) == 0) {
		connection->greeted = true;
	} else if (strncmp(line, "-ERR", 4) == 0) {
		snprintf(connection->nats->refusal, sizeof connection->nats->refusal, "%.190s", line);
		*good = false;
	}
	if (*good)
		buffer_consume(in, size);
	return *good;
}

static void message_put(struct connection *connection, const char *subject, const char *answer, struct span payload)
{
	buffer_printf(&connection->out, "PUB %s _INBOX.c%d.%s %zu\r\n", subject, connection->number, answer, payload.size);
	buffer_append_span(&connection->out, payload);
	buffer_append_text(&connection->out, "\r\n");
}

/* What can be written and read now, and what came. */
static bool connection_turn(struct connection *connection, short events)
{
	bool good = true;
	if (connection->out.size) {
		ssize_t size = send(connection->fd, connection->out.data, connection->out.size, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (size > 0)
			buffer_consume(&connection->out, (size_t)size);
		good = size > 0 || errno == EAGAIN || errno == EINTR;
	}
	if (good && events & (POLLIN | POLLHUP | POLLERR)) {
		buffer_reserve(&connection->in, READ_SIZE);
		ssize_t size = recv(connection->fd, connection->in.data + connection->in.size, READ_SIZE, MSG_DONTWAIT);
		if (size > 0)
			connection->in.size += (size_t)size;
		good = size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR));
	}
	while (good && operation_take(connection, &good))
		;
	return good;
}

static enum status turn(struct nats *nats, struct fault *fault)
{
	struct pollfd polled[CONNECTIONS];
	for (int i = 0; i < CONNECTIONS; i++)
		polled[i] = (struct pollfd){.fd = nats->connections[i].fd, .events = (short)(POLLIN | (nats->connections[i].out.size ? POLLOUT : 0))};
	if (poll(polled, CONNECTIONS, 100) < 0 && errno != EINTR)
		return fault_set(fault, E_IO, "poll failed: %s", strerror(errno));
	for (int i = 0; i < CONNECTIONS; i++)
		if (!connection_turn(&nats->connections[i], polled[i].revents))
			return fault_set(fault, E_CLOSED, "NATS closed a connection: %s", nats->refusal);
	return OK;
}

static enum status connection_open(struct nats *nats, int number, struct fault *fault)
{
	struct connection *connection = &nats->connections[number];
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)nats->client_ports[number % PEER_MEMBERS])};
	int64_t until = clock_monotonic_ns() + READY_S * NS_PER_S;
	connection->nats = nats;
	connection->number = number;
	for (;; run_sleep_ms(100)) {
		TRY(bench_go_on(fault));
		TRY(bench_site_check(nats->site, fault));
		connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connection->fd >= 0 && connect(connection->fd, (struct sockaddr *)&address, sizeof address) == 0)
			break;
		if (connection->fd >= 0)
			close(connection->fd);
		connection->fd = -1;
		if (clock_monotonic_ns() > until)
			return fault_set(fault, E_CLOSED, "NATS does not listen within %d s", READY_S);
	}
	int on = 1;
	setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	buffer_printf(&connection->out, "CONNECT {\"verbose\":false,\"pedantic\":false,\"name\":\"bench\",\"lang\":\"c\",\"version\":\"1\"}\r\n"
		"SUB _INBOX.c%d.> 1\r\nPING\r\n", number);
	return OK;
}

/* -- the peer ---------------------------------------------------------------------------------------------------- */

static enum status server_start(struct nats *nats, int member, struct fault *fault)
{
	char name[16], file[32], data[1200], path[1200];
	struct buffer text = {0};
	struct run *run = &nats->site->run;
	snprintf(name, sizeof name, "nats-%d", member);
	snprintf(file, sizeof file, "nats-%d.conf", member);
	bench_site_path(nats->site, name, data);
	bench_site_path(nats->site, file, path);
	buffer_printf(&text, "server_name: %s\nlisten: 127.0.0.1:%d\njetstream { store_dir: \"%s\", sync_interval: always, max_memory_store: 64MB, max_file_store: 16GB }\n"
		"cluster { name: bench, listen: 127.0.0.1:%d, routes: [", name, nats->client_ports[member], data, nats->cluster_ports[member]);
	for (int i = 0; i < PEER_MEMBERS; i++)
		buffer_printf(&text, "%snats-route://127.0.0.1:%d", i ? ", " : "", nats->cluster_ports[i]);
	buffer_append_text(&text, "] }\n");
	enum status status = bench_site_write(nats->site, file, &text, fault);
	buffer_free(&text);
	return status == OK ? run_child_start(run, run_child_add(run, name, "nats-server", "-c", path, NULL), fault) : status;
}

/* A stream may be refused until the servers have found each other: asked for until it is there, and then until each connection
 * has had a message acknowledged. */
static enum status stream_create(struct nats *nats, struct fault *fault)
{
	static const char request[] = "{\"name\":\"BENCH\",\"subjects\":[\"bench.>\"],\"retention\":\"limits\",\"max_consumers\":-1,\"max_msgs\":-1,\"max_bytes\":-1,"
		"\"max_age\":0,\"max_msg_size\":-1,\"storage\":\"file\",\"discard\":\"old\",\"num_replicas\":3}";
	int64_t until = clock_monotonic_ns() + READY_S * NS_PER_S, asked_ns = 0;
	bool ready = false;
	while (!ready) {
		int64_t now_ns = clock_monotonic_ns();
		ready = nats->created;
		for (int i = 0; i < CONNECTIONS; i++)
			ready = ready && nats->connections[i].acknowledged;
		if (!ready && now_ns - asked_ns > ASK_MS * NS_PER_MS) {
			asked_ns = now_ns;
			if (!nats->created)
				message_put(&nats->connections[0], "$JS.API.STREAM.CREATE.BENCH", "create", span_of_text(request));
			for (int i = 0; i < CONNECTIONS && nats->created; i++)
				message_put(&nats->connections[i], "bench.ready", "ready", span_of_text("ready"));
		}
		TRY(bench_go_on(fault));
		TRY(bench_site_check(nats->site, fault));
		TRY(turn(nats, fault));
		if (!ready && now_ns > until)
			return fault_set(fault, E_BUSY, "NATS made no stream within %d s: %s", READY_S, nats->refusal);
	}
	return OK;
}

static enum status nats_open(struct bench_site *site, void **out, struct fault *fault)
{
	struct nats *nats = memory_new_array(1, sizeof *nats);
	*out = nats;
	nats->site = site;
	for (int i = 0; i < CONNECTIONS; i++)
		nats->connections[i].fd = -1;
	for (int i = 0; i < PEER_MEMBERS; i++) {
		TRY(bench_port(&nats->client_ports[i], fault));
		TRY(bench_port(&nats->cluster_ports[i], fault));
	}
	for (int i = 0; i < PEER_MEMBERS; i++)
		TRY(server_start(nats, i, fault));
	for (int i = 0; i < CONNECTIONS; i++)
		TRY(connection_open(nats, i, fault));
	return stream_create(nats, fault);
}

static void record_put(struct nats *nats, struct connection *connection, size_t records)
{
	char record[PEER_RECORD];
	buffer_printf(&connection->out, "PUB bench.%d _INBOX.c%d.a %zu\r\n", connection->number, connection->number, records * PEER_RECORD);
	for (size_t i = 0; i < records; i++) {
		bench_peer_record(nats->next++, record);
		buffer_append(&connection->out, record, sizeof record);
	}
	buffer_append_text(&connection->out, "\r\n");
	connection->sent++;
}

static enum status nats_write(void *peer, size_t records, unsigned parallel, double seconds, double *rate, struct fault *fault)
{
	struct nats *nats = peer;
	unsigned window = parallel / CONNECTIONS ? parallel / CONNECTIONS : 1;
	int64_t start_ns = clock_monotonic_ns(), last_ns = start_ns;
	uint64_t sent = 0, acknowledged = 0, before = 0;
	for (int i = 0; i < CONNECTIONS; i++)
		nats->connections[i].sent = nats->connections[i].acknowledged = 0;
	nats->refusal[0] = '\0';
	do {
		int64_t now_ns = clock_monotonic_ns();
		bool open = (double)(now_ns - start_ns) < seconds * 1e9;
		sent = acknowledged = 0;
		for (int i = 0; i < CONNECTIONS; i++) {
			struct connection *connection = &nats->connections[i];
			while (open && connection->sent - connection->acknowledged < window)
				record_put(nats, connection, records);
			sent += connection->sent;
		}
		TRY(bench_go_on(fault));
		TRY(turn(nats, fault));
		for (int i = 0; i < CONNECTIONS; i++)
			acknowledged += nats->connections[i].acknowledged;
		last_ns = acknowledged > before ? clock_monotonic_ns() : last_ns;
		before = acknowledged;
		if (nats->refusal[0] || now_ns - last_ns > PATIENCE_S * NS_PER_S)
			return fault_set(fault, E_BUSY, "NATS acknowledged %" PRIu64 " of %" PRIu64 " messages: %s", acknowledged, sent, nats->refusal[0] ? nats->refusal : "silence");
	} while (acknowledged < sent || (double)(clock_monotonic_ns() - start_ns) < seconds * 1e9);
	*rate = (double)(acknowledged * records) / ((double)(last_ns - start_ns) / 1e9);
	return OK;
}

static void nats_close(void *peer)
{
	struct nats *nats = peer;
	for (int i = 0; i < CONNECTIONS; i++) {
		if (nats->connections[i].fd >= 0)
			close(nats->connections[i].fd);
		buffer_free(&nats->connections[i].in);
		buffer_free(&nats->connections[i].out);
	}
	free(nats);
}

const struct bench_peer *bench_peer_nats(void)
{
	static const struct bench_peer peer = {"NATS R3", "nats-server", nats_open, nats_write, nats_close, "one a message", "messages", {1, 16, 256}, 8192};
	return &peer;
}
